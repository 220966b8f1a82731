"""The neutral EQ model: bands, settings, and layouts that turn settings into vectors. Data only; no filter maths, no files."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from functools import cached_property
from typing import Literal, get_args

import numpy as np

from semeq_export.arrays import Float64Array, FloatArray
from semeq_export.eq.curve import Curve
from semeq_export.errors import InvalidEqError

MAX_GAIN_DB = 60.0
MAX_PREAMP_DB = 120.0
MIN_FREQ_HZ, MAX_FREQ_HZ = 1e-6, 200_000.0
MIN_Q, MAX_Q = 1e-6, 1_000.0  # far below any filter, far above where a response overflows


class BandKind(str, Enum):
    """What a band does. Shelves, peak, passes, notch, band-pass (0 dB at its centre) and all-pass are those of the Audio EQ Cookbook.

    A tilt is a high shelf of the whole gain less half of it: the lows fall by half of gain_db and the highs rise by as much.
    """

    LOW_SHELF = "low_shelf"
    PEAK = "peak"
    HIGH_SHELF = "high_shelf"
    HIGH_PASS = "high_pass"  # a filter
    LOW_PASS = "low_pass"  # a filter
    NOTCH = "notch"
    BAND_PASS = "band_pass"  # a filter
    ALL_PASS = "all_pass"  # a filter
    TILT = "tilt"


KindName = Literal["low_shelf", "peak", "high_shelf", "high_pass", "low_pass", "notch", "band_pass", "all_pass", "tilt"]
"""A `BandKind` by its name."""

LAYOUT_KINDS = (BandKind.LOW_SHELF, BandKind.PEAK, BandKind.HIGH_SHELF)
"""The kinds that words are made of: those of layouts, fits and models."""

_KIND_NAMES = get_args(KindName)

MAX_PASS_ORDER = 16
_SHOWN_BANDS = 8
_RANK = {kind: rank for rank, kind in enumerate(BandKind)}
_ONE_OR_TWO = frozenset({BandKind.LOW_SHELF, BandKind.HIGH_SHELF, BandKind.TILT, BandKind.ALL_PASS})
_PASSES = frozenset({BandKind.HIGH_PASS, BandKind.LOW_PASS})
_WITHOUT_GAIN = _PASSES | {BandKind.NOTCH, BandKind.BAND_PASS, BandKind.ALL_PASS}


@dataclass(frozen=True, slots=True)
class Band:
    """One filter of an EQ.

    freq_hz: centre of a peak, half-gain point of a shelf, corner of a pass, 1e-6 Hz to 200 kHz. gain_db: -60..60, 0 for kinds that have
    none.
    q: Q of the Audio EQ Cookbook, for shelves too, 1e-6..1000; octaves and slopes exist only inside preset formats.
    order: 2; 1 for shelves, tilts and all-passes of first order, which have no Q; 1..16 for passes. From the third on, these are
    Butterworth
    filters (6 dB per octave and order) whose section of the highest Q has it multiplied by q * sqrt(2), so that q = 0.7071 is
    Butterworth's own.
    Raises InvalidEqError naming field, value and bound.
    """

    kind: BandKind
    freq_hz: float
    gain_db: float = 0.0
    q: float = 0.7071
    enabled: bool = True
    order: int = 2

    def __init__(
        self,
        kind: BandKind | KindName,
        freq_hz: float,
        gain_db: float = 0.0,
        q: float = 0.7071,
        enabled: bool = True,
        order: int = 2,
    ) -> None:
        """Written out, since a kind may be given by its name and is a `BandKind` from then on."""
        if not isinstance(kind, str) or kind not in _KIND_NAMES:  # a BandKind is a str too
            raise InvalidEqError("kind", repr(kind)[:60], f"not one of {', '.join(_KIND_NAMES)}")
        if not isinstance(enabled, bool):
            raise InvalidEqError("enabled", repr(enabled)[:60], "not true or false")
        object.__setattr__(self, "kind", BandKind(kind))
        object.__setattr__(self, "freq_hz", _to_float("freq_hz", freq_hz, 0.0, MAX_FREQ_HZ, smallest=MIN_FREQ_HZ))
        object.__setattr__(self, "gain_db", _to_float("gain_db", gain_db, -MAX_GAIN_DB, MAX_GAIN_DB))
        object.__setattr__(self, "q", _to_float("q", q, 0.0, MAX_Q, smallest=MIN_Q))
        object.__setattr__(self, "enabled", enabled)
        object.__setattr__(self, "order", order)
        if not self.has_gain and self.gain_db != 0.0:
            raise InvalidEqError("gain_db", self.gain_db, f"not 0: a {self.kind.value} has no gain")
        lowest, highest = orders(self.kind)
        if isinstance(self.order, bool) or not isinstance(self.order, int) or not lowest <= self.order <= highest:
            allowed = f"{lowest}" if lowest == highest else f"{lowest}..{highest}"
            raise InvalidEqError("order", repr(self.order)[:60], f"not {allowed} for a {self.kind.value}")

    @property
    def has_gain(self) -> bool:
        """Whether the kind has a gain, and so does nothing at 0 dB."""
        return self.kind not in _WITHOUT_GAIN

    @property
    def is_active(self) -> bool:
        """Whether the band changes the sound: it is enabled, and has a gain other than 0 dB where its kind has one."""
        return self.enabled and (self.gain_db != 0.0 or not self.has_gain)

    def __str__(self) -> str:
        gain = f" {self.gain_db:g} dB" if self.has_gain else ""
        width = f" order {self.order}" if self.order != 2 else ""
        q = "" if self.order == 1 else f" q {self.q:g}"
        return f"{self.kind.value} {self.freq_hz:g} Hz{gain}{q}{width}"

    @property
    def line(self) -> str:
        """The band for people, rounded: "240 Hz +3.0 dB Q 0.4"; what is no peak says its kind."""
        kind = "" if self.kind is BandKind.PEAK else f"{self.kind.value.replace('_', ' ')} "
        gain = f" {self.gain_db:+.1f} dB" if self.has_gain else ""
        q = "" if self.order == 1 else f" Q {_short(self.q, 2)}"
        order = "" if self.order == 2 else f" order {self.order}"
        return f"{kind}{_short(self.freq_hz, 3)} Hz{gain}{q}{order}{'' if self.enabled else ' (off)'}"

    def to_dict(self) -> dict[str, object]:
        """Return plain data for JSON; an order of 2 goes without saying."""
        order = {} if self.order == 2 else {"order": self.order}
        return {
            "kind": self.kind.value,
            "freq_hz": self.freq_hz,
            "gain_db": self.gain_db,
            "q": self.q,
            "enabled": self.enabled,
            **order,
        }


def orders(kind: BandKind) -> tuple[int, int]:
    """Return the lowest and the highest order of a kind."""
    return (1, MAX_PASS_ORDER) if kind in _PASSES else (1, 2) if kind in _ONE_OR_TWO else (2, 2)


@dataclass(frozen=True, slots=True)
class EqSettings:
    """Bands in series, an overall gain, and a response known by points. preamp_db: -120..120, raises InvalidEqError otherwise.

    curve: what a GraphicEQ, an impulse response or a measurement adds to the bands; it has a magnitude, and minimum phase where it is
    played.
    """

    bands: tuple[Band, ...] = ()
    preamp_db: float = 0.0
    curve: Curve | None = None

    def __init__(self, bands: Iterable[Band] = (), preamp_db: float = 0.0, curve: Curve | None = None) -> None:
        """Written out, since bands may be given as a list and are a tuple from then on."""
        object.__setattr__(self, "bands", tuple(bands))
        for index, band in enumerate(self.bands, start=1):
            if not isinstance(band, Band):
                raise InvalidEqError(f"band {index}", repr(band)[:60], "not a Band")
        object.__setattr__(self, "preamp_db", _to_float("preamp_db", preamp_db, -MAX_PREAMP_DB, MAX_PREAMP_DB))
        if curve is not None and not isinstance(curve, Curve):
            raise InvalidEqError("curve", repr(curve)[:60], "not a Curve")
        object.__setattr__(self, "curve", curve)

    def __str__(self) -> str:
        """Return one line: "240 Hz +3.0 dB Q 0.4 | high shelf 7000 Hz -2.9 dB Q 0.71"; eight bands are named at most."""
        parts = [band.line for band in self.bands[:_SHOWN_BANDS]]
        if len(self.bands) > _SHOWN_BANDS:
            parts.append(f"{len(self.bands) - _SHOWN_BANDS} more")
        if self.preamp_db != 0.0:
            parts.append(f"preamp {self.preamp_db:+.1f} dB")
        if self.curve is not None:
            gain_db = self.curve.gain_db
            parts.append(f"curve of {gain_db.size} points, {gain_db.min():+.3g} to {gain_db.max():+.3g} dB")
        return " | ".join(parts) or "flat"

    def __repr__(self) -> str:
        return f"<EqSettings {self}>"

    def _repr_svg_(self) -> str:
        """Return the response as a picture, which notebooks show."""
        from semeq_export.eq.picture import eq_svg  # needs this module; a notebook asks the settings themselves

        return eq_svg([("", self)], str(self))

    @property
    def active_bands(self) -> tuple[Band, ...]:
        """The bands that change the sound (`Band.is_active`)."""
        return tuple(band for band in self.bands if band.is_active)

    @property
    def is_flat(self) -> bool:
        """Whether the response is 0 dB everywhere by construction."""
        return not self.active_bands and self.preamp_db == 0.0 and (self.curve is None or not self.curve.gain_db.any())

    def canonical(self) -> EqSettings:
        """Return the same EQ with its bands in the canonical order: by kind as `BandKind` lists them, each by frequency."""
        bands = sorted(self.bands, key=lambda b: (_RANK[b.kind], b.freq_hz, b.gain_db, b.q, b.order, b.enabled))
        return replace(self, bands=tuple(bands))

    def scaled(self, amount: float) -> EqSettings:
        """Return the EQ with every gain, those of preamp and curve included, multiplied by amount.

        0 is exactly flat. The response in dB scales with the gains up to a small error (0.07 dB at 1.5 on typical settings).
        Raises InvalidEqError where a gain leaves its range, or a band has none to multiply and amount is not 1.
        """
        for band in self.active_bands:
            if not band.has_gain and amount != 1.0:
                raise InvalidEqError("amount", amount, f"not 1: a {band.kind.value} has no gain to multiply")
        bands = tuple(replace(band, gain_db=band.gain_db * amount + 0.0) for band in self.bands)
        curve = None if self.curve is None else Curve(self.curve.freqs_hz, self.curve.gain_db * amount)
        return EqSettings(bands, self.preamp_db * amount + 0.0, curve)

    def to_dict(self) -> dict[str, object]:
        """Return plain data for JSON."""
        data: dict[str, object] = {"bands": [band.to_dict() for band in self.bands], "preamp_db": self.preamp_db}
        return data if self.curve is None else {**data, "curve": self.curve.to_dict()}

    @classmethod
    def from_dict(cls, data: Mapping[str, object]) -> EqSettings:
        """Return the settings that `to_dict` wrote; raises InvalidEqError naming the field that is missing or wrong."""
        data = _check_fields("eq", data, ("bands", "preamp_db", "curve"), needed=1)
        bands = data["bands"]
        if not isinstance(bands, list | tuple):
            raise InvalidEqError("bands", repr(bands)[:60], "not a list")
        parsed = tuple(_band_from_dict(index, item) for index, item in enumerate(bands, start=1))
        curve = None if data.get("curve") is None else Curve.from_dict(data["curve"])
        return cls(parsed, data.get("preamp_db", 0.0), curve)  # type: ignore[arg-type] # checked by the class


@dataclass(frozen=True, slots=True)
class ParamSpec:
    """One number of a layout's vector: its unit, range (ends included), the scale on which it is even, and its idle value."""

    name: str
    unit: Literal["dB", "Hz", "q"]
    minimum: float
    maximum: float
    scale: Literal["linear", "log"]
    default: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.minimum) and math.isfinite(self.maximum) and self.minimum < self.maximum):
            raise InvalidEqError(self.name, f"{self.minimum}..{self.maximum}", "not a range")
        if self.scale == "log" and self.minimum <= 0:
            raise InvalidEqError(self.name, self.minimum, "not above 0 on a log scale")
        if not self.minimum <= self.default <= self.maximum:
            raise InvalidEqError(f"{self.name} default", self.default, f"outside {self.minimum:g}..{self.maximum:g}")


@dataclass(frozen=True, slots=True)
class BandSlot:
    """A place for one band of a given kind in a layout. q: a range, or a number where the device's Q is fixed."""

    kind: BandKind
    gain_db: ParamSpec
    freq_hz: ParamSpec
    q: ParamSpec | float

    def __post_init__(self) -> None:
        if self.kind not in LAYOUT_KINDS:
            raise InvalidEqError("kind", self.kind.value, "not of those that a layout holds: low_shelf, peak, high_shelf")
        low_q, high_q = (self.q, self.q) if isinstance(self.q, float | int) else (self.q.minimum, self.q.maximum)
        Band(self.kind, self.freq_hz.minimum, self.gain_db.minimum, low_q)  # a slot whose ends are no bands is no slot
        Band(self.kind, self.freq_hz.maximum, self.gain_db.maximum, high_q)

    @property
    def params(self) -> tuple[ParamSpec, ...]:
        """The slot's free numbers, in vector order: gain, frequency and, unless it is fixed, Q."""
        free = (self.gain_db, self.freq_hz)
        return free if isinstance(self.q, float | int) else (*free, self.q)

    def accepts(self, band: Band) -> bool:
        """Whether the slot can hold the band exactly."""
        inside = all(spec.minimum <= value <= spec.maximum for spec, value in ((self.gain_db, band.gain_db), (self.freq_hz, band.freq_hz)))
        q_fits = self.q.minimum <= band.q <= self.q.maximum if isinstance(self.q, ParamSpec) else band.q == self.q
        return band.kind is self.kind and band.order == 2 and inside and q_fits


@dataclass(frozen=True)
class EqLayout:
    """The slots of an EQ device, and so how a vector of numbers and a set of bands correspond. Stored in the bundle's manifest.

    Vector order: slot after slot, each as gain (dB), frequency (Hz) and, unless fixed, Q.
    """

    name: str
    slots: tuple[BandSlot, ...]

    @cached_property
    def params(self) -> tuple[ParamSpec, ...]:
        """All free numbers in vector order; `len(params)` is the vector's length."""
        return tuple(spec for slot in self.slots for spec in slot.params)

    @cached_property
    def minimum(self) -> Float64Array:
        """(n_params,) lower ends of the ranges."""
        return np.array([spec.minimum for spec in self.params])

    @cached_property
    def maximum(self) -> Float64Array:
        """(n_params,) upper ends of the ranges."""
        return np.array([spec.maximum for spec in self.params])

    def to_vector(self, eq: EqSettings) -> Float64Array:
        """Return (n_params,) physical values; unused slots are idle (0 dB, default frequency and Q).

        Bands may stand in any order: order carries no meaning. Disabled bands and the preamp have no place in a vector.
        Raises InvalidEqError where a band fits into no free slot, a band is disabled, the preamp is not 0, or there is a curve.
        """
        if eq.curve is not None:
            raise InvalidEqError("curve", f"of {eq.curve.freqs_hz.size} points", f"without a place in layout {self.name}")
        if eq.preamp_db != 0.0:
            raise InvalidEqError("preamp_db", eq.preamp_db, f"without a place in layout {self.name}")
        placed: dict[int, Band] = {}
        for band in eq.canonical().bands:
            if not band.enabled:
                raise InvalidEqError("band", f"{band.kind.value} at {band.freq_hz:g} Hz", "disabled: a vector cannot hold that")
            first = max((i for i in placed if self.slots[i].kind is band.kind), default=-1) + 1
            free = [i for i in range(first, len(self.slots)) if self.slots[i].accepts(band)]
            if not free:
                raise InvalidEqError("band", str(band), f"without a free slot in layout {self.name}")
            placed[free[0]] = band
        values: list[float] = []
        for index, slot in enumerate(self.slots):
            held = placed.get(index)
            if held is None:
                values += [0.0, *(spec.default for spec in slot.params[1:])]
            else:
                values += [held.gain_db, held.freq_hz, held.q][: len(slot.params)]
        return np.array(values)

    def from_vector(self, values: FloatArray) -> EqSettings:
        """Return the settings of a vector (n_params,), one band per slot, in canonical order.

        Raises InvalidEqError on another shape, or on a value outside its parameter's range.
        """
        if values.shape != (len(self.params),):
            raise InvalidEqError("vector", f"of shape {values.shape}", f"not ({len(self.params)},)")
        numbers: list[float] = np.asarray(values, dtype=np.float64).tolist()
        for spec, value in zip(self.params, numbers, strict=True):
            if not spec.minimum <= value <= spec.maximum:
                raise InvalidEqError(spec.name, value, f"outside {spec.minimum:g}..{spec.maximum:g} {spec.unit}")
        bands, start = [], 0
        for slot in self.slots:
            gain_db, freq_hz, *q = numbers[start : start + len(slot.params)]
            start += len(slot.params)
            bands.append(Band(slot.kind, freq_hz, gain_db, q[0] if q else float(slot.q)))  # type: ignore[arg-type]
        return EqSettings(tuple(bands)).canonical()

    def clip(self, values: FloatArray) -> Float64Array:
        """Return vectors (..., n_params) with every value moved into its range; NaN stays NaN."""
        return np.clip(np.asarray(values, dtype=np.float64), self.minimum, self.maximum)


def _slot(kind: BandKind, name: str, freq_hz: tuple[float, float, float], fixed_q: float | None) -> BandSlot:
    low, high, default = freq_hz
    return BandSlot(
        kind,
        ParamSpec(f"{name}_gain_db", "dB", -12.0, 12.0, "linear", 0.0),
        ParamSpec(f"{name}_freq_hz", "Hz", low, high, "log", default),
        ParamSpec(f"{name}_q", "q", 0.1, 10.0, "log", 0.71) if fixed_q is None else fixed_q,
    )


def _short(number: float, digits: int) -> str:
    """Return a number above 0 in so many digits, or all before its point."""
    return f"{number:.0f}" if number >= 10.0 ** (digits - 1) else f"{number:.{digits}g}"


def _to_float(field: str, value: object, minimum: float, maximum: float, *, smallest: float | None = None) -> float:
    """Return the value as a plain float, which JSON can hold whatever numpy type came in."""
    if isinstance(value, bool) or not isinstance(value, float | int | np.floating | np.integer):
        raise InvalidEqError(field, repr(value)[:60], "not a number")
    try:
        number = float(value)
    except OverflowError as error:  # an integer of 400 digits
        raise InvalidEqError(field, "", "too large") from error
    if not math.isfinite(number):
        raise InvalidEqError(field, number, "not finite")
    if smallest is not None and number < smallest:
        raise InvalidEqError(field, number, f"not above {minimum:g}" if number <= minimum else f"below {smallest:g}")
    if not minimum <= number <= maximum:
        raise InvalidEqError(field, number, f"outside {minimum:g}..{maximum:g}")
    return number


SAFE_13 = EqLayout(
    "safe-13",
    (
        _slot(BandKind.LOW_SHELF, "low_shelf", (22.0, 1_000.0, 150.0), 0.71),
        _slot(BandKind.PEAK, "peak1", (82.0, 3_900.0, 560.0), None),
        _slot(BandKind.PEAK, "peak2", (180.0, 4_700.0, 1_000.0), None),
        _slot(BandKind.PEAK, "peak3", (220.0, 10_000.0, 3_300.0), None),
        _slot(BandKind.HIGH_SHELF, "high_shelf", (580.0, 20_000.0, 8_200.0), 0.71),
    ),
)
"""The SAFE equaliser: two shelves of fixed Q and three peaks, 13 numbers. Ranges are those that the plug-in declares
(semanticaudio/SAFE, SAFEEqualiser/Source/PluginProcessor.cpp)."""


def _check_fields(where: str, data: object, known: tuple[str, ...], needed: int) -> Mapping[str, object]:
    """Return the data if it is a mapping that holds the first `needed` of the known fields, and no others."""
    if not isinstance(data, Mapping):
        raise InvalidEqError(where, repr(data)[:60], "not an object")
    for name in known[:needed]:
        if name not in data:
            raise InvalidEqError(f"{where} {name}", "", "missing")
    for name, value in data.items():
        if name not in known:
            shown = name if isinstance(name, str) and name.isprintable() else repr(name)  # an error is one line
            raise InvalidEqError(f"{where} {shown[:60]}", repr(value)[:60], "not a known field")
    return data


def _band_from_dict(index: int, item: object) -> Band:
    where = f"band {index}"
    fields = _check_fields(where, item, ("kind", "freq_hz", "gain_db", "q", "enabled", "order"), needed=2)
    if "gain_db" not in fields and fields["kind"] not in [kind.value for kind in _WITHOUT_GAIN]:
        raise InvalidEqError(f"{where} gain_db", "", "missing")
    try:
        return Band(**fields)  # type: ignore[arg-type] # checked by the class
    except InvalidEqError as error:
        raise InvalidEqError(f"{where} {error.field}", error.value, error.bound) from error
