"""What a program or plug-in did to a known impulse, as a magnitude response.

One test signal and one way to read it for every host: an impulse of 0.25 in 64 Ki samples at 48 kHz, low enough that no boost clips and
long enough that a narrow band at 20 Hz has died away.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from semeq_export.arrays import Float64Array, FloatArray
from semeq_export.errors import AudioError

IMPULSE_AMPLITUDE = 0.25
IMPULSE_SAMPLES = 65_536
IMPULSE_RATE_HZ = 48_000

_BLOCK_SAMPLES = 256  # about the square root of the usual length, which makes both steps of the transform equally small


def impulse(n_samples: int = IMPULSE_SAMPLES, *, at_sample: int = 0) -> Float64Array:
    """Return (n_samples,) of silence with one sample of 0.25 at `at_sample` (later than 0 for filters that ring before their centre)."""
    samples = np.zeros(n_samples)
    samples[at_sample] = IMPULSE_AMPLITUDE
    return samples


def measured_response_db(
    output: FloatArray, freqs_hz: FloatArray, sample_rate_hz: float, *, amplitude: float = IMPULSE_AMPLITUDE
) -> Float64Array:
    """Return the magnitude response that turned an impulse of `amplitude` into `output`.

    output: (n,) or (channels, n). freqs_hz: (n_freqs,). Returns (n_freqs,) or (channels, n_freqs) in dB; silence reads as -300 dB and less.
    The Fourier sum is exact at each frequency, with no window and no bins: in blocks, X(w) = sum_k e^(-jwBk) sum_m x[kB+m] e^(-jwm).
    Raises AudioError if the output is empty or not finite.
    """
    samples = np.asarray(output, dtype=np.float64)
    if samples.shape[-1] == 0 or not np.all(np.isfinite(samples)):
        raise AudioError("the measured output is empty" if samples.shape[-1] == 0 else "the measured output is not finite")
    n_blocks = math.ceil(samples.shape[-1] / _BLOCK_SAMPLES)
    padding = [(0, 0)] * (samples.ndim - 1) + [(0, n_blocks * _BLOCK_SAMPLES - samples.shape[-1])]
    blocks = np.pad(samples, padding).reshape(*samples.shape[:-1], n_blocks, _BLOCK_SAMPLES)
    w = 2.0 * np.pi * np.asarray(freqs_hz, dtype=np.float64) / sample_rate_hz
    inside = np.exp(-1j * np.outer(np.arange(_BLOCK_SAMPLES), w))
    between = np.exp(-1j * np.outer(np.arange(n_blocks) * _BLOCK_SAMPLES, w))
    spectrum = np.sum((blocks @ inside) * between, axis=-2)
    response: Float64Array = 20.0 * np.log10(np.maximum(np.abs(spectrum) / amplitude, 1e-300))
    return response


@dataclass(frozen=True, slots=True, eq=False)
class Measurement:
    """What a host made of the test impulse.

    samples: (channels, n), float64. host: name and version of the program that rendered it, as a "verified" column shows it.
    """

    samples: Float64Array
    sample_rate_hz: float
    host: str

    def response_db(self, freqs_hz: FloatArray) -> Float64Array:
        """Return the magnitude response (channels, n_freqs) in dB at frequencies (n_freqs,) in Hz."""
        return measured_response_db(self.samples, freqs_hz, self.sample_rate_hz)
