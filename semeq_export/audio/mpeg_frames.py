"""MP3 from frame to frame: how many there are, against what the file says; libmpg123 guesses where nothing is said, and trusts what is.

    ID3v2 tags: 'ID3' u8 version u8 0 u8 flags (16: a footer of 10 bytes), size 4 x 7 bits
    frames      11 bits set, 2 version (3: 1, 2: 2, 0: 2.5), 2 layer (3: I, 2: II, 1: III), 1 no CRC, 4 bit rate, 2 rate, 1 padding, 9 more
    the first   may be no audio but hold, behind zeros, 'Xing' or 'Info', u32be flags, u32be frames (flag 1), u32be bytes (flag 2),
                or at byte 36 'VBRI' u16 x 3, u32be bytes, u32be frames
    then        other tags (ID3v1, APE, Lyrics3) or whatever else

Every frame states its own length, so they are walked without decoding. Those of free format (bit rate 0) do not: left to the decoder.

Sources: ISO/IEC 11172-3 and 13818-3, id3.org ID3v2.4, LAME's description of the Xing tag, mpg123's parse.c for VBRI.
"""

from __future__ import annotations

import os
import re
import struct
from dataclasses import dataclass
from typing import BinaryIO

_RATES_HZ = (44_100, 48_000, 32_000)
_KBIT = {  # by (version 1, layer)
    (True, 1): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_SAME_IN_ALL = 0xFFFE0C00  # sync, version, layer, rate
_SEARCHED_BYTES = 1 << 16
MAX_FRAME_BYTES = 2_881
_SYNC = re.compile(rb"\xff[\xe2-\xff]")


@dataclass(frozen=True, slots=True)
class MpegFrames:
    """The frames of a file, and where: tags_end, before them; start, of the first; audio_at, of the first one of audio; end, of the last
    whole one of those that follow each other without a gap; next_at, where more follow, behind what is none, 0 for nowhere.

    claim: how many a header frame says there are, None without one; counts_at, bytes_at: where a Xing tag has these numbers, 0 for nowhere.
    count: how many there are of audio. samples: in each channel of them.
    """

    tags_end: int
    start: int
    audio_at: int
    end: int
    claim: int | None
    count: int
    counts_at: int
    bytes_at: int
    next_at: int
    samples: int


def tags_end(file: BinaryIO, start: int = 0) -> int:
    """Return where the ID3v2 tags at a file's start, or at another place, end; that place without any."""
    offset = start
    while (size := _tag_bytes(file, offset)) > 0:
        offset += size
    return offset


def read_frames(file: BinaryIO, base: int = 0, end: int | None = None) -> MpegFrames | None:
    """Return the frames of a file, or of a part of it; None where none is found at its start, behind tags, and for free format."""
    length, tags = file.seek(0, os.SEEK_END) if end is None else end, tags_end(file, base)
    head = _read_at(file, tags, 4)
    if tags == base and not _frame_bytes(head):
        return None
    start = tags if _frame_bytes(head) else _next_frame(file, tags, None)
    if not start and not _frame_bytes(head):
        return None
    first = _read_at(file, start, 200)
    key = int.from_bytes(first[:4], "big") & _SAME_IN_ALL
    claim, counts_at, bytes_at, is_header = _read_xing(first, start)
    offset = audio_at = start + _frame_bytes(first) * is_header
    count = 0
    while True:
        head = _read_at(file, offset, 4)
        size = _frame_bytes(head) if int.from_bytes(head, "big") & _SAME_IN_ALL == key else _tag_bytes(file, offset)
        if size == 0 or offset + size > length:
            break
        count += head[:3] != b"ID3"
        offset += size
    next_at = 0 if size or offset >= length else _next_frame(file, offset, key)
    return MpegFrames(tags, start, audio_at, offset, claim, count, counts_at, bytes_at, next_at, count * _frame_samples(first))


def _read_xing(first: bytes, start: int) -> tuple[int | None, int, int, bool]:
    """Return what a first frame says of the number of frames, where its Xing tag has its numbers, and whether it is such a header."""
    place = max(first.find(b"Xing", 4, 64), first.find(b"Info", 4, 64))
    if place > 0:
        flags, frames = struct.unpack(">II", first[place + 4 : place + 12].ljust(8, b"\0"))
        has_frames, has_bytes, at = bool(flags & 1), bool(flags & 2), start + place + 8
        return frames if has_frames else None, at * has_frames, (at + 4 * has_frames) * has_bytes, True
    if first[36:40] == b"VBRI":
        return int.from_bytes(first[50:54], "big"), 0, 0, True
    return None, 0, 0, False


def _frame_bytes(head: bytes) -> int:
    """Return the length of the frame that starts with these bytes; 0 for what is no frame, or one of free format."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return 0
    version, layer = head[1] >> 3 & 3, 4 - (head[1] >> 1 & 3)
    bit_rate, rate, padding = head[2] >> 4, head[2] >> 2 & 3, head[2] >> 1 & 1
    if version == 1 or layer == 4 or bit_rate in (0, 15) or rate == 3:
        return 0
    rate_hz = _RATES_HZ[rate] >> {3: 0, 2: 1, 0: 2}[version]
    bits_per_s = 1_000 * _KBIT[version == 3, layer][bit_rate]
    if layer == 1:
        return (12 * bits_per_s // rate_hz + padding) * 4
    return (72 if layer == 3 and version != 3 else 144) * bits_per_s // rate_hz + padding


def _frame_samples(head: bytes) -> int:
    version, layer = head[1] >> 3 & 3, 4 - (head[1] >> 1 & 3)
    return 384 if layer == 1 else 576 if layer == 3 and version != 3 else 1_152


def _next_frame(file: BinaryIO, offset: int, key: int | None) -> int:
    """Return where the next two frames of a kind follow each other, within 64 KiB; 0 where they do not. key: what their headers share."""
    data = _read_at(file, offset, _SEARCHED_BYTES)
    for match in _SYNC.finditer(data):
        head = data[match.start() : match.start() + 4]
        own = int.from_bytes(head, "big") & _SAME_IN_ALL
        size = _frame_bytes(head)
        if size and own == (own if key is None else key):
            after = _read_at(file, offset + match.start() + size, 4)
            if _frame_bytes(after) and int.from_bytes(after, "big") & _SAME_IN_ALL == own:
                return offset + match.start()
    return 0


def _tag_bytes(file: BinaryIO, offset: int) -> int:
    """Return the length of an ID3v2 tag at a place; 0 for none."""
    tag = _read_at(file, offset, 10)
    if tag[:3] != b"ID3" or len(tag) < 10:
        return 0
    size = 0
    for byte in tag[6:10]:  # four times seven bits
        size = size << 7 | byte & 0x7F
    return 10 + size + (10 if tag[5] & 0x10 else 0)


def _read_at(file: BinaryIO, offset: int, count: int) -> bytes:
    file.seek(offset)
    return file.read(count)
