"""The rate that a sound file says it has, as the page reads it (src/page/audio/rate.ts), of files that libsndfile wrote."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
from studio.visits import saw
from web.conftest import need_packages

WRITTEN = [
    ("wav", "WAV", "PCM_16", (8_000, 44_100, 192_000)),
    ("wavex", "WAVEX", "FLOAT", (48_000, 96_000)),
    ("rf64", "RF64", "PCM_24", (44_100, 88_200)),
    ("aiff", "AIFF", "PCM_24", (22_050, 44_100, 48_000, 96_000)),
    ("flac", "FLAC", "PCM_16", (44_100, 48_000, 96_000)),
    ("ogg", "OGG", "VORBIS", (44_100, 48_000)),
    ("opus", "OGG", "OPUS", (48_000,)),
    ("mp3", "MP3", "MPEG_LAYER_III", (22_050, 44_100, 48_000)),
]
NONE = {
    "empty": b"",
    "short": b"RIFF",
    "text": b"this is no sound at all, whatever it says",
    "cut.wav": b"RIFF\x10\x00\x00\x00WAVEfmt \x10",
}


def test_rates_are_those_of_the_files(tmp_path: Path) -> None:
    need_packages()
    files, expected = [], []
    for ending, container, subtype, rates_hz in WRITTEN:
        for rate_hz in rates_hz:
            files.append(tmp_path / f"{rate_hz}.{ending}")
            expected.append(rate_hz)
            tone = 0.3 * np.sin(2.0 * np.pi * 300.0 * np.arange(rate_hz // 4) / rate_hz)
            soundfile.write(files[-1], np.column_stack([tone, tone]), rate_hz, format=container, subtype=subtype)
    for name, data in NONE.items():
        files.append(tmp_path / name)
        files[-1].write_bytes(data)
    assert saw("rates.mjs", *files) == [*expected, *(None for _ in NONE)]


def test_tags_before_an_mp3_and_chunks_before_a_wave_are_passed(tmp_path: Path) -> None:
    need_packages()
    tone = np.zeros(12_000)
    soundfile.write(tmp_path / "plain.mp3", tone, 32_000, format="MP3")
    soundfile.write(tmp_path / "plain.wav", tone, 32_000, format="WAV")
    mp3, wave = ((tmp_path / f"plain.{ending}").read_bytes() for ending in ("mp3", "wav"))
    start = mp3.find(b"\xff", 10 if mp3.startswith(b"ID3") else 0)
    (tmp_path / "tagged.mp3").write_bytes(b"ID3\x04\x00\x00\x00\x00\x02\x00" + b"\xff\xfb\x90\x00" * 64 + mp3[start:])
    (tmp_path / "chunks.wav").write_bytes(wave[:12] + b"bext\x03\x00\x00\x00abc\x00" + wave[12:])
    assert saw("rates.mjs", tmp_path / "tagged.mp3", tmp_path / "chunks.wav") == [32_000, 32_000]
