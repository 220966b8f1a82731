"""Mean curves of words that few people used: Empirical Bayes over words of like meaning.

The model: a word's true curve is a draw from a Gaussian process over places of words, in which words that are near each other are
alike, and each person's curve is the word's with noise around it. All that describes the process comes from the rows themselves: the noise
is the pooled covariance within words, how words differ is what their means' covariance has beyond that noise (method of moments), how
far likeness reaches and how much of a word is its own is where the marginal likelihood of all words' means is largest (Rasmussen and
Williams, Gaussian Processes for Machine Learning, 2006, chapters 2 and 5). In the directions in which noise is even and words differ by
themselves (the generalised eigenvectors of the two covariances) the process falls apart into one for each direction.

A word without a place, such as one of a user's own data, is like no other: it leans on what all words have in common alone.
Where there are fewer than `MIN_WORDS` words with two rows or more, or their means differ by no more than noise does, nothing tells one
word from another, and every word keeps the mean of its rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from semeq_export.arrays import Float64Array

MIN_WORDS = 10
"""With two rows or more: from fewer, how words differ cannot be estimated."""

_EVEN = 0.2
"""Of the noise towards an even one: what is pooled over few words says too little of narrow bands."""

_FULL_ROWS = 20.0
"""In how words differ, a word with many more rows than this counts hardly more than one with as many."""

_LEAST = 0.02
"""Variance of words, in units of the noise, along axes in which they show none: many rows say something there all the same."""

_REACHES = (0.3, 0.4, 0.5, 0.6, 0.7, 0.85)
"""Distances between places at which likeness has fallen to 0.61; embeddings of length 1 are at most 2 apart."""

_SHARED = (0.0, 0.5, 0.8, 0.9, 0.95)
"""Shares of a word's difference from the mean of all that follow its place; the rest is its own."""


@dataclass(frozen=True, slots=True, eq=False)
class Estimate:
    """What a word's mean curve is taken to be.

    curve_db: (n_freqs,) level-free. sd_db: (n_freqs,) its standard deviation. borrowed: share 0..1 of what tells it from other words that
    does not come from its own rows.
    """

    curve_db: Float64Array
    sd_db: Float64Array
    borrowed: float = 0.0


def plain_mean(rows_db: Float64Array) -> Estimate:
    """Return the mean of a word's curves (n, n_freqs), n > 0, with its standard error; of one row, nobody knows how far it is off: 0."""
    n = len(rows_db)
    spread = rows_db.std(axis=0, ddof=1) if n > 1 else np.zeros(rows_db.shape[1])
    return Estimate(rows_db.mean(axis=0), spread / np.sqrt(n))


def borrowed_means(rows_db: Sequence[Float64Array], places: Float64Array) -> list[Estimate] | None:
    """Return the estimates of words, each from its own rows and all others'; None where nothing is known of how words differ.

    rows_db: for each word the level-free curves (n, n_freqs) of its people; n = 0 gives a guess from the others alone.
    places: (n_words, n_dims), near for words of like meaning, in units of `_REACHES`; NaN for a word without a place.
    """
    counts = np.array([len(rows) for rows in rows_db], dtype=np.float64)
    if np.count_nonzero(counts >= 2) < MIN_WORDS:
        return None
    noise = _noise(rows_db)
    means = np.array([rows.mean(axis=0) if len(rows) else np.zeros(len(noise)) for rows in rows_db])
    root = np.linalg.cholesky(noise)
    whitened = np.linalg.solve(root, means.T).T
    variances, axes = _differences(whitened, counts)
    if not len(variances):
        return None
    scores = whitened @ axes
    kernel = _kernel(places, variances, scores, counts)
    back = root @ axes  # (n_freqs, n_axes): from scores to dB
    weights = variances * np.square(back).sum(axis=0)
    columns = [_posterior(kernel, variance, score, counts) for variance, score in zip(variances, scores.T, strict=True)]
    mean, variance, own = (np.array([column[i] for column in columns]).T for i in range(3))  # each (n_words, n_axes)
    curves_db, sd_db = mean @ back.T, np.sqrt(variance @ np.square(back).T)
    borrowed = np.clip(1.0 - own @ weights / weights.sum(), 0.0, 1.0)
    return [Estimate(*entry) for entry in zip(curves_db, sd_db, borrowed.tolist(), strict=True)]


def _noise(rows_db: Sequence[Float64Array]) -> Float64Array:
    """Return the pooled covariance (n_freqs, n_freqs) of people around their word, with an even part that makes it invertible."""
    within = np.concatenate([rows - rows.mean(axis=0) for rows in rows_db if len(rows)])
    freedom = sum(len(rows) - 1 for rows in rows_db if len(rows))
    covariance = within.T @ within / max(freedom, 1)
    size = len(covariance)
    even = max(float(np.trace(covariance)) / size, 1e-9)
    mixed: Float64Array = (1.0 - _EVEN) * covariance + _EVEN * even * np.eye(size)
    return mixed


def _differences(means: Float64Array, counts: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Return the axes (n_freqs, n_axes) in which words differ, and their variances (n_axes,); that of the noise is 1. None, none."""
    weights = counts / (1.0 + counts / _FULL_ROWS)
    weights /= weights.sum()
    centred = means - weights @ means
    noise = float(np.sum(weights[counts > 0] / counts[counts > 0]))
    variances, axes = np.linalg.eigh((centred * weights[:, np.newaxis]).T @ centred - noise * np.eye(means.shape[1]))
    if variances[-1] <= _LEAST:
        return variances[:0], axes[:, :0]
    return np.maximum(variances, _LEAST), axes


def _kernel(places: Float64Array, variances: Float64Array, scores: Float64Array, counts: Float64Array) -> Float64Array:
    """Return the likeness of words (n_words, n_words), 1 with themselves, under which their means are likeliest."""
    has_place = np.all(np.isfinite(places), axis=1)
    both = np.outer(has_place, has_place)
    known = np.where(has_place[:, np.newaxis], places, 0.0)
    squares = np.square(known).sum(axis=1)
    distance = np.where(both, np.maximum(squares[:, np.newaxis] + squares - 2.0 * known @ known.T, 0.0), np.inf)
    np.fill_diagonal(distance, 0.0)
    own = np.eye(len(places))
    likelihoods = {}
    for reach in _REACHES:
        alike = np.exp(-distance / (2.0 * reach**2))
        for shared in _SHARED:
            likelihoods[reach, shared] = _log_likelihood((1.0 - shared) * own + shared * alike, variances, scores, counts)
    reach, shared = max(likelihoods, key=lambda pair: (likelihoods[pair], pair))
    best: Float64Array = (1.0 - shared) * own + shared * np.exp(-distance / (2.0 * reach**2))
    return best


def _log_likelihood(kernel: Float64Array, variances: Float64Array, scores: Float64Array, counts: Float64Array) -> float:
    """Return the marginal likelihood of the scores but for what all kernels share, the mean of all words integrated out."""
    spectrum, rotated = _spectrum(kernel, counts)
    gain = 1.0 + np.outer(variances, np.maximum(spectrum, 0.0))  # (n_axes, n_words)
    ones, seen = rotated.sum(axis=1), rotated @ scores
    precision = (np.square(ones) / gain).sum(axis=1)
    mean = (ones * seen.T / gain).sum(axis=1) / precision
    left = seen.T - np.outer(mean, ones)
    return float(-0.5 * ((np.square(left) / gain).sum() + np.log(gain).sum() + np.log(precision).sum()))


def _spectrum(kernel: Float64Array, counts: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Return eigenvalues of the kernel in units in which the noise of each word's mean is 1, and what turns scores into them."""
    scale = np.sqrt(counts)
    spectrum, vectors = np.linalg.eigh(scale[:, np.newaxis] * kernel * scale)
    return spectrum, vectors.T * scale


def _posterior(
    kernel: Float64Array, variance: float, score: Float64Array, counts: Float64Array
) -> tuple[Float64Array, Float64Array, Float64Array]:
    """Return mean, variance and the weight of a word's own mean in it, each (n_words,), along one axis."""
    scale = np.sqrt(counts)
    inner = np.eye(len(counts)) + variance * scale[:, np.newaxis] * kernel * scale
    precision: NDArray[np.float64] = scale[:, np.newaxis] * np.linalg.inv(inner) * scale  # of the means, 0 for a word without rows
    of_mean = precision.sum(axis=1) / precision.sum()
    gain = variance * kernel @ precision
    rest = 1.0 - gain.sum(axis=1)  # the weight of the mean of all words
    common = float(of_mean @ score)
    mean = common + gain @ (score - common)
    spread = variance * (np.diag(kernel) - np.einsum("ij,ij->i", gain, kernel)) + np.square(rest) / precision.sum()
    return mean, np.maximum(spread, 0.0), np.diag(gain) + rest * of_mean
