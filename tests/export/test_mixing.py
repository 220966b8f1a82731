"""What phrases come to: shares of what is added, and what is taken away without taking from what was asked for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from semeq_export.arrays import Float64Array
from semeq_export.eq.curve import level_free
from semeq_export.words.mixing import TAKEN_AWAY, mix

WORDS = ("warm", "bright", "muddy", "harsh", "airy")
AMOUNTS = st.floats(0.1, 2.0)


def curves(seed: int) -> dict[str, Float64Array]:
    """Smooth curves, some of them alike."""
    rng = np.random.default_rng(seed)
    bases = level_free(np.cumsum(rng.standard_normal((2, 64)), axis=1))
    return dict(zip(WORDS, level_free(rng.standard_normal((len(WORDS), 2)) @ bases + 0.2 * rng.standard_normal((5, 64))), strict=True))


def test_what_adds_shares_and_one_sign_keeps_the_largest_amount() -> None:
    curve_of = curves(1).__getitem__
    assert mix({"warm": 1.0}, curve_of) == {"warm": 1.0}
    assert mix({"warm": 1.0, "bright": 1.0}, curve_of) == {"warm": 0.5, "bright": 0.5}
    assert mix({"warm": 0.5, "bright": 1.5}, curve_of) == {"warm": 0.38, "bright": 1.12}
    assert mix({"muddy": -1.0, "harsh": -1.0}, curve_of) == {"muddy": -0.3, "harsh": -0.3}
    assert mix({"muddy": -1.0}, curve_of) == {"muddy": -TAKEN_AWAY}


@given(st.integers(0, 500), st.dictionaries(st.sampled_from(WORDS[:2]), AMOUNTS, min_size=1), st.sampled_from(WORDS[2:]), AMOUNTS)
def test_the_dose_of_what_is_asked_for_stays_and_only_the_rest_falls(seed: int, adds: dict[str, float], less: str, amount: float) -> None:
    curve = curves(seed)
    said = {**adds, less: -amount}
    mixed = mix(said, curve.__getitem__)
    assert list(mixed) == list(said)
    whole = max(adds.values())
    wanted = np.sum([whole * adds[word] / sum(adds.values()) * curve[word] for word in adds], axis=0)
    assume(np.sqrt(np.mean(wanted**2)) > 0.5)
    got = np.sum([weight * curve[word] for word, weight in mixed.items()], axis=0)
    beside = curve[less] - (curve[less] @ wanted) / (wanted @ wanted) * wanted
    assert (got @ wanted) / (wanted @ wanted) > 0.9
    assert mixed[less] < 0
    assert -mixed[less] <= TAKEN_AWAY * amount * whole + 0.006
    assert got @ beside <= 0.02 * (beside @ beside) + 1e-6
    assert np.linalg.norm(mixed[less] * beside) <= 0.8 * np.linalg.norm(wanted) + 0.011 * np.linalg.norm(beside)


def test_what_is_its_own_opposite_is_still_asked_for() -> None:
    curve = level_free(np.sin(np.linspace(0.0, 3.0, 64)))
    mixed = mix({"warm": 1.0, "bright": -1.0}, {"warm": curve, "bright": -2.0 * curve}.__getitem__)
    assert mixed["warm"] >= 0.5
    assert mix({"warm": 1.0, "bright": -1.0}, {"warm": 0.0 * curve, "bright": curve}.__getitem__) == {"warm": 1.0, "bright": -1.0}


@pytest.mark.parametrize("amount", [1e-4, 10.0])
def test_no_weight_is_rounded_away(amount: float) -> None:
    mixed = mix({"warm": amount, "muddy": -amount}, curves(3).__getitem__)
    assert all(weight != 0 for weight in mixed.values())
    assert mixed["warm"] > 0 > mixed["muddy"]


def test_the_order_of_a_sum_does_not_decide_how_a_weight_is_rounded() -> None:
    """0.85 of two words is 0.425 of each, and so it is where the last digit of a sum is another one."""
    curve_of = curves(1).__getitem__
    for slack in (-1e-15, 0.0, 1e-15):
        assert mix({"warm": 0.85 + slack, "bright": 0.85}, curve_of) == {"warm": 0.42, "bright": 0.42}
