"""A training run from recipe and data to a finished folder, and reading such a folder back.

    RUN/recipe.toml          copy of the recipe
    RUN/weights.safetensors  encoder, decoder and projection, trained on all rows
    RUN/centroids.json       the words
    RUN/vocabulary.json      what people did for each word: curves, spread, maps
    RUN/record.json          how it came to be, with the held-out metrics; written last: with it, the run is complete
    RUN/evaluation.json      the report's figures for this recipe, where `train report --keep` has put them
    RUN/guesses.json         guesses for words that nobody taught, where `train guesses` has made them
    RUN/history.csv          losses of every step of both phases, and the held-out error where it was measured
    RUN/loss.png             the same as a picture
    RUN/checkpoint.safetensors   only while a run is unfinished
    RUN/cache/               fitted SocialEQ shapes, unless another place was given

Two phases: `evaluation` trains without the held-out fold and finds the number of steps and the metrics, `final` trains on all rows.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from semeq_export.bundle.manifest import TrainingRecord
from semeq_export.eq.settings import SAFE_13, EqLayout
from semeq_export.errors import TrainingError, printable
from semeq_export.files import strict_json
from semeq_export.files.atomic import write_atomic
from semeq_export.files.disk import read_regular
from semeq_export.words.evidence import MAX_BYTES, Evidence
from semeq_export.words.guesses import MAX_BYTES as MAX_GUESSES_BYTES
from semeq_export.words.guesses import Guesses
from semeq_export.words.terms import CentroidBank
from semeq_training.data.datasets import ExampleTable, load_examples
from semeq_training.data.recipe import Recipe, RecipeFile, read_recipe
from semeq_training.data.sampling import NO_WORD
from semeq_training.data.vocabulary import entries, evidence_of
from semeq_training.fitting.centroids import build_bank
from semeq_training.fitting.curve_loop import CurveTrainer
from semeq_training.fitting.evaluate import curve_errors_db, evaluate
from semeq_training.fitting.loop import Trainer, deterministic, load_weights, new_model
from semeq_training.models import EqAutoencoder
from semeq_training.runs.run_folder import CACHE, CHECKPOINT, HISTORY, PICTURE, RECIPE, RECORD, WEIGHTS, check_folder, smooth
from semeq_training.runs.skeleton import (
    Job,
    Progress,
    Provenance,
    State,
    csv_table,
    loss_picture,
    read_complete,
    read_document,
    silent,
)

LAYOUT: EqLayout = SAFE_13
CENTROIDS, EVALUATION, GUESSES, VOCABULARY = "centroids.json", "evaluation.json", "guesses.json", "vocabulary.json"
_KNOWN = frozenset({RECIPE, WEIGHTS, CENTROIDS, VOCABULARY, RECORD, EVALUATION, GUESSES, HISTORY, PICTURE, CHECKPOINT, CACHE})
_EVALUATION_LOSSES, _FINAL_LOSSES = "losses.evaluation", "losses.final"


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """A complete run folder, read and checked. evaluation: the report's figures, empty where none was kept.
    guesses: for words that nobody taught, None where none were made."""

    path: Path
    recipe: RecipeFile[Recipe]
    record: TrainingRecord
    bank: CentroidBank
    model: EqAutoencoder
    evidence: Evidence
    evaluation: Mapping[str, float] = field(default_factory=dict)
    guesses: Guesses | None = None


def fit(
    recipe_path: str | os.PathLike[str],
    data: Path,
    out: Path,
    *,
    resume: bool = False,
    overwrite: bool = False,
    cache: Path | None = None,
    skip_bad_rows: bool = False,
    progress: Progress | None = None,
    note: Callable[[str], None] | None = None,
) -> TrainingRecord:
    """Train by a recipe on the data of a folder, write the run folder, and return its record.

    resume: continue an interrupted run; the result has the same bytes as that of an unbroken one. A complete run is returned as it is.
    note: told one line about whatever was left out.
    Raises TrainingError for a recipe, data or checkpoint that do not do, DataError for unreadable data, OutputError where `out` exists
    and neither resume nor overwrite is set, EnvironmentFailure where the disk fails.
    """
    recipe = read_recipe(recipe_path, Recipe)
    tell = progress or silent
    if check_folder(out, recipe.content, _KNOWN, resume=resume, overwrite=overwrite):
        return read_run(out).record
    table = load_examples(
        data,
        socialeq_scale_db=recipe.recipe.socialeq_scale_db,
        cache=cache or out / CACHE,
        skip_bad_rows=skip_bad_rows,
        progress=lambda done, total: tell("shapes", done, total, None),
    )
    if note is not None and table.skipped:
        note(f"{len(table.skipped)} rows with faulty cells left out, the first: {table.skipped[0]}")
    if note is not None and table.dropped:
        note(f"{_dropped(table)}; see: semeq_training/data/cleaning.py")
    with deterministic(recipe.recipe.threads):
        return _Fit(recipe, table, out, tell).complete(resume=resume)


def read_run(path: Path) -> Run:
    """Return a complete run; raises TrainingError naming the file that is missing, damaged or not of this run."""
    folder = read_complete(path, Recipe, TrainingRecord, verb="fit", what="training run")
    model = new_model(folder.recipe.recipe, LAYOUT)
    load_weights(model, dict(folder.weights))
    model.eval()
    bank = CentroidBank.from_json(read_regular(folder.path / CENTROIDS, TrainingError, max_bytes=16_000_000))
    evidence = Evidence.from_json(read_regular(folder.path / VOCABULARY, TrainingError, max_bytes=MAX_BYTES))
    table = folder.path / GUESSES
    guesses = Guesses.from_json(read_regular(table, TrainingError, max_bytes=MAX_GUESSES_BYTES)) if table.exists() else None
    return Run(folder.path, folder.recipe, folder.record, bank, model, evidence, _read_evaluation(folder.path, folder.recipe), guesses)


class _Evaluation(msgspec.Struct, frozen=True):
    """What evaluation.json holds. recipe_sha256: of the recipe that was measured."""

    recipe_sha256: str
    metrics: dict[str, float]


def write_evaluation(run: Run, metrics: Mapping[str, float]) -> None:
    """Keep a report's figures with the run that they are about; a bundle made of it then holds them."""
    kept = _Evaluation(run.recipe.sha256, dict(metrics))
    write_atomic(run.path / EVALUATION, strict_json.dumps(msgspec.to_builtins(kept)), overwrite=True)


def _read_evaluation(folder: Path, recipe: RecipeFile[Recipe]) -> Mapping[str, float]:
    path = folder / EVALUATION
    if not path.is_file():
        return {}
    kept = read_document(path, _Evaluation)
    if kept.recipe_sha256 != recipe.sha256:
        raise TrainingError(f"{printable(path)}: is of another recipe; measure this one with: semeq-export train report `keep`")
    return kept.metrics


def word_labels(table: ExampleTable, min_rows: int, words: tuple[str, ...] = ()) -> NDArray[np.int64]:
    """Return (n_rows,) the number of each row's word, NO_WORD for rows of words with fewer than min_rows rows or in another language.

    words: those that count, all where there are none.
    """
    usable = [word for word in table.usable_words(min_rows) if not words or word.word in words]
    numbers = {(word.word, word.language): number for number, word in enumerate(usable)}
    return np.array([numbers.get((example.word, example.language), NO_WORD) for example in table.examples], dtype=np.int64)


def trainer_of(recipe: Recipe, table: ExampleTable) -> Trainer:
    """Return what trains a recipe's kind of model on rows, before its first step."""
    kind = CurveTrainer if recipe.encoder == "codes" else Trainer
    return kind(recipe, LAYOUT, table.vectors, word_labels(table, recipe.min_rows, recipe.words))


class _State(State):
    """looks: (step, held-out curve error in dB) of the evaluation so far. metrics: what it found."""

    phase: Literal["evaluation", "final"]
    looks: list[tuple[int, float]]
    metrics: dict[str, float]


class _Fit(Job[Recipe, _State, Trainer, TrainingRecord]):
    INPUTS = "data"
    TABLES = (_EVALUATION_LOSSES, _FINAL_LOSSES)
    COLUMNS = ("curve", "contrastive", "parameter")

    def __init__(self, file: RecipeFile[Recipe], table: ExampleTable, out: Path, tell: Progress) -> None:
        held = table.folds == file.recipe.holdout_fold
        self.rows, self.train, self.held = table, table.select(~held), table.select(held)
        _check_rows(file.recipe, table, self.train, self.held)
        super().__init__(file, out, tell, _State(file.sha256, fingerprint(table), 0, "evaluation", [], {}))
        self.best: dict[str, Tensor] = {}

    @property
    def steps(self) -> int:
        """The number of steps with the smallest held-out error, the first of equals."""
        return min(self.state.looks, key=lambda look: (look[1], look[0]))[0]

    @property
    def checkpoint_every(self) -> int:
        return self.recipe.evaluate_every

    def evaluate(self) -> None:
        if self.state.phase == "final":
            return
        recipe = self.recipe
        trainer = self.resumed(self._trainer(self.train))
        while trainer.step < recipe.steps:
            self.record_step(_EVALUATION_LOSSES, self.advance(trainer, "evaluation", recipe.steps))
            if trainer.step % recipe.evaluate_every == 0 or trainer.step == recipe.steps:
                self.state.looks.append((trainer.step, float(curve_errors_db(trainer.model, self.held.vectors).mean())))
                if self.steps == trainer.step:
                    self.best = {name: tensor.clone() for name, tensor in trainer.model.state_dict().items()}
                self.keep(trainer)
        trainer.model.load_state_dict(self.best)
        self.state.metrics = evaluate(trainer.model, self.train, self.held)
        self.best = {}
        self.state.phase = "final"
        self.keep(None)

    def final_trainer(self) -> Trainer:
        return self._trainer(self.rows)

    def _trainer(self, table: ExampleTable) -> Trainer:
        return trainer_of(self.recipe, table)

    def extra_tensors(self) -> Mapping[str, Tensor]:
        return {f"best.{name}": tensor for name, tensor in self.best.items()}

    def take_extra_tensors(self, tensors: Mapping[str, Tensor]) -> None:
        self.best = {name.removeprefix("best."): tensor for name, tensor in tensors.items() if name.startswith("best.")}

    def results(self, trainer: Trainer, provenance: Provenance) -> tuple[TrainingRecord, Mapping[str, bytes]]:
        recipe = self.recipe
        bank = build_bank(trainer.model, self.rows, recipe.min_rows)
        evidence = evidence_of(self.rows, entries(self.rows, recipe.min_rows), seed=recipe.seed)
        rows = Counter[str](example.dataset for example in self.rows.examples)
        record = TrainingRecord(**provenance, rows=dict(sorted(rows.items())), steps=trainer.step, metrics=self.state.metrics)
        return record, {CENTROIDS: bank.to_json(), VOCABULARY: evidence.to_json()}

    def history(self) -> bytes:
        looks = dict(self.state.looks)
        rows = [
            [table.removeprefix("losses."), step, *losses, looks.get(step, "") if table == _EVALUATION_LOSSES else ""]
            for table in self.TABLES
            for step, losses in enumerate(self.losses[table], start=1)
        ]
        return csv_table(["phase", "step", "curve_loss", "contrastive_loss", "parameter_loss", "held_out_curve_mae_db"], rows)

    def picture(self) -> bytes:
        losses = self.table(_EVALUATION_LOSSES)
        held = np.full(len(losses), np.nan)
        for step, error in self.state.looks:
            held[step - 1] = error
        series = {
            "curve loss (dB)": smooth(losses[:, 0]),
            "contrastive loss": smooth(losses[:, 1]),
            "held-out curve error (dB)": held,
        }
        return loss_picture(series, "Training without the held-out fold")


def _check_rows(recipe: Recipe, table: ExampleTable, train: ExampleTable, held: ExampleTable) -> None:
    if len(train) < 2 or not len(held):
        counts = ", ".join(f"{fold}: {np.count_nonzero(table.folds == fold)}" for fold in sorted(set(table.folds.tolist())))
        why = f"; {_dropped(table)}" if table.dropped else ""
        left = f"{len(train)} rows to train on and {len(held)} to evaluate"
        raise TrainingError(f"holdout_fold {recipe.holdout_fold} leaves {left} (rows by fold: {counts or 'none'}){why}")
    if not table.usable_words(recipe.min_rows):
        raise TrainingError(f"no word has {recipe.min_rows} or more rows, so there is no term; lower min_rows or add data")


def _dropped(table: ExampleTable) -> str:
    rules = ", ".join(f"{rule} {rows}" for rule, rows in table.dropped.items())
    return f"{sum(table.dropped.values())} rows are not used for their word or values: {rules}"


def fingerprint(table: ExampleTable) -> str:
    """Return the SHA-256, hex, of rows and their words."""
    digest = hashlib.sha256(np.ascontiguousarray(table.vectors).tobytes())
    for example in table.examples:
        digest.update(f"{example.id}\0{example.word}\0{example.language}\0{example.fold}\n".encode())
    return digest.hexdigest()
