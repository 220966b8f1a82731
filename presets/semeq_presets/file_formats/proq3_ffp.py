"""FabFilter Pro-Q 3 preset (.ffp), version 4. Little-endian: "FQ3p", u32 version 4, u32 n, then n float32.

| float of a band | meaning | written |
| --- | --- | --- |
| 0 | band is used | 1 |
| 1 | 1 on, 0 bypassed | 1, 0 |
| 2 | log2 of the frequency in Hz | |
| 3 | gain in dB, -30..30 | |
| 4, 6 | dynamic range in dB (0: none) and threshold (1: auto) | 0, 1 |
| 7 | log10(Q) / log10(1600) + 0.5: Q 0.025..40 of FabFilter's scale, which is 1 at Q 0.7071 of the cookbook | |
| 8 | shape: 0 bell, 1 low shelf, 2 low cut, 3 high shelf, 4 high cut, 5 notch, 6 band pass, 7 tilt shelf, 8 flat tilt | 0..7 |
| 9 | slope in dB/oct: 0 6, 1 12 (second order), 2 18, 3 24, 4 30, 5 36, 6 48, 7 72, 8 96, 9 brickwall | by order |
| 10 | placement: 0 left, 1 right, 2 stereo, 3 mid, 4 side | |
| 5, 11, 12 | unknown | 1, 1, 0 |

24 bands of 13 floats, then globals: 22 floats, in newer files 46. Global 0 is the processing mode (0 zero latency), 2 the gain scale, which
multiplies the gains, 3 the output gain on an unknown scale, so that the preamp cannot be written (its note takes the 36 dB of Pro-Q 4).
A tilt shelf of gain g turns from -g to g. Left and right, or mid and side, are an EQ each; stereo bands are in both. Flat tilts, and mid or
side beside left or right, keep their slot and are said in a note with their size, as dynamics, steep bells and shelves (read as those of
12 dB/oct) and brickwall (read as 96 dB/oct) are.
Source: a default preset of Pro-Q 3 (github RaoulDotSh/preset-toolkit at 7b3e8ee) and the field lists of github perivar/PresetConverter
(FabfilterProQ3.cs). Unknown: the output gain; Q times sqrt(2) is users' word, not measured. In its zero-latency mode Pro-Q follows the
analogue prototype, so above about an eighth of the sample rate it differs from digital filters of the cookbook.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass

from semeq_export.eq.biquad import SILENT_DB
from semeq_export.eq.channels import LEFT, MID, RIGHT, SIDE
from semeq_export.eq.settings import Band, BandKind
from semeq_export.errors import PresetReadError, PresetWriteError
from semeq_presets.file_formats._binary import Record
from semeq_presets.file_formats._fields import band, settled
from semeq_presets.file_formats._losses_db import apart_db
from semeq_presets.file_formats._nominal import PASSES, gain_for, lost_note, steep_notes
from semeq_presets.file_formats._places import MAC_PRESETS
from semeq_presets.file_formats._proq_shapes import FLAT_TILT, ORDERS, PLACEMENTS, SHAPES
from semeq_presets.file_formats._sides import joined, split
from semeq_presets.file_formats._slotting import assigned
from semeq_presets.file_formats.base import Files, FormatInfo, Limits, Note, Place, Preset, PresetFormat, Source, Written

_MAGIC = b"FQ3p"
_VERSION = 4
_BANDS = 24
_HEADER_BYTES = 12
_MAX_FLOATS = 4_096
_FREQ_HZ = (10.0, 30_000.0)
_GAIN_DB = (-30.0, 30.0)
_FILE_Q_PER_Q = math.sqrt(2.0)
_Q = (0.025 / _FILE_Q_PER_Q, 40.0 / _FILE_Q_PER_Q)
_KINDS = {float(number): kind for kind, number in SHAPES.items()}
_ONE_OR_TWO = (BandKind.LOW_SHELF, BandKind.HIGH_SHELF, BandKind.TILT)
_SLOPES = ("6 dB/oct", "12 dB/oct", "18 dB/oct", "24 dB/oct", "30 dB/oct", "36 dB/oct", "48 dB/oct", "72 dB/oct", "96 dB/oct", "brickwall")
_BRICKWALL = 9.0
_SECOND_ORDER, _STEREO, _AUTO = 1.0, 2.0, 1.0
_GLOBALS = (0, 1, 1, 0, 0, 0, 0, 0, 0, 1, 1, -1, 1, 2, 2, 3, 0, 1, 1, 2, 0, 0)
_GAIN_SCALE, _OUTPUT_GAIN, _PAN = 2, 3, 4
_OUTPUT_DB = 36.0

_HEADER = Record("<", ("version", "I"), ("floats", "I"))
_BAND = Record(
    "<",
    ("used", "f"),
    ("enabled", "f"),
    ("log2_freq", "f"),
    ("gain_db", "f"),
    ("dynamic_range", "f"),
    ("unknown 5", "f"),
    ("threshold", "f"),
    ("q", "f"),
    ("shape", "f"),
    ("slope", "f"),
    ("placement", "f"),
    ("unknown 11", "f"),
    ("unknown 12", "f"),
)
_IDLE = {
    "used": 0.0,
    "enabled": 1.0,
    "log2_freq": math.log2(1_000.0),
    "gain_db": 0.0,
    "dynamic_range": 0.0,
    "unknown 5": 1.0,
    "threshold": _AUTO,
    "q": 0.5,
    "shape": 0.0,
    "slope": _SECOND_ORDER,
    "placement": _STEREO,
    "unknown 11": 1.0,
    "unknown 12": 0.0,
}
_EMPTY = _MAGIC + struct.pack("<II", _VERSION, _BANDS * 13 + len(_GLOBALS)) + _BAND.pack(_IDLE) * _BANDS + struct.pack("<22f", *_GLOBALS)


@dataclass(frozen=True, slots=True)
class _File:
    """A file as it was read, the band and channel of each slot, and how many slots hold something else."""

    data: bytes
    held: dict[int, tuple[Band, str]]
    foreign: frozenset[int] = frozenset()


class ProQ3:
    """Reads and writes FabFilter Pro-Q 3 presets."""

    info = FormatInfo(
        id="proq3",
        title="FabFilter Pro-Q 3 preset",
        host="FabFilter Pro-Q 3 in any DAW",
        suffixes=(".ffp",),
        how_to_import="in Pro-Q 3's preset menu: Open Other Preset; or copy it into Documents/FabFilter/Presets/Pro-Q 3 "
        "(macOS: Library/Audio/Presets/FabFilter/FabFilter Pro-Q 3)",
        precision_db=0.05,
        limits=Limits(
            max_bands=_BANDS,
            kinds=frozenset(SHAPES),
            orders={**dict.fromkeys(_ONE_OR_TWO, frozenset({1, 2})), **dict.fromkeys(PASSES, frozenset(ORDERS))},
            freq_hz=_FREQ_HZ,
            gain_db=_GAIN_DB,
            q=_Q,
            channels=(LEFT, RIGHT, MID, SIDE),
        ),
        is_text=False,
        aliases=("fabfilter", "pro-q", "pro-q-3"),
        places={
            "darwin": Place((f"{MAC_PRESETS}/FabFilter/FabFilter Pro-Q 3",), "semeq"),
            "win32": Place(("{documents}/FabFilter/Presets/Pro-Q 3",), "semeq"),
        },
        remark="0.001 dB but for notches, whose frequency float32 rounds; cuts taken for Butterworth's",
    )

    def sniff(self, head: bytes, filename: str) -> bool:
        """Whether the first bytes are Pro-Q 3's mark."""
        return head.startswith(_MAGIC)

    def write(self, preset: Preset) -> Written:
        """Return the file; one that was read keeps its globals, and its slots with other filters."""
        same = preset.unchanged()
        if same is not None:
            return Written({"preset.ffp": same})
        file = preset.parts(_File) or _File(_EMPTY, {})
        data = bytearray(file.data)
        scale = _globals(file.data)[_GAIN_SCALE]
        slots = [slot for slot in range(_BANDS) if slot not in file.foreign]
        placed = assigned(split(preset.eq), file.held, slots, self.info.id, foreign=len(file.foreign))
        for slot in set(file.held) - set(placed):
            data[_place(slot)] = _BAND.pack(_IDLE)
        for slot, wanted in placed.items():
            if file.held.get(slot) != wanted:
                data[_place(slot)] = _record(*wanted, scale)
        return Written({"preset.ffp": bytes(data)})

    def read(self, files: Files) -> Preset:
        """Return the preset; raises PresetReadError naming the offset that is wrong."""
        (data,) = files.values()
        if not data.startswith(_MAGIC):
            raise PresetReadError("is no Pro-Q 3 preset: it does not start with FQ3p", where="offset 0x0")
        header = _HEADER.unpack(data, len(_MAGIC))
        if header["version"] != _VERSION:
            raise PresetReadError(f"has version {header['version']}, this reads {_VERSION}", where="offset 0x4")
        count = int(header["floats"])
        room = (len(data) - _HEADER_BYTES) // 4
        if not _BANDS * 13 <= count <= min(room, _MAX_FLOATS):
            raise PresetReadError(f"says {count} numbers, expected {_BANDS * 13}..{min(room, _MAX_FLOATS)}", where="offset 0x8")
        scale = _globals(data)[_GAIN_SCALE]
        used = {slot: values for slot in range(_BANDS) if (values := _BAND.unpack(data, _place(slot).start))["used"] != 0.0}
        apart = (LEFT, RIGHT) if any(_channel(values) in (LEFT, RIGHT) for values in used.values()) else (MID, SIDE)
        held: dict[int, tuple[Band, str]] = {}
        foreign, notes = set(), []
        for slot, values in used.items():
            place = f"band {slot + 1} of the file"
            one, reason = _band(values, scale, place), _why_foreign(values, apart)
            if one is None or reason:
                foreign.add(slot)
                if values["enabled"] != 0.0:
                    notes.append(lost_note(place, reason, one, values["gain_db"]))
                continue
            held[slot] = one, _channel(values) or ""
            notes += _losses(values, one, place)
        eq = joined(*apart, list(held.values()), 0.0)
        source = Source(_File(data, held, frozenset(foreign)), data, eq, name=None, is_whole=True)
        return Preset(eq, source=source, notes=(*notes, *_global_notes(_globals(data))))


def _place(slot: int) -> slice:
    start = _HEADER_BYTES + slot * _BAND.size
    return slice(start, start + _BAND.size)


def _globals(data: bytes) -> tuple[float, ...]:
    """Return the numbers behind the bands, at least gain scale, output gain and pan; raises PresetReadError for one that is not finite."""
    count = (len(data) - _place(_BANDS).start) // 4
    values = struct.unpack_from(f"<{count}f", data, _place(_BANDS).start)
    known = tuple(values[:5]) + _GLOBALS[len(values) : 5]
    if not all(abs(value) <= 1_000.0 for value in known):  # false for NaN too
        raise PresetReadError("gain scale, output gain or pan is out of range", where=f"offset {_place(_BANDS).start:#x}")
    return known


def _channel(values: dict[str, float]) -> str | None:
    """Return the channel that a band is for, "" for both, None for a placement that is not known."""
    return PLACEMENTS[int(values["placement"])] if values["placement"] in range(len(PLACEMENTS)) else None


def _why_foreign(values: dict[str, float], apart: tuple[str, str]) -> str:
    """Return what a used slot holds that is no band of ours, "" where it holds one. apart: the channels beside both."""
    if values["shape"] not in _KINDS:
        return "flat tilt" if values["shape"] == FLAT_TILT else f"shape {values['shape']:g}"
    channel = _channel(values)
    if channel is None:
        return f"placement {values['placement']:g}"
    return f"{channel} beside {apart[0]} or {apart[1]}" if channel not in ("", *apart) else ""


def _band(values: dict[str, float], scale: float, where: str) -> Band | None:
    """Return the band of a slot, None for shapes that are none of ours. scale: of the gains."""
    kind = _KINDS.get(values["shape"])
    if kind is None:
        return None
    if not -20.0 <= values["log2_freq"] <= 20.0 or not -5.0 <= values["q"] <= 5.0:
        raise PresetReadError(f"frequency 2^{values['log2_freq']:g} Hz or q {values['q']:g} is out of range", where=where)
    freq_hz = settled(2.0 ** values["log2_freq"], *_FREQ_HZ)
    q = settled(1_600.0 ** (values["q"] - 0.5) / _FILE_Q_PER_Q, *_Q)
    gain_db = gain_for(kind, settled(values["gain_db"], *_GAIN_DB) * scale * (2.0 if kind is BandKind.TILT else 1.0))
    return band(kind, freq_hz, gain_db, q, enabled=values["enabled"] != 0.0, order=_order(kind, values["slope"]), where=where)


def _order(kind: BandKind, slope: float) -> int:
    """Return the order of a slope, the nearest that there is."""
    if kind in PASSES:
        return ORDERS[round(min(max(slope, 0.0), len(ORDERS) - 1.0))]
    return 1 if kind in _ONE_OR_TWO and slope == 0.0 else 2


def _losses(values: dict[str, float], held: Band, place: str) -> list[Note]:
    """Return notes on what of a band is not read, or read as the nearest that there is."""
    notes: list[Note] = []
    slope = values["slope"]
    known = slope in range(len(_SLOPES))
    text = _SLOPES[int(slope)] if known else f"slope {slope:g}"
    if held.kind in PASSES:
        if held.enabled and (slope == _BRICKWALL or not known):
            size = apart_db([held], [held, held])
            notes.append(Note("approximated", None, f"{place} slope", text, _SLOPES[ORDERS.index(held.order)], *size))
    elif slope not in ((0.0, 1.0) if held.kind in _ONE_OR_TWO else (1.0,)):
        notes += _steep(held, place, text)
    if held.is_active and held.has_gain and values["dynamic_range"] != 0.0:
        size_db = abs(values["dynamic_range"])
        notes.append(
            Note("unknown", None, place, f"its dynamics of {values['dynamic_range']:g} dB are not read", None, size_db, held.freq_hz)
        )
    return notes


def _steep(held: Band, place: str, text: str) -> list[Note]:
    """Return the note on a slope that only passes have here."""
    if held.has_gain:
        return steep_notes(held, place, text)
    if not held.enabled:
        return []
    return [Note("approximated", None, f"{place} slope", text, "12 dB/oct", *apart_db([held], [held, held]))]


def _record(held: Band, channel: str, scale: float) -> bytes:
    gain_db = held.gain_db / (2.0 if held.kind is BandKind.TILT else 1.0)
    if gain_db and (scale <= 0.0 or abs(gain_db) > _GAIN_DB[1] * scale * (1.0 + 1e-9)):
        raise PresetWriteError(f"proq3: {held} does not fit a preset whose gains are scaled by {scale:g}; set its gain scale to 100 %")
    return _BAND.pack(
        {
            **_IDLE,
            "used": 1.0,
            "enabled": float(held.enabled),
            "log2_freq": math.log2(held.freq_hz),
            "gain_db": gain_db / scale if gain_db else 0.0,
            "q": math.log(held.q * _FILE_Q_PER_Q, 1_600.0) + 0.5,
            "shape": float(SHAPES[held.kind]),
            "slope": float(ORDERS.index(held.order)),
            "placement": float(PLACEMENTS.index(channel)),
        }
    )


def _global_notes(values: tuple[float, ...]) -> list[Note]:
    """Return notes on the output gain and the pan, with their size as far as it can be told."""
    notes = []
    if values[_OUTPUT_GAIN] != 0.0:
        size_db = abs(values[_OUTPUT_GAIN]) * _OUTPUT_DB
        notes.append(Note("unknown", None, "output gain", f"{values[_OUTPUT_GAIN]:g} is not read", None, size_db))
    if values[_PAN] != 0.0:
        left = max(1.0 - abs(values[_PAN]), 10.0 ** (SILENT_DB / 20.0))
        notes.append(Note("unknown", None, "pan", f"{values[_PAN]:g} is not read", None, -20.0 * math.log10(left)))
    return notes


FORMAT: PresetFormat = ProQ3()
