"""Filter sections as complex responses, from the published formulae; shares no code with the product, whose readers it judges.

Every function takes frequencies (n,) in Hz and a sample rate in Hz, and returns the complex response (n,).
Sources: Audio EQ Cookbook (R. Bristow-Johnson, W3C note); the bilinear transform for the first-order and classical designs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Complex = NDArray[np.complex128]

BUTTERWORTH_Q = math.sqrt(0.5)


@dataclass(frozen=True)
class Grid:
    """Where a response is wanted: frequencies (n,) in Hz, and the sample rate in Hz at which the host runs."""

    freqs_hz: Floats
    rate_hz: float = 48_000.0

    @property
    def size(self) -> int:
        return int(self.freqs_hz.size)

    def constant(self, value: complex) -> Complex:
        return np.full(self.size, value, np.complex128)


def digital(grid: Grid, numerator: Sequence[float], denominator: Sequence[float]) -> Complex:
    """Return the response of sum(b z^-k) / sum(a z^-k)."""
    delay = np.exp(-2j * math.pi * grid.freqs_hz / grid.rate_hz)
    top = np.polynomial.polynomial.polyval(delay, np.asarray(numerator, np.float64))
    bottom = np.polynomial.polynomial.polyval(delay, np.asarray(denominator, np.float64))
    return np.asarray(top / bottom, np.complex128)


def alpha_of_q(grid: Grid, freq_hz: float, q: float) -> float:
    return math.sin(_angle(grid, freq_hz)) / (2.0 * q)


def alpha_of_bandwidth(grid: Grid, freq_hz: float, octaves: float) -> float:
    """Return the cookbook's alpha of a bandwidth in octaves, with the factor w / sin w that keeps it near the Nyquist frequency."""
    w = _angle(grid, freq_hz)
    return math.sin(w) * math.sinh(math.log(2.0) / 2.0 * octaves * w / math.sin(w))


def alpha_of_slope(grid: Grid, freq_hz: float, gain_db: float, slope: float) -> float:
    """Return the cookbook's alpha of a shelf slope S; inside the root nothing falls below 0 (the steepest that the formula allows)."""
    a = 10.0 ** (gain_db / 40.0)
    inside = (a + 1.0 / a) * (1.0 / slope - 1.0) + 2.0
    return math.sin(_angle(grid, freq_hz)) / 2.0 * math.sqrt(max(inside, 0.0))


def peak(grid: Grid, freq_hz: float, gain_db: float, alpha: float) -> Complex:
    a, c = 10.0 ** (gain_db / 40.0), math.cos(_angle(grid, freq_hz))
    return digital(grid, (1 + alpha * a, -2 * c, 1 - alpha * a), (1 + alpha / a, -2 * c, 1 - alpha / a))


def shelf(grid: Grid, freq_hz: float, gain_db: float, alpha: float, *, low: bool) -> Complex:
    a, c = 10.0 ** (gain_db / 40.0), math.cos(_angle(grid, freq_hz))
    s = c if low else -c  # the high shelf is the low one mirrored at a quarter of the sample rate
    root = 2.0 * math.sqrt(a) * alpha
    sign = 1.0 if low else -1.0
    top = (a * (a + 1 - (a - 1) * s + root), sign * 2 * a * (a - 1 - (a + 1) * s), a * (a + 1 - (a - 1) * s - root))
    bottom = (a + 1 + (a - 1) * s + root, -sign * 2 * (a - 1 + (a + 1) * s), a + 1 + (a - 1) * s - root)
    return digital(grid, top, bottom)


def low_pass(grid: Grid, freq_hz: float, alpha: float) -> Complex:
    c = math.cos(_angle(grid, freq_hz))
    return digital(grid, ((1 - c) / 2, 1 - c, (1 - c) / 2), (1 + alpha, -2 * c, 1 - alpha))


def high_pass(grid: Grid, freq_hz: float, alpha: float) -> Complex:
    c = math.cos(_angle(grid, freq_hz))
    return digital(grid, ((1 + c) / 2, -1 - c, (1 + c) / 2), (1 + alpha, -2 * c, 1 - alpha))


def band_pass(grid: Grid, freq_hz: float, alpha: float) -> Complex:
    """Return a band-pass whose peak is 0 dB."""
    c = math.cos(_angle(grid, freq_hz))
    return digital(grid, (alpha, 0.0, -alpha), (1 + alpha, -2 * c, 1 - alpha))


def notch(grid: Grid, freq_hz: float, alpha: float) -> Complex:
    c = math.cos(_angle(grid, freq_hz))
    return digital(grid, (1.0, -2 * c, 1.0), (1 + alpha, -2 * c, 1 - alpha))


def all_pass(grid: Grid, freq_hz: float, alpha: float) -> Complex:
    c = math.cos(_angle(grid, freq_hz))
    return digital(grid, (1 - alpha, -2 * c, 1 + alpha), (1 + alpha, -2 * c, 1 - alpha))


def first_order(grid: Grid, freq_hz: float, analog: tuple[float, float, float, float]) -> Complex:
    """Return (b1 s + b0) / (a1 s + a0) in s / w0, through the bilinear transform that keeps freq_hz in place."""
    b1, b0, a1, a0 = analog
    t = math.tan(_angle(grid, freq_hz) / 2.0)
    return digital(grid, (b1 + b0 * t, -b1 + b0 * t), (a1 + a0 * t, -a1 + a0 * t))


def first_order_shelf(grid: Grid, freq_hz: float, gain_db: float, *, low: bool) -> Complex:
    """Return the first-order shelf that has half its gain in dB at freq_hz."""
    a = 10.0 ** (gain_db / 40.0)
    return first_order(grid, freq_hz, (1.0, a, 1.0, 1.0 / a) if low else (a, 1.0, 1.0 / a, 1.0))


def first_order_pass(grid: Grid, freq_hz: float, *, low: bool) -> Complex:
    return first_order(grid, freq_hz, (0.0, 1.0, 1.0, 1.0) if low else (1.0, 0.0, 1.0, 1.0))


def butterworth(grid: Grid, freq_hz: float, order: int, *, low: bool) -> Complex:
    """Return a Butterworth low- or high-pass of any order, -3 dB at freq_hz: sections of the Q that its poles have."""
    response = grid.constant(1.0)
    if order % 2:
        response = response * first_order_pass(grid, freq_hz, low=low)
    section = low_pass if low else high_pass
    for k in range(order // 2):
        q = 1.0 / (2.0 * math.sin(math.pi / order * (k + 0.5)))
        response = response * section(grid, freq_hz, alpha_of_q(grid, freq_hz, q))
    return response


def linkwitz_riley(grid: Grid, freq_hz: float, order: int, *, low: bool) -> Complex:
    """Return two Butterworth filters of half the order in series, -6 dB at freq_hz."""
    half = butterworth(grid, freq_hz, order // 2, low=low)
    return half * half


def interpolated(grid: Grid, points: Sequence[tuple[float, float]]) -> Complex:
    """Return a gain curve in dB through (Hz, dB) points, straight over the logarithm of frequency and flat outside; without phase."""
    nodes = sorted(points)
    logs, gains = [math.log(freq) for freq, _ in nodes], [gain for _, gain in nodes]
    return np.asarray(10.0 ** (np.interp(np.log(grid.freqs_hz), logs, gains) / 20.0), np.complex128)


def amplitude(gain_db: float) -> float:
    return float(10.0 ** (gain_db / 20.0))


def _angle(grid: Grid, freq_hz: float) -> float:
    return 2.0 * math.pi * freq_hz / grid.rate_hz
