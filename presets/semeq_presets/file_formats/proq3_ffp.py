"""FabFilter Pro-Q 3 preset (.ffp), version 4. Little-endian: "FQ3p", u32 version 4, u32 n, then n float32.

| float of a band | meaning | written |
| --- | --- | --- |
| 0 | band is used | 1 |
| 1 | 1 on, 0 bypassed | 1, 0 |
| 2 | log2 of the frequency in Hz | |
| 3 | gain in dB, -30..30 | |
| 4, 6 | dynamic range in dB (0: none) and threshold (1: auto) | 0, 1 |
| 7 | log10(Q) / log10(1600) + 0.5: Q 0.025..40 of FabFilter's scale, which is 1 at Q 0.7071 of the cookbook | |
| 8 | shape: 0 bell, 1 low shelf, 3 high shelf; 2, 4..8 cuts, notch, band pass, tilts | |
| 9 | slope: 0 6 dB/oct, 1 12 dB/oct (second order: ours), 3 24 dB/oct, up to 9 | 1 |
| 10 | placement: 0 left, 1 right, 2 stereo, 3 mid, 4 side | 2 |
| 5, 11, 12 | unknown | 1, 1, 0 |

24 bands of 13 floats, then globals: 22 floats, in newer files 46. Global 0 is the processing mode (0 zero latency), 2 the gain scale (1),
3 the output gain on an unknown scale, so that the preamp cannot be written. A band of another shape, slope or placement, or with
dynamics, keeps its slot and is said in a note.
Source: a default preset of Pro-Q 3 (github RaoulDotSh/preset-toolkit at 7b3e8ee) and the field lists of github perivar/PresetConverter
(FabfilterProQ3.cs). Unknown: the output gain; Q times sqrt(2) is users' word, not measured. In its zero-latency mode Pro-Q follows the
analogue prototype, so above about an eighth of the sample rate it differs from digital filters of the cookbook.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass

from semeq_export.eq.settings import Band, BandKind
from semeq_export.errors import PresetReadError
from semeq_presets.file_formats._binary import Record, Slots
from semeq_presets.file_formats._fields import band, settings, settled
from semeq_presets.file_formats._places import MAC_PRESETS
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
_SHAPES = {BandKind.PEAK: 0, BandKind.LOW_SHELF: 1, BandKind.HIGH_SHELF: 3}
_KINDS = {float(number): kind for kind, number in _SHAPES.items()}
_SHAPE_NAMES = ("bell", "low shelf", "low cut", "high shelf", "high cut", "notch", "band pass", "tilt shelf", "flat tilt")
_SECOND_ORDER, _STEREO, _AUTO = 1.0, 2.0, 1.0
_GLOBALS = (0, 1, 1, 0, 0, 0, 0, 0, 0, 1, 1, -1, 1, 2, 2, 3, 0, 1, 1, 2, 0, 0)
_SOUNDING = {2: ("gain scale", 1.0), 3: ("output gain", 0.0), 4: ("pan", 0.0)}

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
    """A file as it was read, and where its bands stand."""

    data: bytes
    slots: Slots


class ProQ3:
    """Reads and writes FabFilter Pro-Q 3 presets."""

    info = FormatInfo(
        id="proq3",
        title="FabFilter Pro-Q 3 preset",
        host="FabFilter Pro-Q 3 in any DAW",
        suffixes=(".ffp",),
        how_to_import="in Pro-Q 3's preset menu: Open Other Preset; or copy it into Documents/FabFilter/Presets/Pro-Q 3 "
        "(macOS: Library/Audio/Presets/FabFilter/FabFilter Pro-Q 3)",
        precision_db=1e-3,
        limits=Limits(max_bands=_BANDS, freq_hz=_FREQ_HZ, gain_db=_GAIN_DB, q=_Q),
        is_text=False,
        aliases=("fabfilter", "pro-q", "pro-q-3"),
        places={
            "darwin": Place((f"{MAC_PRESETS}/FabFilter/FabFilter Pro-Q 3",), "semeq"),
            "win32": Place(("{documents}/FabFilter/Presets/Pro-Q 3",), "semeq"),
        },
    )

    def sniff(self, head: bytes, filename: str) -> bool:
        """Whether the first bytes are Pro-Q 3's mark."""
        return head.startswith(_MAGIC)

    def write(self, preset: Preset) -> Written:
        """Return the file; one that was read keeps its globals, and its slots with other filters."""
        file = preset.parts(_File) or _File(_EMPTY, Slots())
        data = bytearray(file.data)
        used = file.slots.for_bands(len(preset.single.bands), range(_BANDS), self.info.id)
        for slot in set(file.slots.of_bands) - set(used):
            data[_place(slot)] = _BAND.pack(_IDLE)
        for slot, wanted in zip(used, preset.single.bands, strict=True):
            if slot not in file.slots.of_bands or _band(_BAND.unpack(file.data, _place(slot).start), slot) != wanted:
                data[_place(slot)] = _record(wanted)
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
        bands, of_bands, foreign, notes = [], [], set(), []
        for slot in range(_BANDS):
            values = _BAND.unpack(data, _place(slot).start)
            reason = _why_foreign(values)
            if values["used"] == 0.0:
                continue
            if reason:
                foreign.add(slot)
                notes.append(Note("unknown", None, f"band {slot + 1} of the file", f"{reason} is not read", None))
            else:
                bands.append(_band(values, slot))
                of_bands.append(slot)
        source = Source(_File(data, Slots(tuple(of_bands), frozenset(foreign))))
        return Preset(settings(bands, 0.0), source=source, notes=(*notes, *_global_notes(data, count)))


def _place(slot: int) -> slice:
    start = _HEADER_BYTES + slot * _BAND.size
    return slice(start, start + _BAND.size)


def _why_foreign(values: dict[str, float]) -> str:
    """Return what a used slot holds that is no band of ours, "" where it holds one."""
    shape = values["shape"]
    if shape not in _KINDS:
        return _SHAPE_NAMES[int(shape)] if shape in range(len(_SHAPE_NAMES)) else f"shape {shape:g}"
    if values["slope"] != _SECOND_ORDER:
        return f"slope {values['slope']:g} (only 1, 12 dB/oct, is the cookbook's)"
    if values["placement"] != _STEREO:
        return f"placement {values['placement']:g} (not stereo)"
    return "dynamic EQ" if values["dynamic_range"] != 0.0 else ""


def _band(values: dict[str, float], slot: int) -> Band:
    where = f"band {slot + 1} of the file"
    if not -20.0 <= values["log2_freq"] <= 20.0 or not -5.0 <= values["q"] <= 5.0:
        raise PresetReadError(f"frequency 2^{values['log2_freq']:g} Hz or q {values['q']:g} is out of range", where=where)
    freq_hz = settled(2.0 ** values["log2_freq"], *_FREQ_HZ)
    q = settled(1_600.0 ** (values["q"] - 0.5) / _FILE_Q_PER_Q, *_Q)
    gain_db = settled(values["gain_db"], *_GAIN_DB)
    return band(_KINDS[values["shape"]], freq_hz, gain_db, q, enabled=values["enabled"] != 0.0, where=where)


def _record(held: Band) -> bytes:
    return _BAND.pack(
        {
            **_IDLE,
            "used": 1.0,
            "enabled": float(held.enabled),
            "log2_freq": math.log2(held.freq_hz),
            "gain_db": held.gain_db,
            "q": math.log(held.q * _FILE_Q_PER_Q, 1_600.0) + 0.5,
            "shape": float(_SHAPES[held.kind]),
        }
    )


def _global_notes(data: bytes, count: int) -> list[Note]:
    values = struct.unpack_from(f"<{count - _BANDS * 13}f", data, _place(_BANDS).start)
    return [
        Note("unknown", None, name, f"{values[index]:g} is not read", None)
        for index, (name, idle) in _SOUNDING.items()
        if index < len(values) and values[index] != idle
    ]


FORMAT: PresetFormat = ProQ3()
