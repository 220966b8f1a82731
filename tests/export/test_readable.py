"""Readable bands by example; what holds for any settings stands in laws/test_readable_laws.py."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from strategies import random_settings

from semeq_export.arrays import Float64Array
from semeq_export.bundle.loading import load_bundle
from semeq_export.eq import band_search
from semeq_export.eq.biquad import response_db
from semeq_export.eq.curve import level_free, log_grid
from semeq_export.eq.readable import MAX_BANDS, MIN_GAIN_DB, readable, rounded
from semeq_export.eq.settings import SAFE_13, Band, BandKind, BandSlot, EqLayout, EqSettings, ParamSpec
from semeq_export.errors import InvalidEqError

GRID_HZ = log_grid(400, 30.0, 16_000.0)
RATE_HZ = 48_000.0
LOW, PEAK, HIGH = BandKind.LOW_SHELF, BandKind.PEAK, BandKind.HIGH_SHELF


def apart_db(one: EqSettings, other: EqSettings) -> float:
    return float(level_free(response_db(one, GRID_HZ, RATE_HZ) - response_db(other, GRID_HZ, RATE_HZ)).std())


def sets_of(eq: EqSettings) -> band_search.BandSets:
    """All bands of an EQ as one set, free to move anywhere."""
    u = np.array([[[band.gain_db / band_search.GAIN_UNIT_DB, np.log2(band.freq_hz), np.log2(band.q)] for band in eq.bands]])
    shelf = np.array([[{LOW: 1.0, PEAK: 0.0, HIGH: -1.0}[band.kind] for band in eq.bands]])
    return band_search.BandSets(u, u - 100.0, u + 100.0, shelf, np.zeros(shelf.shape, dtype=np.int64))


def slopes_of(sets: band_search.BandSets) -> Float64Array:
    slopes = np.empty((*sets.u.shape, band_search.N_POINTS))
    band_search.responses(sets, band_search.search_grid(), slopes)
    return slopes


def test_nothing_gives_nothing() -> None:
    assert readable(EqSettings()) == EqSettings()
    assert readable(SAFE_13.from_vector(np.array([spec.default for spec in SAFE_13.params]))) == EqSettings()
    assert readable(EqSettings((Band(PEAK, 1_000.0, 6.0, 1.0, enabled=False),), preamp_db=-3.0)) == EqSettings()


def test_three_clear_bands_stay_as_they_are() -> None:
    eq = EqSettings((Band(PEAK, 240.0, 3.0, 0.7), Band(PEAK, 1_800.0, -3.0, 0.8), Band(HIGH, 6_000.0, 1.2, 0.71)))
    few = readable(eq)
    assert apart_db(few, eq) <= 0.02
    for band, wanted in zip(few.bands, eq.bands, strict=True):
        assert band.kind is wanted.kind
        assert band.freq_hz == pytest.approx(wanted.freq_hz, rel=0.02)
        assert band.gain_db == pytest.approx(wanted.gain_db, abs=0.05)


def test_idle_and_doubled_bands_go() -> None:
    eq = EqSettings(
        (
            Band(LOW, 300.0, 0.2, 0.71),
            Band(PEAK, 900.0, 2.0, 0.8),
            Band(PEAK, 1_000.0, 2.0, 0.8),
            Band(PEAK, 4_000.0, -0.1, 1.0),
            Band(HIGH, 8_000.0, -4.0, 0.71),
        )
    )
    few = readable(eq)
    assert [band.kind for band in few.bands] == [PEAK, HIGH]
    assert apart_db(few, eq) <= 0.25


def test_bands_that_fight_are_replaced_by_what_is_left_of_them() -> None:
    eq = EqSettings((Band(PEAK, 420.0, 10.0, 0.8), Band(PEAK, 480.0, -9.0, 0.8), Band(PEAK, 5_000.0, 3.0, 0.8)))
    few = readable(eq)
    curves = [response_db(EqSettings((band,)), GRID_HZ, RATE_HZ) for band in few.bands]
    assert all(np.minimum(abs(a), abs(b))[a * b < 0].max(initial=0.0) <= 1.0 for a, b in itertools.combinations(curves, 2))
    assert apart_db(few, eq) <= 0.7


def test_shelves_at_odd_places_come_to_where_shelves_are() -> None:
    few = readable(EqSettings((Band(LOW, 995.0, 3.0, 0.71), Band(HIGH, 590.0, -2.8, 0.71))))
    for band in few.bands:
        assert not (band.kind is LOW and band.freq_hz > 600.0)
        assert not (band.kind is HIGH and band.freq_hz < 1_500.0)


def test_a_curve_whose_bands_are_all_weak_is_not_silent() -> None:
    eq = EqSettings(
        (Band(LOW, 120.0, 0.49, 0.71), Band(PEAK, 500.0, 0.45, 0.5), Band(PEAK, 5_000.0, -0.45, 0.5), Band(HIGH, 6_000.0, -0.4, 0.71))
    )
    assert level_free(response_db(eq, GRID_HZ, RATE_HZ)).std() > 0.3
    few = readable(eq)
    assert few.bands
    assert apart_db(few, eq) < apart_db(EqSettings(), eq)


def test_a_level_that_bands_cannot_avoid_is_in_the_preamp() -> None:
    few = readable(EqSettings((Band(LOW, 590.0, 12.0, 0.71),)))
    mean_db = response_db(few, GRID_HZ, RATE_HZ).mean()
    assert few.preamp_db < 0.0 < mean_db <= 0.8


def test_agreed_words_and_their_sums_stay_close() -> None:
    bundle = load_bundle()
    z = np.array([term.z for term in bundle.centroids.values() if not (term.is_weak or term.is_variant)])
    assert len(z) > 40
    rng = np.random.default_rng(8)
    first, second = np.array([rng.choice(len(z), 2, replace=False) for _ in range(100)]).T
    share = rng.uniform(-0.3, 1.0, (100, 1))
    off = []
    for rows in (z, (1.0 - np.abs(share)) * z[first] + share * z[second]):
        decoded = [bundle.manifest.layout.from_vector(bundle.decoder(row.astype(np.float32))) for row in rows]
        off.append([apart_db(readable(eq), eq) for eq in decoded])
        assert np.median(off[-1]) <= 0.25
        assert np.quantile(off[-1], 0.9) <= 0.3
        assert max(off[-1]) <= 0.6


def test_settings_that_the_layout_cannot_hold_are_refused() -> None:
    with pytest.raises(InvalidEqError, match="without a free slot"):
        readable(EqSettings((Band(PEAK, 15_000.0, 3.0, 1.0),)))


def eight_peaks(freqs_hz: tuple[float, float], q: float | None, gain_db: float) -> EqLayout:
    slots = []
    for number in range(8):
        spec_q = ParamSpec(f"q{number}", "q", 0.1, 20.0, "log", 1.0) if q is None else q
        freq = ParamSpec(f"f{number}", "Hz", *freqs_hz, "log", freqs_hz[0])
        slots.append(BandSlot(PEAK, ParamSpec(f"g{number}", "dB", -gain_db, gain_db, "linear", 0.0), freq, spec_q))
    return EqLayout("eight", tuple(slots))


@pytest.mark.parametrize(
    "layout",
    [eight_peaks((20.0, 20_000.0), None, 18.0), eight_peaks((30.0, 50.0), 7.0, 18.0), eight_peaks((30.0, 90_000.0), None, 0.3)],
    ids=["wide", "nowhere readable", "weak"],
)
def test_other_layouts_are_served_as_far_as_they_can(layout: EqLayout) -> None:
    for eq in random_settings(8, seed=3, layout=layout):
        few = readable(eq, layout)
        assert len(few.bands) <= MAX_BANDS
        assert all(abs(band.gain_db) >= min(MIN_GAIN_DB, 0.3) for band in few.bands)
        layout.to_vector(EqSettings(few.bands))  # raises where a band has no slot
    assert readable(EqSettings(), EqLayout("none", ())) == EqSettings()


@pytest.mark.parametrize(
    ("band", "short"),
    [
        (Band(PEAK, 1_234.0, 3.04, 0.44), Band(PEAK, 1_230.0, 3.0, 0.4)),
        (Band(LOW, 246.1, -0.56, 0.71), Band(LOW, 250.0, -0.6, 0.7)),
        (Band(HIGH, 13_961.0, 11.96, 0.71), Band(HIGH, 14_000.0, 12.0, 0.7)),
        (Band(PEAK, 99.96, 0.02, 0.012), Band(PEAK, 100.0, 0.02, 0.01)),
        (Band(PEAK, 1_997.0, 0.0, 2.0), Band(PEAK, 2_000.0, 0.0, 2.0)),
    ],
)
def test_rounding_leaves_the_digits_that_people_read(band: Band, short: Band) -> None:
    assert rounded(EqSettings((band,), -1.26)) == EqSettings((short,), -1.3)


def test_responses_of_the_search_are_those_of_the_filter() -> None:
    freqs_hz = log_grid(band_search.N_POINTS, band_search.LOW_HZ, band_search.HIGH_HZ)
    for eq in random_settings(30, seed=5, q_range=(0.1, 10.0)):
        found = band_search.responses(sets_of(eq), band_search.search_grid())[0].sum(axis=0)
        np.testing.assert_allclose(found, response_db(eq, freqs_hz, RATE_HZ), atol=1e-8)


@pytest.mark.parametrize("number", [0, 1, 2], ids=["gain", "frequency", "q"])
def test_slopes_are_those_of_the_response(number: int) -> None:
    step = np.zeros(3)
    step[number] = 1e-5
    for eq in random_settings(20, seed=6, q_range=(0.3, 4.0)):
        sets = sets_of(eq)
        ahead, behind = (band_search.responses(sets.moved(sets.u + sign * step), band_search.search_grid()) for sign in (1, -1))
        np.testing.assert_allclose(slopes_of(sets)[:, :, number], (ahead - behind) / 2e-5, atol=1e-5)


def test_the_descent_is_that_of_the_cost() -> None:
    eq = EqSettings((Band(LOW, 300.0, 9.0, 0.71), Band(PEAK, 500.0, -8.0, 0.8), Band(HIGH, 3_000.0, 6.0, 0.71)))  # fights, and is too loud
    sets = sets_of(eq)
    curve_db = level_free(np.sin(np.linspace(0.0, 6.0, band_search.N_POINTS)))
    for index in range(9):
        step = np.zeros(9)
        step[index] = 1e-6
        ahead, behind = (band_search.state_of(sets.moved(sets.u + sign * step.reshape(1, 3, 3)), curve_db).cost[0] for sign in (1, -1))
        assert band_search.state_of(sets, curve_db).descent[0, index] == pytest.approx(-(ahead - behind) / 4e-6, rel=1e-3, abs=1e-5)
