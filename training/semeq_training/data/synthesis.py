"""Noise with a known long-term spectrum, for training and tests: pink, and pink coloured at random."""

from __future__ import annotations

import numpy as np

from semeq_export.arrays import Float64Array
from semeq_export.listening.spectrum import BANDS_HZ

_BEND_OCTAVES = 4.0
_OWN_SHARE = 0.1
_MODULATION_S = 0.15


def pink_noise(samples: int, sample_rate_hz: float, rng: np.random.Generator, *, colour_db: Float64Array | None = None) -> Float64Array:
    """Return (samples,) Gaussian noise whose power falls by 3.01 dB per octave, shaped bin by bin, with a mean square of 1.

    colour_db: (28,) dB at the centres of the third-octave bands, added to the pink spectrum, straight between them over log frequency.
    """
    bins = np.fft.rfft(rng.standard_normal(samples))
    freqs_hz = np.fft.rfftfreq(samples, 1.0 / sample_rate_hz)
    bins[0] = 0.0
    bins[1:] *= freqs_hz[1:] ** -0.5
    if colour_db is not None:
        bins[1:] *= 10.0 ** (np.interp(np.log(freqs_hz[1:]), np.log(BANDS_HZ), colour_db) / 20.0)
    noise: Float64Array = np.fft.irfft(bins, samples)
    return np.asarray(noise / np.sqrt(np.mean(noise * noise)))


def random_colour_db(rng: np.random.Generator) -> Float64Array:
    """Return (28,) dB of a random smooth spectrum: 7..9 dB rms, bands alike within a few octaves, mean 0."""
    distance = np.abs(np.subtract.outer(np.log2(BANDS_HZ), np.log2(BANDS_HZ)))
    covariance = (1.0 - _OWN_SHARE) * np.exp(-distance / _BEND_OCTAVES) + _OWN_SHARE * np.eye(len(BANDS_HZ))
    curve = np.linalg.cholesky(covariance) @ rng.standard_normal(len(BANDS_HZ))
    curve -= curve.mean()
    size_db = rng.uniform(7.0, 9.0)
    scaled: Float64Array = size_db * curve / np.sqrt(np.mean(curve * curve))
    return scaled


def modulated(samples: Float64Array, sample_rate_hz: float, rng: np.random.Generator) -> Float64Array:
    """Return noise (n,) that swells and fades as played notes do: a random envelope of up to 30 dB."""
    steps = max(2, int(len(samples) / (sample_rate_hz * _MODULATION_S)))
    envelope_db = rng.uniform(0.0, 10.0) * np.clip(rng.standard_normal(steps), -1.5, 1.5)
    at = np.linspace(0.0, steps - 1.0, len(samples))
    wandering: Float64Array = samples * 10.0 ** (np.interp(at, np.arange(steps), envelope_db) / 20.0)
    return wandering
