"""The text of a Pro-Q 4 preset: keys with numbers, and lines that stay as they are.

[Preset]
Signature=FQ4p
Version=4
[Parameters]
Band 1 Frequency=6.714245517666122
Output Level=-0.16944444444444443
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from semeq_export.errors import PresetReadError
from semeq_presets.file_formats._fields import number

SIGNATURE = "Signature=FQ4p"
BANDS = 24
_BAND_KEY = re.compile(r"Band ([1-9]\d?) ([A-Z][A-Za-z -]{0,40})")
_MAX_LINES = 5_000

IDLE: Mapping[str, float] = {
    "Attack": 50,
    "Dynamic Range": 0,
    "Dynamics Auto": 1,
    "Dynamics Enabled": 1,
    "Enabled": 1,
    "External Side Chain": 0,
    "Frequency": 9.965784284662087,
    "Gain": 0,
    "Q": 0.5,
    "Release": 50,
    "Shape": 0,
    "Side Chain Audition": 0,
    "Side Chain Filtering": 0,
    "Side Chain High Frequency": 14.287712379549449,
    "Side Chain Low Frequency": 3.3219280948873622,
    "Slope": 2,
    "Solo": 0,
    "Speakers": 1,
    "Spectral Density": 50,
    "Spectral Enabled": 0,
    "Stereo Placement": 2,
    "Threshold": 0.666666666666667,
    "Used": 0,
}
"""A band at rest, and what stands for a key that a file leaves out."""

GLOBALS: Mapping[str, float] = {
    "Processing Mode": 0,
    "Processing Resolution": 1,
    "Character": 0,
    "Gain Scale": 1,
    "Output Level": 0,
    "Output Pan": 0,
    "Output Pan Mode": 0,
    "Bypass": 0,
    "Output Invert Phase": 0,
    "Auto Gain": 0,
}
"""What the sound depends on beside the bands, at rest; keys of the display are not written."""


@dataclass(frozen=True, slots=True)
class PresetText:
    """A file's lines, and the number and line of each key that has one."""

    lines: tuple[str, ...]
    values: Mapping[str, float]
    places: Mapping[str, int]

    def band(self, slot: int) -> dict[str, float]:
        """Return the numbers of a band, slots counting from 1."""
        return {key: self.values.get(f"Band {slot} {key}", idle) for key, idle in IDLE.items()}

    def overall(self, key: str) -> float:
        """Return a number of the whole preset."""
        return self.values.get(key, GLOBALS[key])

    def with_values(self, values: Mapping[str, float]) -> PresetText:
        """Return the text with other numbers; keys that it does not have are put at its end."""
        lines, places = list(self.lines), dict(self.places)
        for key, value in values.items():
            if key in places:
                line = lines[places[key]]
                lines[places[key]] = f"{key}={spelled(value)}{line[len(line.rstrip()) :]}"
            else:
                if lines and not lines[-1].endswith("\n"):
                    lines[-1] += "\n"
                places[key] = len(lines)
                lines.append(f"{key}={spelled(value)}\n")
        return replace(self, lines=tuple(lines), values={**self.values, **values}, places=places)


def spelled(value: float) -> str:
    """Return a number without an exponent, and without a point where it is whole."""
    return str(np.format_float_positional(round(value, 15) + 0.0, trim="-"))


def read_text(text: str) -> PresetText:
    """Return a file's lines and numbers; raises PresetReadError naming the line that is wrong."""
    lines = text.splitlines(keepends=True)
    if len(lines) > _MAX_LINES:
        raise PresetReadError(f"has more than {_MAX_LINES} lines")
    values: dict[str, float] = {}
    places: dict[str, int] = {}
    for index, line in enumerate(lines):
        key, equals, said = line.strip("\ufeff \t\r\n").partition("=")
        band = _BAND_KEY.fullmatch(key)
        if not equals or (key not in GLOBALS and (band is None or band[2] not in IDLE)):
            continue
        where = f"line {index + 1}"
        if band is not None and int(band[1]) > BANDS:
            raise PresetReadError(f"has a band {band[1]}, the limit is {BANDS}", where=where)
        if key in values:
            raise PresetReadError(f"{key} stands twice", where=where)
        values[key], places[key] = number(said.strip(), key, where), index
    return PresetText(tuple(lines), values, places)


def new_text(head: str) -> PresetText:
    """Return a preset without bands. head: what stands under [Preset] beside signature and version."""
    keys = [f"Band {slot} {key}={spelled(value)}" for slot in range(1, BANDS + 1) for key, value in IDLE.items()]
    keys += [f"{key}={spelled(value)}" for key, value in GLOBALS.items()]
    return read_text("\n".join(["[Preset]", SIGNATURE, "Version=4", head, "", "[Parameters]", *keys, ""]))
