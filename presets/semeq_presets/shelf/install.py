"""What putting presets where their hosts look would do, on Linux, macOS and Windows. Formats say themselves where that is."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from semeq_export.errors import OutputError, printable
from semeq_presets.file_formats.base import FormatInfo
from semeq_presets.shelf.library import Planned, file_names

SYSTEMS: Mapping[str, str] = {"linux": "Linux", "darwin": "macOS", "win32": "Windows"}


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
    place = info.places.get(platform)
    if place is None:
        system = SYSTEMS.get(platform, platform)
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
        counts = platform == "win32" or value.startswith("/")  # XDG: relative ones do not count
        return value if value and counts else os.fspath(otherwise)

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
