"""semeq-export process: audio files through the EQ of a word or a preset, and through chains."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import click

from semeq_export.cli import _shared

if TYPE_CHECKING:
    from pathlib import Path

    from semeq_export.engine import Engine
    from semeq_export.eq import EqSettings
    from semeq_export.listening import Listening
    from semeq_host.offline import ListenedReport, MakeStage, ProcessOptions, ProcessReport
    from semeq_host.offline import Progress as OnProgress
    from semeq_host.rolling import RollingReport


@click.command(epilog="Example: semeq-export process stems/ -t warm --intensity 0.8 -o warm-stems/")
@click.argument("audio", nargs=-1, required=True, metavar="AUDIO...")
@click.option("-t", "--target", metavar="TEXT", help="Word, or words with weights: warm:0.7,bright:0.3.")
@click.option("--preset", "preset_path", metavar="FILE", help="EQ of a preset file instead of words.")
@click.option("--match", "match_ref", metavar="REF", help="Follow a reference's spectrum, not words.")
@click.option(
    "--intensity", type=_shared.IntensityType(), help="0 = as it is, 1 = the word, below 0 = its opposite; auto listens. Default: 1."
)
@click.option(
    "--mode", type=click.Choice(["static", "adaptive"]), default="static", show_default=True, help="Adaptive: as much as each file needs."
)
@click.option(
    "--analysis",
    type=click.Choice(["whole", "rolling"]),
    default="whole",
    show_default=True,
    help="Adaptive: one dose for all, or as streams do.",
)
@_shared.reference_option
@click.option("--refine", is_flag=True, help="Solve again on each file's own spectrum.")
@click.option("--chain", "chain_path", metavar="TOML", help="Pedalboard chain after the EQ, or alone.")
@click.option("--block-size", type=click.IntRange(1, 65_536), default=16_384, show_default=True, help="Samples per block.")
@click.option("--subtype", metavar="NAME", help="Sample format of the output, such as PCM_24 or FLOAT. Default: the source's.")
@click.option(
    "--peak-guard",
    type=click.Choice(["trim", "refuse", "off"]),
    default="trim",
    show_default=True,
    help="Over full scale: lower the whole file to -0.1 dBFS, refuse it, or clip. Float output keeps it.",
)
@click.option("--repair-nonfinite", is_flag=True, help="Replace samples that are not finite with 0.")
@click.option("--allow-hot", is_flag=True, help="Take peaks over +60 dBFS as they are.")
@click.option(
    "-o", "--output", default="processed/", show_default=True, metavar="PATH", help="File, or a folder for several (made if missing)."
)
@_shared.force_option
@_shared.bundle_option
@_shared.output_options
@click.pass_context
def command(
    ctx: click.Context,
    audio: tuple[str, ...],
    target: str | None,
    preset_path: str | None,
    match_ref: str | None,
    intensity: float | str | None,
    mode: str,
    analysis: str,
    reference: str | None,
    refine: bool,
    chain_path: str | None,
    block_size: int,
    subtype: str | None,
    peak_guard: str,
    repair_nonfinite: bool,
    allow_hot: bool,
    output: str,
    force: bool,
    bundle_path: str | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Process audio files, or all audio files of folders, with the EQ of a word: as it is, or as much as each file needs.

    Rate, channels, length, format and bit depth stay those of the source; an output is old or new, never half.
    """
    named = [option for option, value in (("-t", target), ("--preset", preset_path), ("--match", match_ref)) if value is not None]
    if len(named) > 1:
        raise click.UsageError(f"give {' or '.join(named)}, not both")
    if not named and chain_path is None:
        raise click.UsageError("nothing to do: give -t TEXT, --preset FILE, --match REF or --chain TOML")
    if not named and intensity is not None:
        raise click.UsageError("--intensity needs -t, --preset or --match; a chain states its own")
    listens_to_words = mode == "adaptive" or intensity == "auto"
    if listens_to_words and target is None:
        raise click.UsageError("--mode adaptive and --intensity auto need -t TEXT")
    if (reference is not None or refine) and not listens_to_words:
        raise click.UsageError("--reference and --refine need --mode adaptive or --intensity auto")
    if analysis == "rolling" and (not listens_to_words or refine):
        raise click.UsageError("--analysis rolling needs --mode adaptive or --intensity auto, without --refine")

    from semeq_export.errors import SemeqError
    from semeq_export.files import printable
    from semeq_host.offline import ProcessOptions, find_audio, plan_outputs, process_file, process_listening

    options = ProcessOptions(
        block_samples=block_size,
        subtype=subtype,
        peak_guard=peak_guard,  # type: ignore[arg-type]  # click.Choice gives one of the three
        repair_nonfinite=repair_nonfinite,
        allow_hot=allow_hot,
        overwrite=force,
    )
    amount = 1.0 if intensity is None or isinstance(intensity, str) else intensity
    eq, make_stage, engine = _sound(target, preset_path, amount, chain_path, bundle_path)
    listening_for = _listening(engine, target, intensity, reference, match_ref, refine) if listens_to_words or match_ref else None
    plan = plan_outputs(find_audio(audio), output, overwrite=force)
    entries: list[dict[str, object]] = []
    failures: list[SemeqError] = []
    with _progress(len(plan), quiet) as start_file:
        for source, destination in plan:
            try:
                progress = start_file(source.name)
                listened: ListenedReport | RollingReport | None = None
                if listening_for is None:
                    report = process_file(source, destination, eq, make_stage=make_stage, options=options, progress=progress)
                else:
                    process = _process_rolling if analysis == "rolling" else process_listening
                    listening = listening_for(source)
                    listened = process(source, destination, listening, make_stage=make_stage, options=options, progress=progress)
                    report = listened.report
            except SemeqError as error:
                failures.append(error)
                entries.append({"path": str(source), "output": None, "error": _shared.one_line(str(error)), "code": error.code})
                if len(plan) > 1:
                    click.echo(f"semeq-export: {entries[-1]['error']}", err=True)
                continue
            entries.append(_entry(report, listened, target, amount if named else None))
            if listened is not None:
                _shared.note(f"{printable(source)}: {_heard(listened)}", quiet=quiet or as_json)
            for warning in report.warnings:
                _shared.note(f"{printable(source)}: {warning}", quiet=quiet)
            if not (as_json or quiet):
                click.echo(printable(destination))
    if as_json:
        _shared.print_json({"files": entries})
    if len(plan) == 1 and failures:
        raise failures[0]
    ctx.exit(_shared.EXIT_FAILED if failures else _shared.EXIT_OK)


def _sound(
    target: str | None, preset_path: str | None, intensity: float, chain_path: str | None, bundle_path: str | None
) -> tuple[EqSettings, MakeStage | None, Engine | None]:
    """Return the EQ, what follows it, and the engine. The bundle is loaded only where words occur."""
    from semeq_export.eq import EqSettings

    chain = None
    if chain_path is not None:
        from semeq_host.chain_file import read_chain

        chain = read_chain(chain_path)
    engine = _engine(bundle_path) if target is not None or (chain is not None and chain.needs_engine) else None
    if preset_path is not None:
        eq = _preset_eq(preset_path).scaled(intensity)
    elif target is not None and engine is not None:
        from semeq_export.semantic import SemanticTarget

        eq = engine.eq_for(SemanticTarget.parse(target, intensity))
    else:
        eq = EqSettings()
    return eq, chain.stage(engine) if chain is not None else None, engine


def _listening(
    engine: Engine | None, target: str | None, intensity: float | str | None, reference: str | None, match_ref: str | None, refine: bool
) -> Callable[[Path], Listening]:
    """Return a function that says how to listen to a file: a folder as reference leaves out the file itself."""
    from semeq_export.listening import MatchListening, WordListening, with_typical_intensity
    from semeq_export.reference import ReferenceSource
    from semeq_export.semantic import SemanticTarget

    if match_ref is not None:
        followed = ReferenceSource(match_ref)
        amount = 1.0 if intensity is None else float(intensity)
        return lambda path: MatchListening(followed.for_input(path), amount)
    assert engine is not None
    assert target is not None
    fixed = 1.0 if intensity is None or isinstance(intensity, str) else intensity
    wanted = SemanticTarget.parse(target, fixed)
    if intensity == "auto":
        wanted = with_typical_intensity(engine, wanted)
    compared = ReferenceSource(reference) if reference is not None else None
    return lambda path: WordListening(engine, wanted, None if compared is None else compared.for_input(path), refine)


def _process_rolling(
    source: Path,
    destination: Path,
    listening: Listening,
    *,
    make_stage: MakeStage | None,
    options: ProcessOptions,
    progress: OnProgress | None,
) -> RollingReport:
    from semeq_export.listening import WordListening
    from semeq_host.rolling import process_rolling

    assert isinstance(listening, WordListening)
    engine, target, reference = listening.engine, listening.target, listening.reference
    return process_rolling(
        source, destination, engine, target, reference=reference, make_stage=make_stage, options=options, progress=progress
    )


def _heard(listened: ListenedReport | RollingReport) -> str:
    """Return one line: what was there, what was added."""
    from semeq_host.rolling import RollingReport

    if isinstance(listened, RollingReport):
        return listened.summary()
    adaptation, outcome = listened.adaptation, listened.outcome or {}
    if adaptation.mode == "match":
        before_db, after_db = outcome.get("difference_before_db"), outcome.get("difference_after_db")
        reached = f", {before_db:.1f} dB apart before, {after_db:.1f} dB after" if before_db is not None and after_db is not None else ""
        return f"matched to {adaptation.reference}{reached}"
    had = "no signal" if adaptation.dose is None else f"{adaptation.dose:.2f} doses more than {adaptation.reference}"
    measured = outcome.get("dose_achieved")
    return f"{had}; {adaptation.gain:.2f} asked" + ("" if measured is None else f", {measured:.2f} measured")


def _engine(bundle_path: str | None) -> Engine:
    from semeq_export.bundle import load_bundle
    from semeq_export.engine import Engine

    return Engine(load_bundle(bundle_path))


def _preset_eq(path: str) -> EqSettings:
    from semeq_export.errors import PresetReadError
    from semeq_presets import read_file

    eq = read_file(path).eq
    if eq is None:
        raise PresetReadError("holds a response, not bands; only bands can be processed", path)
    return eq


def _entry(
    report: ProcessReport, listened: ListenedReport | RollingReport | None, target: str | None, intensity: float | None
) -> dict[str, object]:
    adaptation = None if listened is None else listened.to_dict()
    return {
        "adaptation": adaptation,
        "path": str(report.source),
        "output": str(report.destination),
        "seconds": report.info.duration_s,
        "sample_rate_hz": report.info.sample_rate_hz,
        "channels": report.info.channels,
        "frames": report.info.frames,
        "format": report.output.container,
        "subtype": report.output.subtype,
        "eq": None if adaptation is not None and adaptation["analysis"] == "rolling" else report.eq.to_dict(),
        "target": target,
        "intensity": intensity if adaptation is None else adaptation["intensity"],
        "peak_dbfs": report.peak_dbfs,
        "trim_db": report.trim_db,
        "repaired_samples": report.repaired_samples,
        "is_copy": report.is_copy,
        "warnings": list(report.warnings),
    }


@contextlib.contextmanager
def _progress(files: int, quiet: bool) -> Iterator[Callable[[str], OnProgress | None]]:
    """Give a function that starts the bar of one more file; draws nothing but on a terminal."""
    if not _shared.progress_wanted(quiet):
        yield lambda _name: None
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        count = 0

        def start_file(name: str) -> OnProgress:
            nonlocal count
            count += 1
            task = bar.add_task(f"{count}/{files} {escape(_shared.one_line(name))}", total=None)
            for earlier in bar.task_ids[:-1]:
                bar.remove_task(earlier)
            return lambda done, total: bar.update(task, completed=done, total=total)

        yield start_file
