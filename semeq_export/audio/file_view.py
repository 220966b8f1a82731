"""An open file in which a few bytes read differently and parts are left out: what a decoder is to see of a file whose header is wrong."""

from __future__ import annotations

import os
from dataclasses import dataclass

from semeq_export.files.positioned import read_at


@dataclass(frozen=True, slots=True)
class View:
    """pieces: (start, end) of what is seen, in order, zeros behind the file's end; the whole file where empty.

    patches: what reads differently, by its place in the file.
    """

    pieces: tuple[tuple[int, int], ...] = ()
    patches: tuple[tuple[int, bytes], ...] = ()


WHOLE = View()
"""A file as it is."""


class FileView:
    """A file object for libsndfile. descriptor: of the file, which stays open as long as it is needed."""

    def __init__(self, descriptor: int, view: View) -> None:
        self._descriptor, self._patches, self._offset = descriptor, view.patches, 0
        self._pieces = view.pieces or ((0, os.fstat(descriptor).st_size),)
        self._length = sum(end - start for start, end in self._pieces)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move, and return where to."""
        self._offset = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._offset, os.SEEK_END: self._length}[whence]
        return self._offset

    def tell(self) -> int:
        """Return the place of the next byte."""
        return self._offset

    def read(self, count: int) -> bytes:
        """Return up to count bytes, fewer only at the end."""
        parts, before = [], 0
        for start, end in self._pieces:
            place = start + self._offset - before
            if count > 0 and start <= place < end:
                taken = min(count, end - place)
                parts.append(self._patch(place, taken))
                self._offset += taken
                count -= taken
            before += end - start
        return b"".join(parts)

    def _patch(self, place: int, count: int) -> bytes:
        data = bytearray(read_at(self._descriptor, count, place).ljust(count, b"\0"))
        for start, patch in self._patches:
            for index, byte in enumerate(patch, start=start - place):
                if 0 <= index < len(data):
                    data[index] = byte
        return bytes(data)
