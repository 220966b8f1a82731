"""Which files are meant by names, folders and patterns, and under which names their results come out."""

from __future__ import annotations

import glob
import itertools
import os
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from semeq_export.audio.formats import AUDIO_SUFFIXES
from semeq_export.errors import AudioError, EnvironmentFailure, OutputError, environment_failure, printable
from semeq_export.files.disk import check_output, identity, is_same_file, resolve_links

_NAMED_FOLDERS = 6
"""A line names so many, and counts the rest."""


@dataclass(frozen=True, slots=True)
class FoundAudio:
    """Files that were found, in order. below: for each that lies deeper than the folder that was named, in which folder inside of it.

    skipped: subfolders that were passed over, with how many audio files each of them holds. circles: links to folders that are taken
    under another name, or hold the link itself.
    """

    files: tuple[Path, ...]
    below: Mapping[Path, Path] = field(default_factory=dict)
    skipped: Mapping[Path, int] = field(default_factory=dict)
    circles: tuple[Path, ...] = ()

    def lines(self) -> list[str]:
        """Return what is to be known of what is left out, each matter on a line."""
        said = [_skipped_line(self.skipped)] if self.skipped else []
        for link in self.circles:
            said.append(f"{printable(link)}: leads to a folder that is taken under another name: left out")
        return said


def find_audio(paths: Sequence[str | os.PathLike[str]]) -> list[Path]:
    """Return the files named, folders replaced by the audio files in them (by suffix, hidden files aside), in order of their names.

    A name that does not exist may be a pattern, as shells know them, of files and folders; ** stands for any folders. No file comes twice.
    Raises AudioError for a folder without any, EnvironmentFailure for one that cannot be read.
    """
    found: list[Path] = []
    for path in itertools.chain.from_iterable(map(_matching, paths)):
        names = _look_into(path).audio if path.is_dir() else [path]
        if not names:
            raise AudioError("holds no audio files", printable(path))
        found += names
    return list(dict.fromkeys(found))


def survey(paths: Sequence[str | os.PathLike[str]], *, recursive: bool = False, output: str | os.PathLike[str] | None = None) -> FoundAudio:
    """Return the files that `find_audio` does, and what lies deeper: with `recursive` its files too, else where they are and how many.

    output: a folder of results, which is not looked into where it lies in one that is named. Raises as `find_audio` does.
    """
    files: list[Path] = []
    below: dict[Path, Path] = {}
    skipped: dict[Path, int] = {}
    circles: list[Path] = []
    for path in itertools.chain.from_iterable(map(_matching, paths)):
        if not path.is_dir():
            files.append(path)
            continue
        tree, links = _walk(path, output, is_strict=recursive)
        top = tree.pop(path)
        counts = {folder: len(names) for folder, names in tree.items() if names}
        if not top and not (recursive and counts):
            raise AudioError("; ".join(["holds no audio files", *([_skipped_line(counts)] if counts else [])]), printable(path))
        files += top
        if recursive:
            below |= {name: folder.relative_to(path) for folder, names in tree.items() for name in names}
            files += itertools.chain.from_iterable(tree.values())
            circles += links
        else:
            skipped |= counts
    return FoundAudio(tuple(dict.fromkeys(files)), below, skipped, tuple(circles))


@dataclass(frozen=True, slots=True)
class _Folder:
    """What is in a folder, hidden things aside, in order of their names. links: to folders."""

    audio: list[Path]
    folders: list[Path]
    links: list[Path]


def _look_into(folder: Path) -> _Folder:
    try:
        with os.scandir(folder) as items:
            seen = sorted((item.name, os.path.isdir(item), item.is_symlink()) for item in items if not item.name.startswith("."))  # noqa: PTH112
    except OSError as error:
        raise environment_failure(folder, error) from error
    return _Folder(
        [folder / name for name, is_folder, _ in seen if not is_folder and Path(name).suffix.lower() in AUDIO_SUFFIXES],
        [folder / name for name, is_folder, is_link in seen if is_folder and not is_link],
        [folder / name for name, is_folder, is_link in seen if is_folder and is_link],
    )


def _walk(root: Path, output: str | os.PathLike[str] | None, *, is_strict: bool) -> tuple[dict[Path, list[Path]], list[Path]]:
    """Return the audio files of a folder and of all below it, by folder, in order; and links to folders that are taken already.

    Links come after everything that is no link, so that a folder is found under its own name. is_strict: whether a subfolder that cannot
    be read is an error.
    """
    tree: dict[Path, list[Path]] = {}
    taken: set[tuple[int, int]] = set()
    circles: list[Path] = []
    waiting: list[Path] = [root]
    links: list[Path] = []
    while waiting or links:
        folder = waiting.pop() if waiting else links.pop(0)
        if folder != root and output is not None and is_same_file(folder, output):
            continue
        try:
            status = folder.stat()
        except OSError as error:
            raise environment_failure(folder, error) from error
        if (status.st_dev, status.st_ino) in taken:
            circles.append(folder)
            continue
        taken.add((status.st_dev, status.st_ino))
        try:
            inside = _look_into(folder)
        except EnvironmentFailure:
            if is_strict or folder == root:
                raise
            continue
        tree[folder] = inside.audio
        waiting += inside.folders
        links += inside.links
    return dict(sorted(tree.items())), circles


def _skipped_line(skipped: Mapping[Path, int]) -> str:
    """Return one line that counts and names subfolders and what they hold."""
    folders, files = len(skipped), sum(skipped.values())
    names = [f"{printable(folder)} ({count})" for folder, count in itertools.islice(skipped.items(), _NAMED_FOLDERS)]
    more = [f"{folders - _NAMED_FOLDERS} more"] if folders > _NAMED_FOLDERS else []
    held = f"{folders} subfolder{'s hold' if folders > 1 else ' holds'} {files} more audio file{'s' if files > 1 else ''}"
    return f"{held}; `recursive` takes them: {', '.join(names + more)}"


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
    below: Mapping[Path, Path] | None = None,
    overwrite: bool = False,
    follow: bool = False,
    make_folder: bool = True,
) -> list[tuple[Path, Path]]:
    """Return (source, destination) for each source, all checked before any is processed.

    output: a file for one source; a folder for several, or where it exists as one or ends in a slash. A missing folder is made, one level,
    unless `make_folder` is off: then it is only checked. follow: where a destination is a link, take what it leads to. below: folders
    inside of the output's for some sources, which are made too.
    Raises OutputError where two sources would have one destination (letter case and Unicode form aside), where a destination is a source,
    exists without `overwrite`, is a link or a folder; EnvironmentFailure where the folder cannot be made or written.
    """
    folder, below = Path(output), below or {}
    if len(sources) == 1 and not below and not folder.is_dir() and not os.fspath(output).endswith(("/", os.sep)):
        pairs = [(Path(sources[0]), folder)]
    else:
        if folder.suffix.lower() in AUDIO_SUFFIXES and not folder.is_dir() and not os.fspath(output).endswith(("/", os.sep)):
            raise OutputError(f"{printable(output)}: is the name of one file, for {len(sources)} outputs; name a folder, or end it in /")
        pairs = [(Path(source), folder / below.get(Path(source), "") / Path(source).name) for source in sources]
        taken: dict[str, Path] = {}
        for source, destination in pairs:
            key = unicodedata.normalize("NFC", str(destination.relative_to(folder))).casefold()
            if key in taken:
                both = f"{printable(taken[key])} and {printable(source)}"
                hint = "process them into different folders, or the folder that holds both with `recursive`"
                raise OutputError(f"{printable(destination)}: would be the output of both {both}; {hint}")
            taken[key] = source
        if make_folder:
            inner = {parent for path in below.values() for parent in (path, *path.parents)}
            for place in sorted({folder, *(folder / path for path in inner)}):
                _make_folder(place)
    if follow:
        pairs = [(source, resolve_links(destination) if destination.is_symlink() else destination) for source, destination in pairs]
    if folder.exists() or make_folder:
        by_identity = {identity(source): source for source in sources}
        for source, destination in pairs:
            if make_folder or source not in below or destination.parent.exists():
                there = identity(destination)
                inputs = (by_identity[there],) if there is not None and there in by_identity else ()
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
