"""semeq-export analyze: what files sound like in words, against a reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from semeq_export.cli import _shared
from semeq_export.errors import IntentError

if TYPE_CHECKING:
    from semeq_export.app.analysis import AnalyzedFile


@click.command(epilog="Example: semeq-export analyze mix.wav --reference mix --top 8")
@click.argument("audio", nargs=-1, required=True, metavar="AUDIO...")
@click.option("--top", type=click.IntRange(1, 100), default=5, show_default=True, help="How many words.")
@click.option("--words", metavar="LIST", help="Words to choose from: warm,bright. Default: the English ones that people agree on.")
@_shared.reference_option
@click.option("-t", "--target", metavar="TEXT", help="Draw what adaptive EQ with these words would do, too.")
@click.option("--plot", "picture", type=_shared.OUTPUT, metavar="FILE", help="Picture of one file: .svg, .png or .pdf.")
@click.option("--save-reference", "saved", metavar="FILE", help="Store the mean spectrum of the files as a reference (JSON).")
@click.option("--repair-nonfinite", is_flag=True, help="Take samples that are NaN or infinite for 0.")
@click.option("--allow-hot", is_flag=True, help="Take peaks over +60 dBFS as they are.")
@_shared.force_option
@_shared.bundle_option
@_shared.output_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    words: str | None,
    reference: str | None,
    force: bool,
    bundle_path: str | None,
    as_json: bool,
    quiet: bool,
    **given: Any,  # Any: what else `AnalysisOptions` holds, under its own names
) -> None:
    """Say in words what audio files, or all audio files of folders, sound like.

    A dose is how much of a word's EQ a file has more than the reference; by default that is what recordings of many kinds are like. The
    spread over time and a suggestion follow. Silence and very short files give "no signal".
    """
    if given["target"] is not None and given["picture"] is None:
        raise click.UsageError("-t needs --plot FILE")

    from semeq_export.app.analysis import AnalysisOptions, analyze_files

    given |= {"words": None if words is None else words.split(","), "overwrite": force, "bundle": bundle_path}
    options = AnalysisOptions(reference=reference if reference is not None else "any", **given)
    with _shared.usage_errors(IntentError):
        result = analyze_files(
            options,
            on_note=lambda line: _shared.say([line], quiet),
            on_file=lambda file, count: _print(file, count, quiet=quiet or as_json),
        )
    if as_json:
        errors = {file.path: {"error": _shared.one_line(str(file.error))} for file in result.files if file.error is not None}
        entries = [{**file.to_dict(), **errors.get(file.path, {})} for file in result.files]
        understood = {text: phrase.to_dict() for text, phrase in result.understood.items()}
        _shared.print_json({"understood": understood, "doubts": list(result.doubts), "files": entries})
    failed = [file.error for file in result.files if file.error is not None]
    if len(result.files) == 1 and failed:
        raise failed[0]
    ctx.exit(_shared.EXIT_FAILED if failed else _shared.EXIT_OK)


def _print(file: AnalyzedFile, count: int, *, quiet: bool) -> None:
    """Print what was heard in one of several files, or why nothing was; of a file alone, the command says that as it ends."""
    from semeq_export.errors import printable

    if file.error is not None and count > 1:
        click.echo(f"semeq-export: {_shared.one_line(str(file.error))}", err=True)
    if file.profile is None or file.spectrum is None or quiet:
        return
    click.echo(f"{printable(file.path)}: {file.spectrum.seconds:.1f} s against {file.profile.reference}")
    width = max((len(entry.word) for entry in file.profile.entries), default=0)
    for entry in file.profile.entries:
        click.echo(f"  {entry.word:{width}}  {entry.dose:+5.1f} doses  spread {entry.spread:.1f}  similarity {entry.similarity:+.2f}")
    for suggestion in file.profile.suggestions:
        click.echo(f"  {suggestion}")
