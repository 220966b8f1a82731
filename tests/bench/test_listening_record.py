"""The record of what the EQ that listens knows: of the shipped bundle, within the promised bounds, and better than its baselines."""

from __future__ import annotations

import json

from conftest import ROOT

from semeq_export.bundle.loading import factory_path

RECORD = json.loads((ROOT / "tests" / "records" / "listening.json").read_text(encoding="utf-8"))


def test_the_record_is_of_the_shipped_bundle() -> None:
    manifest = json.loads((factory_path() / "manifest.json").read_text(encoding="utf-8"))
    assert RECORD["weights_sha256"] == manifest["training"]["weights_sha256"], (
        "another bundle ships now: run .ci/long and commit its record"
    )
    assert {"date", "machine", "commit"} <= RECORD.keys()


def test_doses_are_recovered_within_the_promise() -> None:
    for split, least_r2 in (("alternate_seconds", 0.95), ("contiguous_halves", 0.6)):  # the promise, and what is known of halves
        parts = RECORD["dose_recovery"][split]
        windows = parts["windows"]
        assert abs(windows["slope"] - 1.0) <= 0.1
        assert windows["r2"] >= least_r2
        assert windows["r2"] > parts["mean_only"]["r2"] + 0.1
        assert windows["achieved_error_median"] <= 0.1
        assert windows["achieved_error_p95"] <= 0.2


def test_profiles_name_the_word_better_than_the_baselines() -> None:
    named = RECORD["word_named_of_five"]
    baselines = [named[name] for name in ("chance", "constant", "plain_spectrum_centroid")]
    assert named["profile"] > max(baselines)  # not better than the nearest of 60 labelled spectra, 0.46; a profile needs no labels
    assert named["profile_with_reference"] > max(0.9, named["spectral_nearest_neighbour"])
