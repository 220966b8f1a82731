"""The record of what the model is worth: of the shipped bundle, within the promised bounds, and better than its baselines."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
from conftest import ROOT, cases

from semeq_export.bundle.loading import load_bundle
from semeq_export.engine import Engine

RECORD = json.loads((ROOT / "tests" / "records" / "evaluation.json").read_text(encoding="utf-8"))
FULL, SMALL = RECORD["report"], RECORD["eight_numbers"]


def test_the_record_is_of_the_shipped_bundle() -> None:
    training = load_bundle().manifest.training
    assert RECORD["weights_sha256"] == training.weights_sha256, "another bundle ships now: run .ci/long and commit its record"
    assert {"date", "machine", "commit"} <= RECORD.keys()
    assert "report" not in RECORD["former"]


def test_four_folds_and_random_rows_were_left_out() -> None:
    assert FULL["seeds"] >= 1
    assert FULL["splits"] == ["fold0", "fold1", "fold2", "fold4", "random"]


def test_settings_survive_the_latent() -> None:
    errors = FULL["curve_mae_db"]["safe_words"]
    small = SMALL["curve_mae_db"]["safe_words"]["bottleneck8"]
    for place in ("left_out", "random"):
        assert errors["default"][place]["mean"] <= 0.05
        assert errors["two-word"][place]["mean"] <= 0.05
        assert small[place]["mean"] <= 0.40
    others = [figure["left_out"]["mean"] for name, figure in SMALL["curve_mae_db"]["safe_words"].items() if name not in SMALL["recipes"]]
    assert small["left_out"]["mean"] < min(value for value in others if value != min(others))  # all but the curve's own components


def test_warm_and_bright_are_told_apart_as_well_as_anything_tells_them() -> None:
    two = FULL["grouping"]["2"]
    assert two["default"]["accuracy"]["random"]["mean"] >= 0.90
    assert two["default"]["accuracy"]["left_out"]["mean"] >= two["ceiling"]["accuracy"]["left_out"]["mean"] - 0.02
    assert min(two["two-word"]["silhouette"]["left_out"]["by_seed"]) >= 0.50


@pytest.mark.parametrize("name", ["default", "two-word"])
def test_words_predict_people_as_well_as_their_mean_curves(name: str) -> None:
    assert len(FULL["words"][name]) >= 20
    for word, entry in FULL["words"][name].items():
        assert entry["rmse_ratio"] <= 1.01, word
        assert entry["correlation_lost"] <= 0.015, word


def test_morphs_between_all_well_known_words_are_even() -> None:
    engine = Engine(load_bundle())
    words = [term.name for term in engine.bundle.centroids.values() if term.examples >= 10 and not term.is_variant]
    pairs = list(itertools.combinations(words, 2))
    assert len(pairs) >= 200
    chosen = pairs[:: cases(10, 3)]
    paths = [engine.exact.morph_path(start, end) for start, end in chosen]
    assert max(max(path.steps_db) / np.mean(path.steps_db) for path in paths) <= 1.8
    assert max(max(path.departures_db) for path in paths) <= 0.5
    readable = [engine.morph_path(start, end) for start, end in chosen]  # bands come and go
    assert np.mean([max(path.departures_db) for path in readable]) <= 0.3
    assert max(max(path.departures_db) for path in readable) <= 0.6


def test_no_word_has_two_meanings_and_the_table_says_why() -> None:
    gains = RECORD["vocabulary"]["two_meanings"]
    assert len(gains) >= 20
    assert min(gain["p_corrected"] for gain in gains) > 0.05
