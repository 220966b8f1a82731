"""The rim to the file system: regular files in, whole files out.

Reading refuses pipes, devices and oversized files at once. Writing goes through a temporary file in the same folder that is synced and
then renamed, so an output is old or new, never half, whatever kills the process.
"""

from __future__ import annotations

import contextlib
import errno
import glob
import os
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from semeq_export.errors import EnvironmentFailure, OutputError, SemeqError

_COPIED_BYTES = 1 << 20
_CAUSES = {
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.EROFS: "read-only file system",
    errno.ENOSPC: "disk full",
    errno.EDQUOT: "disk quota used up",
    errno.EIO: "input/output error",
    errno.EMFILE: "too many open files",
    errno.ENFILE: "too many open files",
}

NAME_FAULTS = {errno.ENAMETOOLONG: "name too long", errno.ELOOP: "loop of links"}
"""What is wrong with a name that the system refuses whatever lies there."""


def environment_failure(path: str | os.PathLike[str], error: OSError) -> SemeqError:
    """Return the one-line error for a failed system call on a path: EnvironmentFailure, or OutputError where the name is at fault."""
    if error.errno in NAME_FAULTS:
        return OutputError(f"{printable(path)}: {NAME_FAULTS[error.errno]}")
    cause = _CAUSES.get(error.errno or 0) or (error.strerror or str(error)).lower()
    return EnvironmentFailure(f"{printable(path)}: {cause}")


def printable(text: str | os.PathLike[str]) -> str:
    """Return a name as one printable line: control characters and undecodable bytes are escaped."""
    name = os.fspath(text)
    if name.isprintable():
        return name
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode("ascii") for c in name)


def open_regular(path: str | os.PathLike[str], error: type[SemeqError], *, follow_links: bool = True) -> int:
    """Return a file descriptor open for reading; never blocks.

    Raises `error` (with one line naming the path) for what is no regular file or does not exist, EnvironmentFailure where the system
    refuses.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    if not follow_links:
        flags |= getattr(os, "O_NOFOLLOW", 0)
    name = printable(path)
    try:
        descriptor = os.open(path, flags)
    except (FileNotFoundError, NotADirectoryError) as cause:
        dangling = os.path.islink(path)  # noqa: PTH114 - works on bytes-like names too
        raise error(f"{name}: {'dangling link' if dangling else 'no such file'}") from cause
    except IsADirectoryError as cause:
        raise error(f"{name}: is a folder, not a file") from cause
    except ValueError as cause:  # an embedded NUL
        raise error(f"{name}: not a usable file name") from cause
    except OSError as cause:
        if cause.errno in (errno.ELOOP, errno.ENAMETOOLONG, errno.ENXIO, errno.ENODEV):
            reason = {errno.ELOOP: "is a link", errno.ENAMETOOLONG: "name too long"}.get(cause.errno, "not a regular file")
            raise error(f"{name}: {'loop of links' if cause.errno == errno.ELOOP and follow_links else reason}") from cause
        raise environment_failure(path, cause) from cause
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return descriptor
    os.close(descriptor)
    raise error(f"{name}: is a {'folder, not a file' if stat.S_ISDIR(mode) else 'pipe or device, expected a regular file'}")


def read_regular(path: str | os.PathLike[str], error: type[SemeqError], *, max_bytes: int, follow_links: bool = True) -> bytes:
    """Return the content of a regular file of at most max_bytes; raises as `open_regular` does, and `error` where it is larger."""
    with os.fdopen(open_regular(path, error, follow_links=follow_links), "rb") as file:
        try:
            data = file.read(max_bytes + 1)
        except OSError as cause:
            raise environment_failure(path, cause) from cause
    if len(data) > max_bytes:
        raise error(f"{printable(path)}: larger than the limit of {max_bytes} bytes")
    return data


def write_whole(descriptor: int, data: bytes) -> None:
    """Write all of the data at the file's position: the system may take less than it is given. Raises OSError."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def is_same_file(a: str | os.PathLike[str], b: str | os.PathLike[str]) -> bool:
    """Whether two names lead to one file (device and inode), links of both kinds included; False where one does not exist."""
    try:
        return Path(a).samefile(b)
    except (OSError, ValueError):  # ValueError: an embedded NUL
        return False


def followed(path: str | os.PathLike[str]) -> Path:
    """Return what a name leads to through all links; raises OutputError for links that lead in a circle."""
    place = Path(os.path.realpath(path))  # Path.resolve raises RuntimeError for a circle, in some versions of Python
    if place.is_symlink():
        raise OutputError(f"{printable(path)}: {NAME_FAULTS[errno.ELOOP]}")
    return place


def check_output(path: str | os.PathLike[str], *, overwrite: bool, inputs: tuple[str | os.PathLike[str], ...] = ()) -> None:
    """Check an output name before any work is done.

    Raises OutputError if it is one of the inputs, a link, a folder, a pipe or device, exists without `overwrite`, or its folder is
    missing; EnvironmentFailure if its folder cannot be written to.
    """
    target = Path(path)
    name = printable(path)
    for source in inputs:
        if is_same_file(source, target):
            raise OutputError(f"{name}: is the input {printable(source)}; give another name")
    mode = _mode_in_writable_folder(target)
    if mode is None:
        return
    if stat.S_ISLNK(mode):
        raise OutputError(f"{name}: is a link; give the name of the file itself")
    if stat.S_ISDIR(mode):
        raise OutputError(f"{name}: is a folder")
    if not stat.S_ISREG(mode):  # never replaced by renaming: root would lose its /dev/null
        raise OutputError(f"{name}: is a pipe or device; use - for standard output")
    if not overwrite:
        raise OutputError(f"{name}: exists already; use --force to replace it")


def check_output_folder(path: str | os.PathLike[str], *, overwrite: bool) -> None:
    """Check the name of a folder that is to be made or replaced, before any work is done; raises as `check_output` does."""
    mode = _mode_in_writable_folder(Path(path))
    if mode is not None and not stat.S_ISDIR(mode):
        raise OutputError(f"{printable(path)}: is not a folder")
    if mode is not None and not overwrite:
        raise OutputError(f"{printable(path)}: exists already; use --force to replace it")


def _mode_in_writable_folder(target: Path) -> int | None:
    """Return the mode of what has an output's name, None where nothing has; raises where nothing could be written there."""
    name, folder = printable(target), target.parent
    folder_mode = _mode(folder, target)
    if folder_mode is None:
        raise OutputError(f"{name}: its folder {printable(folder)} does not exist")
    if not stat.S_ISDIR(folder_mode):
        raise OutputError(f"{name}: its folder {printable(folder)} is a file")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise EnvironmentFailure(f"{name}: permission denied to write into {printable(folder)}")
    return _mode(target, target, follow_links=False)


def _mode(path: Path, target: Path, *, follow_links: bool = True) -> int | None:
    try:
        return path.stat(follow_symlinks=follow_links).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    except ValueError as error:  # an embedded NUL
        raise OutputError(f"{printable(target)}: not a usable file name") from error
    except OSError as error:
        raise environment_failure(target, error) from error


@contextlib.contextmanager
def atomic_file(path: str | os.PathLike[str], *, overwrite: bool, sync: bool = True) -> Iterator[Path]:
    """Give a temporary name in the output's folder; when the block ends well, it becomes the output in one step.

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
def spooled(source: int, output: str | os.PathLike[str], *, overwrite: bool) -> Iterator[Path]:
    """Give a temporary file in an output's folder that holds everything a pipe gives; it is gone afterwards, interrupts included.

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
    """Give a temporary folder beside the output; when the block ends well, it becomes the output by renaming.

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
        raise OutputError(f"{printable(target)}: exists already; use --force to replace it") from error
    except OSError:  # a file system without hard links
        temporary.rename(target)
