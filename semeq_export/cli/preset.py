"""semeq-export preset: preset files from words, one or a whole library, where the user or the host wants them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import click

from semeq_export.cli import _shared
from semeq_export.errors import BinaryFormatError

if TYPE_CHECKING:
    from semeq_export.app.presets import AllTerms, Match, PresetResult, Words


@click.command(epilog="Example: semeq-export preset -t warm -f lsp-x16-lv2 --install --dry-run")
@click.option(
    "-t", "--target", multiple=True, callback=_shared.once, metavar="TEXT", help="Word, or words: warm:0.7,bright:0.3,less harsh."
)
@click.option("--all-terms", is_flag=True, help="Each word that people agree on, and a picture.")
@_shared.language_option
@click.option(
    "--intensity",
    type=_shared.IntensityType("typical"),
    default=1.0,
    show_default=True,
    help="0 = flat, 2 = exaggerated, below 0 = the opposite.",
)
@click.option("--adapt-to", metavar="AUDIO", help="As much of the words as this file needs, for its track in the DAW.")
@_shared.reference_option
@click.option("--match", metavar="REF", help="Instead of words: take the file of --adapt-to to a reference (--match-amount 0..1).")
@_shared.match_options
@click.option("-f", "--format", "format_list", metavar="ID,...", help="See semeq-export formats; or all. Default: by the suffix of -o.")
@click.option("-o", "--output", type=_shared.OUTPUT, metavar="PATH", help="File, or folder for several; - or left out prints text formats.")
@click.option("--install", is_flag=True, help="Write where the format's host looks for presets.")
@click.option("--uninstall", is_flag=True, help="Remove what was installed: all, or by -t and -f.")
@click.option("--dry-run", is_flag=True, help="Only say what would be written or removed.")
@click.option("--device", "device_path", metavar="TOML", help="Refit to an EQ of your own; without -f, print its knobs.")
@_shared.preamp_option
@click.option("--name", metavar="TEXT", help="Name that the host shows. Default: the target.")
@click.option("--sample-rate", "sample_rate_hz", type=float, default=48_000.0, show_default=True, metavar="HZ", help="Rate of the project.")
@click.option("--strict", is_flag=True, help="Fail where a format is over 0.1 dB off.")
@click.option("--exact", is_flag=True, help="The model's own bands, unrounded.")
@_shared.force_option
@_shared.guess_option
@_shared.bundle_option
@_shared.output_options
def command(
    target: str | None,
    all_terms: bool,
    language: str | None,
    intensity: float | Literal["typical"],
    match: str | None,
    match_amount: float | None,
    match_limit_db: float | None,
    format_list: str | None,
    output: str | None,
    device_path: str | None,
    uninstall: bool,
    force: bool,
    bundle_path: str | None,
    as_json: bool,
    quiet: bool,
    **given: Any,  # Any: what else `PresetOptions` holds, under its own names
) -> None:
    """Write presets for DAWs, plug-ins and players from words.

    What a format cannot hold is refitted to the closest response that it can; notes on stderr say by how much it differs.
    `semeq-export formats ID` says how a person gets the file into the host.
    """
    if uninstall:
        _uninstall(target, format_list, dry_run=given["dry_run"], as_json=as_json, quiet=quiet)
        return
    output = None if output == "-" else output
    if (target is not None) + all_terms + (match is not None) != 1:
        raise click.UsageError("give either -t TEXT, --all-terms or --match REF")
    if format_list is None and (all_terms or given["install"] or output is None) and (device_path is None or given["install"]):
        raise click.UsageError("give -f ID, or -o PATH with the suffix of a format (see: semeq-export formats)")

    from semeq_export.app import presets
    from semeq_presets import read_device

    ids = _shared.format_ids(format_list)
    if (all_terms or len(ids) > 1) and output is None and not given["install"]:
        raise click.UsageError("several presets need -o FOLDER or --install")
    given |= {"output": output, "overwrite": force, "bundle": bundle_path, "formats": ids}
    device = None if device_path is None else read_device(device_path)
    wanted = _wanted(target, intensity, language) if match is None else _matched(match, intensity, match_amount, match_limit_db)
    options = presets.PresetOptions(target=wanted, device=device, **given)
    with _shared.usage_errors(BinaryFormatError):
        result = presets.write_presets(options)
    understood = _shared.say_understood(result.understood, quiet)
    _say(result, quiet)
    asked = {"intensity": _intensity(intensity, result), "understood": understood}
    _print(result, asked, output, dry_run=options.dry_run, as_json=as_json, quiet=quiet)


def _uninstall(target: str | None, format_list: str | None, *, dry_run: bool, as_json: bool, quiet: bool) -> None:
    """Remove installed presets; whatever else was asked for is refused."""
    from semeq_export.app.uninstalling import UninstallOptions, uninstall_presets

    context = click.get_current_context()
    given = {name for name in context.params if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE}
    if given - {"uninstall", "target", "format_list", "dry_run", "as_json", "quiet"}:
        raise click.UsageError("--uninstall goes with -t, -f and --dry-run only")
    formats = [] if format_list == "all" else _shared.format_ids(format_list)
    result = uninstall_presets(UninstallOptions(target=target, formats=formats, dry_run=dry_run))
    _shared.say(result.notes, quiet)
    if as_json:
        _shared.print_json({"dry_run": dry_run, "notes": list(result.notes), "presets": [one.to_dict() for one in result.presets]})
    elif not quiet:
        for one in result.presets:
            if one.state == "removed":
                click.echo(_shared.one_line(str(one.preset.path)))


def _matched(match: str, intensity: float | Literal["typical"], amount: float | None, limit_db: float | None) -> Match:
    from semeq_export.app.presets import Match

    if isinstance(intensity, str):
        raise click.UsageError("--intensity typical is of words; a match takes a number")
    return Match(match, intensity if amount is None else amount, limit_db)


def _wanted(target: str | None, intensity: float | Literal["typical"], language: str | None) -> Words | AllTerms:
    from semeq_export.app.presets import AllTerms, Words

    return AllTerms(intensity, language) if target is None else Words(target, intensity)


def _intensity(asked: float | str, result: PresetResult) -> object:
    """Return what was asked for as numbers: one for a target, several by word for a library at typical intensities."""
    if not isinstance(asked, str):
        return asked
    return dict(result.intensities) if len(result.intensities) > 1 else next(iter(result.intensities.values()))


def _say(result: PresetResult, quiet: bool) -> None:
    """Print what is to be known of the words, what was heard, and what devices and formats could not hold, on stderr."""
    _shared.say((*result.doubts, *result.notes), quiet)
    for one in result.presets:
        heard = () if one.adaptation is None else one.adaptation.notes
        _shared.say((*heard, *one.notes), quiet, f"{one.word}: " if result.is_library else "")
    for file in result.files:
        prefix = f"{file.of.label}, {file.format}: " if len(result.formats) > 1 else f"{file.of.label}: " if result.is_library else ""
        _shared.say(file.notes, quiet, prefix)


def _print(result: PresetResult, asked: dict[str, object], output: str | None, *, dry_run: bool, as_json: bool, quiet: bool) -> None:
    """Print the text of a preset or the names of files, or all about them as JSON."""
    if dry_run:
        _print_plan(result, as_json)
    elif as_json:
        ids = list(result.formats)
        head = {**asked, "doubts": list(result.doubts), **({"format": ids[0]} if len(ids) == 1 else {"formats": ids})}
        heard = {one.word: one.adaptation.to_dict() for one in result.presets if one.adaptation is not None}
        head |= {"adaptations": heard} if heard else {}
        picture = None if result.picture is None else str(result.picture)
        entries = [{"format": file.format, **file.to_dict()} for file in result.files]
        _shared.print_json({**head, **({"folder": output, "picture": picture, "presets": entries} if result.is_library else entries[0])})
    elif result.files[0].content is not None:
        click.echo(result.files[0].content, nl=False)
    elif not quiet:
        for path in (*(file.path for file in result.files if not file.there), *([] if result.picture is None else [result.picture])):
            click.echo(_shared.one_line(str(path)))


def _print_plan(result: PresetResult, as_json: bool) -> None:
    """Say which files would be written, and which of them are there already."""
    planned = [(file.path, file.of.label, file.format, file.there) for file in result.files if file.path is not None]
    planned += [(result.picture, "", "", "")] if result.picture is not None else []
    if as_json:
        entries = [
            {"output": str(path), "exists": path.exists(), "target": word or None, "format": format_id or None}
            for path, word, format_id, _ in planned
        ]
        _shared.print_json({"dry_run": True, "presets": entries})
        return
    for path, _, _, there in planned:
        taken = " (exists already, needs --force)" if path.exists() else ""
        click.echo(_shared.one_line(f"{path}{' (not of semeq, never replaced)' if there == 'other' else taken}"))
