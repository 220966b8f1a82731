"""semeq-export convert: a preset from one format to another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from semeq_export.cli import _shared

if TYPE_CHECKING:
    from semeq_presets import Preamp


@click.command(epilog="Example: semeq-export convert headphones.txt headphones.lv2 --to lsp-x16-lv2")
@click.argument("source", metavar="SRC")
@click.argument("destination", type=_shared.OUTPUT, metavar="DST")
@click.option("--from", "from_format", metavar="ID", help="Format of SRC. Default: by its content.")
@click.option("--to", "to_format", metavar="ID", help="Format of DST. Default: by its suffix.")
@click.option("--device", "device_path", metavar="TOML", help="Refit to an EQ of your own; without --to, DST is a table of its knobs.")
@_shared.preamp_option
@click.option("--strict", is_flag=True, help="Fail where DST differs by more than 0.1 dB or SRC holds what DST cannot.")
@_shared.force_option
@_shared.output_options
def command(
    source: str,
    destination: str,
    from_format: str | None,
    to_format: str | None,
    device_path: str | None,
    preamp: Preamp,
    strict: bool,
    force: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Convert a preset from one format to another. DST - prints text formats.

    What the target cannot hold is refitted to the closest response that it can; notes on stderr say by how much it differs.
    """
    printed = destination == "-"
    if printed and to_format is None and device_path is None:
        raise click.UsageError("DST - needs --to ID (see: semeq-export formats)")

    from dataclasses import replace

    from semeq_export.cli import _preset_output
    from semeq_export.cli._preset_output import KNOBS, Made
    from semeq_export.errors import OutputError
    from semeq_export.files.disk import is_same_file, printable
    from semeq_presets import convert_file, read_device, read_file

    infos = _preset_output.formats_of(to_format, None if printed or device_path is not None else destination)
    if len(infos) > 1:
        raise click.UsageError("give one format with --to")
    text = None
    if device_path is None and not printed:
        preset, written = convert_file(
            source, destination, from_format=from_format, to_format=infos[0].id, strict=strict, overwrite=force, preamp=preamp
        )
        read_as, notes = preset.format, written.notes
    else:
        device = read_device(device_path) if device_path is not None else None
        preset = read_file(source, format=from_format)
        read_as, notes, knobs = preset.format, preset.notes if device is not None else (), ""
        if device is not None:
            preset, knobs, changes = device.refit(replace(preset, notes=()), strict=strict)
            notes += changes
        made = Made(source, source, preset, knobs)
        if printed:
            text, more = _preset_output.text_of(made, infos[0] if infos else None, preamp, strict)
        else:
            planned = _preset_output.plan([made], infos, destination, several=False)
            if is_same_file(source, destination):
                raise OutputError(f"{printable(destination)}: is the input {printable(source)}; give another name")
            ((_, more),) = _preset_output.write(planned, [made], preamp=preamp, strict=strict, force=force, make_folders=False)
        notes += more
    _preset_output.say(notes, quiet)
    if as_json:
        document: dict[str, object] = {
            "source": source,
            "destination": None if printed else destination,
            "from": read_as,
            "to": infos[0].id if infos else KNOBS,
            "notes": [note.to_dict() for note in notes],
        }
        _shared.print_json(document if text is None else {**document, "content": text})
    elif text is not None:
        click.echo(text, nl=False)
    elif not quiet:
        click.echo(_shared.one_line(destination))
