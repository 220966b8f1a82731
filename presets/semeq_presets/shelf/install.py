"""What putting presets where their hosts look would do, on Linux, macOS and Windows. Formats say themselves where that is."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from semeq_export.errors import OutputError, printable
from semeq_presets.file_formats._slugs import distinct_slug
from semeq_presets.file_formats.base import FormatInfo, Place
from semeq_presets.shelf.installed import RECORD, Record, preset_key
from semeq_presets.shelf.library import Planned, file_names

SYSTEMS: Mapping[str, str] = {"linux": "Linux", "darwin": "macOS", "win32": "Windows"}
_RECORDS: Mapping[str, str] = {"darwin": "{home}/Library/Application Support/semeq", "win32": "{appdata}/semeq"}


def plan_install(
    words: Sequence[str],
    infos: Sequence[FormatInfo],
    *,
    platform: str,
    environment: Mapping[str, str],
    home: Path,
    record: Record | None = None,
) -> list[Planned]:
    """Return where presets of words go so that their hosts find them, each in a place of its own; looks, but writes nothing.

    platform: sys.platform. environment: os.environ. record: of what is installed already: the same preset of the same plug-in goes where
    it is, and no other preset there. Raises OutputError where a format's host has no such folder on the platform, with how
    to import the file instead, and where the host itself has not made its folder.
    """
    holders = {} if record is None else {path: one.key for path, one in record.presets.items()}
    known = {(key, path.parent): path for path, key in holders.items()}
    planned = []
    for info in infos:
        folder, place = _folder(info, platform, environment, home)
        prefix, suffix = _affixes(info, place)
        for word, name in file_names(words, suffix).items():
            holder = preset_key(info.id, word)
            path = known.get((holder, folder), folder / f"{prefix}{name}")
            if holders.get(path, holder) != holder:
                path = folder / f"{prefix}{distinct_slug(word)}{suffix}"
            if holders.setdefault(path, holder) != holder:
                raise OutputError(f"{printable(path)}: would be of {info.id} and of {holders[path][0]}; install one of them")
            planned.append(Planned(word, info.id, path))
    return planned


def record_place(*, platform: str, environment: Mapping[str, str], home: Path) -> Path:
    """Return the file, in the person's own data folder, that records what is installed."""
    return Path(_RECORDS.get(platform, "{data}/semeq").format_map(_variables(platform, environment, home))) / RECORD


def place_notes(infos: Sequence[FormatInfo], *, platform: str, environment: Mapping[str, str], home: Path) -> list[str]:
    """Return what is to be known of the folders that presets go to: that hosts may not look there."""
    searched = environment.get("LV2_PATH", "")
    roots = [root for info in infos if platform in info.places for root in info.places[platform].roots]
    if not searched or "{lv2}" not in roots or _searched_lv2_folder(environment, home) is not None:
        return []
    place, names = printable(_own_lv2_folder(environment, home)), f"LV2_PATH ({printable(searched)})"
    return [f"{names} names no folder in {printable(home)}: goes to {place}, where hosts with this LV2_PATH do not look"]


def _affixes(info: FormatInfo, place: Place) -> tuple[str, str]:
    """Return what the names of files begin and end with.

    In a folder that is not only ours they begin with "semeq-", and the suffix is only its last part where the rest is the format's id, as
    hosts show it. Where the suffix is that of a standard, which ids repeat (lsp-x16-lv2), plug-ins share a folder, and the rest of the id
    tells them apart; a dot before it, as no slug has one.
    """
    suffix = info.suffixes[0]
    if place.is_flat:
        suffix = suffix.removeprefix(f".{info.id}")
    plugin = info.id.removesuffix(f"-{suffix.lstrip('.')}")
    return "semeq-" if place.is_flat else "", suffix if plugin == info.id else f".{plugin}{suffix}"


def _folder(info: FormatInfo, platform: str, environment: Mapping[str, str], home: Path) -> tuple[Path, Place]:
    """Return the folder that a host looks into, and what is known of it."""
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
    return root / place.below, place


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
    return _searched_lv2_folder(environment, home) or os.fspath(home / ".lv2")


def _searched_lv2_folder(environment: Mapping[str, str], home: Path) -> str | None:
    """Return the first folder of LV2_PATH that lies in the home folder, wherever ".." leads; None where there is none."""
    entries = [os.path.normpath(entry.replace("~", os.fspath(home), 1)) for entry in environment.get("LV2_PATH", "").split(":") if entry]
    return next((entry for entry in entries if Path(entry).is_relative_to(os.path.normpath(home))), None)
