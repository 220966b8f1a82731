"""Preset files for tests: goldens by name, damage done to them, and whether a reader takes it as it must."""

from __future__ import annotations

import gzip
import io
import math
import random
import struct
import time
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import semeq_presets as presets
from semeq_export.eq.settings import EqSettings
from semeq_export.errors import PresetError, PresetWriteError
from semeq_presets import Preset
from semeq_presets.file_formats._vstpreset import Container, pack, unpack

GOLDEN = Path(__file__).resolve().parent / "golden"
GOLDENS = tuple(
    f"{folder.name}/{member.name}" for folder in sorted(GOLDEN.iterdir()) for member in sorted(folder.iterdir()) if member.suffix != ".md"
)
"""format-id/name of every golden."""


@contextmanager
def peak_below(size: int) -> Iterator[None]:
    """Fail where what runs inside holds more memory at once than size bytes, by Python's own count."""
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < size, f"{peak} bytes held at once"


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
    b"\xff\xfe",
    b"\xc3",
    b"\x7f\xc0\x00\x00",
    b"[",
    b"]",
    b'"',
    b"\\",
    b"<",
    b"&",
    b"#",
    b"\n",
    b"dB",
    b"9" * 40,
    b"9" * 400,
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
                content[at : at + rng.choice([len(token), rng.randrange(1, 8)])] = token
            case 4 | 5 if content:
                content[at % len(content)] ^= 1 << rng.randrange(8)
            case _:
                content[at:at] = content[rng.randrange(len(content) + 1) :][: rng.randrange(200)]
    return bytes(content)


def _inside_gzip(data: bytes, rng: random.Random) -> bytes:
    return gzip.compress(mutated(gzip.decompress(data), rng), 1)


def _inside_zip(data: bytes, rng: random.Random) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(buffer, "w") as target:
        for entry in source.infolist():
            content = source.read(entry)
            target.writestr(entry.filename, mutated(content, rng) if entry.filename == "project.xml" else content)
    return buffer.getvalue()


def _inside_state(data: bytes, rng: random.Random) -> bytes:
    """A preset of our plug-in whose state is damaged, but its size and checksum right."""
    container = unpack(data)
    state = bytearray(mutated(container.chunks[b"Comp"][:-4], rng))
    state[8:12] = struct.pack("<I", len(state) + 4)
    signed = bytes(state) + struct.pack("<I", zlib.crc32(state))
    return pack(Container(container.class_id, {**container.chunks, b"Comp": signed}))


_BEHIND_CHECKSUMS: Mapping[str, Callable[[bytes, random.Random], bytes]] = {
    "eq-eight": _inside_gzip,
    "semeq-vst3": _inside_state,
    "dawproject": _inside_zip,
}
"""Damage from the outside would hardly ever come past these formats' own checks: three of four mutants are damaged inside."""


def is_sound(preset: Preset) -> bool:
    """Whether all numbers of a preset are finite and it holds something."""
    eqs = [preset.eq] if isinstance(preset.eq, EqSettings) else [eq for _, eq in preset.eq]
    values = [value for eq in eqs for band in eq.bands for value in (band.freq_hz, band.gain_db, band.q)]
    return all(math.isfinite(value) for value in (*values, *(eq.preamp_db for eq in eqs)))


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of mutants: read as a sound preset, or refused with our error. slowest_ms: processor time of one."""

    read: int
    refused: int
    slowest_ms: float


def try_mutants(golden: str, count: int, seed: str = "") -> Tally:
    """Damage a golden in so many ways, the same for the same seed, and read what comes of it.

    Every fourth mutant is read without its format being named. Raises AssertionError naming the mutant where the outcome is neither our
    error in one line nor a sound preset that can be written, read and written again with the same bytes (or refused in one line).
    """
    format_id = golden.partition("/")[0]
    rng = random.Random(golden + seed)
    files = files_of(GOLDEN / golden)
    read, slowest_s = 0, 0.0
    for number in range(count):
        damage = _BEHIND_CHECKSUMS.get(format_id, mutated) if number % 4 else mutated
        victim = rng.choice(list(files))
        mutant = {**files, victim: damage(files[victim], rng)}
        start_s = time.thread_time()
        try:
            read += _is_read(mutant, format_id if (number // 4) % 4 else None)
        except Exception as error:
            raise AssertionError(f"{golden}, mutant {number} of seed {seed!r}: {error!r}") from error
        slowest_s = max(slowest_s, time.thread_time() - start_s)
    return Tally(read, count - read, slowest_s * 1e3)


def _is_read(mutant: dict[str, bytes], format_id: str | None) -> bool:
    try:
        preset = presets.read(mutant, format_id)
    except PresetError as error:
        assert "\n" not in str(error)
        return False
    assert is_sound(preset)
    try:
        written = presets.write(preset, preset.format)
    except PresetWriteError as error:
        assert "\n" not in str(error)
        return True
    again = presets.read(written.files, preset.format)
    assert presets.write(again, preset.format).files == written.files
    return True
