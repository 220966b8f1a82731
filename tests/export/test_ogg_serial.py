"""Ogg without its random serial number: the same bytes for the same input, and every page's checksum right."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from semeq_export.audio.ogg_serial import zero_serial


def crc(data: bytes) -> int:
    """The checksum of a page, bit by bit as RFC 3533 states it."""
    value = 0
    for byte in data:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1 ^ (0x04C11DB7 if value >> 31 else 0)) & 0xFFFFFFFF
    return value


def pages(data: bytes) -> list[bytes]:
    found, offset = [], 0
    while offset < len(data):
        header = data[offset : offset + 27 + data[offset + 26]]
        found.append(data[offset : offset + len(header) + sum(header[27:])])
        offset += len(found[-1])
    return found


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_serials_are_zero_and_checksums_right(tmp_path: Path, subtype: str) -> None:  # fault C18
    noise = np.random.default_rng(2).uniform(-0.5, 0.5, (30_000, 2))
    contents = []
    for name in "ab":
        path = tmp_path / f"{name}.ogg"
        soundfile.write(path, noise, 48_000, format="OGG", subtype=subtype)
        before = path.read_bytes()
        descriptor = os.open(path, os.O_RDWR)
        zero_serial(descriptor)
        os.close(descriptor)
        contents.append(path.read_bytes())
        assert len(contents[-1]) == len(before)
        decoded = soundfile.read(path)[0]
        assert decoded.shape == noise.shape
    assert len(pages(contents[0])) > 3
    for page in pages(contents[0]):
        assert page[14:18] == bytes(4)
        assert struct.unpack_from("<I", page, 22)[0] == crc(page[:22] + bytes(4) + page[26:])
    assert contents[0] == contents[1]
