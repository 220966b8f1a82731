"""Loudness of semeq.hpp is Python's, for real files and for signals made to be hard."""

from __future__ import annotations

import math
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT, cases, skip_or_fail

from semeq_export.arrays import FloatArray
from semeq_export.audio.loudness import Loudness
from semeq_export.audio.reader import open_audio

pytestmark = pytest.mark.cpp
CPP = ROOT / "semeq_export" / "cpp"
Meter = Callable[[FloatArray, float], float]


@pytest.fixture(scope="module")
def meter(tmp_path_factory: pytest.TempPathFactory) -> Meter:
    if shutil.which("c++") is None:
        skip_or_fail("no C++ compiler (apt-get install g++)")
    program = tmp_path_factory.mktemp("loudness") / "loudness"
    subprocess.run(["c++", "-std=c++17", "-O1", "-I", CPP / "include", CPP / "tests" / "loudness.cpp", "-o", program], check=True)

    def measure(samples: FloatArray, rate_hz: float) -> float:
        raw = np.ascontiguousarray(samples.T, dtype="<f4").tobytes()
        done = subprocess.run([program, str(rate_hz), str(len(samples))], input=raw, capture_output=True, check=True)
        return float(done.stdout)

    return measure


def in_python(samples: FloatArray, rate_hz: float) -> float:
    loudness = Loudness(rate_hz, len(samples))
    loudness.feed(samples)
    return -math.inf if loudness.lufs is None else loudness.lufs


def test_real_files_measure_the_same(meter: Meter, real_files: list[Path]) -> None:
    for path in real_files[: cases(4, len(real_files))]:
        with open_audio(path) as reader:
            samples, rate_hz = np.concatenate(list(reader.blocks()), axis=1), reader.info.sample_rate_hz
        assert meter(samples, rate_hz) == pytest.approx(in_python(samples, rate_hz), abs=0.01), path.name


@pytest.mark.parametrize("seed", range(cases(6, 30)))
def test_any_programme_measures_the_same(meter: Meter, seed: int) -> None:
    """Noise in stretches of any level, many of them at the gates, of any rate, length and number of channels."""
    rng = np.random.default_rng(seed)
    rate_hz = float(rng.choice([8_000, 11_025, 22_050, 44_100, 48_000, 88_200, 96_000, 192_000]))
    channels, seconds = int(rng.integers(1, 6)), rng.uniform(0.3, 8.0)
    n = int(seconds * rate_hz)
    levels_db = rng.choice([0.0, -9.0, -10.0, -10.5, -11.0, -20.0, -45.0, -60.0, -100.0], size=40)
    envelope = np.repeat(10 ** (levels_db / 20), math.ceil(n / 40))[:n]
    samples = (rng.normal(0, 0.1, (channels, n)) * envelope * rng.uniform(0.1, 1.0, (channels, 1))).astype(np.float32)
    assert meter(samples, rate_hz) == pytest.approx(in_python(samples, rate_hz), abs=0.05)


@pytest.mark.parametrize("samples", [np.zeros((2, 96_000)), np.full((1, 19_199), 0.5), np.full((2, 96_000), 1e-5)])
def test_silence_and_less_than_a_block_have_none(meter: Meter, samples: FloatArray) -> None:
    assert meter(samples, 48_000.0) == -math.inf == in_python(samples, 48_000.0)
