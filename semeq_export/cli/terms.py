"""semeq-export terms: the words of a bundle and the evidence for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import click

from semeq_export.cli import _shared

if TYPE_CHECKING:
    from semeq_export.bundle.loading import Bundle
    from semeq_export.words.terms import Term


@click.group(invoke_without_command=True, epilog="Example: semeq-export terms --plot words")
@click.option(
    "--sort",
    type=click.Choice(["examples", "agreement", "name"]),
    default="examples",
    show_default=True,
    help="Order; the most comes first.",
)
@click.option("--language", type=click.Choice(["en", "es"]), help="Words of one language only.")
@click.option(
    "--plot", "plot_folder", type=_shared.OUTPUT, metavar="DIR", help="Write pictures of the words there: curves, regions, likeness, maps."
)
@_shared.force_option
@_shared.bundle_option
@_shared.output_options
@click.pass_context
def command(
    ctx: click.Context,
    sort: Literal["name", "examples", "agreement"],
    language: str | None,
    plot_folder: str | None,
    force: bool,
    bundle_path: str | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """List the words and the evidence for each; `terms show WORD` says what people did for one.

    examples: people's settings behind a word. agreement: mean correlation of two people's curves; below 0.1 a word is weak and is used only
    where you ask for it by name. typical: how strongly the median person does it, in units of the word. word@metal: people on metal only.
    """
    if ctx.invoked_subcommand is not None:
        ctx.obj = bundle_path
        return
    from semeq_export.bundle.loading import load_bundle

    bundle = load_bundle(bundle_path)
    terms = sorted(bundle.centroids.values(), key=lambda term: _sort_key(term, sort))
    terms = [term for term in terms if language in (None, term.language)]
    if plot_folder is not None:
        _plot(bundle, plot_folder, force)
    if as_json:
        _shared.print_json({"terms": [_evidence(term) for term in terms]})
    if as_json or quiet or not terms:
        return
    width = max(len(term.name) for term in terms)
    click.echo(f"{'word':{width}}  lang  examples  agreement  typical")
    for term in terms:
        weak = "  weak" if term.is_weak else ""
        click.echo(
            f"{term.name:{width}}  {term.language:4}  {term.examples:8d}  {term.agreement:9.2f}  {term.typical_intensity:7.2f}{weak}"
        )


def _plot(bundle: Bundle, folder: str, force: bool) -> None:
    from pathlib import Path

    from semeq_export.errors import OutputError
    from semeq_export.files.disk import environment_failure, printable
    from semeq_export.plot import figures as plot
    from semeq_export.plot.terms import figures

    place = Path(folder)
    if place.exists() and not place.is_dir():
        raise OutputError(f"{printable(folder)}: is not a folder")
    drawn = figures(bundle.centroids, bundle.evidence)
    try:
        place.mkdir(exist_ok=True)
    except OSError as error:
        raise environment_failure(place, error) from error
    for name, figure in drawn.items():
        plot.save(figure, place / f"{name}.png", overwrite=force)


@command.command(short_help="Show the EQ of a word and what people did for it.", epilog="Example: semeq-export terms show warm")
@click.argument("word")
@_shared.bundle_option
@_shared.output_options
@click.pass_context
def show(ctx: click.Context, word: str, bundle_path: str | None, as_json: bool, quiet: bool) -> None:
    """Show one word: its EQ, what people did for it, and the words that sound most like it, with their distances in dB rms."""
    from semeq_export.bundle.loading import load_bundle
    from semeq_export.bundle.store import EVIDENCE
    from semeq_export.engine import Engine

    bundle = load_bundle(_place(ctx, bundle_path))
    engine = Engine(bundle)
    understood = _shared.say_understood(engine, [word], quiet)
    named = list(engine.understand(word).weights)
    if len(named) > 1:
        raise click.UsageError(f"{word!r} is of several words; show them one by one: {', '.join(named)}")
    term = bundle.centroids[named[0]]
    eq = engine.eq_for(term.name)
    near = [(name, distance_db) for name, distance_db in engine.nearest_terms(eq, 6) if name != term.name][:5]
    nearest = [{"term": name, "distance_db": distance_db} for name, distance_db in near]
    document = {**_evidence(term), "eq": eq.to_dict(), "nearest_terms": nearest, "understood": understood}
    people = _people(bundle, term) if EVIDENCE in bundle.files else None
    if as_json:
        _shared.print_json(document if people is None else {**document, "people": people})
    if as_json or quiet:
        return
    sources = ", ".join(f"{count} from {source}" for source, count in sorted(term.sources.items()))
    click.echo(f"{term.name} ({term.language}): {term.examples} examples{f' ({sources})' if sources else ''}")
    weak = "; weak: people do not agree on it" if term.is_weak else ""
    click.echo(f"agreement {term.agreement:.2f}, typical intensity {term.typical_intensity:.2f}{weak}")
    if term.note:
        click.echo(f"note: {term.note}")
    if near:
        click.echo(f"nearest: {', '.join(f'{name} {distance_db:.2f} dB' for name, distance_db in near)}")
    if people is not None:
        for kind in ("synonyms", "opposites"):
            if people[kind]:
                listed = (f"{entry['term']} {entry['correlation']:+.2f}" for entry in people[kind])
                click.echo(f"{kind}: {', '.join(listed)}")
        click.echo("region     boost  cut")
        for name, share in people["boosted"].items():
            click.echo(f"{name:9}  {share:5.0%}  {people['cut'][name]:4.0%}")
    click.echo("band         freq_hz  gain_db      q")
    for band in eq.bands:
        click.echo(f"{band.kind.value:10}  {band.freq_hz:8.1f}  {band.gain_db:+7.2f}  {band.q:5.2f}")


def _people(bundle: Bundle, term: Term) -> dict[str, Any]:  # Any: JSON
    """Return what people did for a word, and which other words mean the same or the opposite: correlation above 0.8, below -0.5."""
    from semeq_export.eq.curve import log_grid
    from semeq_export.words.evidence import N_POINTS

    evidence = bundle.evidence
    if term.name not in evidence.words:
        return {"synonyms": [], "opposites": [], "boosted": {}, "cut": {}}
    entry = evidence.words[term.name]
    related = evidence.related(term.name, bundle.usual_words())
    alike = [{"term": name, "correlation": value} for name, value in related if value > 0.8]
    opposite = [{"term": name, "correlation": value} for name, value in reversed(related) if value < -0.5]
    return {
        "synonyms": alike[:5],
        "opposites": opposite[:3],
        "boosted": dict(entry.boosted),
        "cut": dict(entry.cut),
        "freqs_hz": log_grid(N_POINTS).tolist(),
        "mean_db": entry.mean_db.tolist(),
        "spread_db": entry.spread_db.tolist(),
    }


@command.command(short_help="Say which words a preset is like.", name="of", epilog="Example: semeq-export terms of headphones.txt")
@click.argument("preset")
@click.option("--from", "from_format", metavar="ID", help="Format of PRESET. Default: by its content.")
@click.option("--language", type=click.Choice(["en", "es", "all"]), default="en", show_default=True, help="Words to choose from.")
@click.option("--top", type=click.IntRange(1, 100), default=5, show_default=True, help="How many words.")
@_shared.bundle_option
@_shared.output_options
@click.pass_context
def of(
    ctx: click.Context, preset: str, from_format: str | None, language: str, top: int, bundle_path: str | None, as_json: bool, quiet: bool
) -> None:
    """Say which words people would most likely type for a PRESET, with how far each word's mean curve is away."""
    from semeq_export.bundle.loading import load_bundle
    from semeq_export.engine import Engine
    from semeq_export.teach import settings_of
    from semeq_presets import read_file

    read = read_file(preset, format=from_format)
    engine = Engine(load_bundle(_place(ctx, bundle_path)))
    found = engine.terms_of(settings_of(read.eq, read.curve), top, language=None if language == "all" else language)
    if as_json:
        terms = [{"term": name, "probability": share, "distance_db": distance} for name, share, distance in found]
        _shared.print_json({"preset": preset, "format": read.format, "terms": terms})
    elif not quiet:
        width = max((len(name) for name, _, _ in found), default=4)
        click.echo(f"{'word':{width}}  probability  distance_db")
        for name, share, distance in found:
            click.echo(f"{name:{width}}  {share:11.2f}  {distance:11.2f}")


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
    word: str,
    presets: tuple[str, ...],
    output: str,
    language: str,
    force: bool,
    bundle_path: str | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Teach a WORD from three or more presets of yours, of any format, and write a bundle that knows it. No training is needed."""
    from semeq_export.bundle.loading import load_bundle, write_bundle
    from semeq_export.teach import settings_of, teach
    from semeq_presets import read_file

    read = [read_file(preset) for preset in presets]
    bundle = load_bundle(_place(ctx, bundle_path))
    taught, files = teach(bundle, word, [settings_of(preset.eq, preset.curve) for preset in read], language=language, overwrite=force)
    write_bundle(output, bundle.manifest, files, overwrite=force)
    if as_json:
        _shared.print_json({**_evidence(taught.term), "bundle": output, "error_db": taught.error_db})
    elif not quiet:
        click.echo(
            f"{taught.term.name}: {taught.term.examples} presets, agreement {taught.term.agreement:.2f}, "
            f"{taught.error_db:.2f} dB from their mean curve; wrote {_shared.one_line(output)}"
        )


@command.command(short_help="Go from one word to another in even steps.", epilog="Example: semeq-export terms morph warm bright")
@click.argument("start")
@click.argument("end")
@click.option("--steps", type=click.IntRange(2, 101), default=11, show_default=True, help="How many settings, both words included.")
@_shared.bundle_option
@_shared.output_options
@click.pass_context
def morph(ctx: click.Context, start: str, end: str, steps: int, bundle_path: str | None, as_json: bool, quiet: bool) -> None:
    """Go from one word to another in steps that are even to the ear, and say how large each is and how far it leaves the straight line."""
    from semeq_export.bundle.loading import load_bundle
    from semeq_export.engine import Engine

    engine = Engine(load_bundle(_place(ctx, bundle_path)))
    doubts = _shared.say_doubts(engine, (start, end), quiet)
    path = engine.morph_path(start, end, steps)
    if as_json:
        _shared.print_json(
            {
                "doubts": doubts,
                "start": start,
                "end": end,
                "steps_db": list(path.steps_db),
                "departures_db": list(path.departures_db),
                "eqs": [eq.to_dict() for eq in path.eqs],
            }
        )
    elif not quiet:
        click.echo("share  step_db  off_line_db")
        for index, (step, away) in enumerate(zip((0.0, *path.steps_db), path.departures_db, strict=True)):
            click.echo(f"{index / (steps - 1):5.2f}  {step:7.2f}  {away:11.2f}")


def _place(ctx: click.Context, bundle_path: str | None) -> str | None:
    """Return the bundle of a subcommand: its own --bundle, that of `terms`, the environment's."""
    is_own = ctx.get_parameter_source("bundle_path") is click.core.ParameterSource.COMMANDLINE
    return bundle_path if is_own else ctx.obj


def _sort_key(term: Term, sort: str) -> tuple[float, str]:
    return ({"name": 0.0, "examples": -float(term.examples), "agreement": -term.agreement}[sort], term.name)


def _evidence(term: Term) -> dict[str, object]:
    return {
        "term": term.name,
        "language": term.language,
        "examples": term.examples,
        "sources": dict(term.sources),
        "agreement": term.agreement,
        "typical_intensity": term.typical_intensity,
        "is_weak": term.is_weak,
        "note": term.note,
    }
