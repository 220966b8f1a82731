"""Reading and writing at an offset, as os.pread and os.pwrite do, which Windows lacks: there the place of the descriptor moves."""

from __future__ import annotations

import os


def read_at(descriptor: int, count: int, offset: int) -> bytes:
    """Return up to count bytes from an offset on, fewer at the end of the file. Raises OSError."""
    if hasattr(os, "pread"):
        return os.pread(descriptor, count, offset)
    os.lseek(descriptor, offset, os.SEEK_SET)
    return os.read(descriptor, count)


def write_at(descriptor: int, data: bytes, offset: int) -> int:
    """Write at an offset and return how many bytes were taken. Raises OSError."""
    if hasattr(os, "pwrite"):
        return os.pwrite(descriptor, data, offset)
    os.lseek(descriptor, offset, os.SEEK_SET)
    return os.write(descriptor, data)
