"""Steinberg Frequency preset (.vstpreset): 137 numbered records in the chunk Comp, as Cubase wrote it before version 15.

| offset in Comp | type | meaning |
| --- | --- | --- |
| 0 | u32 | 19728 |
| 4 | 137 x 140 bytes | name in 128 bytes, NUL padded; u32 parameter id; f64 value |

| record, n = 1..8 | id | value |
| --- | --- | --- |
| equalizerAonN, againN, afreqN, aqN, atypeN | 100, 108, 116, 124, 132 + n - 1 | on, dB, Hz, Q, type of the first channel |
| the same with Ch2 | 260 and more | second channel: right or side; its defaults where the band is for both |
| equalizerAbandonN | 58 + n - 1 | 1 band on, 0 off |
| equalizerAeditchannelN | 50 + n - 1 | 2 stereo; 0, 1 left and right; 3, 4 mid and side (which of the two is shown says nothing) |
| linearphaseN, invertN, invertNCh2 | 66, 1022, 1030 + n - 1 | 0, 0, 0 |
| equalizerAoutput | 2 | dB: the preamp |
| equalizerAbypass, bypass | 1, 1002 | 0 |

Types of bands 1 and 8: 0..4 cuts of 6, 12, 24, 48 and 96 dB/oct, low on band 1 and high on band 8, 5 low shelf, 6 peak, 7 high shelf,
8 notch; of bands 2..7: 0 low shelf, 1 peak, 2 high shelf, 3 notch. Left and right, or mid and side, are an EQ each; stereo bands are in
both. A channel that is off is off in its band. Said in a note, with its size: cuts from 24 dB/oct on, inverted gains, left and right
beside mid and side (the fewer are said), a bypass. A band that is off, and at 0 dB or without a gain, is an unused one.
Source: names, ids and defaults of github perivar/PresetConverter at 5fc5726 (SteinbergFrequency.cs, MIT), taken from files of Cubase, and
what it writes for cuts and channels (FabfilterToSteinbergAdapterExtensions.cs at e0a7c12).
Unknown: the Q convention of peak, shelf and cut (taken for the resonance, as the cookbook's), the ranges (24 dB, 20 Hz..20 kHz and Q
0.1..24 are assumed), what 19728 counts (137 x 144), and whether Cubase takes a file whose other records are these defaults. Cubase 15's
longer file is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from semeq_export.eq.channels import LEFT, MID, RIGHT, SIDE, ChannelEqs, Equaliser
from semeq_export.eq.settings import Band, BandKind
from semeq_export.errors import PresetReadError
from semeq_presets.file_formats import _vstpreset
from semeq_presets.file_formats._binary import Record
from semeq_presets.file_formats._fields import band, settings
from semeq_presets.file_formats._losses_db import apart_db
from semeq_presets.file_formats._nominal import PASSES, gain_for, lost_note, pass_notes
from semeq_presets.file_formats._places import vst3
from semeq_presets.file_formats._sides import of_pair, shared_preamp
from semeq_presets.file_formats._slotting import assigned
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
_CUT_ORDERS = (1, 2, 4, 8, 16)
_OUTER = {BandKind.LOW_SHELF: 5.0, BandKind.PEAK: 6.0, BandKind.HIGH_SHELF: 7.0, BandKind.NOTCH: 8.0}
_INNER = {BandKind.LOW_SHELF: 0.0, BandKind.PEAK: 1.0, BandKind.HIGH_SHELF: 2.0, BandKind.NOTCH: 3.0}
_CUTS = {0: BandKind.HIGH_PASS, _BANDS - 1: BandKind.LOW_PASS}
_PLACES = {kind: slot for slot, kind in _CUTS.items()}
_OUTER_CUT = 3.0
_STEREO = 2.0
_PAIRS: dict[float, tuple[str, str]] = {0.0: (LEFT, RIGHT), 1.0: (LEFT, RIGHT), 3.0: (MID, SIDE), 4.0: (MID, SIDE)}
_SIDES = ("", "Ch2")
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
    """The records of a file by name in their order, with their numbers; the band of each slot for each side, and its other chunks.

    foreign: slots that hold something else.
    """

    ids: Mapping[str, int]
    values: Mapping[str, float]
    sides: tuple[Mapping[int, Band], ...] = ({}, {})
    foreign: frozenset[int] = frozenset()
    chunks: Mapping[bytes, bytes] | None = None


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
        limits=Limits(
            max_bands=_BANDS,
            kinds=frozenset({*_OUTER, *PASSES}),
            orders=dict.fromkeys(PASSES, frozenset(_CUT_ORDERS)),
            most=dict.fromkeys(PASSES, 1),
            freq_hz=(20.0, 20_000.0),
            gain_db=(-24.0, 24.0),
            q=(0.1, 24.0),
            preamp_db=(-24.0, 24.0),
            channels=(LEFT, RIGHT, MID, SIDE),
        ),
        is_text=False,
        aliases=("cubase", "nuendo"),
        places={system: place for system, place in vst3("Steinberg Media Technologies", "Frequency").items() if system != "linux"},
        measured_in=(MeasuringHost("vst3", "preset", is_default=False),),
        remark="Cubase before 15; one low and one high cut, taken for Butterworth's with a resonance",
    )

    def sniff(self, head: bytes, filename: str) -> bool:
        """Whether the first bytes are a preset of Frequency."""
        return _vstpreset.is_of(head, _CLASS_ID)

    def write(self, preset: Preset) -> Written:
        """Return the file; one that was read keeps its other records and filters, and while nothing changed its bytes."""
        same = preset.unchanged()
        if same is not None:
            return Written({"preset.vstpreset": same})
        table = preset.parts(_Table) or _new_table()
        pair = of_pair(preset.eq)
        preamp_db, preamp_notes = shared_preamp(preset.eq)
        sides = [preset.single] if pair is None else [eq for _, eq in pair]
        slots = [slot for slot in range(_BANDS) if slot not in table.foreign]
        placed = [
            assigned(eq.bands, held, slots, self.info.id, foreign=len(table.foreign), only=lambda one: _PLACES.get(one.kind))
            for eq, held in zip(sides, table.sides, strict=False)
        ]
        edit = next((number for number, names in _PAIRS.items() if pair is not None and names == tuple(name for name, _ in pair)), _STEREO)
        values = dict(table.values)
        for slot in slots:
            held = [side.get(slot) for side in placed]
            if [side.get(slot) for side in table.sides] != [held[0], held[-1]]:
                values.update(_records(slot, held, edit))
        values["equalizerAoutput"] = preamp_db
        idle = [number for eq in sides for number, one in enumerate(eq.bands, start=1) if not one.enabled and one.gain_db == 0.0]
        notes = [Note("dropped", number, "band", "switched off and without a gain, as an unused one", None, 0.0) for number in idle]
        return Written({"preset.vstpreset": _packed(table, values, preset.name)}, (*preamp_notes, *notes))

    def read(self, files: Files) -> Preset:
        """Return the preset; raises PresetReadError naming the record that is wrong."""
        (data,) = files.values()
        container = _vstpreset.unpack(data)
        if container.class_id != _CLASS_ID:
            raise PresetReadError(f"is a preset of the plug-in {container.class_id}, expected {_CLASS_ID}", where="offset 0x8")
        ids, values = _unpacked(_vstpreset.chunk(container, b"Comp"))
        for needed in ("equalizerAoutput", *(name for slot in range(_BANDS) for name in _records(slot, [_ANY_BAND], _STEREO))):
            _value(values, needed)
        modes = {slot: _value(values, f"equalizerAeditchannel{slot + 1}") for slot in range(_BANDS)}
        sounding = [slot for slot in modes if any(_is_used(values, slot, side) for side in _SIDES)]
        pairs = [_PAIRS[modes[slot]] for slot in sounding if modes[slot] in _PAIRS]
        names = max(pairs, key=pairs.count, default=None)
        sides: tuple[dict[int, Band], dict[int, Band]] = ({}, {})
        foreign, notes = set(), []
        for slot, mode in modes.items():
            if mode != _STEREO and _PAIRS.get(mode) != names:
                lost = [note for side in _SIDES for note in _lost(values, slot, side, mode)]
                notes += lost
                foreign |= {slot} if lost else set()
                continue
            for index, side in enumerate(_SIDES):
                held, said = _read_band(values, slot, "" if mode == _STEREO else side)
                if held is not None:
                    sides[index][slot] = held
                if said is not None and (mode != _STEREO or not index):
                    notes += said
                    foreign |= {slot} if held is None and said else set()
        preamp_db = values["equalizerAoutput"]
        eqs = [settings(list(side.values()), preamp_db, "equalizerAoutput") for side in sides]
        eq: Equaliser = eqs[0] if names is None else ChannelEqs(tuple(zip(names, eqs, strict=True)))
        name = _vstpreset.preset_name(container)
        table = _Table(ids, values, sides, frozenset(foreign), dict(container.chunks))
        notes += [
            Note("unknown", None, record, f"{values[record]:g} is not read", None, *max(apart_db(one.bands, ()) for one in eqs))
            for record in ("equalizerAbypass", "bypass")
            if values.get(record, 0.0) != 0.0
        ]
        return Preset(eq, name=name, source=Source(table, data, eq, name=name, is_whole=True), notes=tuple(notes))


def _packed(table: _Table, values: Mapping[str, float], name: str) -> bytes:
    comp = _HEAD.pack({"start": _START}) + b"".join(
        record.encode("utf-8").ljust(_NAME_BYTES, b"\0") + _VALUE.pack({"id": table.ids[record], "value": value})
        for record, value in values.items()
    )
    info = _vstpreset.meta_info(_PLUGIN, _VENDOR, _CATEGORY, name)
    chunks = {b"Cont": b""} if table.chunks is None else table.chunks
    others = {key: chunk for key, chunk in chunks.items() if key not in (b"Comp", b"Info")}
    return _vstpreset.pack(Container(_CLASS_ID, {b"Comp": comp, **others, b"Info": info}))


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


def _is_used(values: Mapping[str, float], slot: int, side: str) -> bool:
    """Whether a side of a slot is on, or off with a gain."""
    number = slot + 1
    is_on = values.get(f"equalizerAbandon{number}", 0.0) != 0.0 and values.get(f"equalizerAon{number}{side}", 1.0) != 0.0
    return is_on or values.get(f"equalizerAgain{number}{side}", 0.0) != 0.0


def _read_band(values: Mapping[str, float], slot: int, side: str) -> tuple[Band | None, list[Note]]:
    """Return the band of a side of a slot, None where it is unused or none of ours; and notes."""
    number = slot + 1
    where = f"band {number} of the file{' (second channel)' if side else ''}"
    kind, order = _kind(slot, _value(values, f"equalizerAtype{number}{side}"))
    stored_db = _value(values, f"equalizerAgain{number}{side}")
    is_on = _value(values, f"equalizerAbandon{number}") != 0.0 and _value(values, f"equalizerAon{number}{side}") != 0.0
    if kind is None:
        what = f"type {values[f'equalizerAtype{number}{side}']:g}"
        return None, [lost_note(where, what, gain_db=stored_db)] if is_on else []
    gain_db = gain_for(kind, stored_db)
    if not is_on and gain_db == 0.0:
        return None, []
    freq_hz, q = _value(values, f"equalizerAfreq{number}{side}"), _value(values, f"equalizerAq{number}{side}")
    held = band(kind, freq_hz, gain_db, q, enabled=is_on, order=order, where=where)
    notes = pass_notes(held, where)
    if values.get(f"invert{number}{side}", 0.0) != 0.0 and held.is_active and held.has_gain:
        notes.append(Note("unknown", None, f"{where} invert", "its gain may count the other way", None, 2.0 * abs(gain_db), freq_hz))
    return held, notes


def _lost(values: Mapping[str, float], slot: int, side: str, mode: float) -> list[Note]:
    """Return a note on a side of a slot for channels that are not read beside others."""
    held, notes = _read_band(values, slot, side)
    place = f"band {slot + 1} of the file{' (second channel)' if side else ''}"
    return [lost_note(place, f"channel {mode:g} beside others", held)] if held is not None and held.enabled else notes


def _kind(slot: int, number: float) -> tuple[BandKind | None, int]:
    """Return the kind and order of a type in a slot; None for one that is not known."""
    if slot in _CUTS and number in range(len(_CUT_ORDERS)):
        return _CUTS[slot], _CUT_ORDERS[int(number)]
    return next((kind for kind, value in _types(slot).items() if value == number), None), 2


def _types(slot: int) -> dict[BandKind, float]:
    return _OUTER if slot in _CUTS else _INNER


def _type_of(slot: int, held: Band) -> float:
    return float(_CUT_ORDERS.index(held.order)) if held.kind in PASSES else _types(slot)[held.kind]


def _records(slot: int, held: list[Band | None], edit: float) -> dict[str, float]:
    """Return the records of a slot. held: the band of both channels, or that of each; edit: which two those are."""
    number = slot + 1
    if not any(held):
        return {f"equalizerAbandon{number}": 0.0, f"equalizerAgain{number}": 0.0, f"equalizerAeditchannel{number}": _STEREO}
    is_apart = held[0] != held[-1]
    records = {
        f"equalizerAbandon{number}": 1.0 if any(one is not None and one.enabled for one in held) else 0.0,
        f"equalizerAeditchannel{number}": edit if is_apart else _STEREO,
    }
    for side, one in zip(_SIDES, held if is_apart else held[:1], strict=False):
        records[f"equalizerAon{number}{side}"] = 1.0 if not is_apart or (one is not None and one.enabled) else 0.0
        shown = one or Band(BandKind.PEAK, 100.0 * number, 0.0, 1.0)
        records |= {
            f"equalizerAgain{number}{side}": shown.gain_db,
            f"equalizerAfreq{number}{side}": shown.freq_hz,
            f"equalizerAq{number}{side}": shown.q,
            f"equalizerAtype{number}{side}": _type_of(slot, shown),
        }
    return records


def _new_table() -> _Table:
    records = list(_new_records())
    return _Table({name: number for name, number, _ in records}, {name: value for name, _, value in records})


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
