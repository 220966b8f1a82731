"""Sums of words in semeq.hpp are those of Python, for weights of any size and sign."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import bundles
import numpy as np
import pytest
from conftest import skip_or_fail
from hypothesis import given
from hypothesis import strategies as st

from semeq_export.bench.native import has_compiler, native_mixer
from semeq_export.bundle.loading import Bundle, check_files
from semeq_export.bundle.manifest import BlendSpec
from semeq_export.engine import Engine
from semeq_export.eq.settings import EqSettings
from semeq_export.errors import InvalidTargetError
from semeq_export.words.target import SemanticTarget

pytestmark = pytest.mark.cpp
_WEIGHT = st.floats(0.001, 3.0) | st.floats(-3.0, -0.001)
WEIGHTS = st.dictionaries(st.sampled_from(sorted(bundles.WORDS)), _WEIGHT, min_size=1)


def summing() -> Bundle:
    """The tiny bundle, with a rule for sums."""
    spec = replace(bundles.manifest(), blend=BlendSpec(1.5, bundles.LATENT_DIM))
    return check_files(bundles.sealed(bundles.files(), spec), Path("x.semeq"))


BUNDLE = summing()
ENGINE = Engine(BUNDLE, exact=True)


@pytest.fixture(scope="module")
def mix() -> Iterator[object]:
    if not has_compiler():
        skip_or_fail("no C++ compiler (apt-get install g++)")
    with native_mixer(BUNDLE) as function:
        yield function


def in_python(weights: dict[str, float]) -> EqSettings:
    return ENGINE.eq_for(SemanticTarget(weights))


def numbers(eq: EqSettings) -> np.ndarray:
    return np.array([(band.gain_db, np.log(band.freq_hz), np.log(band.q)) for band in eq.bands])


@given(weights=WEIGHTS)
def test_any_sum_is_the_same_in_both(mix: object, weights: dict[str, float]) -> None:
    np.testing.assert_allclose(numbers(mix(weights)), numbers(in_python(weights)), atol=1e-4)  # type: ignore[operator]


@given(weights=WEIGHTS, amount=st.floats(0.01, 1.0))
def test_less_of_a_sum_is_the_sum_with_smaller_gains(weights: dict[str, float], amount: float) -> None:
    total = sum(map(abs, weights.values()))
    whole, less = ({word: share * weight / total for word, weight in weights.items()} for share in (1.0, amount))
    assert numbers(in_python(less)) == pytest.approx(numbers(in_python(whole)) * [amount, 1.0, 1.0], abs=1e-4)


@given(weights=WEIGHTS)
def test_what_is_only_taken_away_is_the_opposite(mix: object, weights: dict[str, float]) -> None:
    less = {word: -abs(weight) for word, weight in weights.items()}
    more = {word: abs(weight) for word, weight in weights.items()}
    for mixed in (in_python, mix):
        assert numbers(mixed(less)) == pytest.approx(numbers(mixed(more).scaled(-1.0)), abs=1e-9)  # type: ignore[operator]


def test_nothing_is_flat_and_too_much_is_refused(mix: object) -> None:
    assert mix({"warm": 0.0}) == EqSettings()  # type: ignore[operator]
    with pytest.raises(InvalidTargetError, match="refuses the sum of warm"):
        mix({"warm": 1e5})  # type: ignore[operator]
