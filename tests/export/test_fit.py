"""Fits: known responses are found again, unknown ones are approached, and what comes out is always inside the layout."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import random_settings

from semeq_export.eq.biquad import response_db
from semeq_export.eq.curve import log_grid, rms_db
from semeq_export.eq.fit import FitResult, fit_eq, fit_many
from semeq_export.eq.fit_input import Effort
from semeq_export.eq.settings import SAFE_13, Band, BandKind, BandSlot, EqLayout, EqSettings, ParamSpec
from semeq_export.errors import AudioError, InvalidEqError

RATE_HZ = 48_000.0
GRID_HZ = log_grid(64)


def peak_slot(number: int, q: tuple[float, float] | float = (0.2, 8.0), freqs_hz: tuple[float, float] = (20.0, 20_000.0)) -> BandSlot:
    return BandSlot(
        BandKind.PEAK,
        ParamSpec(f"peak{number}_gain_db", "dB", -18.0, 18.0, "linear", 0.0),
        ParamSpec(f"peak{number}_freq_hz", "Hz", *freqs_hz, "log", max(1_000.0, freqs_hz[0])),
        q if isinstance(q, float) else ParamSpec(f"peak{number}_q", "q", *q, "log", 1.0),
    )


def peaks(count: int, q: tuple[float, float] | float = (0.2, 8.0)) -> EqLayout:
    return EqLayout(f"{count} peaks", tuple(peak_slot(i, q) for i in range(1, count + 1)))


def assert_fits_layout(result: FitResult, layout: EqLayout) -> None:
    layout.to_vector(EqSettings(result.eq.bands))  # raises where a band has no slot


def test_responses_of_the_layout_are_found_again() -> None:
    truth = random_settings(80, seed=20)
    curves = np.array([response_db(eq, GRID_HZ, RATE_HZ) for eq in truth])
    fits = fit_many(curves, GRID_HZ, SAFE_13, RATE_HZ)
    assert np.median(fits.rms_error_db) <= 0.02
    assert np.percentile(fits.rms_error_db, 95) <= 0.3


@pytest.mark.parametrize("rate_hz", [44_100.0, 48_000.0, 192_000.0])
@pytest.mark.parametrize(
    "band",
    [
        Band(BandKind.LOW_SHELF, 180.0, 7.5, 0.71),
        Band(BandKind.PEAK, 2_500.0, -9.0, 2.2),
        Band(BandKind.HIGH_SHELF, 6_000.0, -4.0, 0.71),
    ],
    ids=lambda band: band.kind.value,
)
def test_a_single_band_is_found_to_a_hundredth_of_a_decibel(band: Band, rate_hz: float) -> None:
    curve = response_db(EqSettings((band,)), GRID_HZ, rate_hz)
    assert fit_eq(curve, GRID_HZ, SAFE_13, rate_hz).max_error_db <= 0.01


def test_a_flat_curve_gives_exactly_flat_gains() -> None:
    result = fit_eq(np.zeros(64), GRID_HZ, SAFE_13, RATE_HZ)
    assert result.eq.is_flat
    assert (result.rms_error_db, result.max_error_db) == (0.0, 0.0)
    assert [band.freq_hz for band in result.eq.bands] == [150.0, 560.0, 1_000.0, 3_300.0, 8_200.0]


def test_a_pure_level_becomes_the_preamp_when_the_level_is_free() -> None:
    result = fit_eq(np.full(64, -7.25), GRID_HZ, SAFE_13, RATE_HZ, level_free=True)
    assert result.eq.active_bands == ()
    assert result.eq.preamp_db == pytest.approx(-7.25, abs=1e-12)


def test_a_free_level_takes_an_offset_and_leaves_the_shape_alone() -> None:
    curve = response_db(random_settings(1, seed=3)[0], GRID_HZ, RATE_HZ)
    plain = fit_eq(curve, GRID_HZ, SAFE_13, RATE_HZ, level_free=True)
    raised = fit_eq(curve + 10.0, GRID_HZ, SAFE_13, RATE_HZ, level_free=True)
    assert raised.eq.preamp_db - plain.eq.preamp_db == pytest.approx(10.0, abs=1e-3)
    assert raised.rms_error_db == pytest.approx(plain.rms_error_db, abs=1e-3)
    np.testing.assert_allclose(response_db(raised.eq, GRID_HZ, RATE_HZ), curve + 10.0, atol=6 * raised.rms_error_db + 0.01)


@given(st.lists(st.floats(-30.0, 30.0), min_size=12, max_size=12), st.booleans())
@settings(max_examples=25)
def test_any_curve_gives_bands_inside_the_layout_and_true_errors(points_db: list[float], is_level_free: bool) -> None:
    freqs_hz = log_grid(12, 30.0, 18_000.0)
    result = fit_eq(np.array(points_db), freqs_hz, SAFE_13, RATE_HZ, level_free=is_level_free)
    assert_fits_layout(result, SAFE_13)
    error = np.array(points_db) - response_db(result.eq, freqs_hz, RATE_HZ)
    assert result.rms_error_db == pytest.approx(rms_db(error), abs=1e-9)
    assert result.max_error_db == pytest.approx(np.abs(error).max(), abs=1e-9)
    untouched = np.array(points_db) - (np.mean(points_db) if is_level_free else 0.0)
    assert result.rms_error_db <= rms_db(untouched) + 0.2 * is_level_free  # small gains are preferred where the level is free


@pytest.mark.parametrize("layout", [peaks(1), peaks(3, 1.41), peaks(10), peaks(32, 4.31)], ids=lambda layout: layout.name)
def test_layouts_of_1_to_32_slots_are_filled(layout: EqLayout) -> None:
    truth = random_settings(2, seed=5, layout=layout, q_range=(0.5, 2.0))
    for eq in truth:
        curve = response_db(eq, GRID_HZ, RATE_HZ)
        result = fit_eq(curve, GRID_HZ, layout, RATE_HZ)
        assert_fits_layout(result, layout)
        assert result.rms_error_db <= 0.1 * rms_db(curve) + 0.01


def test_a_narrower_device_gets_the_closest_response_that_it_can_make() -> None:
    wanted = EqSettings((Band(BandKind.PEAK, 1_000.0, 30.0, 1.0),))
    result = fit_eq(response_db(wanted, GRID_HZ, RATE_HZ), GRID_HZ, peaks(1), RATE_HZ)
    assert result.eq.bands[0].gain_db == pytest.approx(18.0, abs=1e-6)
    assert result.eq.bands[0].freq_hz == pytest.approx(1_000.0, rel=0.02)


def test_slots_beyond_nyquist_stay_idle_and_others_stay_below_it() -> None:
    layout = EqLayout("two", (peak_slot(1), peak_slot(2, freqs_hz=(6_000.0, 20_000.0))))
    freqs_hz = log_grid(40, 20.0, 4_000.0)
    result = fit_eq(np.linspace(-6.0, 6.0, 40), freqs_hz, layout, 8_000.0)
    active = result.eq.active_bands
    assert len(active) == 1
    assert active[0].freq_hz <= 0.95 * 4_000.0


def test_points_of_no_weight_do_not_count() -> None:
    curve = response_db(EqSettings((Band(BandKind.PEAK, 1_500.0, 6.0, 1.0),)), GRID_HZ, RATE_HZ)
    spoilt, weights = curve.copy(), np.ones(64)
    spoilt[:20] += 25.0
    weights[:20] = 0.0
    result = fit_eq(spoilt, GRID_HZ, SAFE_13, RATE_HZ, weights=weights)
    assert result.rms_error_db <= 0.01
    assert result.max_error_db > 10.0


def test_equal_input_gives_equal_output_alone_or_among_others() -> None:
    curves = np.array([response_db(eq, GRID_HZ, RATE_HZ) for eq in random_settings(5, seed=9)])
    once, twice = (fit_many(curves, GRID_HZ, SAFE_13, RATE_HZ) for _ in range(2))
    np.testing.assert_array_equal(once.vectors, twice.vectors)
    alone = fit_eq(curves[2], GRID_HZ, SAFE_13, RATE_HZ)
    assert alone.rms_error_db == pytest.approx(once[2].rms_error_db, abs=1e-3)


def test_progress_ends_at_the_number_of_curves() -> None:
    calls: list[tuple[int, int]] = []
    fit_many(np.zeros((3, 64)), GRID_HZ, SAFE_13, RATE_HZ, progress=lambda done, total: calls.append((done, total)))
    assert calls[-1] == (3, 3)


def test_no_curves_give_no_fits() -> None:
    assert len(fit_many(np.zeros((0, 64)), GRID_HZ, SAFE_13, RATE_HZ)) == 0


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_refused(bad: float) -> None:
    curve = np.zeros(64)
    curve[7] = bad
    with pytest.raises(InvalidEqError, match="curves_db .* not finite"):
        fit_eq(curve, GRID_HZ, SAFE_13, RATE_HZ)
    with pytest.raises(InvalidEqError, match="weights .* not finite"):
        fit_eq(np.zeros(64), GRID_HZ, SAFE_13, RATE_HZ, weights=np.where(curve == 0, 1.0, curve))


@pytest.mark.parametrize(
    ("curve", "freqs_hz", "weights", "match"),
    [
        (np.zeros(63), GRID_HZ, None, "curves_db of shape"),
        (np.zeros((2, 64)), GRID_HZ, None, "curve_db of shape"),
        (np.zeros(1), GRID_HZ[:1], None, "2 or more"),
        (np.zeros(64), GRID_HZ * 2.0, None, "half the sample rate"),
        (np.zeros(64), GRID_HZ - 20.0, None, "freqs_hz"),
        (np.zeros(64), GRID_HZ, np.zeros(64), "weights"),
        (np.zeros(64), GRID_HZ, -np.ones(64), "weights"),
        (np.full(64, 2_000.0), GRID_HZ, None, "outside"),
    ],
    ids=["length", "two curves", "one point", "beyond nyquist", "zero hertz", "no weight", "negative weight", "absurd"],
)
def test_shapes_and_ranges_are_checked(curve: np.ndarray, freqs_hz: np.ndarray, weights: np.ndarray | None, match: str) -> None:
    with pytest.raises(InvalidEqError, match=match):
        fit_eq(curve, freqs_hz, SAFE_13, RATE_HZ, weights=weights)


def test_an_impossible_sample_rate_is_refused() -> None:  # fault A15
    with pytest.raises(AudioError):
        fit_eq(np.zeros(64), GRID_HZ, SAFE_13, float("nan"))


def test_a_start_leads_to_the_fit_beside_it_and_shapes_are_checked() -> None:
    eq = random_settings(1, seed=41)[0]
    curve = response_db(eq, GRID_HZ, RATE_HZ)
    exact = SAFE_13.to_vector(eq)
    near = SAFE_13.clip(exact * 1.05)
    fitted = fit_many(curve[np.newaxis], GRID_HZ, SAFE_13, RATE_HZ, starts=near[np.newaxis])[0]
    assert fitted.max_error_db < 0.05
    np.testing.assert_allclose(SAFE_13.to_vector(fitted.eq), exact, rtol=0.2, atol=0.3)
    with pytest.raises(InvalidEqError, match=r"starts of shape \(1, 3\) is not \(1, 13\)"):
        fit_many(curve[np.newaxis], GRID_HZ, SAFE_13, RATE_HZ, starts=np.zeros((1, 3)))


def test_a_pinned_frequency_stays_and_the_gains_are_the_best_ones() -> None:
    """A device of fixed frequencies and Q is linear in its gains to first order; no other gains may fit better."""
    slots = tuple(
        BandSlot(
            BandKind.PEAK,
            ParamSpec("gain_db", "dB", -12.0, 12.0, "linear", 0.0),
            ParamSpec("freq_hz", "Hz", freq_hz * (1 - 1e-6), freq_hz * (1 + 1e-6), "log", freq_hz),
            1.4,
        )
        for freq_hz in (63.0, 250.0, 1_000.0, 4_000.0)
    )
    curve = response_db(random_settings(1, seed=42)[0], GRID_HZ, RATE_HZ)
    fitted = fit_eq(curve, GRID_HZ, EqLayout("graphic", slots), RATE_HZ)
    assert [band.freq_hz for band in fitted.eq.bands] == pytest.approx([63.0, 250.0, 1_000.0, 4_000.0], rel=1e-5)
    for index in range(4):
        for change_db in (-0.05, 0.05):
            bands = list(fitted.eq.bands)
            bands[index] = replace(bands[index], gain_db=bands[index].gain_db + change_db)
            assert rms_db(response_db(EqSettings(tuple(bands)), GRID_HZ, RATE_HZ) - curve) >= fitted.rms_error_db - 1e-6


def test_effort_bounds_a_fit_and_more_of_it_is_never_worse() -> None:  # fault E23
    eq = EqSettings(tuple(Band(BandKind.PEAK, 60.0 * 1.7**index, 8.0 * (-1) ** index, 3.0) for index in range(10)))
    curve = response_db(eq, GRID_HZ, RATE_HZ)[np.newaxis]
    start = np.tile([3.0, 1_000.0, 1.0], 8)[np.newaxis] + np.tile([0.0, 900.0, 0.0], 8) * np.repeat(np.linspace(0.0, 8.0, 8), 3)
    unbounded = fit_many(curve, GRID_HZ, peaks(8), RATE_HZ, starts=start)
    errors, used = [], []
    for most in (0.0, 1e5, 1e6, 1e7, 1e9):
        effort = Effort(most)
        errors.append(float(fit_many(curve, GRID_HZ, peaks(8), RATE_HZ, starts=start, effort=effort).rms_error_db[0]))
        used.append(most - effort.left)
    assert errors == sorted(errors, reverse=True)
    assert errors[0] > errors[-1] == float(unbounded.rms_error_db[0])
    assert used[-1] < 1e9
    nothing = fit_many(curve, GRID_HZ, peaks(8), RATE_HZ, effort=Effort(1e5))
    assert nothing[0].eq.is_flat
    spent = Effort(1e10)
    whole = fit_many(curve, GRID_HZ, peaks(8), RATE_HZ, effort=spent)
    assert np.array_equal(whole.vectors, fit_many(curve, GRID_HZ, peaks(8), RATE_HZ).vectors)
    assert 0.0 < spent.left < 1e10


def test_effort_that_does_not_last_is_used_up() -> None:
    effort = Effort(10.0)
    assert effort.spend(4.0)
    assert not effort.spend(7.0)
    assert not effort.spend(1.0)
    assert Effort().spend(1e300)
