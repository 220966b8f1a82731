"""The long-term spectrum of the last seconds of a stream, kept up to date window by window on a grid of its own."""

from __future__ import annotations

import numpy as np

from semeq_export.arrays import FloatArray
from semeq_export.eq.biquad import MAX_CHANNELS, check_samples
from semeq_export.errors import AudioError
from semeq_export.listening.spectrum import BANDS_HZ, Spectrum, analysis_grid, spectrum_of

CONTEXT_S = 2.0
MIN_CONTEXT_S, MAX_CONTEXT_S = 0.2, 60.0


class RollingSpectrum:
    """The third-octave spectrum of the last `context_s` seconds, as `semeq_export.listening.spectrum.measure` would give it, window by
    window.

    Windows end at sample window_samples + k * hop_samples of the stream, whatever the blocks. Memory is fixed at the start.
    Raises AudioError on a bad rate, channel count or context (0.2..60 s).
    """

    def __init__(self, sample_rate_hz: float, channels: int, context_s: float = CONTEXT_S) -> None:
        self.grid = analysis_grid(sample_rate_hz)
        if not 1 <= channels <= MAX_CHANNELS:
            raise AudioError(f"{channels} channels, expected 1..{MAX_CHANNELS}")
        if not MIN_CONTEXT_S <= context_s <= MAX_CONTEXT_S:
            raise AudioError(f"context_s {context_s:g} is outside {MIN_CONTEXT_S:g}..{MAX_CONTEXT_S:g}")
        self._channels = channels
        self._audio = np.zeros((channels, self.grid.window_samples), dtype=np.float32)
        fitting = (context_s * sample_rate_hz - self.grid.window_samples) // self.grid.hop_samples + 1
        self._powers = np.zeros((max(1, int(fitting)), len(BANDS_HZ)))
        self.reset()

    @property
    def context_s(self) -> float:
        """How much audio counts: the seconds from the start of the oldest window to the end of the newest once all are there."""
        return ((len(self._powers) - 1) * self.grid.hop_samples + self.grid.window_samples) / self.grid.sample_rate_hz

    @property
    def until_window_end(self) -> int:
        """How many samples are missing until the next window is complete, 1 or more."""
        return self.grid.window_samples - self._filled

    def reset(self) -> None:
        """Forget everything heard so far."""
        self._filled = 0  # samples of the window that is being filled
        self._heard = 0  # samples of the stream
        self._sound_from = 0  # where the last unsound sample ends
        self._count = 0  # windows measured so far
        self._newest_end = 0  # where in the stream the last of them ended

    def hear(self, samples: FloatArray, *, is_sound: bool = True) -> bool:
        """Hear (channels, n), n at most `until_window_end`; return whether that completed a window that counts.

        is_sound: False for samples that stand for others that could not be used; windows that hold one do not count.
        """
        check_samples(samples, self._channels)
        end = self._filled + samples.shape[1]
        assert end <= self.grid.window_samples
        self._audio[:, self._filled : end] = samples
        self._filled = end
        self._heard += samples.shape[1]
        if not is_sound:
            self._sound_from = self._heard
        if end < self.grid.window_samples:
            return False
        counts = self._heard - self.grid.window_samples >= self._sound_from
        if counts:
            self._powers[self._count % len(self._powers)] = self.grid.band_powers(self._audio)
            self._count += 1
            self._newest_end = self._heard
        kept = self.grid.window_samples - self.grid.hop_samples
        self._audio[:, :kept] = self._audio[:, self.grid.hop_samples :].copy()
        self._filled = kept
        return counts

    def spectrum(self, *, keep_windows: bool = True) -> Spectrum:
        """Return the spectrum of the windows in the context; its `no_signal` says where there is nothing to measure.

        keep_windows: False for the mean alone, which is quicker.
        """
        rate, capacity = self.grid.sample_rate_hz, len(self._powers)
        newest, powers = self._count % capacity, self._powers[: self._count]
        if self._count > capacity and newest:
            powers = np.concatenate([self._powers[newest:], self._powers[:newest]])  # in order of time: sums of floats depend on it
        steps_back = np.arange(len(powers) - 1, -1, -1, dtype=np.float64)
        times_s = (self._newest_end - self.grid.window_samples / 2 - self.grid.hop_samples * steps_back) / rate
        seconds = min(self._heard / rate, self.context_s)
        return spectrum_of(powers, times_s, self.grid.in_range, seconds, keep_windows=keep_windows)
