"""The record of what analysis says of sounds whose EQ is known: of the shipped bundle, without contradictions, better than chance."""

from __future__ import annotations

import json

from conftest import ROOT

from semeq_export.bundle.loading import factory_path

RECORD = json.loads((ROOT / "tests" / "records" / "blind.json").read_text(encoding="utf-8"))


def test_the_record_is_of_the_shipped_bundle() -> None:
    manifest = json.loads((factory_path() / "manifest.json").read_text(encoding="utf-8"))
    assert RECORD["weights_sha256"] == manifest["training"]["weights_sha256"], (
        "another bundle ships now: run .ci/long and commit its record"
    )


def test_nothing_is_both_of_two_opposites() -> None:
    assert {table["contradictions"] for table in (*RECORD["blind"].values(), RECORD["ceiling"])} == {0}


def test_untouched_sounds_seldom_raise_a_false_alarm() -> None:
    assert RECORD["blind"]["kind_recognised"]["false_alarms"][0] <= 0.25
    assert RECORD["ceiling"]["false_alarms"][0] <= 0.25


def test_words_are_right_more_often_than_by_chance() -> None:
    for table in RECORD["blind"].values():
        assert table["right_whatever_the_odds"][0] > table["chance"]
    assert RECORD["ceiling"]["right_whatever_the_odds"][0] > RECORD["blind"]["kind_given"]["right_whatever_the_odds"][0]


def test_adaptive_doses_spread_as_the_pre_eq_did() -> None:
    assert RECORD["adaptive_slope"]["against_kind"][0] >= 0.5
    assert RECORD["adaptive_slope"]["against_same_source"][0] >= 0.9
