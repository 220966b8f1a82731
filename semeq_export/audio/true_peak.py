"""True peaks: what a signal reaches between its samples, measured on an oversampled copy as ITU-R BS.1770-4 Annex 2 describes.

The rate is raised to 192 kHz or more (4 times below 96 kHz, 2 times below 192 kHz) by a Kaiser-windowed sinc of our own, 32 taps for each
of its phases. Few samples are raised at all: what lies between them has two bounds, and only a stretch that can reach the floor and more
than was found already is looked into, the likeliest first.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from semeq_export.arrays import Float64Array, FloatArray

_TAPS, _HOP = 32, 16
_STRETCH = 16 * _HOP
"""Samples that are bounded together."""
_AT_ONCE = 48
"""Windows that are raised before what they reach is compared with what the others can: a product of one size, in one thread."""
_KAISER_BETA = 5.0
_ROUNDING = 1.0 + 1e-5
_HOT = 1e30
"""Sums of samples over this may not fit into 32 bits."""


@dataclass(frozen=True, slots=True, eq=False)
class _Interpolator:
    """weights: (window, hop * factor), what turns a window of samples into its interpolated ones.

    of_peak: the largest sum of absolute weights, so nothing exceeds the largest sample times this. of_level, of_bend: nor does it exceed
    the largest sample times of_level plus the largest second difference times of_bend, which is far less where a signal is smooth.
    """

    weights: Float64Array
    of_peak: float
    of_level: float
    of_bend: float


@cache
def _interpolator(factor: int) -> _Interpolator:
    n = _TAPS * factor - 1
    taps = np.sinc((np.arange(n) - (n - 1) / 2) / factor) / factor * np.kaiser(n, _KAISER_BETA)
    taps *= factor / taps.sum()
    raised = np.zeros((_TAPS + _HOP, (_TAPS + _HOP) * factor + n))
    for sample, row in enumerate(raised):
        row[sample * factor : sample * factor + n] = taps
    first = n - 1  # the first sum of 32 true samples
    weights: Float64Array = raised[:, first : first + _HOP * factor].astype(np.float32).astype(np.float64)
    return _Interpolator(weights, float(np.abs(weights).sum(axis=0).max()), *_smooth_bound(weights, factor))


def _smooth_bound(weights: Float64Array, factor: int) -> tuple[float, float]:
    """Return of_level and of_bend of `_Interpolator`.

    A straight line between two samples exceeds neither; what the weights do beyond it is summed by parts twice, so that it weighs second
    differences, and what is left over, as the weights do not quite keep a line a line, weighs samples.
    """
    beyond = weights.copy()
    for column, place in enumerate(np.rint(np.arange(_TAPS + _HOP) @ weights * factor) / factor):
        before = int(place)
        beyond[before, column] -= 1.0 - (place - before)
        beyond[before + 1, column] -= place - before
    once = np.cumsum(beyond, axis=0)
    twice = np.cumsum(once, axis=0)
    of_level = 1.0 + np.abs(once[-1]).max() + 2.0 * np.abs(twice[-2]).max()
    return float(of_level), float(np.abs(twice[:-2]).sum(axis=0).max())


class TruePeak:
    """The true peak of a signal that comes in blocks; one for each signal.

    floor: what is below it need not be known; 0 measures everything.
    """

    def __init__(self, sample_rate_hz: float, channels: int, *, floor: float = 0.0) -> None:
        self._factor = 4 if sample_rate_hz < 96_000.0 else 2 if sample_rate_hz < 192_000.0 else 1
        self._interpolator = _interpolator(max(2, self._factor))
        self._floor, self._sample_peak, self._between = floor, 0.0, 0.0
        self._pending: FloatArray = np.zeros((channels, _TAPS))
        """What is not a whole stretch yet, after the samples that its sums begin with."""

    @property
    def amplitude(self) -> float:
        """The largest of the samples and, where it is the floor or more, of what lies between them: 1 = full scale.

        Of the last `_STRETCH` samples and a few more, what lies between is known after `finish`.
        """
        return max(self._sample_peak, self._between)

    def feed(self, block: FloatArray, sample_peak: float | None = None) -> None:
        """Take the next samples (channels, n), n from 0 on. sample_peak: the block's, where it is known already."""
        if block.shape[1] == 0:
            return
        peak = float(np.abs(block).max()) if sample_peak is None else sample_peak
        self._sample_peak = max(self._sample_peak, peak)
        if self._factor == 1:
            return
        held = self._pending.shape[1]
        ready = (held - _TAPS + block.shape[1]) // _STRETCH * _STRETCH
        if ready and max(peak, float(np.abs(self._pending).max())) * self._interpolator.of_peak > self._known:
            samples = np.empty((block.shape[0], ready + _TAPS), np.float32 if self._sample_peak < _HOT else np.float64)
            samples[:, :held] = self._pending[:, : samples.shape[1]]
            samples[:, held:] = block[:, : max(0, samples.shape[1] - held)]
            self._look_between(samples)
        self._pending = np.concatenate([self._pending[:, ready:], block[:, max(0, ready - held) :]], axis=1)

    def finish(self) -> None:
        """Look at the end too, where the signal falls to nothing."""
        self.feed(np.zeros((self._pending.shape[0], _TAPS + _STRETCH)), 0.0)

    @property
    def _known(self) -> float:
        """What a stretch must exceed to matter."""
        return max(self._floor, self.amplitude)

    def _look_between(self, samples: FloatArray) -> None:
        """Oversample what may hold a new peak of (channels, n); n is that of whole stretches, and of the samples before the first."""
        bounds, channels = self._interpolator, samples.shape[0]
        stretches = samples[:, :-_TAPS].reshape(channels, -1, _STRETCH)
        peaks = np.abs(stretches).max(axis=2)
        after = np.concatenate([peaks[:, 1:], np.abs(samples[:, -_TAPS:]).max(axis=1, keepdims=True)], axis=1)
        peaks = np.maximum(peaks, after) * (bounds.of_peak * _ROUNDING)
        possible = peaks > self._known
        if not possible.any():
            return
        peaks = peaks[possible]
        rows = sliding_window_view(samples, _STRETCH + _TAPS, axis=1)[:, ::_STRETCH][possible]
        bends = np.abs(np.diff(rows, 2, axis=1)).max(axis=1)
        reach = np.minimum(peaks, (peaks * (bounds.of_level / bounds.of_peak) + bends * bounds.of_bend) * _ROUNDING)
        possible = reach > self._known
        if possible.any():
            self._raise(rows[possible])

    def _raise(self, rows: FloatArray) -> None:
        """Oversample what may hold a new peak of stretches (n, samples), in windows of `_HOP` samples, those first that can reach most."""
        bounds = self._interpolator
        levels = _largest_near(np.abs(rows))
        bends = _largest_near(np.abs(np.diff(rows, 2, axis=1, append=np.zeros((len(rows), 2), rows.dtype))))
        reach = np.minimum(levels * bounds.of_peak, levels * bounds.of_level + bends * bounds.of_bend).ravel() * _ROUNDING
        windows = sliding_window_view(rows, _TAPS + _HOP, axis=1)[:, ::_HOP].reshape(-1, _TAPS + _HOP)
        order = np.argsort(-reach)
        for start in range(0, len(order), _AT_ONCE):
            if reach[order[start]] <= self._known:
                return
            raised = np.abs(windows[order[start : start + _AT_ONCE]].astype(np.float64) @ bounds.weights).max()
            self._between = max(self._between, float(raised.astype(rows.dtype)))  # rounded: the same bits whatever BLAS adds up first


def _largest_near(rows: FloatArray) -> FloatArray:
    """Return (n, hops) of numbers (n, samples): the largest within the window of each hop."""
    hops = rows.reshape(len(rows), -1, _HOP).max(axis=2)
    nearest: FloatArray = np.maximum(np.maximum(hops[:, :-2], hops[:, 1:-1]), hops[:, 2:])
    return nearest
