"""Guesses are built from what is known: charts with sources, words of similar meaning, people's rows; and the process is a regression."""

from __future__ import annotations

import re

import numpy as np
import pytest

from semeq_export.eq.curve import correlation, log_grid, rms_db
from semeq_export.words.evidence import N_POINTS
from semeq_export.words.guesses import MAX_FREQ_HZ, MIN_FREQ_HZ, ChartBand
from semeq_training.guesses import build
from semeq_training.guesses.charts import LANGUAGES, Chart, read_charts, read_sources, read_words
from semeq_training.guesses.process import LENGTH, Nodes, Process, chosen, joined, kernel

GRID = log_grid(N_POINTS)


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def people(rng: np.random.Generator, n_words: int = 60) -> tuple[Nodes, Process]:
    """Words on a circle of meaning, whose curves tilt with their place on it; each was used by 1 to 6 people."""
    angles = np.sort(rng.uniform(0.0, np.pi, n_words))
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    tilt = np.linspace(-1.0, 1.0, N_POINTS)
    rows = [4.0 * np.cos(angle) * tilt + rng.normal(0.0, 0.5, (rng.integers(1, 7), N_POINTS)) for angle in angles]
    means, counts = np.array([row.mean(axis=0) for row in rows]), np.array([len(row) for row in rows], dtype=np.float64)
    return Nodes(vectors, means, counts), Process.of_people(rows)


def test_every_chart_has_a_source_and_bands_that_can_be_heard() -> None:
    sources, charts = read_sources(), read_charts()
    assert {key for chart in charts for key in chart.sources} == set(sources)
    for source in sources.values():
        assert re.fullmatch(r"https?://[^\s/]+\.[a-z]{2,}/\S*", source.url)
        assert source.title
    for chart in charts:
        assert chart.sources
        assert all(MIN_FREQ_HZ <= low < high <= MAX_FREQ_HZ and 0.0 < abs(amount) <= 1.0 for low, high, amount in chart.bands)
    keys = [(chart.word, chart.language) for chart in charts]
    assert len(keys) == len(set(keys))


def test_a_few_hundred_words_of_each_language_are_listed() -> None:
    words = read_words()
    for language in LANGUAGES:
        assert 300 <= sum(language in languages for languages in words.values()) <= 999
    assert {chart.word for chart in read_charts()} <= words.keys()


@pytest.mark.parametrize(("low_hz", "high_hz", "amount"), [(20.0, 150.0, 1.0), (800.0, 2_000.0, 1.0), (5_000.0, 20_000.0, -1.0)])
def test_a_charts_curve_is_where_it_says(low_hz: float, high_hz: float, amount: float) -> None:
    curve = Chart("some", "en", (ChartBand(low_hz, high_hz, amount),), ("one",)).curve_db(2.0)
    assert rms_db(curve) == pytest.approx(2.0)
    assert curve.mean() == pytest.approx(0.0, abs=1e-9)
    inside = (low_hz <= GRID) & (high_hz >= GRID)
    assert amount * (curve[inside].min() if amount > 0 else curve[inside].max()) > 0
    far = (low_hz / 1.5 > GRID) | (high_hz * 1.5 < GRID)
    assert np.all(amount * curve[far] < 0)


def test_leaving_out_in_one_inversion_is_leaving_out_one_by_one() -> None:
    nodes, process = people(np.random.default_rng(1))
    at_once = process.without_own(nodes)
    for number in (0, 7, 59):
        others = chosen(nodes, np.arange(len(nodes.rows)) != number)
        alone = process.predict(others, nodes.vectors[number : number + 1])
        np.testing.assert_allclose(at_once.curves_db[number], alone.curves_db[0], atol=1e-6)
        assert at_once.confidence[number] == pytest.approx(alone.confidence[0], abs=1e-6)


def test_words_left_out_are_found_and_far_ones_are_not_trusted() -> None:
    rng = np.random.default_rng(2)
    nodes, process = people(rng)
    found = process.without_own(nodes)
    clear = np.abs(nodes.vectors[:, 0]) > 0.5
    assert np.mean([correlation(a, b) > 0.9 for a, b in zip(found.curves_db[clear], nodes.means_db[clear], strict=True)]) > 0.9
    far = process.predict(nodes, np.array([[0.0, -1.0]]))  # far from all
    assert far.confidence[0] < 0.05 < found.confidence[clear].min()


def test_a_chart_moves_the_guess_towards_it_and_makes_it_surer() -> None:
    nodes, process = people(np.random.default_rng(3))
    at = np.array([[0.0, 1.0]])  # where curves are flat
    chart = np.hanning(N_POINTS) - np.hanning(N_POINTS).mean()
    tilt = np.linspace(-3.0, 3.0, N_POINTS)
    with_chart = process.predict(joined(nodes, Nodes(at, tilt[np.newaxis], np.array([4.0]))), at)
    without = process.predict(nodes, at)
    assert correlation(with_chart.curves_db[0], tilt) > correlation(without.curves_db[0], tilt)
    assert with_chart.unexplained[0] < without.unexplained[0]
    assert abs(correlation(without.curves_db[0], chart)) < 0.9


def test_the_kernel_is_one_for_the_same_and_falls() -> None:
    vectors = unit(np.random.default_rng(4).standard_normal((5, 16)))
    alike = kernel(vectors, vectors)
    np.testing.assert_allclose(np.diag(alike), 1.0)
    square = np.square(vectors[0] - vectors[1]).sum()
    assert alike[0, 1] == pytest.approx(np.exp(-square / (2.0 * LENGTH**2)))


def test_levels_ascend() -> None:
    assert 0.0 < build.DOUBTFUL_FROM < build.MEDIUM_FROM < build.HIGH_FROM < 1.0
