"""semeq-export analyze: what files sound like in words, against a reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from semeq_export.cli import _shared
from semeq_export.errors import IntentError

if TYPE_CHECKING:
    from semeq_export.app.analysis import AnalyzedFile


@click.command(epilog="Example: semeq-export analyze mix.wav --reference mix --top 8")
@click.argument("audio", nargs=-1, metavar="AUDIO...")
@click.option("--top", type=click.IntRange(1, 100), default=5, show_default=True, help="How many words.")
@click.option("--words", metavar="LIST", help="Tell all of these: warm,bright. Default: what is likely.")
@_shared.reference_option
@click.option("-t", "--target", metavar="TEXT", help="Draw what adaptive EQ with these words would do, too.")
@click.option("--plot", "picture", type=_shared.OUTPUT, metavar="FILE", help="Picture of one file: .svg, .png or .pdf.")
@click.option("--learn-reference", "folder", metavar="DIR", help="Learn from these files what is usual, for -o; again for more.")
@click.option("-o", "--output", metavar="FILE", help="The reference that is learned (JSON).")
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
    folder: str | None,
    output: str | None,
    force: bool,
    bundle_path: str | None,
    as_json: bool,
    quiet: bool,
    **given: Any,  # Any: what else `AnalysisOptions` holds, under its own names
) -> None:
    """Say what stands out in audio files, or in all audio files of folders, and what words people have for that.

    A dose is how much of a word's EQ a file has more than what is usual for its kind, as far as that can be known; the kind is recognised,
    or named with --reference. "Nothing stands out" is an answer. Silence and very short files give "no signal".
    """
    if given["target"] is not None and given["picture"] is None:
        raise click.UsageError("-t needs --plot FILE")
    if (folder is None) != (output is None) or (folder is None) == (not given["audio"]):
        raise click.UsageError("name AUDIO to be analysed, or --learn-reference DIR and -o FILE")

    from semeq_export.app.analysis import AnalysisOptions, analyze_files, learn_reference

    if folder is not None and output is not None:
        done = learn_reference(folder, output, overwrite=force)
        _shared.say([*(_shared.one_line(str(error)) for error in done.errors), done.line], quiet)
        ctx.exit(_shared.EXIT_FAILED if done.errors else _shared.EXIT_OK)
    options = AnalysisOptions(words=None if words is None else words.split(","), overwrite=force, bundle=bundle_path, **given)
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
    if file.error is not None and count > 1:
        click.echo(f"semeq-export: {_shared.one_line(str(file.error))}", err=True)
    if file.profile is None or file.spectrum is None or quiet:
        return
    click.echo("\n".join(file.lines()).replace("`reference`", "--reference"))
