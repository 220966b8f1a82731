"""Speed of streams, and the record of the hour-long one (stream_hour.py, run by .ci/long)."""

from __future__ import annotations

import json

import numpy as np
import pytest
from bench import stream_hour
from conftest import ROOT
from pytest_benchmark.fixture import BenchmarkFixture

from semeq_export.bundle.loading import load_bundle
from semeq_export.engine import Engine
from semeq_host.streams.stream import AdaptiveEq


@pytest.fixture(scope="module")
def loop() -> np.ndarray:
    return stream_hour.material()


def test_stream_block_of_512(benchmark: BenchmarkFixture, loop: np.ndarray) -> None:
    live, starts = AdaptiveEq(Engine(load_bundle()), "warm", sample_rate_hz=44_100), iter(range(1 << 40))

    def block() -> np.ndarray:
        at = next(starts) * 512 % 440_000
        return live.process(loop[:, at : at + 512])

    assert benchmark(block).shape == (2, 512)


def test_stream_of_ten_seconds_in_file_blocks(benchmark: BenchmarkFixture, loop: np.ndarray) -> None:
    live = AdaptiveEq(Engine(load_bundle()), "warm", sample_rate_hz=44_100)
    whole = [loop[:, start : start + 16_384] for start in range(0, loop.shape[1], 16_384)]
    out = benchmark(lambda: [live.process(block) for block in whole])
    assert sum(block.shape[1] for block in out) == loop.shape[1]
    benchmark.extra_info["audio_s"] = 10.0


def test_a_short_stream_gives_the_same_bits_in_other_blocks(loop: np.ndarray) -> None:
    total = 12 * stream_hour.RATE_HZ
    digest, times_us, usage = stream_hour.run(loop, total, [512])
    other, _, _ = stream_hour.run(loop, total, [1_000, 3, 20_000])
    assert digest == other
    assert len(times_us) == len(list(stream_hour.pieces(total, [512])))
    assert usage["rss_end_mb"] > 0


def test_the_record_is_of_the_shipped_bundle_and_within_its_limits() -> None:
    record = json.loads((ROOT / "tests" / "records" / "stream.json").read_text(encoding="utf-8"))
    assert record["weights_sha256"] == load_bundle().manifest.training.weights_sha256, "another bundle ships now: run .ci/long"
    assert {"date", "machine", "commit"} <= record.keys()
    assert record["limits"] == stream_hour.LIMITS
    results = record["results"]
    assert results["audio_s"] == 3_600
    assert results["same_bits_in_other_blocks"] is True
    for name, limit in record["limits"].items():
        assert results[name] <= limit, name
