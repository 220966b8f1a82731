"""The data with which a page reads phrases: the same each time, small, and all that Python weighs. tests/web reads it in JavaScript."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semeq_export.app.phrases import page_phrases, read_phrase
from semeq_export.bundle.loading import load_bundle
from semeq_export.bundle.store import GUESSES
from semeq_export.engine import N_HEARD, Engine
from semeq_export.errors import DoubtfulTermError, InvalidTargetError
from semeq_export.words.evidence import N_POINTS
from semeq_export.words.phrase_data import packed

DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(load_bundle(None))


@pytest.fixture(scope="module")
def data(engine: Engine) -> dict[str, Any]:  # Any: JSON
    found: dict[str, Any] = json.loads(json.dumps(page_phrases(engine)))
    return found


def unpacked(text: str) -> Iterator[int]:
    """Return the differences of a text, by the rules of ECMA-426."""
    number = shift = 0
    for digit in map(DIGITS.index, text):
        number |= (digit & 31) << shift
        shift += 5
        if digit < 32:
            yield -(number >> 1) if number & 1 else number >> 1
            number = shift = 0


def curves(text: str, points: int) -> Sequence[np.ndarray]:
    return np.cumsum(np.array(list(unpacked(text))).reshape(-1, points), axis=1)


def test_numbers_are_packed_as_in_source_maps() -> None:
    """The first three are the examples of the format's first description (J. Lenz, N. Fitzgerald, Source Map Revision 3)."""
    assert [packed([number]) for number in (0, 1, -1, 15, 16, -16, 1_000)] == ["A", "C", "D", "e", "gB", "hB", "w+B"]
    assert packed([3.4, 2.6, -1.0]) == "GAJ"


@given(st.lists(st.integers(-(10**6), 10**6), max_size=50))
def test_what_is_packed_can_be_unpacked(numbers: list[int]) -> None:
    assert np.cumsum(list(unpacked(packed(numbers)))).tolist() == numbers


def test_the_data_is_the_same_each_time_and_small(engine: Engine, data: dict[str, Any]) -> None:
    text = json.dumps(page_phrases(Engine(load_bundle(None))), ensure_ascii=False, separators=(",", ":"))
    assert text == json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    assert len(text.encode()) < 100_000


def test_the_data_holds_what_python_weighs(engine: Engine, data: dict[str, Any]) -> None:
    bank, guesses = engine.bundle.centroids, engine.bundle.guesses
    assert [word[0] for word in data["words"]] == list(bank)
    for word, curve in zip(bank, curves(data["curves"], N_HEARD), strict=True):
        assert np.array_equal(curve / 1_000.0, engine.heard_curve(word)), word
    known = [row[0] for row in data["guesses"] if row[2] > 0]
    assert known == sorted(known, key=lambda word: (-guesses[word].confidence, word))
    for word, curve in zip(known, curves(data["guess_curves"], N_POINTS), strict=True):
        assert curve / 10.0 == pytest.approx(guesses[word].curve_db, abs=1e-9), word


def test_a_bundle_without_guesses_has_none_in_its_data() -> None:
    factory = load_bundle(None)
    data = page_phrases(Engine(replace(factory, files={name: file for name, file in factory.files.items() if name != GUESSES})))
    assert data["guesses"] == []
    assert data["guess_curves"] == ""
    assert "make it sparkle" not in data["examples"]  # type: ignore[operator]
    assert "warm but not muddy" in data["examples"]  # type: ignore[operator]


def test_a_read_phrase_says_what_a_user_should_know(engine: Engine) -> None:
    exact = read_phrase(engine, "warm:0.7")
    assert (dict(exact.mix), exact.says, exact.estimated) == ({"warm": 0.7}, (), False)
    read = read_phrase(engine, "sparkle, cold and a vocal")
    assert dict(read.mix) == {"sparkle": 0.5, "cold": 0.5}
    assert read.estimated
    assert [line.partition(":")[0].partition(" is")[0] for line in read.says] == ["understood", "cold", "sparkle"]
    assert read.says[0].endswith("; left out: vocal; only guessed: sparkle")
    with pytest.raises(InvalidTargetError):
        read_phrase(engine, "less")
    doubtful = next(row[0] for row in page_phrases(engine)["guesses"] if row[2] == 1)  # type: ignore[attr-defined]
    with pytest.raises(DoubtfulTermError):
        read_phrase(engine, f"{doubtful}:0.5")
    assert read_phrase(Engine(engine.bundle, guess=True), f"{doubtful}:0.5").estimated
