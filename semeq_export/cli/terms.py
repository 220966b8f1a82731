"""semeq-export terms: the words of a bundle and the evidence for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import click

from semeq_export.cli import _shared

if TYPE_CHECKING:
    from semeq_export.semantic import Term


@click.group(invoke_without_command=True, epilog="Example: semeq-export terms --sort agreement")
@click.option(
    "--sort", type=click.Choice(["name", "examples", "agreement"]), default="name", show_default=True, help="Order; the most comes first."
)
@_shared.bundle_option
@_shared.output_options
@click.pass_context
def command(
    ctx: click.Context, sort: Literal["name", "examples", "agreement"], bundle_path: str | None, as_json: bool, quiet: bool
) -> None:
    """List the words and the evidence for each; `terms show WORD` gives one word's EQ.

    examples: people's settings behind a word. agreement: mean correlation of two people's curves, 0 = they disagree.
    typical: how strongly the median person does it, in units of the word.
    """
    if ctx.invoked_subcommand is not None:
        ctx.obj = bundle_path
        return
    from semeq_export.bundle import load_bundle

    terms = sorted(load_bundle(bundle_path).centroids.values(), key=lambda term: _sort_key(term, sort))
    if as_json:
        _shared.print_json({"terms": [_evidence(term) for term in terms]})
    if as_json or quiet:
        return
    width = max(len(term.name) for term in terms)
    click.echo(f"{'word':{width}}  lang  examples  agreement  typical")
    for term in terms:
        click.echo(f"{term.name:{width}}  {term.language:4}  {term.examples:8d}  {term.agreement:9.2f}  {term.typical_intensity:7.2f}")


@command.command(epilog="Example: semeq-export terms show warm")
@click.argument("word")
@_shared.bundle_option
@_shared.output_options
@click.pass_context
def show(ctx: click.Context, word: str, bundle_path: str | None, as_json: bool, quiet: bool) -> None:
    """Show one word: its EQ, the evidence for it and the words closest to it."""
    import numpy as np

    from semeq_export.bundle import load_bundle
    from semeq_export.engine import Engine

    bundle = load_bundle(bundle_path or ctx.obj)
    term = bundle.centroids[word]
    eq = Engine(bundle).eq_for(term.name)
    near = [(name, distance) for name, distance in bundle.centroids.nearest(np.array(term.z), top=6) if name != term.name][:5]
    if as_json:
        nearest = [{"term": name, "distance": distance} for name, distance in near]
        _shared.print_json({**_evidence(term), "eq": eq.to_dict(), "nearest_terms": nearest})
    if as_json or quiet:
        return
    sources = ", ".join(f"{count} from {source}" for source, count in sorted(term.sources.items()))
    click.echo(f"{term.name} ({term.language}): {term.examples} examples{f' ({sources})' if sources else ''}")
    click.echo(f"agreement {term.agreement:.2f}, typical intensity {term.typical_intensity:.2f}")
    if near:
        click.echo(f"nearest: {', '.join(name for name, _ in near)}")
    click.echo("band         freq_hz  gain_db      q")
    for band in eq.bands:
        click.echo(f"{band.kind.value:10}  {band.freq_hz:8.1f}  {band.gain_db:+7.2f}  {band.q:5.2f}")


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
    }
