"""A run that trains the audio encoder: from recipe, EQ model and audio to a folder, and reading such a folder back.

    RUN/recipe.toml, weights.safetensors, record.json, history.csv, loss.png, checkpoint.safetensors: as in a run of the EQ model (`run`)

Two phases: `folds` trains one short encoder for each source of real audio without that source, and asks it about it (`audio_evaluate`);
`final` trains the encoder that ships on everything. The record names the EQ model by the hash of its weights: an encoder speaks its codes
and no other's.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from semeq_export.bundle.manifest import EncoderRecord
from semeq_export.errors import SemeqError
from semeq_training.audio_models import AudioEncoder
from semeq_training.data.datasets import ExampleTable, load_examples
from semeq_training.data.recipe import EncoderRecipe, RecipeFile, read_recipe
from semeq_training.fitting.audio_evaluate import Heard, evaluate_source
from semeq_training.fitting.audio_loop import AudioTrainer
from semeq_training.fitting.audio_material import RealFile, Source, noise_sources, read_real_files, real_sources
from semeq_training.fitting.loop import deterministic, load_weights
from semeq_training.runs.run import Run, fingerprint, read_run, word_labels
from semeq_training.runs.run_folder import CACHE, CHECKPOINT, HISTORY, PICTURE, RECIPE, RECORD, WEIGHTS, check_folder, smooth
from semeq_training.runs.skeleton import Job, Progress, Provenance, State, csv_table, loss_picture, read_complete, silent

_KNOWN = frozenset({RECIPE, WEIGHTS, RECORD, HISTORY, PICTURE, CHECKPOINT, CACHE})
_CHECKPOINT_STEPS = 200
_LOSSES = "losses"


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
    tell = progress or silent
    files = read_real_files(audio, note or _say_nothing)
    if check_folder(out, recipe.content, _KNOWN, resume=resume, overwrite=overwrite):
        return read_encoder_run(out).record
    scale_db = teacher.recipe.recipe.socialeq_scale_db
    table = load_examples(
        data, socialeq_scale_db=scale_db, cache=cache or out / CACHE, progress=lambda done, total: tell("shapes", done, total, None)
    )
    with deterministic(recipe.recipe.threads):
        return _Fit(recipe, teacher, table, files, folds, out, tell).complete(resume=resume)


def is_encoder_run(path: Path) -> bool:
    """Whether a folder's recipe is one of an audio encoder."""
    try:
        read_recipe(Path(path) / RECIPE, EncoderRecipe)
    except SemeqError:
        return False
    return True


def read_encoder_run(path: Path) -> EncoderRun:
    """Return a complete run; raises TrainingError naming the file that is missing, damaged or not of this run."""
    folder = read_complete(path, EncoderRecipe, EncoderRecord, verb="encoder", what="run")
    recipe, weights = folder.recipe.recipe, dict(folder.weights)
    latent_dim = len(weights["flat"]) if "flat" in weights and weights["flat"].ndim == 1 else 1
    model = AudioEncoder(recipe.architecture, latent_dim, recipe.width, recipe.layers)
    load_weights(model, weights)
    model.eval()
    return EncoderRun(folder.path, folder.recipe, folder.record, model)


class _State(State):
    """done: sources that were left out and asked about. heard: what was found in them."""

    done: list[str]
    heard: Heard


class _Fit(Job[EncoderRecipe, _State, AudioTrainer, EncoderRecord]):
    INPUTS = "EQ model, data, audio or number of folds"
    TABLES = (_LOSSES,)
    COLUMNS = ("curve", "pink", "alignment", "contrastive")

    def __init__(
        self,
        file: RecipeFile[EncoderRecipe],
        teacher: Run,
        table: ExampleTable,
        files: Sequence[RealFile],
        folds: int | None,
        out: Path,
        tell: Progress,
    ) -> None:
        self.teacher, self.rows, self.files = teacher, table, files
        groups = sorted({real.group for real in files})
        self.folds = groups[: len(groups) if folds is None else folds] if len(groups) > 1 else []
        digest = hashlib.sha256(fingerprint(table).encode())
        for text in (teacher.record.weights_sha256, *(f"{real.name} {real.sha256}" for real in files), *self.folds):
            digest.update(f"\0{text}".encode())
        super().__init__(file, out, tell, _State(file.sha256, digest.hexdigest(), 0, [], Heard()))
        self.sources: list[Source] = []

    @property
    def steps(self) -> int:
        return self.recipe.steps

    @property
    def checkpoint_every(self) -> int:
        return _CHECKPOINT_STEPS

    def evaluate(self) -> None:
        self.sources = self._sources()
        for group in self.folds:
            if group not in self.state.done:
                self._leave_out(group)

    def final_trainer(self) -> AudioTrainer:
        return self._trainer(self.sources, self.recipe.steps)

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

    def _leave_out(self, group: str) -> None:
        steps, before = self.recipe.fold_steps, len(self.state.done)
        trainer = self._trainer([source for source in self.sources if source.group != group], steps)
        while trainer.step < steps:
            self.advance(trainer, "folds", len(self.folds) * steps, before * steps)
        held, known = ([real for real in self.files if (real.group == group) is is_held] for is_held in (True, False))
        self.state.heard.add(evaluate_source(trainer.model, self.teacher.model, self.teacher.bank, held, known))
        self.state.done.append(group)
        self.keep(None)

    def _trainer(self, sources: Sequence[Source], steps: int) -> AudioTrainer:
        labels = word_labels(self.rows, self.teacher.recipe.recipe.min_rows)
        return AudioTrainer(self.recipe, self.teacher.model, self.rows.vectors, labels, sources, steps)

    def results(self, trainer: AudioTrainer, provenance: Provenance) -> tuple[EncoderRecord, Mapping[str, bytes]]:
        windows: Counter[str] = Counter()
        for source in self.sources:
            windows[source.kind] += len(source.powers)
        record = EncoderRecord(
            **provenance,
            eq_weights_sha256=self.teacher.record.weights_sha256,
            architecture=self.recipe.architecture,
            windows=dict(sorted(windows.items())),
            steps=trainer.step,
            metrics={"sources_left_out": float(len(self.folds)), "files": float(len(self.files)), **self.state.heard.metrics()},
        )
        return record, {}

    def history(self) -> bytes:
        rows = [[step, *losses] for step, losses in enumerate(self.losses[_LOSSES], start=1)]
        return csv_table(["step", "curve_loss", "pink_loss", "alignment_loss", "contrastive_loss"], rows)

    def picture(self) -> bytes:
        losses = self.table(_LOSSES)
        series = {
            "curve loss, pairs (dB)": smooth(losses[:, 0]),
            "curve loss, pink noise (dB)": smooth(losses[:, 1]),
            "contrastive loss": smooth(losses[:, 3]),
        }
        return loss_picture(series, "Training the audio encoder")


def _say_nothing(line: str) -> None:
    """Take no notice."""
