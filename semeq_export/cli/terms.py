"""semeq-export terms: the words of a bundle and the evidence for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from semeq_export.cli import _shared

if TYPE_CHECKING:
    from semeq_export.app.terms import TermResult


@click.group(invoke_without_command=True, epilog="Example: semeq-export terms --plot words")
@click.option(
    "--sort",
    type=click.Choice(["examples", "agreement", "name"]),
    default="examples",
    show_default=True,
    help="Order; the most comes first.",
)
@_shared.language_option
@click.option("--all", "with_weak", is_flag=True, help="Weak words, and those of some people, too.")
@click.option(
    "--plot", "pictures", type=_shared.OUTPUT, metavar="DIR", help="Write pictures of the words there: curves, regions, likeness, maps."
)
@_shared.force_option
@_shared.bundle_option
@_shared.output_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    force: bool,
    bundle_path: str | None,
    as_json: bool,
    quiet: bool,
    **given: Any,  # Any: what else `TermsOptions` holds, under its own names
) -> None:
    """List the words that people agree on and the evidence for each; `terms show WORD` says what people did for one.

    examples: people's settings behind a word. agreement: mean correlation of two people's curves; below 0.1 a word is weak, used only where
    you ask for it by name, and listed with --all. typical: how strongly the median person does it, in units of the word. word@metal: people
    on metal only.
    """
    if ctx.invoked_subcommand is not None:
        ctx.obj = bundle_path
        return
    from semeq_export.app.terms import TermsOptions, list_terms, term_document

    result = list_terms(TermsOptions(overwrite=force, bundle=bundle_path, **given))
    terms = result.terms
    _shared.say(result.notes, quiet)
    if as_json:
        _shared.print_json({"terms": [term_document(term) for term in terms]})
    if as_json or quiet or not terms:
        return
    width = max(len(term.name) for term in terms)
    click.echo(f"{'word':{width}}  lang  examples  agreement  typical")
    for term in terms:
        weak = "  weak" if term.is_weak else ""
        click.echo(
            f"{term.name:{width}}  {term.language:4}  {term.examples:8d}  {term.agreement:9.2f}  {term.typical_intensity:7.2f}{weak}"
        )


@command.command(short_help="Show the EQ of a word and what people did for it.", epilog="Example: semeq-export terms show warm")
@click.argument("word")
@click.option("--language", type=click.Choice(["en", "es", "all"]), help="Of the words like it. Default: that of WORD.")
@_shared.bundle_option
@_shared.output_options
@click.pass_context
def show(ctx: click.Context, word: str, language: str | None, bundle_path: str | None, as_json: bool, quiet: bool) -> None:
    """Show one word: its EQ, what people did for it, and the words that sound most like it, with their distances in dB rms."""
    from semeq_export.app.terms import TermOptions, show_term

    of_nearest = None if language == "all" else language or ""
    result = show_term(TermOptions(word=word, language=of_nearest, bundle=_place(ctx, bundle_path)))
    _shared.say_understood(result.understood, quiet)
    if as_json:
        _shared.print_json(result.to_dict())
    elif not quiet:
        _print(result)


def _print(result: TermResult) -> None:
    term, people = result.term, result.people
    sources = ", ".join(f"{count} from {source}" for source, count in sorted(term.sources.items()))
    click.echo(f"{term.name} ({term.language}): {term.examples} examples{f' ({sources})' if sources else ''}")
    weak = "; weak: people do not agree on it" if term.is_weak else ""
    dose = "typical intensity" if people is None or people.span_db is None else "median dose"  # the typical intensity spans what people do
    click.echo(f"agreement {term.agreement:.2f}, {dose} {term.typical_intensity:.2f}{weak}")
    for line in _of_people(result):
        click.echo(line)
    if term.note:
        click.echo(f"note: {term.note}")
    if result.nearest:
        click.echo(f"nearest: {', '.join(f'{name} {distance_db:.2f} dB' for name, distance_db in result.nearest)}")
    if people is not None:
        for kind, related in (("synonyms", people.synonyms), ("opposites", people.opposites)):
            if related:
                click.echo(f"{kind}: {', '.join(f'{name} {correlation:+.2f}' for name, correlation in related)}")
        click.echo("region     boost  cut")
        for name, share in people.boosted.items():
            click.echo(f"{name:9}  {share:5.0%}  {people.cut[name]:4.0%}")
    click.echo("band         freq_hz  gain_db      q")
    for band in result.eq.bands:
        click.echo(f"{band.kind.value:10}  {band.freq_hz:8.1f}  {band.gain_db:+7.2f}  {band.q:5.2f}")


def _of_people(result: TermResult) -> list[str]:
    """Return how far people turn a word, and how well its mean curve is known, where the bundle says so."""
    people = result.people
    if people is None:
        return []
    lines = []
    if people.span_db is not None:
        lines.append(
            f"people turn it about {people.span_db / max(result.span_db, 0.1):.1f} times as far ({people.span_db:.1f} dB between highest "
            f"and lowest, the word {result.span_db:.1f}): --intensity typical is {result.typical_gesture:g}"
        )
    if people.interval_db is not None:
        borrowed = f", {people.borrowed:.0%} of it borrowed from words of like meaning" if people.borrowed else ""
        lines.append(f"mean curve known to +/-{people.interval_db:.1f} dB (90 %){borrowed}")
    return lines


@command.command(short_help="Say which words a preset is like.", name="of", epilog="Example: semeq-export terms of headphones.txt")
@click.argument("preset")
@click.option("--from", "from_format", metavar="ID", help="Format of PRESET. Default: by its content.")
@_shared.choice_options()
@_shared.language_option
@click.option("--top", type=click.IntRange(1, 100), default=5, show_default=True, help="How many words.")
@_shared.bundle_option
@_shared.output_options
@click.pass_context
def of(
    ctx: click.Context,
    /,
    preset: str,
    bundle_path: str | None,
    as_json: bool,
    quiet: bool,
    **given: Any,  # Any: what else `PresetTermsOptions` holds, under its own names
) -> None:
    """Say which words people would most likely type for a PRESET, with how far each word's mean curve is away."""
    from semeq_export.app.terms import PresetTermsOptions, find_terms_of_preset

    result = find_terms_of_preset(PresetTermsOptions(preset=preset, bundle=_place(ctx, bundle_path), **given))
    if as_json:
        terms = [{"term": one.term, "probability": one.probability, "distance_db": one.distance_db} for one in result.terms]
        _shared.print_json({"preset": preset, "format": result.format, "terms": terms})
    elif not quiet:
        width = max((len(one.term) for one in result.terms), default=4)
        click.echo(f"{'word':{width}}  probability  distance_db")
        for one in result.terms:
            click.echo(f"{one.term:{width}}  {one.probability:11.2f}  {one.distance_db:11.2f}")


@command.command(
    short_help="Teach a word from presets of yours.",
    epilog="Example: semeq-export terms add velvet one.txt two.txt three.txt -o mine.semeq",
)
@click.argument("word")
@click.argument("presets", metavar="PRESET...", nargs=-1, required=True)
@click.option(
    "-o", "output", type=_shared.OUTPUT, metavar="BUNDLE", required=True, help="Bundle of your own to write; use it with --bundle."
)
@click.option("--language", type=click.Choice(["en", "es"]), default="en", show_default=True, help="Language of WORD.")
@_shared.force_option
@_shared.bundle_option
@_shared.output_options
@click.pass_context
def add(
    ctx: click.Context,
    /,
    output: str,
    force: bool,
    bundle_path: str | None,
    as_json: bool,
    quiet: bool,
    **given: Any,  # Any: what else `AddTermOptions` holds, under its own names
) -> None:
    """Teach a WORD from three or more presets of yours, of any format, and write a bundle that knows it. No training is needed."""
    from semeq_export.app.terms import AddTermOptions, add_term, term_document

    result = add_term(AddTermOptions(output=output, overwrite=force, bundle=_place(ctx, bundle_path), **given))
    term = result.term
    if as_json:
        _shared.print_json({**term_document(term), "bundle": output, "error_db": result.error_db})
    elif not quiet:
        click.echo(
            f"{term.name}: {term.examples} presets, agreement {term.agreement:.2f}, "
            f"{result.error_db:.2f} dB from their mean curve; wrote {_shared.one_line(output)}"
        )


@command.command(short_help="Go from one word to another in equal steps.", epilog="Example: semeq-export terms morph warm bright")
@click.argument("start")
@click.argument("end")
@click.option("--steps", type=click.IntRange(2, 101), default=11, show_default=True, help="How many settings, both words included.")
@_shared.bundle_option
@_shared.output_options
@click.pass_context
def morph(ctx: click.Context, start: str, end: str, steps: int, bundle_path: str | None, as_json: bool, quiet: bool) -> None:
    """Go from one word to another in equal steps of weight, and say how large each is and how far it leaves the straight line."""
    from semeq_export.app.terms import MorphOptions, morph_terms

    result = morph_terms(MorphOptions(start=start, end=end, steps=steps, bundle=_place(ctx, bundle_path)))
    _shared.say_understood(result.understood, quiet)
    _shared.say(result.doubts, quiet)
    if as_json:
        _shared.print_json({"start": start, "end": end, **result.to_dict()})
    elif not quiet:
        click.echo("share  step_db  off_line_db")
        path = result.path
        for index, (step, away) in enumerate(zip((0.0, *path.steps_db), path.departures_db, strict=True)):
            click.echo(f"{index / (steps - 1):5.2f}  {step:7.2f}  {away:11.2f}")


def _place(ctx: click.Context, bundle_path: str | None) -> str | None:
    """Return the bundle of a subcommand: its own --bundle, that of `terms`, the environment's."""
    is_own = ctx.get_parameter_source("bundle_path") is click.core.ParameterSource.COMMANDLINE
    return bundle_path if is_own else ctx.obj
