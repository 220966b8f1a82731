"""Preset files for tests: members of goldens, damage done to them, and what a reader may make of that."""

from __future__ import annotations

import math
import random
from pathlib import Path

from semeq_presets import Preset

TOKENS = [
    b"nan",
    b"inf",
    b"-1e999",
    b"1e308",
    b"0",
    b"-0",
    b"",
    b"1,5",
    b"\x00",
    b"\xff\xff\xff\xff",
    b"\x7f\xc0\x00\x00",
    b"<",
    b"\n",
    b"9" * 40,
]


def files_of(place: Path) -> dict[str, bytes]:
    """The files of a golden by name: those of a folder, or the one."""
    members = sorted(place.iterdir()) if place.is_dir() else [place]
    return {member.name: member.read_bytes() for member in members}


def mutated(data: bytes, rng: random.Random) -> bytes:
    """The data cut, spliced, overwritten or with flipped bits, in one to five places."""
    content = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 5])):
        at = rng.randrange(len(content) + 1)
        match rng.randrange(7):
            case 0:
                del content[at:]
            case 1:
                del content[at : at + rng.randrange(1, 40)]
            case 2:
                content[at:at] = rng.choice(TOKENS)
            case 3:
                token = rng.choice(TOKENS)
                content[at : at + len(token)] = token
            case 4 | 5 if content:
                content[at % len(content)] ^= 1 << rng.randrange(8)
            case _:
                content[at:at] = content[rng.randrange(len(content) + 1) :][: rng.randrange(200)]
    return bytes(content)


def is_sound(preset: Preset) -> bool:
    """Whether all numbers of a preset are finite and it holds something."""
    if preset.eq is None:
        return preset.curve is not None
    values = [value for band in preset.eq.bands for value in (band.freq_hz, band.gain_db, band.q)]
    return all(math.isfinite(value) for value in (*values, preset.eq.preamp_db))
