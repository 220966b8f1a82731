"""Sound through the sections of `biquad`, in float64.

Apart from the design of sections because scipy.signal takes longer to import than all the rest of a command: what only plans, decodes words
or draws curves does without.
"""

from __future__ import annotations

import numpy as np
from scipy.signal import sosfilt

from semeq_export.arrays import Float64Array, FloatArray
from semeq_export.eq.biquad import MAX_CHANNELS, check_samples, design_sos
from semeq_export.eq.settings import EqSettings
from semeq_export.errors import AudioError
from semeq_export.units import db_to_amplitude


class EqFilter:
    """An EQ that carries its state from block to block: any sequence of block sizes gives the same bits as one call.

    Raises InvalidEqError if a band sits at or above Nyquist (see `for_rate`), AudioError on a bad rate or channel count.
    """

    def __init__(self, eq: EqSettings, sample_rate_hz: float, channels: int) -> None:
        if not 1 <= channels <= MAX_CHANNELS:
            raise AudioError(f"{channels} channels, expected 1..{MAX_CHANNELS}")
        self.channels = channels
        self._sos = design_sos(eq, sample_rate_hz)
        self._gain = db_to_amplitude(eq.preamp_db)
        self._state = np.zeros((len(self._sos), channels, 2))

    def reset(self) -> None:
        """Forget everything heard so far."""
        self._state = np.zeros_like(self._state)

    @property
    def is_identity(self) -> bool:
        """Whether every bit of the input comes out again."""
        return len(self._sos) == 0 and self._gain == 1.0

    @property
    def state(self) -> Float64Array:
        """What the filter remembers, (sections, channels, 2). Setting what was read before goes back to that moment."""
        return self._state

    @state.setter
    def state(self, state: Float64Array) -> None:
        if state.shape != self._state.shape:
            raise AudioError(f"state of shape {state.shape} is of another filter, expected {self._state.shape}")
        self._state = state

    def process(self, samples: FloatArray) -> FloatArray:
        """Return the filtered block (channels, n) in the type that it came in, float32 or float64; float64 inside."""
        check_samples(samples, self.channels)
        if samples.shape[1] == 0 or self.is_identity:
            return samples.copy()
        block = samples.astype(np.float64)
        if len(self._sos):
            block, self._state = sosfilt(self._sos, block, axis=-1, zi=self._state)
        if self._gain != 1.0:
            block *= self._gain
        return block.astype(samples.dtype, copy=False)


def apply(eq: EqSettings, samples: FloatArray, sample_rate_hz: float) -> FloatArray:
    """Return a whole signal (channels, n) filtered from silence, in the type that it came in. A flat EQ returns the same bits."""
    check_samples(samples)
    return EqFilter(eq, sample_rate_hz, samples.shape[0]).process(samples)
