"""Ways between words: straight in dB, in equal steps, and the same as the weights say."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from semeq_export.bundle.loading import load_bundle
from semeq_export.engine import Engine
from semeq_export.errors import InvalidTargetError
from semeq_export.words.morph import departures_db, steps_db
from semeq_export.words.target import SemanticTarget


def test_departures_are_from_the_straight_line() -> None:
    straight = np.linspace(0.0, 1.0, 5)[:, np.newaxis] * np.array([6.0, -3.0, 1.0])
    np.testing.assert_allclose(departures_db(straight), 0.0, atol=1e-12)
    np.testing.assert_allclose(steps_db(straight), np.sqrt(46.0 / 3.0) / 4.0)
    bent = np.array([[0.0, 0.0], [3.0, 0.0], [2.0, 2.0]])
    assert departures_db(bent)[1] == pytest.approx(np.sqrt((2.0**2 + 1.0) / 2.0))


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(load_bundle())


def test_a_morph_is_what_its_weights_say(engine: Engine) -> None:
    for share in (0.25, 0.5, 0.9):
        assert engine.morph("warm", "bright", share) == engine.eq_for(SemanticTarget({"warm": 1.0 - share, "bright": share}))
    assert engine.morph("warm", "bright", 0.0) == engine.eq_for("warm")
    assert engine.morph("Warm", "bright", 1.0) == engine.eq_for("bright")
    assert engine.morph("warm", "warm", 0.3) == engine.eq_for("warm")
    with pytest.raises(InvalidTargetError, match=r"share 1.5 of a morph is outside 0..1"):
        engine.morph("warm", "bright", 1.5)
    with pytest.raises(InvalidTargetError, match="a morph of 1 steps goes nowhere"):
        engine.morph_path("warm", "bright", 1)


def test_words_of_every_kind_are_walked_straight(engine: Engine) -> None:
    """Weak ones and those of some people only too."""
    pairs = list(itertools.combinations(engine.bundle.centroids, 2))
    chosen = [pairs[i] for i in np.random.default_rng(7).permutation(len(pairs))[:12]]
    for start, end in [("hot", "warm@metal"), ("muffled", "sweet"), *chosen]:
        path = engine.morph_path(start, end)
        assert len(path.eqs) == 11
        assert max(path.departures_db) < 0.6, (start, end)
        assert path.eqs[0] == engine.eq_for(start)
        assert path.eqs[-1] == engine.eq_for(end)
