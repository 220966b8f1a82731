"""One cell of the long evaluation: a recipe trained with one seed on one split, or the baselines, measured on the split's held-out rows.

A cell is a JSON file of numbers, so that an interrupted evaluation goes on where it stopped.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import davies_bouldin_score, f1_score, silhouette_score

from semeq_export.arrays import Float64Array
from semeq_export.eq.curve import correlation, level_free, log_grid
from semeq_export.errors import TrainingError, printable
from semeq_export.files import strict_json
from semeq_export.files.atomic import write_atomic
from semeq_export.files.disk import read_regular
from semeq_export.words.morph import departures_db, steps_db
from semeq_training.data.datasets import ExampleTable
from semeq_training.data.recipe import Recipe
from semeq_training.fitting.baselines import baseline_errors_db
from semeq_training.fitting.centroids import latents_of, rows_of
from semeq_training.fitting.evaluate import codes_of, curve_errors_db, effective_rank, parameter_errors
from semeq_training.fitting.loop import deterministic
from semeq_training.models import EqAutoencoder, LayoutScale
from semeq_training.runs.run import LAYOUT, trainer_of
from semeq_training.torch_biquad import LayoutResponse

RANDOM = "random"
MIN_BOTH = 10
"""A SAFE fold is left out once if it has this many rows of warm and of bright."""

WORD_SETS = (2, 5, 10)
"""Classes of the grouping figures: the SAFE words with the most rows."""

SAFE_ROWS = 5
"""Rows of a usual SAFE word."""

MORPH_STEPS = 11
_MAX_BYTES = 16_000_000
_TREES, _FIDELITY_ROWS, _MORPH_WORDS = 200, 10, 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Errors:
    """Mean curve errors in dB, and the rows that they are of: all held-out rows, each data set's, and those of the usual SAFE words.

    None where there is no such row.
    """

    curve_mae_db_all: float
    rows_all: int
    curve_mae_db_safe: float | None = None
    rows_safe: int | None = None
    curve_mae_db_socialeq: float | None = None
    rows_socialeq: int | None = None
    curve_mae_db_safe_words: float | None = None
    rows_safe_words: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouping:
    """How well a random forest tells a set of words apart on held-out rows, and how well the words lie together."""

    rows: int
    accuracy: float
    top3: float
    macro_f1: float
    silhouette: float
    davies_bouldin: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WordSums:
    """A word against held-out people, summed over its rows: of the decoded word, and of the mean curve of its training rows.

    square_error: dB^2, each row's mean over frequency.
    """

    rows: int
    square_error: float
    square_error_of_mean: float
    correlation: float
    correlation_of_mean: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Morphs:
    """How even the way between pairs of words is in dB rms, straight in the latent.

    departure: from the straight line between the two curves.
    """

    pairs: int
    mean_step_db: float
    largest_step_ratio: float
    departure_db_mean: float
    departure_db_max: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCell(Errors):
    """Of a recipe. groups: by number of words. words: by word. morphs: None where there is no pair of words."""

    gain_mae_db: float
    freq_mae_octaves: float
    q_mae_octaves: float
    latent_effective_rank: float
    groups: Mapping[str, Grouping]
    words: Mapping[str, WordSums]
    morphs: Morphs | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineCell:
    """Of what a reader would try first. methods: by name. groups: by number of words, the ceiling for every recipe."""

    methods: Mapping[str, Errors]
    groups: Mapping[str, Grouping]


Cell: TypeAlias = ModelCell | BaselineCell
AnyCell = TypeVar("AnyCell", ModelCell, BaselineCell)


def write_cell(path: Path, cell: Cell) -> None:
    """Write a cell; what it lacks is left out of the file."""
    document = _without_none(msgspec.to_builtins(cell))
    if isinstance(cell, ModelCell):
        document.setdefault("morphs", {})
    write_atomic(path, strict_json.dumps(document), overwrite=True)


def read_cell(path: Path, kind: type[AnyCell]) -> AnyCell:
    """Return what `write_cell` wrote; raises TrainingError naming the file."""
    try:
        document = strict_json.loads(read_regular(path, TrainingError, max_bytes=_MAX_BYTES), max_bytes=_MAX_BYTES)
        if isinstance(document, dict) and not document.get("morphs", True):
            document["morphs"] = None
        return msgspec.convert(document, kind)
    except ValueError as error:  # msgspec.ValidationError is one
        raise TrainingError(f"{printable(path)}: {error}") from error


def _without_none(document: Any) -> Any:  # Any: plain data for JSON
    if isinstance(document, dict):
        return {key: _without_none(value) for key, value in document.items() if value is not None}
    return document


def splits_of(table: ExampleTable) -> list[str]:
    """Return the names of the splits: the SAFE folds with enough of warm and bright, then the random one."""
    words = Counter((example.fold, example.word) for example in table.examples if example.dataset == "safe")
    folds = [fold for fold in range(5) if min(words[fold, "warm"], words[fold, "bright"]) >= MIN_BOTH]
    return [*(f"fold{fold}" for fold in folds), RANDOM]


def split_table(table: ExampleTable, split: str, seed: int) -> tuple[ExampleTable, ExampleTable]:
    """Return the rows to train on and the held-out ones."""
    if split == RANDOM:
        out = np.random.default_rng([7, seed]).permutation(len(table)) < len(table) // 5
    else:
        out = table.folds == int(split.removeprefix("fold"))
    return table.select(~out), table.select(out)


def safe_words(table: ExampleTable) -> list[str]:
    """Return the SAFE words with five or more rows, most rows first."""
    counts = Counter(example.word for example in table.examples if example.dataset == "safe")
    return [word for word, rows in sorted(counts.items(), key=lambda item: (-item[1], item[0])) if rows >= SAFE_ROWS]


def measure(table: ExampleTable, recipe: Recipe | None, split: str, seed: int, vae_steps: int) -> Cell:
    """Return one cell: a recipe trained on a split's training rows and measured on its held-out rows; the baselines without a recipe."""
    train, held = split_table(table, split, seed)
    with deterministic(1):
        if recipe is None:
            return _baseline_cell(table, train, held, seed, vae_steps)
        trainer = trainer_of(recipe, train)
        while trainer.step < recipe.steps:
            trainer.advance()
        return _model_cell(trainer.model, table, train, held, seed)


def _model_cell(model: EqAutoencoder, table: ExampleTable, train: ExampleTable, held: ExampleTable, seed: int) -> ModelCell:
    codes, seen = codes_of(model, held), codes_of(model, train)
    figures: dict[str, Any] = {  # Any: fields of the cell by name, of two types
        **_errors(table, held, curve_errors_db(model, held.vectors)),
        **parameter_errors(model, held),
    }
    words, z = _fidelity(model, table, train, held)
    return ModelCell(
        **figures,
        latent_effective_rank=effective_rank(codes),
        groups=_groups(table, train, held, seen, codes, seed, in_latent=True),
        words=words,
        morphs=_morphs(model, z),
    )


def _baseline_cell(table: ExampleTable, train: ExampleTable, held: ExampleTable, seed: int, vae_steps: int) -> BaselineCell:
    methods = baseline_errors_db(LAYOUT, train, held, seed=seed, vae_steps=vae_steps)
    scale = LayoutScale(LAYOUT)
    seen, unseen = (scale.to_unit(torch.from_numpy(rows.vectors.astype(np.float32))).numpy() for rows in (train, held))
    return BaselineCell(
        methods={name: Errors(**_errors(table, held, errors)) for name, errors in methods.items()},
        groups=_groups(table, train, held, seen, unseen, seed, in_latent=False),
    )


def _errors(table: ExampleTable, held: ExampleTable, errors: Float64Array) -> dict[str, Any]:  # Any: numbers of two types
    """Return the fields of `Errors` of errors (n_held,) in dB."""
    words = set(safe_words(table))
    chosen = {
        "all": [True] * len(held),
        "safe": [e.dataset == "safe" for e in held.examples],
        "socialeq": [e.dataset == "socialeq" for e in held.examples],
        "safe_words": [e.dataset == "safe" and e.word in words for e in held.examples],
    }
    fields: dict[str, Any] = {}
    for name, mask in chosen.items():
        if any(mask):
            fields |= {f"curve_mae_db_{name}": float(errors[np.array(mask)].mean()), f"rows_{name}": sum(mask)}
    return fields


def _groups(
    table: ExampleTable,
    train: ExampleTable,
    held: ExampleTable,
    seen: NDArray[np.floating],
    unseen: NDArray[np.floating],
    seed: int,
    *,
    in_latent: bool,
) -> dict[str, Grouping]:
    """Return, for each word set that both parts of the split have words of, how its words group.

    in_latent: features are z, whose own silhouette is measured; else they are parameters, and the silhouette is that of the forest's
    posterior, which is what the best classifier at hand would give.
    """
    groups = {}
    for size in WORD_SETS:
        words = safe_words(table)[:size]
        if len(words) < size:
            continue
        (at, labels), (at_held, wanted) = _labelled(train, words), _labelled(held, words)
        counts = Counter(wanted.tolist())
        if len(counts) < 2 or len(set(labels.tolist())) < 2:
            continue
        forest = RandomForestClassifier(_TREES, min_samples_leaf=2, random_state=seed).fit(seen[at], labels)
        posterior = forest.predict_proba(unseen[at_held])
        order = np.argsort(-posterior, axis=1, kind="stable")
        names = forest.classes_[order]
        space = unseen[at_held] if in_latent else posterior
        groups[str(size)] = Grouping(
            rows=len(wanted),
            accuracy=float(np.mean(names[:, 0] == wanted)),
            top3=float(np.mean([word in best for word, best in zip(wanted, names[:, :3], strict=True)])),
            macro_f1=float(f1_score(wanted, names[:, 0], labels=sorted(counts), average="macro", zero_division=0.0)),
            silhouette=float(silhouette_score(space, wanted)),
            davies_bouldin=float(davies_bouldin_score(space, wanted)),
        )
    return groups


def _labelled(table: ExampleTable, words: Sequence[str]) -> tuple[NDArray[np.bool_], NDArray[np.str_]]:
    labels = np.array([example.word if example.dataset == "safe" else "" for example in table.examples])
    mask = np.isin(labels, words)
    return mask, labels[mask]


def _fidelity(
    model: EqAutoencoder, table: ExampleTable, train: ExampleTable, held: ExampleTable
) -> tuple[dict[str, WordSums], Float64Array]:
    """Return the sums of each word with ten rows, and the latents (n_words, latent_dim) of the words."""
    words = [word for word in table.usable_words(_FIDELITY_ROWS) if len(rows_of(train, word))]
    response = LayoutResponse(model.layout, log_grid())
    with torch.no_grad():
        seen = level_free(response(torch.from_numpy(train.vectors)).numpy())
        unseen = level_free(response(torch.from_numpy(held.vectors)).numpy())
    means = np.array([seen[rows_of(train, word)].mean(axis=0) for word in words])
    z = latents_of(model, means)
    with torch.no_grad():
        decoded = level_free(response(model.decoder(torch.from_numpy(z)).double()).numpy())
    sums = {}
    for word, ours, mean in zip(words, decoded, means, strict=True):
        people = unseen[rows_of(held, word)]
        if len(people):
            sums[f"{word.word} ({word.language})"] = WordSums(
                rows=len(people),
                square_error=float(np.square(people - ours).mean(axis=1).sum()),
                square_error_of_mean=float(np.square(people - mean).mean(axis=1).sum()),
                correlation=float(sum(correlation(person, ours) for person in people)),
                correlation_of_mean=float(sum(correlation(person, mean) for person in people)),
            )
    return sums, z.astype(np.float64)


def _morphs(model: EqAutoencoder, z: Float64Array) -> Morphs | None:
    """Return the morphs between the first of the words whose latents z (n_words, latent_dim) holds."""
    response = LayoutResponse(model.layout, log_grid())
    ratios, away, mean = [], [], []
    places = np.linspace(0.0, 1.0, MORPH_STEPS)[:, np.newaxis]
    for a, b in itertools.combinations(z[:_MORPH_WORDS], 2):
        with torch.no_grad():
            path: Float64Array = response(model.decoder(torch.from_numpy((a + places * (b - a)).astype(np.float32))).double()).numpy()
        steps = steps_db(path)
        ratios.append(float(steps.max() / steps.mean()))
        away.append(float(departures_db(path).max()))
        mean.append(float(steps.mean()))
    if not ratios:
        return None
    return Morphs(
        pairs=len(ratios),
        mean_step_db=float(np.mean(mean)),
        largest_step_ratio=float(max(ratios)),
        departure_db_mean=float(np.mean(away)),
        departure_db_max=float(np.max(away)),
    )
