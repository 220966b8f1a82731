"""semeq-export formats: what presets can be written and read, and how far each is proven."""

from __future__ import annotations

import click

from semeq_export.cli import _shared


@click.command(epilog="Example: semeq-export formats eqapo")
@click.argument("ids", nargs=-1, metavar="[ID]...")
@_shared.output_options
def command(ids: tuple[str, ...], as_json: bool, quiet: bool) -> None:
    """List the preset formats; with an ID or what else it is called, all about it and how to import the file.

    "verified" names the host that opened such a preset and was measured; "nominal" means that no host was at hand.
    """
    from semeq_export.app.conversion import describe_format, format_document, list_formats

    infos = list_formats(ids)
    if as_json:
        _shared.print_json({"formats": [format_document(info) for info in infos]})
    elif ids:
        click.echo("\n\n".join(describe_format(info) for info in infos))
    else:
        rows = [("ID", "ALSO", "SUFFIX", "VERIFIED", "WHAT")] + [
            (info.id, ",".join(info.aliases) or "-", " ".join(info.suffixes), info.verified or "nominal", info.title) for info in infos
        ]
        widths = [max(len(row[column]) for row in rows) for column in range(4)]
        for row in rows:
            click.echo("  ".join([*(text.ljust(width) for text, width in zip(row, widths, strict=False)), row[4]]))
        if not quiet:
            click.echo("\nmore: semeq-export formats ID", err=True)
