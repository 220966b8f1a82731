"""Long-term third-octave spectra of audio: measured on a fixed grid, gated, comparable across rates and levels.

A window of 85 ms slides over the audio in steps of half its length, four frames of 512 samples at 48 kHz, so that a stream can do the same
work as it goes. Windows and bins are as good as equal at all rates: resampling changes next to nothing. Each step gives the power in 28
third-octave bands, the mean of the channels. What is quiet is left out, and so is a constant offset: it lies below the lowest band.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from semeq_export.arrays import Float64Array, FloatArray
from semeq_export.eq.biquad import check_samples
from semeq_export.eq.curve import level_free
from semeq_export.errors import AudioError
from semeq_export.units import amplitude_to_db, check_sample_rate_hz

Float32Array = NDArray[np.float32]
BoolArray = NDArray[np.bool_]

FRAME_SAMPLES = 512
WINDOW_S = 4_096 / 48_000
"""Length of a window, to the next number of samples that transforms fast."""

_STEPS = np.arange(-15, 13)
BANDS_HZ: Float64Array = 1_000.0 * np.exp2(_STEPS / 3.0)
"""(28,) centres of the bands, 31.25 Hz to 16 kHz. Source: IEC 61260-1, base-two system."""
BAND_EDGES_HZ: Float64Array = 1_000.0 * np.exp2((np.arange(-15, 14) - 0.5) / 3.0)
"""(29,) borders of the bands."""

SILENT_DBFS = -90.0
"""Audio of which no window is louder is silence: dither at 16 bits is."""
_SILENCE, _FLOOR = 1e-7, 1e-12  # power against the loudest window: of windows that do not count at all, of bands that hold nothing
_GATE_DB = 25.0  # windows so far below the mean power of the others are pauses
_BAND_RANGE_DB = 100.0  # bands so far below the strongest one hold nothing; a narrower range would lose bands to an equaliser
_MIN_BANDS = 6
_CARRIED_RANGE_DB, _CLIFF_DB = 75.0, 24.0  # the latter per third octave
_LEVEL_ROUNDS = 30
_LOUDNESS = 0.3
_MAX_PEAK = 1e12  # the powers of a window stay finite in float32
_USABLE_NYQUIST = 0.95
_TINY = 1e-30
_WINDOWS_AT_ONCE = 16


@dataclass(frozen=True, slots=True, eq=False)
class AnalysisGrid:
    """How one sample rate is analysed. Made by `analysis_grid`.

    hop_samples: from window to window, half of window_samples. in_range: (28,) bands that lie below 0.95 of Nyquist as a whole.
    """

    sample_rate_hz: float
    window_samples: int
    hop_samples: int
    in_range: BoolArray
    _n_fft: int
    _taper: Float32Array
    _cell: NDArray[np.intp]
    _share: Float64Array

    def band_powers(self, windows: FloatArray) -> Float64Array:
        """Return (..., 28) mean squares of windows (..., channels, window_samples), the mean of the channels; a full-scale sine gives 0.5.

        Several at once give the same bits as one by one, in half the time.
        """
        from scipy.fft import rfft  # takes long to import; what does not listen does without

        bins = rfft(windows.astype(np.float32, copy=False) * self._taper, self._n_fft, axis=-1)
        bins = bins[..., : int(self._cell[-1]) + 1]  # what lies above the bands is not asked for
        power = np.square(bins.real)
        power += np.square(bins.imag)
        power = power.sum(axis=-2)
        whole = np.add.reduceat(power.astype(np.float64), self._cell, axis=-1)[..., :-1] * (np.diff(self._cell) > 0)
        edges = self._share * power[..., self._cell]
        bands: Float64Array = np.maximum(whole + np.diff(edges, axis=-1), 0.0) / windows.shape[-2]
        return bands


@functools.lru_cache(maxsize=32)
def analysis_grid(sample_rate_hz: float) -> AnalysisGrid:
    """Return how a sample rate is analysed; raises AudioError outside 8 kHz..384 kHz."""
    rate = check_sample_rate_hz(sample_rate_hz)
    n_fft = _fast_length(WINDOW_S * rate)
    hop = n_fft // 2
    window = 2 * hop
    taper = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(window) / window)
    taper *= np.sqrt(2.0 / (n_fft * np.sum(taper * taper)))  # Parseval: the bins of one side add up to the mean square
    at = np.minimum(BAND_EDGES_HZ * n_fft / rate + 0.5, n_fft // 2 + 1.0)  # bin k covers k - 0.5 .. k + 0.5
    cell = np.minimum(at.astype(np.intp), n_fft // 2)
    in_range = BAND_EDGES_HZ[1:] <= _USABLE_NYQUIST * rate / 2
    return AnalysisGrid(rate, window, hop, in_range, n_fft, taper.astype(np.float32), cell, at - cell)


def _fast_length(wanted: float) -> int:
    """Return the number next to the one wanted that has no prime factor over 100: scipy transforms other lengths many times slower.

    Rounder numbers transform twice as fast still, but their bins are not those of other rates: doses then change by over 0.05.
    """
    for number in sorted(range(int(wanted) - 20, int(wanted) + 22), key=lambda number: abs(number - wanted)):
        rest, factor = number, 2
        while factor <= min(rest, 100):
            while rest % factor == 0:
                rest //= factor
            factor += 1
        if rest == 1:
            return number
    raise AssertionError(f"no smooth number near {wanted}")


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """The windows of a sound that were not gated away, one or more. Made by `windows_of`.

    band_db: (n, 28) float32. times_s: (n,) their centres. weights: (n,) how loud they are, 1 in the mean. mean_db: (28,) and
    covariance_db2: (28, 28) of the windows in dB, weighted: what the sound does by itself, from note to note.
    """

    band_db: Float32Array
    times_s: Float64Array
    weights: Float64Array
    mean_db: Float64Array
    covariance_db2: Float64Array


def windows_of(band_db: FloatArray, times_s: Float64Array) -> Windows:
    """Return windows (n, 28) in dB, n from 1 on, with centres times_s (n,), and their mean and covariance.

    They weigh as they are heard, so that the end of a chord counts less than its start; loudness grows with power^0.3 (S. S. Stevens, The
    measurement of loudness, JASA 27, 1955). The power is the geometric mean of the bands: no equaliser changes the weights.
    """
    windows = np.asarray(band_db, dtype=np.float64)
    level_db = np.maximum(windows, windows.max() + 10.0 * math.log10(_FLOOR)).mean(axis=1)
    weights = 10.0 ** (_LOUDNESS * (level_db - level_db.max()) / 10.0)
    weights /= weights.mean()
    mean_db: Float64Array = weights @ windows / len(windows)
    apart = weights[:, np.newaxis] * (windows - mean_db)
    covariance_db2: Float64Array = apart.T @ apart / len(windows)
    return Windows(windows.astype(np.float32), times_s, weights, mean_db, covariance_db2)


@dataclass(frozen=True, slots=True, eq=False)
class Spectrum:
    """A long-term spectrum.

    band_db: (28,) mean power of the bands in dB; the overall level is arbitrary. usable: (28,) bands that the rate holds and that are not
    100 dB below the strongest. windows: what the mean was made of, None where it alone is known. seconds: audio heard. no_signal: why
    nothing can be said about this audio, "" where something can. covariance_db2: (28, 28) how sources of this kind vary around the mean,
    where this is a kind of source.
    """

    band_db: Float64Array
    usable: BoolArray
    windows: Windows | None
    seconds: float
    no_signal: str = ""
    covariance_db2: Float64Array | None = None

    @property
    def has_signal(self) -> bool:
        """Whether there is anything to analyse."""
        return not self.no_signal

    def carried(self) -> Spectrum:
        """Return it without bands in which it holds nothing: 75 dB below the strongest, or above a cliff that no sound has by itself.

        A resampler or a codec leaves there what it likes. The band before the cliff goes too: the cut may lie in it.
        """
        if not self.has_signal:
            return self
        audible = self.usable & (self.band_db > self.band_db[self.usable].max() - _CARRIED_RANGE_DB)
        over = [band for band in range(2, len(BANDS_HZ)) if self.band_db[band:].max() < self.band_db[band - 1] - _CLIFF_DB]
        if over:
            audible[min(over) - 1 :] = False
        return self if audible.sum() < _MIN_BANDS else replace(self, usable=audible)

    def level_free_db(self) -> Float64Array:
        """Return (28,) dB without the overall level of the usable bands."""
        return level_free(self.band_db, self.usable.astype(np.float64))


def spectrum_of(powers: Float64Array, times_s: Float64Array, in_range: BoolArray, seconds: float, *, keep_windows: bool = True) -> Spectrum:
    """Return the spectrum of windows: powers (n, 28) as `AnalysisGrid.band_powers` gives them, times_s (n,), in_range (28,)."""
    if not len(powers):
        return _nothing(f"{seconds * 1e3:.0f} ms of audio are too short, {WINDOW_S * 1e3:.0f} ms are needed", seconds)
    total = powers[:, in_range].sum(axis=1)
    loudest = total.max()
    if loudest <= 10.0 ** (SILENT_DBFS / 10.0):
        return _nothing(f"silence: nothing above {SILENT_DBFS:g} dBFS", seconds)
    # the geometric mean of the bands, not their sum: an equaliser moves it alike in every window, so it opens and closes no gate
    level = np.exp(np.log(np.maximum(powers[:, in_range], loudest * _FLOOR)).mean(axis=1))
    heard = total > loudest * _SILENCE
    heard &= level > level[heard].mean() * 10.0 ** (-_GATE_DB / 10.0)
    kept = powers[heard]
    band_db = 10.0 * np.log10(kept.mean(axis=0) + _TINY)
    usable = in_range & (band_db > band_db[in_range].max() - _BAND_RANGE_DB)
    if usable.sum() < _MIN_BANDS:
        return _nothing("too narrow: only a tone, or rumble", seconds)
    windows = windows_of(10.0 * np.log10(kept + _TINY), times_s[heard]) if keep_windows else None
    return Spectrum(band_db, usable, windows, seconds)


def mean_spectrum(spectra: list[Spectrum]) -> Spectrum:
    """Return the mean of several spectra in dB, each at equal level; a band counts where most of them hold it.

    Their windows, where all have them, are pooled at equal level. Raises AudioError where none has a signal.
    """
    heard = [spectrum for spectrum in spectra if spectrum.has_signal]
    if not heard:
        raise AudioError(f"no signal in the reference: {spectra[0].no_signal if spectra else 'no audio'}")
    if len(heard) == 1:
        return heard[0]
    usable = np.array([spectrum.usable for spectrum in heard])
    band_db = np.array([spectrum.band_db for spectrum in heard])
    held = usable.sum(axis=0) > 0
    levels, mean_db = np.zeros(len(heard)), np.zeros(len(BANDS_HZ))
    for _ in range(_LEVEL_ROUNDS):  # least squares of band_db = mean_db + levels where usable: spectra may hold different bands
        levels = np.sum((band_db - mean_db) * usable, axis=1) / usable.sum(axis=1)
        mean_db[held] = (np.sum((band_db - levels[:, np.newaxis]) * usable, axis=0)[held]) / usable.sum(axis=0)[held]
    mean_db[~held] = mean_db[held].min() - _BAND_RANGE_DB
    parts = [(spectrum.windows, level) for spectrum, level in zip(heard, levels, strict=True) if spectrum.windows is not None]
    pooled = None
    if len(parts) == len(heard):
        pooled = windows_of(np.concatenate([w.band_db - level for w, level in parts]), np.concatenate([w.times_s for w, _ in parts]))
    return Spectrum(mean_db, 2 * usable.sum(axis=0) > len(heard), pooled, sum(spectrum.seconds for spectrum in heard))


class SpectrumMeter:
    """Listens to audio block by block, whatever the sizes of the blocks.

    Raises AudioError on a bad rate, another shape or type, and a sample that is not finite or over +240 dBFS.
    """

    def __init__(self, sample_rate_hz: float, channels: int) -> None:
        self.grid = analysis_grid(sample_rate_hz)
        self._channels = channels
        self._waiting = np.zeros((channels, 0), dtype=np.float32)
        self._heard = 0
        self._powers: list[Float64Array] = []

    def listen(self, samples: FloatArray) -> None:
        """Hear a block (channels, n), float32 or float64."""
        check_samples(samples, self._channels)
        if not (peak := np.abs(samples).max(initial=0.0)) <= _MAX_PEAK:  # False for NaN, too
            what = f"is over {amplitude_to_db(_MAX_PEAK):+.0f} dBFS" if np.isfinite(peak) else "is not finite"
            raise AudioError(f"cannot analyse a sample that {what}, after frame {self._heard}")
        self._heard += samples.shape[1]
        self._waiting = np.concatenate([self._waiting, samples.astype(np.float32, copy=False)], axis=1)
        self._analyse(is_last=False)

    def _analyse(self, *, is_last: bool) -> None:
        """Transform what waits, as many windows at once as are quickest; all that are whole where nothing may follow."""
        block = self._waiting
        window, hop = self.grid.window_samples, self.grid.hop_samples
        ready = max(0, (block.shape[1] - window) // hop + 1)
        ready -= 0 if is_last else ready % _WINDOWS_AT_ONCE
        if ready:
            views = sliding_window_view(block, window, axis=1)[:, : ready * hop : hop].swapaxes(0, 1)
            for first in range(0, ready, _WINDOWS_AT_ONCE):
                self._powers.extend(self.grid.band_powers(views[first : first + _WINDOWS_AT_ONCE]))
        self._waiting = block[:, ready * hop :]

    def spectrum(self) -> Spectrum:
        """Return the spectrum of all that was heard so far."""
        self._analyse(is_last=True)
        rate = self.grid.sample_rate_hz
        powers = np.array(self._powers).reshape(-1, len(BANDS_HZ))
        times_s = (np.arange(len(powers), dtype=np.float64) * self.grid.hop_samples + self.grid.window_samples / 2) / rate
        return spectrum_of(powers, times_s, self.grid.in_range, self._heard / rate)


def measure(samples: FloatArray, sample_rate_hz: float) -> Spectrum:
    """Return the spectrum of a whole signal (channels, n); raises AudioError as `SpectrumMeter` does."""
    check_samples(samples)
    meter = SpectrumMeter(sample_rate_hz, samples.shape[0])
    meter.listen(samples)
    return meter.spectrum()


def _nothing(why: str, seconds: float) -> Spectrum:
    n = len(BANDS_HZ)
    return Spectrum(np.zeros(n), np.zeros(n, dtype=bool), None, seconds, why)
