"""Files of nested data that come back byte for byte while nothing that we understand has changed."""

from __future__ import annotations

from dataclasses import dataclass

from semeq_export.eq.settings import EqSettings
from semeq_presets.formats.base import Preset

KEY = "as_read"
"""Where readers put it in `Preset.extras`."""


@dataclass(frozen=True, slots=True)
class AsRead:
    """A file, and what it says."""

    data: bytes
    eq: EqSettings
    name: str = ""


def unchanged(preset: Preset) -> bytes | None:
    """Return the file that a preset was read from if it still says all of the preset, else None."""
    kept = preset.extras.get(KEY)
    if isinstance(kept, AsRead) and preset.eq == kept.eq and preset.name in ("", kept.name):
        return kept.data
    return None
