"""semeq-export bench: its figures are complete, and its limit can say no."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import bundles
import numpy as np
import pytest
from conftest import skip_or_fail

from semeq_export.bench import native
from semeq_export.bundle.loading import load_bundle
from semeq_export.cli import _shared, cli


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bench") / "tiny.semeq"
    bundles.write(path)
    return path


def test_json_states_machine_and_every_time(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["bench", "--bundle", str(bundle), "--json", "--seconds", "0.05", "--block-size", "64", "--block-size", "256"]
    assert _shared.run(cli, arguments) == 0
    document = json.loads(capsys.readouterr().out)
    for name in ("decode", "bare_run", "bandwidth_loop", "terms_lookup", "eq_for_first_word", "eq_for_again", "analysis_hop"):
        times = document[name]
        assert 0 < times["p50_us"] <= times["p95_us"] <= times["p99_us"] <= times["p99_9_us"] <= times["max_us"]
        assert 0 < times["thread_p50_us"] <= times["thread_p99_us"] <= times["thread_max_us"]
        assert times["first_us"] > 0
    assert document["decode_ratio"] == pytest.approx(document["decode"]["p50_us"] / document["bare_run"]["p50_us"])
    assert [block["block_size"] for block in document["eq_blocks"]] == [64, 256]
    assert document["eq_blocks"][0]["deadline_us"] == pytest.approx(64 / 48_000 * 1e6)
    assert document["machine"]["processor"]
    assert document["is_within_limit"] is True
    assert document["start_ms"] > 0
    assert document["peak_memory_mb"] > 10
    assert document["native"] is None


def test_table_is_for_people(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _shared.run(cli, ["bench", "--bundle", str(bundle), "--seconds", "0.05", "--max-p99-ms", "1e6"]) == 0
    out, err = capsys.readouterr()
    assert "decode takes" in out
    assert "EQ block 128 @ 48000" in out
    assert err == ""


def test_limit_says_no_with_3(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _shared.run(cli, ["bench", "--bundle", str(bundle), "--seconds", "0.05", "--max-p99-ms", "1e-6", "--json"]) == 3
    out, err = capsys.readouterr()
    assert json.loads(out)["is_within_limit"] is False
    assert "over the limit" in err


@pytest.mark.parametrize("bad", [["--sample-rate", "1"], ["--sample-rate", "nan"], ["--block-size", "0"], ["--max-p99-ms", "0"]])
def test_impossible_conditions_end_with_2(bundle: Path, capsys: pytest.CaptureFixture[str], bad: list[str]) -> None:
    assert _shared.run(cli, ["bench", "--bundle", str(bundle), *bad]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.cpp
@pytest.mark.slow
def test_native_times_stand_beside_those_of_python(
    bundle: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if not any(shutil.which(name) for name in native.COMPILERS):
        skip_or_fail("no C++ compiler (apt-get install g++)")
    measure = native.measure_native
    monkeypatch.setattr(native, "measure_native", lambda bundle: measure(bundle, seconds=0.001))
    assert _shared.run(cli, ["bench", "--bundle", str(bundle), "--seconds", "0.05", "--native", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)["native"]
    assert 0 < document["decode"]["thread"]["p50_us"] <= document["decode"]["thread"]["p99.9_us"]
    assert document["decode_over_bandwidth"] > 0
    assert len(document["blocks"]) == 56
    assert document["from_python_by_turns"]["decode_p50_us"] > 0
    assert document["from_python_by_turns"]["onnxruntime_p50_us"] > 0


@pytest.mark.cpp
def test_what_is_timed_by_turns_decodes_as_python_does(bundle: Path) -> None:
    if not native.has_compiler():
        skip_or_fail("no C++ compiler (apt-get install g++)")
    loaded = load_bundle(bundle)
    z, params = np.linspace(-1.0, 1.0, loaded.manifest.latent_dim, dtype=np.float32), np.zeros(13)
    with native.native_decoder(loaded) as decode:
        assert decode(z, params)
        assert not decode(np.full_like(z, np.nan), np.zeros(13))
    np.testing.assert_allclose(params, loaded.decoder(z), rtol=1e-5, atol=1e-4)


def test_native_without_a_compiler_ends_with_1(bundle: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "COMPILERS", ("no-such-compiler",))
    assert _shared.run(cli, ["bench", "--bundle", str(bundle), "--seconds", "0.05", "--native"]) == 1
    assert "no C++ compiler" in capsys.readouterr().err


def test_figure_shows_blocks_and_their_deadline(bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "latency.svg"
    arguments = ["bench", "--bundle", str(bundle), "--seconds", "0.05", "--figure", str(path)]
    assert _shared.run(cli, arguments) == 0
    assert "<svg" in path.read_text(encoding="utf-8")
    assert _shared.run(cli, arguments) == 2  # it is there already
    assert _shared.run(cli, ["bench", "--bundle", str(bundle), "--figure", str(tmp_path / "latency.xyz")]) == 2
