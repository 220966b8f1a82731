"""Carla's own files with LV2 plug-ins in them, read: the state of one plug-in (.carxs) and projects (.carxp).

    <CARLA-PRESET VERSION='2.0'>            <CARLA-PROJECT VERSION='2.0'> with a <Plugin> around each of these
      <Info> <Type>LV2</Type> <Name>EQ</Name> <URI>http://...</URI> </Info>
      <Data> <Active>Yes</Active> <Volume>1</Volume>
        <Parameter> <Index>0</Index> <Symbol>enabled</Symbol> <Value>1</Value> </Parameter> ...

Values are those of the plug-in's ports. Left out by Carla: parameters at their defaults, in newer versions.
Source: Carla, source/utils/CarlaStateUtils.cpp and CarlaPlugin.cpp (saveStateToFile).
"""

from __future__ import annotations

import math
from collections.abc import Container, Mapping
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from semeq_export.errors import PresetReadError
from semeq_presets.file_formats import _xml
from semeq_presets.file_formats._fields import number
from semeq_presets.file_formats._names import one_line
from semeq_presets.file_formats.base import Choice, Note

CARLA_SUFFIXES = (".carxs", ".carxp")
_ROOTS = ("CARLA-PRESET", "CARLA-PROJECT")
_MAX_PARAMETERS = 5_000


@dataclass(frozen=True, slots=True)
class CarlaPlugin:
    """A plug-in of a file: its URI, what it is called, the values of its ports by symbol, and what beside them was not read."""

    plugin: str
    name: str
    ports: Mapping[str, str]
    notes: tuple[Note, ...]


def read_carla(data: bytes, plugins: Container[str], choice: Choice) -> CarlaPlugin:
    """Return the one of the plug-ins that a file holds, or the chosen track's; raises PresetReadError with those that there are."""
    root = _xml.parse(data, doctypes=_ROOTS)
    if root.tag not in _ROOTS:
        raise PresetReadError(f"root element is <{root.tag[:60]}>, expected <CARLA-PRESET> or <CARLA-PROJECT>")
    if choice.preset_name is not None or choice.for_device is not None or (choice.track is not None and root.tag == _ROOTS[0]):
        raise PresetReadError(f"is a {'project' if root.tag == _ROOTS[1] else 'state'} of Carla, which has nothing of that kind to choose")
    holders = [root] if root.tag == _ROOTS[0] else [child for child in root if child.tag == "Plugin"]
    found = [(number_, holder) for number_, holder in enumerate(holders, start=1) if _text(holder, "Info/URI") in plugins]
    named = [(number_, _text(holder, "Info/Name"), holder) for number_, holder in found]
    if choice.track is not None:
        asked = choice.track.strip().casefold()
        fitting = [each for each in named if each[1].casefold() == asked] or [each for each in named if str(each[0]) == asked]
    else:
        fitting = named
    if len(fitting) != 1:
        listed = ", ".join(f"{number_} {one_line(name)[:60]}" for number_, name, _ in named[:40])
        if not named:
            raise PresetReadError("holds no plug-in of this format")
        raise PresetReadError(f"holds {len(named)} plug-ins of this format: {listed}; choose one with `track`, a name or a number")
    return _plugin(fitting[0][2])


def _plugin(holder: Element) -> CarlaPlugin:
    ports: dict[str, str] = {}
    parameters = holder.findall("Data/Parameter")
    if len(parameters) > _MAX_PARAMETERS:
        raise PresetReadError(f"sets more than {_MAX_PARAMETERS} parameters")
    for parameter in parameters:
        symbol, value = _text(parameter, "Symbol"), _text(parameter, "Value")
        if not symbol.isascii() or not symbol.isidentifier():
            raise PresetReadError(f"a parameter has the symbol {symbol[:40]!r}, which is none; save it with a newer Carla")
        number(value, symbol, "Parameter")
        if symbol in ports:
            raise PresetReadError(f"parameter {symbol} is set twice")
        ports[symbol] = value
    notes = []
    if _text(holder, "Data/Active").casefold() == "no":
        notes.append(Note("unknown", None, "Active", "the plug-in is switched off in Carla, which is not read", None))
    volume = _text(holder, "Data/Volume")
    gain = number(volume, "Volume", "Data") if volume else 1.0
    if gain != 1.0:
        error_db = abs(20.0 * math.log10(gain)) if gain > 0.0 else 120.0
        notes.append(Note("unknown", None, "Volume", f"{gain:g} is not read", None, error_db))
    return CarlaPlugin(_text(holder, "Info/URI"), _text(holder, "Info/Name"), ports, tuple(notes))


def _text(holder: Element, path: str) -> str:
    found = holder.find(path)
    return (found.text or "").strip() if found is not None else ""
