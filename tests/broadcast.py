"""Broadcast WAVs as recorders and DAWs write them, and a walk over chunks that shares no code with ours."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import soundfile

BEXT = b"mix of the morning".ljust(256, b"\0") + b"semeq".ljust(32, b"\0") + b"REF1".ljust(32, b"\0") + b"2026-11-2112:00:00"
BEXT += struct.pack("<Q", 172_800_000) + struct.pack("<H", 1) + bytes(64) + bytes(190) + b"A=PCM,F=48000,W=24,M=stereo\r\n"
CUE = struct.pack("<I", 2) + struct.pack("<II4sIII", 1, 480, b"data", 0, 0, 480) + struct.pack("<II4sIII", 2, 960, b"data", 0, 0, 960)
ADTL = b"adtl" + b"labl" + struct.pack("<II", 10, 1) + b"Verse\0" + b"labl" + struct.pack("<II", 11, 2) + b"Chorus\0" + b"\0"
INFO = b"INFO" + b"INAM" + struct.pack("<I", 6) + b"Vocal\0" + b"IART" + struct.pack("<I", 5) + b"Band\0\0"
SMPL = struct.pack("<9I", 0, 0, 20_833, 60, 0, 0, 0, 1, 0) + struct.pack("<6I", 0, 0, 100, 900, 0, 0)
ACID = struct.pack("<IHHfIHHf", 0, 60, 0x8000, 0.0, 4, 4, 4, 120.0)
IXML = b'<?xml version="1.0"?><BWFXML><SCENE>1</SCENE></BWFXML>'  # odd length: padded
BEFORE = [(b"bext", BEXT), (b"iXML", IXML + b" "[: 1 - len(IXML) % 2]), (b"JUNK", bytes(28))]
AFTER = [(b"cue ", CUE), (b"LIST", ADTL), (b"smpl", SMPL), (b"acid", ACID), (b"LIST", INFO), (b"odd!", b"xyz")]

Chunks = list[tuple[bytes, bytes]]


def chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)


def broadcast_wav(path: Path, subtype: str = "PCM_24", *, before: Chunks = BEFORE, after: Chunks = AFTER, container: str = "WAV") -> Path:
    """A BWF as recorders and DAWs write it: the audio and `fmt ` by libsndfile, everything else around them."""
    samples = np.random.default_rng(5).uniform(-0.4, 0.4, (4_001, 2))
    soundfile.write(path, samples, 48_000, format=container, subtype=subtype)
    with path.open("rb") as file:
        own = dict(chunks_of(file.read()))
    body = b"WAVE" + b"".join(chunk(*c) for c in before) + chunk(b"fmt ", own[b"fmt "])
    body += b"".join(chunk(n, own[n]) for n in (b"fact", b"PEAK") if n in own) + chunk(b"data", own[b"data"])
    body += b"".join(chunk(*c) for c in after)
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    return path


def chunks_of(data: bytes) -> Chunks:
    """Every chunk of a RIFF or RF64 file, by a walk of our own."""
    found, offset = [], 12
    while offset + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, offset)
        if size == 0xFFFFFFFF:
            size = struct.unpack_from("<Q", data, 28)[0]
        assert offset + 8 + size <= len(data)
        found.append((name, data[offset + 8 : offset + 8 + size]))
        offset += 8 + size + size % 2
    assert offset == len(data)
    return found
