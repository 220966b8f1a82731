"""Putting presets where hosts look, and taking them away again: only what the record of installed presets lists is replaced or removed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from semeq_export.errors import OutputError, PresetError, PresetReadError, environment_failure, printable
from semeq_export.files.atomic import all_or_nothing, sync_all
from semeq_export.files.disk import read_regular
from semeq_presets.file_formats.base import Files, Preset, Written
from semeq_presets.file_formats.preamp import Preamp, with_preamp
from semeq_presets.shelf.installed import (
    InstalledPreset,
    Record,
    digests,
    locked,
    missing_folders,
    preset_key,
    read_record,
    remove_empty,
    write_record,
)
from semeq_presets.shelf.library import Planned, make_folder
from semeq_presets.shelf.registry import MAX_BYTES, check_place, get, read_file, save, write

There = Literal["", "same", "other"]
"""What lies where a preset is to go: nothing, the same preset of the same plug-in as we installed it, or anything else."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A preset that is to be installed: where, the words that it was made of as they were typed, and its files."""

    plan: Planned
    target: str
    written: Written


@dataclass(frozen=True, slots=True)
class Removed:
    """What became of an installed preset. state: "removed", "gone" (somebody else did it), or "changed" since and kept.

    left: its folder holds files that are not ours, and stays.
    """

    preset: InstalledPreset
    state: Literal["removed", "gone", "changed"]
    left: bool = False

    def to_dict(self) -> dict[str, object]:
        """Return plain data for JSON."""
        one = self.preset
        return {"format": one.format, "target": one.target, "output": str(one.path), "state": self.state}


def there(plan: Planned, record: Record) -> There:
    """Return what lies where a preset is to go."""
    if not os.path.lexists(plan.path):
        return ""
    known = record.presets.get(plan.path)
    return "same" if known is not None and known.key == preset_key(plan.format, plan.word) else "other"


def make_ready(plan: Planned, target: str, preset: Preset, *, strict: bool = False, preamp: Preamp = "auto") -> Ready:
    """Return a preset as the files of its format, with notes. Raises as `write` and `with_preamp` do."""
    adjusted, notes = with_preamp(preset, get(plan.format).info, preamp)
    written = write(adjusted, plan.format, strict=strict)
    return Ready(plan, target, Written(written.files, notes + written.notes))


def put(ready: Sequence[Ready], place: Path, *, overwrite: bool = False, skip: bool = False) -> list[There]:
    """Put presets in place, all of them or none, and enter them into the record; returns for each what was there and is left alone.

    place: of the record. overwrite: replace what is the same preset of the same plug-in. skip: pass over what is there, else it is refused.
    Raises OutputError where something is in the way, as `read_record` and `locked` do, and EnvironmentFailure.
    """
    with locked(place) as made:
        record = read_record(place)
        found = [there(one.plan, record) for one in ready]
        for one, state in zip(ready, found, strict=True):
            _check(one, state, record, overwrite=overwrite, skip=skip)
        todo = [one for one, state in zip(ready, found, strict=True) if not state or (overwrite and state == "same")]
        if todo:
            _put_all(todo, place, record, made)
    return ["" if one in todo else state for one, state in zip(ready, found, strict=True)]


def take_away(place: Path, wanted: Callable[[InstalledPreset], bool], *, dry_run: bool = False) -> list[Removed]:
    """Remove installed presets that are as we left them, and the folders that were made for them where those are empty.

    Returns what became of each, or would in a dry run. Raises as `read_record` and `locked` do, and EnvironmentFailure.
    """
    if dry_run or not os.path.lexists(place):
        return [_judged(one) for one in read_record(place).presets.values() if wanted(one)]
    with locked(place) as made:
        record = read_record(place)
        results: list[Removed] = []
        try:
            for one in filter(wanted, record.presets.values()):
                results.append(_take(_judged(one)))
        finally:
            away = {result.preset.path for result in results if result.state != "changed"}
            rest = {path: one for path, one in record.presets.items() if path not in away}
            if rest:
                write_record(place, Record(rest, frozenset(remove_empty(record.folders))))
            else:
                place.unlink(missing_ok=True)
                made.extend(remove_empty(record.folders))  # the folders of the record itself can only go with it
    return results


def _check(one: Ready, state: There, record: Record, *, overwrite: bool, skip: bool) -> None:
    """Refuse what is in the way: what is not ours wherever replacing was asked for."""
    path = one.plan.path
    if not state or (skip and not overwrite):
        return
    if state == "other" or (overwrite and not _is_still(record.presets[path], one.written.files)):
        raise OutputError(f"{printable(path)}: holds something that semeq did not install, which is never replaced; move it away")
    if not overwrite:
        raise OutputError(f"{printable(path)}: exists already; use `overwrite` to replace it")


def _is_still(known: InstalledPreset, files: Files) -> bool:
    """Whether what lies in a known place is as we left it, or has been changed but is of that plug-in and name."""
    judged = _judged(known)
    if judged.state != "changed" and not judged.left:
        return True
    if known.path.is_symlink() or known.path.is_dir() != known.is_folder or _strangers(known):  # which would go with the folder
        return False
    try:
        found, wanted = read_file(known.path, format=known.format), get(known.format).read(files)
    except PresetError:
        return False
    return not wanted.name or found.name == wanted.name


def _put_all(todo: Sequence[Ready], place: Path, record: Record, made: Iterable[Path]) -> None:
    """Enter presets into the record and write them; where that fails, the record says again what is there.

    The record comes first: a run that is killed leaves names in it without files, never files of ours that nobody knows of.
    """
    entries = {one.plan.path: _entry(one) for one in todo}
    folders = {folder for path in entries for folder in missing_folders(path.parent)}
    write_record(place, Record({**record.presets, **entries}, record.folders | folders | set(made)))
    replaced: dict[Path, InstalledPreset] = {}
    try:
        with all_or_nothing(entries):
            for folder in dict.fromkeys(path.parent for path in entries):
                make_folder(folder)
            for one in todo:
                check_place(one.plan.path, get(one.plan.format).info, overwrite=one.plan.path in record.presets)
            for one in todo:
                path = one.plan.path
                is_new = not os.path.lexists(path)
                save(path, one.written.files, get(one.plan.format).info, overwrite=not is_new, sync=False)
                replaced |= {} if is_new else {path: entries[path]}
            sync_all()
    except BaseException:
        before = replace(record, presets={**record.presets, **replaced})
        if before.presets:
            write_record(place, before)
        else:
            place.unlink(missing_ok=True)
        raise


def _entry(one: Ready) -> InstalledPreset:
    is_folder = get(one.plan.format).info.is_folder
    contents = one.written.files if is_folder else {one.plan.path.name: next(iter(one.written.files.values()))}
    return InstalledPreset(one.plan.format, one.plan.word, one.target, one.plan.path, is_folder, digests(contents))


def _judged(one: InstalledPreset) -> Removed:
    """Return what removing a preset would do."""
    if not os.path.lexists(one.path):
        return Removed(one, "gone")
    if one.path.is_symlink() or one.path.is_dir() != one.is_folder:
        return Removed(one, "changed")
    found = {name: _digest(one.file(name)) for name in one.files}
    if any(digest is not None and digest != one.files[name] for name, digest in found.items()):
        return Removed(one, "changed")
    return Removed(one, "removed", left=one.is_folder and bool(_strangers(one)))


def _strangers(one: InstalledPreset) -> set[Path]:
    """Return what is in the folder of a preset beside its files."""
    ours = {one.file(name) for name in one.files}
    return {path for path in one.path.rglob("*") if path not in ours and not (path.is_dir() and not path.is_symlink())}


def _digest(path: Path) -> str | None:
    """Return the SHA-256 of a file, None where there is none, "" for what is no file that we could have written."""
    if not os.path.lexists(path):
        return None
    try:
        return digests({"": read_regular(path, PresetReadError, max_bytes=MAX_BYTES, follow_links=False)})[""]
    except PresetReadError:
        return ""


def _take(result: Removed) -> Removed:
    """Remove the files of a preset that is as we left it, the manifest of a folder first, so that no host finds half of it."""
    one = result.preset
    if result.state != "removed":
        return result
    places: Mapping[str, Path] = {name: one.file(name) for name in one.files}
    try:
        for path in places.values():
            path.unlink(missing_ok=True)
    except OSError as error:
        raise environment_failure(one.path, error) from error
    if one.is_folder:
        inner = {folder for path in places.values() for folder in path.parents if folder.is_relative_to(one.path)}
        remove_empty(inner)
    return result
