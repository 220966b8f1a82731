"""The analogue filters of LSP's equalisers: every mode, type and slope as second-order sections.

    H(p) = t(p) / b(p), p = s / w0, polynomials as (c0, c1, c2) = c0 + c1 p + c2 p^2

G is the amplitude of the gain, k = 2 / (1 + q) for RLC and 1 / (1 + q) for Butterworth-Chebyshev (BWC), n the slope, x the frequency of a
filter with two of them over its second one. Formulae: lsp-plugins/lsp-dsp-units, src/main/filters/Filter.cpp (calc_rlc_filter,
calc_bwc_filter, calc_lrx_filter); which type and slope a port value means: lsp-plugins-para-equalizer, src/main/plug/para_equalizer.cpp
(decode_filter, adjust_gain). Facts, not code, are taken from there; all types that version 1.2.5 offers are measured in the plug-in.

| family | type | sections |
| --- | --- | --- |
| RLC | Lo-pass, Hi-pass | slope times two poles of Q (1 + q) / 2 |
| RLC | shelves | slope times the cookbook's shelf, gain / slope, Q (1 + q) / 2 |
| RLC | Bell, Resonance | slope times the cookbook's peak, gain / slope, its Q from k below |
| RLC, BWC, LRX | Notch | the cookbook's notch, Q (1 + q) / 2, whatever the slope |
| BWC | Lo-pass, Hi-pass | Butterworth of order 2 slope, the poles' real parts times k |
| BWC | shelves, Bell, Ladders | as many shelves (Bell: pairs of them) as the slope, on such poles |
| LRX | all others | the BWC filter of twice the slope and half the gain, twice |
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

Polynomial = tuple[float, float, float]
"""c0, c1, c2."""

_ONE: Polynomial = (1.0, 0.0, 0.0)
_SQUARE: Polynomial = (0.0, 0.0, 1.0)

WITHOUT_GAIN = frozenset({"Hi-pass", "Lo-pass", "Notch", "Allpass", "Bandpass"})
"""Types whose gain the plug-in does not use; that of APO's Allpass it does (`_lsp_filters`)."""

WITH_WIDTH = frozenset({"Bandpass", "Ladder-pass", "Ladder-rej"})
"""Types between two frequencies, `width` octaves apart; APO's Bandpass has one."""


@dataclass(frozen=True, slots=True)
class Section:
    """A quotient of two polynomials."""

    top: Polynomial
    bottom: Polynomial

    def amplitude(self, p: complex) -> float:
        """Return its absolute value at p."""
        values = [abs(c[0] + c[1] * p + c[2] * p * p) for c in (self.top, self.bottom)]
        return values[0] / values[1]


def sections(family: str, kind: str, slope: int, amplitude: float, q: float, x: float) -> list[Section]:
    """Return the sections of a filter of the family "RLC", "BWC" or "LRX".

    kind: LSP's type. slope: 1..4. amplitude: G > 0. q: the plug-in's, from 0. x: lower over upper frequency, for types in WITH_WIDTH.
    """
    gain = 1.0 if kind in WITHOUT_GAIN else amplitude
    if family == "RLC" or kind in ("Notch", "Resonance"):
        return list(_rlc(kind, slope, gain, 2.0 / (1.0 + q), q, x))
    if family == "BWC":
        return list(_bwc(kind, 2 * slope if kind in ("Hi-pass", "Lo-pass", "Allpass") else slope, gain, q, x))
    if kind == "Allpass":
        return list(_lrx_allpass(2 * slope, q))
    return 2 * list(_bwc(kind, 2 * slope, math.sqrt(gain), q, x))


def _rlc(kind: str, n: int, gain: float, k: float, q: float, x: float) -> Iterator[Section]:
    if kind in ("Lo-pass", "Hi-pass"):
        yield from n * [Section(_ONE if kind == "Lo-pass" else _SQUARE, (1.0, k, 1.0))]
    elif kind in ("Lo-shelf", "Hi-shelf"):
        yield from n * [_shelf(kind == "Lo-shelf", gain ** (1.0 / n), k)]
    elif kind in ("Bell", "Resonance"):
        g = gain ** (1.0 / n)
        width = k if kind == "Resonance" else 2.0 * (g + 1.0 / g) / (1.0 + 2.0 * q / n)
        length = math.hypot(1.0, g)
        yield from n * [Section((1.0, width * g / length, 1.0), (1.0, width / length, 1.0))]
    elif kind == "Notch":
        yield Section((1.0, 0.0, 1.0), (1.0, k, 1.0))
    elif kind == "Allpass":
        yield from n * [Section((1.0, -k, 1.0), (1.0, k, 1.0))]
    elif kind == "Bandpass":
        if n % 2:  # a band-pass of first order on both sides
            yield Section((0.0, 1.0, 0.0), (1.0, 1.0 + x, x))
        yield from n // 2 * [Section(_SQUARE, (1.0, k, 1.0)), Section(_ONE, (1.0, k * x, x * x))]
    else:
        g = gain ** (1.0 / n)
        first = _shelf(True, g, k) if kind == "Ladder-rej" else _shelf(False, g, k)
        second = _shelf(False, g if kind == "Ladder-rej" else 1.0 / g, k)
        yield from n * [first, _scaled(second, x)]


def _shelf(low: bool, gain: float, k: float) -> Section:
    """Return the cookbook's shelf of an amplitude and Q 1 / k; far from it, on the other side, it does nothing."""
    g, root = gain**0.25, math.sqrt(gain)
    top, bottom = (g, k, 1.0 / g), (1.0 / g, k, g)
    return Section(_times(top, root), bottom) if low else Section(_times(bottom, root), top)


def _bwc(kind: str, n: int, gain: float, q: float, x: float) -> Iterator[Section]:
    if kind in ("Lo-pass", "Hi-pass", "Allpass"):
        for width, kf, cosine in _poles(n // 2, 1.0 / (1.0 + q)):
            if kind == "Lo-pass":
                yield Section(_ONE, (1.0, width / kf, 1.0 / kf))
            else:
                yield Section(_SQUARE if kind == "Hi-pass" else (1.0, -2.0 * cosine, 1.0), (1.0 / kf, width / kf, 1.0))
    elif kind == "Bell":
        yield from _bwc_bell(n, gain, 1.0 / (1.0 + q))
    elif kind == "Bandpass":
        for width, kf, _ in _poles(n, 1.0 / (1.0 + q)):
            yield Section(_SQUARE, (1.0 / kf, width / kf, 1.0))
            yield Section(_ONE, (1.0, width * x / kf, x * x / kf))
    elif kind in ("Lo-shelf", "Hi-shelf"):
        yield from _bwc_shelf(kind == "Lo-shelf", n, math.sqrt(gain), q)
    elif kind == "Ladder-pass":
        yield from _bwc_shelf(False, n, math.sqrt(gain), q)
        yield from (_scaled(one, x) for one in _bwc_shelf(False, n, math.sqrt(1.0 / gain), q, inverse=True))
    else:
        yield from _bwc_shelf(True, n, math.sqrt(gain), q)
        yield from (_scaled(one, x) for one in _bwc_shelf(False, n, math.sqrt(gain), q, inverse=True))


def _poles(count: int, k: float) -> Iterator[tuple[float, float, float]]:
    """Return 2 k cos(angle), sin^2 + k^2 cos^2 and cos of each of the Butterworth poles in one quarter, (2 j + 1) pi / (4 count)."""
    for j in range(count):
        angle = (2 * j + 1) * math.pi / (4 * count)
        sine, cosine = math.sin(angle), math.cos(angle)
        yield 2.0 * k * cosine, sine * sine + k * k * cosine * cosine, cosine


def _bwc_bell(n: int, gain: float, k: float) -> Iterator[Section]:
    g = gain ** (0.5 / n)
    for width, kf, _ in _poles(n, k):
        if gain >= 1.0:
            yield Section((1.0, width * g / kf, g * g / kf), (1.0, width / kf, 1.0 / kf))
            yield Section((1.0, width / g, kf / (g * g)), (1.0, width, kf))
        else:
            yield Section((1.0, width / kf, 1.0 / kf), (1.0, width / (g * kf), 1.0 / (g * g * kf)))
            yield Section((1.0, width, kf), (1.0, width * g, kf * g * g))


def _bwc_shelf(low: bool, n: int, root: float, q: float, *, inverse: bool = False) -> Iterator[Section]:
    """Return a shelf of the amplitude root^2; its ripple, and so a gain of its own on both sides, grows with q and the gain.

    inverse: a high shelf as the ladders have it, whose poles are another one's zeros.
    """
    k = 1.0 / (1.0 + q * (1.0 - math.exp(2.0 - root - 1.0 / root)))
    g = root ** (0.5 / n)
    for j, (width, kf, _) in enumerate(_poles(n, k)):
        top, bottom = (kf / g, width, g), (g, width, kf / g)
        if inverse:
            top, bottom = (1.0 / g, width, kf * g), (kf * g, width, 1.0 / g)
        if low:
            top, bottom = bottom, top
        yield Section(_times(top, root if j == 0 else 1.0), bottom)


def _lrx_allpass(n: int, q: float) -> Iterator[Section]:
    k = 1.0 / (1.0 + q)
    for j, (width, kf, _) in enumerate(_poles(n // 2, k)):
        bottom = (1.0 / kf, width / kf, 1.0)
        for place in (2 * j + 0.5, 2 * j + 1.5):
            yield Section((1.0, -2.0 * math.cos(place * math.pi / n), 1.0), bottom)


def _scaled(section: Section, x: float) -> Section:
    """Return a section with its frequency divided by x."""
    return Section(*((c[0], c[1] * x, c[2] * x * x) for c in (section.top, section.bottom)))


def _times(polynomial: Polynomial, factor: float) -> Polynomial:
    return polynomial[0] * factor, polynomial[1] * factor, polynomial[2] * factor
