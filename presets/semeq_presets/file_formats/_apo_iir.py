"""Filters given by coefficients, "Order 2 Coefficients b0 b1 b2 a0 a1 a2", as bands where they are some, else as a response by points.

A section of second order is taken back through the bilinear transform, s = (1 - 1/z) / (1 + 1/z), to zeros and poles of the analogue
prototype, whose frequencies and Q say which filter of the Audio EQ Cookbook it is. Frequencies hold at the sample rate that it is read for.
Source: Equalizer APO, filters/IIRFilterFactory.cpp; Audio EQ Cookbook (prototypes).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

import numpy as np

from semeq_export.arrays import Float64Array
from semeq_export.eq.curve import Curve
from semeq_export.eq.settings import Band, BandKind
from semeq_export.errors import InvalidEqError, PresetReadError
from semeq_presets.file_formats._apo_numbers import leading_number

MAX_ORDER = 64
_ORDER = re.compile(r"\s*Order\s+([0-9]{1,6})")
_COEFFICIENTS = re.compile(r"\s+Coefficients((?: [-+0-9.eE]+)+)")
_CURVE_POINTS = 2_000
_LOWEST_HZ = 10.0
_SILENT_DB = -120.0
_SAME = 1e-6
Prototype = tuple[float, float, float]
"""c2, c1, c0 of c2 s^2 + c1 s + c0."""


def read_iir(rest: str, rate_hz: float, where: str) -> tuple[Band | float | Curve, ...]:
    """Return what a line's coefficients are; nothing where Equalizer APO skips it. Raises PresetReadError for no filter at all."""
    order, listed = _ORDER.search(rest), _COEFFICIENTS.search(rest)
    if order is None or listed is None:
        return ()
    count, words = int(order[1]), listed[1].split()
    if count < 1 or len(words) != 2 * (count + 1):
        return ()
    if count > MAX_ORDER:
        raise PresetReadError(f"a filter of order {count}, expected at most {MAX_ORDER}", where=where)
    values = [leading_number(word, "coefficient", where) for word in words]
    numerator, denominator = values[: count + 1], values[count + 1 :]
    if denominator[0] == 0.0 or not any(numerator):
        raise PresetReadError("coefficients that are no filter: a0 is 0, or every b", where=where)
    if count <= 2:
        found = as_band(_padded(numerator), _padded(denominator), rate_hz)
        if found is not None:
            band, gain_db = found
            return (band,) if abs(gain_db) < _SAME else (band, gain_db)
    return (_curve(numerator, denominator, rate_hz),)


def _padded(values: list[float]) -> Prototype:
    one, two, three = (*values, 0.0)[:3]
    return one, two, three


def as_band(numerator: Prototype, denominator: Prototype, rate_hz: float) -> tuple[Band, float] | None:
    """Return the cookbook's band that coefficients of second order (or first: the last ones 0) are, and a gain in dB; None for others.

    numerator: b0, b1, b2; denominator: a0, a1, a2, a0 not 0.
    """
    if numerator[2] == 0.0 and denominator[2] == 0.0:
        return _first_order(numerator, denominator, rate_hz)
    zeros, poles = _prototype(numerator), _prototype(denominator)
    if not poles[0] * poles[1] > 0.0 or not poles[0] * poles[2] > 0.0:
        return None  # unstable
    angle = math.sqrt(poles[2] / poles[0])
    for kind, place, gain_db, q, level in _candidates(zeros, poles, angle):
        if level == 0.0 or not (math.isfinite(place) and math.isfinite(q) and place > 0.0 and q > 0.0):
            continue
        try:
            band = Band(kind, rate_hz / math.pi * math.atan(place), gain_db, q)
        except InvalidEqError:
            continue
        return band, 20.0 * math.log10(abs(level))
    return None


def _candidates(zeros: Prototype, poles: Prototype, angle: float) -> Iterator[tuple[BandKind, float, float, float, float]]:
    """Yield filters that zeros and poles may be, as (kind, tan(w / 2), gain in dB, Q, level); angle: tan(w / 2) of the poles."""
    b2, b1, b0 = zeros
    a2, a1, a0 = poles
    q = angle * a2 / a1
    zero = [abs(value) <= _SAME * max(abs(b2), abs(b1), abs(b0)) for value in zeros]
    if zero[0] and zero[1]:
        yield BandKind.LOW_PASS, angle, 0.0, q, b0 / a0
    elif zero[1] and zero[2]:
        yield BandKind.HIGH_PASS, angle, 0.0, q, b2 / a2
    elif zero[0] and zero[2]:
        yield BandKind.BAND_PASS, angle, 0.0, q, b1 / a1
    elif _alike(b2 * a0, b0 * a2):
        if zero[1]:
            yield BandKind.NOTCH, angle, 0.0, q, b2 / a2
        elif _alike(b1 * a2, -a1 * b2):
            yield BandKind.ALL_PASS, angle, 0.0, q, b2 / a2
        elif b1 * a2 * a1 * b2 > 0.0:
            ratio = (b1 / b2) / (a1 / a2)
            yield BandKind.PEAK, angle, 20.0 * math.log10(ratio), angle / math.sqrt((b1 / b2) * (a1 / a2)), b2 / a2
    elif b2 * b0 > 0.0 and b1 * b2 > 0.0:
        yield from _shelves(zeros, poles)


def _shelves(zeros: Prototype, poles: Prototype) -> Iterator[tuple[BandKind, float, float, float, float]]:
    """Yield the shelf whose zeros and poles have one Q, lifting what is below, or what is above where that leaves the level nearer."""
    b2, b1, b0 = zeros
    a2, a1, a0 = poles
    if not _alike(b1 * b1 * a2 * a0, a1 * a1 * b2 * b0):
        return
    amplitude = math.sqrt((b0 / b2) / (a0 / a2))
    place = ((b0 / b2) * (a0 / a2)) ** 0.25
    q = place * math.sqrt(amplitude) / (b1 / b2)
    gain_db = 40.0 * math.log10(amplitude)
    low = (BandKind.LOW_SHELF, place, gain_db, q, b2 / a2)
    high = (BandKind.HIGH_SHELF, place, -gain_db, q, b0 / a0)
    yield min(low, high, key=lambda shelf: abs(math.log(abs(shelf[4]))))


def _first_order(numerator: Prototype, denominator: Prototype, rate_hz: float) -> tuple[Band, float] | None:
    """Return a pass, all-pass or shelf of first order: (b1 s + b0) / (a1 s + a0) of the prototype."""
    b0, b1 = numerator[0] + numerator[1], numerator[0] - numerator[1]
    a0, a1 = denominator[0] + denominator[1], denominator[0] - denominator[1]
    if not a0 * a1 > 0.0:
        return None
    pole = a0 / a1
    scale = max(abs(b0), abs(b1))
    if abs(b1) <= _SAME * scale:
        kind, place, gain_db, level = BandKind.LOW_PASS, pole, 0.0, b0 / a0
    elif abs(b0) <= _SAME * scale:
        kind, place, gain_db, level = BandKind.HIGH_PASS, pole, 0.0, b1 / a1
    elif _alike(b0 * a1, -b1 * a0):
        kind, place, gain_db, level = BandKind.ALL_PASS, pole, 0.0, b1 / a1
    elif b0 * b1 > 0.0:
        kind, place, gain_db, level = BandKind.LOW_SHELF, math.sqrt(b0 / b1 * pole), 20.0 * math.log10(b0 / b1 / pole), b1 / a1
        if abs(math.log(abs(b0 / a0))) < abs(math.log(abs(level))):
            kind, gain_db, level = BandKind.HIGH_SHELF, -gain_db, b0 / a0
    else:
        return None
    try:
        return Band(kind, rate_hz / math.pi * math.atan(place), gain_db, order=1), 20.0 * math.log10(abs(level))
    except InvalidEqError:
        return None


def _prototype(values: Prototype) -> Prototype:
    first, second, third = values
    return first - second + third, 2.0 * (first - third), first + second + third


def _alike(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=_SAME)


def _curve(numerator: list[float], denominator: list[float], rate_hz: float) -> Curve:
    """Return the response by points up to the Nyquist frequency; -120 dB where it is less."""
    freqs_hz = np.geomspace(_LOWEST_HZ, rate_hz / 2, _CURVE_POINTS)
    delay = np.exp(-2j * math.pi * freqs_hz / rate_hz)
    power: Float64Array = np.abs(np.polyval(numerator[::-1], delay)) / np.maximum(np.abs(np.polyval(denominator[::-1], delay)), 1e-300)
    return Curve(freqs_hz, np.clip(20.0 * np.log10(np.maximum(power, 1e-300)), _SILENT_DB, -_SILENT_DB))
