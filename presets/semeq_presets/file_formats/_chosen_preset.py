"""Which preset of a file of several is meant: by its name, or by its number from 1."""

from __future__ import annotations

from semeq_export.errors import PresetReadError
from semeq_presets.file_formats._names import one_line


def chosen(names: list[str], wanted: str | None) -> int:
    """Return the place of the preset of a name or number; raises PresetReadError with the names where it is not clear which is meant."""
    if not names:
        raise PresetReadError("holds no preset")
    shown = [one_line(name)[:60] or str(place) for place, name in enumerate(names[:20], start=1)]
    listed = ", ".join(shown) + (", ..." if len(names) > len(shown) else "")
    if wanted is None:
        if len(names) > 1:
            raise PresetReadError(f"holds {len(names)} presets: {listed}; choose one with `preset_name`")
        return 0
    found = [place for place, name in enumerate(names) if name == wanted]
    if len(found) == 1:
        return found[0]
    if not found and wanted.isascii() and wanted.isdigit() and 1 <= int(wanted[:9]) <= len(names):
        return int(wanted[:9]) - 1
    which = f"{len(found)} presets" if found else "no preset"
    raise PresetReadError(f"has {which} {wanted[:60]!r}; there are {listed}, or their numbers from 1")
