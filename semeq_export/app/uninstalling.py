"""Taking installed presets away again: those that the record lists and nobody has changed since."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from semeq_export.app import _installing, _preset_files
from semeq_export.errors import printable
from semeq_presets.shelf.installed import InstalledPreset, word_key
from semeq_presets.shelf.placing import Removed, take_away

__all__ = ["Removed", "UninstallOptions", "UninstallResult", "uninstall_presets"]


@dataclass(frozen=True, slots=True, kw_only=True)
class UninstallOptions:
    """Which installed presets to remove: all, or those of some formats (ids), of one target or both.

    target: as it was typed, whatever the intensity and the name, or the name itself. dry_run: only say which.
    """

    target: str | None = None
    formats: Sequence[str] = ()
    dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class UninstallResult:
    """What became of each installed preset that was meant. notes: what was kept and why, and how many there were."""

    presets: tuple[Removed, ...]
    notes: tuple[str, ...]


def uninstall_presets(options: UninstallOptions) -> UninstallResult:
    """Remove installed presets, and the folders that were made for them and hold nothing any more.

    Raises UnknownFormatError, AmbiguousFormatError, OutputError for a damaged record, and EnvironmentFailure.
    """
    ids = {info.id for info in _preset_files.chosen_formats(options.formats, None)}
    wanted_word = None if options.target is None else word_key(options.target)

    def is_wanted(one: InstalledPreset) -> bool:
        is_of_word = wanted_word is None or wanted_word in (word_key(one.target), word_key(one.word))
        return is_of_word and (not ids or one.format in ids)

    found = take_away(_installing.record_file(), is_wanted, dry_run=options.dry_run)
    return UninstallResult(presets=tuple(found), notes=tuple(_notes(found, options.dry_run)))


def _notes(found: Sequence[Removed], dry_run: bool) -> list[str]:
    if not found:
        return ["no such preset is installed"]
    lines = [f"{printable(one.preset.path)}: changed since it was installed; kept" for one in found if one.state == "changed"]
    lines += [f"{printable(one.preset.path)}: holds files that semeq did not install; they stay" for one in found if one.left]
    counts = {state: sum(one.state == state for one in found) for state in ("removed", "gone", "changed")}
    words = {"removed": "to remove" if dry_run else "removed", "gone": "not there any more", "changed": "changed and kept"}
    return [*lines, ", ".join(f"{counts[state]} {words[state]}" for state in counts if counts[state] or state == "removed")]
