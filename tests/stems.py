"""A session of many stems, made from real audio by cutting, and varying rate, format, depth and channels; with the three that go wrong."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
from broadcast import AFTER, BEFORE, Chunks, chunk, chunks_of
from conftest import ROOT

FORMS = [
    ("wav", "PCM_16"),
    ("wav", "PCM_24"),
    ("wav", "FLOAT"),
    ("flac", "PCM_16"),
    ("flac", "PCM_24"),
    ("aiff", "PCM_24"),
    ("w64", "PCM_16"),
    ("caf", "PCM_24"),
    ("ogg", "VORBIS"),
    ("mp3", "MPEG_LAYER_III"),
]
RATES_HZ = [44_100, 48_000, 96_000, 22_050, 32_000]


def make_session(folder: Path, sources: list[Path], count: int, *, seconds: float = 1.0) -> tuple[Path, Path, Path]:
    """Write `count` stems and return the corrupt one, the one over 0 dBFS and the silent one. Every WAV is a broadcast WAV."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(6)
    audio = [soundfile.read(path, dtype="float64", always_2d=True)[0] for path in sources]
    paths = []
    for index in range(count):
        samples = audio[index % len(audio)]
        rate_hz = RATES_HZ[rng.integers(len(RATES_HZ))]
        suffix, subtype = FORMS[index % len(FORMS)]
        if suffix in ("ogg", "mp3"):
            rate_hz = min(rate_hz, 48_000)
        frames = int(seconds * rate_hz * rng.uniform(0.5, 1.5))
        start = rng.integers(max(1, len(samples) - frames))
        cut = samples[start : start + frames]
        cut = cut[:, :1] if index % 3 == 0 else np.repeat(cut, 2, axis=1)[:, :2]
        cut = cut / max(1e-9, np.abs(cut).max()) * rng.uniform(0.05, 0.7)
        path = folder / f"{index:04} {sources[index % len(sources)].stem[:20]}.{suffix}"
        soundfile.write(path, cut, rate_hz, subtype=subtype)
        if suffix == "wav":
            _broadcast(path)
        paths.append(path)
    corrupt, hot, silent = paths[count // 2 + 3], paths[count // 3 * 2 // 10 * 10 + 1], paths[count // 4 // 10 * 10]
    corrupt.write_bytes(corrupt.read_bytes()[: corrupt.stat().st_size // 2])
    samples, rate_hz = soundfile.read(hot, dtype="float64", always_2d=True)
    soundfile.write(hot, samples / np.abs(samples).max() * 1.2, rate_hz, subtype="FLOAT")
    soundfile.write(silent, np.zeros((30_000, 2)), 48_000, subtype="PCM_16")
    return corrupt, hot, silent


def start(*arguments: object) -> subprocess.Popen[str]:
    """Start `semeq-export process` in a session of its own, as a terminal does."""
    command = [sys.executable, "-m", "semeq_export", "process", *map(str, arguments)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(str(ROOT / name) for name in (".", "plugin_host", "presets"))}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)


def process(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run `semeq-export process` to its end."""
    with start(*arguments) as running:
        out, err = running.communicate()
    return subprocess.CompletedProcess(running.args, running.returncode, out, err)


def process_until(outputs: int, act: Callable[[], object], out: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run it and do something once so many outputs are there; give what it said in the end."""
    with start(*arguments) as running:
        while running.poll() is None and len(list(out.glob("[!.]*"))) < outputs:
            time.sleep(0.002)
        act()
        said = running.communicate()
    return subprocess.CompletedProcess(running.args, running.returncode, *said)


def _broadcast(path: Path) -> None:
    own: Chunks = chunks_of(path.read_bytes())
    body = b"WAVE" + b"".join(chunk(*c) for c in BEFORE) + b"".join(chunk(*c) for c in own) + b"".join(chunk(*c) for c in AFTER)
    path.write_bytes(b"RIFF" + len(body).to_bytes(4, "little") + body)
