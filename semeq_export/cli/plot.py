"""semeq-export plot: response curves of words and presets as a picture."""

from __future__ import annotations

import sys
from typing import Any, Literal

import click

from semeq_export.cli import _shared


@click.command(epilog="Example: semeq-export plot -t warm -t bright -o words.svg")
@click.option(
    "-t", "--target", "targets", multiple=True, metavar="TEXT", help="Word, or words with weights: warm:0.7,bright:0.3. Repeatable."
)
@click.option("--preset", "presets", multiple=True, metavar="FILE", help="Preset file of any known format. Repeatable.")
@_shared.choice_options(hidden=True)
@click.option(
    "--intensity",
    type=_shared.IntensityType("typical"),
    default=1.0,
    show_default=True,
    help="How much of the words; negative is the opposite, typical as people do it.",
)
@click.option("--sample-rate", "sample_rate_hz", type=float, default=48_000.0, show_default=True, metavar="HZ", help="Rate of the filters.")
@click.option("--title", default="", help="Headline of the picture.")
@click.option("--bands/--no-bands", "markers", default=True, help="Mark the bands' frequencies with dots.  [default: bands]")
@click.option(
    "-o", "--output", type=_shared.OUTPUT, required=True, metavar="FILE", help="Picture: .svg, .png or .pdf; - is SVG on standard output."
)
@_shared.force_option
@_shared.guess_option
@_shared.bundle_option
@_shared.output_options
def command(
    targets: tuple[str, ...],
    presets: tuple[str, ...],
    intensity: float | Literal["typical"],
    sample_rate_hz: float,
    output: str,
    force: bool,
    bundle_path: str | None,
    as_json: bool,
    quiet: bool,
    **given: Any,  # Any: what else `PlotOptions` holds, under its own names
) -> None:
    """Draw response curves of words and presets, one or several in one picture.

    Gain in dB over frequency, 20 Hz to 20 kHz. With --json, the curves are printed as numbers too.
    """
    if not targets and not presets:
        raise click.UsageError("nothing to draw; give -t WORDS or --preset FILE")
    if output == "-" and as_json:
        raise click.UsageError("standard output holds either the picture or the JSON; give -o FILE")

    from semeq_export.app.pictures import PlotOptions, Words, draw_curves

    given |= {"targets": [Words(text, intensity) for text in targets], "presets": presets, "bundle": bundle_path}
    place = None if output == "-" else output
    result = draw_curves(PlotOptions(sample_rate_hz=sample_rate_hz, output=place, overwrite=force, **given))
    understood, doubts, notes = _shared.say_understood(result.understood, quiet), list(result.doubts), list(result.notes)
    _shared.say((*doubts, *notes), quiet)
    if result.svg is not None:
        sys.stdout.buffer.write(result.svg)
    elif as_json:
        curves = [{"label": t.label, "freqs_hz": t.freqs_hz.tolist(), "gain_db": t.gain_db.tolist()} for t in result.curves]
        head = {"output": output, "sample_rate_hz": sample_rate_hz, "understood": understood, "doubts": doubts, "notes": notes}
        _shared.print_json({**head, "curves": curves})
    elif not quiet:
        click.echo(_shared.one_line(output))
