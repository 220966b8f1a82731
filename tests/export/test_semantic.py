"""Words, banks and targets as data."""

from __future__ import annotations

import math
from dataclasses import replace

import bundles
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semeq_export.errors import BundleFormatError, InvalidTargetError, UnknownTermError
from semeq_export.words.target import SemanticTarget
from semeq_export.words.terms import OWN, CentroidBank, Term, normalise_term

BANK = bundles.bank()
WARM = BANK["warm"]


def test_bank_comes_back_byte_for_byte() -> None:
    again = CentroidBank.from_json(BANK.to_json())
    assert again.to_json() == BANK.to_json()
    assert dict(again) == dict(BANK)


def test_bank_is_alphabetical_and_found_in_any_spelling() -> None:
    assert list(BANK) == sorted(bundles.WORDS)
    assert BANK["  WARM "] is WARM
    assert BANK["CA\u0301LIDO"].name == "cálido"
    assert "Warm" in BANK
    assert "nothing" not in BANK


def test_unknown_word_suggests_what_is_close() -> None:
    with pytest.raises(UnknownTermError) as caught:
        BANK["brigth"]
    assert caught.value.suggestions == ("bright",)
    with pytest.raises(UnknownTermError, match="see: semeq-export terms"):
        BANK["qqqqqq"]


def test_weak_words_and_those_of_some_people_are_suggested_to_nobody() -> None:
    people = {"tiny": 5}
    terms = [
        Term("mellow", (0.1,), "en", 5, agreement=0.3, typical_intensity=1.0, sources=people),
        Term("yellow", (0.2,), "en", 5, agreement=0.05, typical_intensity=1.0, sources=people),
        Term("mellow@metal", (0.3,), "en", 5, agreement=0.3, typical_intensity=1.0, sources=people),
        Term("bellow", (0.4,), "es", 5, agreement=0.3, typical_intensity=1.0, sources=people),
        Term("fellow", (0.5,), "en", 5, agreement=0.0, typical_intensity=1.0, sources={OWN: 3}),
    ]
    bank = CentroidBank(terms)
    assert bank.usual_words("en") == ["fellow", "mellow"]
    assert bank.usual_words("es") == ["bellow", "fellow"]
    assert set(bank.suggest("ellow")) == {"bellow", "fellow", "mellow"}  # of any language: the text says which
    assert "mellow@metal" in bank.suggest("mellow@metl")
    assert bank.left_out("en") == [
        "2 words left out: weak, or of some people only; ask for them by name",
        "1 word left out: of other languages; `language` says of which",
    ]
    assert bank.left_out() == bank.left_out("en")[:1]
    unmeasured = CentroidBank(terms, is_measured=False)
    assert unmeasured.usual_words("en") == ["fellow", "mellow", "yellow"]
    assert "yellow" in unmeasured.suggest("yelow")


def test_several_words_in_one_suggest_their_blend() -> None:
    for text in ("warm bright", "Warm + bright", "warm and bright"):
        with pytest.raises(UnknownTermError, match="did you mean 'warm,bright'"):
            BANK[text]
    assert BANK.suggest("warm wram") != ["warm,wram"]


def test_less_turns_a_weight_around() -> None:
    assert SemanticTarget.parse("warm, less  Bright").weights == {"warm": 1.0, "bright": -1.0}
    assert SemanticTarget.parse("warm,menos bright:0.3").weights == {"warm": 1.0, "bright": -0.3}
    assert SemanticTarget.parse("less").weights == {"less": 1.0}
    assert SemanticTarget.parse("less warm").weights == {"warm": -1.0}
    with pytest.raises(InvalidTargetError, match="'warm' occurs twice"):
        SemanticTarget.parse("warm,less warm")
    with pytest.raises(BundleFormatError, match="begins with 'less'"):
        replace(WARM, name="less warm")


@pytest.mark.parametrize(
    "change",
    [
        {"z": (1.5, 0.0, 0.0, 0.0)},
        {"z": (math.nan, 0.0, 0.0, 0.0)},
        {"name": "Warm"},
        {"name": ""},
        {"name": "a" * 65},
        {"name": "a/b"},
        {"name": "a:b"},
        {"name": "a,b"},
        {"name": "a\x07b"},
        {"agreement": math.inf},
        {"examples": -1},
    ],
)
def test_term_that_makes_no_sense_is_refused(change: dict[str, object]) -> None:  # fault D13, E6
    with pytest.raises(BundleFormatError):
        replace(WARM, **change)  # type: ignore[arg-type]


def test_bank_of_mixed_sizes_or_no_words_or_doubles_is_refused() -> None:
    for terms in ([], [WARM, WARM], [WARM, replace(BANK["airy"], z=(0.0,))]):
        with pytest.raises(BundleFormatError):
            CentroidBank(terms)


@pytest.mark.parametrize("text", [b"", b"[]", b'{"terms": []}', b'{"terms": {"warm": {}}}', b'{"terms": {"warm": {"z": "x"}}}', b"\xff"])
def test_malformed_bank_is_our_error(text: bytes) -> None:
    with pytest.raises(BundleFormatError):
        CentroidBank.from_json(text)


@pytest.mark.parametrize(
    ("text", "weights"),
    [
        ("warm", {"warm": 1.0}),
        ("warm:0.7,bright:0.3", {"warm": 0.7, "bright": 0.3}),
        (" Warm , harsh:-0.5 ", {"warm": 1.0, "harsh": -0.5}),
        ("very warm:2", {"very warm": 2.0}),
        ("warm,bright", {"warm": 0.5, "bright": 0.5}),
        ("warm,bright,less harsh", {"warm": 0.5, "bright": 0.5, "harsh": -1.0}),
        ("warm:-1", {"warm": -1.0}),
    ],
)
def test_targets_are_parsed(text: str, weights: dict[str, float]) -> None:
    assert dict(SemanticTarget.parse(text).weights) == weights


@pytest.mark.parametrize(
    "text",
    ["", ",", "warm,", ":1", "warm:x", "warm:", "warm:0", "warm:nan", "warm:inf", "warm,WARM", "warm:11", "warm:7e1", "warm:1:2"],
)
def test_targets_that_mean_nothing_are_refused(text: str) -> None:
    with pytest.raises(InvalidTargetError):
        SemanticTarget.parse(text)


@pytest.mark.parametrize("intensity", [3.1, -3.1, math.nan, math.inf])
def test_intensity_outside_its_range_is_refused(intensity: float) -> None:
    with pytest.raises(InvalidTargetError, match="intensity"):
        SemanticTarget.parse("warm", intensity)


WORDS = st.text(st.characters(categories=("Ll",)), min_size=1, max_size=12).map(normalise_term).filter(lambda word: 0 < len(word) <= 64)


@given(st.dictionaries(WORDS, st.integers(1, 999).map(lambda i: i / 100), min_size=1, max_size=5))
def test_text_of_a_target_parses_to_the_same_weights(weights: dict[str, float]) -> None:
    target = SemanticTarget(weights)
    again = SemanticTarget.parse(str(target))
    assert list(again.weights) == list(weights)
    assert dict(again.weights) == pytest.approx(weights)


@given(st.text(max_size=200))
def test_any_text_is_a_target_or_our_error(text: str) -> None:
    try:
        target = SemanticTarget.parse(text)
    except InvalidTargetError:
        return
    assert all(0 < abs(weight) <= 10 for weight in target.weights.values())


def test_terms_are_values() -> None:
    assert Term(**{name: getattr(WARM, name) for name in WARM.__dataclass_fields__}) == WARM


def test_targets_are_plain_numbers_and_can_be_keys() -> None:
    target = SemanticTarget({"warm": np.float32(0.5), "bright": 1}, np.float32(0.5))
    assert {target: 1}[SemanticTarget({"bright": 1.0, "warm": 0.5}, 0.5)] == 1
    assert type(target.intensity) is type(target.weights["warm"]) is float
    for weights, intensity, why in (({"warm": "1"}, 1.0, "weight of 'warm' '1'"), ({"warm": 1.0}, "1", "intensity '1'")):
        with pytest.raises(InvalidTargetError, match=f"{why} is not a number"):
            SemanticTarget(weights, intensity)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"agreement": 1e300}, r"agreement 1e\+300 is outside -1..1"),
        ({"agreement": -1.01}, "agreement -1.01 is outside"),
        ({"agreement": float("nan")}, "agreement nan is outside"),
        ({"typical_intensity": -1.0}, "typical_intensity -1 is outside 0..100"),
        ({"typical_intensity": 1e300}, "typical_intensity"),
        ({"examples": 2**63}, "number of examples"),
        ({"examples": -1}, "number of examples -1 is outside 0..2147483647"),
        ({"sources": {"SAFE": 2**31}}, "number of examples"),
        ({"sources": {"a\nb": 1}}, r"source 'a\\nb' is not 1..64 printable characters"),
        ({"language": "e" * 1_000}, "language 'eeee"),
        ({"language": "en\n"}, "language"),
        ({"language": "\x1b[31m"}, "language"),
        ({"language": ""}, "language ''"),
    ],
)
def test_evidence_that_cannot_be_is_refused_in_one_line(change: dict[str, object], said: str) -> None:  # fault D12
    with pytest.raises(BundleFormatError, match=said) as caught:
        replace(WARM, **change)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200
