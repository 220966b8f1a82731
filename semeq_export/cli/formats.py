"""semeq-export formats: what presets can be written and read, and how far each is proven."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from semeq_export.cli import _shared

if TYPE_CHECKING:
    from semeq_presets import FormatInfo


@click.command(epilog="Example: semeq-export formats eqapo")
@click.argument("ids", nargs=-1, metavar="[ID]...")
@_shared.output_options
def command(ids: tuple[str, ...], as_json: bool, quiet: bool) -> None:
    """List the preset formats; with an ID, all about it and how to import the file.

    "verified" names the host that opened such a preset and was measured; "nominal" means that no host was at hand.
    """
    from semeq_export.app.conversion import list_formats

    infos = list_formats(ids)
    if as_json:
        _shared.print_json({"formats": [_document(info) for info in infos]})
    elif ids:
        click.echo("\n\n".join(_details(info) for info in infos))
    else:
        rows = [("ID", "SUFFIX", "VERIFIED", "WHAT")] + [
            (info.id, " ".join(info.suffixes), info.verified or "nominal", info.title) for info in infos
        ]
        widths = [max(len(row[column]) for row in rows) for column in range(3)]
        for row in rows:
            click.echo("  ".join([*(text.ljust(width) for text, width in zip(row, widths, strict=False)), row[3]]))
        if not quiet:
            click.echo("\nmore: semeq-export formats ID", err=True)


def _details(info: FormatInfo) -> str:
    rows = [
        ("id", info.id),
        ("title", info.title),
        ("host", info.host),
        ("suffixes", " ".join(info.suffixes)),
        ("verified", info.verified or "nominal"),
        ("holds", str(info.limits) if info.carries == "bands" else "a response curve"),
        ("precision", f"{info.precision_db:g} dB"),
        ("import", info.how_to_import),
    ]
    return "\n".join(f"{name:<10} {text}" for name, text in rows)


def _document(info: FormatInfo) -> dict[str, object]:
    limits = info.limits
    return {
        "id": info.id,
        "title": info.title,
        "host": info.host,
        "suffixes": list(info.suffixes),
        "carries": info.carries,
        "is_folder": info.is_folder,
        "is_text": info.is_text,
        "verified": info.verified,
        "precision_db": info.precision_db,
        "how_to_import": info.how_to_import,
        "limits": {
            "summary": str(limits),
            "max_bands": len(limits.slots) if limits.slots is not None else limits.max_bands,
            "freq_hz": list(limits.freq_hz),
            "gain_db": list(limits.gain_db),
            "q": list(limits.q),
            "preamp_db": None if limits.preamp_db is None else list(limits.preamp_db),
        },
    }
