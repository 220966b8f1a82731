"""What AIFF, FLAC, Ogg and MP3 hold besides audio: copied byte for byte from AIFF to AIFF and from FLAC to FLAC, named where it is lost.

    AIFF   'FORM' u32be size 'AIFF' or 'AIFC', chunks of id[4] u32be size, padded to 2
    FLAC   'fLaC', blocks of u8 (128: the last) + type, u24be size; the first is STREAMINFO; then frames
    Ogg    pages; the second packet is 03 'vorbis' or 'OpusTags', u32le size + vendor, u32le count, each u32le size + 'FIELD=text'
    MP3    'ID3' u8 version u8 0 u8 flags, size 4 x 7 bits, frames of id[4] u32be size (version 4: 4 x 7 bits) u16 flags

libsndfile carries a title, an artist and eight more such tags and drops the rest. WAV is the matter of `wav_file`.
Sources: Apple AIFF-C 1991, RFC 9639 (FLAC), RFC 3533 and 7845 (Ogg, Opus), Vorbis I section 5, id3.org ID3v2.3 and 2.4. Not read: ID3v2.2,
ID3v1 and APE tags of MP3.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from semeq_export.files.disk import write_whole
from semeq_export.files.positioned import read_at, write_at

KEPT_BETWEEN = ("AIFF", "FLAC")
"""Containers whose metadata is copied where source and output are both of the one."""

_TAGS = ("title", "copyright", "software", "artist", "comment", "date", "album", "license", "tracknumber", "genre")
_TAGS_WRITTEN = {"AIFF": ("title", "copyright", "software", "artist", "comment"), "FLAC": _TAGS, "OGG": _TAGS, "CAF": _TAGS} | {
    "MP3": ("title", "software", "artist", "comment", "date", "album", "tracknumber", "genre")
}
"""What libsndfile 1.2.2 writes, by container."""
_FIELDS = {*map(str.upper, _TAGS), "ENCODER"}
_FRAMES = {"TIT2", "TPE1", "TALB", "TDRC", "TYER", "TRCK", "TCON", "COMM", "TSSE", "TENC", "TLEN"}
_CHUNKS_MADE_ANEW = (b"COMM", b"SSND", b"FVER", b"PEAK")
_CHUNKS_OF_TAGS = (b"NAME", b"AUTH", b"(c) ", b"ANNO", b"APPL")
_STREAMINFO, _PADDING, _SEEKTABLE, _COMMENT = 0, 1, 3, 4
_BLOCKS = {2: "APPLICATION", 4: "VORBIS_COMMENT", 5: "CUESHEET", 6: "PICTURE"}
_MAX_PIECES = 100_000
_MAX_COMMENT_BYTES = 1 << 26
_COPIED_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Metadata:
    """What an open file holds besides audio. descriptor: of that file, which stays open as long as it is needed.

    pieces: (offset, size) of what is copied to an output of the same container. names: what no tag of libsndfile carries.
    """

    descriptor: int
    container: str
    pieces: tuple[tuple[int, int], ...]
    names: tuple[str, ...]

    @property
    def total_bytes(self) -> int:
        """What the pieces take in a file."""
        return sum(size for _, size in self.pieces)


def read_metadata(descriptor: int, container: str, *, audio_at: int = 0) -> Metadata:
    """Return what a file of a container (libsndfile's name) holds; nothing for containers that are not read here.

    audio_at: where audio starts that goes on to the end of the file, whatever the header says; 0 where the header is right.
    """
    if container == "AIFF":
        chunks = [chunk for chunk in _chunks(descriptor) if not 0 < audio_at <= chunk[1]]
        pieces = tuple((offset, size) for _, offset, size in chunks)
        return Metadata(descriptor, container, pieces, _unique(name for name, _, _ in chunks if name not in _CHUNKS_OF_TAGS))
    if container == "FLAC":
        blocks = [block for block in _blocks(descriptor) if block[0] not in (_STREAMINFO, _PADDING, _SEEKTABLE)]
        names = [_BLOCKS.get(kind, f"block {kind}") for kind, _, _ in blocks if kind != _COMMENT]
        fields = [read_at(descriptor, size - 4, offset + 4) for kind, offset, size in blocks if kind == _COMMENT]
        lost = [name for comment in fields for name in _fields(comment)]
        return Metadata(descriptor, container, tuple((offset, size) for _, offset, size in blocks), _unique([*lost, *names]))
    if container == "OGG":
        return Metadata(descriptor, container, (), _unique(_fields(_ogg_comment(descriptor))))
    return Metadata(descriptor, container, (), _unique(_frames(descriptor)) if container == "MP3" else ())


def lost_between(metadata: Metadata, tags: Collection[str], container: str) -> list[str]:
    """Return the names of what an output of a container will not hold; tags: those that libsndfile reads of the source."""
    if metadata.container == container and container in KEPT_BETWEEN:
        return []
    written = _TAGS_WRITTEN.get(container, ())
    return [*(name for name in tags if name not in written and name != "software"), *metadata.names]


def put_metadata(descriptor: int, metadata: Metadata) -> None:
    """Put the pieces into a finished file of the same container. Raises OSError, and OverflowError where it cannot hold so much."""
    if metadata.container == "AIFF":
        end = os.lseek(descriptor, 0, os.SEEK_END)
        write_whole(descriptor, bytes(end % 2) + b"".join(_content(metadata)))
        form_bytes = os.lseek(descriptor, 0, os.SEEK_END) - 8
        if form_bytes > 0xFFFFFFFF:
            raise OverflowError("AIFF cannot hold more than 4 GiB")
        write_at(descriptor, struct.pack(">I", form_bytes), 4)
    elif metadata.pieces:
        own = list(_blocks(descriptor))
        has_comment = any(read_at(metadata.descriptor, 1, offset)[0] & 127 == _COMMENT for offset, _ in metadata.pieces)
        dropped = (_PADDING, _COMMENT) if has_comment else (_PADDING,)
        kept = [read_at(descriptor, size, offset) for kind, offset, size in own if kind not in dropped]
        blocks = [bytes([block[0] & 127]) + block[1:] for block in (*kept, *_content(metadata))]
        blocks[-1] = bytes([blocks[-1][0] | 128]) + blocks[-1][1:]
        head = b"fLaC" + b"".join(blocks)
        _move_tail(descriptor, own[-1][1] + own[-1][2], len(head))
        write_at(descriptor, head, 0)


def _content(metadata: Metadata) -> Iterator[bytes]:
    for offset, size in metadata.pieces:
        data = read_at(metadata.descriptor, size, offset)
        yield data + bytes(len(data) % 2 if metadata.container == "AIFF" else 0)


def _move_tail(descriptor: int, start: int, target: int) -> None:
    """Move everything from an offset on to another offset."""
    if target == start:
        return
    end = os.fstat(descriptor).st_size
    places = range(start, end, _COPIED_BYTES)
    for place in places if target < start else reversed(places):
        write_at(descriptor, read_at(descriptor, min(_COPIED_BYTES, end - place), place), place - start + target)
    os.ftruncate(descriptor, end - start + target)


def _chunks(descriptor: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, offset and size (header included, padding not) of what is copied from an AIFF, as far as it is whole."""
    length, offset = os.fstat(descriptor).st_size, 12
    for _ in range(_MAX_PIECES):
        name, size = struct.unpack(">4sI", read_at(descriptor, 8, offset).ljust(8, b"\0"))
        if offset + 8 + size > length or not name.strip(b"\0"):
            return
        if name not in _CHUNKS_MADE_ANEW:
            yield name, offset, 8 + size
        offset += 8 + size + size % 2


def _blocks(descriptor: int) -> Iterator[tuple[int, int, int]]:
    """Yield type, offset and size (header included) of the metadata blocks of a FLAC file."""
    length, offset = os.fstat(descriptor).st_size, 4
    if read_at(descriptor, 4, 0) != b"fLaC":  # in Ogg, or behind an ID3 tag
        return
    for _ in range(_MAX_PIECES):
        head = read_at(descriptor, 4, offset)
        size = 4 + int.from_bytes(head[1:], "big")
        if len(head) < 4 or offset + size > length:
            return
        yield head[0] & 127, offset, size
        if head[0] & 128:
            return
        offset += size


def _fields(comment: bytes) -> list[str]:
    """Return the fields of a Vorbis comment that libsndfile does not carry: others than its own, and those that occur twice."""
    offset = 4 + int.from_bytes(comment[:4], "little")
    names: list[str] = []
    for _ in range(min(int.from_bytes(comment[offset : offset + 4], "little"), _MAX_PIECES)):
        offset += 4
        size = int.from_bytes(comment[offset : offset + 4], "little")
        if offset + 4 > len(comment):
            break
        names.append(comment[offset + 4 : offset + 4 + min(size, 200)].partition(b"=")[0].decode("ascii", "replace").upper())
        offset += size
    return [name for name in names if name not in _FIELDS or names.count(name) > 1]


def _ogg_comment(descriptor: int) -> bytes:
    """Return the comment of an Ogg Vorbis or Opus stream: its second packet, put together from its pages; empty where there is none."""
    packet, offset, packets_done = b"", 0, 0
    while len(packet) < _MAX_COMMENT_BYTES:
        head = read_at(descriptor, 27, offset)
        if head[:4] != b"OggS" or len(head) < 27:
            return b""
        lacing = read_at(descriptor, head[26], offset + 27)
        place = offset + 27 + head[26]
        for size in lacing:
            if packets_done == 1:
                packet += read_at(descriptor, size, place)
            place += size
            packets_done += size < 255
            if packets_done == 2:
                return re.sub(rb"\A(\x03vorbis|OpusTags)", b"", packet) if packet.startswith((b"\x03vorbis", b"OpusTags")) else b""
        offset = place
    return b""


def _frames(descriptor: int) -> list[str]:
    """Return the ids of the frames of an ID3v2 tag that libsndfile does not carry."""
    head = read_at(descriptor, 10, 0)
    if head[:3] != b"ID3" or len(head) < 10 or head[3] not in (3, 4):
        return []
    end, offset = 10 + _seven_bits(head[6:10]), 10
    names: list[str] = []
    while offset + 10 <= end and len(names) < _MAX_PIECES:
        frame = read_at(descriptor, 10, offset)
        if not re.match(rb"[A-Z][A-Z0-9]{3}", frame):
            break
        names.append(frame[:4].decode())
        offset += 10 + (_seven_bits(frame[4:8]) if head[3] == 4 else int.from_bytes(frame[4:8], "big"))
    return [name for name in names if name not in _FRAMES]


def _seven_bits(data: bytes) -> int:
    value = 0
    for byte in data:
        value = value << 7 | byte & 127
    return value


def _unique(names: Collection[bytes | str] | Iterator[bytes | str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.decode("latin-1").strip() if isinstance(name, bytes) else name for name in names))
