"""True peaks: what a signal reaches between its samples, measured on an oversampled copy as ITU-R BS.1770-4 Annex 2 describes.

The rate is raised to 192 kHz or more (4 times below 96 kHz, 2 times below 192 kHz) by a Kaiser-windowed sinc of our own, 32 taps for each
of its phases. An interpolated sample is a sum of 32 samples with known weights, so it cannot exceed the largest of those times the sum of
the weights: stretches that can reach neither the floor nor what was found already are not oversampled at all.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.signal import firwin, upfirdn

from semeq_export.arrays import FloatArray

_TAPS, _HOP = 32, 16
_HOT = 1e30
"""Sums of samples over this may not fit into 32 bits."""
_WINDOW_HOPS = (_TAPS + _HOP) // _HOP


@cache
def _interpolator(factor: int) -> tuple[NDArray[np.float32], float]:
    """Return (window, hop * factor), what turns a window of samples into its interpolated ones, and the largest sum of absolute weights."""
    taps = firwin(_TAPS * factor - 1, 1.0 / factor, window=("kaiser", 5.0)) * factor
    raised = upfirdn(taps, np.eye(_TAPS + _HOP), up=factor, axis=1)[:, _TAPS * factor - 2 :]  # from the first sum of 32 true samples on
    matrix: NDArray[np.float32] = np.ascontiguousarray(raised[:, : _HOP * factor], dtype=np.float32)
    return matrix, float(np.abs(matrix).sum(axis=0).max())


class TruePeak:
    """The true peak of a signal that comes in blocks; one for each signal.

    floor: what is below it need not be known; 0 measures everything.
    """

    def __init__(self, sample_rate_hz: float, channels: int, *, floor: float = 0.0) -> None:
        self._factor = 4 if sample_rate_hz < 96_000.0 else 2 if sample_rate_hz < 192_000.0 else 1
        self._weights, self._most = _interpolator(max(2, self._factor))
        self._floor, self._sample_peak, self._between = floor, 0.0, 0.0
        self._pending: FloatArray = np.zeros((channels, _TAPS))
        """What is not a whole hop yet, after the samples that its sums begin with."""

    @property
    def amplitude(self) -> float:
        """The largest of the samples and, where it is the floor or more, of what lies between them: 1 = full scale."""
        return max(self._sample_peak, self._between)

    def feed(self, block: FloatArray, sample_peak: float | None = None) -> None:
        """Take the next samples (channels, n), n from 0 on. sample_peak: the block's, where it is known already."""
        if block.shape[1] == 0:
            return
        peak = float(np.abs(block).max()) if sample_peak is None else sample_peak
        self._sample_peak = max(self._sample_peak, peak)
        if self._factor == 1:
            return
        held = float(np.abs(self._pending).max())
        samples = np.concatenate([self._pending, block], axis=1)
        hops = (samples.shape[1] - _TAPS) // _HOP
        if hops and max(peak, held) * self._most > max(self._floor, self.amplitude):
            self._look_between(samples[:, : hops * _HOP + _TAPS])
        self._pending = samples[:, hops * _HOP :]

    def finish(self) -> None:
        """Look at the end too, where the signal falls to nothing."""
        self.feed(np.zeros((self._pending.shape[0], _TAPS + _HOP)), 0.0)

    def _look_between(self, samples: FloatArray) -> None:
        """Oversample the hops of (channels, n) that may hold a new peak; n is that of whole hops, and of the samples before the first."""
        channels, count = samples.shape
        single = samples.astype(np.float32 if self._sample_peak < _HOT else np.float64)
        peaks = np.abs(single.reshape(channels, count // _HOP, _HOP)).max(axis=2)
        within = np.lib.stride_tricks.sliding_window_view(peaks, _WINDOW_HOPS, axis=1).max(axis=2)
        possible = within * self._most > max(self._floor, self.amplitude)
        if not possible.any():
            return
        windows = np.lib.stride_tricks.sliding_window_view(single, _TAPS + _HOP, axis=1)[:, ::_HOP][possible]
        raised = windows @ self._weights
        self._between = max(self._between, float(raised.max()), -float(raised.min()))
