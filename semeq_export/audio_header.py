"""What the first bytes of a file say: how much audio its container announces, and what it looks like when it is no audio at all.

libsndfile repairs lying sizes silently, so a file cut in half reads as a shorter one. These are the announced sizes, before any repair:

    WAV    'RIFF' u32le 'WAVE', chunks of id[4] u32le size, padded to 2; audio in 'data'
    RF64   as WAV, 'data' size 0xFFFFFFFF; 'ds64' chunk: u64le file size, u64le audio size
    W64    guid[16] u64le size, guid[16] 'wave', chunks of guid[16] u64le size (its own 24 bytes included), padded to 8; audio in 'data'
    AIFF   'FORM' u32be 'AIFF' or 'AIFC', chunks of id[4] u32be size, padded to 2; audio in 'SSND'
    CAF    'caff' u16be u16be, chunks of id[4] i64be size; audio in 'data', size -1 = up to the end of the file
    AU     '.snd' u32be audio offset, u32be audio size
    MP3    ID3v2 tags; the first frame may hold 'Xing' or 'Info', u32be flags, u32be frames (flag 1), u32be bytes from that frame (flag 2)
    Ogg    pages of 'OggS' u8 u8 flags ... (27 bytes, the last one n), n segment sizes, segments; the last page of a stream has flag 4

FLAC needs no entry: its decoder reports a stream that ends early.

Sources: Microsoft RIFF (mmreg.h), EBU Tech 3306 (RF64), Sony Wave64, Apple AIFF-C and Core Audio Format, RFC 3533 (Ogg), LAME's Xing tag.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from typing import BinaryIO

HEAD_BYTES = 4_096
_MAX_CHUNKS = 100_000
_OGG_PAGE_BYTES = 65_307

_W64_RIFF = b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00"
_W64_DATA = b"data\xf3\xac\xd3\x11\x8c\xd1\x00\xc0\x4f\x8e\xdb\x8a"

_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a zip archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"version https://git-lfs", "a Git LFS pointer; fetch the file itself with: git lfs pull"),
    (b"\x1aE\xdf\xa3", "a Matroska or WebM file; convert it to WAV or FLAC first"),
    (b"MThd", "a MIDI file"),
)


@dataclass(frozen=True, slots=True)
class Announcement:
    """The audio bytes that a header announces (None: it leaves the length open) and those that the file has room for."""

    audio_bytes: int | None
    present_bytes: int
    size_at: int = 0
    """Where the header states the size, 0 where that is not known."""
    size_form: str = ""
    """How it states it, as `struct` says it."""
    size_more: int = 0
    """What the stated size counts besides the audio."""

    @property
    def mended(self) -> tuple[int, bytes] | None:
        """Where to put which bytes, so that the header announces what is there; None where that is not known."""
        if not self.size_at:
            return None
        most = 0xFFFFFFF0 if struct.calcsize(self.size_form) == 4 else 2**62
        return self.size_at, struct.pack(self.size_form, min(self.present_bytes + self.size_more, most))

    @property
    def is_truncated(self) -> bool:
        """Whether the file ends before the announced audio does."""
        return self.audio_bytes is not None and self.audio_bytes > self.present_bytes

    @property
    def is_unfinished(self) -> bool:
        """Whether the header was never completed: no audio announced, but bytes follow."""
        return self.audio_bytes == 0 and self.present_bytes > 0


def looks_like(head: bytes) -> str:
    """Return what the first bytes (up to `HEAD_BYTES`) of a file that is no audio look like; empty where that is unknown."""
    if not head:
        return "an empty file"
    if not head.strip(b"\0"):
        return "nothing but zeros"
    for magic, name in _MAGIC:
        if head.startswith(magic):
            return name
    if head[4:8] == b"ftyp":
        return "an MP4 or M4A file; convert it to WAV or FLAC first"
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype html", b"<html")):
        return "an HTML page"
    if start.startswith(b"<?xml"):
        return "an XML document"
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        if len(head) < HEAD_BYTES or error.start < HEAD_BYTES - 4:  # a cut character at the very end is still text
            return ""
        text = head[: error.start].decode("utf-8")
    return "text" if all(c.isprintable() or c in "\t\r\n\f" for c in text) else ""


def read_announcement(file: BinaryIO) -> Announcement | None:
    """Return what the header of a file announces; None for containers that announce nothing, and for what is no audio."""
    head = _read_at(file, 0, 12)
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return _riff(file, 0)
    if head[:4] == b"RF64":
        return _riff(file, _rf64_audio_bytes(file))
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return _chunks(file, 12, ">4sI", b"SSND", padding=2, skip=8)
    if head[:4] == b"riff" and _read_at(file, 0, 16) == _W64_RIFF:
        return _chunks(file, 40, "<16sQ", _W64_DATA, padding=8, own_bytes=24)
    if head[:4] == b"caff":
        return _chunks(file, 8, ">4sq", b"data", padding=1, skip=4)
    if head[:4] == b".snd":
        offset, size = struct.unpack(">II", head[4:12].ljust(8, b"\0"))
        return Announcement(None if size == 0xFFFFFFFF else size, max(0, _length(file) - offset), 8, ">I")
    return _mp3(file)


def ogg_is_cut(file: BinaryIO) -> bool:
    """Whether an Ogg file ends before the last page of its stream."""
    tail = _read_at(file, max(0, _length(file) - _OGG_PAGE_BYTES), _OGG_PAGE_BYTES)
    page = tail[max(0, tail.rfind(b"OggS")) :]
    if not page.startswith(b"OggS") or len(page) < 27 or not page[5] & 4:
        return True
    segments = page[27 : 27 + page[26]]
    return len(page) < 27 + page[26] + sum(segments)


def aiff_clock_at(file: BinaryIO) -> int | None:
    """Return where an AIFF's `PEAK` chunk holds the time of writing (u32be, after a version); None where it has no such chunk."""
    found = _chunks(file, 12, ">4sI", b"PEAK", padding=2)
    return None if found is None else found.size_at + 8


def _length(file: BinaryIO) -> int:
    return file.seek(0, os.SEEK_END)


def _read_at(file: BinaryIO, offset: int, count: int) -> bytes:
    file.seek(offset)
    return file.read(count)


def _chunks(
    file: BinaryIO, start: int, header: str, wanted: bytes, *, padding: int, own_bytes: int = 0, skip: int = 0
) -> Announcement | None:
    """Walk a chain of chunks up to the wanted one. own_bytes: part of a stated size; skip: bytes of the chunk before its audio."""
    length, header_bytes, offset = _length(file), struct.calcsize(header), start
    for _ in range(_MAX_CHUNKS):
        if offset + header_bytes > length:
            return None
        name, size = struct.unpack(header, _read_at(file, offset, header_bytes))
        size -= own_bytes
        offset += header_bytes
        if name == wanted:
            present = max(0, length - offset - skip)
            form = header[0] + header[-1]
            size_at = offset - struct.calcsize(form)
            return Announcement(None if size < 0 else max(0, size - skip), present, size_at, form, own_bytes + skip)
        if size < 0:
            return None
        offset += -(-size // padding) * padding
    return None


def _riff(file: BinaryIO, rf64_audio_bytes: int) -> Announcement | None:
    found = _chunks(file, 12, "<4sI", b"data", padding=2)
    if found is None or found.audio_bytes is None:
        return found
    if rf64_audio_bytes and found.audio_bytes == 0xFFFFFFFF:
        return Announcement(rf64_audio_bytes, found.present_bytes, 28, "<Q")
    # programs that write into a pipe cannot know the length: ffmpeg puts 0xFFFFFFFF, sox 0x7FFFFFFF less the header
    is_open = found.audio_bytes >= 0xFFFFF000 or 0x7FFFF000 <= found.audio_bytes <= 0x7FFFFFFF
    return Announcement(None, found.present_bytes) if is_open and found.is_truncated else found


def _rf64_audio_bytes(file: BinaryIO) -> int:
    raw = _read_at(file, 12, 24)
    return int.from_bytes(raw[16:24], "little") if raw[:4] == b"ds64" and len(raw) == 24 else 0


def _mp3(file: BinaryIO) -> Announcement | None:
    offset = 0
    while (tag := _read_at(file, offset, 10))[:3] == b"ID3" and len(tag) == 10:
        size = 0
        for byte in tag[6:10]:  # four times seven bits
            size = size << 7 | byte & 0x7F
        offset += 10 + size + (10 if tag[5] & 0x10 else 0)
    frame = _read_at(file, offset, 64)
    if len(frame) < 4 or frame[0] != 0xFF or frame[1] & 0xE6 != 0xE2:  # frame sync and layer III
        return None
    place = max(frame.find(b"Xing"), frame.find(b"Info"))
    if place < 0 or len(frame) < place + 16:
        return None
    flags, _frames, size = struct.unpack(">III", frame[place + 4 : place + 16])
    return Announcement(size, _length(file) - offset) if flags & 3 == 3 else None
