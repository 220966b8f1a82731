"""Many presets at once: a folder of them, one for each word and format, with safe and distinct file names."""

from __future__ import annotations

import errno
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from semeq_export.errors import OutputError, environment_failure, printable
from semeq_export.files.atomic import sync_all
from semeq_presets.file_formats._slugs import distinct_slug, slug
from semeq_presets.file_formats.base import FormatInfo, Preset, Written
from semeq_presets.file_formats.preamp import Preamp, with_preamp
from semeq_presets.shelf.registry import check_place, get, write_file


@dataclass(frozen=True, slots=True)
class Planned:
    """One preset that is to be written: its word, the id of its format, and where."""

    word: str
    format: str
    path: Path


@dataclass(frozen=True, slots=True)
class Saved:
    """One preset that was written, and what `write_file` said."""

    word: str
    format: str
    path: Path
    written: Written


def file_names(words: Iterable[str], suffix: str) -> dict[str, str]:
    """Return a file name for each word; words that would share one are told apart by eight digits of their SHA-256."""
    names = {word: slug(word) for word in words}
    counts = Counter(names.values())
    return {word: (name if counts[name] == 1 or name == word else distinct_slug(word)) + suffix for word, name in names.items()}


def plan_library(folder: str | os.PathLike[str], words: Sequence[str], infos: Sequence[FormatInfo]) -> list[Planned]:
    """Return where the presets of a library go: FOLDER/word.suffix, or FOLDER/format-id/word.suffix for several formats."""
    place = Path(folder)
    return [
        Planned(word, info.id, (place / info.id if len(infos) > 1 else place) / name)
        for info in infos
        for word, name in file_names(words, info.suffixes[0]).items()
    ]


def write_library(
    planned: Sequence[Planned],
    presets: Mapping[str, Preset],
    *,
    strict: bool = False,
    lossy: bool = False,
    overwrite: bool = False,
    preamp: Preamp = "auto",
    make_folders: bool = True,
) -> list[Saved]:
    """Write presets by word where they are planned, and return what was written, in order.

    All names are checked before the first file is written; what is written is on the disk at the end.
    preamp: see `with_preamp`. Raises as `write_file` and `with_preamp` do.
    """
    for folder in dict.fromkeys(plan.path.parent for plan in planned if make_folders):
        make_folder(folder)
    for plan in planned:
        check_place(plan.path, get(plan.format).info, overwrite=overwrite)
    saved = []
    for plan in planned:
        preset, notes = with_preamp(presets[plan.word], get(plan.format).info, preamp)
        written = write_file(
            plan.path, preset, format=plan.format, strict=strict, lossy=lossy, overwrite=overwrite, protect=False, sync=False
        )
        saved.append(Saved(plan.word, plan.format, plan.path, Written(written.files, notes + written.notes)))
    sync_all()
    return saved


def make_folder(place: Path, *, parents: bool = True) -> None:
    """Make a folder for presets if it is not there yet; without `parents` only where the folder above it exists.

    Raises OutputError where a file is in the way or the name cannot be used, EnvironmentFailure where the system refuses.
    """
    name = printable(place)
    try:
        place.mkdir(parents=parents, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise OutputError(f"{name}: is a file or lies below one, expected a folder for several presets") from error
    except FileNotFoundError as error:
        raise OutputError(f"{name}: its folder {printable(place.parent)} does not exist") from error
    except ValueError as error:  # an embedded NUL
        raise OutputError(f"{name}: not a usable folder name") from error
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise OutputError(f"{name}: name too long") from error
        raise environment_failure(place, error) from error
