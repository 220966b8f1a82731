"""What the commands about presets share: lists of formats, notes, and a text of a format that is none."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator

import click

from semeq_export.cli import _shared
from semeq_export.errors import BinaryFormatError


def format_ids(text: str | None) -> list[str]:
    """Return the ids of a list with commas, those of all formats for "all", none where there is no list."""
    from semeq_presets import formats

    if text == "all":
        return [info.id for info in formats()]
    return [] if text is None else [format_id.strip() for format_id in text.split(",")]


def say(lines: Iterable[object], quiet: bool, prefix: str = "") -> None:
    """Print notes on stderr, each on one line."""
    for line in lines:
        _shared.note(_shared.one_line(f"{prefix}{line}"), quiet=quiet)


@contextlib.contextmanager
def usage_errors() -> Iterator[None]:
    """Turn the text of a preset that is none into wrong usage of the command."""
    try:
        yield
    except BinaryFormatError as error:
        raise click.UsageError(str(error)) from error
