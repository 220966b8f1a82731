"""What a decoder of curve codes learns from: sums of words and rows, and what a musician expects of the bands that make them.

A sum is up to three curves with weights of either sign, its size drawn up to 1.5 times the words'. Wanted is its curve; among the
settings that make it, those in which no band works against another, shelves stand at the ends, bells are neither needles nor plains,
and what is not needed is idle.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from semeq_export.arrays import Float64Array
from semeq_export.eq.settings import BandKind, EqLayout, ParamSpec

LOW_SHELF_HZ, BELL_HZ, HIGH_SHELF_HZ = (60.0, 600.0), (50.0, 12_000.0), (1_500.0, 14_000.0)
BELL_Q = (0.4, 2.0)
"""Where engineers put them; softly, since a sum may need more."""

FIGHT_FREE_DB = 0.5
"""By so much two bands may take from each other at any frequency before it costs."""

MAX_AMOUNT = 1.5
_NEGATIVE_SHARE, _OPPOSITE_SHARE, _WORD_SHARE = 0.2, 0.15, 0.85


@dataclass(frozen=True, slots=True)
class ReadableCosts:
    """Means over a batch: fight in dB at the worst frequency, outside in e-foldings of frequency and Q, idle in dB of gains under 1."""

    fight: Tensor
    outside: Tensor
    idle: Tensor


class Readability:
    """What bands (batch, n_params), with responses (batch, n_bands, n_freqs), cost a reader."""

    def __init__(self, layout: EqLayout) -> None:
        places = {BandKind.LOW_SHELF: LOW_SHELF_HZ, BandKind.PEAK: BELL_HZ, BandKind.HIGH_SHELF: HIGH_SHELF_HZ}
        bounds: list[tuple[int, float, float]] = []
        for slot in layout.slots:
            bounds.append((layout.params.index(slot.freq_hz), *places[slot.kind]))
            if isinstance(slot.q, ParamSpec):
                bounds.append((layout.params.index(slot.q), *BELL_Q))
        self._at = torch.tensor([at for at, _, _ in bounds])
        self._low = torch.tensor([math.log(low) for _, low, _ in bounds])
        self._high = torch.tensor([math.log(high) for _, _, high in bounds])
        self._gains = torch.tensor([layout.params.index(slot.gain_db) for slot in layout.slots])
        self._pairs = torch.tensor([(a, b) for b in range(len(layout.slots)) for a in range(b)]).T

    def __call__(self, params: Tensor, bands_db: Tensor) -> ReadableCosts:
        """Return the costs."""
        placed = torch.log(params[:, self._at])
        outside = (torch.relu(self._low - placed) + torch.relu(placed - self._high)).mean()
        first, second = bands_db[:, self._pairs[0]], bands_db[:, self._pairs[1]]
        taken = torch.minimum(first.abs(), second.abs())
        fight = torch.where(first * second < 0, torch.relu(taken - FIGHT_FREE_DB), torch.zeros_like(taken)).amax(dim=-1).sum(dim=1).mean()
        gains = params[:, self._gains].abs()
        idle = torch.minimum(gains, torch.relu(1.0 - gains)).mean()
        return ReadableCosts(fight, outside, idle)


class BlendSampler:
    """Sums of curves. words_db: (n_words, n) and rows_db: (n_rows, n), level-free. Step n of a seed is always the same."""

    def __init__(self, words_db: Float64Array, rows_db: Float64Array, *, batch_size: int, seed: int) -> None:
        self._words, self._rows, self._batch_size, self._seed = words_db, rows_db, batch_size, seed

    def batch(self, step: int) -> NDArray[np.float32]:
        """Return (batch_size, n) curves in dB."""
        rng = np.random.default_rng([self._seed, 1, step])
        sums = np.empty((self._batch_size, self._words.shape[1]))
        for index in range(self._batch_size):
            pool = self._words if rng.random() < _WORD_SHARE else self._rows
            count = min(int(rng.integers(1, 4)), len(pool))
            weights = rng.dirichlet(np.ones(count)) * np.where(rng.random(count) < _NEGATIVE_SHARE, -1.0, 1.0)
            sums[index] = weights @ pool[rng.choice(len(pool), count, replace=False)]
        amounts = (
            MAX_AMOUNT * np.sqrt(rng.random((self._batch_size, 1))) * np.where(rng.random((self._batch_size, 1)) < _OPPOSITE_SHARE, -1, 1)
        )
        return (sums * amounts).astype(np.float32)
