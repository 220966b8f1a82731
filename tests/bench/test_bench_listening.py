"""Speed of the commands that listen, in processor time of one thread, each on two minutes of stereo FLAC.

Processor time, so that other work on the machine does not count. What a new process needs before it starts is left out.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pedalboard
import pytest
import soundfile
import sounds
from click.testing import CliRunner
from conftest import cases
from pytest_benchmark.fixture import BenchmarkFixture

from semeq_export.bundle.loading import load_bundle
from semeq_export.cli import cli
from semeq_export.engine import Engine

RATE_HZ = 44_100
AUDIO_S = 120.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """Holds mix.flac, and reference.flac that is like it: phrases of 20 s, or shorter ones where nothing is timed."""
    times = cases(24, 6) if request.config.getoption("benchmark_disable") else 6
    folder = tmp_path_factory.mktemp("listening")
    for name, seed in (("mix", 1), ("reference", 2)):
        phrase = np.concatenate([sounds.performance(AUDIO_S / times, RATE_HZ, seed=seed + 10 * channel).samples for channel in (0, 1)])
        soundfile.write(folder / f"{name}.flac", np.tile(phrase, times).T, RATE_HZ, subtype="PCM_16")
    return folder


def command(*arguments: str) -> str:
    done = CliRunner().invoke(cli, list(arguments), catch_exceptions=False)
    assert done.exit_code == 0, done.stderr
    return done.stdout


@pytest.mark.benchmark(timer=time.process_time)
def test_analyze_file(benchmark: BenchmarkFixture, folder: Path) -> None:
    said = benchmark.pedantic(command, ("analyze", str(folder / "mix.flac"), "--json"), rounds=3)
    (entry,) = json.loads(said)["files"]
    assert entry["seconds"] == pytest.approx(AUDIO_S)
    assert entry["headline"]
    benchmark.extra_info["audio_s"] = AUDIO_S


@pytest.mark.benchmark(timer=time.process_time)
def test_process_file_adaptively(benchmark: BenchmarkFixture, folder: Path) -> None:
    mix, reference, out = (str(folder / name) for name in ("mix.flac", "reference.flac", "out.flac"))
    arguments = ("process", mix, "-t", "warm", "--mode", "adaptive", "--reference", reference, "-o", out, "--force", "--json")
    said = benchmark.pedantic(command, arguments, rounds=3)
    (entry,) = json.loads(said)["files"]
    assert entry["adaptation"]["dose_achieved"] == pytest.approx(entry["adaptation"]["dose_asked"], abs=0.1)
    benchmark.extra_info["audio_s"] = AUDIO_S


@pytest.mark.benchmark(timer=time.process_time)
def test_process_file_in_pedalboard(benchmark: BenchmarkFixture, folder: Path) -> None:
    plugin = {"low_shelf": pedalboard.LowShelfFilter, "peak": pedalboard.PeakFilter, "high_shelf": pedalboard.HighShelfFilter}
    bands = Engine(load_bundle()).eq_for("warm").bands

    def process() -> int:
        board, frames = pedalboard.Pedalboard([plugin[b.kind.value](b.freq_hz, b.gain_db, b.q) for b in bands]), 0
        with (
            pedalboard.io.AudioFile(str(folder / "mix.flac")) as source,
            pedalboard.io.AudioFile(str(folder / "plain.flac"), "w", RATE_HZ, 2, bit_depth=16) as target,
        ):
            while source.tell() < source.frames:
                block = source.read(16_384)
                target.write(board(block, RATE_HZ, reset=False))
                frames += block.shape[1]
        return frames

    assert benchmark.pedantic(process, rounds=3) == int(AUDIO_S * RATE_HZ)
    benchmark.extra_info["audio_s"] = AUDIO_S
