"""Noise for training: pink is pink, and coloured noise has the colour that was asked for."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from semeq_export.eq.curve import rms_db
from semeq_export.listening.spectrum import BANDS_HZ, measure
from semeq_training.data.synthesis import modulated, pink_noise, random_colour_db

RATE_HZ = 48_000


def octave_slope_db(samples: np.ndarray, low_hz: float, high_hz: float) -> float:
    """Slope in dB per octave of the power density between two frequencies, from means over equal shares of an octave."""
    power = np.square(np.abs(np.fft.rfft(samples)))
    freqs_hz = np.fft.rfftfreq(len(samples), 1.0 / RATE_HZ)
    edges = np.geomspace(low_hz, high_hz, 31)
    levels = [10.0 * np.log10(power[(freqs_hz >= a) & (freqs_hz < b)].mean()) for a, b in pairwise(edges)]
    centres = np.log2(np.sqrt(edges[1:] * edges[:-1]))
    return float(np.polyfit(centres, levels, 1)[0])


def test_pink_noise_falls_by_three_decibels_an_octave() -> None:
    slopes = [octave_slope_db(pink_noise(30 * RATE_HZ, RATE_HZ, np.random.default_rng(seed)), 30.0, 18_000.0) for seed in (1, 2, 3)]
    assert np.mean(slopes) == pytest.approx(-3.0103, abs=0.03)
    halves = [octave_slope_db(pink_noise(30 * RATE_HZ, RATE_HZ, np.random.default_rng(4)), *ends) for ends in ((30, 600), (600, 18_000))]
    assert halves == pytest.approx([-3.0103, -3.0103], abs=0.15)  # one slope, not a few constant steps


def test_the_measure_of_slope_sees_noise_that_is_not_pink() -> None:
    white = np.random.default_rng(1).standard_normal(30 * RATE_HZ)
    assert octave_slope_db(white, 30.0, 18_000.0) == pytest.approx(0.0, abs=0.03)


def test_pink_noise_is_even_in_third_octaves_and_never_the_same_twice() -> None:
    one, other = (pink_noise(20 * RATE_HZ, RATE_HZ, np.random.default_rng(seed)) for seed in (1, 2))
    level_db = measure(one[np.newaxis], RATE_HZ).level_free_db()
    assert np.abs(level_db[3:]).max() < 0.8
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.05
    assert np.mean(one * one) == pytest.approx(1.0)


def test_random_colours_are_seven_to_nine_decibels_and_smooth() -> None:
    colours = np.array([random_colour_db(np.random.default_rng(seed)) for seed in range(200)])
    assert colours.shape == (200, len(BANDS_HZ))
    sizes = [rms_db(colour) for colour in colours]
    assert 7.0 <= min(sizes) < 7.2
    assert 8.8 < max(sizes) <= 9.0
    np.testing.assert_allclose(colours.mean(axis=1), 0.0, atol=1e-9)
    neighbours = np.mean([np.corrcoef(colour[:-1], colour[1:])[0, 1] for colour in colours])
    assert 0.5 < neighbours < 0.95
    assert abs(colours.mean()) < 0.1


def test_coloured_noise_measures_as_its_colour() -> None:
    rng = np.random.default_rng(3)
    colour_db = random_colour_db(rng)
    heard = measure(pink_noise(20 * RATE_HZ, RATE_HZ, rng, colour_db=colour_db)[np.newaxis], RATE_HZ)
    inside_hz = BANDS_HZ[:, np.newaxis] * 2.0 ** ((np.arange(60) - 29.5) / 180.0)  # it bends inside a band
    wanted_db = 10.0 * np.log10(np.mean(10.0 ** (np.interp(np.log(inside_hz), np.log(BANDS_HZ), colour_db) / 10.0), axis=1))
    error_db = (heard.level_free_db() - wanted_db)[5:]  # below, a band is hardly wider than what a window resolves
    assert np.std(error_db) < 0.5


def test_modulated_noise_swells_and_keeps_its_colour() -> None:
    rng = np.random.default_rng(4)
    noise = pink_noise(8 * RATE_HZ, RATE_HZ, rng)
    louder = modulated(noise, RATE_HZ, np.random.default_rng(7))
    levels = [10 * np.log10(np.mean(part**2)) for part in np.array_split(louder, 80)]
    assert np.ptp(levels) > 5.0
    before, after = (measure(part[np.newaxis], RATE_HZ).level_free_db() for part in (noise, louder))
    assert np.sqrt(np.mean((after - before)[5:] ** 2)) < 1.0
