"""One run in a folder at a time: a file beside the outputs that says who writes there, held by the system as long as that process lives.

    {"pid": 4711, "started": "2026-11-28T16:20:00+00:00", "host": "studio"}

The system lets go of what a process holds when it ends, however it ends: a file that nobody holds was left by one that was killed. Where a
file system knows no such locks, the process of that number on this machine is looked for instead.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from semeq_export.errors import OutputError, environment_failure, printable
from semeq_export.files import strict_json

try:
    import fcntl
except ImportError:  # Windows, where a file that is open cannot be removed
    fcntl = None  # type: ignore[assignment]

LOCK = ".semeq-lock"
_MAX_BYTES = 4_096
_WITHOUT_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS)


@contextlib.contextmanager
def locked(folders: Sequence[Path]) -> Iterator[list[str]]:
    """Hold folders as long as the block runs; yield a line for each that a killed run had left locked.

    Raises OutputError where another run holds one, EnvironmentFailure where a folder cannot be written.
    """
    with contextlib.ExitStack() as stack:
        lines = [stack.enter_context(_held(folder)) for folder in sorted(dict.fromkeys(folders))]
        yield [line for line in lines if line]


def check_unlocked(folder: Path) -> None:
    """Raise OutputError where a run holds a folder."""
    with contextlib.suppress(OSError):  # no such file, or none that a run has made
        descriptor = os.open(folder / LOCK, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
        try:
            if not _take(descriptor, folder):
                raise _refusal(descriptor, folder)
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def _held(folder: Path) -> Iterator[str]:
    path = folder / LOCK
    try:
        descriptor, owner = _acquire(path)
    except OSError as error:
        raise error if isinstance(error, OutputError) else environment_failure(path, error) from error
    try:
        left = f"{printable(folder)}: was left locked by a run that is gone ({owner}); taken over" if owner else ""
        yield left
    finally:
        with contextlib.suppress(OSError):
            if fcntl is None:
                os.close(descriptor)
            path.unlink()  # before it is let go: whoever waits for it then finds that it holds a file without a name
        if fcntl is not None:
            os.close(descriptor)


def _acquire(path: Path) -> tuple[int, str]:
    """Return a descriptor that holds a lock file, and who had left it, "" for nobody. Raises OSError, OutputError."""
    while True:
        if fcntl is None:
            with contextlib.suppress(FileNotFoundError, PermissionError):
                path.unlink()
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0), 0o666)
        try:
            if not _take(descriptor, path.parent):
                raise _refusal(descriptor, path.parent)
            if fcntl is None or _is_named(descriptor, path):
                owner = _owner(descriptor)
                me = {"pid": os.getpid(), "started": datetime.now(UTC).isoformat(timespec="seconds"), "host": socket.gethostname()}
                os.ftruncate(descriptor, 0)
                os.lseek(descriptor, 0, os.SEEK_SET)
                os.write(descriptor, json.dumps(me).encode() + b"\n")
                return descriptor, _describe(owner) if owner else ""
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # removed by the run that held it, while we waited


def _take(descriptor: int, folder: Path) -> bool:
    """Hold an open lock file as long as it is open; False where another process holds it."""
    if fcntl is None:
        return not _owner(descriptor)  # what nobody holds was removed just before
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in _WITHOUT_LOCKS:
            raise environment_failure(folder / LOCK, error) from error
        return not _is_alive(_owner(descriptor))


def _is_named(descriptor: int, path: Path) -> bool:
    """Whether an open file is the one that has the name now."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat(follow_symlinks=False))
    except FileNotFoundError:
        return False


def _owner(descriptor: int) -> dict[str, object]:
    """Return who wrote a lock file; nothing for one that says nothing, or nonsense."""
    os.lseek(descriptor, 0, os.SEEK_SET)
    with contextlib.suppress(ValueError):
        document = strict_json.loads(os.read(descriptor, _MAX_BYTES), max_bytes=_MAX_BYTES)
        if isinstance(document, dict):
            return document
    return {}


def _is_alive(owner: dict[str, object]) -> bool:
    pid = owner.get("pid")
    if owner.get("host") != socket.gethostname() or not isinstance(pid, int) or pid <= 0:
        return bool(owner)  # on another machine, it may live
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _describe(owner: dict[str, object]) -> str:
    pid, started, host = (owner.get(name) for name in ("pid", "started", "host"))
    where = "" if host == socket.gethostname() else f" on {host}"
    return printable(f"process {pid}{where}, since {started}")


def _refusal(descriptor: int, folder: Path) -> OutputError:
    owner = _owner(descriptor)
    who = f" ({_describe(owner)})" if owner else ""
    return OutputError(f"{printable(folder)}: another run is at work in this folder{who}; wait for it, or name another folder")
