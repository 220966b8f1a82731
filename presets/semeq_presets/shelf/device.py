"""EQ devices of people's own, written down in TOML: hardware and plug-ins that have no preset files, only knobs.

| key | content |
| --- | --- |
| name | text |
| q_convention | "q" (cookbook Q), "bandwidth_oct" (octaves between the half-gain points), "constant" (no width knob) |
| preamp_db, preamp_step_db | range [low, high] of an overall gain and its step; left out where there is none |
| bands | tables, one for each band, in the order of the front panel |

| key of a band | content |
| --- | --- |
| name | text, what the panel says |
| kind | "low_shelf", "peak" or "high_shelf" |
| freq_hz | a number where it is fixed, [low, high] where it is a knob |
| freq_choices_hz | the positions of a switch, instead of freq_hz |
| each_freq_hz | one band like this one at each of these fixed frequencies, instead of freq_hz: graphic equalisers |
| gain_db, gain_step_db | range [low, high], and its step if it has one |
| q | a number where it is fixed; [low, high] with the convention "q"; of shelves 0.7071 where left out |
| q_choices, q_step | the positions of a switch, or the step, with the convention "q" |
| bandwidth_oct, bandwidth_choices_oct, bandwidth_step_oct | the same with the convention "bandwidth_oct" |

An EQ is fitted to a device by `limits`, in turns: all knobs free, then with the frequencies on their positions, then with the
widths on theirs, and last the gains go to their nearest steps; so each turn makes up for what the one before has rounded.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from semeq_export.eq.settings import LAYOUT_KINDS, MAX_FREQ_HZ, MAX_GAIN_DB, MAX_Q, Band, BandKind, BandSlot, EqSettings, ParamSpec
from semeq_export.errors import PresetReadError, PresetWriteError, printable
from semeq_export.files import strict_toml
from semeq_export.files.disk import read_regular
from semeq_export.units import bandwidth_oct_to_q, q_to_bandwidth_oct
from semeq_presets.file_formats.base import Limits, Note, Preset
from semeq_presets.file_formats.limits import error_db, fit_to, place
from semeq_presets.shelf.registry import STRICT_DB

Convention = Literal["q", "bandwidth_oct", "constant"]
MAX_BANDS = 64
_MAX_BYTES = 100_000
_MAX_NAME_CHARS = 80
_EXACT_DB = 0.01
_PIN = 1e-6  # relative width of the range that stands for a fixed frequency, since a slot's frequency is a range
_SHELF_Q = 0.7071
_CONVENTIONS = ("q", "bandwidth_oct", "constant")
_WIDTH_KEYS = {"q": ("q", "q_choices", "q_step"), "bandwidth_oct": ("bandwidth_oct", "bandwidth_choices_oct", "bandwidth_step_oct")}


@dataclass(frozen=True, slots=True)
class Knob:
    """What a knob or switch can be set to: minimum..maximum, in steps from the minimum where it has them, or only the choices."""

    minimum: float
    maximum: float
    step: float | None = None
    choices: tuple[float, ...] = ()

    @property
    def is_fixed(self) -> bool:
        """Whether there is only one position."""
        return self.minimum == self.maximum

    @property
    def is_free(self) -> bool:
        """Whether every value between the ends can be set."""
        return not (self.is_fixed or self.choices or self.step)

    def nearest(self, value: float) -> float:
        """Return the position closest to a value, on a ratio scale for switches."""
        if self.choices:
            return min(self.choices, key=lambda choice: abs(math.log(choice / value)))
        held = min(max(value, self.minimum), self.maximum)
        if self.step is None:
            return held
        steps = min(round((held - self.minimum) / self.step), math.floor((self.maximum - self.minimum) / self.step + 1e-9))
        return round(self.minimum + steps * self.step, 9)


@dataclass(frozen=True, slots=True)
class DeviceBand:
    """One band of a device. width: in the device's convention, octaves or Q; a fixed one is a Q whatever the convention."""

    name: str
    kind: BandKind
    freq_hz: Knob
    gain_db: Knob
    width: Knob


@dataclass(frozen=True, slots=True)
class Fitted:
    """An EQ as a device can hold it. bands: for each band of the device, None where it stays at 0 dB. error_db: see `limits.error_db`."""

    bands: tuple[Band | None, ...]
    preamp_db: float
    error_db: float
    notes: tuple[Note, ...]

    @property
    def eq(self) -> EqSettings:
        """The bands that are in use, and the preamp."""
        return EqSettings(tuple(band for band in self.bands if band is not None), self.preamp_db)


@dataclass(frozen=True, slots=True)
class Device:
    """An equaliser with knobs."""

    name: str
    convention: Convention
    bands: tuple[DeviceBand, ...]
    preamp_db: Knob | None = None

    @property
    def limits(self) -> Limits:
        """What the device can hold, steps and switches apart."""
        return self._limits([self._slot(band) for band in self.bands])

    def fit(self, eq: EqSettings, sample_rate_hz: float, *, strict: bool = False) -> Fitted:
        """Return the positions of the knobs whose response is closest, with a note where it differs by more than 0.01 dB.

        strict: raise PresetWriteError where it differs by more than 0.1 dB.
        """
        slots = [self._slot(band) for band in self.bands]
        held, notes = fit_to(eq, self._limits(slots), sample_rate_hz, precision_db=_EXACT_DB)
        placed = self._placed(held, slots)
        if any(not band.freq_hz.is_free for band in self.bands):
            slots = [self._pinned_freq(*one) for one in zip(self.bands, slots, placed, strict=True)]
            placed = self._refitted(eq, slots, sample_rate_hz)
        if any(not band.width.is_free and not band.width.is_fixed for band in self.bands):
            slots = [self._pinned_width(*one) for one in zip(self.bands, slots, placed, strict=True)]
            placed = self._refitted(eq, slots, sample_rate_hz)
        result = tuple(self._on_steps(band, one) for band, one in zip(self.bands, placed, strict=True))
        preamp_db = self.preamp_db.nearest(held.preamp_db) if self.preamp_db is not None else 0.0
        found = EqSettings(tuple(band for band in result if band is not None), preamp_db)
        off_db = error_db(eq, found, sample_rate_hz)
        kept = tuple(note for note in notes if note.field == "preamp_db")
        if off_db > _EXACT_DB:
            kept += (Note("refitted", None, "bands", "as asked for", f"{len(found.bands)} of {self.name}", off_db),)
        if strict and off_db > STRICT_DB:
            raise PresetWriteError(f"{self.name}: {off_db:.3f} dB off what was asked for; `strict` allows {STRICT_DB:g} dB")
        return Fitted(result, preamp_db, off_db, kept)

    def refit(self, preset: Preset, *, strict: bool = False) -> tuple[Preset, str, tuple[Note, ...]]:
        """Return a preset as the device can hold it, the table of its knobs, and notes; raises as `fit` does.

        A curve is fitted with ten bands first; then the errors are measured against these.
        """
        eq, notes = preset.single, tuple[Note, ...]()
        if eq.curve is not None:
            eq, notes = fit_to(eq, Limits(preamp_db=(-120.0, 120.0)), preset.sample_rate_hz)
        fitted = self.fit(eq, preset.sample_rate_hz, strict=strict)
        held = replace(preset, eq=fitted.eq, source=None, format="")
        return held, self.sheet(fitted, preset.name), (*notes, *fitted.notes)

    def sheet(self, fitted: Fitted, title: str) -> str:
        """Return a text table of the knobs' positions for a person to dial in, in the device's own units."""
        unit = {"q": "Q", "bandwidth_oct": "octaves", "constant": ""}[self.convention]
        rows = [("band", "kind", "freq", "gain", unit)]
        for band, held in zip(self.bands, fitted.bands, strict=True):
            kind = band.kind.value.replace("_", " ")
            freq = _freq_text(held.freq_hz if held else band.freq_hz.minimum) if held or band.freq_hz.is_fixed else "-"
            width = f"{self._width(held.q):.2f}" if held and not band.width.is_fixed else "-" if self.convention != "constant" else ""
            rows.append((band.name, kind, freq, f"{held.gain_db:+.2f} dB" if held else "0 dB", width))
        widths = [max(len(row[column]) for row in rows) for column in range(5)]
        lines = [
            "  ".join([row[0].ljust(widths[0]), row[1].ljust(widths[1]), *map(str.rjust, row[2:], widths[2:])]).rstrip() for row in rows
        ]
        level = [f"level {fitted.preamp_db:+.2f} dB"] if self.preamp_db is not None else []
        exact = f"at most {fitted.error_db:.2f} dB off what was asked for, 20 Hz to 20 kHz"
        return "\n".join([_one_line(title), self.name, "", *lines, *level, "", exact, ""])

    def _limits(self, slots: Sequence[BandSlot]) -> Limits:
        preamp = (self.preamp_db.minimum, self.preamp_db.maximum) if self.preamp_db is not None else None
        return Limits(slots=tuple(slots), preamp_db=preamp, holds_disabled=False)

    def _slot(self, band: DeviceBand) -> BandSlot:
        low, high = band.gain_db.minimum, band.gain_db.maximum
        gain = ParamSpec("gain_db", "dB", low, high, "linear", min(max(0.0, low), high))
        ends = (band.freq_hz.minimum, band.freq_hz.maximum)
        freq = _freq_spec(ends[0]) if band.freq_hz.is_fixed else ParamSpec("freq_hz", "Hz", *ends, "log", math.sqrt(ends[0] * ends[1]))
        if band.width.is_fixed:
            return BandSlot(band.kind, gain, freq, band.width.minimum)
        q_low, q_high = sorted((self._q(band.width.minimum), self._q(band.width.maximum)))
        return BandSlot(band.kind, gain, freq, ParamSpec("q", "q", q_low, q_high, "log", math.sqrt(q_low * q_high)))

    def _q(self, width: float) -> float:
        return bandwidth_oct_to_q(width) if self.convention == "bandwidth_oct" else width

    def _width(self, q: float) -> float:
        return q_to_bandwidth_oct(q) if self.convention == "bandwidth_oct" else q

    def _pinned_freq(self, band: DeviceBand, slot: BandSlot, held: Band | None) -> BandSlot:
        if band.freq_hz.is_free:
            return slot
        return replace(slot, freq_hz=_freq_spec(band.freq_hz.nearest(held.freq_hz if held is not None else slot.freq_hz.default)))

    def _pinned_width(self, band: DeviceBand, slot: BandSlot, held: Band | None) -> BandSlot:
        if band.width.is_free or band.width.is_fixed:
            return slot
        q = held.q if held is not None else slot.q.default if isinstance(slot.q, ParamSpec) else slot.q
        return replace(slot, q=self._q(band.width.nearest(self._width(q))))

    def _refitted(self, eq: EqSettings, slots: Sequence[BandSlot], sample_rate_hz: float) -> tuple[Band | None, ...]:
        held, _ = fit_to(eq, self._limits(slots), sample_rate_hz, precision_db=_EXACT_DB)
        return self._placed(held, slots)

    def _placed(self, eq: EqSettings, slots: Sequence[BandSlot]) -> tuple[Band | None, ...]:
        placed = place(eq.bands, slots)
        assert placed is not None  # fit_to gives nothing else
        return placed

    def _on_steps(self, band: DeviceBand, held: Band | None) -> Band | None:
        """Return a band with its values exactly on the device's positions, None where its gain comes to 0 dB."""
        if held is None:
            return None
        gain_db = band.gain_db.nearest(held.gain_db)
        freq_hz = held.freq_hz if band.freq_hz.is_free else band.freq_hz.nearest(held.freq_hz)
        return replace(held, freq_hz=freq_hz, gain_db=gain_db) if gain_db != 0.0 else None


def read_device(path: str | os.PathLike[str]) -> Device:
    """Return the device of a TOML file; raises PresetReadError naming band and key for anything but the keys above with sensible values."""
    name = printable(path)
    data = read_regular(path, PresetReadError, max_bytes=_MAX_BYTES)
    try:
        document = strict_toml.loads(data)
    except ValueError as error:
        raise PresetReadError(str(error), name) from error
    try:
        return _device(document)
    except PresetReadError as error:
        raise PresetReadError(error.why, name, error.where) from error


class _Table:
    """A TOML table whose keys are taken one by one; what is left at the end is unknown."""

    def __init__(self, table: object, where: str) -> None:
        if not isinstance(table, Mapping):
            raise PresetReadError("is not a table", where=where)
        self._left: dict[str, Any] = dict(table)  # Any: TOML of any shape
        self._where = where

    def error(self, why: str) -> PresetReadError:
        return PresetReadError(why, where=self._where)

    def has(self, key: str) -> bool:
        return key in self._left

    def text(self, key: str, known: Sequence[str] = ()) -> str:
        value = self._left.pop(key, None)
        if not isinstance(value, str) or not value.strip():
            raise self.error(f"{key} is missing or not a text")
        if known and value not in known:
            raise self.error(f"{key} {value[:40]!r} is not one of {', '.join(known)}")
        if len(value) > _MAX_NAME_CHARS or not value.isprintable():
            raise self.error(f"{key} is longer than {_MAX_NAME_CHARS} characters or not printable")
        return value

    def number(self, key: str, low: float, high: float) -> float | None:
        """Return a number in low..high, None where the key is missing."""
        return self._checked(key, self._left.pop(key), low, high) if key in self._left else None

    def numbers(self, key: str, low: float, high: float) -> tuple[float, ...]:
        """Return increasing numbers in low..high, none where the key is missing."""
        if key not in self._left:
            return ()
        values = self._left.pop(key)
        if not isinstance(values, list) or not 0 < len(values) <= MAX_BANDS:
            raise self.error(f"{key} is not a list of 1..{MAX_BANDS} numbers")
        held = tuple(self._checked(key, value, low, high) for value in values)
        if list(held) != sorted(set(held)):
            raise self.error(f"{key} does not increase from number to number")
        return held

    def knob(self, key: str, choices_key: str, step_key: str, low: float, high: float) -> Knob | None:
        """Return a knob from its number or range, its switch positions and its step; None where neither is there."""
        choices = self.numbers(choices_key, low, high) if choices_key else ()
        value = self._left.pop(key, None)
        step = self.number(step_key, 1e-6, high - low) if step_key else None
        if choices and (value is not None or step is not None):
            raise self.error(f"{choices_key} stands alone, without {key} and {step_key}".removesuffix(" and "))
        if choices:
            return Knob(choices[0], choices[-1], None, choices)
        if value is None:
            return None
        if not isinstance(value, list):
            held = self._checked(key, value, low, high)
            return Knob(held, held)
        if len(value) != 2:
            raise self.error(f"{key} is not a range of two numbers")
        minimum, maximum = (self._checked(key, one, low, high) for one in value)
        if not minimum < maximum:
            raise self.error(f"{key} {minimum:g}..{maximum:g} is not a range: the first number is not below the second")
        return Knob(minimum, maximum, step)

    def end(self) -> None:
        for key in self._left:
            raise self.error(f"unknown key {str(key)[:40]!r}")

    def _checked(self, key: str, value: object, low: float, high: float) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.error(f"{key} is not a number")
        if not low <= value <= high:  # false for nan too
            raise self.error(f"{key} {value:g} is outside {low:g}..{high:g}")
        return float(value)


def _device(document: Mapping[str, object]) -> Device:
    tables = document.get("bands")
    if not isinstance(tables, list) or not tables:
        raise PresetReadError("holds no bands: each is a [[bands]] table")
    top = _Table({key: value for key, value in document.items() if key != "bands"}, "")
    name, convention = top.text("name"), top.text("q_convention", _CONVENTIONS)
    preamp = top.knob("preamp_db", "", "preamp_step_db", -120.0, 120.0)
    if preamp is not None and not preamp.minimum <= 0.0 <= preamp.maximum:
        raise PresetReadError("preamp_db does not hold 0 dB")
    top.end()
    bands: list[DeviceBand] = []
    for number, table in enumerate(tables, start=1):
        bands += _bands(_Table(table, f"band {number}"), convention)
    if len(bands) > MAX_BANDS:
        raise PresetReadError(f"has {len(bands)} bands, more than {MAX_BANDS}")
    return Device(name, convention, tuple(bands), preamp)  # type: ignore[arg-type]  # checked to be one of the conventions


def _bands(table: _Table, convention: str) -> list[DeviceBand]:
    kind = BandKind(table.text("kind", [kind.value for kind in LAYOUT_KINDS]))
    gain = table.knob("gain_db", "", "gain_step_db", -MAX_GAIN_DB, MAX_GAIN_DB)
    if gain is None or gain.is_fixed or not gain.minimum <= 0.0 <= gain.maximum:
        raise table.error("gain_db is not a range [low, high] that holds 0 dB")
    width = _width(table, kind, convention)
    each = table.numbers("each_freq_hz", 1.0, MAX_FREQ_HZ)
    knob = table.knob("freq_hz", "freq_choices_hz", "", 1.0, MAX_FREQ_HZ)
    if bool(each) == (knob is not None):
        raise table.error("needs one of freq_hz, freq_choices_hz and each_freq_hz")
    name = table.text("name") if table.has("name") or not each else ""
    table.end()
    if knob is not None:
        return [DeviceBand(name, kind, knob, gain, width)]
    return [DeviceBand(f"{name} {_freq_text(freq_hz)}".strip(), kind, Knob(freq_hz, freq_hz), gain, width) for freq_hz in each]


def _width(table: _Table, kind: BandKind, convention: str) -> Knob:
    for other, keys in _WIDTH_KEYS.items():
        for key in keys:
            if table.has(key) and other != convention and key != "q":
                raise table.error(f"{key} does not go with q_convention {convention!r}")
    if convention == "bandwidth_oct" and not table.has("q"):
        knob = table.knob(*_WIDTH_KEYS["bandwidth_oct"], 0.01, 10.0)
        if knob is not None and knob.is_fixed:
            return Knob(bandwidth_oct_to_q(knob.minimum), bandwidth_oct_to_q(knob.minimum))
    else:
        knob = table.knob(*_WIDTH_KEYS["q"], 0.01, min(100.0, MAX_Q))
        if knob is not None and not knob.is_fixed and convention != "q":
            raise table.error(f"q is a range, which does not go with q_convention {convention!r}")
    if knob is None and kind is not BandKind.PEAK:
        return Knob(_SHELF_Q, _SHELF_Q)
    if knob is None:
        raise table.error(f"needs {convention if convention != 'constant' else 'q'}")
    return knob


def _freq_spec(freq_hz: float) -> ParamSpec:
    return ParamSpec("freq_hz", "Hz", freq_hz * (1.0 - _PIN), freq_hz * (1.0 + _PIN), "log", freq_hz)


def _freq_text(freq_hz: float) -> str:
    return f"{freq_hz / 1_000:.4g} kHz" if freq_hz >= 1_000 else f"{freq_hz:.4g} Hz"


def _one_line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
