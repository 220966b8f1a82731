"""Files that are a JSON list of presets with names, of which one is meant."""

from __future__ import annotations

from dataclasses import dataclass

from semeq_presets.file_formats._chosen_preset import chosen
from semeq_presets.file_formats._json_values import Json, document, mapping, sequence, text
from semeq_presets.file_formats.base import Choice


@dataclass(frozen=True, slots=True)
class PresetList:
    """All presets of a file, and the place of the one that was read: the parts of `Source` of such formats."""

    root: list[Json]
    place: int

    @property
    def where(self) -> str:
        """What messages call the preset."""
        return f"preset {self.place + 1}" if len(self.root) > 1 else "preset"


def read_list(data: bytes, choice: Choice) -> tuple[PresetList, Json, str]:
    """Return a file's presets, the one that is meant, and its name; raises PresetReadError that lists them where that is not clear."""
    root = [mapping(entry, f"preset {count}") for count, entry in enumerate(sequence(document(data), "file"), start=1)]
    names = [text(entry, "name", f"preset {count}") for count, entry in enumerate(root, start=1)]
    place = chosen(names, choice.preset_name)
    return PresetList(root, place), root[place], names[place]
