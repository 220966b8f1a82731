"""What `semeq-export preset` does with the presets that it made: print one, plan where several go, write them, draw them on a sheet."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from semeq_export.cli import _shared
from semeq_export.errors import OutputError
from semeq_export.files.atomic import all_or_nothing, write_atomic
from semeq_export.files.disk import check_output, printable
from semeq_presets import FormatInfo, Note, Planned, Preamp, Preset, convert, get, plan_install, plan_library, write_library
from semeq_presets.library import file_names, make_folder

CONTACT_SHEET = "contact-sheet.png"
KNOBS = "knobs"
"""Stands where a format's id does for the table of a device's knobs."""


@dataclass(frozen=True, slots=True)
class Made:
    """One preset. word: as the user wrote it. label: what its file is called after. knobs: the table of a device's knobs, "" without."""

    word: str
    label: str
    preset: Preset
    knobs: str = ""
    notes: tuple[Note, ...] = ()

    def entry(self, output: str | None, notes: Iterable[Note]) -> dict[str, object]:
        """Return what JSON says about it."""
        return {
            "target": self.word,
            "name": self.preset.name,
            "output": output,
            "sample_rate_hz": self.preset.sample_rate_hz,
            "eq": self.preset.eq.to_dict() if self.preset.eq is not None else None,
            "notes": [note.to_dict() for note in (*self.notes, *notes)],
        }


def say(notes: Iterable[Note], quiet: bool, prefix: str = "") -> None:
    """Print notes on stderr."""
    for note in notes:
        _shared.note(_shared.one_line(f"{prefix}{note}"), quiet=quiet)


def text_of(made: Made, info: FormatInfo | None, preamp: Preamp, strict: bool) -> tuple[str, tuple[Note, ...]]:
    """Return a preset as text, with notes; raises click.UsageError for formats that are none. info: None for the knobs of a device."""
    if info is None:
        return made.knobs, ()
    if info.is_folder or not info.is_text:
        what = "a folder" if info.is_folder else "a binary file"
        raise click.UsageError(f"format {info.id} is {what} and cannot be printed; give a name that ends in {info.suffixes[0]}")
    written = convert(made.preset, info.id, strict=strict, preamp=preamp)
    (content,) = written.files.values()
    return content.decode("utf-8"), written.notes


def plan(made: Sequence[Made], infos: Sequence[FormatInfo], output: str | None, *, several: bool) -> list[Planned]:
    """Return where everything goes: where hosts look without an output, into a folder for several presets, else to the output itself."""
    labels = [one.label for one in made]
    if output is None:
        return plan_install(labels, infos, platform=sys.platform, environment=os.environ, home=Path.home())
    if not several:
        return [Planned(labels[0], infos[0].id if infos else KNOBS, Path(output))]
    if infos:
        return plan_library(output, labels, infos)
    return [Planned(label, KNOBS, Path(output) / name) for label, name in file_names(labels, ".txt").items()]


def write(
    planned: Sequence[Planned],
    made: Sequence[Made],
    *,
    preamp: Preamp,
    strict: bool,
    force: bool,
    make_folders: bool,
    folder: Path | None = None,
    picture: Path | None = None,
) -> list[tuple[Planned, tuple[Note, ...]]]:
    """Write what is planned, or nothing new: all names are checked before the first file. Returns the notes of each.

    folder: to be made first, in one that exists. picture: of all presets, drawn last.
    """
    with all_or_nothing([*(one.path for one in planned), *([] if picture is None else [picture])]):
        if folder is not None:
            make_folder(folder, parents=False)
        written = _write(planned, made, preamp=preamp, strict=strict, force=force, make_folders=make_folders)
        if picture is not None:
            _draw(picture, made)
        return written


def _write(
    planned: Sequence[Planned], made: Sequence[Made], *, preamp: Preamp, strict: bool, force: bool, make_folders: bool
) -> list[tuple[Planned, tuple[Note, ...]]]:
    if all(one.format == KNOBS for one in planned):
        knobs = {one.label: one.knobs for one in made}
        for one in planned:
            if make_folders:
                make_folder(one.path.parent)
            check_output(one.path, overwrite=force)
        for one in planned:
            write_atomic(one.path, knobs[one.word].encode("utf-8", "backslashreplace"), overwrite=force)
        return [(one, ()) for one in planned]
    presets = {one.label: one.preset for one in made}
    saved = write_library(planned, presets, strict=strict, overwrite=force, preamp=preamp, make_folders=make_folders)
    return [(one, result.written.notes) for one, result in zip(planned, saved, strict=True)]


def print_plan(planned: Sequence[Planned], picture: Path | None, *, as_json: bool) -> None:
    """Say which files would be written, and which of them are there already."""
    paths = [(one.path, one.word, one.format) for one in planned] + ([(picture, "", "")] if picture is not None else [])
    if as_json:
        entries = [
            {"output": str(path), "exists": path.exists(), "target": word or None, "format": format_id or None}
            for path, word, format_id in paths
        ]
        _shared.print_json({"dry_run": True, "presets": entries})
        return
    for path, _, _ in paths:
        click.echo(_shared.one_line(f"{path}{' (exists already, needs --force)' if path.exists() else ''}"))


def _draw(picture: Path, made: Sequence[Made]) -> None:
    """Draw the responses of all presets on one sheet, replacing an older one."""
    from semeq_export.plot import figures as plot

    cells = []
    for one in made:
        assert one.preset.eq is not None
        trace, _ = plot.eq_trace(one.label, one.preset.eq, one.preset.sample_rate_hz, markers=False)
        cells.append(plot.Cell(printable(one.label), (trace,)))
    plot.save(plot.contact_sheet(cells), picture, overwrite=True)


def formats_of(format_list: str | None, output: str | None) -> list[FormatInfo]:
    """Return the formats of a list of ids with commas, or all; by the suffix of the output where there is no list.

    Raises UnknownFormatError, AmbiguousFormatError, and OutputError for a format that is named twice.
    """
    from semeq_presets import format_for, formats

    if format_list is None:
        return [get(format_for(output)).info] if output is not None else []
    if format_list == "all":
        return list(formats())
    ids = [format_id.strip() for format_id in format_list.split(",")]
    for format_id in ids:
        if ids.count(format_id) > 1:
            raise OutputError(f"format {printable(format_id)} is named twice")
    return [get(format_id).info for format_id in ids]
