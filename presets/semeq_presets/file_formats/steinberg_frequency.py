"""Steinberg Frequency preset (.vstpreset): 137 numbered records in the chunk Comp, as Cubase wrote it before version 15.

| offset in Comp | type | meaning |
| --- | --- | --- |
| 0 | u32 | 19728 |
| 4 | 137 x 140 bytes | name in 128 bytes, NUL padded; u32 parameter id; f64 value |

| record, n = 1..8 | id | value |
| --- | --- | --- |
| equalizerAonN, againN, afreqN, aqN, atypeN | 100, 108, 116, 124, 132 + n - 1 | 1, dB, Hz, Q, type of the first channel |
| equalizerAbandonN | 58 + n - 1 | 1 band on, 0 off |
| equalizerAeditchannelN, linearphaseN | 50, 66 + n - 1 | 2 stereo (0, 1, 3, 4: left, right, mid, side), 0 |
| invertN, and the same with Ch2 | 1022 + n - 1, 260 and more | second channel: left at its defaults |
| equalizerAoutput | 2 | dB: the preamp |
| equalizerAbypass, bypass | 1, 1002 | 0 |

Types of bands 1 and 8: 0..4 cuts, 5 low shelf, 6 peak, 7 high shelf, 8 notch; of bands 2..7: 0 low shelf, 1 peak, 2 high shelf, 3 notch.
Cuts, notches and bands that are not stereo keep their place and are said in a note. A band that is off and at 0 dB is an unused one.
Source: names, ids and defaults of github perivar/PresetConverter at 5fc5726 (SteinbergFrequency.cs, MIT), taken from files of Cubase.
Unknown: the Q convention of peak and shelf, the ranges (±24 dB, 20 Hz..20 kHz and Q 0.1..24 are assumed), what 19728 counts (137 x 144),
and whether Cubase takes a file whose other records are these defaults. Cubase 15's longer file is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from semeq_export.eq.settings import Band, BandKind
from semeq_export.errors import PresetReadError
from semeq_presets.file_formats import _vstpreset
from semeq_presets.file_formats._binary import Record, Slots
from semeq_presets.file_formats._fields import band, settings
from semeq_presets.file_formats._places import vst3
from semeq_presets.file_formats._vstpreset import Container
from semeq_presets.file_formats.base import Files, FormatInfo, Limits, MeasuringHost, Note, Preset, PresetFormat, Source, Written

_CLASS_ID = "01F6CCC94CAE4668B7C6EC85E681E419"
_PLUGIN, _VENDOR, _CATEGORY = "Frequency", "Steinberg Media Technologies", "Fx|EQ"
_START = 19_728
_BANDS = 8
_NAME_BYTES = 128
_MAX_RECORDS = 1_000
_HEAD = Record("<", ("start", "I"))
_VALUE = Record("<", ("id", "I"), ("value", "d"))
_RECORD_BYTES = _NAME_BYTES + _VALUE.size
_OUTER = {BandKind.LOW_SHELF: 5.0, BandKind.PEAK: 6.0, BandKind.HIGH_SHELF: 7.0}
_INNER = {BandKind.LOW_SHELF: 0.0, BandKind.PEAK: 1.0, BandKind.HIGH_SHELF: 2.0}
_OUTER_CUT = 3.0
_STEREO = 2.0
_OTHERS = (
    ("equalizerAbypass", 1, 0.0),
    ("equalizerAoutput", 2, 0.0),
    ("bypass", 1002, 0.0),
    ("reset", 1003, 0.0),
    ("autoListen", 1005, 0.0),
    ("spectrumonoff", 1007, 1.0),
    ("spectrum2ChMode", 1008, 0.0),
    ("spectrumintegrate", 1010, 40.0),
    ("spectrumPHonoff", 1011, 1.0),
    ("spectrumslope", 1012, 0.0),
    ("draweq", 1013, 1.0),
    ("draweqfilled", 1014, 1.0),
    ("spectrumbargraph", 1015, 0.0),
    ("showPianoRoll", 1019, 1.0),
    ("transparency", 1020, 0.3),
    ("autoGainOutputValue", 1021, 0.0),
    ("", 3, 0.0),
)


_ANY_BAND = Band(BandKind.PEAK, 1_000.0, 0.0)


@dataclass(frozen=True, slots=True)
class _Table:
    """The records of a file by name in their order, with their numbers; and where its bands stand."""

    ids: Mapping[str, int]
    values: Mapping[str, float]
    slots: Slots
    chunks: Mapping[bytes, bytes]


class SteinbergFrequency:
    """Reads and writes presets of Frequency."""

    info = FormatInfo(
        id="frequency",
        title="Steinberg Frequency preset",
        host="Cubase and Nuendo",
        suffixes=(".vstpreset", ".frequency.vstpreset"),
        how_to_import="copy it into VST3 Presets/Steinberg Media Technologies/Frequency in Documents (macOS: ~/Library/Audio/Presets), "
        "then choose it in Frequency's preset menu",
        precision_db=1e-9,
        limits=Limits(max_bands=_BANDS, freq_hz=(20.0, 20_000.0), gain_db=(-24.0, 24.0), q=(0.1, 24.0), preamp_db=(-24.0, 24.0)),
        is_text=False,
        aliases=("cubase", "nuendo"),
        places={system: place for system, place in vst3("Steinberg Media Technologies", "Frequency").items() if system != "linux"},
        measured_in=(MeasuringHost("vst3", "preset", is_default=False),),
        remark="Cubase before 15",
    )

    def sniff(self, head: bytes, filename: str) -> bool:
        """Whether the first bytes are a preset of Frequency."""
        return _vstpreset.is_of(head, _CLASS_ID)

    def write(self, preset: Preset) -> Written:
        """Return the file; one that was read keeps its other records and filters."""
        table = preset.parts(_Table) or _new_table()
        values = dict(table.values)
        used = table.slots.for_bands(len(preset.single.bands), range(_BANDS), self.info.id)
        for slot in set(table.slots.of_bands) - set(used):
            values.update({f"equalizerAbandon{slot + 1}": 0.0, f"equalizerAgain{slot + 1}": 0.0})
        notes = []
        for number, (slot, wanted) in enumerate(zip(used, preset.single.bands, strict=True), start=1):
            values.update(_records(slot, wanted))
            if not wanted.enabled and wanted.gain_db == 0.0:
                notes.append(Note("dropped", number, "band", "switched off and at 0 dB, as an unused one", None, 0.0))
        values["equalizerAoutput"] = preset.single.preamp_db
        comp = _HEAD.pack({"start": _START}) + b"".join(
            name.encode("utf-8").ljust(_NAME_BYTES, b"\0") + _VALUE.pack({"id": table.ids[name], "value": value})
            for name, value in values.items()
        )
        info = _vstpreset.meta_info(_PLUGIN, _VENDOR, _CATEGORY, preset.name)
        others = {name: chunk for name, chunk in table.chunks.items() if name not in (b"Comp", b"Info")}
        return Written({"preset.vstpreset": _vstpreset.pack(Container(_CLASS_ID, {b"Comp": comp, **others, b"Info": info}))}, tuple(notes))

    def read(self, files: Files) -> Preset:
        """Return the preset; raises PresetReadError naming the record that is wrong."""
        (data,) = files.values()
        container = _vstpreset.unpack(data)
        if container.class_id != _CLASS_ID:
            raise PresetReadError(f"is a preset of the plug-in {container.class_id}, expected {_CLASS_ID}", where="offset 0x8")
        ids, values = _unpacked(_vstpreset.chunk(container, b"Comp"))
        for needed in ("equalizerAoutput", *(name for slot in range(_BANDS) for name in _records(slot, _ANY_BAND))):
            _value(values, needed)
        notes = [
            Note("unknown", None, name, f"{values[name]:g} is not read", None)
            for name in ("equalizerAbypass", "bypass")
            if values.get(name, 0.0) != 0.0
        ]
        bands, of_bands, foreign = [], [], set()
        for slot in range(_BANDS):
            number = slot + 1
            is_on, gain_db = _value(values, f"equalizerAbandon{number}") != 0.0, _value(values, f"equalizerAgain{number}")
            kind, reason = _kind(values, slot)
            if not is_on and (kind is None or gain_db == 0.0):
                if kind is None and gain_db != 0.0:
                    foreign.add(slot)
            elif kind is None:
                foreign.add(slot)
                notes.append(Note("unknown", None, f"band {number} of the file", f"{reason} is not read", None))
            else:
                freq_hz, q = _value(values, f"equalizerAfreq{number}"), _value(values, f"equalizerAq{number}")
                bands.append(band(kind, freq_hz, gain_db, q, enabled=is_on, where=f"band {number} of the file"))
                of_bands.append(slot)
        eq = settings(bands, values["equalizerAoutput"], "equalizerAoutput")
        table = _Table(ids, values, Slots(tuple(of_bands), frozenset(foreign)), dict(container.chunks))
        return Preset(eq, name=_vstpreset.preset_name(container), source=Source(table), notes=tuple(notes))


def _unpacked(comp: bytes) -> tuple[dict[str, int], dict[str, float]]:
    count, rest = divmod(len(comp) - _HEAD.size, _RECORD_BYTES)
    if _HEAD.unpack(comp, 0, "Comp")["start"] != _START or rest or not 0 < count <= _MAX_RECORDS:
        raise PresetReadError(f"{len(comp)} bytes are not the records of Frequency before Cubase 15", where="Comp")
    ids: dict[str, int] = {}
    values: dict[str, float] = {}
    for index in range(count):
        at = _HEAD.size + index * _RECORD_BYTES
        raw = comp[at : at + _NAME_BYTES].rstrip(b"\0")
        try:
            name = raw.decode("utf-8")
        except UnicodeDecodeError as error:
            raise PresetReadError("name of a record is not text", where=f"Comp offset {at:#x}") from error
        if name in values or "\0" in name:
            raise PresetReadError(f"record {name[:40]!r} stands twice or holds a NUL", where=f"Comp offset {at:#x}")
        fields = _VALUE.unpack(comp, at + _NAME_BYTES, f"Comp {name[:40]}")
        ids[name], values[name] = int(fields["id"]), fields["value"]
    return ids, values


def _value(values: Mapping[str, float], name: str) -> float:
    if name not in values:
        raise PresetReadError(f"has no record {name}", where="Comp")
    return values[name]


def _kind(values: Mapping[str, float], slot: int) -> tuple[BandKind | None, str]:
    """Return the kind of a band, or why it is none of ours."""
    number = slot + 1
    channel = _value(values, f"equalizerAeditchannel{number}")
    if channel != _STEREO:
        return None, f"channel {channel:g} (not stereo)"
    types = _types(slot)
    kind = next((kind for kind, value in types.items() if value == _value(values, f"equalizerAtype{number}")), None)
    return kind, "" if kind else f"type {_value(values, f'equalizerAtype{number}'):g}"


def _types(slot: int) -> dict[BandKind, float]:
    return _OUTER if slot in (0, _BANDS - 1) else _INNER


def _records(slot: int, held: Band) -> dict[str, float]:
    number = slot + 1
    return {
        f"equalizerAon{number}": 1.0,
        f"equalizerAgain{number}": held.gain_db,
        f"equalizerAfreq{number}": held.freq_hz,
        f"equalizerAq{number}": held.q,
        f"equalizerAtype{number}": _types(slot)[held.kind],
        f"equalizerAbandon{number}": 1.0 if held.enabled else 0.0,
    }


def _new_table() -> _Table:
    records = list(_new_records())
    return _Table({name: number for name, number, _ in records}, {name: value for name, _, value in records}, Slots(), {b"Cont": b""})


def _new_records() -> Iterator[tuple[str, int, float]]:
    for slot in range(_BANDS):
        number, cut = slot + 1, _OUTER_CUT if slot in (0, _BANDS - 1) else _INNER[BandKind.PEAK]
        for suffix, first, invert, freq_hz in (("", 100, 1022, 100.0 * number), ("Ch2", 260, 1030, 25.0)):
            for index, (name, value) in enumerate((("on", 1.0), ("gain", 0.0), ("freq", freq_hz), ("q", 1.0), ("type", cut))):
                yield f"equalizerA{name}{number}{suffix}", first + 8 * index + slot, value
            yield f"invert{number}{suffix}", invert + slot, 0.0
        yield f"equalizerAeditchannel{number}", 50 + slot, _STEREO
        yield f"equalizerAbandon{number}", 58 + slot, 0.0
        yield f"linearphase{number}", 66 + slot, 0.0
    yield from _OTHERS


FORMAT: PresetFormat = SteinbergFrequency()
