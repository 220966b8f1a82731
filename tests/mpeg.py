"""Where the frames of an MP3 are, by the bit rates that they state."""

from __future__ import annotations


def end_of(data: bytes | bytearray, count: int) -> int:
    """Where a number of frames (MPEG 1, layer III, 48 kHz) ends."""
    kbit = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
    place = 0
    for _ in range(count):
        place += 3 * kbit[data[place + 2] >> 4] + (data[place + 2] >> 1 & 1)
    return place
