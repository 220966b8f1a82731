"""Laws of the EQ model: vectors and settings correspond, order carries no meaning, scaling scales."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import bands, eq_settings, layout_settings

from semeq_export.eq.biquad import response_db
from semeq_export.eq.curve import log_grid
from semeq_export.eq.settings import SAFE_13, EqSettings

FREQS_HZ = log_grid(48, 20.0, 20_000.0)


@given(layout_settings())
def test_from_vector_of_to_vector_is_the_canonical_eq(eq: EqSettings) -> None:  # law 3
    assert SAFE_13.from_vector(SAFE_13.to_vector(eq)) == eq.canonical()


@given(layout_settings(), st.randoms(use_true_random=False))
def test_band_order_carries_no_meaning(eq: EqSettings, random: object) -> None:  # law 3
    shuffled = list(eq.bands)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    other = EqSettings(tuple(shuffled))
    assert other.canonical() == eq.canonical()
    np.testing.assert_array_equal(SAFE_13.to_vector(other), SAFE_13.to_vector(eq))


@given(layout_settings())
def test_vectors_lie_inside_the_layout(eq: EqSettings) -> None:
    vector = SAFE_13.to_vector(eq)
    assert np.all(vector >= SAFE_13.minimum)
    assert np.all(vector <= SAFE_13.maximum)
    np.testing.assert_array_equal(SAFE_13.clip(vector), vector)
    np.testing.assert_array_equal(SAFE_13.to_vector(SAFE_13.from_vector(vector)), vector)


@given(layout_settings(), st.integers(0, 5))
def test_missing_bands_leave_idle_slots(eq: EqSettings, keep: int) -> None:
    part = EqSettings(eq.bands[:keep])
    back = SAFE_13.from_vector(SAFE_13.to_vector(part))
    assert len(back.bands) == len(SAFE_13.slots)
    assert sorted(back.active_bands, key=repr) == sorted(part.active_bands, key=repr)


@given(eq_settings)
def test_canonical_is_a_projection_and_keeps_the_response(eq: EqSettings) -> None:
    canonical = eq.canonical()
    assert canonical.canonical() == canonical
    assert sorted(canonical.bands, key=repr) == sorted(eq.bands, key=repr)
    np.testing.assert_allclose(response_db(canonical, FREQS_HZ, 48_000.0), response_db(eq, FREQS_HZ, 48_000.0), atol=1e-9)


@given(eq_settings)
def test_dictionaries_are_exact_even_through_json(eq: EqSettings) -> None:
    assert EqSettings.from_dict(eq.to_dict()) == eq
    assert EqSettings.from_dict(json.loads(json.dumps(eq.to_dict()))) == eq


@given(eq_settings)
def test_scaled_by_nothing_is_flat_by_construction_and_by_response(eq: EqSettings) -> None:
    flat = eq.scaled(0.0)
    assert flat.is_flat
    assert np.all(response_db(flat, FREQS_HZ, 48_000.0) == 0.0)


@given(eq_settings)
def test_scaled_by_minus_one_is_the_inverse(eq: EqSettings) -> None:
    both = response_db(eq, FREQS_HZ, 48_000.0) + response_db(eq.scaled(-1.0), FREQS_HZ, 48_000.0)
    np.testing.assert_allclose(both, 0.0, atol=1e-6)


@given(layout_settings(), st.floats(-2.0, 2.0), st.floats(-2.0, 2.0))
def test_scaling_twice_is_scaling_by_the_product(eq: EqSettings, a: float, b: float) -> None:
    twice = [band.gain_db for band in eq.scaled(a).scaled(b).bands]
    assert twice == pytest.approx([band.gain_db for band in eq.scaled(a * b).bands], abs=1e-9)


@given(st.lists(bands, max_size=4), st.floats(0.0, 1.5))
def test_the_response_is_continuous_in_the_amount(some: list[object], amount: float) -> None:
    eq = EqSettings(tuple(some))  # type: ignore[arg-type]
    here, near = (response_db(eq.scaled(x), FREQS_HZ, 48_000.0) for x in (amount, amount + 1e-6))
    assert np.max(np.abs(here - near)) < 1e-3
