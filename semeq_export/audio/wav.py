"""The RIFF side of WAV: which chunks a file has besides its audio, and WAV or RF64 written with the same chunks in the same places.

    'RIFF' u32le size 'WAVE', chunks of id[4] u32le size, body, a zero where the size is odd
    'RF64' 0xFFFFFFFF 'WAVE' 'ds64' u32le 28, u64le RIFF size, u64le data size, u64le frames, u32le 0; size of 'data' 0xFFFFFFFF

libsndfile drops what it does not know (`bext`, `iXML`, `cue `, `smpl`, `LIST`, `acid`, `id3 ` ...) and stamps float files with the time of
writing. Here the plain sample formats are written without it, and everything around them is copied byte for byte.

Sources: Microsoft RIFF (mmreg.h), EBU Tech 3285 (BWF) and 3306 (RF64).
"""

from __future__ import annotations

import os
import re
import struct
from dataclasses import dataclass

import numpy as np

from semeq_export.arrays import FloatArray
from semeq_export.audio.pcm import packed
from semeq_export.files.disk import write_whole
from semeq_export.files.positioned import read_at, write_at

PLAIN_SUBTYPES = {
    "PCM_U8": (1, 8),
    "PCM_16": (1, 16),
    "PCM_24": (1, 24),
    "PCM_32": (1, 32),
    "FLOAT": (3, 32),
    "DOUBLE": (3, 64),
}
"""Format tag and bits per sample of what is written here; libsndfile writes the rest (telephone and block codecs)."""

_MADE_ANEW = (b"fmt ", b"fact", b"data", b"ds64")
_OUTDATED = (b"PEAK", b"levl")
"""They describe the samples that were there before: peaks with their places, an overview of the waveform."""
_TIME_REFERENCE_AT = 338
"""Where `bext` holds the time, behind description, originator, reference, date and hour."""
_EXTENSIBLE = 0xFFFE
_GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")
_MAX_CHUNKS = 100_000
_COPY_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Chunk:
    """A chunk's name and where its body lies in the file."""

    name: bytes
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class WavChunks:
    """The chunks of an open file in their order. descriptor: of that file, which stays open as long as they are needed.

    fmt: the body of its `fmt `. before, after: those that are kept, on either side of the audio. ahead: how many of `before` stand before
    `fmt `. lost_bytes: at the end, in no whole chunk. audio: where the samples are.
    """

    descriptor: int
    fmt: bytes
    before: tuple[Chunk, ...]
    after: tuple[Chunk, ...]
    lost_bytes: int = 0
    ahead: int = 0
    audio: Chunk | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The names of what is kept, in order."""
        return tuple(chunk.name.decode("latin-1").strip() for chunk in (*self.before, *self.after))

    @property
    def channel_mask(self) -> int:
        """The speakers that the channels are for, a bit for each; 0 where the `fmt ` is not of format EXTENSIBLE."""
        is_extended = len(self.fmt) >= 40 and self.fmt[:2] == struct.pack("<H", _EXTENSIBLE)
        return int.from_bytes(self.fmt[20:24], "little") if is_extended else 0

    @property
    def total_bytes(self) -> int:
        """What they take in a file."""
        return sum(8 + chunk.size + chunk.size % 2 for chunk in (*self.before, *self.after))

    @property
    def time_reference(self) -> int | None:
        """The place of the first sample, in samples since midnight, that `bext` states; None where there is no such chunk."""
        found = next(
            (chunk for chunk in (*self.before, *self.after) if chunk.name == b"bext" and chunk.size >= _TIME_REFERENCE_AT + 8), None
        )
        return None if found is None else int.from_bytes(read_at(self.descriptor, 8, found.offset + _TIME_REFERENCE_AT), "little")

    def copy(self, chunk: Chunk, descriptor: int) -> None:
        """Append a chunk to another file."""
        write_whole(descriptor, chunk.name + struct.pack("<I", chunk.size))
        offset, end = chunk.offset, chunk.offset + chunk.size
        while offset < end:
            data = read_at(self.descriptor, min(_COPY_BYTES, end - offset), offset)
            write_whole(descriptor, data)
            offset += len(data)
        write_whole(descriptor, bytes(chunk.size % 2))


def read_chunks(descriptor: int, *, audio_at: int = 0) -> WavChunks | None:
    """Return the chunks of a WAV or RF64 file; None where it is neither, or has no audio.

    audio_at: where audio starts that goes on to the end of the file, whatever the header says; 0 where the header is right.
    """
    length = os.fstat(descriptor).st_size
    head = read_at(descriptor, 12, 0)
    if head[:4] not in (b"RIFF", b"RF64") or head[8:12] != b"WAVE":
        return None
    before: list[Chunk] = []
    after: list[Chunk] = []
    audio: Chunk | None = None
    kept, fmt, ahead, audio64, offset = before, b"", 0, 0, 12
    for _ in range(_MAX_CHUNKS):
        name, size = struct.unpack("<4sI", read_at(descriptor, 8, offset).ljust(8, b"\0"))
        if offset + 8 > length:
            break
        body = offset + 8
        if name == b"ds64":
            audio64 = int.from_bytes(read_at(descriptor, 16, body)[8:16], "little")
        elif name == b"fmt ":
            fmt, ahead = read_at(descriptor, min(size, 4_096), body), len(before)
        elif name == b"data" and audio is None:
            kept = after
            size = audio64 if head[:4] == b"RF64" and size == 0xFFFFFFFF else size
            size = length - body if body == audio_at else min(size, length - body)  # open or cut: the rest is audio
            audio = Chunk(name, body, size)
        if body + size > length:
            break
        if name not in _MADE_ANEW + _OUTDATED:
            kept.append(Chunk(name, body, size))
        offset = body + size + (size % 2 and not _lacks_pad(descriptor, body + size, length))
    return WavChunks(descriptor, fmt, tuple(before), tuple(after), max(0, length - offset), ahead, audio) if audio is not None else None


def _lacks_pad(descriptor: int, end: int, length: int) -> bool:
    """Whether a chunk of odd size has no byte behind it that makes it even, as some programs write it: the next chunk begins at once."""
    return _is_chunk(read_at(descriptor, 8, end), end, length) and not _is_chunk(read_at(descriptor, 8, end + 1), end + 1, length)


def _is_chunk(head: bytes, offset: int, length: int) -> bool:
    return re.fullmatch(rb"[ -~]{4}", head[:4]) is not None and len(head) == 8 and offset + 8 + int.from_bytes(head[4:], "little") <= length


class WavFile:
    """A WAV or RF64 file being written. Every method raises OSError where the system fails.

    descriptor: of an empty file. container: WAV, WAVEX or RF64. chunks: those of the source, None for none.
    """

    def __init__(
        self, descriptor: int, container: str, subtype: str, sample_rate_hz: int, channels: int, chunks: WavChunks | None = None
    ) -> None:
        self._descriptor, self._container, self._chunks = descriptor, container, chunks
        self._subtype, self._audio_bytes = subtype, 0
        fmt = _format(container, subtype, sample_rate_hz, channels, chunks.fmt if chunks is not None else b"")
        self._frame_bytes = struct.unpack_from("<H", fmt, 12)[0]
        self._put(b"RIFF\0\0\0\0WAVE")
        if container == "RF64":
            self._put(b"ds64" + struct.pack("<I", 28) + bytes(28))
        before = chunks.before if chunks is not None else ()
        ahead = chunks.ahead if chunks is not None else 0
        # libsndfile 1.2.2 loses its way in an RF64 with a chunk of odd size before the audio: there it follows the audio
        self._later = tuple(chunk for chunk in before if container == "RF64" and chunk.size % 2)
        self._copy(before[:ahead])
        self._put(b"fmt " + struct.pack("<I", len(fmt)) + fmt)
        self._fact_at = None
        if not subtype.startswith("PCM"):
            self._fact_at = os.lseek(descriptor, 0, os.SEEK_CUR) + 8
            self._put(b"fact" + struct.pack("<II", 4, 0))
        self._copy(before[ahead:])
        self._put(b"data" + bytes(4))
        self._audio_at = os.lseek(descriptor, 0, os.SEEK_CUR)

    def write(self, interleaved: FloatArray, *, may_clip: bool = True) -> None:
        """Append samples (n, channels): whole steps of an integer format, which are clipped to its range, or 1.0 for full scale.

        may_clip: whether some may be outside of it.
        """
        bits = PLAIN_SUBTYPES[self._subtype][1]
        if self._subtype in ("FLOAT", "DOUBLE"):
            data = interleaved.astype(f"<f{bits // 8}", copy=False).tobytes()
        else:
            half = 2.0 ** (bits - 1)
            steps = np.clip(interleaved, -half, half - 1.0) if may_clip else interleaved
            data = (steps + half).astype(np.uint8).tobytes() if bits == 8 else packed(steps, bits // 8)
        self._put(data)
        self._audio_bytes += len(data)

    def finish(self) -> None:
        """Write the chunks that follow the audio, and all sizes. Raises OverflowError where WAV cannot hold so much."""
        os.lseek(self._descriptor, 0, os.SEEK_END)
        self._put(bytes(self._audio_bytes % 2))
        if self._chunks is not None:
            for chunk in (*self._later, *self._chunks.after):
                self._chunks.copy(chunk, self._descriptor)
        riff_bytes = os.lseek(self._descriptor, 0, os.SEEK_END) - 8
        frames = self._audio_bytes // self._frame_bytes
        if self._container == "RF64":
            self._patch(0, b"RF64" + struct.pack("<I", 0xFFFFFFFF))
            self._patch(20, struct.pack("<QQQ", riff_bytes, self._audio_bytes, frames))
        elif riff_bytes > 0xFFFFFFFF:
            raise OverflowError("WAV cannot hold more than 4 GiB")
        else:
            self._patch(4, struct.pack("<I", riff_bytes))
        self._patch(self._audio_at - 4, struct.pack("<I", 0xFFFFFFFF if self._container == "RF64" else self._audio_bytes))
        if self._fact_at is not None:
            self._patch(self._fact_at, struct.pack("<I", min(frames, 0xFFFFFFFF)))

    def _copy(self, before: tuple[Chunk, ...]) -> None:
        """Append chunks that stand before the audio, but for those that come later."""
        for chunk in before:
            if self._chunks is not None and chunk not in self._later:
                self._chunks.copy(chunk, self._descriptor)

    def _put(self, data: bytes) -> None:
        write_whole(self._descriptor, data)

    def _patch(self, offset: int, data: bytes) -> None:
        write_at(self._descriptor, data, offset)


def append_chunks(descriptor: int, chunks: WavChunks) -> None:
    """Append chunks to a finished WAV that libsndfile wrote; those that stood before the audio now follow it. Raises OSError."""
    end = os.lseek(descriptor, 0, os.SEEK_END)
    write_whole(descriptor, bytes(end % 2))
    for chunk in (*chunks.before, *chunks.after):
        chunks.copy(chunk, descriptor)
    write_at(descriptor, struct.pack("<I", os.lseek(descriptor, 0, os.SEEK_END) - 8), 4)


def _format(container: str, subtype: str, sample_rate_hz: int, channels: int, source: bytes) -> bytes:
    """Return the body of `fmt `: the source's own where it says the same, so that what it knows of speakers stays."""
    tag, bits = PLAIN_SUBTYPES[subtype]
    frame_bytes = channels * bits // 8
    plain = struct.pack("<HIIHH", channels, sample_rate_hz, sample_rate_hz * frame_bytes, frame_bytes, bits)
    is_extended = len(source) >= 40 and source[:2] == struct.pack("<H", _EXTENSIBLE)
    stated_tag = int.from_bytes(source[24:26] if is_extended else source[:2], "little")
    valid_bits = int.from_bytes(source[18:20], "little") if is_extended else bits
    if (
        source[2:16] == plain
        and stated_tag == tag
        and valid_bits == bits
        and (container == "RF64" or is_extended == (container == "WAVEX"))
    ):
        return source
    if is_extended or container == "WAVEX":
        mask = source[20:24] if is_extended else bytes(4)  # 0: no speaker is meant
        guid = struct.pack("<H", tag) + _GUID_TAIL
        return struct.pack("<H", _EXTENSIBLE) + plain + struct.pack("<HH", 22, bits) + mask + guid
    return struct.pack("<H", tag) + plain + (b"" if tag == 1 else bytes(2))
