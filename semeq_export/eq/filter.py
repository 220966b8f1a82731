"""Sound through the sections of `biquad`, in float64."""

from __future__ import annotations

import math

import numpy as np

from semeq_export.arrays import Float64Array, FloatArray
from semeq_export.eq.biquad import MAX_CHANNELS, check_samples, design_sos
from semeq_export.eq.channels import MID, SIDE, ChannelEqs, Equaliser, position
from semeq_export.eq.curve import Curve
from semeq_export.eq.sections import run_sections
from semeq_export.eq.settings import EqSettings
from semeq_export.errors import AudioError
from semeq_export.units import check_sample_rate_hz, db_to_amplitude

_IMPULSE_HZ = 6.0  # 8,192 taps at 48 kHz
_FLOOR_DB = -120.0


class EqFilter:
    """An EQ that carries its state from block to block: any sequence of block sizes gives the same bits as one call.

    With a curve, which is a convolution, equal to about 1e-12 of full scale. Raises InvalidEqError if a band sits at or above Nyquist (see
    `for_rate`), AudioError on a bad rate or channel count, or an EQ for mid and side with other than two channels.
    """

    def __init__(self, eq: Equaliser, sample_rate_hz: float, channels: int) -> None:
        if not 1 <= channels <= MAX_CHANNELS:
            raise AudioError(f"{channels} channels, expected 1..{MAX_CHANNELS}")
        self.channels = channels
        self._parts: list[tuple[slice, _Series]] = []
        self._is_mid_side = isinstance(eq, ChannelEqs) and eq.is_mid_side
        for where, held in _places(eq, channels):
            self._parts.append((where, _Series(held, sample_rate_hz, len(range(channels)[where]))))

    def reset(self) -> None:
        """Forget everything heard so far."""
        for _, series in self._parts:
            series.reset()

    @property
    def is_identity(self) -> bool:
        """Whether every bit of the input comes out again."""
        return all(series.is_identity for _, series in self._parts)

    @property
    def state(self) -> tuple[Float64Array, ...]:
        """What the filter remembers. Setting what was read before goes back to that moment."""
        return tuple(array for _, series in self._parts for array in (series.sections, series.tail))

    @state.setter
    def state(self, state: tuple[Float64Array, ...]) -> None:
        if [array.shape for array in state] != [array.shape for array in self.state]:
            raise AudioError("the state is of another filter")
        for (_, series), sections, tail in zip(self._parts, state[::2], state[1::2], strict=True):
            series.sections, series.tail = sections, tail

    def process(self, samples: FloatArray) -> FloatArray:
        """Return the filtered block (channels, n) in the type that it came in, float32 or float64; float64 inside."""
        check_samples(samples, self.channels)
        if samples.shape[1] == 0 or self.is_identity:
            return samples.copy()
        if len(self._parts) == 1 and not self._is_mid_side and self._parts[0][0] == slice(None):
            return self._parts[0][1].process(samples.astype(np.float64, copy=False)).astype(samples.dtype, copy=False)
        block = samples.astype(np.float64)
        if self._is_mid_side:
            block = np.stack([block[0] + block[1], block[0] - block[1]]) / 2.0
        for where, series in self._parts:
            block[where] = series.process(block[where])
        if self._is_mid_side:
            block = np.stack([block[0] + block[1], block[0] - block[1]])
        return block.astype(samples.dtype, copy=False)


class _Series:
    """Sections, a curve and a gain in series, for channels that share them. sections, tail: what they remember."""

    def __init__(self, eq: EqSettings, sample_rate_hz: float, channels: int) -> None:
        self._sos = design_sos(eq, sample_rate_hz)
        self._gain = db_to_amplitude(eq.preamp_db)
        self._impulse = impulse = None if eq.curve is None else _impulse(eq.curve, sample_rate_hz)
        self.sections = np.zeros((len(self._sos), channels, 2))
        self.tail = np.zeros((channels, 0 if impulse is None else impulse.size - 1))

    def reset(self) -> None:
        self.sections, self.tail = np.zeros_like(self.sections), np.zeros_like(self.tail)

    @property
    def is_identity(self) -> bool:
        return len(self._sos) == 0 and self._gain == 1.0 and self._impulse is None

    def process(self, block: Float64Array) -> Float64Array:
        """Return the block behind all of it; what is given stays as it is."""
        if len(self._sos):
            block, self.sections = run_sections(self._sos, block, self.sections)
        if self._impulse is not None:
            from scipy.signal import oaconvolve  # takes long to import, and few EQs hold a curve

            whole = oaconvolve(block, self._impulse[np.newaxis], axes=-1)
            whole[:, : self.tail.shape[1]] += self.tail
            block, self.tail = whole[:, : block.shape[1]], whole[:, block.shape[1] :]
        return block if self._gain == 1.0 else block * self._gain


def minimum_phase(gain_db: Float64Array) -> Float64Array:
    """Return the impulse response of minimum phase whose magnitude in dB is given at the n/2 + 1 bins of a real transform of even size n.

    By the real cepstrum: A. V. Oppenheim, R. W. Schafer, Discrete-Time Signal Processing, 13.5.3 (minimum phase from the magnitude).
    Exact where the response has died away long before n samples.
    """
    size = 2 * (gain_db.size - 1)
    cepstrum = np.fft.irfft(gain_db * (math.log(10.0) / 20.0), size)
    cepstrum[1 : size // 2] *= 2.0
    cepstrum[size // 2 + 1 :] = 0.0
    impulse: Float64Array = np.fft.irfft(np.exp(np.fft.rfft(cepstrum)), size)
    return impulse


def _impulse(curve: Curve, sample_rate_hz: float) -> Float64Array:
    taps = 1 << math.ceil(math.log2(check_sample_rate_hz(sample_rate_hz) / _IMPULSE_HZ))
    gain_db = np.maximum(curve.at(np.fft.rfftfreq(8 * taps, 1.0 / sample_rate_hz)), _FLOOR_DB)
    return minimum_phase(gain_db)[:taps]


def _places(eq: Equaliser, channels: int) -> list[tuple[slice, EqSettings]]:
    """Return which rows of the audio each EQ is for."""
    if isinstance(eq, EqSettings):
        return [(slice(None), eq)]
    if eq.is_mid_side:
        if channels != 2:
            raise AudioError(f"an EQ for mid and side needs 2 channels, not {channels}")
        return [(slice(index, index + 1), eq[name]) for index, name in enumerate((MID, SIDE)) if name in eq.names]
    places = [(position(name), name, held) for name, held in eq if not held.is_flat]
    missing = [name for index, name, _ in places if index >= channels]
    if missing:
        raise AudioError(f"an EQ for the channels {', '.join(eq.names)} does not fit audio of {channels}: there is no {missing[0]}")
    return [(slice(index, index + 1), held) for index, _, held in places]


def apply(eq: Equaliser, samples: FloatArray, sample_rate_hz: float) -> FloatArray:
    """Return a whole signal (channels, n) filtered from silence, in the type that it came in. A flat EQ returns the same bits."""
    check_samples(samples)
    return EqFilter(eq, sample_rate_hz, samples.shape[0]).process(samples)
