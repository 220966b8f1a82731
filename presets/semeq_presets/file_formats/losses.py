"""What a reader could not keep, said once and with its size; and where that was everything, not said but refused."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from semeq_export.eq.settings import EqSettings
from semeq_export.errors import PresetReadError
from semeq_presets.file_formats.base import Note, Preset


def checked(preset: Preset) -> Preset:
    """Return a preset that was read, its notes condensed; raises PresetReadError where none of its filters could be."""
    notes = condensed(preset.notes)
    lost = [note for note in notes if note.kind == "unknown"]
    eqs = [preset.eq] if isinstance(preset.eq, EqSettings) else [eq for _, eq in preset.eq]
    if lost and not any(eq.active_bands or eq.curve is not None for eq in eqs):
        more = f", and {len(lost) - 1} more like it" if len(lost) > 1 else ""
        raise PresetReadError(f"nothing of its sound can be read: {lost[0].field}: {lost[0].wanted}{more}")
    return replace(preset, notes=notes)


def condensed(notes: Iterable[Note]) -> tuple[Note, ...]:
    """Return notes with those that say the same of several places joined into one, the largest error with it."""
    groups: dict[tuple[object, ...], list[Note]] = {}
    for note in notes:
        same = (note.kind, str(note.wanted), str(note.got)) if note.kind == "unknown" else (id(note),)
        groups.setdefault(same, []).append(note)
    return tuple(_joined(group) for group in groups.values())


def _joined(group: list[Note]) -> Note:
    worst = max(group, key=lambda note: note.error_db or 0.0)
    if len(group) == 1:
        return worst
    field = f"{group[0].field} and {len(group) - 1} more"
    return replace(group[0], band=None, field=field, error_db=worst.error_db, at_hz=worst.at_hz)
