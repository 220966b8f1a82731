"""Which rows a training step sees and how they are varied. Stateless: step n of a seed is the same whether or not the run was resumed."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from semeq_export.arrays import Float64Array
from semeq_export.eq.settings import BandKind, EqLayout

NO_WORD = -1
"""The label of rows that the contrastive loss leaves out."""

MOVED_DB, MOVED_SHARE = 0.5, 0.05
"""How far the values of mixed rows move (standard deviation): gains in dB, frequencies and Qs as a share of their range on a log scale."""

VARIED_GAIN = (0.7, 1.3)
"""By what the gains of varied rows are multiplied; half of them change sign as well, which turns the curve over."""

IDLE_GAIN_DB = 0.05
"""Below this gain a band's frequency and Q mean nothing: an untouched band still carries its defaults."""


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Rows of one step. params: (batch, n_params), varied. labels: (batch,) word numbers, NO_WORD for rows without one."""

    params: Float64Array
    labels: NDArray[np.int64]


class Sampler:
    """Draws batches: half of the rows evenly, half as groups of equal words, so that rare words meet their like.

    A word is drawn in proportion to the square root of its rows: warm and bright are 60 % of SAFE, and equal shares would show a row of
    a five-row word a hundred times as often as theirs.
    Peaks change places and the frequencies and Qs of idle bands are redrawn: both sound the same. A share of the evenly drawn rows is put
    together from the bands of different rows, a little moved, and has no word: what a device can do is known without asking people.
    A share of all rows is varied: turned over or not, made larger or smaller, moved; these have no word either.
    params: (n_rows, n_params) physical values inside the layout's ranges. labels: (n_rows,).
    """

    def __init__(
        self,
        params: Float64Array,
        labels: NDArray[np.int64],
        layout: EqLayout,
        *,
        batch_size: int,
        rows_per_word: int,
        mixed_share: float,
        varied_share: float = 0.0,
        seed: int,
    ) -> None:
        self._params, self._labels, self._seed = params, labels, seed
        words, counts = np.unique(labels[labels != NO_WORD], return_counts=True)
        self._groups = [np.flatnonzero(labels == word) for word in words[counts >= 2]]
        shares = np.sqrt([len(rows) for rows in self._groups])
        self._group_share = shares / max(shares.sum(), 1.0)
        self._rows_per_word = rows_per_word
        self._n_groups = min(batch_size // 2 // rows_per_word, len(self._groups))
        self._n_even = batch_size - self._n_groups * rows_per_word
        self._n_mixed = round(mixed_share * self._n_even)
        self._varied_share = varied_share
        self._minimum, self._maximum = layout.minimum, layout.maximum
        self._slot_of = np.concatenate([np.full(len(slot.params), index) for index, slot in enumerate(layout.slots)])
        self._orders = np.array(_peak_orders(layout))
        fits = [np.all((params[:, order] >= layout.minimum) & (params[:, order] <= layout.maximum), axis=1) for order in self._orders]
        self._orders_that_fit = np.cumsum(np.stack(fits, axis=1), axis=1)
        self._gain_of = np.concatenate([np.full(len(s.params), layout.params.index(s.gain_db)) for s in layout.slots])
        self._redrawn = np.array([spec.unit != "dB" for spec in layout.params])
        self._low, self._high = np.where(self._redrawn, (layout.minimum, layout.maximum), 1.0)

    def batch(self, step: int) -> Batch:
        """Return the batch of a step (0, 1, ...)."""
        rng = np.random.default_rng([self._seed, step])
        drawn = [rng.integers(len(self._params), size=self._n_even)]
        if self._n_groups:
            for group in rng.choice(len(self._groups), self._n_groups, replace=False, p=self._group_share):
                rows = self._groups[group]
                drawn.append(rng.choice(rows, self._rows_per_word, replace=len(rows) < self._rows_per_word))
        chosen = np.concatenate(drawn)
        params, labels = self._reordered(chosen, rng), self._labels[chosen]
        params[: self._n_mixed], labels[: self._n_mixed] = self._mixed(rng), NO_WORD
        if self._varied_share:
            varied = rng.random(len(params)) < self._varied_share
            params[varied], labels[varied] = self._varied(params[varied], rng), NO_WORD
        anywhere = self._low * (self._high / self._low) ** rng.random(params.shape)
        idle = self._redrawn & (np.abs(params[:, self._gain_of]) < IDLE_GAIN_DB) & (rng.random((len(params), 1)) < 0.5)
        return Batch(np.where(idle, anywhere, params), labels)

    def _reordered(self, rows: NDArray[np.int64], rng: np.random.Generator) -> Float64Array:
        """Return rows with their peaks in a random order, of those that the slots can hold."""
        fitting = self._orders_that_fit[rows]
        pick = (fitting <= rng.integers(fitting[:, -1])[:, np.newaxis]).sum(axis=1)
        return np.take_along_axis(self._params[rows], self._orders[pick], axis=1)

    def _mixed(self, rng: np.random.Generator) -> Float64Array:
        rows = rng.integers(len(self._params), size=(self._n_mixed, len(np.unique(self._slot_of))))
        return self._moved(self._params[rows[:, self._slot_of], np.arange(self._params.shape[1])], rng)

    def _varied(self, params: Float64Array, rng: np.random.Generator) -> Float64Array:
        factor = rng.uniform(*VARIED_GAIN, (len(params), 1)) * rng.choice((-1.0, 1.0), (len(params), 1))
        return self._moved(np.where(self._redrawn, params, params * factor), rng)

    def _moved(self, params: Float64Array, rng: np.random.Generator) -> Float64Array:
        step = rng.standard_normal(params.shape)
        used_gain = ~self._redrawn & (params != 0.0)
        moved = np.where(used_gain, params + MOVED_DB * step, params * (self._high / self._low) ** (MOVED_SHARE * step))
        return np.clip(moved, self._minimum, self._maximum)


def _peak_orders(layout: EqLayout) -> list[list[int]]:
    """Return every column order of a vector in which equal slots of peaks have changed places; the first is the order as it is."""
    starts = np.cumsum([0, *(len(slot.params) for slot in layout.slots)]).tolist()
    peaks = [i for i, slot in enumerate(layout.slots) if slot.kind is BandKind.PEAK and len(slot.params) == 3]
    orders = []
    for places in permutations(peaks):
        source = list(range(len(layout.slots)))
        for place, taken in zip(peaks, places, strict=True):
            source[place] = taken
        orders.append([column for slot in source for column in range(starts[slot], starts[slot + 1])])
    return orders
