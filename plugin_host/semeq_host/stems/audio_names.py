"""Which files are meant by names, folders and patterns, and under which names their results come out."""

from __future__ import annotations

import glob
import itertools
import os
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from semeq_export.audio.formats import AUDIO_SUFFIXES
from semeq_export.errors import AudioError, OutputError, environment_failure, printable
from semeq_export.files.disk import check_output, resolve_links


def find_audio(paths: Sequence[str | os.PathLike[str]]) -> list[Path]:
    """Return the files named, folders replaced by the audio files in them (by suffix, hidden files aside), in order of their names.

    A name that does not exist may be a pattern, as shells know them, of files and folders; ** stands for any folders. No file comes twice.
    Raises AudioError for a folder without any, EnvironmentFailure for one that cannot be read.
    """
    found: list[Path] = []
    for path in itertools.chain.from_iterable(map(_matching, paths)):
        if not path.is_dir():
            found.append(path)
            continue
        try:
            names = sorted(item for item in path.iterdir() if item.suffix.lower() in AUDIO_SUFFIXES and not item.name.startswith("."))
        except OSError as error:
            raise environment_failure(path, error) from error
        if not names:
            raise AudioError("holds no audio files", path)
        found += names
    return list(dict.fromkeys(found))


def _matching(name: str | os.PathLike[str]) -> list[Path]:
    """Return the files of a pattern, by suffix where they are in no folder that it names; the name itself where it is none."""
    text = os.fspath(name)
    if os.path.lexists(text) or not glob.has_magic(text):
        return [Path(name)]
    matches = sorted(Path(match) for match in glob.iglob(text, recursive=True))  # noqa: PTH207 - absolute patterns too
    matches = [match for match in matches if match.suffix.lower() in AUDIO_SUFFIXES or (match.is_dir() and "**" not in text)]
    if not matches:
        raise AudioError("no audio file matches this pattern", printable(name))
    return matches


def plan_outputs(
    sources: Sequence[str | os.PathLike[str]],
    output: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    follow: bool = False,
    make_folder: bool = True,
) -> list[tuple[Path, Path]]:
    """Return (source, destination) for each source, all checked before any is processed.

    output: a file for one source; a folder for several, or where it exists as one or ends in a slash. A missing folder is made, one level,
    unless `make_folder` is off: then it is only checked. follow: where a destination is a link, take what it leads to.
    Raises OutputError where two sources would have one destination (letter case and Unicode form aside), where a destination is a source,
    exists without `overwrite`, is a link or a folder; EnvironmentFailure where the folder cannot be made or written.
    """
    folder = Path(output)
    if len(sources) == 1 and not folder.is_dir() and not os.fspath(output).endswith(("/", os.sep)):
        pairs = [(Path(sources[0]), folder)]
    else:
        if folder.suffix.lower() in AUDIO_SUFFIXES and not folder.is_dir() and not os.fspath(output).endswith(("/", os.sep)):
            raise OutputError(f"{printable(output)}: is the name of one file, for {len(sources)} outputs; name a folder, or end it in /")
        pairs = [(Path(source), folder / Path(source).name) for source in sources]
        taken: dict[str, Path] = {}
        for source, destination in pairs:
            key = unicodedata.normalize("NFC", destination.name).casefold()
            if key in taken:
                both = f"{printable(taken[key])} and {printable(source)}"
                raise OutputError(f"{printable(destination)}: would be the output of both {both}; process them into different folders")
            taken[key] = source
        if make_folder:
            _make_folder(folder)
    if follow:
        pairs = [(source, resolve_links(destination) if destination.is_symlink() else destination) for source, destination in pairs]
    if folder.exists() or make_folder:
        inputs = tuple(sources)
        for _, destination in pairs:
            check_output(destination, overwrite=overwrite, inputs=inputs)
    return pairs


def _make_folder(folder: Path) -> None:
    if folder.is_symlink() and not folder.exists():
        raise OutputError(f"{printable(folder)}: dangling link")
    try:
        folder.mkdir(exist_ok=True)
    except FileExistsError as error:
        raise OutputError(f"{printable(folder)}: is a file; several outputs need a folder") from error
    except FileNotFoundError as error:
        raise OutputError(f"{printable(folder)}: its folder {printable(folder.parent)} does not exist") from error
    except OSError as error:
        raise environment_failure(folder, error) from error
