"""semeq-export plot: response curves of words and presets as a picture."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from semeq_export.cli import _shared

if TYPE_CHECKING:
    from semeq_export.plot.figures import Trace


@click.command(epilog="Example: semeq-export plot -t warm -t bright -o words.svg")
@click.option(
    "-t", "--target", "targets", multiple=True, metavar="TEXT", help="Word, or words with weights: warm:0.7,bright:0.3. Repeatable."
)
@click.option("--preset", "presets", multiple=True, metavar="FILE", help="Preset file of any known format. Repeatable.")
@click.option(
    "--intensity", type=float, default=1.0, show_default=True, metavar="-3..3", help="How much of the words; negative is the opposite."
)
@click.option("--sample-rate", "sample_rate_hz", type=float, default=48_000.0, show_default=True, metavar="HZ", help="Rate of the filters.")
@click.option("--title", default="", help="Headline of the picture.")
@click.option("--bands/--no-bands", "markers", default=True, help="Mark the bands' frequencies with dots.  [default: bands]")
@click.option(
    "-o", "--output", type=_shared.OUTPUT, required=True, metavar="FILE", help="Picture: .svg, .png or .pdf; - is SVG on standard output."
)
@_shared.force_option
@_shared.bundle_option
@_shared.output_options
def command(
    targets: tuple[str, ...],
    presets: tuple[str, ...],
    intensity: float,
    sample_rate_hz: float,
    title: str,
    markers: bool,
    output: str,
    force: bool,
    bundle_path: str | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Draw response curves of words and presets, one or several in one picture.

    Gain in dB over frequency, 20 Hz to 20 kHz. With --json, the curves are printed as numbers too.
    """
    from semeq_export.files.disk import check_output
    from semeq_export.plot import figures as plot

    if not targets and not presets:
        raise click.UsageError("nothing to draw; give -t WORDS or --preset FILE")
    if output == "-" and as_json:
        raise click.UsageError("standard output holds either the picture or the JSON; give -o FILE")
    if output != "-":
        plot.picture_format(output)
        check_output(output, overwrite=force, inputs=presets)
    traces, notes = [], []
    of_words, doubts, understood = _of_words(targets, intensity, sample_rate_hz, markers, bundle_path, quiet)
    for trace, warnings in [*of_words, *_of_presets(presets, sample_rate_hz, markers)]:
        traces.append(trace)
        notes += [f"{trace.label}: {warning}" for warning in warnings]
    for warning in notes:
        _shared.note(warning, quiet=quiet)
    figure = plot.response_figure(traces, title=title)
    if output == "-":
        sys.stdout.buffer.write(plot.render(figure, "svg"))
        return
    plot.save(figure, output, overwrite=force)
    if as_json:
        curves = [{"label": t.label, "freqs_hz": t.freqs_hz.tolist(), "gain_db": t.gain_db.tolist()} for t in traces]
        _shared.print_json(
            {
                "output": output,
                "sample_rate_hz": sample_rate_hz,
                "curves": curves,
                "doubts": doubts,
                "notes": notes,
                "understood": understood,
            }
        )
    elif not quiet:
        click.echo(_shared.one_line(output))


def _of_words(
    targets: tuple[str, ...], intensity: float, sample_rate_hz: float, markers: bool, bundle_path: str | None, quiet: bool
) -> tuple[list[tuple[Trace, tuple[str, ...]]], list[str], dict[str, dict[str, object]]]:
    """Return the traces of words, each with its notes, what speaks against the words, and what phrases were understood as."""
    if not targets:
        return [], [], {}
    from semeq_export.bundle.loading import load_bundle
    from semeq_export.engine import Engine
    from semeq_export.plot import figures as plot

    engine = Engine(load_bundle(bundle_path))
    understood = _shared.say_understood(engine, targets, quiet)
    wanted = [engine.understand(text).target(intensity) for text in targets]
    doubts = _shared.say_doubts(engine, wanted, quiet)
    result = []
    for target in wanted:
        label = str(target) if intensity == 1.0 else f"{target} at {intensity:g}"
        result.append(plot.eq_trace(label, engine.eq_for(target), sample_rate_hz, markers=markers))
    return result, doubts, understood


def _of_presets(presets: tuple[str, ...], sample_rate_hz: float, markers: bool) -> list[tuple[Trace, tuple[str, ...]]]:
    if not presets:
        return []
    from pathlib import Path

    from semeq_export.files.disk import printable
    from semeq_export.plot import figures as plot
    from semeq_presets import read_file

    result = []
    for path in presets:
        preset, label = read_file(path), printable(Path(path).name)
        notes = tuple(str(note) for note in preset.notes)
        if preset.eq is not None:
            trace, warnings = plot.eq_trace(label, preset.eq, sample_rate_hz, markers=markers)
            result.append((trace, (*warnings, *notes)))
        elif preset.curve is not None:
            result.append((plot.curve_trace(label, preset.curve), notes))
    return result
