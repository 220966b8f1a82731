"""semeq-export convert: a preset from one format to another."""

from __future__ import annotations

from typing import Any

import click

from semeq_export.cli import _shared
from semeq_export.errors import BinaryFormatError


@click.command(epilog="Example: semeq-export convert headphones.txt headphones.lv2 --to lsp-x16-lv2")
@click.argument("source", metavar="SRC")
@click.argument("destination", type=_shared.OUTPUT, metavar="DST")
@click.option("--from", "from_format", metavar="ID", help="Format of SRC. Default: by its content.")
@click.option("--to", "to_format", metavar="ID", help="Format of DST. Default: by its suffix.")
@click.option("--device", "device_path", metavar="TOML", help="Refit to an EQ of your own; without --to, DST is a table of its knobs.")
@_shared.choice_options()
@_shared.preamp_option
@click.option("--strict", is_flag=True, help="Fail where DST differs by more than 0.1 dB or SRC holds what DST cannot.")
@click.option("--lossy", is_flag=True, help="Write a curve, cuts and notches as bands that are more than 1 dB off.")
@_shared.renew_option
@_shared.force_option
@_shared.bundle_option
@_shared.output_options
def command(
    source: str,
    destination: str,
    to_format: str | None,
    device_path: str | None,
    force: bool,
    bundle_path: str | None,
    as_json: bool,
    quiet: bool,
    **given: Any,  # Any: what else `ConvertOptions` holds, under its own names
) -> None:
    """Convert a preset from one format to another. DST - prints text formats.

    What the target cannot hold is refitted to the closest response that it can; notes on stderr say by how much it differs.
    """
    place = None if destination == "-" else destination
    if place is None and to_format is None and device_path is None:
        raise click.UsageError("DST - needs --to ID (see: semeq-export formats)")

    from semeq_export.app.conversion import ConvertOptions, convert_preset
    from semeq_presets import read_device

    if len(_shared.format_ids(to_format)) > 1:
        raise click.UsageError("give one format with --to")
    device = None if device_path is None else read_device(device_path)
    given |= {"device": device, "overwrite": force, "bundle": bundle_path}
    options = ConvertOptions(source=source, destination=place, to_format=to_format, **given)
    with _shared.usage_errors(BinaryFormatError):
        result = convert_preset(options)
    _shared.say((*result.warnings, *result.notes), quiet)
    if as_json:
        notes = [note.to_dict() for note in result.notes]
        head = {"source": source, "destination": place, "from": result.from_format, "to": result.to_format}
        document = {**head, "notes": notes, "warnings": list(result.warnings)}
        _shared.print_json(document if result.content is None else {**document, "content": result.content})
    elif result.content is not None:
        click.echo(result.content, nl=False)
    elif not quiet:
        click.echo(_shared.one_line(destination))
