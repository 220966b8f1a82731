"""The skeleton of every training run: check the folder, train in phases from the last checkpoint, write the results, read them back.

The modules on it say what is trained, in which phases, and what is recorded: `run` (the EQ model) and `audio_run` (the audio encoder).
"""

from __future__ import annotations

import csv
import hashlib
import io
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Generic, Literal, Protocol, TypedDict, TypeVar

import msgspec
import numpy as np
import torch
from torch import Tensor

from semeq_export.arrays import Float64Array
from semeq_export.bundle.manifest import EncoderRecord, TrainingRecord
from semeq_export.errors import TrainingError, printable
from semeq_export.files import strict_json
from semeq_export.files.atomic import write_atomic
from semeq_export.files.disk import read_regular
from semeq_export.plot import figures as plot
from semeq_training.data.recipe import AnyRecipe, RecipeFile, read_recipe
from semeq_training.fitting.audio_loop import AudioLosses, AudioTrainer
from semeq_training.fitting.loop import Losses, Trainer
from semeq_training.runs.run_folder import (
    CHECKPOINT,
    HISTORY,
    MAX_WEIGHTS_BYTES,
    PICTURE,
    RECIPE,
    RECORD,
    WEIGHTS,
    check_same,
    prepare,
    processor,
    read_checkpoint,
    saved,
    tensors_of,
    write_checkpoint,
)

PhaseName = Literal["shapes", "evaluation", "material", "folds", "final"]

AnyRecord = TypeVar("AnyRecord", TrainingRecord, EncoderRecord)
AnyTrainer = TypeVar("AnyTrainer", Trainer, AudioTrainer)


class Progress(Protocol):
    """Told about every step. losses: of the step, None where there are none: while shapes are fitted or audio is read."""

    def __call__(self, phase: PhaseName, done: int, total: int, losses: Losses | AudioLosses | None) -> None: ...


def silent(phase: PhaseName, done: int, total: int, losses: Losses | AudioLosses | None) -> None:
    """Take no notice."""


class State(msgspec.Struct):
    """What every checkpoint says beside its tensors. data_sha256: of all that is learned from. step: of the trainer whose tensors it holds,
    0 between two of them.
    """

    recipe_sha256: str
    data_sha256: str
    step: int


AnyState = TypeVar("AnyState", bound=State)


class Provenance(TypedDict):
    """The fields that all records share."""

    recipe: str
    recipe_sha256: str
    weights_sha256: str
    seed: int
    threads: int
    processor: str
    torch: str


class Job(ABC, Generic[AnyRecipe, AnyState, AnyTrainer, AnyRecord]):
    """A run on its way, for one recipe. losses: by table, those of every step; each table is a tensor of the checkpoint."""

    INPUTS: ClassVar[str]
    """What `data_sha256` is of, in words."""
    TABLES: ClassVar[Sequence[str]]
    COLUMNS: ClassVar[Sequence[str]]
    """Names of the losses of a step, as its trainer returns them."""

    def __init__(self, file: RecipeFile[AnyRecipe], out: Path, tell: Progress, state: AnyState) -> None:
        self.file: RecipeFile[AnyRecipe] = file
        self.recipe: AnyRecipe = file.recipe
        self.out, self.tell, self.state = out, tell, state
        self.losses: dict[str, list[tuple[float, ...]]] = {table: [] for table in self.TABLES}
        self._tensors: dict[str, Tensor] = {}

    def complete(self, *, resume: bool) -> AnyRecord:
        """Run all phases, from the checkpoint with `resume`, write the folder, and return the record."""
        prepare(self.out, self.file.content, resume=resume)
        if resume and (self.out / CHECKPOINT).is_file():
            self._read_checkpoint()
        self.evaluate()
        trainer, steps = self.resumed(self.final_trainer()), self.steps
        while trainer.step < steps:
            self.record_step(self.TABLES[-1], self.advance(trainer, "final", steps))
            if trainer.step % self.checkpoint_every == 0 and trainer.step < steps:
                self.keep(trainer)
        return self._finish(trainer)

    @abstractmethod
    def evaluate(self) -> None:
        """Run the phases before `final`, as far as they are not done."""

    @abstractmethod
    def final_trainer(self) -> AnyTrainer:
        """Return the trainer of the model that the run is for."""

    @property
    @abstractmethod
    def steps(self) -> int:
        """How many steps that trainer takes; known after `evaluate`."""

    @property
    @abstractmethod
    def checkpoint_every(self) -> int:
        """Steps between two checkpoints."""

    @abstractmethod
    def results(self, trainer: AnyTrainer, provenance: Provenance) -> tuple[AnyRecord, Mapping[str, bytes]]:
        """Return the record and the files beside weights, history and picture."""

    @abstractmethod
    def history(self) -> bytes:
        """Return history.csv."""

    @abstractmethod
    def picture(self) -> bytes:
        """Return loss.png."""

    def extra_tensors(self) -> Mapping[str, Tensor]:
        """Return what a checkpoint holds beside trainer and losses."""
        return {}

    def take_extra_tensors(self, tensors: Mapping[str, Tensor]) -> None:
        """Take back what `extra_tensors` gave; tensors: all of the checkpoint."""

    def resumed(self, trainer: AnyTrainer) -> AnyTrainer:
        """Return a fresh trainer, put back to where the checkpoint has it in the middle."""
        if self.state.step:
            trainer.restore(self._tensors, self.state.step)
        return trainer

    def advance(self, trainer: AnyTrainer, phase: PhaseName, total: int, before: int = 0) -> Losses | AudioLosses:
        """Take one step and tell about it; before: steps of the phase that other trainers took."""
        losses = trainer.advance()
        self.tell(phase, before + losses.step, total, losses)
        return losses

    def record_step(self, table: str, losses: Losses | AudioLosses) -> None:
        """Add a step to a table of losses."""
        self.losses[table].append(tuple(getattr(losses, name) for name in self.COLUMNS))

    def keep(self, trainer: AnyTrainer | None) -> None:
        """Replace the checkpoint; trainer: the one in progress, None between two."""
        self.state.step = trainer.step if trainer is not None else 0
        tensors = {name: tensor.detach() for name, tensor in (trainer.state() if trainer is not None else {}).items()}
        tensors |= self.extra_tensors()
        for table, rows in self.losses.items():
            tensors[table] = torch.tensor(rows, dtype=torch.float64).reshape(-1, len(self.COLUMNS))
        write_checkpoint(self.out, tensors, self.state)

    def table(self, name: str) -> Float64Array:
        """Return (n_steps, n_losses) the losses of a table."""
        return np.array(self.losses[name], dtype=np.float64).reshape(-1, len(self.COLUMNS))

    def _read_checkpoint(self) -> None:
        state, self._tensors = read_checkpoint(self.out, type(self.state))
        recipes, inputs = (state.recipe_sha256, self.state.recipe_sha256), (state.data_sha256, self.state.data_sha256)
        check_same(self.out, **{"recipe": recipes, self.INPUTS: inputs})
        self.state = state
        self.take_extra_tensors(self._tensors)
        for table in self.TABLES:
            rows = self._tensors.get(table, torch.zeros(0, len(self.COLUMNS)))
            self.losses[table] = [tuple(row) for row in rows.tolist()]

    def _finish(self, trainer: AnyTrainer) -> AnyRecord:
        weights = saved(trainer.model.state_dict())
        provenance = Provenance(
            recipe=self.file.name,
            recipe_sha256=self.file.sha256,
            weights_sha256=hashlib.sha256(weights).hexdigest(),
            seed=self.recipe.seed,
            threads=self.recipe.threads,
            processor=processor(),
            torch=str(torch.__version__),
        )
        record, files = self.results(trainer, provenance)
        written = {HISTORY: self.history(), PICTURE: self.picture(), WEIGHTS: weights, **files}
        written[RECORD] = strict_json.dumps(msgspec.to_builtins(record))  # the last: with it, the run is complete
        for name, content in written.items():
            write_atomic(self.out / name, content, overwrite=True)
        (self.out / CHECKPOINT).unlink(missing_ok=True)
        return record


@dataclass(frozen=True, slots=True, eq=False)
class CompleteFolder(Generic[AnyRecipe, AnyRecord]):
    """What every complete run folder holds, read and found to belong together."""

    path: Path
    recipe: RecipeFile[AnyRecipe]
    record: AnyRecord
    weights: Mapping[str, Tensor]


def read_complete(
    path: Path, recipe_kind: type[AnyRecipe], record_kind: type[AnyRecord], *, verb: str, what: str
) -> CompleteFolder[AnyRecipe, AnyRecord]:
    """Return what a complete run folder holds; raises TrainingError naming the file that is missing, damaged or not of this run.

    verb: of `semeq-export train`, which finishes an unfinished one. what: the name of what the folder should be.
    """
    folder = Path(path)
    if not (folder / RECORD).is_file():
        unfinished = f"an unfinished run; finish it with: semeq-export train {verb} `resume`"
        raise TrainingError(f"{printable(path)}: {unfinished if (folder / CHECKPOINT).is_file() else f'no {what} ({RECORD} is missing)'}")
    recipe = read_recipe(folder / RECIPE, recipe_kind)
    record = read_document(folder / RECORD, record_kind)
    weights = read_regular(folder / WEIGHTS, TrainingError, max_bytes=MAX_WEIGHTS_BYTES)
    for name, found, recorded in (
        (RECIPE, recipe.sha256, record.recipe_sha256),
        (WEIGHTS, hashlib.sha256(weights).hexdigest(), record.weights_sha256),
    ):
        if found != recorded:
            raise TrainingError(f"{printable(folder / name)}: is not the file that {RECORD} was written for (SHA-256 differs)")
    return CompleteFolder(folder, recipe, record, tensors_of(folder / WEIGHTS, weights))


AnyDocument = TypeVar("AnyDocument")


def read_document(path: Path, kind: type[AnyDocument]) -> AnyDocument:
    """Return the JSON document of a kind in a file of a run; raises TrainingError naming the file."""
    try:
        document = strict_json.loads(read_regular(path, TrainingError, max_bytes=strict_json.MAX_BYTES))
        return msgspec.convert(document, kind, strict=True)
    except ValueError as error:  # msgspec.ValidationError is one
        raise TrainingError(f"{printable(path)}: {error}") from error


def csv_table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """Return a table with floats of six digits."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    for row in rows:
        writer.writerow([f"{value:.6g}" if isinstance(value, float) else value for value in row])
    return text.getvalue().encode()


def loss_picture(series: Mapping[str, Float64Array], title: str) -> bytes:
    """Return a PNG of series (n_steps,) over steps."""
    steps = np.arange(1, len(next(iter(series.values()))) + 1, dtype=np.float64)
    return plot.render(plot.history_figure(steps, dict(series), title=title), "png")
