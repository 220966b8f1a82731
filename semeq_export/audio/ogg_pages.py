"""The pages of an Ogg file: where they are, whether the last one is there, and where one stream follows another.

    page: 'OggS' u8 u8 flags (2: first of a stream, 4: last), u64le granule, u32le serial, u32le page number, u32le CRC, u8 n, n segment
    sizes, segments

Source: RFC 3533, section 6.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from semeq_export.files.positioned import read_at

HEADER_BYTES = 27
_FIRST, _LAST = 2, 4
_MAX_PAGE_BYTES = 65_307


def pages(descriptor: int) -> Iterator[tuple[int, int, bytes]]:
    """Yield offset, length and header (segment sizes included) of each page, the last one perhaps longer than the file.

    What lies between pages is passed over, up to the length of one page.
    """
    length, offset = os.fstat(descriptor).st_size, 0
    while offset + HEADER_BYTES <= length:
        header = read_at(descriptor, HEADER_BYTES + 255, offset)
        if header[:4] != b"OggS":
            place = read_at(descriptor, _MAX_PAGE_BYTES, offset + 1).find(b"OggS")
            if place < 0:
                return
            offset += 1 + place
            continue
        header = header[: HEADER_BYTES + header[26]]
        size = len(header) + sum(header[HEADER_BYTES:])
        yield offset, size, header
        offset += size


def survey(descriptor: int) -> tuple[tuple[int, ...], bool]:
    """Return where each but the first of several streams that follow one another starts, and whether the last page is there, whole."""
    starts: list[int] = []
    is_first, is_ended, end = True, False, 0
    for offset, size, header in pages(descriptor):
        if header[5] & _FIRST and not is_first:
            starts.append(offset)
        is_first, is_ended, end = bool(header[5] & _FIRST), bool(header[5] & _LAST), offset + size
    return tuple(starts), is_ended and end <= os.fstat(descriptor).st_size
