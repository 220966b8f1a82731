"""Curves: the grid, what level-free means, and curves known by points."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semeq_export.eq.curve import Curve, correlation, level_free, log_grid, rms_db
from semeq_export.errors import InvalidEqError

gains = st.lists(st.floats(-24.0, 24.0), min_size=3, max_size=40).map(np.array)


def test_the_grid_holds_both_ends_and_equal_ratios() -> None:
    grid = log_grid()
    assert grid.shape == (96,)
    assert (grid[0], grid[-1]) == (20.0, 20_000.0)
    np.testing.assert_allclose(grid[1:] / grid[:-1], 1000.0 ** (1 / 95), rtol=1e-12)


@given(gains, st.floats(-60.0, 60.0))
def test_level_free_curves_ignore_overall_gain(curve: np.ndarray, gain_db: float) -> None:
    np.testing.assert_allclose(level_free(curve + gain_db), level_free(curve), atol=1e-12)
    assert np.mean(level_free(curve)) == pytest.approx(0.0, abs=1e-12)


def test_weights_decide_which_level_is_removed() -> None:
    assert level_free(np.array([3.0, 7.0]), np.array([1.0, 0.0])).tolist() == [0.0, 4.0]


def test_level_free_works_row_by_row() -> None:
    rows = np.array([[1.0, 3.0], [10.0, 10.0]])
    np.testing.assert_array_equal(level_free(rows), [[-1.0, 1.0], [0.0, 0.0]])


@given(gains, st.floats(0.1, 10.0), st.floats(-20.0, 20.0))
def test_correlation_ignores_level_and_size(curve: np.ndarray, size: float, gain_db: float) -> None:
    if np.ptp(curve) < 0.01:
        return
    assert correlation(curve, curve * size + gain_db) == pytest.approx(1.0, abs=1e-9)
    assert correlation(curve, -curve) == pytest.approx(-1.0, abs=1e-9)


def test_a_flat_curve_correlates_with_nothing() -> None:
    assert correlation(np.full(5, 3.0), np.arange(5.0)) == 0.0


def test_rms_of_a_constant_is_its_size() -> None:
    assert rms_db(np.full(7, -2.5)) == 2.5


def test_a_curve_is_linear_over_log_frequency_and_constant_outside() -> None:
    curve = Curve(np.array([100.0, 10_000.0]), np.array([0.0, 8.0]))
    np.testing.assert_allclose(curve.at(np.array([0.0, 20.0, 100.0, 1_000.0, 10_000.0, 24_000.0])), [0, 0, 0, 4, 8, 8], atol=1e-12)


def test_a_curve_is_frozen_and_apart_from_what_it_was_made_of() -> None:
    freqs_hz, gain_db = np.array([100.0, 200.0]), np.array([1.0, 2.0])
    curve = Curve(freqs_hz, gain_db)
    gain_db[0] = 99.0
    assert curve.gain_db[0] == 1.0
    with pytest.raises(ValueError, match="read-only"):
        curve.gain_db[0] = 5.0


@pytest.mark.parametrize(
    ("freqs_hz", "gain_db"),
    [
        ([100.0], [1.0]),
        ([100.0, 200.0], [1.0]),
        ([[100.0, 200.0]], [[1.0, 2.0]]),
        ([100.0, 100.0], [1.0, 2.0]),
        ([200.0, 100.0], [1.0, 2.0]),
        ([0.0, 100.0], [1.0, 2.0]),
        ([-1.0, 100.0], [1.0, 2.0]),
        ([100.0, math.nan], [1.0, 2.0]),
        ([100.0, 200.0], [1.0, math.inf]),
        ([100.0, 200.0], ["a", "b"]),
        ([100.0, 200.0], [None, None]),
        ([100.0, 200.0], [[1.0], [1.0, 2.0]]),
    ],
)
def test_malformed_curves_are_refused(freqs_hz: list[float], gain_db: list[float]) -> None:
    with pytest.raises(InvalidEqError):
        Curve(freqs_hz, gain_db)  # type: ignore[arg-type]
