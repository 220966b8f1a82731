"""Where hosts look for presets, on Linux, macOS and Windows: the one table of it, and what putting presets there would do.

| format | Linux | macOS | Windows |
| --- | --- | --- | --- |
| LV2 presets | LV2_PATH's own folder, else ~/.lv2 | ~/Library/Audio/Plug-Ins/LV2 | %APPDATA%/LV2 |
| jsfx, reaeq | ~/.config/REAPER | ~/Library/Application Support/REAPER | %APPDATA%/REAPER |
| proq3 | - | ~/Library/Audio/Presets/FabFilter | Documents/FabFilter |
| eq-eight | - | ~/Music/Ableton/User Library | Documents/Ableton/User Library |
| aunbandeq | - | ~/Library/Audio/Presets/Apple/AUNBandEQ | - |
| semeq-vst3 | ~/.vst3/presets | ~/Library/Audio/Presets | Documents/VST3 Presets |
| frequency | - | ~/Library/Audio/Presets | Documents/VST3 Presets |
| easyeffects, fir | ~/.config/easyeffects, or the Flatpak's | - | - |
| pipewire | ~/.config/pipewire | - | - |
| audacity | ~/.audacity-data or ~/.local/share/audacity | ~/Library/Application Support/audacity | %APPDATA%/audacity |
| eqapo, graphiceq | - | - | %ProgramFiles%/EqualizerAPO/config |

Sources: manual pages and source of lilv; Steinberg VST 3 Developer Portal, Preset Locations; Ableton help, AU preset handling; the vendors'
manuals. Only LV2 was tried with a host. Hosts of the other formats are told where a file is (`FormatInfo.how_to_import`).
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from semeq_export.errors import OutputError
from semeq_export.files.disk import printable
from semeq_presets.formats.base import FormatInfo
from semeq_presets.library import Planned, file_names

Platform = Literal["linux", "darwin", "win32"]
_PLATFORMS: Mapping[str, str] = {"linux": "Linux", "darwin": "macOS", "win32": "Windows"}


@dataclass(frozen=True, slots=True)
class _Place:
    """roots: folders that the host or the person has made; the first that exists is taken, and with `is_made` the first is made.

    below: folders under it that are made. is_flat: the host does not look into folders below, so that names start with "semeq-".
    """

    roots: tuple[str, ...]
    below: str = ""
    is_flat: bool = False
    is_made: bool = False


def _everywhere(linux: str | None, darwin: str | None, win32: str | None, below: str, *, is_flat: bool = False) -> dict[str, _Place]:
    roots = {"linux": linux, "darwin": darwin, "win32": win32}
    return {platform: _Place((root,), below, is_flat) for platform, root in roots.items() if root is not None}


_REAPER = ("{config}/REAPER", "{home}/Library/Application Support/REAPER", "{appdata}/REAPER")
_EASY_EFFECTS = ("{config}/easyeffects", "{home}/.var/app/com.github.wwmm.easyeffects/config/easyeffects")
_AU = "{home}/Library/Audio/Presets"
_LV2 = {
    "linux": _Place(("{lv2}",), is_flat=True, is_made=True),
    "darwin": _Place(("{home}/Library/Audio/Plug-Ins/LV2",), is_flat=True, is_made=True),
    "win32": _Place(("{appdata}/LV2",), is_flat=True, is_made=True),
}
_EQUALIZER_APO = {"win32": _Place(("{programs}/EqualizerAPO/config",), "semeq")}


def _vst3(company: str, plugin: str) -> dict[str, _Place]:
    return {
        "linux": _Place(("{home}/.vst3/presets",), f"{company}/{plugin}", is_made=True),
        "darwin": _Place((_AU,), f"{company}/{plugin}", is_made=True),
        "win32": _Place(("{documents}/VST3 Presets",), f"{company}/{plugin}", is_made=True),
    }


_PLACES: Mapping[str, Mapping[str, _Place]] = {
    "lsp-x16-lv2": _LV2,
    "lsp-x32-lv2": _LV2,
    "calf-lv2": _LV2,
    "fil4-lv2": _LV2,
    "aeq-lv2": _LV2,
    "jsfx": _everywhere(*_REAPER, "Effects/semeq"),
    "reaeq": _everywhere(*_REAPER, "FXChains/semeq"),
    "proq3": _everywhere(None, f"{_AU}/FabFilter/FabFilter Pro-Q 3", "{documents}/FabFilter/Presets/Pro-Q 3", "semeq"),
    "eq-eight": _everywhere(
        None, "{home}/Music/Ableton/User Library", "{documents}/Ableton/User Library", "Presets/Audio Effects/EQ Eight/semeq"
    ),
    "aunbandeq": {"darwin": _Place((_AU,), "Apple/AUNBandEQ", is_made=True)},
    "semeq-vst3": _vst3("semeq", "semeq"),
    "frequency": {platform: place for platform, place in _vst3("Steinberg Media Technologies", "Frequency").items() if platform != "linux"},
    "easyeffects": {"linux": _Place(_EASY_EFFECTS, "output", is_flat=True)},
    "fir": {"linux": _Place(_EASY_EFFECTS, "irs", is_flat=True)},
    "fir-linear": {"linux": _Place(_EASY_EFFECTS, "irs", is_flat=True)},
    "pipewire": {"linux": _Place(("{config}/pipewire",), "pipewire.conf.d", is_flat=True, is_made=True)},
    "audacity": {
        "linux": _Place(("{home}/.audacity-data", "{data}/audacity"), "Macros", is_flat=True),
        "darwin": _Place(("{home}/Library/Application Support/audacity",), "Macros", is_flat=True),
        "win32": _Place(("{appdata}/audacity",), "Macros", is_flat=True),
    },
    "eqapo": _EQUALIZER_APO,
    "graphiceq": _EQUALIZER_APO,
}


def plan_install(
    words: Sequence[str], infos: Sequence[FormatInfo], *, platform: str, environment: Mapping[str, str], home: Path
) -> list[Planned]:
    """Return where presets of words go so that their hosts find them; looks, but writes nothing.

    platform: sys.platform. environment: os.environ. Raises OutputError where a format's host has no such folder on the platform, with how
    to import the file instead, and where the host itself has not made its folder.
    """
    planned = []
    for info in infos:
        folder, prefix = _folder(info, platform, environment, home)
        for word, name in file_names(words, info.suffixes[0]).items():
            planned.append(Planned(word, info.id, folder / f"{prefix}{name}"))
    return planned


def _folder(info: FormatInfo, platform: str, environment: Mapping[str, str], home: Path) -> tuple[Path, str]:
    """Return the folder that a host looks into, and what names in it start with."""
    place = _PLACES.get(info.id, {}).get(platform)
    if place is None:
        system = _PLATFORMS.get(platform, platform)
        raise OutputError(f"{info.id} has no folder on {system} where a host looks; write it with -o and import it: {info.how_to_import}")
    names = _variables(platform, environment, home)
    roots = [Path(root.format_map(names)) for root in place.roots]
    root = roots[0] if place.is_made else next((root for root in roots if root.is_dir()), None)
    if root is None:
        looked = " or ".join(printable(root) for root in roots)
        raise OutputError(f"{info.id}: there is no {looked}; is {info.host} installed, and was it started once?")
    return root / place.below, "semeq-" if place.is_flat else ""


def _variables(platform: str, environment: Mapping[str, str], home: Path) -> dict[str, str]:
    def chosen(name: str, otherwise: Path) -> str:
        value = environment.get(name, "")
        return (
            value if value and (platform == "win32" or value.startswith("/")) else os.fspath(otherwise)
        )  # XDG: relative ones do not count

    return {
        "home": os.fspath(home),
        "config": chosen("XDG_CONFIG_HOME", home / ".config"),
        "data": chosen("XDG_DATA_HOME", home / ".local/share"),
        "appdata": chosen("APPDATA", home / "AppData/Roaming"),
        "programs": chosen("ProgramFiles", Path("C:/Program Files")),
        "documents": os.fspath(home / "Documents"),
        "lv2": _own_lv2_folder(environment, home),
    }


def _own_lv2_folder(environment: Mapping[str, str], home: Path) -> str:
    """Return the person's own folder of LV2_PATH, where that is set and has one, else ~/.lv2."""
    entries = [Path(entry.replace("~", os.fspath(home), 1)) for entry in environment.get("LV2_PATH", "").split(":") if entry]
    own = [entry for entry in entries if entry.is_relative_to(home)]
    return os.fspath(own[0] if own else home / ".lv2")
