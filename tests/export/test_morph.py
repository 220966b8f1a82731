"""Ways that are walked evenly: over corners, cliffs and back, and between words of the factory bundle."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from semeq_export.arrays import Float64Array
from semeq_export.bundle.loading import load_bundle
from semeq_export.engine import Engine
from semeq_export.words.morph import CurvesAt, Way, departures_db, steps_db


def straight(places: Float64Array) -> Float64Array:
    return places[:, np.newaxis] * np.array([6.0, -3.0, 1.0])


def slow_then_fast(places: Float64Array) -> Float64Array:
    return straight(places**6)


def cliff(places: Float64Array) -> Float64Array:
    return straight(1.0 / (1.0 + np.exp(-400.0 * (places - 0.3123))))


def corner(places: Float64Array) -> Float64Array:
    return np.stack([4.0 * np.minimum(places, 0.43), 4.0 * np.maximum(places - 0.43, 0.0)], axis=1)


def there_and_half_back(places: Float64Array) -> Float64Array:
    return np.stack([5.0 * np.sin(0.83 * np.pi * places), 0.8 * places], axis=1)


WAYS = [straight, slow_then_fast, cliff, corner, there_and_half_back]


@pytest.mark.parametrize("curves_at", WAYS)
@pytest.mark.parametrize("count", [2, 3, 11, 21, 51, 101])
def test_steps_are_equal_however_the_way_goes(curves_at: CurvesAt, count: int) -> None:
    places = Way.along(curves_at).in_steps(count, curves_at)
    assert (places[0], places[-1]) == (0.0, 1.0)
    assert np.all(np.diff(places) > 0.0)
    sizes = steps_db(curves_at(places))
    assert np.ptp(sizes) <= 0.01 * sizes.mean()


@pytest.mark.parametrize("curves_at", WAYS)
def test_the_pace_is_even_between_any_two_shares(curves_at: CurvesAt) -> None:
    sizes = steps_db(curves_at(Way.along(curves_at).at(np.linspace(0.0, 1.0, 65))))
    assert np.median(sizes) == pytest.approx(sizes.max(), rel=0.05)  # all but those that cut a corner


def test_a_way_that_goes_nowhere_is_walked_in_even_places() -> None:
    way = Way.along(lambda places: np.ones((len(places), 3)))
    np.testing.assert_allclose(way.at(np.array([0.0, 0.25, 1.0])), [0.0, 0.25, 1.0])
    np.testing.assert_allclose(way.in_steps(5, lambda places: np.ones((len(places), 3))), np.linspace(0.0, 1.0, 5))


def test_a_cut_way_ends_its_table() -> None:  # a jump cannot be halved away
    way = Way.along(lambda places: straight((places > 0.5).astype(np.float64)))
    assert len(way.places) < 5_000
    assert np.all(np.diff(way.places) >= 0.0)


def test_departures_are_from_the_straight_line() -> None:
    np.testing.assert_allclose(departures_db(straight(np.linspace(0.0, 1.0, 5))), 0.0, atol=1e-12)
    bent = np.array([[0.0, 0.0], [3.0, 0.0], [2.0, 2.0]])
    assert departures_db(bent)[1] == pytest.approx(np.sqrt((2.0**2 + 1.0) / 2.0))


def test_words_of_every_kind_are_walked_evenly() -> None:
    """Weak ones and those of some people only too; before, hot to warm@metal and muffled to sweet were not."""
    engine = Engine(load_bundle())
    pairs = list(itertools.combinations(engine.bundle.centroids, 2))
    chosen = [pairs[i] for i in np.random.default_rng(7).permutation(len(pairs))[:12]]
    for start, end in [("hot", "warm@metal"), ("muffled", "sweet"), ("happy", "powerful"), *chosen]:
        for steps in (11, 51):
            path = engine.morph_path(start, end, steps)
            assert np.ptp(path.steps_db) <= 0.01 * np.mean(path.steps_db), (start, end, steps)
            assert path.eqs[0] == engine.eq_for(start)
            assert path.eqs[-1] == engine.eq_for(end)
            assert path.eqs[0] == engine.morph(start, end, 0.0)
            assert path.eqs[-1] == engine.morph(start, end, 1.0)
