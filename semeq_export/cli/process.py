"""semeq-export process: a session's stems through the EQ of words, presets or references, and through chains."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from semeq_export.cli import _shared

if TYPE_CHECKING:
    from semeq_export.cli._stem_presets import PresetWriter
    from semeq_export.engine import Engine
    from semeq_export.eq.settings import EqSettings
    from semeq_export.words.target import SemanticTarget
    from semeq_host.stems.batch import Batch, Event
    from semeq_host.stems.cluster import Cluster
    from semeq_host.stems.job import Entry, StemJob
    from semeq_host.stems.pool import Crew
    from semeq_host.stems.resources import Studio
    from semeq_host.stems.session_file import Session

_STANDARD_INPUT = "standard input"
_MAX_REPORT_BYTES = 1 << 28
GROUPS = {
    "What": ("target", "preset", "match", "session_path", "stems", "intensity", "mode", "analysis", "reference", "refine"),
    "Sound": ("chain", "tail", "peak_guard", "match_loudness", "delta", "dither"),
    "Files": ("stdin", "output", "in_place", "force", "follow", "subtype", "export_preset", "salvage", "repair_nonfinite", "allow_hot"),
    "Run": ("dry_run", "resume", "workers", "dask", "report_path", "bundle_path", "as_json", "quiet"),
}


@click.command(cls=_shared.grouped(GROUPS), epilog="Example: semeq-export process stems/ -t warm --intensity 0.8 -o warm-stems/")
@click.argument("audio", nargs=-1, metavar="AUDIO...")
@click.option("-t", "--target", multiple=True, callback=_shared.once, metavar="TEXT", help="Word, or several: warm:0.7,less harsh.")
@click.option("--preset", metavar="FILE", help="EQ of a preset file instead of words.")
@click.option("--match", metavar="REF", help="Follow the spectrum of a reference instead.")
@click.option("--session", "session_path", metavar="TOML", help="What is wanted of each stem, by patterns.")
@click.option("--stem", "stems", multiple=True, metavar="PATTERN=TEXT", help="Other words for these file names.")
@click.option("--intensity", type=_shared.IntensityType(), help="1 = the word (default); auto listens.")
@click.option("--mode", type=click.Choice(["static", "adaptive"]), metavar="static|adaptive", help="Adaptive: as much as each file needs.")
@click.option("--analysis", type=click.Choice(["whole", "rolling"]), metavar="whole|rolling", help="Adaptive: one dose, or as streams do.")
@click.option("--reference", metavar="AUDIO", help="Compare with a file, a folder, or a kind: mix.")
@click.option("--refine", is_flag=True, help="Solve once more on each file's spectrum.")
@click.option("--chain", metavar="TOML", help="Pedalboard chain after the EQ, or alone.")
@click.option("--tail", type=click.FloatRange(0.0, 600.0), default=0.0, metavar="SECONDS", help="Keep what sounds on after the end.")
@click.option(
    "--peak-guard",
    type=click.Choice(["trim", "refuse", "off"]),
    default="trim",
    metavar="trim|refuse|off",
    help="Over 0 dBTP: lower all to -0.1 dBTP (default).",
)
@click.option("--match-loudness", is_flag=True, help="As loud as before (ITU-R BS.1770).")
@click.option("--delta", is_flag=True, help="Write what was changed: result less source.")
@click.option("--dither", is_flag=True, help="Triangular noise before rounding to integers.")
@click.option("--block-size", type=click.IntRange(1, 65_536), default=16_384, hidden=True, help="Samples per block; changes no bit.")
@click.option("--stdin", is_flag=True, help="Read one file from a pipe; needs -o FILE.")
@click.option("-o", "--output", type=_shared.OUTPUT, default="processed/", metavar="PATH", help="File, or folder (default: processed/).")
@click.option("--in-place", is_flag=True, help="Replace the sources, each when it is complete.")
@_shared.force_option
@click.option("--follow", is_flag=True, help="Where an output is a link, write its target.")
@click.option("--subtype", metavar="NAME", help="PCM_24, FLOAT ... (default: the source's).")
@click.option("--export-preset", metavar="FORMAT", help="EQ beside each output; dawproject: one for all.")
@click.option("--salvage", is_flag=True, help="Of broken files, keep what comes before.")
@click.option("--repair-nonfinite", is_flag=True, help="Replace samples that are not finite with 0.")
@click.option("--allow-hot", is_flag=True, help="Take peaks over +60 dBFS as they are.")
@click.option("--dry-run", is_flag=True, help="Say what would be done; write nothing.")
@click.option("--resume", is_flag=True, help="Skip what an earlier run finished, by hash.")
@click.option("--workers", type=click.IntRange(0), metavar="N", help="Processes (default: the cores; 0: none).")
@click.option("--dask", metavar="ADDRESS", help="Work on a Dask cluster that sees the files.")
@click.option("--report", "report_path", type=_shared.OUTPUT, metavar="FILE", help="Write the JSON report to a file too.")
@click.option("--bundle", "bundle_path", metavar="PATH", envvar="SEMEQ_BUNDLE", help="Model (default: SEMEQ_BUNDLE, the factory's).")
@_shared.output_options
@click.pass_context
def command(
    ctx: click.Context,
    audio: tuple[str, ...],
    session_path: str | None,
    stems: tuple[str, ...],
    target: str | None,
    preset: str | None,
    match: str | None,
    intensity: float | str | None,
    mode: str | None,
    analysis: str | None,
    reference: str | None,
    refine: bool,
    chain: str | None,
    tail: float,
    peak_guard: str,
    match_loudness: bool,
    delta: bool,
    dither: bool,
    block_size: int,
    stdin: bool,
    output: str,
    in_place: bool,
    force: bool,
    follow: bool,
    subtype: str | None,
    export_preset: str | None,
    salvage: bool,
    repair_nonfinite: bool,
    allow_hot: bool,
    dry_run: bool,
    resume: bool,
    workers: int | None,
    dask: str | None,
    report_path: str | None,
    bundle_path: str | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Process audio with the EQ of a word; rate, length, format, depth, chunks stay."""
    from semeq_export.files import strict_json
    from semeq_export.files.atomic import write_atomic
    from semeq_host.stems.audio_names import find_audio
    from semeq_host.stems.batch import Batch, plan_batch
    from semeq_host.streams.process_options import ProcessOptions

    _check_sources(audio, stdin=stdin, unusable={"--in-place": in_place, "--resume": resume, "--stem": stems, "--dask": dask})
    if in_place and ctx.get_parameter_source("output") is not click.core.ParameterSource.DEFAULT:
        raise click.UsageError("give --in-place or -o, not both")
    options = ProcessOptions(
        block_samples=block_size,
        subtype=subtype,
        peak_guard=peak_guard,  # type: ignore[arg-type]  # click.Choice gives one of the three
        repair_nonfinite=repair_nonfinite,
        allow_hot=allow_hot,
        salvage=salvage,
        dither=dither,
        match_loudness=match_loudness,
        delta=delta,
        tail_s=tail,
        in_place=in_place,
        overwrite=force,
    )
    values = {"target": target, "preset": preset, "match": match, "intensity": intensity, "mode": mode, "analysis": analysis}
    values |= {"reference": reference, "refine": refine or None, "chain": chain}
    session = _session(session_path, values, stems)
    if stdin:
        audio = (str(ctx.with_resource(_standard_input(ctx, output, export_preset, force=force, follow=follow))),)
    files = find_audio(audio)
    unmatched = session.unmatched(files)
    for line in unmatched:
        _shared.note(_shared.one_line(line), quiet=quiet)
    plan_again = functools.partial(
        plan_batch, files, session, output, options, read_preset=functools.cache(_preset_eq), follow=follow, resume=resume
    )
    plan = plan_again(make_folder=False)
    report = None if report_path is None else Path(report_path)
    with _crew(plan, workers, dask, bundle_path) if not dry_run else contextlib.nullcontext() as crew:
        from semeq_host.stems.resources import Studio  # while the workers start

        studio = Studio(load_engine=lambda: _engine(bundle_path))
        _prepare(studio, plan, session)
        understood = _understood(studio, plan, quiet)
        doubts = _doubts(studio, plan, quiet)
        batch = Batch(plan, bundle_path, resume=resume, journal=len(plan) > 1 or resume or in_place)
        presets = _preset_writer(export_preset, batch)
        is_report_new = report is None or _check_report(report, Path(output), force=force, resume=resume)
        if dry_run:
            left_out = [path for path in files if session.intent_for(path) is None]
            _print_plan(batch, left_out, {"doubts": doubts, "understood": understood, "warnings": unmatched}, as_json=as_json)
            return
        plan_again()  # makes the folder
        entries: list[Entry] = []
        with _progress(plan, quiet) as on_event:
            for entry in _in_order(batch, studio, crew, on_event):
                named = _named_standard_input(entry) if stdin else entry
                entries.append({**named, "exported_preset": presets.write(named)} if presets is not None else named)
                _tell(entries[-1], as_json=as_json, quiet=quiet)
    if presets is not None:
        presets.finish(entries)
    document = {"doubts": doubts, "understood": understood, "warnings": unmatched, "files": entries}
    if report is not None:
        write_atomic(report, strict_json.dumps(document), overwrite=not is_report_new)
    if as_json:
        _shared.print_json(document)
    failed = [entry for entry in entries if entry["output"] is None]
    ctx.exit(_shared.EXIT_OK if not failed else int(str(failed[0]["exit_code"])) if len(plan) == 1 else _shared.EXIT_FAILED)


def _check_sources(audio: tuple[str, ...], *, stdin: bool, unusable: Mapping[str, object]) -> None:
    if stdin:
        for option in ("AUDIO",) if audio else (name for name, value in unusable.items() if value):
            raise click.UsageError(f"give --stdin or {option}, not both")
    elif not audio:
        raise click.UsageError("nothing to process: name audio files or folders, or give --stdin")


@contextlib.contextmanager
def _standard_input(ctx: click.Context, output: str, export_preset: str | None, *, force: bool, follow: bool) -> Iterator[Path]:
    """Give a temporary file with what comes through the pipe: audio files are read from their end too."""
    import sys

    from semeq_export.errors import AudioError
    from semeq_export.files.atomic import spooled
    from semeq_export.files.disk import followed

    is_folder = Path(output).is_dir() or output.endswith(("/", os.sep))
    if is_folder or ctx.get_parameter_source("output") is click.core.ParameterSource.DEFAULT:
        raise click.UsageError("--stdin needs the name of a file: -o FILE")
    if export_preset == "dawproject":
        raise click.UsageError("--stdin has no file for a DAW session to hold; export another preset format")
    if sys.stdin is None or sys.stdin.isatty():
        raise click.UsageError("--stdin: nothing is piped in; cat FILE | semeq-export process --stdin ...")
    with spooled(sys.stdin.fileno(), followed(output) if follow else output, overwrite=force) as path:
        if path.stat().st_size == 0:
            raise AudioError("empty", _STANDARD_INPUT)
        yield path


def _named_standard_input(entry: Entry) -> Entry:
    """Return an entry in which the temporary file is called what it is."""
    from semeq_export.files.disk import printable

    path = printable(str(entry["path"]))
    error = {"error": str(entry["error"]).replace(path, _STANDARD_INPUT)} if "error" in entry else {}
    return {**entry, **error, "path": _STANDARD_INPUT}


def _session(path: str | None, values: Mapping[str, object], stems: tuple[str, ...]) -> Session:
    """Return what is wanted of each stem, by the file and the command line."""
    from semeq_host.stems.session_file import Session, parse_rule, read_session_file

    session = Session({}) if path is None else read_session_file(path)
    return session.overridden(values, tuple(map(parse_rule, stems)))


def _check_report(path: Path, output: Path, *, force: bool, resume: bool) -> bool:
    """Check the name of a report; return whether it is free. A run that goes on may replace a report, and nothing else."""
    from semeq_export.files import strict_json
    from semeq_export.files.disk import check_output

    if path.parent == output and not output.exists():
        return True  # the folder is made with the first output
    is_report = False
    if resume and path.is_file():
        with contextlib.suppress(ValueError, OSError):
            document = strict_json.loads(path.read_bytes(), max_bytes=_MAX_REPORT_BYTES)
            is_report = isinstance(document, Mapping) and "files" in document
    check_output(path, overwrite=force or is_report)
    return not path.exists()


def _prepare(studio: Studio, plan: list[StemJob], session: Session) -> None:
    """Raise what would fail for every file of an intent; what is wrong with a word names where it was written."""
    from semeq_export.errors import IntentError, InvalidTargetError, UnknownTermError

    for intent, source in {job.intent: job.source for job in reversed(plan)}.items():
        try:
            studio.prepare(intent)
        except (InvalidTargetError, UnknownTermError) as error:
            place = session.place_of_word(source)
            if not place:
                raise
            raise IntentError(f"{place}: {error}") from error


def _engine(bundle_path: str | None) -> Engine:
    from semeq_export.bundle.loading import load_bundle
    from semeq_export.engine import Engine

    return Engine(load_bundle(bundle_path))


def _understood(studio: Studio, plan: list[StemJob], quiet: bool) -> dict[str, dict[str, object]]:
    """Say once what the phrases of a run were understood as."""
    texts = [job.intent.target for job in plan if job.intent.target is not None]
    return _shared.say_understood(studio.engine, texts, quiet) if texts else {}


def _doubts(studio: Studio, plan: list[StemJob], quiet: bool) -> list[str]:
    """Say once what speaks against the words of a run, those of its chains too; returns the lines."""
    from semeq_host.chains.chain_file import read_chain

    targets: list[SemanticTarget | str] = [*dict.fromkeys(job.intent.target for job in plan if job.intent.target is not None)]
    for chain in dict.fromkeys(job.intent.chain for job in plan if job.intent.chain is not None):
        targets += read_chain(chain).targets
    return _shared.say_doubts(studio.engine, targets, quiet) if targets else []


def _preset_eq(path: str) -> EqSettings:
    from semeq_export.errors import PresetReadError
    from semeq_presets import read_file

    eq = read_file(path).eq
    if eq is None:
        raise PresetReadError("holds a response, not bands; only bands can be processed", path)
    return eq


def _crew(
    plan: list[StemJob], workers: int | None, dask: str | None, bundle_path: str | None
) -> Crew | Cluster | contextlib.nullcontext[None]:
    """Return the worker processes or the cluster; None where this process does the work.

    One file is worth a process only with a chain: plug-ins may crash.
    """
    if dask is not None:
        from semeq_host.stems.cluster import Cluster

        return Cluster(dask, bundle_path)
    is_alone = len(plan) == 1 and plan[0].intent.chain is None
    if workers == 0 or (workers is None and is_alone):
        return contextlib.nullcontext()
    from semeq_host.stems.pool import Crew

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return Crew(min(workers or cores, len(plan)), bundle_path)


def _preset_writer(format_id: str | None, batch: Batch) -> PresetWriter | None:
    """Return what writes presets; all preset formats together take a while to import."""
    if format_id is None:
        return None
    from semeq_export.cli._stem_presets import preset_writer

    return preset_writer(format_id, batch)


def _in_order(batch: Batch, studio: Studio, crew: Crew | Cluster | None, on_event: _OnEvent) -> Iterator[Entry]:
    """Run a batch, here without a crew, and give its entries in the order of the plan, each as soon as those before it are there."""
    from semeq_host.stems.pool import Finished, Working

    waiting: dict[int, Entry] = {}
    next_index = 0
    events = batch.run(
        studio=studio if crew is None else None,
        crew=crew,
        progress=lambda done, total: on_event(Working(len(waiting) + next_index, done, total)),
    )
    with contextlib.closing(events):
        for event in events:
            on_event(event)
            if isinstance(event, Finished):
                waiting[event.index] = event.entry
            while next_index in waiting:
                yield waiting.pop(next_index)
                next_index += 1


def _tell(entry: Entry, *, as_json: bool, quiet: bool) -> None:
    """Print what people want to know of one file: where it is, what was heard, what is to be known; or why there is nothing."""
    from semeq_export.files.disk import printable

    path = printable(str(entry["path"]))
    if entry["output"] is None:
        click.echo(f"semeq-export: {_shared.shortened(_shared.one_line(str(entry['error'])))}", err=True)
        return
    if entry.get("summary"):
        _shared.note(f"{path}: {entry['summary']}", quiet=quiet or as_json)
    warnings = entry["warnings"]
    for warning in warnings if isinstance(warnings, list) else []:
        _shared.note(f"{path}: {warning}", quiet=quiet)
    if not (as_json or quiet):
        click.echo(printable(str(entry["output"])))


def _print_plan(batch: Batch, left_out: list[Path], said: Mapping[str, object], *, as_json: bool) -> None:
    """Say what would be done, stem by stem, what the headers say against it, and which files a session leaves out."""
    from semeq_export.files.disk import printable
    from semeq_host.stems.batch import look_at

    rows = []
    for index, job in enumerate(batch.jobs):
        looked = look_at(job)
        rows.append(
            {
                "path": str(job.source),
                "output": str(job.destination),
                "intent": job.intent.to_dict(),
                "seconds": looked.seconds,
                "is_done": index in batch.skipped,
                "is_left_out": False,
                "error": looked.warning or None,
            }
        )
        if not as_json:
            what = "done before" if index in batch.skipped else job.intent.summary()
            click.echo(f"{printable(job.source)} -> {printable(job.destination)}: {printable(what)}")
            if looked.warning:
                _shared.note(_shared.one_line(f"would fail: {looked.warning}"))
    for path in left_out:
        nothing = dict.fromkeys(("output", "intent", "seconds", "error"))
        rows.append({"path": str(path), **nothing, "is_done": False, "is_left_out": True})
        if not as_json:
            click.echo(f"{printable(path)}: skipped, as the session says")
    if as_json:
        _shared.print_json({"dry_run": True, **said, "files": rows})


class _OnEvent:
    """What is told of each event; nothing without a terminal."""

    def __call__(self, event: Event) -> None:
        """Take note of an event."""


@contextlib.contextmanager
def _progress(plan: list[StemJob], quiet: bool) -> Iterator[_OnEvent]:
    """Give what draws a bar over the whole batch, in seconds of audio, with its rate and the time left; only on a terminal."""
    if not _shared.progress_wanted(quiet):
        yield _OnEvent()
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from semeq_host.stems.batch import look_at
    from semeq_host.stems.pool import Finished

    seconds = [look_at(job).seconds for job in plan]
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(f"0/{len(plan)}", total=sum(seconds) or None, rate="")
        done_s, finished = [0.0] * len(plan), 0

        class Drawn(_OnEvent):
            def __call__(self, event: Event) -> None:
                nonlocal finished
                if isinstance(event, Finished):
                    finished += 1
                    done_s[event.index] = seconds[event.index]
                elif event.total:
                    done_s[event.index] = seconds[event.index] * event.done / event.total
                elapsed = bar.tasks[0].elapsed or 0.0
                rate = f"{sum(done_s) / elapsed:.0f} x real time" if elapsed > 1.0 else ""
                bar.update(task, completed=sum(done_s), description=f"{finished}/{len(plan)}", rate=rate)

        yield Drawn()
