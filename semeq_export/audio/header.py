"""What the first bytes of a file say: how much audio its container announces, and what it looks like when it is no audio at all.

libsndfile repairs lying sizes silently, so a file cut in half reads as a shorter one. These are the announced sizes, before any repair:

    WAV    'RIFF' u32le 'WAVE', chunks of id[4] u32le size, padded to 2; audio in 'data'; 'RIFX': all numbers big-endian;
           of format tag 0x55 'data' holds an MP3
    RF64   as WAV, 'data' size 0xFFFFFFFF; 'ds64' chunk: u64le file size, u64le audio size
    W64    guid[16] u64le size, guid[16] 'wave', chunks of guid[16] u64le size (its own 24 bytes included), padded to 8; audio in 'data'
    AIFF   'FORM' u32be 'AIFF' or 'AIFC', chunks of id[4] u32be size, padded to 2; 'COMM' u16be channels, u32be frames, u16be bits,
           rate[10], and in AIFC type[4]; audio in 'SSND', behind u32be offset u32be
    CAF    'caff' u16be u16be, chunks of id[4] i64be size; audio in 'data', size -1 = up to the end of the file
    AU     '.snd' u32be audio offset, u32be audio size; 'dns.': little-endian
    NIST   'NIST_1A' newline, header size as text, then lines of name, type and value
    FLAC   'fLaC', STREAMINFO, whose bytes 13..17 end in 36 bits of frames, 0 for unknown; perhaps behind ID3v2 tags
    MP3    see `mpeg_frames`; Ogg: see `ogg_pages`

Sources: Microsoft RIFF (mmreg.h), EBU Tech 3306 (RF64), Sony Wave64, Apple AIFF-C and Core Audio Format, NIST SPHERE, RFC 9639 (FLAC).
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO

from semeq_export.audio import ogg_pages
from semeq_export.audio.file_view import WHOLE, View
from semeq_export.audio.mpeg_frames import MAX_FRAME_BYTES, read_frames, tags_end

HEAD_BYTES = 4_096
_MAX_CHUNKS = 100_000

_MP3_TAG = 0x55
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
    """What a header says of the audio against what the file holds.

    unreadable: why nothing can be read, fault: why not all can, each empty where that is not so. view: how a decoder must see the file;
    where there is a fault, to read what is there. warnings: what is strange, and yet whole.
    frames: how many there are to be, where the decoder cannot know. is_open: the header does not say. is_mpeg: it is MP3, or nothing.
    audio_at: where audio starts that goes on to the end of the file, whatever the header says; 0 where the header is right.
    """

    unreadable: str = ""
    fault: str = ""
    view: View = WHOLE
    warnings: tuple[str, ...] = ()
    frames: int = 0
    is_open: bool = False
    is_mpeg: bool = False
    audio_at: int = 0


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


def read_announcement(file: BinaryIO) -> Announcement:
    """Return what the header of a file announces; nothing for what is no audio."""
    head = _read_at(file, 0, 16)
    if head[:4] in (b"RIFF", b"RIFX", b"RF64") and head[8:12] == b"WAVE":
        return _read_wave(file, ">" if head[:4] == b"RIFX" else "<", is_rf64=head[:4] == b"RF64")
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return _read_aiff(file)
    if head == _W64_RIFF:
        return _read_sized(file, _Chunks(40, "<16sQ", padding=8, own_bytes=24), _W64_DATA)
    if head[:4] == b"caff":
        return _read_sized(file, _Chunks(8, ">4sq", padding=1), b"data", skip=4)
    if head[:4] in (b".snd", b"dns."):
        return _read_au(file, ">" if head[:4] == b".snd" else "<")
    if head[:8] == b"NIST_1A\n":
        return _read_nist(file)
    if head[:4] == b"OggS":
        return _read_ogg(file)
    place = tags_end(file)
    return _read_flac(file, place) if _read_at(file, place, 4) == b"fLaC" else _read_mp3(file)


def aiff_clock_at(file: BinaryIO) -> int | None:
    """Return where an AIFF's `PEAK` chunk holds the time of writing (u32be, after a version); None where it has no such chunk."""
    return next((body + 4 for name, body, _ in _AIFF.walk(file) if name == b"PEAK"), None)


def _length(file: BinaryIO) -> int:
    return file.seek(0, os.SEEK_END)


def _read_at(file: BinaryIO, offset: int, count: int) -> bytes:
    file.seek(offset)
    return file.read(count)


@dataclass(frozen=True, slots=True)
class _Chunks:
    """A kind of container of chunks. header: name and size, for `struct`. own_bytes: what a stated size has more than the chunk's body."""

    start: int
    header: str
    padding: int = 2
    own_bytes: int = 0

    @property
    def size_form(self) -> str:
        return self.header[0] + self.header[-1]

    def walk(self, file: BinaryIO, start: int = 0) -> Iterator[tuple[bytes, int, int]]:
        """Yield name, place and stated size of the body of each chunk, the last one perhaps longer than the file, or of size -1."""
        length, header_bytes, offset = _length(file), struct.calcsize(self.header), start or self.start
        for _ in range(_MAX_CHUNKS):
            if offset + header_bytes > length:
                return
            name, size = struct.unpack(self.header, _read_at(file, offset, header_bytes))
            size -= self.own_bytes
            yield name, offset + header_bytes, size
            if size < 0:
                return
            offset += header_bytes - (-size // self.padding) * self.padding

    def fill(self, file: BinaryIO, start: int) -> bool:
        """Whether chunks, and nothing else, go from a place to the file's end."""
        length, end = _length(file), start
        for name, body, size in self.walk(file, start):
            if not re.fullmatch(rb"[ -~]{4}", name[:4]) or size < 0 or body + size > length:
                return False
            end = body + size + self.padding
        return end >= length

    def patch(self, body: int, audio_bytes: int) -> tuple[int, bytes]:
        """Return what makes a header announce so much."""
        most = 0xFFFFFFFF if struct.calcsize(self.size_form) == 4 else 2**62
        return body - struct.calcsize(self.size_form), struct.pack(self.size_form, min(audio_bytes + self.own_bytes, most))


_AIFF = _Chunks(12, ">4sI")
_AIFF_SAMPLE_BYTES = {  # of the compressions that are none; 0: as many as the bits need
    **dict.fromkeys((b"NONE", b"twos", b"sowt", b"raw "), 0),
    **dict.fromkeys((b"ulaw", b"ULAW", b"alaw", b"ALAW"), 1),
    **dict.fromkeys((b"in24", b"42ni"), 3),
    **dict.fromkeys((b"in32", b"23ni", b"fl32", b"FL32"), 4),
    **dict.fromkeys((b"fl64", b"FL64"), 8),
}


def _describe_gap(claim: int, count: int, unit: str) -> str:
    return f"truncated: header says {claim} {unit}, file holds {count}"


def _compare(claim: int, body: int, length: int, *patches: tuple[int, bytes], is_empty: bool = False) -> Announcement:
    """Compare the bytes of audio that a header says start at a place with what is there. is_empty: 0 means 0, whatever follows."""
    present = max(0, length - body)
    view = View(patches=patches)
    if claim == 0 and present and not is_empty:
        why = f"header announces no audio, but {present} bytes follow: the recording was never finished"
        return Announcement(fault=why, view=view, audio_at=body)
    return Announcement(fault=_describe_gap(claim, present, "bytes of audio"), view=view) if claim > present else Announcement()


def _read_sized(file: BinaryIO, chunks: _Chunks, chunk_name: bytes, *, skip: int = 0) -> Announcement:
    """Compare what a chunk of audio says with what is there. skip: bytes of the chunk before its audio."""
    length = _length(file)
    for name, body, size in chunks.walk(file):
        if name == chunk_name:
            patch = chunks.patch(body, length - body)
            if size + chunks.own_bytes < 0:
                return Announcement(view=View(patches=(patch,)), is_open=True)
            is_empty = size <= skip and chunks.fill(file, body + max(0, size))
            return _compare(max(0, size - skip), body + skip, length, patch, is_empty=is_empty)
    return Announcement()


def _read_wave(file: BinaryIO, order: str, *, is_rf64: bool) -> Announcement:
    chunks, length, audio64, is_mp3 = _Chunks(12, f"{order}4sI"), _length(file), None, False
    for name, body, size in chunks.walk(file):
        if name == b"ds64" and body == 20:
            audio64 = int.from_bytes(_read_at(file, body + 8, 8), "little")
        elif name == b"fmt ":
            fmt = _read_at(file, body, min(size, 40))
            if why := _find_fault(fmt, order):
                return Announcement(unreadable=why)
            is_mp3 = fmt[:2] == struct.pack(f"{order}H", _MP3_TAG)
        elif name == b"data":
            if is_rf64 and audio64 is not None and size in (0, 0xFFFFFFFF):
                patches = (28, struct.pack("<Q", length - body)), chunks.patch(body, 0xFFFFFFFF)
                found = _compare(audio64, body, length, *patches, is_empty=audio64 == 0 and chunks.fill(file, body))
            elif body + size > length and (size >= 0xFFFFF000 or 0x7FFFF000 <= size <= 0x7FFFFFFF):
                # programs that write into a pipe cannot know the length: ffmpeg puts 0xFFFFFFFF, sox 0x7FFFFFFF less the header
                return _read_mp3(file, body) if is_mp3 else Announcement(is_open=True)
            else:
                is_empty = size == 0 and chunks.fill(file, body)
                found = _compare(size, body, length, chunks.patch(body, length - body), is_empty=is_empty)
                if is_mp3 and not is_empty:
                    inner = _read_mp3(file, body, body + size if 0 < size <= length - body else length)
                    found = replace(inner, fault=found.fault or inner.fault, audio_at=found.audio_at)
            others = [] if found.fault else [at for again, at, _ in chunks.walk(file, body + size + size % 2) if again == b"data"]
            if others:
                why = f"{1 + len(others)} chunks of audio, expected 1"
                return Announcement(fault=why, view=View(patches=tuple((at - 8, b"JUNK") for at in others)))
            return found
    return Announcement()


def _find_fault(fmt: bytes, order: str) -> str:
    """Return what is impossible in the body of `fmt ` and yet taken by libsndfile, or refused without a reason."""
    tag, _channels, rate_hz, _, _, bits = struct.unpack(f"{order}HHIIHH", fmt[:16].ljust(16, b"\0"))
    if tag == 0xFFFE and len(fmt) >= 26:
        tag = struct.unpack(f"{order}H", fmt[24:26])[0]
    if rate_hz == 0:
        return "header says a sample rate of 0 Hz"
    return f"header says {bits} bits per sample, expected 8..32" if tag == 1 and 0 < bits < 8 else ""


def _read_aiff(file: BinaryIO) -> Announcement:
    found = _read_sized(file, _AIFF, b"SSND", skip=8)
    bodies = {name: (body, size) for name, body, size in _AIFF.walk(file)}
    if found.fault or b"COMM" not in bodies or b"SSND" not in bodies:
        return found
    comm = _read_at(file, bodies[b"COMM"][0], min(22, bodies[b"COMM"][1])).ljust(18, b"\0")
    channels, claim, bits = struct.unpack(">HIH", comm[:8])
    sample_bytes = _AIFF_SAMPLE_BYTES.get(comm[18:22] or b"NONE")
    if sample_bytes is None or not channels or not bits:
        return found
    body, size = bodies[b"SSND"]
    frame_bytes = channels * (sample_bytes or -(-bits // 8))
    count = max(0, size - 8 - int.from_bytes(_read_at(file, body, 4), "big")) // frame_bytes
    is_padding = frame_bytes == 1 and count == claim + 1  # some count the byte that makes the size even
    return found if count == claim or is_padding else Announcement(fault=f"header says {claim} frames, file holds {count}")


def _read_au(file: BinaryIO, order: str) -> Announcement:
    offset, size = struct.unpack(f"{order}II", _read_at(file, 4, 8).ljust(8, b"\0"))
    length = _length(file)
    if size == 0xFFFFFFFF:
        return Announcement(is_open=True)
    return _compare(size, offset, length, (8, struct.pack(f"{order}I", min(max(0, length - offset), 0xFFFFFFF0))))


def _read_nist(file: BinaryIO) -> Announcement:
    head = _read_at(file, 0, HEAD_BYTES)
    numbers = {name: int(value) for name, value in re.findall(rb"(\w+) -i (\d{1,18})\b", head.partition(b"end_head")[0])}
    size = re.match(rb"NIST_1A\n *(\d{1,9})\n", head)
    if size is None or b"sample_count" not in numbers:
        return Announcement()
    frame_bytes = numbers.get(b"channel_count", 1) * numbers.get(b"sample_n_bytes", 1)
    claim, present = numbers[b"sample_count"] * frame_bytes, max(0, _length(file) - int(size[1]))
    return Announcement(fault=_describe_gap(claim, present, "bytes of audio")) if claim > present else Announcement()


def _read_flac(file: BinaryIO, start: int) -> Announcement:
    """Hide the number of frames: the decoder then goes on to the end, and can be compared with it."""
    raw = _read_at(file, start + 21, 5)
    if len(raw) < 5:
        return Announcement()
    frames = (raw[0] & 15) << 32 | int.from_bytes(raw[1:], "big")
    return Announcement(view=View(patches=((start + 21, bytes([raw[0] & 0xF0, 0, 0, 0, 0])),)), frames=frames, is_open=not frames)


def _read_ogg(file: BinaryIO) -> Announcement:
    later_starts, is_ended = ogg_pages.survey(file.fileno())
    warnings = () if is_ended else ("the Ogg stream ends early: it has no last page",)
    if not later_starts:
        return Announcement(warnings=warnings)
    why = f"{1 + len(later_starts)} Ogg streams one after another, of which only the first can be read"
    return Announcement(fault=why, view=View(pieces=((0, later_starts[0]),)), warnings=warnings)


def _read_mp3(file: BinaryIO, base: int = 0, end: int | None = None) -> Announcement:
    """Walk the frames of an MP3, which may be a part of a file: then that part is all that the decoder sees."""
    frames = read_frames(file, base, end)
    length = _length(file) if end is None else end
    if frames is None:
        return Announcement(view=View(((base, length),)) if base else WHOLE, is_open=True, is_mpeg=True)
    if not frames.count:
        return Announcement(unreadable="no whole MPEG frame of audio")
    fault = ""
    patches: tuple[tuple[int, bytes], ...] = ()
    if frames.next_at:
        fault = f"damaged: no MPEG frame at byte {frames.end}, after {frames.count} frames, but more of them at byte {frames.next_at}"
    elif frames.claim is not None and frames.claim not in (frames.count, frames.count + 1):  # some count the header frame
        fault = _describe_gap(frames.claim, frames.count, "MPEG frames").removeprefix("" if frames.claim > frames.count else "truncated: ")
    if frames.claim is not None and frames.claim <= frames.count + 1 and frames.counts_at:  # libmpg123 trusts it
        patches += ((frames.counts_at, struct.pack(">I", frames.count)),)
    if frames.bytes_at:  # libmpg123 complains of it
        patches += ((frames.bytes_at, struct.pack(">I", frames.end - frames.start)),)
    rest = length - frames.end
    is_strange = rest > 0 and frames.claim is None and not frames.next_at and not _is_tag(_read_at(file, frames.end, 16))
    warnings = (f"{rest} bytes behind the last whole MPEG frame are left out",) if is_strange else ()
    view, samples = View(((base, frames.tags_end), (frames.start, frames.end)), patches), 0
    if not frames.counts_at:  # libmpg123 guesses by the file's length, and libsndfile reads no further: so there is more than enough
        samples = frames.samples
        beyond = _length(file)
        view = View(((base, frames.tags_end), (frames.audio_at, frames.end), (beyond, beyond + frames.count * MAX_FRAME_BYTES)))
    is_open = frames.claim is None and end is None
    return Announcement("", fault, view, warnings, frames=samples, is_open=is_open, is_mpeg=True)


def _is_tag(start: bytes) -> bool:
    return start.startswith((b"TAG", b"APETAGEX", b"LYRICSBEGIN"))
