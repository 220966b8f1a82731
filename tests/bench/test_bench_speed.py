"""Speed, each with a peer of the same run (bars.toml). In normal runs every benchmark executes once and checks what it would time."""

from __future__ import annotations

import itertools
import subprocess
import sys
import sysconfig
from pathlib import Path

import numpy as np
import pedalboard
import pytest
from pytest_benchmark.fixture import BenchmarkFixture
from scipy.signal import sosfreqz
from strategies import random_settings

from semeq_export.bundle.loading import Bundle, load_bundle
from semeq_export.engine import Engine
from semeq_export.eq.biquad import design_sos, response_db
from semeq_export.eq.curve import log_grid
from semeq_export.eq.filter import apply
from semeq_export.words.target import SemanticTarget

RATE_HZ = 48_000.0
EQ = random_settings(1, seed=30)[0]


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return load_bundle()


@pytest.fixture(scope="module")
def z(bundle: Bundle) -> np.ndarray:
    return np.array(bundle.centroids["warm"].z, dtype=np.float32)


@pytest.fixture(scope="module")
def minute() -> np.ndarray:
    return np.random.default_rng(31).standard_normal((2, 60 * 48_000)).astype(np.float32) * 0.1


def test_decode(benchmark: BenchmarkFixture, bundle: Bundle, z: np.ndarray) -> None:
    params = benchmark(bundle.decoder, z)
    assert params.shape == (len(bundle.manifest.layout.params),)
    assert np.isfinite(params).all()


def test_bare_session_run(benchmark: BenchmarkFixture, bundle: Bundle, z: np.ndarray) -> None:
    name, row = bundle.manifest.decoder.input, z.reshape(1, -1)
    (params,) = benchmark(bundle.decoder.graph.session.run, None, {name: row})
    np.testing.assert_allclose(bundle.decoder(z), params[0], rtol=1e-6)


def test_audio_encoder(benchmark: BenchmarkFixture, bundle: Bundle, minute: np.ndarray) -> None:
    encoder = bundle.encoder
    assert encoder is not None
    assert encoder.window_samples == 2 * encoder.sample_rate_hz
    options = encoder.graph.session.get_session_options()
    assert options.intra_op_num_threads == 1
    window = np.ascontiguousarray(minute[0, : encoder.window_samples])
    z = benchmark(encoder, window)
    assert z.shape == (bundle.manifest.latent_dim,)
    assert np.abs(z).max() > 0.0


def test_eq_for_a_word(benchmark: BenchmarkFixture, bundle: Bundle) -> None:
    engine, target = Engine(bundle), SemanticTarget.parse("warm")
    assert not benchmark(engine.eq_for, target).is_flat


def test_eq_for_a_new_target(benchmark: BenchmarkFixture, bundle: Bundle) -> None:
    """A blend, so that it is decoded, and refitted to few bands."""
    engine, shares = Engine(bundle), itertools.count(1)
    benchmark(lambda: engine.eq_for(SemanticTarget({"warm": 1.0 / next(shares), "airy": 0.4})))
    assert len(engine.eq_for(SemanticTarget({"warm": 0.7, "airy": 0.4})).bands) <= 4


def test_response(benchmark: BenchmarkFixture) -> None:
    assert benchmark(response_db, EQ, log_grid(), RATE_HZ).shape == (96,)


def test_response_in_scipy(benchmark: BenchmarkFixture) -> None:
    _, h = benchmark(sosfreqz, design_sos(EQ, RATE_HZ), worN=log_grid(), fs=RATE_HZ)
    np.testing.assert_allclose(20 * np.log10(np.abs(h)), response_db(EQ, log_grid(), RATE_HZ), atol=1e-6)


def test_whole_file(benchmark: BenchmarkFixture, minute: np.ndarray) -> None:
    out = benchmark.pedantic(apply, (EQ, minute, RATE_HZ), rounds=5)
    assert out.shape == minute.shape
    benchmark.extra_info["audio_s"] = 60.0


def test_whole_file_of_denormals(benchmark: BenchmarkFixture, minute: np.ndarray) -> None:  # fault A5
    out = benchmark.pedantic(apply, (EQ, minute * np.float32(1e-38), RATE_HZ), rounds=5)
    np.testing.assert_allclose(out[:, :4_800], 1e-38 * apply(EQ, minute[:, :4_800], RATE_HZ).astype(np.float64), atol=1e-44)


def test_whole_file_in_pedalboard(benchmark: BenchmarkFixture, minute: np.ndarray) -> None:
    plugin = {"low_shelf": pedalboard.LowShelfFilter, "peak": pedalboard.PeakFilter, "high_shelf": pedalboard.HighShelfFilter}
    board = pedalboard.Pedalboard([plugin[b.kind.value](b.freq_hz, b.gain_db, b.q) for b in EQ.bands])
    out = benchmark.pedantic(board, (minute, RATE_HZ), rounds=5)
    np.testing.assert_allclose(out[:, :4_800], apply(EQ, minute[:, :4_800], RATE_HZ), atol=1e-3)


def test_preset_cold_start(benchmark: BenchmarkFixture) -> None:
    command = [str(Path(sysconfig.get_path("scripts")) / "semeq-export"), "preset", "-t", "warm", "-f", "eqapo", "-o", "-"]
    done = benchmark.pedantic(subprocess.run, (command,), {"check": True, "capture_output": True}, rounds=7, warmup_rounds=1)
    assert b"Filter 1: ON" in done.stdout


def test_import_cold_start(benchmark: BenchmarkFixture) -> None:
    command = [sys.executable, "-c", "import numpy, scipy.signal, onnxruntime"]
    done = benchmark.pedantic(subprocess.run, (command,), {"check": True, "capture_output": True}, rounds=7, warmup_rounds=1)
    assert done.returncode == 0
