"""The one EQ truth: second-order sections of the Audio EQ Cookbook, designed in float64; `eq_filter` runs them.

Source: R. Bristow-Johnson, Audio EQ Cookbook, https://www.w3.org/TR/audio-eq-cookbook/ (low shelf, peaking EQ, high shelf, all with Q).
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
USABLE_NYQUIST = 0.95
"""Bands above this share of the Nyquist frequency are left out by `for_rate`: their shape there is nothing like the one asked for."""


def design_section(band: Band, sample_rate_hz: float) -> tuple[float, float, float, float, float, float]:
    """Return b0, b1, b2, a0, a1, a2 of one band, a0 normalised to 1.

    Raises InvalidEqError if the band sits at or above the Nyquist frequency.
    """
    if band.freq_hz >= sample_rate_hz / 2:
        raise InvalidEqError(f"{band.kind.value} freq_hz", band.freq_hz, f"above Nyquist ({sample_rate_hz / 2:g})")
    a = 10.0 ** (band.gain_db / 40.0)
    w0 = 2.0 * math.pi * band.freq_hz / sample_rate_hz
    cos_w0, alpha = math.cos(w0), math.sin(w0) / (2.0 * band.q)
    if band.kind is BandKind.PEAK:
        b0, b1, b2 = 1.0 + alpha * a, -2.0 * cos_w0, 1.0 - alpha * a
        a0, a1, a2 = 1.0 + alpha / a, -2.0 * cos_w0, 1.0 - alpha / a
    else:
        sign = 1.0 if band.kind is BandKind.LOW_SHELF else -1.0  # the high shelf is the low one with cos(w0) negated
        slope, cosine = 2.0 * math.sqrt(a) * alpha, sign * cos_w0
        b0 = a * ((a + 1.0) - (a - 1.0) * cosine + slope)
        b1 = sign * 2.0 * a * ((a - 1.0) - (a + 1.0) * cosine)
        b2 = a * ((a + 1.0) - (a - 1.0) * cosine - slope)
        a0 = (a + 1.0) + (a - 1.0) * cosine + slope
        a1 = sign * -2.0 * ((a - 1.0) + (a + 1.0) * cosine)
        a2 = (a + 1.0) + (a - 1.0) * cosine - slope
    return b0 / a0, b1 / a0, b2 / a0, 1.0, a1 / a0, a2 / a0


def design_sos(eq: EqSettings, sample_rate_hz: float) -> Float64Array:
    """Return (n, 6) second-order sections of the active bands, in scipy's order b0 b1 b2 a0 a1 a2. The preamp is not in them.

    Raises InvalidEqError if a band sits at or above the Nyquist frequency, AudioError on a rate outside 8 kHz..384 kHz.
    """
    rate = check_sample_rate_hz(sample_rate_hz)
    return np.array([design_section(band, rate) for band in eq.active_bands], dtype=np.float64).reshape(-1, 6)


def sos_response_db(sos: Float64Array, freqs_hz: FloatArray, sample_rate_hz: float) -> Float64Array:
    """Return the magnitude response of sections (..., n, 6) in series, as (..., n_freqs) in dB.

    Uses the cookbook's sin^2(w/2) form, which keeps its precision at low frequencies where cos(w) is close to 1.
    """
    phi = np.square(np.sin(math.pi * np.asarray(freqs_hz, dtype=np.float64) / sample_rate_hz))

    def power(c0: Float64Array, c1: Float64Array, c2: Float64Array) -> Float64Array:
        total = c0 + c1 + c2
        linear = c0 * c1 + 4.0 * c0 * c2 + c1 * c2
        result: Float64Array = (
            (total * total)[..., np.newaxis] - 4.0 * linear[..., np.newaxis] * phi + 16.0 * (c0 * c2)[..., np.newaxis] * phi * phi
        )
        return np.maximum(result, 1e-300)

    b0, b1, b2, a0, a1, a2 = np.moveaxis(sos, -1, 0)
    response: Float64Array = 10.0 * np.log10(power(b0, b1, b2) / power(a0, a1, a2))
    total: Float64Array = response.sum(axis=-2)
    return total


def response_db(eq: EqSettings, freqs_hz: FloatArray, sample_rate_hz: float) -> Float64Array:
    """Return the magnitude response of all enabled bands plus preamp.

    freqs_hz: (n,) in 0..sample_rate_hz/2. Returns (n,) in dB, float64.
    Raises InvalidEqError if a band sits at or above Nyquist, and for other frequencies, whose response would be another's.
    """
    freqs = np.asarray(freqs_hz, dtype=np.float64)
    if freqs.ndim != 1:
        raise InvalidEqError("freqs_hz", f"of shape {freqs.shape}", "not (n,)")
    sos = design_sos(eq, sample_rate_hz)
    if freqs.size and not (freqs.min() >= 0.0 and freqs.max() <= sample_rate_hz / 2 * _ROUNDING):
        raise InvalidEqError("freqs_hz", f"{freqs.min():g}..{freqs.max():g}", f"outside 0..{sample_rate_hz / 2:g} Hz")
    curve = sos_response_db(sos, freqs, sample_rate_hz) if len(sos) else np.zeros(freqs.shape)
    return curve + eq.preamp_db


@dataclass(frozen=True, slots=True)
class RateFit:
    """What of an EQ a sample rate can hold, and one line for each band that it cannot."""

    eq: EqSettings
    warnings: tuple[str, ...] = ()


def for_rate(eq: EqSettings, sample_rate_hz: float) -> RateFit:
    """Return the EQ without the bands above 0.95 of Nyquist; a low shelf there becomes plain gain, since it lifts everything below it.

    Such gains and the preamp together stop at -120 or 120 dB, with a warning. Raises AudioError on a rate outside 8 kHz..384 kHz.
    """
    limit_hz = USABLE_NYQUIST * check_sample_rate_hz(sample_rate_hz) / 2
    kept, warnings, preamp_db = [], [], eq.preamp_db
    for index, band in enumerate(eq.bands, start=1):
        if band.freq_hz <= limit_hz or not band.enabled or band.gain_db == 0.0:
            kept.append(band)
            continue
        what = f"band {index} ({band.kind.value}, {band.freq_hz:g} Hz, {band.gain_db:+.2f} dB)"
        if band.kind is BandKind.LOW_SHELF:
            preamp_db += band.gain_db
            warnings.append(f"{what} is above {limit_hz:g} Hz, applied as plain gain at {sample_rate_hz:g} Hz")
        else:
            warnings.append(f"{what} is above {limit_hz:g} Hz, left out at {sample_rate_hz:g} Hz")
    held_db = min(max(preamp_db, -MAX_PREAMP_DB), MAX_PREAMP_DB)
    if held_db != preamp_db:
        warnings.append(f"preamp of {preamp_db:+.2f} dB with these is held at {held_db:+.0f} dB")
    return RateFit(EqSettings(tuple(kept), held_db), tuple(warnings))


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
