"""Loudness against the standard's own numbers, EBU Tech 3341's signals and ffmpeg's meter."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import cases, skip_or_fail

from semeq_export.audio.loudness import Loudness, k_weighting


def measured(samples: np.ndarray, rate_hz: float = 48_000.0, block: int = 5_000) -> float | None:
    meter = Loudness(rate_hz, len(samples))
    for start in range(0, samples.shape[1], block):
        meter.feed(samples[:, start : start + block])
    return meter.lufs


def tone(level_db: float, seconds: float, rate_hz: float = 48_000.0, channels: int = 2) -> np.ndarray:
    n = np.arange(int(seconds * rate_hz))
    return np.tile(10 ** (level_db / 20) * np.sin(2 * np.pi * 1_000 * n / rate_hz), (channels, 1))


def test_the_filters_are_those_of_the_standard() -> None:
    """ITU-R BS.1770-4, tables 1 and 2."""
    expected = [
        [1.53512485958697, -2.69169618940638, 1.19839281085285, 1.0, -1.69065929318241, 0.73248077421585],
        [1.0, -2.0, 1.0, 1.0, -1.99004745483398, 0.99007225036621],
    ]
    np.testing.assert_allclose(k_weighting(48_000), expected, atol=1e-12)


@pytest.mark.parametrize("rate_hz", [32_000, 44_100, 48_000, 96_000, 192_000])
def test_a_tone_of_minus_23_is_minus_23(rate_hz: int) -> None:
    """Tech 3341, cases 1 and 2; stereo, 1 kHz."""
    assert measured(tone(-23.0, 5.0, rate_hz), rate_hz) == pytest.approx(-23.0, abs=0.05)
    assert measured(tone(-33.0, 5.0, rate_hz), rate_hz) == pytest.approx(-33.0, abs=0.05)


def test_quiet_passages_are_gated_away() -> None:
    """Tech 3341, cases 3 and 4."""
    parts = [tone(level, seconds) for level, seconds in ((-36.0, 10), (-23.0, 60), (-36.0, 10))]
    assert measured(np.concatenate(parts, axis=1)) == pytest.approx(-23.0, abs=0.1)
    parts = [tone(-72.0, 10), *parts, tone(-72.0, 10)]
    assert measured(np.concatenate(parts, axis=1)) == pytest.approx(-23.0, abs=0.1)


@pytest.mark.parametrize("block", [999, 4_800, 100_000, 1][: cases(3, 4)])
def test_the_block_size_changes_next_to_nothing(block: int) -> None:
    noise = np.random.default_rng(1).normal(0, 0.1, (2, 30_000))
    assert measured(noise, block=block) == pytest.approx(measured(noise), abs=1e-9)


@pytest.mark.parametrize("samples", [np.zeros((2, 96_000)), np.zeros((1, 0)), np.full((1, 19_199), 0.5), tone(-80.0, 2.0)])
def test_silence_and_less_than_a_block_have_no_loudness(samples: np.ndarray) -> None:
    assert measured(samples) is None


def test_ffmpeg_measures_the_same(tmp_path: Path) -> None:
    if shutil.which("ffmpeg") is None:
        skip_or_fail("ffmpeg not found; apt-get install ffmpeg")
    rng = np.random.default_rng(2)
    noise = rng.normal(0, 0.1, (2, 480_000)) * np.repeat(rng.uniform(0.01, 1.0, 20), 24_000)
    soundfile.write(tmp_path / "in.wav", noise.T, 48_000, subtype="FLOAT")
    command = ["ffmpeg", "-nostats", "-i", "in.wav", "-af", "ebur128", "-f", "null", "-"]
    said = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stderr
    lufs = measured(noise)
    assert lufs is not None
    assert abs(lufs - float(re.findall(r"I:\s+(-?[\d.]+) LUFS", said)[-1])) <= 0.1  # it prints tenths
