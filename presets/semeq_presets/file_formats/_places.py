"""Folders in which programs look for presets, by system: what several formats of one program or standard share.

Sources: manual pages and source of lilv; Steinberg VST 3 Developer Portal, Preset Locations; Ableton help, AU preset handling; the vendors'
manuals. Only LV2 was tried with a host. Hosts of the other formats are told where a file is (`FormatInfo.how_to_import`).
"""

from __future__ import annotations

from collections.abc import Mapping

from semeq_presets.file_formats.base import Place

Places = Mapping[str, Place]

MAC_PRESETS = "{home}/Library/Audio/Presets"
LV2_PLACES: Places = {
    "linux": Place(("{lv2}",), is_flat=True, is_made=True),
    "darwin": Place(("{home}/Library/Audio/Plug-Ins/LV2",), is_flat=True, is_made=True),
    "win32": Place(("{appdata}/LV2",), is_flat=True, is_made=True),
}
EQUALIZER_APO: Places = {"win32": Place(("{programs}/EqualizerAPO/config",), "semeq")}


def reaper(below: str) -> Places:
    """Return a folder of REAPER's resource path."""
    return {
        "linux": Place(("{config}/REAPER",), below),
        "darwin": Place(("{home}/Library/Application Support/REAPER",), below),
        "win32": Place(("{appdata}/REAPER",), below),
    }


def easy_effects(below: str) -> Places:
    """Return a folder of EasyEffects, which may come as a Flatpak."""
    return {"linux": Place(("{config}/easyeffects", "{home}/.var/app/com.github.wwmm.easyeffects/config/easyeffects"), below, is_flat=True)}


def vst3(company: str, plugin: str) -> Places:
    """Return where hosts look for the VST3 presets of a plug-in."""
    return {
        "linux": Place(("{home}/.vst3/presets",), f"{company}/{plugin}", is_made=True),
        "darwin": Place((MAC_PRESETS,), f"{company}/{plugin}", is_made=True),
        "win32": Place(("{documents}/VST3 Presets",), f"{company}/{plugin}", is_made=True),
    }
