"""Loudness of a programme, ITU-R BS.1770-4 and -5: K-weighted, blocks of 400 ms every 100 ms, gated at -70 LUFS and 10 LU under the mean.

A library would want the whole file in memory; this takes it block by block and keeps one number for each 100 ms.

Channels count by where their speakers stand, LFE not at all: see `speakers`.
"""

from __future__ import annotations

import math

import numpy as np

from semeq_export.arrays import Float64Array, FloatArray
from semeq_export.audio.k_weighting import k_weighting
from semeq_export.eq.sections import run_sections

_STEP_S = 0.1
_STEPS_IN_BLOCK = 4
_ABSOLUTE_GATE_LUFS, _RELATIVE_GATE_LU = -70.0, -10.0
_OFFSET_LUFS = -0.691


class Loudness:
    """The integrated loudness of a programme that comes in blocks; one for each programme.

    weights: (channels,) what the power of each counts, of `speakers.loudness_weights`; all alike where left out, as in mono and stereo.
    """

    def __init__(self, sample_rate_hz: float, channels: int, weights: Float64Array | None = None) -> None:
        self._sos = k_weighting(sample_rate_hz)
        self._state = np.zeros((len(self._sos), channels, 2))
        self._weights = np.ones((channels, 1)) if weights is None else weights.reshape(channels, 1)
        self._rate_hz, self._seen = sample_rate_hz, 0
        self._steps: list[float] = [0.0]
        """Weighted sum of squares over all channels for each 100 ms; the last one is not complete."""

    def feed(self, block: FloatArray) -> None:
        """Take the next samples (channels, n), n from 0 on."""
        if block.shape[1] == 0:
            return
        weighted, self._state = run_sections(self._sos, block.astype(np.float64, copy=False), self._state)
        squares = (self._weights * np.square(weighted)).sum(axis=0)
        start = 0
        while start < len(squares):
            end = min(len(squares), self._step_end(len(self._steps)) - self._seen)
            self._steps[-1] += float(squares[start:end].sum())
            if end == self._step_end(len(self._steps)) - self._seen:
                self._steps.append(0.0)
            start = end
        self._seen += len(squares)

    @property
    def lufs(self) -> float | None:
        """The integrated loudness so far; None where no block is over the absolute gate, or the programme is shorter than one."""
        ends = np.array([self._step_end(n) for n in range(len(self._steps))], dtype=np.float64)
        energy = np.concatenate([[0.0], np.cumsum(self._steps[:-1])])
        if len(energy) <= _STEPS_IN_BLOCK:
            return None
        power = (energy[_STEPS_IN_BLOCK:] - energy[:-_STEPS_IN_BLOCK]) / (ends[_STEPS_IN_BLOCK:] - ends[:-_STEPS_IN_BLOCK])
        loud = power[power > _power(_ABSOLUTE_GATE_LUFS)]
        if not loud.size:
            return None
        gated = loud[loud > loud.mean() * 10.0 ** (_RELATIVE_GATE_LU / 10.0)]
        return _OFFSET_LUFS + 10.0 * math.log10(float(gated.mean()))

    def _step_end(self, steps: int) -> int:
        return round(steps * _STEP_S * self._rate_hz)


def _power(lufs: float) -> float:
    return float(10.0 ** ((lufs - _OFFSET_LUFS) / 10.0))
