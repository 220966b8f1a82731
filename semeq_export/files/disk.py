"""Names and regular files: pipes, devices and oversized files are refused at once, output names before any work is done."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from semeq_export.errors import NAME_FAULTS, EnvironmentFailure, OutputError, SemeqError, environment_failure, printable


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


def identity(path: str | os.PathLike[str]) -> tuple[int, int] | None:
    """Return what all names of a file share (device and inode), links of both kinds followed; None where it does not exist."""
    try:
        status = Path(path).stat()
    except (OSError, ValueError):  # ValueError: an embedded NUL
        return None
    return status.st_dev, status.st_ino


def resolve_links(path: str | os.PathLike[str]) -> Path:
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
        raise OutputError(f"{name}: exists already; use `overwrite` to replace it")


def check_output_folder(path: str | os.PathLike[str], *, overwrite: bool) -> None:
    """Check the name of a folder that is to be made or replaced, before any work is done; raises as `check_output` does."""
    mode = _mode_in_writable_folder(Path(path))
    if mode is not None and not stat.S_ISDIR(mode):
        raise OutputError(f"{printable(path)}: is not a folder")
    if mode is not None and not overwrite:
        raise OutputError(f"{printable(path)}: exists already; use `overwrite` to replace it")


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
