"""Presets for DAWs and plug-ins, read and written through one neutral EQ model.

import semeq_presets as presets

result = presets.write_file("warm.lv2", eq, format="lsp-x16-lv2", name="Warm")
for note in result.notes:
    print(note)
preset = presets.read_file("warm.lv2")
"""

from semeq_presets.file_formats._slugs import slug
from semeq_presets.file_formats.base import (
    Choice,
    Files,
    FormatInfo,
    Limits,
    MeasuringHost,
    Note,
    Place,
    Preset,
    PresetFormat,
    Source,
    Written,
)
from semeq_presets.file_formats.limits import fit_to
from semeq_presets.file_formats.preamp import Preamp, peak_db, protect_preset, protected, with_preamp
from semeq_presets.shelf.device import Device, read_device
from semeq_presets.shelf.install import plan_install
from semeq_presets.shelf.library import Planned, Saved, plan_library, write_library
from semeq_presets.shelf.registry import convert, convert_file, detect, format_for, formats, get, read, read_file, write, write_file

__all__ = [
    "Choice",
    "Device",
    "Files",
    "FormatInfo",
    "Limits",
    "MeasuringHost",
    "Note",
    "Place",
    "Planned",
    "Preamp",
    "Preset",
    "PresetFormat",
    "Saved",
    "Source",
    "Written",
    "convert",
    "convert_file",
    "detect",
    "fit_to",
    "format_for",
    "formats",
    "get",
    "peak_db",
    "plan_install",
    "plan_library",
    "protect_preset",
    "protected",
    "read",
    "read_device",
    "read_file",
    "slug",
    "with_preamp",
    "write",
    "write_file",
    "write_library",
]
