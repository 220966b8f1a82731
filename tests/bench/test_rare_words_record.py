"""The record of what words of few rows gain from others: better on people left out, and why words of two to four rows are no terms."""

from __future__ import annotations

import json

from conftest import ROOT

from semeq_training.data.cleaning import MIN_ROWS
from semeq_training.data.vocabulary import FEW_ROWS

RECORD = json.loads((ROOT / "tests" / "records" / "rare_words.json").read_text(encoding="utf-8"))
FREQUENT = RECORD["five_or_more_rows"]


def test_few_rows_gain_by_borrowing() -> None:
    used = FREQUENT[f"as used, under {FEW_ROWS} rows"]
    assert used["correlation"]["words"] >= 70
    assert used["correlation"]["interval_95"][0] > 0.006
    assert used["rmse_db"]["interval_95"][1] < -0.095


def test_words_of_ten_rows_gain_nothing_in_shape() -> None:
    more = FREQUENT["by_estimator"]["borrowing"]["10-29"]["correlation"]
    assert more["interval_95"][0] < 0.0 < more["interval_95"][1]


def test_words_of_fewer_rows_are_no_terms_since_no_rule_finds_those_that_beat_a_guess() -> None:
    rules = RECORD["two_to_four_rows_against_a_guess"]
    for rule in ("2 own rows", "3 own rows", "people agree, over 0.3"):
        assert rules[rule]["correlation"]["interval_95"][0] < 0.0
    assert MIN_ROWS == 5
