"""FabFilter Pro-Q 4 preset (.ffp), text: `Band N Key=value`, N = 1..24. Two formats of one module: `proq4`, and `proq4-q-as-is`.

| key of a band | meaning |
| --- | --- |
| Used, Enabled | 1 in use; 0 bypassed |
| Frequency, Gain | log2 of Hz, 10..30000; dB, -30..30, times Gain Scale |
| Q | log(Q / 0.025) / log(1600): Q 0.025..40 of FabFilter's scale, 0.5 is Q 1 |
| Shape | 0 bell, 1 low shelf, 2 low cut, 3 high shelf, 4 high cut, 5 notch, 6 band pass, 7 tilt shelf, 8 flat tilt, 9 all pass |
| Slope | 1 6 dB/oct, 2 12 (second order), 3 18, 4 24, 5 30, 6 36, 7 48, 8 72, 9 96, 10 brickwall; fractions lie between |
| Stereo Placement | 0 left, 1 right, 2 stereo, 3 mid, 4 side |
| Dynamic Range | dB by which the sound moves the band, while Dynamics Enabled is 1 |

Output Level is dB / 36: the preamp. A tilt shelf of gain g turns from -g to g. Left and right, or mid and side, are an EQ each; stereo
bands are in both. Flat tilts, and mid or side beside left or right, keep their slot and are said in a note, as dynamics and steep bells
and shelves are, which are read as those of 12 dB/oct.
Q: Pro-Q's Q 1 is 0.7071 of the cookbook: users, FabFilter's engineers as quoted (AutoEq pull request 366), and a public decoding of its
band pass, s^2 + sqrt(2)/Q s + 1. Not measured here. Converters that assume no factor exist (github JRoot3D/AutoEq-To-FabFilter-Pro-Q-4);
`proq4-q-as-is` reads and writes Q as they do, and says so in its files.
Source: that repository's files for keys and scales; shapes, slopes and placements: github texts of a Pro-Q 4 preset merger and of
tests that measure Pro-Q 2 (shapes, placements, tilt); slope 2 as 12 dB/oct: the public decoding, and the default of every unused band.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from semeq_export.eq.channels import LEFT, MID, RIGHT, SIDE, Equaliser
from semeq_export.eq.settings import Band, BandKind
from semeq_export.errors import InvalidEqError, PresetReadError, PresetWriteError
from semeq_presets.file_formats._fields import settled, text_of
from semeq_presets.file_formats._losses_db import apart_db
from semeq_presets.file_formats._places import MAC_PRESETS
from semeq_presets.file_formats._proq4_text import BANDS, IDLE, SIGNATURE, PresetText, new_text, read_text
from semeq_presets.file_formats._proq_shapes import FLAT_TILT, ORDERS, PLACEMENTS, SHAPES
from semeq_presets.file_formats._sides import joined, shared_preamp, split
from semeq_presets.file_formats._slotting import assigned
from semeq_presets.file_formats.base import Files, FormatInfo, Limits, Note, Place, Preset, PresetFormat, Source, Written

_AS_IS_MARK = 'Description="Q as in the Audio EQ Cookbook"'
_OWN_MARK = "Author=semeq"
_FREQ_HZ, _GAIN_DB, _Q = (10.0, 30_000.0), (-30.0, 30.0), (0.025, 40.0)
_OUTPUT_DB = 36.0
_SHAPES = {**SHAPES, BandKind.ALL_PASS: 9}
_KINDS = {number: kind for kind, number in _SHAPES.items()}
_PASSES = (BandKind.HIGH_PASS, BandKind.LOW_PASS)
_ONE_OR_TWO = (BandKind.LOW_SHELF, BandKind.HIGH_SHELF, BandKind.TILT, BandKind.ALL_PASS)
_ORDERS = dict(enumerate(ORDERS, start=1))
_SLOPES = {order: slope for slope, order in _ORDERS.items()}
_SOUNDING = {"Character": "a character", "Output Pan": "an output pan", "Auto Gain": "auto gain"}


@dataclass(frozen=True, slots=True)
class _Slot:
    """A slot of a file that holds a band of ours: its number, the band, and the channel that it is for, "" for all."""

    number: int
    held: Band
    channel: str


@dataclass(frozen=True, slots=True)
class _File:
    """A file as it was read, its bands, and the slots that hold something else."""

    text: PresetText
    slots: tuple[_Slot, ...]
    foreign: frozenset[int]


def _limits(factor: float) -> Limits:
    return Limits(
        max_bands=BANDS,
        kinds=frozenset(_SHAPES),
        orders={**dict.fromkeys(_ONE_OR_TWO, frozenset({1, 2})), **dict.fromkeys(_PASSES, frozenset(_SLOPES))},
        freq_hz=_FREQ_HZ,
        gain_db=_GAIN_DB,
        q=(_Q[0] / factor, _Q[1] / factor),
        preamp_db=(-_OUTPUT_DB, _OUTPUT_DB),
        channels=(LEFT, RIGHT, MID, SIDE),
    )


class ProQ4:
    """Reads and writes FabFilter Pro-Q 4 presets. factor: Pro-Q's Q of the cookbook's Q 1."""

    def __init__(self, info: FormatInfo, factor: float) -> None:
        self.info = info
        self._factor = factor
        self._head = f"{_OWN_MARK}\n{_AS_IS_MARK}" if factor == 1.0 else _OWN_MARK

    def sniff(self, head: bytes, filename: str) -> bool:
        """Whether the first bytes are Pro-Q 4's, and say or do not say that Q is the cookbook's."""
        return f"\n{SIGNATURE}".encode() in head and (_AS_IS_MARK.encode() in head) == (self._factor == 1.0)

    def write(self, preset: Preset) -> Written:
        """Return the file; one that was read keeps its other keys, and its slots with other filters."""
        kept = preset.unchanged()
        if kept is not None:
            return Written({"preset.ffp": kept})
        file = preset.parts(_File) or _File(new_text(self._head), (), frozenset())
        preamp_db, notes = shared_preamp(preset.eq)
        values = {} if math.isclose(preamp_db, _OUTPUT_DB * file.text.overall("Output Level")) else {"Output Level": preamp_db / _OUTPUT_DB}
        scale = file.text.overall("Gain Scale")
        for number, each in self._changes(split(preset.eq), file).items():
            record = {"Used": 0.0} if each is None else self._record(*each, scale)
            values |= {f"Band {number} {key}": value for key, value in record.items()}
        text = "".join(file.text.with_values(values).lines)
        return Written({"preset.ffp": text.encode("utf-8")}, notes)

    def read(self, files: Files) -> Preset:
        """Return the preset; raises PresetReadError naming the line or band that is wrong."""
        (data,) = files.values()
        said = text_of(data)
        if SIGNATURE not in (line.strip() for line in said.splitlines()[:20]):
            raise PresetReadError(f"is no Pro-Q 4 preset: its first lines do not say {SIGNATURE}")
        text = read_text(said)
        used = {number: text.band(number) for number in range(1, BANDS + 1) if text.band(number)["Used"]}
        placements = {int(values["Stereo Placement"]) for values in used.values() if _is_place(values)}
        apart = {0, 1} if placements & {0, 1} else {3, 4}
        slots, foreign, notes = [], set(), []
        for number, values in used.items():
            held = self._band(values, number, text.overall("Gain Scale"))
            place = f"band {number} of the file"
            reason = _why_foreign(values, apart)
            if held is None or reason:
                foreign.add(number)
                peak = apart_db([held], ()) if held is not None else (abs(values["Gain"]), None)
                notes.append(Note("unknown", None, place, f"{reason} is not read", None, *(peak if values["Enabled"] else ())))
                continue
            slots.append(_Slot(number, held, PLACEMENTS[int(values["Stereo Placement"])]))
            notes += _losses(values, held, place)
        eq = _joined(slots, _OUTPUT_DB * text.overall("Output Level"))
        if text.overall("Bypass"):
            raise PresetReadError("is switched off as a whole (Bypass=1); switch it on in Pro-Q, or set Bypass=0")
        notes += [Note("unknown", None, key, f"{what} is not read", None) for key, what in _SOUNDING.items() if text.overall(key)]
        if self._factor != 1.0 and _OWN_MARK not in (line.strip() for line in said.splitlines()[:20]):
            notes += _both_readings([slot.held for slot in slots])
        source = Source(_File(text, tuple(slots), frozenset(foreign)), data, eq, None, is_whole=True)
        return Preset(eq, source=source, notes=tuple(notes))

    def _band(self, values: Mapping[str, float], number: int, scale: float) -> Band | None:
        """Return the band of a slot, None for shapes that are none of ours."""
        kind = _KINDS.get(int(values["Shape"]))
        if kind is None or values["Shape"] != int(values["Shape"]):
            return None
        where = f"band {number} of the file"
        if not -20.0 <= values["Frequency"] <= 20.0 or not -2.0 <= values["Q"] <= 3.0:
            raise PresetReadError(f"Frequency {values['Frequency']:g} or Q {values['Q']:g} is out of range", where=where)
        limits = self.info.limits
        gain_db = settled(values["Gain"], *_GAIN_DB) * scale * (2.0 if kind is BandKind.TILT else 1.0)
        q = settled(_Q[0] * (_Q[1] / _Q[0]) ** values["Q"] / self._factor, *limits.q)
        freq_hz = settled(2.0 ** values["Frequency"], *_FREQ_HZ)
        has_gain = kind not in (*_PASSES, BandKind.NOTCH, BandKind.BAND_PASS, BandKind.ALL_PASS)
        try:
            return Band(kind, freq_hz, gain_db if has_gain else 0.0, q, values["Enabled"] != 0.0, _order(kind, values["Slope"]))
        except InvalidEqError as error:
            raise PresetReadError(str(error), where=where) from error

    def _record(self, held: Band, channel: str, scale: float) -> dict[str, float]:
        gain_db = held.gain_db / (2.0 if held.kind is BandKind.TILT else 1.0)
        if (scale <= 0.0 and gain_db) or abs(gain_db) > _GAIN_DB[1] * max(scale, 1e-9) * (1.0 + 1e-9):
            raise PresetWriteError(f"{self.info.id}: {held} does not fit a preset whose gains are scaled by {scale:g}; set Gain Scale=1")
        return {
            **{key: IDLE[key] for key in ("Dynamic Range", "Speakers", "Spectral Enabled")},
            "Used": 1.0,
            "Enabled": float(held.enabled),
            "Frequency": math.log2(held.freq_hz),
            "Gain": gain_db / scale if gain_db else 0.0,
            "Q": math.log(held.q * self._factor / _Q[0]) / math.log(_Q[1] / _Q[0]),
            "Shape": float(_SHAPES[held.kind]),
            "Slope": float(_SLOPES[held.order]),
            "Stereo Placement": float(PLACEMENTS.index(channel)),
        }

    def _changes(self, wanted: Sequence[tuple[Band, str]], file: _File) -> dict[int, tuple[Band, str] | None]:
        """Return what changes: a band for each slot that gets another, None for one that is emptied."""
        held = {slot.number: (slot.held, slot.channel) for slot in file.slots}
        usable = [number for number in range(1, BANDS + 1) if number not in file.foreign]
        placed = assigned(wanted, held, usable, self.info.id, foreign=len(file.foreign))
        emptied: dict[int, tuple[Band, str] | None] = dict.fromkeys(held.keys() - placed.keys())
        return emptied | {number: one for number, one in placed.items() if held.get(number) != one}


def _is_place(values: Mapping[str, float]) -> bool:
    return values["Stereo Placement"] in range(len(PLACEMENTS))


def _order(kind: BandKind, slope: float) -> int:
    """Return the order of a slope, the nearest that there is."""
    if kind in _PASSES:
        return _ORDERS[min(max(round(slope), 1), 9)]
    return 1 if kind in _ONE_OR_TWO and round(slope) == 1 else 2


def _why_foreign(values: Mapping[str, float], apart: set[int]) -> str:
    """Return what a used slot holds that is no band of ours, "" where it holds one. apart: the placements beside stereo."""
    if int(values["Shape"]) not in _KINDS or values["Shape"] != int(values["Shape"]):
        return "flat tilt" if values["Shape"] == FLAT_TILT else f"shape {values['Shape']:g}"
    if not _is_place(values) or int(values["Stereo Placement"]) not in {2, *apart}:
        return f"placement {values['Stereo Placement']:g}" + (" beside left or right" if _is_place(values) else "")
    return f"a band for speakers {values['Speakers']:g}" if values["Speakers"] != IDLE["Speakers"] else ""


def _losses(values: Mapping[str, float], held: Band, place: str) -> list[Note]:
    """Return notes on what of a band is not read, or read as the nearest that there is."""
    notes = []
    slope = values["Slope"]
    if held.enabled and held.is_active and slope not in ((1, 2) if held.kind in _ONE_OR_TWO else _ORDERS if held.kind in _PASSES else (2,)):
        error_db, at_hz = _slope_loss(held, slope)
        notes.append(Note("approximated", None, f"{place} slope", f"{slope:g}", f"{6 * held.order} dB/oct", error_db, at_hz))
    if held.enabled and values["Dynamic Range"] and values["Dynamics Enabled"] and held.has_gain:
        what = f"its dynamics of {values['Dynamic Range']:g} dB are not read"
        notes.append(Note("unknown", None, place, what, None, abs(values["Dynamic Range"]), held.freq_hz))
    if values["Solo"]:
        notes.append(Note("unknown", None, place, "solo is not read", None))
    return notes


def _slope_loss(held: Band, slope: float) -> tuple[float, float]:
    """Return how far a slope may be from the order that is read: for a pass to the next steeper ones, else what steepness can change."""
    if held.kind in _PASSES:
        steeper = [order for step, order in _ORDERS.items() if abs(step - slope) < 1.0] or [16]
        others = [apart_db([held], [replace(held, order=order)]) for order in steeper]
        if slope > 9:
            others.append(apart_db([held], [held, held]))
        return max(others)
    if held.kind in (BandKind.NOTCH, BandKind.BAND_PASS):
        return apart_db([held], [held, held])
    return (0.0 if held.kind is BandKind.ALL_PASS else abs(held.gain_db) / 2.0), held.freq_hz


def _both_readings(bands: Sequence[Band]) -> list[Note]:
    """Return a note on the other reading of Q, and how far it is from this one; none where nothing depends on it."""
    as_is = [replace(held, q=min(held.q * math.sqrt(2.0), _Q[1])) for held in bands]
    error_db, at_hz = apart_db(bands, as_is)
    if error_db < 0.005:
        return []
    return [Note("approximated", None, "q", "of Pro-Q's scale", "divided by sqrt(2); `proq4-q-as-is` takes it as it is", error_db, at_hz)]


def _joined(slots: Sequence[_Slot], preamp_db: float) -> Equaliser:
    """Return the EQ of all bands, one for each of two channels where some are for one of them alone."""
    bands = [(slot.held, slot.channel) for slot in slots]
    first, second = (LEFT, RIGHT) if {channel for _, channel in bands} & {LEFT, RIGHT} else (MID, SIDE)
    return joined(first, second, bands, preamp_db)


_PLACES = {
    "darwin": Place((f"{MAC_PRESETS}/FabFilter/FabFilter Pro-Q 4",), "semeq"),
    "win32": Place(("{documents}/FabFilter/Presets/Pro-Q 4",), "semeq"),
}
_INFO = FormatInfo(
    id="proq4",
    title="FabFilter Pro-Q 4 preset",
    host="FabFilter Pro-Q 4 in any DAW",
    suffixes=(".ffp",),
    how_to_import="in Pro-Q 4's preset menu: Open Other Preset; or copy it into Documents/FabFilter/Presets/Pro-Q 4 "
    "(macOS: Library/Audio/Presets/FabFilter/FabFilter Pro-Q 4)",
    precision_db=1e-3,  # inside a notch, where digits are few
    limits=_limits(math.sqrt(2.0)),
    aliases=("fabfilter", "pro-q", "pro-q-4"),
    places=_PLACES,
    remark="Pro-Q's Q 1 is taken for 0.7071 of the cookbook, not measured; `proq4-q-as-is` is the other reading",
)

FORMAT: PresetFormat = ProQ4(_INFO, math.sqrt(2.0))
AS_IS: PresetFormat = ProQ4(
    replace(
        _INFO,
        id="proq4-q-as-is",
        title="FabFilter Pro-Q 4 preset, Q as it is",
        limits=_limits(1.0),
        aliases=(),
        places={},
        remark="Q without a factor, as in the presets of AutoEq-To-FabFilter-Pro-Q-4; recognised only where the file says so",
    ),
    1.0,
)
