"""Training: data sets, the EQ model, the audio encoder, reports, variants, and the bundle of a run. It needs the extra "train"."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from semeq_export.app._extras import needs_extra
from semeq_export.bundle.manifest import EncoderRecord, Manifest, TrainingRecord
from semeq_export.errors import IntentError

if TYPE_CHECKING:
    from semeq_training.data.fetch import FetchedTable
    from semeq_training.fitting.audio_loop import AudioLosses
    from semeq_training.fitting.loop import Losses

__all__ = [
    "AblateOptions", "Document", "EncoderOptions", "EncoderResult", "ExportOptions", "ExportResult", "FetchOptions", "FetchResult",
    "FitOptions", "FitResult", "GuessesOptions", "GuessesResult", "ReportOptions", "ReportResult", "Watcher", "ablate", "export_bundle",
    "fetch_tables", "fit_encoder", "fit_model", "make_guesses", "report_run",
]  # fmt: skip

StrPath = str | os.PathLike[str]
Document = Mapping[str, Any]  # Any: a JSON document, as its module in `semeq_training.reports` says


class Watcher(Protocol):
    """Whoever wants to know how a training goes on."""

    def step(self, phase: str, done: int, total: int, losses: tuple[float, float] | None) -> None:
        """Take note of a step. phase: of `PhaseName` of the runs. losses: of the curve in dB, and the contrastive; None without."""

    def count(self, done: int, total: int, what: str) -> None:
        """Take note of how many trainings are done, and which was the last."""

    def note(self, text: str) -> None:
        """Take note of what a person should know."""


class _Nobody:
    """Whoever only waits for the result."""

    def step(self, phase: str, done: int, total: int, losses: tuple[float, float] | None) -> None: ...

    def count(self, done: int, total: int, what: str) -> None: ...

    def note(self, text: str) -> None: ...


_NOBODY = _Nobody()


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchOptions:
    """Where the data sets go."""

    folder: Path
    overwrite: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchResult:
    """The tables that the folder holds now."""

    tables: tuple[FetchedTable, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FitOptions:
    """A training of the EQ model. data: folder of tables. out: folder of the run. cache: of fitted shapes; in the run where left out."""

    recipe: Path
    data: Path
    out: Path
    resume: bool = False
    cache: Path | None = None
    skip_bad_rows: bool = False
    overwrite: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FitResult:
    """What is recorded of a run of the EQ model."""

    record: TrainingRecord

    def to_dict(self) -> dict[str, object]:
        """Return plain data for JSON."""
        document: dict[str, object] = msgspec.to_builtins(self.record)
        return document


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderOptions:
    """A training of the audio encoder.

    data: folder of tables. audio: folder of real audio; `audio` in data where left out. eq_run: run of the EQ model; the folder `default`
    beside the recipe where left out. out: folder of the run. folds: how many sources are left out in turn; all where None. cache: of fitted
    shapes; in the run where left out.
    """

    recipe: Path
    data: Path
    out: Path
    audio: Path | None = None
    eq_run: Path | None = None
    folds: int | None = None
    resume: bool = False
    cache: Path | None = None
    overwrite: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderResult:
    """What is recorded of a run of the audio encoder. table: its metrics for people, line by line; empty where no source was left out."""

    record: EncoderRecord
    table: tuple[str, ...]

    def to_dict(self) -> dict[str, object]:
        """Return plain data for JSON."""
        return {**msgspec.to_builtins(self.record), "better_estimator": self.record.better_estimator}


@dataclass(frozen=True, slots=True, kw_only=True)
class GuessesOptions:
    """Guesses for words that nobody taught. run: folder that they go to. data: folder of tables. cache: of fitted shapes."""

    run: Path
    data: Path
    cache: Path | None = None
    overwrite: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class GuessesResult:
    """The table that was written. words: how many. levels: how many are how sure, for people."""

    path: Path
    words: int
    size_bytes: int
    levels: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportOptions:
    """A report on a run.

    data: measure anew on the tables in this folder, into the folder `out`. beside: other recipes. seeds: trainings of each recipe on each
    split. jobs: processes. quick: one seed and 100 steps. keep: put the figures into the run.
    """

    run: Path
    data: Path | None = None
    out: Path | None = None
    beside: Sequence[Path] = ()
    seeds: int = 5
    jobs: int = 1
    quick: bool = False
    keep: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportResult:
    """A report that was measured, as it is written, and for people."""

    document: Document
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AblateOptions:
    """Variants of a recipe. weights: of the contrastive loss. latents: sizes. max_steps: of each training, if fewer than the recipe's."""

    recipe: Path
    data: Path
    out: Path
    weights: Sequence[float]
    latents: Sequence[int]
    max_steps: int | None = None
    jobs: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportOptions:
    """The bundle of a run.

    encoder: run of an audio encoder; the run's own where left out and there. former: a bundle whose words keep their numbers in plug-in
    hosts. out: the bundle.
    """

    run: Path
    out: Path
    encoder: Path | None = None
    former: Path | None = None
    overwrite: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportResult:
    """The bundle that was written."""

    manifest: Manifest

    @property
    def size_bytes(self) -> int:
        """Size of all files of the bundle."""
        return sum(entry.size for entry in self.manifest.files.values())


@needs_extra("train")
def fetch_tables(options: FetchOptions, watcher: Watcher = _NOBODY) -> FetchResult:
    """Fetch SAFE-DB and SocialFX; the only function that uses a network. Raises DataError, OutputError and EnvironmentFailure."""
    from semeq_training.data.fetch import fetch

    return FetchResult(tables=tuple(fetch(options.folder, overwrite=options.overwrite, progress=watcher.note)))


@needs_extra("train")
def fit_model(options: FitOptions, watcher: Watcher = _NOBODY) -> FitResult:
    """Train the EQ model by a recipe; raises TrainingError, DataError, OutputError and EnvironmentFailure."""
    from semeq_training.runs.run import fit

    record = fit(
        options.recipe,
        options.data,
        options.out,
        resume=options.resume,
        overwrite=options.overwrite,
        cache=options.cache,
        skip_bad_rows=options.skip_bad_rows,
        progress=_Steps(watcher),
        note=watcher.note,
    )
    return FitResult(record=record)


@needs_extra("train")
def fit_encoder(options: EncoderOptions, watcher: Watcher = _NOBODY) -> EncoderResult:
    """Train the audio encoder by a recipe: without each source in turn, then on everything. Raises as `fit_model` does, and AudioError."""
    from semeq_training.runs import audio_run

    record = audio_run.fit_encoder(
        options.recipe,
        options.data,
        options.audio or options.data / "audio",
        options.eq_run or options.recipe.parent / "default",
        options.out,
        folds=options.folds,
        resume=options.resume,
        overwrite=options.overwrite,
        cache=options.cache,
        progress=_Steps(watcher),
        note=watcher.note,
    )
    return _encoder_result(record)


@needs_extra("guess")
def make_guesses(options: GuessesOptions) -> GuessesResult:
    """Put guesses into a run; raises TrainingError, DataError, MissingExtraError, OutputError and EnvironmentFailure."""
    from semeq_training.guesses import build

    guesses = build.write(options.run, options.data, cache=options.cache, overwrite=options.overwrite)
    path = options.run / build.FILE
    return GuessesResult(path=path, words=len(guesses.guesses), size_bytes=path.stat().st_size, levels=build.summary(guesses))


@needs_extra("train")
def report_run(options: ReportOptions, watcher: Watcher = _NOBODY) -> FitResult | EncoderResult | ReportResult:
    """Return what is recorded of a run; with data, measure its recipe on rows left out, beside baselines, and write the report.

    Raises TrainingError, DataError, OutputError and EnvironmentFailure; IntentError for data with an audio encoder's run, or without `out`.
    """
    from semeq_training.runs.audio_run import is_encoder_run, read_encoder_run
    from semeq_training.runs.run import read_run

    if is_encoder_run(options.run):
        if options.data is not None:
            raise IntentError("`data` measures runs of the EQ model; the report of an audio encoder is in its RUN")
        return _encoder_result(read_encoder_run(options.run).record)
    run = read_run(options.run)
    if options.data is None:
        return FitResult(record=run.record)
    if options.out is None:
        raise IntentError("`data` needs `out` FOLDER for the report")
    from semeq_training.reports import report, report_text

    document = report.write(
        run,
        options.data,
        options.out,
        options.beside,
        seeds=1 if options.quick else options.seeds,
        jobs=options.jobs,
        quick=options.quick,
        keep=options.keep,
        progress=watcher.count,
        note=watcher.note,
    )
    return ReportResult(document=document, text=report_text.text(document))


@needs_extra("train")
def ablate(options: AblateOptions, watcher: Watcher = _NOBODY) -> ReportResult:
    """Train a recipe with every weight and size on left-out folds; raises as `report_run` does."""
    from semeq_training.reports import ablation

    document = ablation.write(
        options.recipe,
        options.data,
        options.out,
        weights=options.weights,
        latents=options.latents,
        max_steps=options.max_steps,
        jobs=options.jobs,
        progress=watcher.count,
    )
    return ReportResult(document=document, text=ablation.text(document))


@needs_extra("train")
def export_bundle(options: ExportOptions) -> ExportResult:
    """Write the bundle of a run: ONNX, TorchScript and flat weights, compared first; raises TrainingError, OutputError and others."""
    from semeq_training.runs.export import export

    manifest = export(options.run, options.out, encoder=options.encoder, former=options.former, overwrite=options.overwrite)
    return ExportResult(manifest=manifest)


class _Steps:
    """What a run calls with each step."""

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher

    def __call__(self, phase: str, done: int, total: int, losses: Losses | AudioLosses | None) -> None:
        self._watcher.step(phase, done, total, None if losses is None else (losses.curve, losses.contrastive))


def _encoder_result(record: EncoderRecord) -> EncoderResult:
    from semeq_training.fitting.audio_evaluate import table

    return EncoderResult(record=record, table=tuple(table(record.metrics)) if record.scores else ())
