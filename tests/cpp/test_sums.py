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
from semeq_export.bundle.blending import decode_sum
from semeq_export.bundle.loading import Bundle, check_files
from semeq_export.bundle.manifest import BlendSpec
from semeq_export.eq.settings import EqSettings
from semeq_export.errors import BundleFormatError, InvalidTargetError

pytestmark = pytest.mark.cpp
WEIGHTS = st.dictionaries(st.sampled_from(sorted(bundles.WORDS)), st.floats(-3.0, 3.0), min_size=1)


def summing() -> Bundle:
    """The tiny bundle, with a rule for sums."""
    spec = replace(bundles.manifest(), blend=BlendSpec(1.5, bundles.LATENT_DIM))
    return check_files(bundles.sealed(bundles.files(), spec), Path("x.semeq"))


BUNDLE = summing()


@pytest.fixture(scope="module")
def mix() -> Iterator[object]:
    if not has_compiler():
        skip_or_fail("no C++ compiler (apt-get install g++)")
    with native_mixer(BUNDLE) as function:
        yield function


def numbers(eq: EqSettings) -> np.ndarray:
    return np.array([(band.gain_db, np.log(band.freq_hz), np.log(band.q)) for band in eq.bands])


@given(weights=WEIGHTS)
def test_any_sum_is_the_same_in_both(mix: object, weights: dict[str, float]) -> None:
    np.testing.assert_allclose(numbers(mix(weights)), numbers(decode_sum(BUNDLE, weights)), atol=1e-4)  # type: ignore[operator]


@given(weights=WEIGHTS, amount=st.floats(0.01, 1.0))
def test_less_of_a_sum_is_the_sum_with_smaller_gains(weights: dict[str, float], amount: float) -> None:
    total = sum(map(abs, weights.values()))
    whole = {word: weight / total for word, weight in weights.items()} if total else {}
    less = {word: amount * weight for word, weight in whole.items()}
    if max(map(abs, less.values()), default=0.0) > 1e-9:
        assert numbers(decode_sum(BUNDLE, less)) == pytest.approx(numbers(decode_sum(BUNDLE, whole)) * [amount, 1.0, 1.0], abs=1e-4)


@given(weights=WEIGHTS)
def test_what_is_only_taken_away_is_the_opposite(weights: dict[str, float]) -> None:
    less = {word: -abs(weight) for word, weight in weights.items()}
    more = decode_sum(BUNDLE, {word: -weight for word, weight in less.items()})
    assert numbers(decode_sum(BUNDLE, less)) == pytest.approx(numbers(more.scaled(-1.0)), abs=1e-9)


def test_nothing_is_flat_and_too_much_is_refused(mix: object) -> None:
    assert decode_sum(BUNDLE, {"warm": 0.0}) == mix({"warm": 0.0}) == EqSettings()  # type: ignore[operator]
    with pytest.raises(InvalidTargetError, match="refuses the sum of warm"):
        mix({"warm": 1e5})  # type: ignore[operator]
    with pytest.raises(BundleFormatError, match="does not say where sums"):
        decode_sum(check_files(bundles.sealed(bundles.files()), Path("x.semeq")), {"warm": 1.0})
