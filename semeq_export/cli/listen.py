"""semeq-export listen: listening tests made from words or presets, and what the answers of a panel say."""

from __future__ import annotations

from typing import Any

import click

from semeq_export.cli import _shared

KINDS, COMPARED, TOOLS = ("pairs", "mushra", "abx"), ("all", "unprocessed"), ("page", "webmushra", "beaqlejs")
MAKE_GROUPS = {
    "What is compared": ("targets", "intensity", "presets", "kind", "compare", "ask", "repeats"),
    "Sounds": ("start_s", "seconds", "lufs", "ceiling_dbtp"),
    "Output": ("tool", "title", "seed", "output", "force", "guess", "bundle_path", "as_json", "quiet"),
}


@click.group(epilog="Example: semeq-export listen make drums.wav voice.wav -t warm -o warm-test/")
def command() -> None:
    """Ask people whether a word does what it says: make a listening test, and analyse what they answered.

    `listen make` writes a folder with a page that opens by double click; each listener saves a CSV. `listen analyze` reads those.
    """


@command.command(
    cls=_shared.grouped(MAKE_GROUPS),
    short_help="Make a listening test from audio files and words.",
    epilog="Example: semeq-export listen make drums.wav voice.wav -t warm -t bright -o test/",
)
@click.argument("audio", nargs=-1, required=True, metavar="AUDIO...")
@click.option("-t", "--target", "targets", multiple=True, metavar="TEXT", help="Word, or words. Repeatable.")
@click.option("--intensity", type=_shared.IntensityType("typical"), default=1.0, help="How much of the words (default: 1).")
@click.option("--preset", "presets", multiple=True, metavar="FILE", help="Preset file. Repeatable.")
@_shared.choice_options(hidden=True)
@click.option(
    "--kind", type=click.Choice(["pairs", "mushra", "abx"]), default="pairs", metavar="KIND", help="pairs, mushra or abx; see above."
)
@click.option(
    "--compare", type=click.Choice(["all", "unprocessed"]), default="all", metavar="WITH", help="Pairs: with all, or unprocessed."
)
@click.option("--ask", metavar="TEXT", help="Question (default: after the word).")
@click.option("--repeats", type=click.IntRange(1, 100), metavar="N", help="Times each trial comes (1; in abx 8).")
@click.option("--start", "start_s", type=float, multiple=True, metavar="SECONDS", help="Where excerpts begin (default: loudest).")
@click.option("--seconds", type=float, default=8.0, metavar="SECONDS", help="Their length (8; mushra: 12 at most).")
@click.option("--lufs", type=float, default=-23.0, metavar="LUFS", help="Loudness of all sounds (default: -23).")
@click.option("--ceiling", "ceiling_dbtp", type=float, default=-1.0, metavar="DBTP", help="Highest true peak (default: -1).")
@click.option("--for", "tool", type=click.Choice(TOOLS), default="page", metavar="TOOL", help="page (default), webmushra or beaqlejs.")
@click.option("--title", default="Listening test", metavar="TEXT", help="What listeners see on top.")
@click.option("--seed", type=int, default=1, metavar="N", help="Of orders and codes (default: 1).")
@click.option("-o", "--output", type=_shared.OUTPUT, required=True, metavar="DIR", help="Folder of the test.")
@_shared.force_option
@click.option("--guess", is_flag=True, help="Take doubtful guesses of words.")
@click.option("--bundle", "bundle_path", metavar="PATH", envvar="SEMEQ_BUNDLE", help="Model (default: the factory's).")
@_shared.output_options
def make(
    targets: tuple[str, ...],
    intensity: Any,  # Any: a number or "typical"
    start_s: tuple[float, ...],
    force: bool,
    bundle_path: str | None,
    as_json: bool,
    quiet: bool,
    **given: Any,  # Any: what else `MakeOptions` holds, under its own names
) -> None:
    """Make a test: all sounds equally loud (0.1 LU), blind, orders balanced.

    \b
    pairs   "Which is warmer?" of two sounds: the question for words
    mushra  each scored against a reference, after ITU-R BS.1534-3
    abx     whether the difference is heard at all
    """
    if not targets and not given["presets"]:
        raise click.UsageError("nothing to compare: give -t WORDS or --preset FILE")

    from semeq_export.app.listening_tests import MakeOptions, Words, make_test

    words = [Words(text, intensity) for text in targets]
    made = make_test(MakeOptions(targets=words, start_s=start_s, overwrite=force, bundle=bundle_path, **given))
    _shared.say_understood(made.understood, quiet)
    _shared.say((*made.doubts, *made.notes), quiet)
    if as_json:
        _shared.print_json(made.to_dict())
    elif not quiet:
        for line in made.lines:
            click.echo(_shared.one_line(line))


@command.command(
    short_help="Say what the answers of a panel show.",
    epilog="Example: semeq-export listen analyze answers/ --test test/ --plot answers.svg",
)
@click.argument("results", nargs=-1, required=True, metavar="RESULTS...")
@click.option("--test", metavar="DIR", help="Folder that `listen make` wrote, with its manifest.json. Default: one beside RESULTS.")
@click.option("--screen/--no-screen", default=True, help="MUSHRA: leave out listeners after BS.1534-3.  [default: screen]")
@click.option("--csv", "table", type=_shared.OUTPUT, metavar="FILE", help="Write all figures as one table.")
@click.option("--plot", "picture", type=_shared.OUTPUT, metavar="FILE", help="Picture: .svg, .png or .pdf.")
@_shared.force_option
@_shared.output_options
@click.pass_context
def analyze(ctx: click.Context, /, force: bool, as_json: bool, quiet: bool, **given: Any) -> None:  # Any: as `PanelOptions` has them
    """Say what the answers of a panel show: CSV files of our page or of webMUSHRA, .txt of BeaqleJS, or folders of them.

    \b
    pairs   shares with exact tests; Bradley-Terry strengths
    mushra  screening, medians, Friedman, Wilcoxon
    abx     exact binomial tests against guessing

    Intervals are 95 %, p values corrected after Holm; what a panel of this size can find is said.
    """
    from semeq_export.app.panel_results import PanelOptions, analyse_panel

    found = analyse_panel(PanelOptions(overwrite=force, **given))
    errors = [_shared.one_line(str(error)) for error in found.errors]
    _shared.say((*errors, *found.notes), quiet)
    if as_json:
        _shared.print_json({**found.to_dict(), "errors": [{"error": error} for error in errors]})
    elif not quiet:
        for line in found.lines:
            click.echo(_shared.one_line(line))
    ctx.exit(_shared.EXIT_FAILED if errors else _shared.EXIT_OK)
