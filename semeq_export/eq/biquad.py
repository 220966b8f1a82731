"""The one EQ truth: second-order sections of the Audio EQ Cookbook, designed in float64; `filter` runs them.

Source: R. Bristow-Johnson, Audio EQ Cookbook, https://www.w3.org/TR/audio-eq-cookbook/ (low shelf, peaking EQ, high shelf, LPF, HPF, notch,
BPF with 0 dB at its peak, APF, all with Q); filters of first order by the same bilinear transform of their analogue prototypes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from semeq_export.arrays import Float64Array, FloatArray
from semeq_export.eq.settings import MAX_PREAMP_DB, Band, BandKind, EqSettings
from semeq_export.errors import AudioError, InvalidEqError
from semeq_export.units import check_sample_rate_hz

MAX_CHANNELS = 64
_ROUNDING = 1.0 + 1e-9  # a grid's last point may be a bit over Nyquist
SILENT_DB = -60.0
USABLE_NYQUIST = 0.95
"""Bands above this share of the Nyquist frequency are left out by `for_rate`: their shape there is nothing like the one asked for."""


Section = tuple[float, float, float, float, float, float]
"""b0, b1, b2, a0, a1, a2 of one section, a0 being 1."""


def design_sections(band: Band, sample_rate_hz: float) -> tuple[Section, ...]:
    """Return the sections of one band: one, or as many as a pass of a high order needs.

    Raises InvalidEqError if the band sits at or above the Nyquist frequency.
    """
    if band.freq_hz >= sample_rate_hz / 2:
        raise InvalidEqError(f"{band.kind.value} freq_hz", band.freq_hz, f"above Nyquist ({sample_rate_hz / 2:g})")
    w0 = 2.0 * math.pi * band.freq_hz / sample_rate_hz
    if band.kind in (BandKind.HIGH_PASS, BandKind.LOW_PASS):
        return tuple(_pass(band.kind, w0, q) for q in pass_qs(band.order, band.q))
    if band.kind is BandKind.TILT:
        half = 10.0 ** (-band.gain_db / 40.0)
        b0, b1, b2, *rest = _shelf(1.0, band.gain_db, w0, None if band.order == 1 else band.q)
        return ((b0 * half, b1 * half, b2 * half, *rest),)
    if band.kind in (BandKind.LOW_SHELF, BandKind.HIGH_SHELF):
        sign = -1.0 if band.kind is BandKind.LOW_SHELF else 1.0
        return (_shelf(sign, band.gain_db, w0, None if band.order == 1 else band.q),)
    return (_centred(band, w0),)


def pass_qs(order: int, q: float) -> tuple[float | None, ...]:
    """Return the Q of each section of a pass, None for one of first order: those of Butterworth, the highest multiplied by q * sqrt(2).

    Source of Butterworth's: 1 / (2 sin(angle)) of the poles' angles from the imaginary axis, (2 k + 1) pi / (2 n).
    """
    if order == 1:
        return (None,)
    if order == 2:
        return (q,)
    butterworth = [0.5 / math.sin((2 * k + 1) * math.pi / (2 * order)) for k in range(order // 2)]
    butterworth[0] *= q * math.sqrt(2.0) if abs(q - 0.7071) > 1e-9 else 1.0
    return (*butterworth, None) if order % 2 else tuple(butterworth)


def _pass(kind: BandKind, w0: float, q: float | None) -> Section:
    """Return a high- or low-pass section of the cookbook, of first order without a Q (bilinear transform of 1 / (1 + s) and s / (1 +
    s))."""
    sign = 1.0 if kind is BandKind.LOW_PASS else -1.0
    if q is None:
        k = math.tan(w0 / 2.0)
        b = (k if kind is BandKind.LOW_PASS else 1.0) / (1.0 + k)
        return b, sign * b, 0.0, 1.0, (k - 1.0) / (k + 1.0), 0.0
    cos_w0, alpha = math.cos(w0), math.sin(w0) / (2.0 * q)
    half = math.sin(w0 / 2.0) if kind is BandKind.LOW_PASS else math.cos(w0 / 2.0)
    b0, a0 = half * half, 1.0 + alpha  # (1 -+ cos w0) / 2 without its loss of digits
    return b0 / a0, sign * 2.0 * b0 / a0, b0 / a0, 1.0, -2.0 * cos_w0 / a0, (1.0 - alpha) / a0


def _shelf(sign: float, gain_db: float, w0: float, q: float | None) -> Section:
    """Return a shelf, low for sign -1 and high for 1: the cookbook's, or with q None one of first order with half its gain at w0.

    First order: A (A w + s) / (w + A s), A = 10^(gain/40), by the bilinear transform; the high shelf is that with w and s exchanged.
    """
    a = 10.0 ** (gain_db / 40.0)
    if q is None:
        k = math.tan(w0 / 2.0)
        b0, b1, a0, a1 = (
            (a * a * k + a, a * a * k - a, k + a, k - a) if sign < 0 else (a * k + a * a, a * k - a * a, a * k + 1.0, a * k - 1.0)
        )
        return b0 / a0, b1 / a0, 0.0, 1.0, a1 / a0, 0.0
    alpha = math.sin(w0) / (2.0 * q)
    slope, cosine = 2.0 * math.sqrt(a) * alpha, -sign * math.cos(w0)  # the high shelf is the low one with cos(w0) negated
    b0 = a * ((a + 1.0) - (a - 1.0) * cosine + slope)
    b1 = -sign * 2.0 * a * ((a - 1.0) - (a + 1.0) * cosine)
    b2 = a * ((a + 1.0) - (a - 1.0) * cosine - slope)
    a0 = (a + 1.0) + (a - 1.0) * cosine + slope
    a1 = -sign * -2.0 * ((a - 1.0) + (a + 1.0) * cosine)
    a2 = (a + 1.0) + (a - 1.0) * cosine - slope
    return b0 / a0, b1 / a0, b2 / a0, 1.0, a1 / a0, a2 / a0


def _centred(band: Band, w0: float) -> Section:
    """Return a peak, notch, band-pass (0 dB at its centre) or all-pass of the cookbook; an all-pass of first order is (w - s) / (w + s)."""
    cos_w0, alpha = math.cos(w0), math.sin(w0) / (2.0 * band.q)
    if band.kind is BandKind.ALL_PASS and band.order == 1:
        k = math.tan(w0 / 2.0)
        c = (k - 1.0) / (k + 1.0)
        return c, 1.0, 0.0, 1.0, c, 0.0
    a0, a1, a2 = 1.0 + alpha, -2.0 * cos_w0, 1.0 - alpha
    if band.kind is BandKind.PEAK:
        a = 10.0 ** (band.gain_db / 40.0)
        b0, b1, b2 = 1.0 + alpha * a, a1, 1.0 - alpha * a
        a0, a2 = 1.0 + alpha / a, 1.0 - alpha / a
    elif band.kind is BandKind.NOTCH:
        b0, b1, b2 = 1.0, a1, 1.0
    elif band.kind is BandKind.BAND_PASS:
        b0, b1, b2 = alpha, 0.0, -alpha
    else:
        b0, b1, b2 = a2, a1, a0
    return b0 / a0, b1 / a0, b2 / a0, 1.0, a1 / a0, a2 / a0


def design_sos(eq: EqSettings, sample_rate_hz: float) -> Float64Array:
    """Return (n, 6) second-order sections of the active bands, in scipy's order b0 b1 b2 a0 a1 a2. Preamp and curve are not in them.

    Raises InvalidEqError if a band sits at or above the Nyquist frequency, AudioError on a rate outside 8 kHz..384 kHz.
    """
    rate = check_sample_rate_hz(sample_rate_hz)
    sections = [section for band in eq.active_bands for section in design_sections(band, rate)]
    return np.array(sections, dtype=np.float64).reshape(-1, 6)


def sos_response_db(sos: Float64Array, freqs_hz: FloatArray, sample_rate_hz: float) -> Float64Array:
    """Return the magnitude response of sections (..., n, 6) in series, as (..., n_freqs) in dB.

    B(z) z at z = e^jw is (b0 + b1 + b2) - 2 (b0 + b2) p + j (b0 - b2) sin w with p = sin^2(w/2): a sum of two squares, which keeps its
    precision at low frequencies, where cos(w) is close to 1, and next to the bottom of a notch, where an expanded square cancels.
    """
    phi = np.square(np.sin(math.pi * np.asarray(freqs_hz, dtype=np.float64) / sample_rate_hz))

    def power(c0: Float64Array, c1: Float64Array, c2: Float64Array) -> Float64Array:
        real = (c0 + c1 + c2)[..., np.newaxis] - 2.0 * (c0 + c2)[..., np.newaxis] * phi
        result: Float64Array = real * real + np.square(c0 - c2)[..., np.newaxis] * (4.0 * phi * (1.0 - phi))
        return np.maximum(result, 1e-300)

    b0, b1, b2, a0, a1, a2 = np.moveaxis(sos, -1, 0)
    response: Float64Array = 10.0 * np.log10(power(b0, b1, b2) / power(a0, a1, a2))
    total: Float64Array = response.sum(axis=-2)
    return total


def response_db(eq: EqSettings, freqs_hz: FloatArray, sample_rate_hz: float) -> Float64Array:
    """Return the magnitude response of all enabled bands plus preamp and curve.

    freqs_hz: (n,) in 0..sample_rate_hz/2. Returns (n,) in dB, float64; some -3,000 dB stand for nothing, as in a notch.
    Raises InvalidEqError if a band sits at or above Nyquist, and for other frequencies, whose response would be another's.
    """
    freqs = np.asarray(freqs_hz, dtype=np.float64)
    if freqs.ndim != 1:
        raise InvalidEqError("freqs_hz", f"of shape {freqs.shape}", "not (n,)")
    sos = design_sos(eq, sample_rate_hz)
    if freqs.size and not (freqs.min() >= 0.0 and freqs.max() <= sample_rate_hz / 2 * _ROUNDING):
        raise InvalidEqError("freqs_hz", f"{freqs.min():g}..{freqs.max():g}", f"outside 0..{sample_rate_hz / 2:g} Hz")
    curve = sos_response_db(sos, freqs, sample_rate_hz) if len(sos) else np.zeros(freqs.shape)
    return curve + eq.preamp_db + (0.0 if eq.curve is None else eq.curve.at(freqs))


@dataclass(frozen=True, slots=True)
class RateFit:
    """What of an EQ a sample rate can hold, and one line for each band that it cannot."""

    eq: EqSettings
    warnings: tuple[str, ...] = ()


def for_rate(eq: EqSettings, sample_rate_hz: float) -> RateFit:
    """Return the EQ without the bands above 0.95 of Nyquist; where one of them would change all that is below, that becomes plain gain.

    A low shelf there lifts everything, a tilt lowers by half its gain, a high- or band-pass silences (-120 dB). Such gains and the preamp
    together stop at -120 or 120 dB, with a warning. Raises AudioError on a rate outside 8 kHz..384 kHz.
    """
    limit_hz = USABLE_NYQUIST * check_sample_rate_hz(sample_rate_hz) / 2
    kept, warnings, preamp_db = [], [], eq.preamp_db
    for index, band in enumerate(eq.bands, start=1):
        if band.freq_hz <= limit_hz or not band.is_active:
            kept.append(band)
            continue
        gain = f", {band.gain_db:+.2f} dB" if band.has_gain else ""
        what = f"band {index} ({band.kind.value}, {band.freq_hz:g} Hz{gain})"
        below_db = _gain_below(band)
        preamp_db += below_db
        done = "applied as plain gain" if below_db else "left out"
        warnings.append(f"{what} is above {limit_hz:g} Hz, {done} at {sample_rate_hz:g} Hz")
    held_db = min(max(preamp_db, -MAX_PREAMP_DB), MAX_PREAMP_DB)
    if held_db != preamp_db:
        warnings.append(f"preamp of {preamp_db:+.2f} dB with these is held at {held_db:+.0f} dB")
    return RateFit(EqSettings(tuple(kept), held_db, eq.curve), tuple(warnings))


def audible_db(eq: EqSettings, freqs_hz: FloatArray, sample_rate_hz: float) -> Float64Array:
    """Return the response (n,) of what a rate can hold of an EQ, in dB, and -60 dB where it is less: nobody hears how deep a notch is."""
    return np.maximum(response_db(for_rate(eq, sample_rate_hz).eq, freqs_hz, sample_rate_hz), SILENT_DB)


def _gain_below(band: Band) -> float:
    """Return what a band does far below its frequency, in dB."""
    if band.kind is BandKind.LOW_SHELF:
        return band.gain_db
    if band.kind is BandKind.TILT:
        return -band.gain_db / 2.0
    return -MAX_PREAMP_DB if band.kind in (BandKind.HIGH_PASS, BandKind.BAND_PASS) else 0.0


def check_samples(samples: NDArray[np.generic], channels: int | None = None) -> None:
    """Raise AudioError unless samples are (channels, n) float32 or float64 with 1..64 channels (exactly `channels` where given)."""
    if not isinstance(samples, np.ndarray):
        raise AudioError(f"audio is a {type(samples).__name__}, expected a numpy array (channels, samples)")
    if samples.dtype not in (np.float32, np.float64):
        raise AudioError(f"audio is {samples.dtype}, expected float32 or float64")
    if samples.ndim != 2:
        raise AudioError(f"audio has shape {samples.shape}, expected (channels, samples)")
    if channels is not None and samples.shape[0] != channels:
        raise AudioError(f"audio has {samples.shape[0]} channels, expected {channels} as (channels, samples)")
    if not 1 <= samples.shape[0] <= MAX_CHANNELS:
        raise AudioError(f"audio has {samples.shape[0]} channels, expected 1..{MAX_CHANNELS} as (channels, samples)")
