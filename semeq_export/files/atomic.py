"""Outputs that are old or new, never half: written under a temporary name in the same folder, synced, then renamed, whatever kills the
process.
"""

from __future__ import annotations

import contextlib
import glob
import os
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from semeq_export.errors import EnvironmentFailure, OutputError, SemeqError, environment_failure, printable
from semeq_export.files.disk import check_output, check_output_folder

_COPIED_BYTES = 1 << 20


@contextlib.contextmanager
def atomic_file(path: str | os.PathLike[str], *, overwrite: bool, sync: bool = True) -> Iterator[Path]:
    """Yield a temporary name in the output's folder; when the block ends well, it becomes the output in one step.

    On any error, interrupts included, the temporary file is removed and the output's name is untouched. sync: whether the content is on the
    disk before it gets its name; without, a caller of many files ends with `sync_all`.
    Raises as `check_output` does, and EnvironmentFailure where the system fails (disk full).
    """
    check_output(path, overwrite=overwrite)
    target = Path(path)
    try:
        descriptor, name = tempfile.mkstemp(prefix=temporary_prefix(os.getpid()), suffix=".tmp", dir=target.parent)
        os.close(descriptor)
    except OSError as error:
        raise environment_failure(path, error) from error
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(_file_mode(target))
        if sync:
            _sync(temporary)
        if overwrite:
            temporary.replace(target)
        else:
            _place_new(temporary, target)
        if sync:
            _sync(target.parent)
    except SemeqError:
        raise
    except OSError as error:
        raise environment_failure(path, error) from error
    finally:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()


@contextlib.contextmanager
def spool(source: int, output: str | os.PathLike[str], *, overwrite: bool) -> Iterator[Path]:
    """Yield a temporary file in an output's folder that holds everything a pipe gives; it is gone afterwards, interrupts included.

    Raises as `check_output` does, before anything is read; EnvironmentFailure where the system fails (disk full).
    """
    check_output(output, overwrite=overwrite)
    try:
        descriptor, name = tempfile.mkstemp(prefix=temporary_prefix(os.getpid()), suffix=".tmp", dir=Path(output).parent)
    except OSError as error:
        raise environment_failure(output, error) from error
    try:
        try:
            with os.fdopen(descriptor, "wb") as file:
                while data := os.read(source, _COPIED_BYTES):  # not by a buffered file, which reads on after a signal
                    file.write(data)
        except OSError as error:
            raise environment_failure(output, error) from error
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def temporary_prefix(process_id: int) -> str:
    """Return how the names of a process's temporary files begin, so that another can remove what it left when it was killed."""
    return f".semeq-{process_id}-"


def remove_leftovers(folder: str | os.PathLike[str], process_id: int) -> None:
    """Remove the temporary files of a process of this machine that has ended; what cannot be removed stays."""
    for path in Path(folder).glob(f"{glob.escape(temporary_prefix(process_id))}*.tmp"):
        with contextlib.suppress(OSError):
            path.unlink()


def write_atomic(path: str | os.PathLike[str], data: bytes, *, overwrite: bool, sync: bool = True) -> None:
    """Write a whole file or nothing; see `atomic_file`."""
    with atomic_file(path, overwrite=overwrite, sync=sync) as temporary:
        temporary.write_bytes(data)


@contextlib.contextmanager
def atomic_folder(path: str | os.PathLike[str], *, overwrite: bool, sync: bool = True) -> Iterator[Path]:
    """Yield a temporary folder beside the output; when the block ends well, it becomes the output by renaming.

    With `overwrite`, an existing folder is moved aside first and removed last: killed between the two, its content lies whole in
    `.semeq-*.old/old` beside the output's name. sync: see `atomic_file`. Raises as `check_output` does, except that a folder may be
    replaced.
    """
    check_output_folder(path, overwrite=overwrite)
    target = Path(path)
    temporary = aside = None
    try:
        temporary = Path(tempfile.mkdtemp(prefix=".semeq-", suffix=".tmp", dir=target.parent))
        yield temporary
        for file in sorted(temporary.rglob("*")):
            file.chmod(0o777 & ~_umask() if file.is_dir() else 0o666 & ~_umask())
            if sync:
                _sync(file)
        temporary.chmod(0o777 & ~_umask())
        if target.exists():
            aside = Path(tempfile.mkdtemp(prefix=".semeq-", suffix=".old", dir=target.parent))
            target.rename(aside / "old")
        try:
            temporary.rename(target)
        except OSError:
            if aside is not None:
                (aside / "old").rename(target)
            raise
        if sync:
            _sync(target.parent)
    except EnvironmentFailure as error:  # of something inside, under a name that nobody gave
        inside = "" if temporary is None else printable(temporary)
        if not inside or inside not in str(error):
            raise
        raise EnvironmentFailure(str(error).replace(inside, printable(path))) from error
    except SemeqError:
        raise
    except OSError as error:
        raise environment_failure(path, error) from error
    finally:
        for leftover in (temporary, aside):
            if leftover is not None:
                shutil.rmtree(leftover, ignore_errors=True)


@contextlib.contextmanager
def all_or_nothing(paths: Iterable[str | os.PathLike[str]]) -> Iterator[None]:
    """Where a block that writes many files does not end well, remove those that were not there before, and the folders made for them."""
    new = [Path(path) for path in paths if not os.path.lexists(path)]
    folders = {folder for path in new for folder in path.parents if not os.path.lexists(folder)}
    try:
        yield
    except BaseException:
        for path in new:
            shutil.rmtree(path, ignore_errors=True)
            with contextlib.suppress(OSError):  # was never written, or a folder, gone by now
                path.unlink()
        for folder in sorted(folders, key=lambda folder: -len(folder.parts)):
            with contextlib.suppress(OSError):  # holds what is not ours
                folder.rmdir()
        raise


def sync_all() -> None:
    """Wait until everything written so far is on the disk: once for many files, since each one for itself takes milliseconds."""
    if hasattr(os, "sync"):
        os.sync()


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _file_mode(target: Path) -> int:
    try:
        return stat.S_IMODE(target.stat().st_mode)
    except OSError:
        return 0o666 & ~_umask()


def _sync(path: Path) -> None:
    """Flush a file or folder to the disk; folders cannot be opened on Windows, where renaming is durable by itself."""
    if os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _place_new(temporary: Path, target: Path) -> None:
    """Give the file its name only if that name is still free; a link does both in one step."""
    try:
        os.link(temporary, target)
    except FileExistsError as error:
        raise OutputError(f"{printable(target)}: exists already; use `overwrite` to replace it") from error
    except OSError:  # a file system without hard links
        temporary.rename(target)
