"""A training run from recipe and data to a finished folder, and reading such a folder back.

    RUN/recipe.toml          copy of the recipe
    RUN/weights.safetensors  encoder, decoder and projection, trained on all rows
    RUN/centroids.json       the words
    RUN/vocabulary.json      what people did for each word: curves, spread, maps
    RUN/record.json          how it came to be, with the held-out metrics; written last: with it, the run is complete
    RUN/evaluation.json      the report's figures for this recipe, where `train report --keep` has put them
    RUN/history.csv          losses of every step of both phases, and the held-out error where it was measured
    RUN/loss.png             the same as a picture
    RUN/checkpoint.safetensors   only while a run is unfinished
    RUN/cache/               fitted SocialEQ shapes, unless another place was given

Two phases: `evaluation` trains without the held-out fold and finds the number of steps and the metrics, `final` trains on all rows.
"""

from __future__ import annotations

import csv
import hashlib
import io
import os
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray

from semeq_export.bundle.manifest import TrainingRecord
from semeq_export.eq.settings import SAFE_13, EqLayout
from semeq_export.errors import TrainingError
from semeq_export.files import strict_json
from semeq_export.files.atomic import write_atomic
from semeq_export.files.disk import printable, read_regular
from semeq_export.plot import figures as plot
from semeq_export.words.evidence import MAX_BYTES, Evidence
from semeq_export.words.terms import CentroidBank
from semeq_training.data.datasets import ExampleTable, load_examples
from semeq_training.data.recipe import Recipe, RecipeFile, read_recipe
from semeq_training.data.sampling import NO_WORD
from semeq_training.data.vocabulary import entries, evidence_of
from semeq_training.fitting.centroids import build_bank
from semeq_training.fitting.curve_loop import CurveTrainer
from semeq_training.fitting.evaluate import curve_errors_db, evaluate
from semeq_training.fitting.loop import Losses, Trainer, deterministic, load_weights, new_model
from semeq_training.models import EqAutoencoder
from semeq_training.runs.run_folder import (
    CACHE,
    CHECKPOINT,
    HISTORY,
    MAX_WEIGHTS_BYTES,
    PICTURE,
    RECIPE,
    RECORD,
    WEIGHTS,
    check_folder,
    check_same,
    prepare,
    processor,
    read_checkpoint,
    saved,
    smooth,
    tensors_of,
    write_checkpoint,
)

LAYOUT: EqLayout = SAFE_13
CENTROIDS, EVALUATION, VOCABULARY = "centroids.json", "evaluation.json", "vocabulary.json"
_KNOWN = frozenset({RECIPE, WEIGHTS, CENTROIDS, VOCABULARY, RECORD, EVALUATION, HISTORY, PICTURE, CHECKPOINT, CACHE})

PhaseName = Literal["shapes", "evaluation", "final"]


class Progress(Protocol):
    """Told about every step. losses: of the step, None while shapes are fitted."""

    def __call__(self, phase: PhaseName, done: int, total: int, losses: Losses | None) -> None: ...


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """A complete run folder, read and checked. evaluation: the report's figures, empty where none was kept."""

    path: Path
    recipe: RecipeFile[Recipe]
    record: TrainingRecord
    bank: CentroidBank
    model: EqAutoencoder
    evidence: Evidence
    evaluation: Mapping[str, float] = field(default_factory=dict)


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
    tell = progress or _silent
    check_folder(out, recipe.content, _KNOWN, resume=resume, overwrite=overwrite)
    if resume and (out / RECORD).is_file():
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
        job = _Fit(recipe, table, out, tell)
        prepare(out, recipe.content, resume=resume)
        return job.run(resume=resume)


def read_run(path: Path) -> Run:
    """Return a complete run; raises TrainingError naming the file that is missing, damaged or not of this run."""
    folder = Path(path)
    if not (folder / RECORD).is_file():
        unfinished = (folder / CHECKPOINT).is_file()
        why = (
            "an unfinished run; finish it with: semeq-export train fit --resume" if unfinished else f"no training run ({RECORD} is missing)"
        )
        raise TrainingError(f"{printable(path)}: {why}")
    recipe = read_recipe(folder / RECIPE, Recipe)
    try:
        document = strict_json.loads(read_regular(folder / RECORD, TrainingError, max_bytes=strict_json.MAX_BYTES))
        record = msgspec.convert(document, TrainingRecord, strict=True)
    except ValueError as error:
        raise TrainingError(f"{printable(folder / RECORD)}: {error}") from error
    weights = read_regular(folder / WEIGHTS, TrainingError, max_bytes=MAX_WEIGHTS_BYTES)
    for name, found, recorded in (
        (RECIPE, recipe.sha256, record.recipe_sha256),
        (WEIGHTS, hashlib.sha256(weights).hexdigest(), record.weights_sha256),
    ):
        if found != recorded:
            raise TrainingError(f"{printable(folder / name)}: is not the file that {RECORD} was written for (SHA-256 differs)")
    model = new_model(recipe.recipe, LAYOUT)
    load_weights(model, tensors_of(folder / WEIGHTS, weights))
    model.eval()
    bank = CentroidBank.from_json(read_regular(folder / CENTROIDS, TrainingError, max_bytes=16_000_000))
    evidence = Evidence.from_json(read_regular(folder / VOCABULARY, TrainingError, max_bytes=MAX_BYTES))
    return Run(folder, recipe, record, bank, model, evidence, _read_evaluation(folder, recipe))


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
    try:
        document = strict_json.loads(read_regular(path, TrainingError, max_bytes=strict_json.MAX_BYTES))
        kept = msgspec.convert(document, _Evaluation, strict=True)
    except ValueError as error:
        raise TrainingError(f"{printable(path)}: {error}") from error
    if kept.recipe_sha256 != recipe.sha256:
        raise TrainingError(f"{printable(path)}: is of another recipe; measure this one with: semeq-export train report --keep")
    return kept.metrics


def word_labels(table: ExampleTable, min_rows: int, words: tuple[str, ...] = ()) -> NDArray[np.int64]:
    """Return (n_rows,) the number of each row's word, NO_WORD for rows of words with fewer than min_rows rows or in another language.

    words: those that count, all where there are none.
    """
    usable = [word for word in table.usable_words(min_rows) if not words or word.word in words]
    numbers = {(word.word, word.language): number for number, word in enumerate(usable)}
    return np.array([numbers.get((example.word, example.language), NO_WORD) for example in table.examples], dtype=np.int64)


class _State(msgspec.Struct):
    """What a checkpoint says beside its tensors. looks: (step, held-out curve error in dB) of the evaluation so far."""

    recipe_sha256: str
    data_sha256: str
    phase: Literal["evaluation", "final"]
    step: int
    looks: list[tuple[int, float]]
    metrics: dict[str, float]


class _Fit:
    def __init__(self, recipe: RecipeFile[Recipe], table: ExampleTable, out: Path, tell: Progress) -> None:
        self.file, self.recipe, self.table, self.out, self.tell = recipe, recipe.recipe, table, out, tell
        held = table.folds == self.recipe.holdout_fold
        self.train, self.held = table.select(~held), table.select(held)
        _check_rows(self.recipe, table, self.train, self.held)
        self.state = _State(recipe.sha256, fingerprint(table), "evaluation", 0, [], {})
        self.losses: dict[str, list[tuple[float, float, float]]] = {"evaluation": [], "final": []}
        self.best: dict[str, torch.Tensor] = {}

    def run(self, *, resume: bool) -> TrainingRecord:
        tensors = self._read_checkpoint() if resume and (self.out / CHECKPOINT).is_file() else None
        if self.state.phase == "evaluation":
            self._evaluate(tensors)
            tensors = None
        trainer = self._trainer(self.table, tensors)
        steps = self.steps
        while trainer.step < steps:
            self._advance(trainer, steps)
            if trainer.step % self.recipe.evaluate_every == 0 and trainer.step < steps:
                self._write_checkpoint(trainer)
        return self._finish(trainer.model, steps)

    @property
    def steps(self) -> int:
        """The number of steps with the smallest held-out error, the first of equals."""
        return min(self.state.looks, key=lambda look: (look[1], look[0]))[0]

    def _evaluate(self, tensors: dict[str, torch.Tensor] | None) -> None:
        recipe = self.recipe
        trainer = self._trainer(self.train, tensors)
        while trainer.step < recipe.steps:
            self._advance(trainer, recipe.steps)
            if trainer.step % recipe.evaluate_every == 0 or trainer.step == recipe.steps:
                self.state.looks.append((trainer.step, float(curve_errors_db(trainer.model, self.held.vectors).mean())))
                if self.steps == trainer.step:
                    self.best = {name: tensor.clone() for name, tensor in trainer.model.state_dict().items()}
                self._write_checkpoint(trainer)
        trainer.model.load_state_dict(self.best)
        self.state.metrics = evaluate(trainer.model, self.train, self.held)
        self.best = {}
        self.state.phase, self.state.step = "final", 0
        self._write_checkpoint(None)

    def _trainer(self, table: ExampleTable, tensors: dict[str, torch.Tensor] | None) -> Trainer:
        kind = CurveTrainer if self.recipe.encoder == "codes" else Trainer
        trainer = kind(self.recipe, LAYOUT, table.vectors, word_labels(table, self.recipe.min_rows, self.recipe.words))
        if tensors and self.state.step:
            trainer.restore(tensors, self.state.step)
        return trainer

    def _advance(self, trainer: Trainer, total: int) -> None:
        losses = trainer.advance()
        self.losses[self.state.phase].append((losses.curve, losses.contrastive, losses.parameter))
        self.tell(self.state.phase, losses.step, total, losses)

    def _write_checkpoint(self, trainer: Trainer | None) -> None:
        self.state.step = trainer.step if trainer is not None else 0
        tensors = trainer.state() if trainer is not None else {}
        tensors = {name: tensor.detach() for name, tensor in tensors.items()}
        tensors |= {f"best.{name}": tensor for name, tensor in self.best.items()}
        tensors |= {f"losses.{phase}": torch.tensor(rows, dtype=torch.float64).reshape(-1, 3) for phase, rows in self.losses.items()}
        write_checkpoint(self.out, tensors, self.state)

    def _read_checkpoint(self) -> dict[str, torch.Tensor]:
        state, tensors = read_checkpoint(self.out, _State)
        check_same(self.out, recipe=(state.recipe_sha256, self.state.recipe_sha256), data=(state.data_sha256, self.state.data_sha256))
        self.state = state
        self.best = {name.removeprefix("best."): tensor for name, tensor in tensors.items() if name.startswith("best.")}
        for phase in self.losses:
            rows = tensors.get(f"losses.{phase}", torch.zeros(0, 3))
            self.losses[phase] = [(row[0], row[1], row[2]) for row in rows.tolist()]
        return tensors

    def _finish(self, model: EqAutoencoder, steps: int) -> TrainingRecord:
        bank = build_bank(model, self.table, self.recipe.min_rows)
        weights = saved(model.state_dict())
        record = TrainingRecord(
            recipe=self.file.name,
            recipe_sha256=self.file.sha256,
            weights_sha256=hashlib.sha256(weights).hexdigest(),
            rows=dict(sorted(Counter(example.dataset for example in self.table.examples).items())),
            seed=self.recipe.seed,
            steps=steps,
            threads=self.recipe.threads,
            processor=processor(),
            torch=str(torch.__version__),
            metrics=self.state.metrics,
        )
        write_atomic(self.out / HISTORY, self._history(), overwrite=True)
        write_atomic(self.out / PICTURE, self._picture(), overwrite=True)
        write_atomic(self.out / WEIGHTS, weights, overwrite=True)
        write_atomic(self.out / CENTROIDS, bank.to_json(), overwrite=True)
        evidence = evidence_of(self.table, entries(self.table, self.recipe.min_rows), seed=self.recipe.seed)
        write_atomic(self.out / VOCABULARY, evidence.to_json(), overwrite=True)
        write_atomic(self.out / RECORD, strict_json.dumps(msgspec.to_builtins(record)), overwrite=True)
        (self.out / CHECKPOINT).unlink(missing_ok=True)
        return record

    def _history(self) -> bytes:
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["phase", "step", "curve_loss", "contrastive_loss", "parameter_loss", "held_out_curve_mae_db"])
        looks = dict(self.state.looks)
        for phase, rows in self.losses.items():
            for step, row in enumerate(rows, start=1):
                held = looks.get(step, "") if phase == "evaluation" else ""
                writer.writerow([phase, step, *(f"{value:.6g}" for value in row), f"{held:.6g}" if held != "" else ""])
        return text.getvalue().encode()

    def _picture(self) -> bytes:
        rows = np.array(self.losses["evaluation"], dtype=np.float64).reshape(-1, 3)
        steps = np.arange(1, len(rows) + 1)
        held = np.full(len(rows), np.nan)
        for step, error in self.state.looks:
            held[step - 1] = error
        series = {
            "curve loss (dB)": smooth(rows[:, 0]),
            "contrastive loss": smooth(rows[:, 1]),
            "held-out curve error (dB)": held,
        }
        return plot.render(plot.history_figure(steps.astype(np.float64), series, title="Training without the held-out fold"), "png")


def _silent(phase: PhaseName, done: int, total: int, losses: Losses | None) -> None:
    """Take no notice."""


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
