"""semeq-export process: a session's stems through the EQ of words, presets or references, and through chains."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from semeq_export.cli import _shared

if TYPE_CHECKING:
    from semeq_export.app.pace import Pace
    from semeq_export.app.processing import ProcessedStem, StemsPlan
    from semeq_host.stems.batch import Event
    from semeq_host.stems.job import StemJob

GROUPS = {
    "What": (
        *("target", "preset", "match", "match_amount", "match_limit_db", "guess", "renew", "session", "stems", "intensity", "mode"),
        *("analysis", "reference", "refine"),
    ),
    "Sound": ("chain", "plugin_timeout_s", "tail_s", "peak_guard", "match_loudness", "lufs", "link", "delta", "dither"),
    "Files and run": (
        *("recursive", "stdin", "output", "in_place", "force", "follow", "subtype", "export_preset", "salvage", "repair_nonfinite"),
        *("allow_hot", "dry_run", "resume", "workers", "dask", "report", "sheet", "bundle", "as_json", "quiet"),
    ),
}


@click.command(cls=_shared.grouped(GROUPS), epilog="Example: semeq-export process stems/ -t warm --intensity 0.8 -o warm-stems/")
@click.argument("audio", nargs=-1, metavar="AUDIO...")
@click.option("-t", "--target", multiple=True, callback=_shared.once, metavar="TEXT", help="Word, or several: warm:0.7,less harsh.")
@click.option("--preset", metavar="FILE", help="EQ of a preset file instead of words.")
@_shared.choice_options(hidden=True)
@click.option("--guess", is_flag=True, hidden=True, help="Take doubtful guesses of untaught words.")
@click.option("--renew", is_flag=True, hidden=True, help="Saved words of a preset: what they mean now.")
@click.option("--match", metavar="REF", help="Follow it: --match-amount 1, --match-limit-db 6.")
@_shared.match_options
@click.option("--session", metavar="TOML", help="What is wanted of each stem, by patterns.")
@click.option("--stem", "stems", multiple=True, metavar="PATTERN=TEXT", help="Other words for these file names.")
@click.option("--intensity", type=_shared.IntensityType("typical", "auto"), help="1 = the word (default); auto listens.")
@click.option("--mode", type=click.Choice(["static", "adaptive"]), metavar="static|adaptive", help="Adaptive: as much as each file needs.")
@click.option("--analysis", type=click.Choice(["whole", "rolling"]), metavar="whole|rolling", help="Adaptive: one dose, or as streams do.")
@click.option("--reference", metavar="AUDIO", help="Compare with a file, a folder, or a kind: mix.")
@click.option("--refine", is_flag=True, help="Solve once more on each file's spectrum.")
@click.option("--chain", metavar="TOML", help="Pedalboard chain after the EQ, or alone.")
@click.option("--plugin-timeout", "plugin_timeout_s", type=float, default=60, hidden=True, help="Seconds; give up plug-ins that hang.")
@click.option("--tail", "tail_s", type=click.FloatRange(0, 600), default=0, metavar="SECONDS", help="Keep what sounds on after the end.")
@click.option(
    "--peak-guard",
    type=click.Choice(["trim", "refuse", "off"]),
    default="trim",
    metavar="trim|refuse|off",
    help="Over 0 dBTP: lower all to -0.1 dBTP (default).",
)
@click.option("--match-loudness", is_flag=True, help="As loud as before (ITU-R BS.1770).")
@click.option("--lufs", type=click.FloatRange(-70, 0), metavar="LUFS", help="As loud as this, with true peaks under 0 dBTP.")
@click.option("--link/--no-link", default=None, help="One trim, dose and match, so that stems sum.")
@click.option("--delta", is_flag=True, help="Write what was changed: result less source.")
@click.option("--dither", is_flag=True, help="Triangular noise before rounding to integers.")
@click.option("--block-size", "block_samples", type=click.IntRange(1, 65_536), default=16_384, hidden=True, help="Changes no bit.")
@click.option("--recursive", is_flag=True, help="Subfolders too, mirrored below the output.")
@click.option("--stdin", is_flag=True, help="Read one file from a pipe; needs -o FILE.")
@click.option("-o", "--output", type=_shared.OUTPUT, default="processed/", metavar="PATH", help="File, or folder (default: processed/).")
@click.option("--in-place", is_flag=True, help="Replace the sources, each when it is complete.")
@_shared.force_option
@click.option("--follow", is_flag=True, hidden=True, help="Where an output is a link, write its target.")
@click.option("--subtype", metavar="NAME", help="PCM_24, FLOAT ... (default: the source's).")
@click.option("--export-preset", metavar="FORMAT", help="EQ beside each output; dawproject: one for all.")
@click.option("--salvage", is_flag=True, help="Of broken files, keep what comes before.")
@click.option("--repair-nonfinite", is_flag=True, hidden=True, help="Replace samples that are not finite with 0.")
@click.option("--allow-hot", is_flag=True, hidden=True, help="Take peaks over +60 dBFS as they are.")
@click.option("--dry-run", is_flag=True, help="Say what would be done; write nothing.")
@click.option("--resume", is_flag=True, help="Skip what an earlier run finished, by hash.")
@click.option("--workers", type=click.IntRange(0), metavar="N", help="Processes (default: the cores; 0: none).")
@click.option("--dask", metavar="ADDRESS", help="Work on a Dask cluster that sees the files.")
@click.option("--report", type=_shared.OUTPUT, metavar="FILE", help="Write the JSON report to a file too.")
@click.option("--sheet", type=_shared.OUTPUT, metavar="FILE", help="Stems before and after, as .html or .pdf.")
@click.option("--bundle", metavar="PATH", envvar="SEMEQ_BUNDLE", help="Model (default: SEMEQ_BUNDLE, the factory's).")
@_shared.output_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    audio: tuple[str, ...],
    stems: tuple[str, ...],
    stdin: bool,
    in_place: bool,
    force: bool,
    dry_run: bool,
    as_json: bool,
    quiet: bool,
    **given: Any,  # Any: what else `ProcessOptions` and `StemsOptions` hold, under their own names
) -> None:
    """Process audio with the EQ of words; rate, format and chunks stay."""
    is_output_given = ctx.get_parameter_source("output") is not click.core.ParameterSource.DEFAULT
    _check_sources(audio, stdin, {"--in-place": in_place, "--resume": given["resume"], "--stem": stems, "--dask": given["dask"]})
    if in_place and is_output_given:
        raise click.UsageError("give --in-place or -o, not both")

    from semeq_export.app import processing
    from semeq_export.cli._option_names import document_with_option_names
    from semeq_host.stems.session_file import parse_rule
    from semeq_host.streams.process_options import ProcessOptions

    asked = ProcessOptions.__dataclass_fields__.keys()
    how = ProcessOptions(in_place=in_place, overwrite=force, **{name: given.pop(name) for name in given.keys() & asked})
    given |= {"rules": tuple(map(parse_rule, stems)), "how": how, "audio": audio}
    if stdin:
        given["stream"] = _pipe(is_file_named=is_output_given and not processing.is_folder(given["output"]), **given)
    options = processing.StemsOptions(**given)
    with _Printer(as_json=as_json, is_plan=dry_run, quiet=quiet) as printer:
        if dry_run:
            _print_plan(processing.plan_stems(options, printer), as_json=as_json)
            return
        result = processing.process_stems(options, printer, edit_report=document_with_option_names)
    if as_json:
        _shared.print_json(result.to_dict())
    ctx.exit(result.exit_code)


def _check_sources(audio: tuple[str, ...], stdin: bool, unusable: dict[str, object]) -> None:
    if stdin:
        for option in ("AUDIO",) if audio else (name for name, value in unusable.items() if value):
            raise click.UsageError(f"give --stdin or {option}, not both")
    elif not audio:
        raise click.UsageError("nothing to process: name audio files or folders, or give --stdin")


def _pipe(*, is_file_named: bool, export_preset: str | None, **_: object) -> int:
    """Return the file descriptor of standard input, where one file can come from it."""
    if not is_file_named:
        raise click.UsageError("--stdin needs the name of a file: -o FILE")
    if export_preset == "dawproject":
        raise click.UsageError("--stdin has no file for a DAW session to hold; export another preset format")
    if sys.stdin is None or sys.stdin.isatty():
        raise click.UsageError("--stdin: nothing is piped in; cat FILE | semeq-export process --stdin ...")
    return sys.stdin.fileno()


def _print_plan(plan: StemsPlan, *, as_json: bool) -> None:
    """Say what would be done, stem by stem, what the headers say against it, and which files a session leaves out."""
    from semeq_export.errors import printable

    if as_json:
        _shared.print_json(plan.to_dict())
        return
    for stem in plan.stems:
        if stem.job is None:
            click.echo(f"{printable(stem.source)}: skipped, as the session says")
            continue
        what = "done before" if stem.is_done else stem.job.summary()
        click.echo(f"{printable(stem.source)} -> {printable(stem.job.destination)}: {printable(what)}")
        if stem.error:
            _shared.note(_shared.one_line(f"would fail: {stem.error}"))


class _Printer:
    """What a batch says as it goes on; on a terminal one line below the rest says how far it is, and in the end what came of it."""

    def __init__(self, *, as_json: bool, is_plan: bool, quiet: bool) -> None:
        from semeq_export.app.pace import StatusLine

        self._as_json, self._quiet, self._has_line = as_json, quiet, not is_plan and _shared.progress_wanted(quiet)
        self._status, self._is_batch = StatusLine(partial(click.echo, nl=False, err=True, color=True)), False
        self._pace: Pace | None = None

    def __enter__(self) -> _Printer:
        return self

    def __exit__(self, *_: object) -> None:
        self._status.clear()
        if self._pace is not None and self._is_batch:
            _shared.note(self._pace.closing_line())

    def note(self, line: str) -> None:
        self._status.clear()
        _shared.say([line], self._quiet)

    def begin(self, jobs: Sequence[StemJob]) -> None:
        from semeq_export.app.pace import Pace

        self._pace, self._is_batch = Pace(jobs) if self._has_line else None, len(jobs) > 1

    def see(self, event: Event) -> None:
        if self._pace is not None:
            self._status.draw(self._pace.line, at_once=self._pace.see(event))

    def finish(self, stem: ProcessedStem) -> None:
        """Print what people want to know of one file: where it is, what was heard, what is to be known; or why there is nothing."""
        from semeq_export.errors import printable
        from semeq_host.stems.entry import FailedEntry, ProcessedEntry

        self._status.clear()
        entry, is_text = stem.entry, not (self._quiet or self._as_json)
        if stem.preset is not None:
            _shared.say(stem.preset.notes, prefix=f"{stem.preset.path}: ")
        if isinstance(entry, FailedEntry):
            click.echo(f"semeq-export: {_shared.shortened(_shared.one_line(entry.error))}", err=True)
        elif entry.resumed:
            _shared.note(f"{printable(entry.output)}: done before, skipped", quiet=not is_text)
        else:
            path = printable(entry.path)
            _shared.say([entry.summary] if isinstance(entry, ProcessedEntry) and entry.summary else [], not is_text, f"{path}: ")
            _shared.say(entry.warnings, self._quiet, f"{path}: ")
            if is_text:
                click.echo(printable(entry.output))
