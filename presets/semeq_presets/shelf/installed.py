"""The record of installed presets: what lies where hosts look because we put it there, with the SHA-256 of each file.

    {"format": "semeq-installed", "version": 1, "folders": [PATH, ...],
     "presets": [{"format": ID, "word": TEXT, "target": TEXT, "path": PATH, "is_folder": BOOL, "files": {NAME: SHA256, ...}}, ...]}

Only what it lists is ever replaced or removed. It is one file in the person's own data folder, old or new and never half; runs at the same
time take turns by a lock beside it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import sys
import time
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from semeq_export.errors import EnvironmentFailure, OutputError, environment_failure, printable
from semeq_export.files import strict_json
from semeq_export.files.atomic import write_atomic
from semeq_export.files.disk import read_regular

RECORD = "installed.json"
_FORMAT, _VERSION = "semeq-installed", 1
_MAX_BYTES = 20_000_000  # 50,000 presets
_SHA256 = re.compile(r"[0-9a-f]{64}")
_LOCK_WAIT_S, _LOCK_POLL_S = 60.0, 0.02
_MISSING_ATTEMPTS = 25


@dataclass(frozen=True, slots=True)
class InstalledPreset:
    """One installed preset. word: what its file is called after. target: the words that it was made of, as they were typed.

    files: SHA-256 in hex by the relative POSIX name in the folder `path`, or by its own name where the preset is one file.
    """

    format: str
    word: str
    target: str
    path: Path
    is_folder: bool
    files: Mapping[str, str]

    def file(self, name: str) -> Path:
        """Return where a file of the preset lies."""
        return self.path.joinpath(*PurePosixPath(name).parts) if self.is_folder else self.path

    @property
    def key(self) -> tuple[str, str]:
        """What no two installed presets share: the format, and the word however it is spelt in capitals and spaces."""
        return preset_key(self.format, self.word)


@dataclass(frozen=True, slots=True)
class Record:
    """All installed presets by their paths, and the folders that were made for them."""

    presets: Mapping[Path, InstalledPreset] = field(default_factory=dict)
    folders: frozenset[Path] = frozenset()


def word_key(word: str) -> str:
    """Return what two spellings of one word share: no capitals, single spaces, composed accents."""
    return " ".join(unicodedata.normalize("NFC", word).casefold().split())


def preset_key(format_id: str, word: str) -> tuple[str, str]:
    """Return what tells the preset of a word in a format from all others; see `word_key`."""
    return format_id, word_key(word)


def digests(files: Mapping[str, bytes]) -> dict[str, str]:
    """Return the SHA-256 of each file in hex."""
    return {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}


def missing_folders(folder: Path) -> list[Path]:
    """Return a folder and those above it, as far as they are not there yet."""
    return [place for place in (folder, *folder.parents) if not os.path.lexists(place)]


def read_record(place: Path) -> Record:
    """Return the record in a file, an empty one where there is none. Raises OutputError for what is damaged or something else."""
    if not os.path.lexists(place):
        return Record()
    try:
        return _record(strict_json.loads(read_regular(place, OutputError, max_bytes=_MAX_BYTES), max_bytes=_MAX_BYTES, surrogates=True))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        if isinstance(error, OutputError):
            raise
        why = f"lacks {error}" if isinstance(error, KeyError) else str(error)
        raise OutputError(
            f"{printable(place)}: is damaged, or no record of installed presets ({why}); move it away to begin a new one: "
            "what it lists stays where it is"
        ) from error


def write_record(place: Path, record: Record) -> None:
    """Write a record, whole or not at all; its folder must be there."""
    presets = [
        {"format": one.format, "word": one.word, "target": one.target, "path": os.fspath(one.path), "is_folder": one.is_folder}
        | {"files": dict(one.files)}
        for one in sorted(record.presets.values(), key=lambda one: one.path)
    ]
    folders = sorted(os.fspath(folder) for folder in record.folders)
    document = {"format": _FORMAT, "version": _VERSION, "folders": folders, "presets": presets}
    # ASCII, so that the bytes of names that are no UTF-8 come back
    write_atomic(place, (json.dumps(document, indent=1) + "\n").encode("ascii"), overwrite=True)


@contextlib.contextmanager
def locked(place: Path) -> Iterator[list[Path]]:
    """Keep other runs from a record for as long as a block takes; yields a list of its folder and those that had to be made above it.

    Where there is no record when the block ends, the lock goes, too, and what is in the list by then and empty.
    Raises EnvironmentFailure where another run takes over a minute.
    """
    lock, made = place.with_suffix(".lock"), [place.parent]
    file = _opened_lock(lock, made)
    try:
        yield made
    finally:
        is_over = not os.path.lexists(place)
        if is_over and sys.platform != "win32":  # while nobody else can have it
            lock.unlink(missing_ok=True)
        file.close()
        if is_over and sys.platform == "win32":  # which removes no open file
            with contextlib.suppress(OSError):
                lock.unlink()
        remove_empty(made if is_over else ())


def remove_empty(folders: Iterable[Path]) -> list[Path]:
    """Remove those of some folders that hold nothing, the innermost first, and return those that are still there."""
    left = []
    for folder in sorted(folders, key=lambda folder: -len(folder.parts)):
        try:
            folder.rmdir()
        except FileNotFoundError:
            continue
        except OSError:  # holds something, or is a link by now
            left.append(folder)
    return left


def _opened_lock(lock: Path, made: list[Path]) -> BinaryIO:
    """Return a locked file; made: gets the folders that were made for it."""
    until, missing = time.monotonic() + _LOCK_WAIT_S, 0
    while True:
        try:
            for folder in reversed(missing_folders(lock.parent)):
                with contextlib.suppress(FileExistsError):  # which another run has just made, or `open` complains
                    folder.mkdir()
                    made.append(folder)
            file = lock.open("ab")
            if _try_lock(file) and _is_still(file, lock):
                return file
            file.close()
        except FileNotFoundError as error:
            missing += 1  # another run, the last to need it, may just have removed the folder, but not each time
            if missing > _MISSING_ATTEMPTS:
                raise environment_failure(lock, error) from error
        except OSError as error:
            raise environment_failure(lock, error) from error
        if time.monotonic() > until:
            raise EnvironmentFailure(f"{printable(lock)}: another run installs presets; try again when it has ended")
        time.sleep(_LOCK_POLL_S)


def _is_still(file: BinaryIO, lock: Path) -> bool:
    """Whether the file that was locked still has the name: the run before may have removed it."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), lock.stat())
    except FileNotFoundError:
        return False


if sys.platform == "win32":
    import msvcrt

    def _try_lock(file: BinaryIO) -> bool:
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except PermissionError:
            return False
        return True

else:
    import fcntl

    def _try_lock(file: BinaryIO) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def _record(document: Any) -> Record:  # Any: JSON of any shape
    if not isinstance(document, dict) or document.get("format") != _FORMAT:
        raise ValueError(f"its format is not {_FORMAT}")
    if document["version"] != _VERSION:
        raise ValueError(f"its version is {str(document['version'])[:20]}, this semeq knows {_VERSION}")
    presets = [_preset(entry) for entry in document["presets"]]
    return Record({one.path: one for one in presets}, frozenset(_path(text) for text in document["folders"]))


def _preset(entry: Any) -> InstalledPreset:  # Any: JSON of any shape
    format_id, word, target, is_folder, files = (entry[name] for name in ("format", "word", "target", "is_folder", "files"))
    if not all(isinstance(text, str) for text in (format_id, word, target)) or not isinstance(is_folder, bool):
        raise ValueError("an entry is of the wrong type")
    for name, digest in files.items():
        parts = PurePosixPath(name).parts
        if not parts or PurePosixPath(name).is_absolute() or ".." in parts or "\\" in name or "\0" in name:
            raise ValueError(f"the name {name[:60]!r} leads out of its preset")
        if not _SHA256.fullmatch(digest):
            raise ValueError(f"{str(digest)[:80]!r} is no SHA-256")
    return InstalledPreset(format_id, word, target, _path(entry["path"]), is_folder, files)


def _path(text: str) -> Path:
    path = Path(text)
    if not path.is_absolute() or ".." in path.parts or "\0" in text:
        raise ValueError(f"{text[:60]!r} is no full path")
    return path
