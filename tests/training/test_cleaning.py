"""Which rows are used, under which word, and that every rule is counted."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from semeq_export.eq.settings import SAFE_13
from semeq_export.words.terms import Term, normalise_term
from semeq_training.data.cleaning import MIN_ROWS, RULES, VARIANTS, clean
from semeq_training.data.datasets import read_tables
from semeq_training.data.tables import RawRow

SETTINGS = np.array([6.0, 120.0, 0.0, 560.0, 0.71, 0.0, 1_000.0, 0.71, 0.0, 3_300.0, 0.71, -3.0, 8_200.0])


def row(word: str, identity: int = 1, *, flag: str | None = None, language: str = "en", gain_db: float | None = None) -> RawRow:
    values = SETTINGS.copy()
    values[0] = identity / 1_000 if gain_db is None else gain_db
    return RawRow(f"safe:{identity}", "safe", word, language, flag, 0, "safe/fold0", "", "", values, None)


def shape_row(word: str, values: np.ndarray, language: str = "en") -> RawRow:
    return RawRow("socialeq:1", "socialeq", word, language, None, 0, "socialeq/1", "", "", values, 0.5)


def rule_for(raw: RawRow) -> str | None:
    cleaned = clean([raw])
    return next((rule for rule, count in cleaned.dropped[raw.dataset].items() if count), None)


@pytest.mark.parametrize(
    ("word", "rule"),
    [
        ("[name]", "name"),
        *((word, "test") for word in ("test", "TEST ", "test 2", "Testing", "default", "reset", "hello", "Hola", "no-change", "none")),
        *((word, "junk") for word in ("", "  ", "12", "!?", "re27", "eq")),
        *((word, "source") for word in ("vocals", "Guitar", "kick", "musica", "music")),
        *((word, "text") for word in ("warm, bright", "a/b", "a:b", "c\\d", "x" * 65, "wa\x07rm")),
        *((word, None) for word in ("warm", "testy", "NA", "null", "frío", "bass boost")),
    ],
)
def test_words_are_sorted_into_rules(word: str, rule: str | None) -> None:
    assert rule_for(row(word)) == rule


@pytest.mark.parametrize(("flag", "rule"), [("test", "test"), ("junk", "junk"), ("source", "source"), ("name", "name"), ("ok", None)])
def test_hand_made_flags_are_taken_as_they_are(flag: str, rule: str | None) -> None:
    assert rule_for(row("warm", flag=flag)) == rule
    assert rule_for(row("vocals", flag="ok")) is None


def test_an_eq_that_does_nothing_is_dropped() -> None:
    flat = replace(row("warm"), values=np.where(np.isin(np.arange(13), [0, 2, 5, 8, 11]), 0.0, SETTINGS))
    assert rule_for(flat) == "flat"
    assert rule_for(shape_row("warm", np.zeros(40))) == "flat"


def test_the_same_word_with_the_same_values_counts_once() -> None:
    rows = [row("warm", 1, gain_db=3.0), row("Warm ", 2, gain_db=3.0), row("bright", 3, gain_db=3.0), row("warm", 4, gain_db=4.0)]
    cleaned = clean(rows)
    assert [kept.raw.id for kept in cleaned.rows] == ["safe:1", "safe:3", "safe:4"]
    assert cleaned.dropped["safe"]["duplicate"] == 1


def test_variants_are_merged_within_their_language() -> None:
    cleaned = clean([row("Warmth", 1), row("wawrm", 2), row("warm", 3), row("cálida", 4, language="es"), row("warmth", 5, language="es")])
    assert [kept.word for kept in cleaned.rows] == ["warm", "warm", "warm", "cálido", "warmth"]
    assert cleaned.merged == {("en", "warmth"): 1, ("en", "wawrm"): 1, ("es", "cálida"): 1}


def test_the_table_of_variants_leads_in_one_step_to_words_that_are_no_variants() -> None:
    for (language, spelling), word in VARIANTS.items():
        assert spelling == normalise_term(spelling) != word == normalise_term(word)
        assert (language, word) not in VARIANTS


def test_every_word_that_is_kept_can_be_a_term() -> None:
    kept = clean(row(word, i) for i, word in enumerate(["Warm", " dé  miedo ", "añejo", "high-pitched", "noise_free"])).rows
    for item in kept:
        Term(item.word, (0.0,), "en", 1, 0.0, 1.0)
    assert len(kept) == 5


@pytest.mark.data
def test_rules_and_words_on_the_real_tables(data_dir: Path) -> None:
    rows = [raw for table in read_tables(data_dir) for raw in table.rows]
    cleaned = clean(rows)
    assert dict(zip(RULES, (7, 192, 48, 43, 15, 8, 45), strict=True)) == cleaned.dropped["safe"]
    assert dict(zip(RULES, (2, 4, 5, 14, 0, 0, 0), strict=True)) == cleaned.dropped["socialeq"]
    assert len(rows) == len(cleaned.rows) + sum(sum(counts.values()) for counts in cleaned.dropped.values())
    counts = Counter((kept.word, kept.raw.language) for kept in cleaned.rows)
    usable = {key for key, count in counts.items() if count >= MIN_ROWS}
    assert 65 <= len(usable) <= 80
    assert len({word for word, _ in usable}) == len(usable)
    assert {("warm", "en"), ("bright", "en"), ("claro", "es"), ("airy", "en"), ("muddy", "en")} <= usable
    assert counts["warm", "en"] > 500 > counts["bright", "en"] > 400
    for kept in cleaned.rows:
        if kept.raw.dataset == "safe":
            SAFE_13.from_vector(kept.raw.values)
