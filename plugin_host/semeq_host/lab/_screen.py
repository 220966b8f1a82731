"""A virtual screen for programs that do not start without one."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

from semeq_export.errors import EnvironmentFailure
from semeq_host.lab._process import end_group, last_line, program

_PACKAGE = "xvfb"


@contextlib.contextmanager
def screen(folder: Path) -> Iterator[str]:
    """Yield the name of a virtual screen of its own."""
    command = [program("Xvfb", _PACKAGE), "-displayfd", "1", "-screen", "0", "1280x1024x24", "-nolisten", "tcp"]
    with (folder / "screen.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, start_new_session=True
        )
    assert process.stdout is not None
    try:
        number = process.stdout.readline().strip()
        if not number:
            raise EnvironmentFailure(f"Xvfb does not start: {last_line((folder / 'screen.log').read_bytes())}")
        yield f":{number.decode()}"
    finally:
        process.terminate()  # not killed at once: it removes its socket and lock file
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(5.0)
        end_group(process)
        process.stdout.close()
