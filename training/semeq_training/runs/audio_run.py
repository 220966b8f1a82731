"""A run that trains the audio encoder: from recipe, EQ model and audio to a folder, and reading such a folder back.

    RUN/recipe.toml, weights.safetensors, record.json, history.csv, loss.png, checkpoint.safetensors: as in a run of the EQ model (`run`)

Two phases: `folds` trains one short encoder for each source of real audio without that source, and asks it about it (`audio_evaluate`);
`final` trains the encoder that ships on everything. The record names the EQ model by the hash of its weights: an encoder speaks its codes
and no other's.
"""

from __future__ import annotations

import csv
import hashlib
import io
import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import msgspec
import numpy as np
import torch

from semeq_export.bundle.manifest import EncoderRecord
from semeq_export.errors import SemeqError, TrainingError
from semeq_export.files import strict_json
from semeq_export.files.atomic import write_atomic
from semeq_export.files.disk import printable, read_regular
from semeq_export.plot import figures as plot
from semeq_training.audio_models import AudioEncoder
from semeq_training.data.datasets import ExampleTable, load_examples
from semeq_training.data.recipe import EncoderRecipe, RecipeFile, read_recipe
from semeq_training.fitting.audio_evaluate import Heard, evaluate_source
from semeq_training.fitting.audio_loop import AudioLosses, AudioTrainer
from semeq_training.fitting.audio_material import RealFile, Source, noise_sources, read_real_files, real_sources
from semeq_training.fitting.loop import deterministic, load_weights
from semeq_training.runs.run import Run, fingerprint, read_run, word_labels
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

PhaseName = Literal["shapes", "material", "folds", "final"]
_KNOWN = frozenset({RECIPE, WEIGHTS, RECORD, HISTORY, PICTURE, CHECKPOINT, CACHE})
_CHECKPOINT_STEPS = 200


class Progress(Protocol):
    """Told about every step. losses: of the step, None where there are none yet."""

    def __call__(self, phase: PhaseName, done: int, total: int, losses: AudioLosses | None) -> None: ...


@dataclass(frozen=True, slots=True, eq=False)
class EncoderRun:
    """A complete run of the audio encoder, read and checked."""

    path: Path
    recipe: RecipeFile[EncoderRecipe]
    record: EncoderRecord
    model: AudioEncoder


def fit_encoder(
    recipe_path: str | os.PathLike[str],
    data: Path,
    audio: Path,
    eq_run: Path,
    out: Path,
    *,
    folds: int | None = None,
    resume: bool = False,
    overwrite: bool = False,
    cache: Path | None = None,
    progress: Progress | None = None,
    note: Callable[[str], None] | None = None,
) -> EncoderRecord:
    """Train an audio encoder for the EQ model of a run, write the run folder, and return its record.

    data: folder of the EQ tables, whose settings are applied. audio: folder of real audio. folds: how many sources are left out in turn,
    all where None, 0 for no evaluation. resume: continue an interrupted run to the same bytes. note: told one line about what is left out.
    Raises as `run.fit` does, AudioError for a file that cannot be read, and TrainingError where nothing of the audio can be used.
    """
    recipe = read_recipe(recipe_path, EncoderRecipe)
    teacher = read_run(eq_run)
    tell, say = progress or _silent, note or _say_nothing
    files = read_real_files(audio, say)
    check_folder(out, recipe.content, _KNOWN, resume=resume, overwrite=overwrite)
    if resume and (out / RECORD).is_file():
        return read_encoder_run(out).record
    scale_db = teacher.recipe.recipe.socialeq_scale_db
    table = load_examples(
        data, socialeq_scale_db=scale_db, cache=cache or out / CACHE, progress=lambda done, total: tell("shapes", done, total, None)
    )
    with deterministic(recipe.recipe.threads):
        job = _Fit(recipe, teacher, table, files, folds, out, tell)
        prepare(out, recipe.content, resume=resume)
        return job.run(resume=resume)


def is_encoder_run(path: Path) -> bool:
    """Whether a folder's recipe is one of an audio encoder."""
    try:
        read_recipe(Path(path) / RECIPE, EncoderRecipe)
    except SemeqError:
        return False
    return True


def read_encoder_run(path: Path) -> EncoderRun:
    """Return a complete run; raises TrainingError naming the file that is missing, damaged or not of this run."""
    folder = Path(path)
    if not (folder / RECORD).is_file():
        unfinished = (folder / CHECKPOINT).is_file()
        why = "an unfinished run; finish it with: semeq-export train encoder --resume" if unfinished else f"no run ({RECORD} is missing)"
        raise TrainingError(f"{printable(path)}: {why}")
    recipe = read_recipe(folder / RECIPE, EncoderRecipe)
    try:
        document = strict_json.loads(read_regular(folder / RECORD, TrainingError, max_bytes=strict_json.MAX_BYTES))
        record = msgspec.convert(document, EncoderRecord, strict=True)
    except ValueError as error:
        raise TrainingError(f"{printable(folder / RECORD)}: {error}") from error
    weights = read_regular(folder / WEIGHTS, TrainingError, max_bytes=MAX_WEIGHTS_BYTES)
    for name, found, recorded in (
        (RECIPE, recipe.sha256, record.recipe_sha256),
        (WEIGHTS, hashlib.sha256(weights).hexdigest(), record.weights_sha256),
    ):
        if found != recorded:
            raise TrainingError(f"{printable(folder / name)}: is not the file that {RECORD} was written for (SHA-256 differs)")
    tensors = tensors_of(folder / WEIGHTS, weights)
    latent_dim = len(tensors["flat"]) if "flat" in tensors and tensors["flat"].ndim == 1 else 1
    model = AudioEncoder(recipe.recipe.architecture, latent_dim, recipe.recipe.width, recipe.recipe.layers)
    load_weights(model, tensors)
    model.eval()
    return EncoderRun(folder, recipe, record, model)


class _State(msgspec.Struct):
    """What a checkpoint says beside its tensors. done: sources that were left out and asked about; heard: what was found in them."""

    recipe_sha256: str
    data_sha256: str
    step: int
    done: list[str]
    heard: Heard


class _Fit:
    def __init__(
        self,
        recipe: RecipeFile[EncoderRecipe],
        teacher: Run,
        table: ExampleTable,
        files: Sequence[RealFile],
        folds: int | None,
        out: Path,
        tell: Progress,
    ) -> None:
        self.file, self.recipe, self.teacher, self.table, self.files = recipe, recipe.recipe, teacher, table, files
        groups = sorted({file.group for file in files})
        self.folds = groups[: len(groups) if folds is None else folds] if len(groups) > 1 else []
        self.out, self.tell = out, tell
        digest = hashlib.sha256(fingerprint(table).encode())
        for text in (teacher.record.weights_sha256, *(f"{file.name} {file.sha256}" for file in files), *self.folds):
            digest.update(f"\0{text}".encode())
        self.state = _State(recipe.sha256, digest.hexdigest(), 0, [], Heard())
        self.losses: list[tuple[float, float, float, float]] = []

    def run(self, *, resume: bool) -> EncoderRecord:
        tensors = self._read_checkpoint() if resume and (self.out / CHECKPOINT).is_file() else None
        sources = self._sources()
        for group in self.folds:
            if group not in self.state.done:
                self._leave_out(group, sources)
        trainer = self._trainer(sources, self.recipe.steps)
        if tensors and self.state.step:
            trainer.restore(tensors, self.state.step)
        while trainer.step < self.recipe.steps:
            losses = trainer.advance()
            self.losses.append((losses.curve, losses.pink, losses.alignment, losses.contrastive))
            self.tell("final", losses.step, self.recipe.steps, losses)
            if trainer.step % _CHECKPOINT_STEPS == 0 and trainer.step < self.recipe.steps:
                self._write_checkpoint(trainer)
        return self._finish(trainer.model, sources)

    def _sources(self) -> list[Source]:
        recipe = self.recipe
        self.tell("material", 0, 3, None)
        sources = noise_sources(recipe.pink_sources, "pink", recipe.seed)
        self.tell("material", 1, 3, None)
        sources += noise_sources(recipe.coloured_sources, "coloured", recipe.seed)
        self.tell("material", 2, 3, None)
        sources += real_sources(self.files, recipe.seed)
        self.tell("material", 3, 3, None)
        return sources

    def _leave_out(self, group: str, sources: Sequence[Source]) -> None:
        steps, before = self.recipe.fold_steps, len(self.state.done)
        trainer = self._trainer([source for source in sources if source.group != group], steps)
        while trainer.step < steps:
            losses = trainer.advance()
            self.tell("folds", before * steps + losses.step, len(self.folds) * steps, losses)
        held, known = ([file for file in self.files if (file.group == group) is is_held] for is_held in (True, False))
        self.state.heard.add(evaluate_source(trainer.model, self.teacher.model, self.teacher.bank, held, known))
        self.state.done.append(group)
        self._write_checkpoint(None)

    def _trainer(self, sources: Sequence[Source], steps: int) -> AudioTrainer:
        labels = word_labels(self.table, self.teacher.recipe.recipe.min_rows)
        return AudioTrainer(self.recipe, self.teacher.model, self.table.vectors, labels, sources, steps)

    def _write_checkpoint(self, trainer: AudioTrainer | None) -> None:
        self.state.step = trainer.step if trainer is not None else 0
        tensors = {name: tensor.detach() for name, tensor in (trainer.state() if trainer is not None else {}).items()}
        tensors["losses"] = torch.tensor(self.losses, dtype=torch.float64).reshape(-1, 4)
        write_checkpoint(self.out, tensors, self.state)

    def _read_checkpoint(self) -> dict[str, torch.Tensor]:
        state, tensors = read_checkpoint(self.out, _State)
        check_same(
            self.out,
            recipe=(state.recipe_sha256, self.state.recipe_sha256),
            **{"EQ model, data, audio or number of folds": (state.data_sha256, self.state.data_sha256)},
        )
        self.state = state
        rows = tensors.get("losses", torch.zeros(0, 4)).tolist()
        self.losses = [(row[0], row[1], row[2], row[3]) for row in rows]
        return tensors

    def _finish(self, model: AudioEncoder, sources: Sequence[Source]) -> EncoderRecord:
        weights = saved(model.state_dict())
        windows: Counter[str] = Counter()
        for source in sources:
            windows[source.kind] += len(source.powers)
        metrics = {"sources_left_out": float(len(self.folds)), "files": float(len(self.files)), **self.state.heard.metrics()}
        record = EncoderRecord(
            recipe=self.file.name,
            recipe_sha256=self.file.sha256,
            weights_sha256=hashlib.sha256(weights).hexdigest(),
            eq_weights_sha256=self.teacher.record.weights_sha256,
            architecture=self.recipe.architecture,
            windows=dict(sorted(windows.items())),
            seed=self.recipe.seed,
            steps=self.recipe.steps,
            threads=self.recipe.threads,
            processor=processor(),
            torch=str(torch.__version__),
            metrics=metrics,
        )
        write_atomic(self.out / HISTORY, self._history(), overwrite=True)
        write_atomic(self.out / PICTURE, self._picture(), overwrite=True)
        write_atomic(self.out / WEIGHTS, weights, overwrite=True)
        write_atomic(self.out / RECORD, strict_json.dumps(msgspec.to_builtins(record)), overwrite=True)
        (self.out / CHECKPOINT).unlink(missing_ok=True)
        return record

    def _history(self) -> bytes:
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["step", "curve_loss", "pink_loss", "alignment_loss", "contrastive_loss"])
        for step, row in enumerate(self.losses, start=1):
            writer.writerow([step, *(f"{value:.6g}" for value in row)])
        return text.getvalue().encode()

    def _picture(self) -> bytes:
        rows = np.array(self.losses, dtype=np.float64).reshape(-1, 4)
        steps = np.arange(1, len(rows) + 1, dtype=np.float64)
        series = {
            "curve loss, pairs (dB)": smooth(rows[:, 0]),
            "curve loss, pink noise (dB)": smooth(rows[:, 1]),
            "contrastive loss": smooth(rows[:, 3]),
        }
        return plot.render(plot.history_figure(steps, series, title="Training the audio encoder"), "png")


def _silent(phase: PhaseName, done: int, total: int, losses: AudioLosses | None) -> None:
    """Take no notice."""


def _say_nothing(line: str) -> None:
    """Take no notice."""
