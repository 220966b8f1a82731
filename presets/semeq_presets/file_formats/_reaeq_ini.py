"""REAPER's file of a plug-in's presets (presets/vst-reaeq.ini), read: sections [Preset0].. with the state in hex.

    [General]
    NbPresets=24
    [Preset0]
    Data=71656572EE5EEDFE...   the header and state of ReaEQ; each line ends with a byte, the sum of the others
    Len=436
    Name=stock - Basic 11 band

Long states go on in Data_1, Data_2 and so on. Presets are called by name, or by number from 1 as [Preset0] is the first.
Source: files that REAPER 6 wrote (github jonch070/reaper-config).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from semeq_export.errors import PresetReadError

_SECTION = re.compile(r"\[Preset(\d{1,6})\]\s*", re.IGNORECASE)
_MAX_PRESETS = 10_000


@dataclass(frozen=True, slots=True)
class IniPreset:
    """A preset: its number from 1, its name, the lines of hex of its state."""

    number: int
    name: str
    lines: tuple[str, ...]

    def data(self) -> bytes:
        """Return the bytes of the state; raises PresetReadError where they are not hex, or are not those that were written."""
        where = f"[Preset{self.number - 1}]"
        joined = b""
        for line in self.lines:
            try:
                part = bytes.fromhex(line)
            except ValueError as error:
                raise PresetReadError("Data is not hex", where=where) from error
            if not part or sum(part[:-1]) & 0xFF != part[-1]:
                raise PresetReadError("Data is damaged: its check byte is another", where=where)
            joined += part[:-1]
        return joined


def presets_of(text: str) -> tuple[IniPreset, ...]:
    """Return the presets of a file in the order of their numbers; raises PresetReadError for a number that stands twice."""
    found: dict[int, IniPreset] = {}
    number: int | None = None
    name, data = "", dict[int, str]()
    for line in [*text.splitlines(), "[end]"]:
        if line.startswith("["):
            if number is not None:
                if number in found:
                    raise PresetReadError("stands twice", where=f"[Preset{number - 1}]")
                found[number] = IniPreset(number, name, tuple(data[key] for key in sorted(data)))
            section = _SECTION.fullmatch(line)
            number, name, data = (int(section[1]) + 1 if section is not None else None), "", {}
            if len(found) > _MAX_PRESETS:
                raise PresetReadError(f"holds more than {_MAX_PRESETS} presets")
            continue
        key, _, value = line.partition("=")
        if key == "Name":
            name = value.strip()
        elif key == "Data" or re.fullmatch(r"Data_\d{1,6}", key):
            data[int(key[5:] or 0)] = value.strip()
    return tuple(found[key] for key in sorted(found))
