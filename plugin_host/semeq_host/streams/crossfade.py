"""An EQ that changes without a click: two float64 filter banks, the new one warmed in silence, then a crossfade without corners."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from semeq_export.arrays import Float64Array, FloatArray
from semeq_export.eq.biquad import check_samples
from semeq_export.eq.filter import EqFilter
from semeq_export.eq.settings import EqSettings
from semeq_export.units import check_sample_rate_hz

WARM_UP_S = 0.010
FADE_S = 0.020
"""A step of a bank's parameters, or a ramp of them, leaves -28..-39 dBFS of noise on a 100 Hz tone; this leaves less than -90 dBFS.

The fade rises by the integral of a Hann window, which starts and ends without a jump in its second derivative: above 2 kHz it leaves 28 dB
less of a 200 Hz tone than a raised cosine of the same length.
"""

_NOTHING = 1e-150
"""A filter state this small (-3000 dB) is made zero by `settle`, long before it could become subnormal and slow."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What a `CrossfadeEq` remembers at one moment; see `CrossfadeEq.moment`."""

    old: EqFilter
    old_state: tuple[Float64Array, ...]
    new: EqFilter | None
    new_state: tuple[Float64Array, ...] | None
    position: int
    asked: tuple[EqSettings, EqSettings | None]


class CrossfadeEq:
    """An EQ whose settings can change while it runs, with the same bits for any sequence of block sizes and no latency.

    A change starts at the next sample: the new bank hears the input for 10 ms without being heard, then replaces the old one over 20 ms.
    A change that is asked for meanwhile waits for the end of the fade; of several only the last one counts. float64 inside.
    Raises AudioError and InvalidEqError as `EqFilter` does.
    """

    def __init__(self, eq: EqSettings, sample_rate_hz: float, channels: int) -> None:
        self._sample_rate_hz, self.channels = check_sample_rate_hz(sample_rate_hz), channels
        self._old, self._new = self._bank(eq), None  # type: EqFilter, EqFilter | None
        self._eq: EqSettings = eq
        self._waiting: EqSettings | None = None
        self._warm_up_samples = round(WARM_UP_S * sample_rate_hz)
        fade_samples = round(FADE_S * sample_rate_hz)
        share = np.arange(1, fade_samples + 1) / (fade_samples + 1)
        self._rise = share - np.sin(2.0 * np.pi * share) / (2.0 * np.pi)
        self._position = 0  # samples since the change began

    @property
    def change_samples(self) -> int:
        """How long a change takes from its first sample until only the new settings are heard."""
        return self._warm_up_samples + len(self._rise)

    @property
    def eq(self) -> EqSettings:
        """The settings that were asked for last: heard already, being faded in, or waiting."""
        return self._eq if self._waiting is None else self._waiting

    @property
    def is_changing(self) -> bool:
        """Whether two banks run."""
        return self._new is not None

    def change_to(self, eq: EqSettings) -> None:
        """Ask for other settings from the next sample on. Raises InvalidEqError where a band sits at or above Nyquist."""
        if eq == self.eq:
            return
        bank = self._bank(eq)
        if self._new is None:
            self._begin(eq, bank)
        else:
            self._waiting = None if eq == self._eq else eq

    def reset(self, eq: EqSettings | None = None) -> None:
        """Forget everything heard so far; hold the settings that were asked for last, or others, without a fade."""
        wanted = self.eq if eq is None else eq
        self._old, self._new, self._eq, self._waiting, self._position = self._bank(wanted), None, wanted, None, 0

    def moment(self) -> Moment:
        """Return what `go_back` needs to come back to this moment."""
        new = self._new
        return Moment(self._old, self._old.state, new, None if new is None else new.state, self._position, (self._eq, self._waiting))

    def go_back(self, moment: Moment) -> None:
        """Return to an earlier moment as if nothing had been heard or asked for since."""
        self._old, self._new, self._position = moment.old, moment.new, moment.position
        self._old.state = moment.old_state
        if moment.new is not None and moment.new_state is not None:
            moment.new.state = moment.new_state
        self._eq, self._waiting = moment.asked

    def settle(self) -> None:
        """Make states zero that have decayed to nothing. Only at fixed places of the audio does this keep block sizes unheard."""
        for bank in (self._old, self._new):
            if bank is not None:
                bank.state = tuple(np.where(np.abs(array) < _NOTHING, 0.0, array) for array in bank.state)

    def process(self, samples: FloatArray) -> FloatArray:
        """Return the block (channels, n) through the EQ in the type that it came in, float32 or float64, without subnormal numbers.

        Flat settings give back every bit of the input, subnormal numbers included.
        """
        check_samples(samples, self.channels)
        if self._new is None:
            return self._only(self._old, samples)
        out, start, total = np.empty_like(samples), 0, samples.shape[1]
        while start < total:
            end = min(total, start + self._until_next_part())
            out[:, start:end] = self._part(samples[:, start:end])
            start = end
        return out

    def _until_next_part(self) -> int:
        if self._new is None:
            return 1 << 62
        return (self._warm_up_samples if self._position < self._warm_up_samples else self.change_samples) - self._position

    def _part(self, samples: FloatArray) -> FloatArray:
        """Return samples that lie in one part of a change: warm-up, fade, or none."""
        if self._new is None:
            return self._only(self._old, samples)
        place = self._position - self._warm_up_samples
        self._position += samples.shape[1]
        if place < 0:
            self._new.process(samples)
            return self._only(self._old, samples)
        block = samples.astype(np.float64)
        old, new = self._old.process(block), self._new.process(block)
        old += self._rise[place : place + block.shape[1]] * (new - old)
        if self._position == self.change_samples:
            self._old, self._new = self._new, None
            if self._waiting is not None:
                eq, self._waiting = self._waiting, None
                self._begin(eq, self._bank(eq))
        return _without_subnormals(old.astype(samples.dtype, copy=False))

    @staticmethod
    def _only(bank: EqFilter, samples: FloatArray) -> FloatArray:
        return bank.process(samples) if bank.is_identity else _without_subnormals(bank.process(samples))

    def _begin(self, eq: EqSettings, bank: EqFilter) -> None:
        self._eq, self._new, self._position = eq, bank, 0

    def _bank(self, eq: EqSettings) -> EqFilter:
        return EqFilter(eq, self._sample_rate_hz, self.channels)


def _without_subnormals(samples: FloatArray) -> FloatArray:
    samples[np.abs(samples) < np.finfo(samples.dtype).tiny] = 0.0
    return samples
