"""semeq-export verify: does a preset sound as it should?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from semeq_export.cli import _shared

if TYPE_CHECKING:
    from semeq_export.cli._verification import Checked
    from semeq_presets import Preset

HOSTS = ("maths", "liblilv", "ffmpeg", "sox", "faust", "vst3", "ardour", "audacity")


@click.command(epilog="Example: semeq-export verify warm.lv2 -t warm --tolerance-db 0.05")
@click.argument("paths", nargs=-1, required=True, metavar="PRESET...")
@click.option("-t", "--target", metavar="TEXT", help="Compare with words; a word has no level, so the level is free.")
@click.option("--intensity", type=click.FloatRange(-3.0, 3.0), default=1.0, show_default=True, metavar="-3..3", help="Of the words.")
@click.option("--preset", "reference", metavar="FILE", help="Compare with another preset. Default: with the file's own reading.")
@click.option("--from", "from_format", metavar="ID", help="Format of the presets. Default: by their content.")
@click.option("--host", type=click.Choice(HOSTS), help="Default: the usual host if installed, else maths. ardour and audacity are slow.")
@click.option("--plugin", "plugin_file", metavar="FILE", help="VST3 plug-in that .vstpreset files are of.")
@click.option("--sample-rate", "sample_rate_hz", type=float, metavar="HZ", help="Default: the rate that the preset is for.")
@click.option("--tolerance-db", type=click.FloatRange(0.0), default=0.2, show_default=True, help="Largest error that passes.")
@click.option("--plot", "picture", type=_shared.OUTPUT, metavar="FILE", help="Draw intended and measured: .svg, .png or .pdf.")
@_shared.force_option
@_shared.bundle_option
@_shared.output_options
@click.pass_context
def command(
    ctx: click.Context,
    paths: tuple[str, ...],
    target: str | None,
    intensity: float,
    reference: str | None,
    from_format: str | None,
    host: str | None,
    plugin_file: str | None,
    sample_rate_hz: float | None,
    tolerance_db: float,
    picture: str | None,
    force: bool,
    bundle_path: str | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Measure presets in the host that they are for, against the response that they should have.

    Where no host can be run, the format's maths stand in; the answer says which. Ends with 3 if a preset is further off than the tolerance
    or its host refuses it. (`validate` checks a file's structure, this its sound.)
    """
    if target is not None and reference is not None:
        raise click.UsageError("compare with either -t TEXT or --preset FILE")

    from pathlib import Path

    from semeq_export.cli import _verification
    from semeq_export.files.disk import check_output
    from semeq_export.units import check_sample_rate_hz
    from semeq_presets import read_file

    if sample_rate_hz is not None:
        check_sample_rate_hz(sample_rate_hz)
    if picture is not None:
        from semeq_export.plot import figures as plot

        plot.picture_format(picture)
        check_output(picture, overwrite=force, inputs=paths)
    presets = [(Path(path), read_file(path, format=from_format)) for path in paths]
    results = _verification.check(
        presets,
        _intended(target, intensity, reference, bundle_path, quiet),
        host=host,
        sample_rate_hz=sample_rate_hz,
        plugin_file=Path(plugin_file) if plugin_file is not None else None,
        level_free=target is not None,
        on_start=lambda text: _shared.note(text, quiet=quiet or not _shared.progress_wanted(quiet)),
    )
    intended = target if target is not None else reference if reference is not None else "own reading"
    passed = all(result.is_within(tolerance_db) for result in results)
    if picture is not None:
        _draw(picture, results, intended, force)
    if as_json:
        entries = [_entry(result, tolerance_db) for result in results]
        _shared.print_json({"is_within": passed, "tolerance_db": tolerance_db, "intended": intended, "presets": entries})
    else:
        for result in results:
            if not (quiet and result.is_within(tolerance_db)):
                click.echo(_shared.one_line(_line(result, tolerance_db, compared=intended != "own reading")))
    ctx.exit(_shared.EXIT_OK if passed else _shared.EXIT_NO)


def _intended(target: str | None, intensity: float, reference: str | None, bundle_path: str | None, quiet: bool) -> Preset | None:
    from semeq_presets import Preset, read_file

    if reference is not None:
        return read_file(reference)
    if target is None:
        return None
    from semeq_export.bundle.loading import load_bundle
    from semeq_export.engine import Engine

    engine = Engine(load_bundle(bundle_path))
    wanted = engine.understand(target).target(intensity)
    _shared.say_understood(engine, [target], quiet)
    _shared.say_doubts(engine, [wanted], quiet)
    return Preset(engine.eq_for(wanted))


def _line(result: Checked, tolerance_db: float, *, compared: bool) -> str:
    start = f"{result.path}: {result.preset.format}, "
    if result.refusal:
        return f"{start}refused: {result.refusal}"
    how = f"in {result.host}" if result.host else f"by the format's maths ({result.why_no_host})"
    if not result.host and not compared:
        return f"{start}{how}: nothing to compare, give -t or --preset"
    figures = result.figures()
    level = f", level {result.level_db:+.2f} dB" if result.level_db else ""
    return (
        f"{start}{how}: {figures['max_error_db']:.4f} dB off at {figures['max_error_at_hz']:.0f} Hz, rms {figures['rms_error_db']:.4f} dB"
        f"{level}: {'ok' if result.is_within(tolerance_db) else f'over the tolerance of {tolerance_db:g} dB'}"
    )


def _entry(result: Checked, tolerance_db: float) -> dict[str, object]:
    return {
        "path": str(result.path),
        "format": result.preset.format,
        "name": result.preset.name,
        "sample_rate_hz": result.sample_rate_hz,
        "how": "host" if result.host else "maths",
        "host": result.host or None,
        "why_no_host": result.why_no_host or None,
        "refusal": result.refusal or None,
        "level_db": result.level_db,
        "is_within": result.is_within(tolerance_db),
        **result.figures(),
    }


def _draw(picture: str, results: list[Checked], intended: str, force: bool) -> None:
    from semeq_export.files.disk import printable
    from semeq_export.plot import figures as plot

    cells = []
    for result in results:
        traces = [plot.Trace(f"intended: {intended}", result.freqs_hz, result.intended_db)]
        if result.measured_db is not None:
            traces.append(plot.Trace(f"in {result.host}" if result.host else "by the format's maths", result.freqs_hz, result.measured_db))
        cells.append(plot.Cell(printable(result.path.name), tuple(traces)))
    plot.save(plot.contact_sheet(cells), picture, overwrite=force)
