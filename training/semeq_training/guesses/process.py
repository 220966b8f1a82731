"""A Gaussian process from what words mean to what people do for them.

f(word) = mean + sum over modes of f_j(word) u_j;  f_j ~ GP(0, b_j exp(-|x - x'|^2 / 2 l^2))
a row of people = f(word) + noise of variance w_j;  n rows have w_j / n, a chart counts as CHART_ROWS rows

x is the word's unit vector of meaning. The modes u_j are the principal components of single rows' curves; b_j is the variance between
words and w_j that between the people of one word, by the method of moments (Searle, Casella, McCulloch, Variance Components, 1992, 3.2).
Gaussian processes: Rasmussen, Williams, Gaussian Processes for Machine Learning, 2006, 2.2; leaving one out: 5.4.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from semeq_export.arrays import Float64Array

LENGTH = 0.5
"""Of the kernel, in units of the vectors' length: chosen on words left out, flat between 0.4 and 0.6."""
CHART_ROWS = 4.0
MODES = 10
_LEAST_WITHIN = 1e-3  # dB squared: nobody sets an EQ more exactly
_LEAST_BETWEEN = 0.02  # of a mode's variance between people: the least that words are taken to differ by


@dataclass(frozen=True, slots=True, eq=False)
class Nodes:
    """What is known of n words. vectors: (n, 512). means_db: (n, 32) level-free. rows: (n,) what each counts."""

    vectors: Float64Array
    means_db: Float64Array
    rows: Float64Array


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """Of m words. curves_db: (m, 32). explained, unexplained: (m,) variance of the guess, and what is left, in dB squared over modes."""

    curves_db: Float64Array
    explained: Float64Array
    unexplained: Float64Array

    @property
    def confidence(self) -> Float64Array:
        """Share (m,) of the explained in both, 0..1."""
        share: Float64Array = self.explained / np.maximum(self.explained + self.unexplained, 1e-12)
        return share


@dataclass(frozen=True, slots=True, eq=False)
class Process:
    """Curves of words, given those of others. mean_db: (32,) of all people. modes: (MODES, 32). between, within: (MODES,) in dB squared."""

    mean_db: Float64Array
    modes: Float64Array
    between: Float64Array
    within: Float64Array

    @classmethod
    def of_people(cls, rows_of_words: Sequence[Float64Array]) -> Process:
        """Return the process that people's curves ask for: for each word its rows (n, 32)."""
        means = np.array([rows.mean(axis=0) for rows in rows_of_words])
        counts = np.array([len(rows) for rows in rows_of_words], dtype=np.float64)
        mean_db = (means * counts[:, np.newaxis]).sum(axis=0) / counts.sum()
        apart = np.concatenate([rows - mean for rows, mean in zip(rows_of_words, means, strict=True) if len(rows) > 1])
        inner = apart.T @ apart / (len(apart) - np.count_nonzero(counts > 1))
        several = counts > 1
        centred = means[several] - mean_db
        outer = centred.T @ centred / np.count_nonzero(several) - inner * (1.0 / counts[several]).mean()
        values, vectors = np.linalg.eigh(inner + outer)
        modes = vectors[:, np.argsort(-values)[:MODES]].T
        within = np.maximum(np.einsum("ji,ik,jk->j", modes, inner, modes), _LEAST_WITHIN)
        between = np.maximum(np.einsum("ji,ik,jk->j", modes, outer, modes), _LEAST_BETWEEN * within)
        return cls(mean_db, modes, between, within)

    def predict(self, nodes: Nodes, vectors: Float64Array) -> Prediction:
        """Return what nodes say of words with the vectors (m, 512)."""
        alike, across = kernel(nodes.vectors, nodes.vectors), kernel(vectors, nodes.vectors)
        scores = (nodes.means_db - self.mean_db) @ self.modes.T
        found, left = np.zeros((len(vectors), len(self.modes))), np.zeros((len(vectors), len(self.modes)))
        for j, (between, within) in enumerate(zip(self.between, self.within, strict=True)):
            factor = cho_factor(between * alike + np.diag(within / nodes.rows), lower=True)
            found[:, j] = between * across @ cho_solve(factor, scores[:, j])
            left[:, j] = between - between**2 * np.einsum("mi,im->m", across, cho_solve(factor, across.T))
        return self._prediction(found, left)

    def without_own(self, nodes: Nodes) -> Prediction:
        """Return for each node what the other nodes say of it: all left out in turn, in one inversion."""
        alike = kernel(nodes.vectors, nodes.vectors)
        scores = (nodes.means_db - self.mean_db) @ self.modes.T
        found, left = np.zeros_like(scores), np.zeros_like(scores)
        for j, (between, within) in enumerate(zip(self.between, self.within, strict=True)):
            noise = within / nodes.rows
            inverse = np.linalg.inv(between * alike + np.diag(noise))
            own = np.diag(inverse)
            found[:, j] = scores[:, j] - inverse @ scores[:, j] / own
            left[:, j] = 1.0 / own - noise
        return self._prediction(found, left)

    def _prediction(self, found: Float64Array, left: Float64Array) -> Prediction:
        curves = self.mean_db + found @ self.modes
        return Prediction(curves, np.square(found).sum(axis=1), np.maximum(left, 0.0).sum(axis=1))


def kernel(one: Float64Array, other: Float64Array) -> Float64Array:
    """Return (n, m) how alike words mean, 1 for the same."""
    square = np.maximum(2.0 - 2.0 * one @ other.T, 0.0)
    result: Float64Array = np.exp(-square / (2.0 * LENGTH**2))
    return result


def joined(*parts: Nodes) -> Nodes:
    """Return all of several nodes."""
    return Nodes(
        np.concatenate([part.vectors for part in parts]),
        np.concatenate([part.means_db for part in parts]),
        np.concatenate([part.rows for part in parts]),
    )


def chosen(nodes: Nodes, mask: NDArray[np.bool_]) -> Nodes:
    """Return the nodes where mask (n,) is true."""
    return Nodes(nodes.vectors[mask], nodes.means_db[mask], nodes.rows[mask])
