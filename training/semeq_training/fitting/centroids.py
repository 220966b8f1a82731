"""From rows to the centroid bank: one latent vector for each word, which decodes to the word's mean curve, and its evidence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from semeq_export.arrays import Float64Array, FloatArray
from semeq_export.eq.curve import level_free, log_grid
from semeq_export.eq.fit import fit_many
from semeq_export.errors import TrainingError
from semeq_export.words.evidence import N_POINTS
from semeq_export.words.terms import CentroidBank, Term
from semeq_training.data.datasets import ExampleTable
from semeq_training.data.vocabulary import Entry, curves_of, entries, estimates_of, rows_of
from semeq_training.fitting.curve_model import CurveAutoencoder, code_grid
from semeq_training.models import EqAutoencoder
from semeq_training.torch_biquad import TRAINING_RATE_HZ, LayoutResponse

__all__ = ["build_bank", "latents_of", "mean_pair_correlation", "rows_of"]

REFINE_STEPS = 300
_RATE = 0.02
_LEVEL_WEIGHT, _GAIN_WEIGHT = 0.1, 5e-3  # against the mean squared error of the shape, all in dB squared
_MAX_Z = 0.999  # where tanh is still steep enough to be moved


def build_bank(model: EqAutoencoder, table: ExampleTable, min_rows: int) -> CentroidBank:
    """Return the terms of `vocabulary.entries`; raises TrainingError where there is none.

    z decodes to the mean level-free curve of the word's rows, or to what few rows and like words make of it: `vocabulary.estimates_of` (and
    see `latents_of`). Evidence: agreement is the mean correlation of pairs of rows, 0 where it is below; typical_intensity is the median
    projection of a row's curve on the word's.
    """
    words = entries(table, min_rows)
    if not words:
        raise TrainingError(f"no word has {min_rows} or more rows, so there is no term; lower min_rows or add data")
    rows = [word.rows for word in words]
    response = LayoutResponse(model.layout, log_grid())
    with torch.no_grad():
        curves = level_free(response(torch.from_numpy(table.vectors)).numpy())
    z = latents_of(model, np.array([curves[index].mean(axis=0) for index in rows]) + _borrowed(table, words))
    with torch.no_grad():
        decoded = level_free(response(model.decoder(torch.from_numpy(z)).double()).numpy())
    terms = [_term(word, z[i], decoded[i], curves[rows[i]], table, rows[i]) for i, word in enumerate(words)]
    return CentroidBank(terms)


def _borrowed(table: ExampleTable, words: Sequence[Entry]) -> Float64Array:
    """Return by how much the estimates of words' curves differ from the means of their rows, (n_words, n_freqs) on `log_grid()`.

    Estimates are made once, on the coarser grid of the evidence, so that both say the same of a word.
    """
    people = curves_of(table)
    apart = np.array(
        [known.curve_db - people[word.rows].mean(axis=0) for known, word in zip(estimates_of(table, people, words), words, strict=True)]
    )
    at, grid = np.log(log_grid()), np.log(log_grid(N_POINTS))
    return level_free(np.array([np.interp(at, grid, curve) for curve in apart]))


def latents_of(model: EqAutoencoder, wanted_db: FloatArray) -> NDArray[np.float32]:
    """Return latent vectors (n, latent_dim) in -1..1 whose decoded curves are closest to level-free curves (n, n_freqs) on `log_grid()`.

    The codes of five-band fits of the curves, then gradient steps that take away what encoding and decoding lose. The mean of a word's
    codes instead is not the code of its mean curve: up to 20 % worse in RMSE, measured. The overall level, which the curves leave open, is
    0 dB in the mean over log frequency: a word changes the colour, not the loudness. Gains are kept small:
    bands that work against each other scale badly.
    """
    wanted = np.asarray(wanted_db, dtype=np.float64)
    if isinstance(model, CurveAutoencoder):
        return _codes_of(model, wanted)
    fits = fit_many(wanted, log_grid(), model.layout, TRAINING_RATE_HZ)
    response = LayoutResponse(model.layout, log_grid())
    target = torch.from_numpy(wanted.astype(np.float32))
    model.eval()
    with torch.no_grad():
        inner = torch.atanh(model.encoder(torch.from_numpy(fits.vectors.astype(np.float32))).clamp(-_MAX_Z, _MAX_Z))
    inner.requires_grad_()
    optimiser = torch.optim.Adam([inner], lr=_RATE)
    is_gain = model.decoder.scale.is_gain
    for step in range(REFINE_STEPS):
        optimiser.param_groups[0]["lr"] = _RATE * (1.0 - step / REFINE_STEPS)
        params = model.decoder(torch.tanh(inner))
        curve = response(params)
        level = curve.mean(dim=1, keepdim=True)
        shape_error = torch.square(curve - level - target).mean(dim=1)
        gains = torch.square(params[:, is_gain]).mean(dim=1)
        loss = (shape_error + _LEVEL_WEIGHT * torch.square(level[:, 0]) + _GAIN_WEIGHT * gains).sum()
        (inner.grad,) = torch.autograd.grad(loss, inner)
        optimiser.step()
    z: NDArray[np.float32] = torch.tanh(inner.detach()).numpy()
    return z


def _codes_of(model: CurveAutoencoder, wanted_db: Float64Array) -> NDArray[np.float32]:
    """Return the codes of curves on `log_grid()`: a linear map, with no rest, so that the decoder chooses the bands."""
    at, grid = np.log(code_grid()), np.log(log_grid())
    curves = level_free(np.array([np.interp(at, grid, curve) for curve in wanted_db]))
    with torch.no_grad():
        z: NDArray[np.float32] = model.z_of_curves(torch.from_numpy(curves.astype(np.float32))).numpy()
    return z


def _term(
    word: Entry, z: NDArray[np.float32], curve_db: Float64Array, rows_db: Float64Array, table: ExampleTable, rows: NDArray[np.intp]
) -> Term:
    sources = Counter(table.examples[row].dataset for row in rows)
    return Term(
        name=word.name,
        z=tuple(z.astype(np.float64).tolist()),
        language=word.language,
        examples=len(rows),
        agreement=max(0.0, mean_pair_correlation(rows_db)),
        typical_intensity=max(0.0, float(np.median(rows_db @ curve_db) / max(float(curve_db @ curve_db), 1e-12))),
        sources=dict(sorted(sources.items())),
        note=word.note,
    )


def mean_pair_correlation(curves_db: Float64Array) -> float:
    """Return the mean correlation of all pairs of level-free curves (n, n_freqs), -1..1; 0 for fewer than two."""
    n = len(curves_db)
    if n < 2:
        return 0.0
    norms = np.linalg.norm(curves_db, axis=1, keepdims=True)
    total = (curves_db / np.maximum(norms, 1e-12)).sum(axis=0)
    return float((total @ total - np.count_nonzero(norms > 1e-12)) / (n * (n - 1)))
