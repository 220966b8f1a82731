"""semeq-export train: fetch, fit, encoder, guesses, report, ablate, export."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from semeq_export.cli import _shared
from semeq_export.errors import IntentError

if TYPE_CHECKING:
    from semeq_export.app.training import EncoderResult, FitResult

_Number = TypeVar("_Number", int, float)
_PATH: Any = click.Path(path_type=Path)  # Any: click's types are generic over what they give
_OUTPUT: Any = _shared.OutputType(Path)
_PHASES = {
    "shapes": "Fitting shapes",
    "evaluation": "Training, one fold held out",
    "material": "Making and reading audio",
    "folds": "Training, one source left out",
    "final": "Training on everything",
}


@click.group(epilog="Example: semeq-export train fit training/recipes/default.toml --data data -o runs/default")
def command() -> None:
    """Train a model from people's EQ settings, and make a bundle of it. Needs: pip install 'semeq-export[train]'."""


@command.command(short_help="Fetch the data sets; needs a network.", epilog="Example: semeq-export train fetch data")
@click.argument("folder", type=_PATH)
@_shared.force_option
@_shared.output_options
def fetch(folder: Path, force: bool, as_json: bool, quiet: bool) -> None:
    """Fetch SAFE-DB and SocialFX into a FOLDER: the only command that uses a network."""
    from semeq_export.app.training import FetchOptions, fetch_tables

    tables = fetch_tables(FetchOptions(folder=folder, overwrite=force), _Bars(quiet)).tables
    if as_json:
        found = [{"dataset": t.dataset, "path": str(t.path), "rows": t.rows, "is_new": t.is_new} for t in tables]
        _shared.print_json({"folder": str(folder), "tables": found})
    elif not quiet:
        for table in tables:
            click.echo(f"{table.path}: {table.dataset}, {table.rows} rows{'' if table.is_new else ', was there'}")


@command.command(
    short_help="Train a model by a recipe.",
    epilog="Example: semeq-export train fit training/recipes/default.toml --data data -o runs/default",
)
@click.argument("recipe", type=_PATH)
@click.option("--data", type=_PATH, required=True, help="Folder that holds the tables of SAFE-DB, SocialEQ or both.")
@click.option("-o", "out", type=_OUTPUT, required=True, help="Run folder to write.")
@click.option("--resume", is_flag=True, help="Continue an interrupted run; the result is the same.")
@click.option("--cache", type=_PATH, help="Folder that keeps fitted SocialEQ shapes. Default: RUN/cache.")
@click.option("--skip-bad-rows", is_flag=True, help="Leave out rows with faulty cells instead of stopping at the first.")
@_shared.force_option
@_shared.output_options
def fit(force: bool, as_json: bool, quiet: bool, **given: Any) -> None:  # Any: what else `FitOptions` holds, under its own names
    """Train by a RECIPE: evaluate on a held-out fold, then train on all rows."""
    from semeq_export.app.training import FitOptions, fit_model

    with _Bars(quiet) as bars:
        result = fit_model(FitOptions(overwrite=force, **given), bars)
    _print_record(result, as_json=as_json, quiet=quiet)


@command.command(
    short_help="Train the audio encoder by a recipe.",
    epilog="Example: semeq-export train encoder training/recipes/encoder.toml --data data --audio data/audio -o runs/encoder",
)
@click.argument("recipe", type=_PATH)
@click.option("--data", type=_PATH, required=True, help="Folder that holds the EQ tables; their settings are applied to audio.")
@click.option("--audio", type=_PATH, help="Folder of real audio files. Default: DATA/audio.")
@click.option("--model", "eq_run", type=_PATH, help="Run of the EQ model. Default: the folder default beside RECIPE.")
@click.option("-o", "out", type=_OUTPUT, required=True, help="Run folder to write.")
@click.option("--folds", type=click.IntRange(min=0), help="How many sources are left out in turn, to be asked about.  [default: all]")
@click.option("--resume", is_flag=True, help="Continue an interrupted run; the result is the same.")
@click.option("--cache", type=_PATH, help="Folder that keeps fitted SocialEQ shapes. Default: RUN/cache.")
@_shared.force_option
@_shared.output_options
def encoder(force: bool, as_json: bool, quiet: bool, **given: Any) -> None:  # Any: what else `EncoderOptions` holds, under its own names
    """Train the audio encoder by a RECIPE: without each source of real audio in turn, then on everything."""
    from semeq_export.app.training import EncoderOptions, fit_encoder

    with _Bars(quiet) as bars:
        result = fit_encoder(EncoderOptions(overwrite=force, **given), bars)
    _print_encoder_record(result, as_json=as_json, quiet=quiet)


@command.command(
    short_help="Guess words that nobody taught.", epilog="Example: semeq-export train guesses training/recipes/default --data data --force"
)
@click.argument("run", type=_PATH)
@click.option("--data", type=_PATH, required=True, help="Folder that holds the tables of SAFE-DB, SocialEQ or both.")
@click.option("--cache", type=_PATH, help="Folder that keeps fitted SocialEQ shapes.")
@_shared.force_option
@_shared.output_options
def guesses(force: bool, as_json: bool, quiet: bool, **given: Any) -> None:  # Any: what else `GuessesOptions` holds, under its own names
    """Put guesses for words that nobody taught into a RUN, for the bundle that is made of it. Needs: pip install 'semeq-export[guess]'."""
    from semeq_export.app.training import GuessesOptions, make_guesses

    result = make_guesses(GuessesOptions(overwrite=force, **given))
    if as_json:
        _shared.print_json({"path": str(result.path), "words": result.words, "size_bytes": result.size_bytes, "levels": result.levels})
    elif not quiet:
        click.echo(f"{result.path}: {result.words} words, {result.size_bytes} bytes; {result.levels}")


@command.command(
    short_help="Print the held-out metrics of a run.", epilog="Example: semeq-export train report runs/default --data data -o report"
)
@click.argument("run", type=_PATH)
@click.option("--data", type=_PATH, help="Measure anew on the tables in this folder: many trainings, about half an hour.")
@click.option(
    "-o", "out", type=_OUTPUT, help="Folder for report.json, report.txt and report.png; what is there already is not measured again."
)
@click.option("--beside", multiple=True, type=_PATH, help="Another recipe to measure beside the run's; repeatable.")
@click.option("--seeds", type=click.IntRange(1, 20), default=5, show_default=True, help="Trainings of each recipe on each split.")
@click.option("--jobs", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes.")
@click.option("--quick", is_flag=True, help="One seed and 100 steps: to see that it works, not how well.")
@click.option("--keep", is_flag=True, help="Put the figures into RUN, for the bundle that is made of it.")
@_shared.output_options
def report(as_json: bool, quiet: bool, **given: Any) -> None:  # Any: what `ReportOptions` holds, under its own names
    """Print the held-out metrics of a RUN; with --data, measure its recipe with several seeds on rows left out, beside baselines."""
    from semeq_export.app.training import EncoderResult, FitResult, ReportOptions, report_run

    with _shared.usage_errors(IntentError), _Bars(quiet) as bars:
        result = report_run(ReportOptions(**given), bars)
    if isinstance(result, EncoderResult):
        _print_encoder_record(result, as_json=as_json, quiet=quiet)
    elif isinstance(result, FitResult):
        _print_record(result, as_json=as_json, quiet=quiet)
    elif as_json:
        _shared.print_json(result.document)
    elif not quiet:
        click.echo(result.text, nl=False)


@command.command(
    short_help="Train a recipe in many variants.",
    epilog="Example: semeq-export train ablate training/recipes/default.toml --data data -o ablation",
)
@click.argument("recipe", type=_PATH)
@click.option("--data", type=_PATH, required=True, help="Folder that holds the tables of SAFE-DB, SocialEQ or both.")
@click.option("-o", "out", type=_OUTPUT, required=True, help="Folder for ablation.json; what has been measured there is kept.")
@click.option("--weights", default="0,0.1,0.5,1,2", show_default=True, help="Contrastive weights.")
@click.option("--latents", default="2,8,16,32,64,128", show_default=True, help="Latent sizes.")
@click.option("--steps", "max_steps", type=click.IntRange(1), help="Steps of each training, if fewer than the recipe's.")
@click.option("--jobs", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes.")
@_shared.output_options
def ablate(weights: str, latents: str, as_json: bool, quiet: bool, **given: Any) -> None:  # Any: what else `AblateOptions` holds
    """Train a RECIPE with every contrastive weight and latent size, and print what each changes on left-out folds."""
    from semeq_export.app.training import AblateOptions
    from semeq_export.app.training import ablate as train_variants

    given |= {"weights": _numbers(weights, "--weights", float), "latents": _numbers(latents, "--latents", int)}
    with _Bars(quiet) as bars:
        result = train_variants(AblateOptions(**given), bars)
    if as_json:
        _shared.print_json(result.document)
    elif not quiet:
        click.echo(result.text, nl=False)


def _numbers(text: str, option: str, kind: Callable[[str], _Number]) -> list[_Number]:
    try:
        return [kind(part) for part in text.split(",")]
    except ValueError as error:
        raise click.UsageError(f"{option} {text!r} is not a list of numbers such as 0.1,0.5") from error


@command.command(short_help="Make the bundle of a run.", epilog="Example: semeq-export train export runs/default -o default.semeq")
@click.argument("run", type=_PATH)
@click.option("--encoder", type=_PATH, help="Run of an audio encoder for it.  [default: RUN/audio_encoder, if it exists]")
@click.option("--former", type=_PATH, help="Bundle that this one succeeds: its words keep their numbers in plug-in hosts.")
@click.option("-o", "out", type=_OUTPUT, required=True, help="Bundle folder to write.")
@_shared.force_option
@_shared.output_options
def export(out: Path, force: bool, as_json: bool, quiet: bool, **given: Any) -> None:  # Any: what else `ExportOptions` holds
    """Make the bundle of a RUN: ONNX, TorchScript and flat weights, compared with each other first."""
    from semeq_export.app.training import ExportOptions, export_bundle

    result = export_bundle(ExportOptions(out=out, overwrite=force, **given))
    manifest = result.manifest
    if as_json:
        about = {"bundle": str(out), "name": manifest.name, "version": manifest.version}
        _shared.print_json({**about, "files": _shared.files_document(manifest)})
    elif not quiet:
        click.echo(f"{out}: {manifest.name} {manifest.version}, {len(manifest.files)} files, {result.size_bytes / 1e6:.1f} MB")


def _print_record(result: FitResult, *, as_json: bool, quiet: bool) -> None:
    record = result.record
    if as_json:
        _shared.print_json(result.to_dict())
    elif not quiet:
        click.echo(f"recipe {record.recipe}, seed {record.seed}, {record.steps} steps, {record.threads} threads")
        click.echo(f"rows: {', '.join(f'{name} {count}' for name, count in record.rows.items())}")
        width = max((len(name) for name in record.metrics), default=0)
        for name, value in sorted(record.metrics.items()):
            click.echo(f"{name:<{width}}  {value:.4g}")


def _print_encoder_record(result: EncoderResult, *, as_json: bool, quiet: bool) -> None:
    record = result.record
    if as_json:
        _shared.print_json(result.to_dict())
    elif not quiet:
        windows = ", ".join(f"{count} {kind}" for kind, count in record.windows.items())
        click.echo(f"recipe {record.recipe}, {record.architecture}, seed {record.seed}, {record.steps} steps, windows of audio: {windows}")
        if not record.scores:
            click.echo("no source was left out, so nothing is known about audio that it has not heard")
            return
        count = record.metrics["sources_left_out"]
        click.echo(f"{count:.0f} sources left out in turn, {record.metrics['files']:.0f} files; doses found in what was not heard:")
        click.echo("\n".join(result.table))
        click.echo(f"the better estimator of doses: {record.better_estimator}")


class _Bars:
    """Progress bars with both losses, on a terminal only."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._progress: Any = None  # Any: rich is imported only where a bar is drawn
        self._tasks: dict[str, Any] = {}

    def __enter__(self) -> _Bars:
        if _shared.progress_wanted(self._quiet):
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            columns = (
                TextColumn("{task.description:<28}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                TextColumn("{task.fields[losses]}"),
            )
            self._progress = Progress(*columns, console=Console(stderr=True))
            self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._progress is not None:
            self._progress.stop()

    def step(self, phase: str, done: int, total: int, losses: tuple[float, float] | None) -> None:
        """Show how far a phase is."""
        if self._progress is None:
            return
        if phase not in self._tasks:
            self._tasks[phase] = self._progress.add_task(_PHASES[phase], total=total, losses="")
        text = f"curve {losses[0]:.3f} dB, contrastive {losses[1]:.2f}" if losses is not None else ""
        self._progress.update(self._tasks[phase], completed=done, total=total, losses=text)

    def count(self, done: int, total: int, what: str) -> None:
        """Show how many trainings are done, and which was the last."""
        if self._progress is None:
            return
        if "count" not in self._tasks:
            self._tasks["count"] = self._progress.add_task("Training on splits", total=total, losses="")
        self._progress.update(self._tasks["count"], completed=done, total=total, losses=what)

    def note(self, text: str) -> None:
        """Print a line on stderr, above the bars where there are some."""
        if self._progress is not None:
            self._progress.console.print(text, markup=False, highlight=False)
        else:
            _shared.note(text, quiet=self._quiet)
