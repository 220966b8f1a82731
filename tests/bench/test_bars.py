"""The speed bars themselves: they name benchmarks that exist, a missed one is seen, and the record is of the shipped bundle."""

from __future__ import annotations

import json
import tomllib

import pytest
from bench import check_bars
from conftest import ROOT

BARS = tomllib.loads((ROOT / "tests" / "bench" / "bars.toml").read_text(encoding="utf-8"))


def test_every_bar_names_benchmarks_that_exist() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "tests" / "bench").glob("test_bench_*.py")))
    for bar in BARS.values():
        assert f"def {bar['measured']}(benchmark" in source
        if "max_s" in bar:
            assert bar["max_s"] > 0
        elif "min_times_real_time" in bar:
            assert bar["min_times_real_time"] > 0 < bar["audio_s"]
        else:
            assert f"def {bar['peer']}(benchmark" in source
            assert bar["max_ratio"] > 0


def test_a_bar_in_seconds_takes_the_best_run() -> None:
    bars = {"library": {"what": "x", "measured": "a", "max_s": 2.0}}
    assert check_bars.judge(bars, [{"a": 3.0}, {"a": 1.5}])["library"] == {"what": "x", "measured_s": 1.5, "max_s": 2.0, "met": True}
    assert check_bars.judge(bars, [{"a": 3.0}])["library"]["met"] is False


def test_a_bar_in_real_time_takes_the_best_run_and_gives_the_ratio_to_its_peer() -> None:
    bars = {"process": {"what": "x", "measured": "a", "peer": "b", "audio_s": 120.0, "min_times_real_time": 60.0}}
    met = check_bars.judge(bars, [{"a": 3.0, "b": 1.0}, {"a": 1.5, "b": 1.0}])["process"]
    assert (met["times_real_time"], met["ratio"], met["met"]) == (80.0, 1.5, True)
    assert check_bars.judge(bars, [{"a": 2.5, "b": 1.0}])["process"]["met"] is False


def test_the_best_run_counts_and_a_missed_bar_is_seen() -> None:
    bars = {"decode": {"what": "x", "measured": "a", "peer": "b", "max_ratio": 2.0}}
    assert check_bars.judge(bars, [{"a": 9.0, "b": 1.0}, {"a": 3.0, "b": 2.0}])["decode"]["met"] is True
    missed = check_bars.judge(bars, [{"a": 9.0, "b": 1.0}, {"a": 5.0, "b": 2.0}])["decode"]
    assert (missed["met"], missed["ratio"]) == (False, 2.5)


def test_a_bar_without_a_benchmark_is_an_error() -> None:
    with pytest.raises(KeyError):
        check_bars.judge({"x": {"what": "x", "measured": "gone", "peer": "b", "max_ratio": 1.0}}, [{"b": 1.0}])


def test_the_record_is_of_the_shipped_bundle_and_all_bars_are_met() -> None:
    record = json.loads((ROOT / "tests" / "records" / "bars.json").read_text(encoding="utf-8"))
    manifest = json.loads((ROOT / "semeq_export" / "factory" / "default.semeq" / "manifest.json").read_text(encoding="utf-8"))
    assert record["weights_sha256"] == manifest["training"]["weights_sha256"], (
        "another bundle ships now: run .ci/long and commit its record"
    )
    assert record["bars"].keys() == BARS.keys()
    for name, result in record["bars"].items():
        assert result["met"], name
        assert {"date", "machine", "commit"} <= result.keys(), name
        assert result.get("max_ratio") == BARS[name].get("max_ratio"), name
        assert result.get("max_s") == BARS[name].get("max_s"), name
        assert result.get("min_times_real_time") == BARS[name].get("min_times_real_time"), name
