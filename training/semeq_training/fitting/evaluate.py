"""Figures of merit, measured on held-out rows only."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import silhouette_score

from semeq_export.arrays import Float64Array
from semeq_export.eq.curve import correlation, level_free, log_grid, rms_db
from semeq_export.eq.settings import EqLayout
from semeq_training.data.datasets import ExampleTable
from semeq_training.fitting.centroids import latents_of, rows_of
from semeq_training.models import EqAutoencoder
from semeq_training.torch_biquad import LayoutResponse

FIDELITY_ROWS = 10
USED_GAIN_DB = 0.5
"""Errors of frequency and Q are counted on bands whose gain is at least this: below, they cannot be heard."""


def curve_errors_db(model: EqAutoencoder, vectors: Float64Array) -> Float64Array:
    """Return (n,) mean absolute differences in dB between rows' responses and what the model makes of them, 20 Hz-20 kHz at 48 kHz."""
    response = LayoutResponse(model.layout, log_grid(240))
    params = torch.from_numpy(vectors.astype(np.float32))
    model.eval()
    with torch.no_grad():
        decoded = model.decoder(model.encoder(params))
        errors: Float64Array = (response(decoded.double()) - response(params.double())).abs().mean(dim=1).numpy()
    return errors


def evaluate(model: EqAutoencoder, train: ExampleTable, held: ExampleTable) -> dict[str, float]:
    """Return the metrics of a model that has seen `train` only, on the rows of `held`; names carry their units.

    Left out where the held-out rows cannot tell: warm against bright needs rows of both, word fidelity words with ten rows.
    """
    datasets = np.array([example.dataset for example in held.examples])
    errors = curve_errors_db(model, held.vectors)
    metrics = {"held_out_rows": float(len(held)), "curve_mae_db": float(errors.mean())}
    for dataset in np.unique(datasets).tolist():
        metrics[f"curve_mae_db_{dataset}"] = float(errors[datasets == dataset].mean())
    metrics |= _baselines(model.layout, train, held)
    metrics |= parameter_errors(model, held)
    codes = codes_of(model, held)
    metrics["latent_effective_rank"] = effective_rank(codes)
    metrics |= _warm_against_bright(codes_of(model, train), train, codes, held)
    metrics |= _word_fidelity(model, train, held)
    return metrics


def effective_rank(codes: NDArray[np.floating]) -> float:
    """Return how many dimensions the codes (n, latent_dim) use: exp of the entropy of their variance over principal axes."""
    power = np.square(np.linalg.svd(codes - codes.mean(axis=0), compute_uv=False))
    shares = power[power > 0] / power.sum() if power.sum() > 0 else np.ones(1)
    return float(np.exp(-(shares * np.log(shares)).sum()))


def codes_of(model: EqAutoencoder, table: ExampleTable) -> NDArray[np.float32]:
    """Return z (n_rows, latent_dim) of rows."""
    model.eval()
    with torch.no_grad():
        codes: NDArray[np.float32] = model.encoder(torch.from_numpy(table.vectors.astype(np.float32))).numpy()
    return codes


def _curves(layout: EqLayout, table: ExampleTable) -> Float64Array:
    with torch.no_grad():
        curves: Float64Array = LayoutResponse(layout, log_grid(240))(torch.from_numpy(table.vectors)).numpy()
    return curves


def _baselines(layout: EqLayout, train: ExampleTable, held: ExampleTable) -> dict[str, float]:
    seen, curves = _curves(layout, train), _curves(layout, held)
    words = np.array([example.word for example in train.examples])
    of_word = {word: seen[words == word].mean(axis=0) for word in np.unique(words).tolist()}
    anything = seen.mean(axis=0)
    guesses = np.array([of_word.get(example.word, anything) for example in held.examples])
    return {
        "baseline_flat_curve_mae_db": float(np.abs(curves).mean()),
        "baseline_word_mean_curve_mae_db": float(np.abs(curves - guesses).mean()),
    }


def parameter_errors(model: EqAutoencoder, held: ExampleTable) -> dict[str, float]:
    """Return errors slot by slot, with the decoded peaks put in order of frequency as the rows' are."""
    layout = model.layout
    with torch.no_grad():
        decoded = model.decoder(torch.from_numpy(codes_of(model, held))).double().numpy()
    columns = {unit: np.array([spec.unit == unit for spec in layout.params]) for unit in ("dB", "Hz", "q")}
    gain_of = np.array([layout.params.index(slot.gain_db) for slot in layout.slots for _ in slot.params])
    used = np.abs(held.vectors[:, gain_of]) >= USED_GAIN_DB
    with np.errstate(divide="ignore", invalid="ignore"):
        octaves = np.abs(np.log2(decoded / held.vectors))
    return {
        "gain_mae_db": float(np.abs(decoded - held.vectors)[:, columns["dB"]].mean()),
        "freq_mae_octaves": float(octaves[used & columns["Hz"]].mean()),
        "q_mae_octaves": float(octaves[used & columns["q"]].mean()),
    }


def _warm_against_bright(
    seen: NDArray[np.float32], train: ExampleTable, codes: NDArray[np.float32], held: ExampleTable
) -> dict[str, float]:
    def chosen(table: ExampleTable) -> tuple[NDArray[np.bool_], NDArray[np.str_]]:
        words = np.array([e.word if e.dataset == "safe" and e.language == "en" else "" for e in table.examples])
        mask = np.isin(words, ["warm", "bright"])
        return mask, words[mask]

    (train_mask, train_words), (held_mask, held_words) = chosen(train), chosen(held)
    if any(np.count_nonzero(words == word) < 2 for words in (train_words, held_words) for word in ("warm", "bright")):
        return {}
    classifier = LogisticRegression(class_weight="balanced", max_iter=2_000).fit(seen[train_mask], train_words)
    return {
        "warm_bright_accuracy": float(classifier.score(codes[held_mask], held_words)),
        "warm_bright_silhouette": float(silhouette_score(codes[held_mask], held_words)),
    }


def _word_fidelity(model: EqAutoencoder, train: ExampleTable, held: ExampleTable) -> dict[str, float]:
    """Return how well decoded words predict held-out people's level-free curves, beside the mean curve of the same training rows."""
    words = train.usable_words(FIDELITY_ROWS)
    theirs = [rows_of(held, word) for word in words]
    words = [word for word, rows in zip(words, theirs, strict=True) if len(rows)]
    theirs = [rows for rows in theirs if len(rows)]
    if not words:
        return {}
    response = LayoutResponse(model.layout, log_grid())
    with torch.no_grad():
        seen = level_free(response(torch.from_numpy(train.vectors)).numpy())
        unseen = level_free(response(torch.from_numpy(held.vectors)).numpy())
    ours = [rows_of(train, word) for word in words]
    means = np.array([seen[rows].mean(axis=0) for rows in ours])
    z = latents_of(model, means)
    with torch.no_grad():
        decoded = level_free(response(model.decoder(torch.from_numpy(z)).double()).numpy())
    rmse, fidelity = {}, {}
    for name, curves in (("word", decoded), ("mean", means)):
        rmse[name] = np.array([rms_db(unseen[rows] - curve) for rows, curve in zip(theirs, curves, strict=True)])
        fidelity[name] = np.array([np.mean([correlation(unseen[i], c) for i in rows]) for rows, c in zip(theirs, curves, strict=True)])
    return {
        "word_curve_rmse_db": float(rmse["word"].mean()),
        "word_curve_correlation": float(fidelity["word"].mean()),
        "baseline_mean_curve_rmse_db": float(rmse["mean"].mean()),
        "baseline_mean_curve_correlation": float(fidelity["mean"].mean()),
        "word_curve_worst_rmse_ratio": float((rmse["word"] / rmse["mean"]).max()),
        "word_curve_worst_correlation_loss": float((fidelity["mean"] - fidelity["word"]).max()),
    }
