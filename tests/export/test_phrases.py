"""Phrases: every example of the grammar, laws of the reader, and what is said of words that nobody taught."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from importlib import resources

import pytest
from conftest import ROOT
from hypothesis import given
from hypothesis import strategies as st

from semeq_export.bundle.loading import load_bundle
from semeq_export.engine import Engine
from semeq_export.errors import InvalidTargetError, SemeqError, UnknownTermError
from semeq_export.words.phrase import Phrase
from semeq_export.words.phrases import understand
from semeq_export.words.target import SemanticTarget

GRAMMAR = tomllib.loads(resources.files("semeq_export.words").joinpath("phrases.toml").read_text(encoding="utf-8"))
BANK = load_bundle(None).centroids
WORDS = sorted(
    {key for name in ("amount", "direction", "excess", "join", "form", "region") for key in GRAMMAR[name]}
    | {key for name in ("verb", "same", "near") for language in ("en", "es") for key in GRAMMAR[name][language]}
    | set(GRAMMAR["words"]["filler"])
    | set(BANK)
)


def examples() -> Iterator[tuple[str, str, str]]:
    """All examples: language, phrase, what is understood of it."""
    for by_language in GRAMMAR["example"].values():
        for language, table in by_language.items():
            yield from ((language, phrase, expected) for phrase, expected in table.items())


def said_of(text: str) -> str:
    try:
        phrase = understand(text, BANK)
    except SemeqError as error:
        return f"refused: {error}"
    return phrase.understood + (f" (left out: {', '.join(phrase.ignored)})" if phrase.ignored else "")


@pytest.mark.parametrize(("language", "text", "expected"), list(examples()), ids=lambda value: str(value)[:40])
def test_every_example_means_what_the_grammar_says(language: str, text: str, expected: str) -> None:
    assert said_of(text) == expected


def test_what_is_not_understood_names_no_weak_word() -> None:
    weak = {name for name in BANK if BANK.is_weak(name)}
    assert {"cold", "hollow"} <= weak
    for text in ("scooped", "nasal", "presencia", "coldd", "hollwo", "something wram"):
        with pytest.raises(UnknownTermError) as caught:
            understand(text, BANK)
        assert not weak & set(caught.value.suggestions), text


def test_there_are_enough_examples_of_each_rule_and_language() -> None:
    languages = [language for language, _, _ in examples()]
    assert len(languages) >= 120
    assert languages.count("es") >= 40
    assert {"amount", "direction", "excess", "verb", "join", "form", "same", "region"} <= GRAMMAR["example"].keys()


@pytest.mark.parametrize("text", ["warm", "warm:0.7,bright:0.3", "warm@metal", "less muddy:0.5", "menos muddy:0.3, WARM", "warm:2", "frío"])
def test_the_exact_syntax_means_what_it_says(text: str) -> None:
    phrase = understand(text, BANK)
    assert phrase.is_exact
    assert dict(phrase.weights) == dict(SemanticTarget.parse(text).weights)
    assert phrase.target(0.5) == SemanticTarget.parse(text, 0.5)


@pytest.mark.parametrize("text", ["wram:0.5", "warm:x", "clarity:1", "warm:0.5,less", "warm:1,warm:2"])
def test_a_slip_in_the_exact_syntax_is_said_as_ever(text: str) -> None:
    with pytest.raises((InvalidTargetError, UnknownTermError)) as caught:
        understand(text, BANK)
    assert "by_meaning" not in vars(caught.value) or not vars(caught.value)["by_meaning"]


def test_less_alone_is_the_opposite() -> None:
    assert understand("less muddy", BANK).target() == SemanticTarget({"muddy": -1.0})
    assert understand("a bit too muddy", BANK).target(2.0) == SemanticTarget({"muddy": -0.5}, 2.0)
    assert understand("slightly warm", BANK).target() == SemanticTarget({"warm": 0.5})
    assert not understand("warm, less muddy", BANK).is_exact
    assert understand("warm 1.2, muddy -0.6", BANK).is_exact
    engine = Engine(load_bundle(None))
    assert engine.eq_for("less muddy") == engine.eq_for(SemanticTarget({"muddy": 1.0}, -0.6))
    assert engine.eq_for("slightly warm") == engine.eq_for("warm").scaled(0.5)


def test_the_line_says_what_was_left_out_and_what_is_an_opposite() -> None:
    assert understand("airy vocals", BANK).line == "understood: airy 1; left out: vocals"
    assert understand("less muddy", BANK).line == "understood: muddy -1; the opposite of muddy"
    assert (
        understand("vocals neither harsh nor tinny", BANK).line
        == "understood: harsh -1, tinny -1; the opposite of harsh and tinny; left out: vocals"
    )


def test_no_suggestion_is_by_spelling_where_the_meaning_is_another() -> None:
    for text in ("sparkle", "nasal", "sibilant", "presence", "cozy"):
        with pytest.raises(UnknownTermError, match=f"unknown term '{text}'; nearest in meaning: ") as caught:
            understand(f"more {text} please", BANK)
        assert caught.value.by_meaning
        assert all(name in BANK for name in caught.value.suggestions)
    for text in ("banana", "invoice", "bold", "qwrtz"):
        with pytest.raises(UnknownTermError, match=f"unknown term '{text}'; see: semeq-export terms"):
            understand(text, BANK)


@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=8).map(" ".join))
def test_what_was_understood_means_the_same_again(text: str) -> None:
    try:
        phrase = understand(text, BANK)
    except (InvalidTargetError, UnknownTermError):
        return
    assert dict(understand(phrase.understood, BANK).weights) == dict(phrase.weights)
    assert all(weight != 0.0 for weight in phrase.weights.values())
    assert hash(phrase) == hash(Phrase(phrase.weights, phrase.ignored, phrase.is_exact))


@given(st.text(max_size=40))
def test_any_text_is_understood_or_refused(text: str) -> None:
    try:
        understand(text, BANK)
    except (InvalidTargetError, UnknownTermError) as error:
        assert str(error)


def test_the_grammar_names_no_word_twice_in_one_role() -> None:
    """A key in two tables would mean what the later one says, unseen."""
    roles = [GRAMMAR[name] for name in ("amount", "direction", "excess", "join")]
    keys = [key for table in roles for key in table]
    assert len(keys) == len(set(keys))


def test_the_record_says_what_came_of_the_forty_phrases() -> None:
    record = json.loads((ROOT / "tests" / "records" / "phrases.json").read_text(encoding="utf-8"))
    phrases = tomllib.loads((ROOT / "tests" / "export" / "producer_phrases.toml").read_text(encoding="utf-8"))["phrase"]
    assert len(phrases) == 40
    for run in ("before", "after"):
        for half in ("development", "held out"):
            assert sum(record[run][half].values()) == sum(phrase["half"] == half for phrase in phrases) == 20
    assert record["before"]["held out"]["understood"] == 0
    assert record["after"]["held out"]["understood"] + record["after"]["held out"]["rightly refused"] >= 15


@pytest.mark.parametrize(
    "text",
    ["x" * 100_000, "warm, " * 100_000, "warm," * 10 + "y" * 5_000, "warm:" + "9" * 400 + "x", "z:1," * 5_000, "warm bright " * 500 + ":1"],
)
def test_whatever_is_refused_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(SemeqError) as caught:
        understand(text, BANK)
    assert len(str(caught.value)) <= 300
    assert str(caught.value).isprintable()


def test_a_blend_is_suggested_with_each_word_once() -> None:
    with pytest.raises(UnknownTermError, match="^unknown term 'warm bright warm'; did you mean 'warm,bright'[?]$"):
        understand("warm bright warm:1", BANK)


def test_too_long_a_phrase_is_called_that() -> None:
    with pytest.raises(InvalidTargetError, match="^a phrase of 301 characters is longer than 300$"):
        understand("warmer" + " " * 289 + "please", BANK)
    assert dict(understand("warmer" + " " * 288 + "please", BANK).weights) == {"warm": 1.0}


@pytest.mark.parametrize("text", ["less muddy, warm " + "9" * 200, "warm 11, less muddy", "1100% warm, bright", "warm 0.0001 and bright"])
def test_a_number_out_of_range_is_refused_before_words_are_mixed(text: str) -> None:
    with pytest.raises(InvalidTargetError, match=r"^weight .* of 'warm' is "):
        Engine(load_bundle(None)).understand(text)
