"""Starting other people's programs so that nothing of them is left: private folders, time limits, and the end of whole process groups."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from semeq_export.errors import EnvironmentFailure, MissingHostError, PresetReadError, environment_failure, printable

_KEPT_VARIABLES = ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT")


def program(name: str, package: str) -> str:
    """Return the path of a program; raises MissingHostError naming its Debian package where it is not installed."""
    path = shutil.which(name)
    if path is None:
        raise MissingHostError(f"{name} is not installed; install it with: apt-get install {package}")
    return path


@contextlib.contextmanager
def private_folder() -> Iterator[Path]:
    """Yield a new empty folder that is removed afterwards, whatever was left in it."""
    try:
        folder = Path(tempfile.mkdtemp(prefix="semeq-host-"))
    except OSError as error:
        raise environment_failure(tempfile.gettempdir(), error) from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def private_environment(folder: Path, **more: str) -> dict[str, str]:
    """Return an environment whose home, settings, caches and temporary files all lie in `folder`, which is filled with those folders."""
    places = {"HOME": "home", "XDG_CONFIG_HOME": "config", "XDG_DATA_HOME": "data", "XDG_CACHE_HOME": "cache", "XDG_RUNTIME_DIR": "run"}
    places |= {"TMPDIR": "tmp"}
    for place in places.values():
        (folder / place).mkdir(mode=0o700, exist_ok=True)
    more = {"LC_ALL": "C.UTF-8"} | more  # a point in decimal numbers, whatever the person's language
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    return kept | {name: str(folder / place) for name, place in places.items()} | more


def end_group(process: subprocess.Popen[bytes]) -> None:
    """Kill a process that was started with its own session, and all its children, and reap it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@contextlib.contextmanager
def started(
    arguments: Sequence[object], *, folder: Path, log: str, variables: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Yield a program that runs in `folder` and its `private_environment` meanwhile, what it prints going to the file `log` there.

    It and its children are ended afterwards. Raises EnvironmentFailure where it does not start.
    """
    try:
        with (folder / log).open("wb") as output:
            process = subprocess.Popen(
                [str(argument) for argument in arguments],
                cwd=folder,
                env=private_environment(folder, **(variables or {})),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
    except OSError as error:
        raise environment_failure(str(arguments[0]), error) from error
    try:
        yield process
    finally:
        end_group(process)


def run(
    arguments: Sequence[object],
    *,
    folder: Path,
    timeout_s: float,
    variables: Mapping[str, str] | None = None,
    done: bytes | None = None,
    name: str = "",
) -> bytes:
    """Return what a program prints when run in `folder`, both streams as one, since hosts disagree on which is for errors.

    variables: more for its `private_environment`. name: what messages call it, if not the file's name.
    done: words after which the work is finished, whatever the exit code (Ardour 7.3 at times aborts while it tears a session down).
    Raises EnvironmentFailure if it crashes or does not end within `timeout_s`, PresetReadError with its last line if it ends with another
    code than 0.
    """
    name = name or Path(str(arguments[0])).name
    try:
        process = subprocess.Popen(
            [str(argument) for argument in arguments],
            cwd=folder,
            env=private_environment(folder, **(variables or {})),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        raise environment_failure(str(arguments[0]), error) from error
    try:
        output, _ = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired as error:
        raise EnvironmentFailure(f"{name} did not end within {timeout_s:g} s") from error
    finally:
        end_group(process)
        process.stdout.close()  # type: ignore[union-attr]
    if process.returncode == 0 or (done is not None and done in output):
        return output
    if process.returncode < 0:
        raise EnvironmentFailure(f"{name} crashed ({signal.Signals(-process.returncode).name}): {last_line(output)}")
    raise PresetReadError(f"{name} refuses it (exit code {process.returncode}): {last_line(output)}")


def last_line(output: bytes) -> str:
    """Return the last line of a program's output that says something, as printable text of at most 200 characters."""
    lines = [line.strip() for line in output.decode("utf-8", "replace").splitlines()]
    return printable(next((line for line in reversed(lines) if line), "no reason given"))[:200]
