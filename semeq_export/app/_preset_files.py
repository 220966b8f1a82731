"""Presets on their way out: as a text, as one file, into the folders of hosts, or as a folder of many with a picture."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from semeq_export.eq.channels import to_plain
from semeq_export.errors import BinaryFormatError, OutputError, printable
from semeq_export.files.atomic import all_or_nothing, write_atomic
from semeq_export.files.disk import check_output
from semeq_export.listening.dose import Adaptation
from semeq_presets import FormatInfo, Note, Planned, Preamp, Preset, convert, format_for, get, plan_library, write_library
from semeq_presets.shelf.library import file_names, make_folder
from semeq_presets.shelf.placing import There

CONTACT_SHEET = "contact-sheet.png"
KNOBS = "knobs"
"""Stands where a format's id does for the table of a device's knobs."""
_LEFT_ALONE: Mapping[str, str] = {"same": "installed already", "other": "not installed by semeq"}


@dataclass(frozen=True, slots=True, eq=False)
class WordPreset:
    """One preset, in no format yet.

    word: what it stands for, as its user wrote it. label: what its file is called after. knobs: the table of a device's knobs, "" without,
    and then `notes` say what the device could not hold. adaptation: what a listener found, if there was one.
    estimated: a word of it is a guess.
    """

    word: str
    label: str
    preset: Preset
    knobs: str = ""
    notes: tuple[Note, ...] = ()
    adaptation: Adaptation | None = None
    estimated: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class PresetFile:
    """A preset in a format: written, planned, or, without a path, as text. notes: what the format could not hold exactly.

    there: what lies where it was to be installed, so that it is not written.
    """

    of: WordPreset
    format: str
    path: Path | None
    notes: tuple[Note, ...] = ()
    content: str | None = None
    there: There = ""

    def to_dict(self) -> dict[str, object]:
        """Return plain data for JSON, its notes with those of the preset before it had a format."""
        preset = self.of.preset
        document: dict[str, object] = {
            "target": self.of.word,
            "name": preset.name,
            "output": None if self.path is None else str(self.path),
            "sample_rate_hz": preset.sample_rate_hz,
            "eq": to_plain(preset.eq),
            "notes": [note.to_dict() for note in (*self.of.notes, *self.notes)],
        }
        document |= {"estimated": True} if self.of.estimated else {}
        document |= {"left_alone": _LEFT_ALONE[self.there]} if self.there else {}
        return document if self.content is None else {**document, "content": self.content}


def chosen_formats(ids: Sequence[str], output: str | os.PathLike[str] | None) -> list[FormatInfo]:
    """Return the formats of these ids; where there are none, that of the output's suffix, and nothing without an output.

    Raises UnknownFormatError, AmbiguousFormatError, and OutputError for a format that is named twice.
    """
    if not ids:
        return [get(format_for(output)).info] if output is not None else []
    infos = [get(format_id).info for format_id in ids]
    for info in infos:
        if infos.count(info) > 1:
            raise OutputError(f"format {info.id} is named twice")
    return infos


def alias_notes(ids: Sequence[str], infos: Sequence[FormatInfo]) -> list[str]:
    """Return which format each alias among some ids means."""
    return [f"{given} is {info.id} ({info.title})" for given, info in zip(ids, infos, strict=False) if given != info.id]


def as_text(one: WordPreset, info: FormatInfo | None, *, preamp: Preamp, strict: bool, lossy: bool = False) -> PresetFile:
    """Return a preset as text. info: None for the knobs of a device. Raises BinaryFormatError where its format is none for people."""
    if info is None:
        return PresetFile(one, KNOBS, None, content=one.knobs)
    if info.is_folder or not info.is_text:
        what = "a folder" if info.is_folder else "a binary file"
        raise BinaryFormatError(f"format {info.id} is {what} and cannot be printed; give a name that ends in {info.suffixes[0]}")
    written = convert(one.preset, info.id, strict=strict, lossy=lossy, preamp=preamp)
    (content,) = written.files.values()
    return PresetFile(one, info.id, None, written.notes, content.decode("utf-8"))


def plan(presets: Sequence[WordPreset], infos: Sequence[FormatInfo], output: str | os.PathLike[str], *, several: bool) -> list[PresetFile]:
    """Return where everything goes: into a folder for several presets, else to the output itself. infos: none for a device's knobs."""
    by_label = {one.label: one for one in presets}
    labels = list(by_label)
    if not several:
        planned = [Planned(labels[0], infos[0].id if infos else KNOBS, Path(output))]
    elif infos:
        planned = plan_library(output, labels, infos)
    else:
        planned = [Planned(label, KNOBS, Path(output) / name) for label, name in file_names(labels, ".txt").items()]
    return [PresetFile(by_label[one.word], one.format, one.path) for one in planned]


def write(
    files: Sequence[PresetFile],
    *,
    preamp: Preamp,
    strict: bool,
    lossy: bool = False,
    overwrite: bool,
    make_folders: bool,
    folder: Path | None = None,
    picture: Path | None = None,
) -> list[PresetFile]:
    """Write what is planned, or nothing new: all names are checked before the first file. Returns the files with their notes.

    folder: to be made first, in one that exists. picture: of all presets, drawn last.
    """
    paths = [path for path in (*(one.path for one in files), picture) if path is not None]
    with all_or_nothing(paths):
        if folder is not None:
            make_folder(folder, parents=False)
        if all(one.format == KNOBS for one in files):
            written = _write_knobs(files, overwrite=overwrite, make_folders=make_folders)
        else:
            written = _write_presets(files, preamp=preamp, strict=strict, lossy=lossy, overwrite=overwrite, make_folders=make_folders)
        if picture is not None:
            _draw(picture, {one.of.label: one.of for one in files}.values())
        return written


def _write_knobs(files: Sequence[PresetFile], *, overwrite: bool, make_folders: bool) -> list[PresetFile]:
    places = [(one.path, one.of.knobs) for one in files if one.path is not None]
    for path, _ in places:
        if make_folders:
            make_folder(path.parent)
        check_output(path, overwrite=overwrite)
    for path, knobs in places:
        write_atomic(path, knobs.encode("utf-8", "backslashreplace"), overwrite=overwrite)
    return list(files)


def _write_presets(
    files: Sequence[PresetFile], *, preamp: Preamp, strict: bool, lossy: bool, overwrite: bool, make_folders: bool
) -> list[PresetFile]:
    planned = [Planned(one.of.label, one.format, one.path) for one in files if one.path is not None]
    presets = {one.of.label: one.of.preset for one in files}
    saved = write_library(planned, presets, strict=strict, lossy=lossy, overwrite=overwrite, preamp=preamp, make_folders=make_folders)
    return [PresetFile(one.of, one.format, one.path, result.written.notes) for one, result in zip(files, saved, strict=True)]


def _draw(picture: Path, presets: Iterable[WordPreset]) -> None:
    """Draw the responses of all presets on one sheet, replacing an older one."""
    from semeq_export.plot import figures

    cells = []
    for one in presets:
        trace, _ = figures.eq_trace(one.label, one.preset.single, one.preset.sample_rate_hz, markers=False)
        cells.append(figures.Cell(printable(one.label), (trace,)))
    figures.save(figures.contact_sheet(cells), picture, overwrite=True)
