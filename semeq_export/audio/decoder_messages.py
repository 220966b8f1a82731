"""What libmpg123 writes to standard error by itself, caught, so that a program says what it has to say in words of its own.

libsndfile has no switch for it. While a block of MP3 is decoded, file descriptor 2 is a pipe; what came through is then passed on but for
libmpg123's own lines. Other threads lose nothing, their lines are only later by the decoding of one block (of more than 64 KiB the rest is
dropped); MP3 is decoded by one thread at a time. A process that another thread starts in that moment keeps the pipe for its standard error.
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
from collections.abc import Iterator

_OWN = re.compile(rb"\[src/libmpg123/|(Note|Warning): .*(MPEG|resync|Xing|LAME|ID3|frame|stream|input|offset|bytes|sync)|\s*\Z")
_PIPE_BYTES = 1 << 16
_lock = threading.Lock()


@contextlib.contextmanager
def catch_messages() -> Iterator[list[str]]:
    """Yield a list that holds libmpg123's lines once the block is left."""
    lines: list[str] = []
    with _lock:
        try:
            real = os.dup(2)
        except OSError:  # standard error is closed: nobody hears anything
            yield lines
            return
        source, sink = os.pipe()
        for end in (source, sink):
            os.set_blocking(end, False)  # more than it holds is dropped
        os.dup2(sink, 2)
        os.close(sink)
        try:
            yield lines
        finally:
            os.dup2(real, 2)
            os.close(real)
            with contextlib.suppress(BlockingIOError):
                while data := os.read(source, _PIPE_BYTES):
                    for line in data.splitlines(keepends=True):
                        if _OWN.match(line):
                            lines.append(line.decode("utf-8", "replace").strip())
                        else:
                            os.write(2, line)
            os.close(source)
