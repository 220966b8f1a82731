"""The record of both audio encoders: of the shipped EQ model, over all sources, and the shipped encoder is the one it names."""

from __future__ import annotations

import json

from conftest import ROOT

from semeq_export.bundle.loading import load_bundle

RECORD = json.loads((ROOT / "tests" / "records" / "encoder.json").read_text(encoding="utf-8"))


def test_the_record_is_of_the_shipped_bundle() -> None:
    manifest = load_bundle().manifest
    assert RECORD["weights_sha256"] == manifest.training.weights_sha256, "another EQ model ships now: run .ci/long and commit its record"
    assert {"date", "machine", "commit"} <= RECORD.keys()
    assert manifest.audio_encoder is not None
    assert manifest.audio_encoder.training is not None
    shipped = RECORD["recipes"]["encoder"]
    assert shipped["metrics"] == dict(manifest.audio_encoder.training.metrics)
    assert shipped["better_estimator"] == manifest.audio_encoder.training.better_estimator


def test_all_recipes_were_asked_about_every_source_and_beat_a_constant() -> None:
    assert "encoder" in RECORD["recipes"]
    for name, record in RECORD["recipes"].items():
        metrics = record["metrics"]
        assert (metrics["files"], metrics["sources_left_out"]) == (13, 8)
        for task in ("alternate", "halves"):
            assert metrics[f"{task}_encoder_r2"] > 0.4 > metrics[f"{task}_constant_r2"] == 0.0, name
            assert metrics[f"{task}_encoder_word_accuracy"] > 0.4 > metrics[f"{task}_constant_word_accuracy"], name
        assert metrics["alternate_encoder_auc"] > 0.85 > metrics["alternate_constant_auc"], name
