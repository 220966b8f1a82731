"""semeq-export verify: does a preset sound as it should?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import click

from semeq_export.cli import _shared

if TYPE_CHECKING:
    from semeq_export.app.verification import CheckedPreset

HOSTS = ("maths", "liblilv", "ffmpeg", "sox", "faust", "vst3", "pipewire", "easyeffects", "ardour", "audacity")


@click.command(epilog="Example: semeq-export verify warm.lv2 -t warm --tolerance-db 0.05")
@click.argument("paths", nargs=-1, required=True, metavar="PRESET...")
@click.option("-t", "--target", metavar="TEXT", help="Compare with words; a word has no level, so the level is free.")
@click.option("--intensity", type=_shared.IntensityType("typical"), default=1.0, show_default=True, help="Of the words.")
@click.option("--preset", "reference", metavar="FILE", help="Compare with another preset. Default: with the file's own reading.")
@click.option("--from", "from_format", metavar="ID", help="Format of the presets. Default: by their content.")
@click.option("--host", type=click.Choice(HOSTS), metavar="HOST", help=f"{', '.join(HOSTS)}. Default: the usual one, or maths.")
@click.option("--plugin", "plugin_file", metavar="FILE", help="VST3 plug-in that .vstpreset files are of.")
@click.option("--sample-rate", "sample_rate_hz", type=float, metavar="HZ", help="Default: the rate that the preset is for.")
@click.option("--tolerance-db", type=click.FloatRange(0.0), default=0.2, show_default=True, help="Largest error that passes.")
@click.option("--plot", "picture", type=_shared.OUTPUT, metavar="FILE", help="Draw intended and measured: .svg, .png or .pdf.")
@_shared.force_option
@_shared.guess_option
@_shared.bundle_option
@_shared.output_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    target: str | None,
    intensity: float | Literal["typical"],
    reference: str | None,
    tolerance_db: float,
    force: bool,
    bundle_path: str | None,
    as_json: bool,
    quiet: bool,
    **given: Any,  # Any: what else `VerifyOptions` holds, under its own names
) -> None:
    """Measure presets in the host that they are for, against the response that they should have.

    Where no host can be run, the format's maths stand in; the answer says which. Ends with 3 if a preset is further off than the tolerance
    or its host refuses it. (`validate` checks a file's structure, this its sound.)
    """
    if target is not None and reference is not None:
        raise click.UsageError("compare with either -t TEXT or --preset FILE")

    from semeq_export.app import verification

    given |= {"intended": reference if target is None else verification.Words(target, intensity)}
    options = verification.VerifyOptions(tolerance_db=tolerance_db, overwrite=force, bundle=bundle_path, **given)
    is_shown = _shared.progress_wanted(quiet)
    result = verification.verify_presets(options, on_start=lambda text: _shared.note(text, quiet=not is_shown))
    understood = _shared.say_understood(result.understood, quiet)
    _shared.say((*result.notes, *result.doubts), quiet)
    if as_json:
        intended = target or reference or verification.OWN_READING
        entries = [_entry(one, tolerance_db) for one in result.presets]
        head = {"is_within": result.is_within, "tolerance_db": tolerance_db, "intended": intended, "understood": understood}
        _shared.print_json({**head, "presets": entries})
    for one in () if as_json else result.presets:
        if not (quiet and one.is_within(tolerance_db)):
            click.echo(_shared.one_line(_line(one, tolerance_db, compared=options.intended is not None)))
    ctx.exit(_shared.EXIT_OK if result.is_within else _shared.EXIT_NO)


def _line(one: CheckedPreset, tolerance_db: float, *, compared: bool) -> str:
    start = f"{one.path}{', ' if one.channel else ''}{one.channel}: {one.preset.format}, "
    if one.refusal:
        return f"{start}refused: {one.refusal}"
    how = f"in {one.host}" if one.host else f"by the format's maths ({one.why_no_host})"
    if not one.host and not compared:
        return f"{start}{how}: nothing to compare, give -t or --preset"
    figures = one.figures()
    level = f", level {one.level_db:+.2f} dB" if one.level_db else ""
    return (
        f"{start}{how}: {figures['max_error_db']:.4f} dB off at {figures['max_error_at_hz']:.0f} Hz, rms {figures['rms_error_db']:.4f} dB"
        f"{level}: {'ok' if one.is_within(tolerance_db) else f'over the tolerance of {tolerance_db:g} dB'}"
    )


def _entry(one: CheckedPreset, tolerance_db: float) -> dict[str, object]:
    return {
        "path": str(one.path),
        **({"channel": one.channel} if one.channel else {}),
        "format": one.preset.format,
        "name": one.preset.name,
        "sample_rate_hz": one.sample_rate_hz,
        "how": "host" if one.host else "maths",
        "host": one.host or None,
        "why_no_host": one.why_no_host or None,
        "refusal": one.refusal or None,
        "level_db": one.level_db,
        "is_within": one.is_within(tolerance_db),
        **one.figures(),
    }
