"""Filters that a file gives by their coefficients: the band that each is, where there is one, else how much of the sound it is."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from semeq_export.arrays import Float64Array
from semeq_export.eq.biquad import USABLE_NYQUIST, design_sections, sos_response_db
from semeq_export.eq.curve import log_grid
from semeq_export.eq.settings import Band, BandKind
from semeq_export.errors import InvalidEqError

_SAME_DB = 0.01
_POINTS = 400
_BOTTOM_HZ, _TOP_HZ = 20.0, 20_000.0
_SILENT_DB = -120.0
_LONG, _FINE = 512, 2**17
_LONG_ROOTS = 64


@dataclass(frozen=True, slots=True)
class Filter:
    """sum(b z^-k) / sum(a z^-k), a[0] not 0."""

    b: tuple[float, ...]
    a: tuple[float, ...] = (1.0,)

    @property
    def is_stable(self) -> bool:
        """Whether all poles are inside the unit circle."""
        return len(self.a) < 2 or bool(np.all(np.abs(np.roots(self.a)) < 1.0))

    def response_db(self, freqs_hz: Float64Array, rate_hz: float) -> Float64Array:
        """Return the response (n,) in dB, not below -120."""
        if len(self.b) > _LONG and len(self.a) == 1:  # an impulse response
            bins = np.abs(np.fft.rfft(self.b, max(_FINE, 2 * len(self.b))))
            top: Float64Array = np.interp(freqs_hz, np.linspace(0.0, rate_hz / 2.0, bins.size), bins) / abs(self.a[0])
            return np.maximum(20.0 * np.log10(np.maximum(top, 1e-30)), _SILENT_DB)
        delay = np.exp(-2j * math.pi * freqs_hz / rate_hz)
        over, under = (np.abs(np.polynomial.polynomial.polyval(delay, np.asarray(side))) for side in (self.b, self.a))
        response: Float64Array = 20.0 * np.log10(np.maximum(over, 1e-30) / np.maximum(under, 1e-30))
        return np.maximum(response, _SILENT_DB)


def heard_hz(rate_hz: float) -> Float64Array:
    """Return the frequencies (n,) in Hz where differences are looked for."""
    return log_grid(_POINTS, _BOTTOM_HZ, min(_TOP_HZ, USABLE_NYQUIST * rate_hz / 2.0))


def loudest(filters: Iterable[Filter], rate_hz: float) -> tuple[float, float]:
    """Return the largest change in dB that filters in series make, and the frequency in Hz where it is."""
    series = list(filters)
    freqs_hz = np.union1d(heard_hz(rate_hz), [freq_hz for held in series for freq_hz in _sharp_hz(held, rate_hz)])
    total = np.abs(sum((held.response_db(freqs_hz, rate_hz) for held in series), np.zeros(freqs_hz.size)))
    worst = int(np.argmax(total))
    return float(total[worst]), float(freqs_hz[worst])


def _sharp_hz(held: Filter, rate_hz: float) -> list[float]:
    """Return where a filter's poles and zeros are, in Hz, of those that are heard: its response may be sharp there."""
    if max(len(held.b), len(held.a)) > _LONG_ROOTS:
        return []
    angles = [float(angle) for side in (held.b, held.a) for angle in np.abs(np.angle(np.roots(side)))]
    found = [angle * rate_hz / (2.0 * math.pi) for angle in angles]
    return [freq_hz for freq_hz in found if _BOTTOM_HZ <= freq_hz <= min(_TOP_HZ, USABLE_NYQUIST * rate_hz / 2.0)]


def band_of(held: Filter, rate_hz: float) -> Band | None:
    """Return the band of the same response within 0.01 dB at a sample rate, None where there is none."""
    b, a = ([*(value / held.a[0] for value in side), 0.0, 0.0][:3] for side in (held.b, held.a))
    if max(len(held.b), len(held.a)) > 3:
        return None
    freqs_hz = heard_hz(rate_hz)
    wanted = held.response_db(freqs_hz, rate_hz)
    for make in _KINDS:
        try:
            found = list(make(b, a, rate_hz))
        except (ValueError, ZeroDivisionError, OverflowError, InvalidEqError, np.linalg.LinAlgError):
            continue
        for band in found:
            sos = np.array(design_sections(band, rate_hz))
            if np.max(np.abs(np.maximum(sos_response_db(sos, freqs_hz, rate_hz), _SILENT_DB) - wanted)) <= _SAME_DB:
                return band
    return None


def _centred(b: Sequence[float], a: Sequence[float], rate_hz: float) -> Iterator[Band]:
    """Yield what has 1 + x, -2 cos w, 1 - x for a denominator: passes, notch, band-pass, all-pass, peak."""
    scale = 2.0 / (1.0 + a[2])
    w = math.acos(-a[1] * scale / 2.0)
    freq_hz, x, y = w * rate_hz / (2.0 * math.pi), scale - 1.0, b[0] * scale - 1.0
    if a[2] == 0.0 and b[2] == 0.0:
        return
    for kind in (BandKind.LOW_PASS, BandKind.HIGH_PASS, BandKind.NOTCH, BandKind.BAND_PASS, BandKind.ALL_PASS):
        yield Band(kind, freq_hz, 0.0, math.sin(w) / (2.0 * x))
    if x > 0.0 and y > 0.0:
        yield Band(BandKind.PEAK, freq_hz, 20.0 * math.log10(y / x), math.sin(w) / (2.0 * math.sqrt(x * y)))


def _low_shelf(b: Sequence[float], a: Sequence[float], rate_hz: float) -> Iterator[Band]:
    root = math.sqrt(sum(b) / sum(a))
    c, scale = np.linalg.solve(
        np.array([[2.0 * (root - 1.0), -(1.0 + a[2])], [2.0 * (root + 1.0), a[1]]]), np.array([-2.0 * (root + 1.0), -2.0 * (root - 1.0)])
    )
    w, alpha = math.acos(c), (1.0 - a[2]) * scale / 4.0 / math.sqrt(root)
    yield Band(BandKind.LOW_SHELF, w * rate_hz / (2.0 * math.pi), 40.0 * math.log10(root), math.sin(w) / (2.0 * alpha))


def _high_shelf(b: Sequence[float], a: Sequence[float], rate_hz: float) -> Iterator[Band]:
    """Yield the mirror of a low shelf at a quarter of the sample rate."""
    for low in _low_shelf([b[0], -b[1], b[2]], [a[0], -a[1], a[2]], rate_hz):
        yield Band(BandKind.HIGH_SHELF, rate_hz / 2.0 - low.freq_hz, low.gain_db, low.q)


def _first_order(b: Sequence[float], a: Sequence[float], rate_hz: float) -> Iterator[Band]:
    if b[2] != 0.0 or a[2] != 0.0:
        return
    k = (1.0 + a[1]) / (1.0 - a[1])
    for kind in (BandKind.LOW_PASS, BandKind.HIGH_PASS, BandKind.ALL_PASS):
        yield Band(kind, math.atan(k) * rate_hz / math.pi, order=1)
    low, high = math.sqrt((b[0] + b[1]) / (1.0 + a[1])), math.sqrt((b[0] - b[1]) / (1.0 - a[1]))
    yield Band(BandKind.LOW_SHELF, math.atan(k * low) * rate_hz / math.pi, 40.0 * math.log10(low), order=1)
    yield Band(BandKind.HIGH_SHELF, math.atan(k / high) * rate_hz / math.pi, 40.0 * math.log10(high), order=1)


_KINDS = (_centred, _low_shelf, _high_shelf, _first_order)
