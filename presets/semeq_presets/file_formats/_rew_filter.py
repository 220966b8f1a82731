"""Filters of Room EQ Wizard (REW), of all equalisers that it models: types, widths and numbers in any language.

| type | meaning |
| --- | --- |
| PK, PEQ, PA; BP with a gain (Behringer DCX2496) | peak |
| Modal | peak; its Q is what the filter has, "T60 target" what it was chosen for |
| LS Q, HS Q, LSC, HSC; LS, HS with a Q | shelf with its Q at the centre frequency |
| LS, HS | shelf of slope S = 0.9 at the centre frequency |
| LS 6dB, HS 6dB, LS 12dB, HS 12dB | shelf of slope S = 0.5 or 1; centre = f * 10^(|g| / 40) or f * 10^(|g| / 80), for HS divided |
| LP, HP; LP Q, HP Q; LP1, HP1 | low- and high-pass: Q 0.7071; its own; first order |
| Low pass, High pass with BU or L-R and a slope | Butterworth, and Linkwitz-Riley: two Butterworth of half the slope in series |
| Notch, NO; Notch Q | notch: Q 30; its own |
| All pass, AP, AP2; AP1 | all-pass, with Q; of first order |
| L-T | Linkwitz transform, which no band is: said with its size |

Widths: Q; "BW Oct" (octaves between the half-gain points, FBQ2496); "BW/60" (DSP1124P: that width in Hz is f * BW / 60 * sqrt(2)); Hz.
Numbers: "1,549", "13.541" and "1'549" Hz have thousands separators, since REW writes no frequency with three decimals; else a comma or
point is the decimal mark.
Source: REW's help (Equaliser Selection); its author on shelves of 6 and 12 dB (Home Theater Shack, thread 67464); files of REW 5.01 to
5.40 as they are quoted in public threads and tests.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np

from semeq_export.eq.biquad import pass_qs
from semeq_export.eq.curve import log_grid
from semeq_export.eq.settings import MAX_PASS_ORDER, Band, BandKind
from semeq_export.errors import PresetReadError
from semeq_export.units import bandwidth_oct_to_q, shelf_slope_to_q
from semeq_presets.file_formats._fields import band, number

_LOW, _HIGH = BandKind.LOW_SHELF, BandKind.HIGH_SHELF
_PASSES = (BandKind.LOW_PASS, BandKind.HIGH_PASS)
_KINDS = {
    **dict.fromkeys(("PK", "PEQ", "PA", "MODAL", "BP"), BandKind.PEAK),
    **dict.fromkeys(("LSQ", "LSC", "LS", "LS6DB", "LS12DB"), _LOW),
    **dict.fromkeys(("HSQ", "HSC", "HS", "HS6DB", "HS12DB"), _HIGH),
    **dict.fromkeys(("LP", "LPQ", "LP1", "LOWPASS"), BandKind.LOW_PASS),
    **dict.fromkeys(("HP", "HPQ", "HP1", "HIGHPASS"), BandKind.HIGH_PASS),
    **dict.fromkeys(("NOTCH", "NO", "NOTCHQ"), BandKind.NOTCH),
    **dict.fromkeys(("ALLPASS", "AP", "AP1", "AP2"), BandKind.ALL_PASS),
}
_WITH_GAIN = (BandKind.PEAK, _LOW, _HIGH)
_FIRST_ORDER = ("LP1", "HP1", "AP1")
_CORNERED = {"LS6DB": 0.5, "HS6DB": 0.5, "LS12DB": 1.0, "HS12DB": 1.0}
_SLOPE_WITHOUT_Q = 0.9
_Q_WITHOUT_Q = {BandKind.LOW_PASS: math.sqrt(0.5), BandKind.HIGH_PASS: math.sqrt(0.5), BandKind.NOTCH: 30.0}
_LINKWITZ_TRANSFORM = "LT"
_GROUPED = re.compile(r"([-+]?\d{1,3})((?:[.,]\d{3})+)")


@dataclass(frozen=True, slots=True)
class Values:
    """The fields of a filter as text, "" for those that are not there. shape, slope: of crossovers; pole_hz, pole_q: of L-T."""

    freq: str = ""
    gain: str = ""
    q: str = ""
    octaves: str = ""
    sixtieths: str = ""
    width_hz: str = ""
    shape: str = ""
    slope: str = ""
    pole_hz: str = ""
    pole_q: str = ""


def is_empty(typed: str) -> bool:
    """Whether a filter's type says that there is none."""
    return _name(typed) in ("", "NONE")


def lost_transform_db(typed: str, values: Values, where: str) -> tuple[float, float] | None:
    """Return the most that a Linkwitz transform does between 20 Hz and 20 kHz, in dB, and where; None for other types."""
    if _name(typed) != _LINKWITZ_TRANSFORM:
        return None
    zero_hz, pole_hz = frequency_hz(values.freq, where), frequency_hz(values.pole_hz, where)
    zero_q, pole_q = decimal(values.q, "q", where), decimal(values.pole_q, "Qp", where)
    if not (0.1 <= zero_hz <= 1e5 and 0.1 <= pole_hz <= 1e5 and 0.01 <= zero_q <= 100.0 and 0.01 <= pole_q <= 100.0):
        raise PresetReadError("a Linkwitz transform out of range", where=where)
    s = 1j * log_grid(200)
    response = (s * s + s * zero_hz / zero_q + zero_hz**2) / (s * s + s * pole_hz / pole_q + pole_hz**2)
    size_db = np.abs(20.0 * np.log10(np.abs(response)))
    worst = int(np.argmax(size_db))
    return float(size_db[worst]), float(s[worst].imag)


def bands_of(typed: str, values: Values, *, enabled: bool, where: str) -> tuple[Band, ...]:
    """Return the bands that a filter is: one, or the sections of a crossover; raises PresetReadError naming the field."""
    name = _name(typed)
    kind = _KINDS.get(name)
    if kind is None:
        raise PresetReadError(f"filter type {typed[:40]!r} is not known; switch it off to read the rest", where=where)
    if not values.freq:
        raise PresetReadError("freq_hz is missing", where=where)
    freq_hz = frequency_hz(values.freq, where)
    if name in ("LOWPASS", "HIGHPASS") and values.shape:
        return _crossover(kind, freq_hz, values, enabled=enabled, where=where)
    if name == "BP" and not values.gain:
        kind = BandKind.BAND_PASS
    if kind in _WITH_GAIN and not values.gain:
        raise PresetReadError("gain_db is missing", where=where)
    gain_db = decimal(values.gain, "gain_db", where) if kind in _WITH_GAIN else 0.0
    if abs(gain_db) > 60.0:
        raise PresetReadError(f"gain_db {gain_db} is outside -60..60", where=where)
    if name in _FIRST_ORDER:
        return (band(kind, freq_hz, 0.0, 0.7071, enabled=enabled, order=1, where=where),)
    if name in _CORNERED:
        slope = _CORNERED[name]
        factor = 10.0 ** (abs(gain_db) / 80.0 / slope)
        freq_hz = freq_hz * factor if kind is _LOW else freq_hz / factor
        return (band(kind, freq_hz, gain_db, shelf_slope_to_q(slope, gain_db), enabled=enabled, where=where),)
    q = _q(kind, freq_hz, gain_db, values, where)
    return (band(kind, freq_hz, gain_db, q, enabled=enabled, where=where),)


def _q(kind: BandKind, freq_hz: float, gain_db: float, values: Values, where: str) -> float:
    if values.q:
        return decimal(values.q, "q", where)
    if values.octaves:
        octaves = _within(decimal(values.octaves, "bandwidth", where), 0.001, 20.0, "octaves", where)
        return bandwidth_oct_to_q(octaves)
    if values.sixtieths:
        return 60.0 / (math.sqrt(2.0) * _within(decimal(values.sixtieths, "bandwidth", where), 0.01, 1_200.0, "sixtieths", where))
    if values.width_hz:
        return freq_hz / _within(frequency_hz(values.width_hz, where), 0.001, 2e5, "Hz", where)
    if kind in (_LOW, _HIGH):
        return shelf_slope_to_q(_SLOPE_WITHOUT_Q, gain_db)
    if kind not in _Q_WITHOUT_Q:
        raise PresetReadError("q is missing", where=where)
    return _Q_WITHOUT_Q[kind]


def _within(value: float, low: float, high: float, unit: str, where: str) -> float:
    if not low <= value <= high:
        raise PresetReadError(f"bandwidth {value:g} is outside {low:g}..{high:g} {unit}", where=where)
    return value


def _crossover(kind: BandKind, freq_hz: float, values: Values, *, enabled: bool, where: str) -> tuple[Band, ...]:
    """Return the sections of a crossover: BU (Butterworth) of an order, or L-R, which is two Butterworth of half of it."""
    order, rest = divmod(decimal(values.slope, "slope", where), 6.0)
    shape = values.shape.upper()
    count = 2 if shape == "L-R" else 1
    if shape not in ("BU", "L-R") or rest or not count <= order <= MAX_PASS_ORDER * count or order % count:
        raise PresetReadError(f"crossover {shape[:20]} {values.slope[:20]} dB is not read; switch it off to read the rest", where=where)
    one = [
        band(kind, freq_hz, 0.0, 0.7071 if q is None else q, enabled=enabled, order=1 if q is None else 2, where=where)
        for q in pass_qs(int(order) // count, math.sqrt(0.5))
    ]
    return (*one, *one)[: len(one) * count]


def frequency_hz(text: str, where: str) -> float:
    """Return a frequency, thousands separators and decimal commas read; raises PresetReadError."""
    plain = re.sub(r"(?<=\d)['\u2019\u00a0\u202f ](?=\d{3})", "", text)
    grouped = _GROUPED.fullmatch(plain)
    if grouped is not None and grouped[1].lstrip("+-0"):
        return number(re.sub(r"[.,]", "", plain), "freq_hz", where)
    return decimal(plain, "freq_hz", where)


def decimal(text: str, name: str, where: str) -> float:
    """Return a number whose last comma or point is the decimal mark; raises PresetReadError."""
    head, mark, tail = text.rpartition(max(",", ".", key=text.rfind))
    plain = f"{re.sub(r'[.,]', '', head)}.{tail}" if mark and re.search(r"\d", head) and re.fullmatch(r"[-+\d.,]+", head) else text
    return number(plain.replace(",", ".") if plain.count(",") == 1 else plain, name, where)


def _name(typed: str) -> str:
    return re.sub(r"[ \t_-]", "", typed).upper()
