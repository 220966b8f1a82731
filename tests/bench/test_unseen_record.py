"""The committed record of `unseen_report.py`: guesses beat what is known without them, and levels mean what they say."""

from __future__ import annotations

import json

import pytest
from conftest import ROOT

RECORD = json.loads((ROOT / "tests" / "records" / "unseen.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("way", ["loose", "strict"])
def test_fused_guesses_are_better_than_the_mean_of_all_people(way: str) -> None:
    for group in ("1 row", "2-4 rows", "5+ rows"):
        row = RECORD[way]["correlation"][group]
        assert row["fused"] > row["global mean"]
        assert row["fused"] > row["charts"]


def test_surer_guesses_are_less_often_wrong() -> None:
    levels = [RECORD["loose"]["calibration"][level] for level in ("refused", "doubtful", "medium", "high")]
    wrong = [level["wrong_sign"] for level in levels]
    assert wrong == sorted(wrong, reverse=True)
    assert wrong[-1] < 0.15 < 0.3 < wrong[0]
    assert min(level["words"] for level in levels) >= 15


def test_nonsense_would_be_refused() -> None:
    nonsense = RECORD["nonsense"]
    assert nonsense["nouns"] == 200
    assert nonsense["understood without asking"] <= 0.05 * nonsense["nouns"]
    assert nonsense["refused"] >= 0.8 * nonsense["nouns"]
