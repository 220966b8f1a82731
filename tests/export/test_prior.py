"""What is known of kinds of sources: means, spreads, what is left out, and how a kind is recognised."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import sounds
from hypothesis import given
from hypothesis import strategies as st

from semeq_export.listening.kind import recognise
from semeq_export.listening.prior import GENERAL, Deviations, deviation, join, kinds_of_sources, learned, prior_of, source_of
from semeq_export.listening.region import Region, beyond, regions, usual_spread_db
from semeq_export.listening.spectrum import BANDS_HZ, Spectrum, measure

ALL = np.ones(28, dtype=np.bool_)


def drawn(kind: str, seed: int) -> Spectrum:
    """A source as the prior of its kind has it."""
    spectrum = prior_of(kind).spectrum
    assert spectrum.covariance_db2 is not None
    level = np.random.default_rng(seed).multivariate_normal(spectrum.band_db, spectrum.covariance_db2)
    return Spectrum(level, ALL, None, 10.0)


@pytest.mark.parametrize("kind", [*kinds_of_sources(), GENERAL])
def test_a_kind_has_a_mean_and_a_covariance(kind: str) -> None:
    spectrum = prior_of(kind).spectrum
    assert spectrum.covariance_db2 is not None
    np.testing.assert_allclose(spectrum.covariance_db2, spectrum.covariance_db2.T, atol=1e-9)
    assert np.linalg.eigvalsh(spectrum.covariance_db2).min() > 0.1
    assert spectrum.usable.sum() >= 20
    assert prior_of(kind).sources


def test_published_facts_hold() -> None:
    """AES 9762: 4.53 dB per octave between 89 Hz and 4.5 kHz, as power per Hz; speech has its maximum near 500 Hz (JASA 96, 2108)."""
    mix = prior_of(
        "mix", frozenset(source for name in ("mix_jazz_vibe_ace", "mix_pop_vocal_slow_motion_dream") for source in [source_of(name)])
    )
    per_hz = mix.spectrum.band_db - 10.0 * np.log10(BANDS_HZ)
    low, high = np.interp(np.log2((89.0, 4_500.0)), np.log2(BANDS_HZ), per_hz)
    assert (high - low) / np.log2(4_500.0 / 89.0) == pytest.approx(-4.53, abs=0.15)
    assert 300.0 <= BANDS_HZ[np.argmax(prior_of("voice").spectrum.band_db)] <= 800.0


def test_a_source_that_is_left_out_changes_its_kind_and_no_other() -> None:
    without = frozenset({source_of("sodium_stem_vocal")})
    assert source_of("sodium_stem_vocal") == source_of("sodium_stem_drums") == "sodium"
    for kind in kinds_of_sources():
        is_other = not np.array_equal(prior_of(kind, without).spectrum.band_db, prior_of(kind).spectrum.band_db)
        assert is_other == (kind in {"voice", "drums", "bass"})
        assert not any("sodium" in name for name in prior_of(kind, without).sources)


@given(st.integers(0, 2**32 - 1), st.integers(1, 30))
def test_one_pass_gives_mean_and_scatter(seed: int, count: int) -> None:
    vectors = np.random.default_rng(seed).normal(size=(count, 28)) * 10.0 + 100.0
    found = Deviations.none()
    for vector in vectors:
        found = found.add(vector, ALL)
    np.testing.assert_allclose(found.mean, vectors.mean(axis=0), atol=1e-9)
    apart = vectors - vectors.mean(axis=0)
    np.testing.assert_allclose(found.scatter, apart.T @ apart, atol=1e-6)


def test_few_files_say_little_and_many_say_all() -> None:
    base = prior_of(GENERAL).spectrum
    truth_db, spread_db = 6.0 * np.sin(np.arange(28)), 2.0
    rng, found = np.random.default_rng(3), Deviations.none()
    errors, spreads = [], []
    for count in range(1, 401):
        sound = Spectrum(base.band_db + truth_db + rng.normal(0.0, spread_db, 28) + rng.uniform(-40.0, 0.0), ALL, None, 1.0)
        found = found.add(*deviation(sound, base))
        if count in (1, 20, 400):
            prior = learned("mine", found, float(count), ())
            errors.append(np.std(prior.spectrum.band_db - base.band_db - truth_db))
            spreads.append(np.median(usual_spread_db(prior.spectrum)))
    assert errors == sorted(errors, reverse=True)
    assert errors[2] < 0.5 < 2.0 < errors[0]
    assert spreads[0] > 2.0 * spread_db
    assert spreads[2] == pytest.approx(spread_db, rel=0.25)


def test_bands_that_most_files_lack_are_not_known() -> None:
    base, found = prior_of(GENERAL).spectrum, Deviations.none()
    for number in range(5):
        sound = Spectrum(base.band_db + number, (7_000.0 if number < 3 else 20_000.0) > BANDS_HZ, None, 1.0)
        found = found.add(*deviation(sound, base))
    prior = join("x", base, 1.0, found, 5.0, ())
    assert np.array_equal(prior.spectrum.usable, BANDS_HZ < 7_000.0)


def test_a_kind_is_recognised_as_often_as_it_is_said_to_be() -> None:
    said, right = [], []
    for kind in kinds_of_sources():
        for seed in range(40):
            found = recognise(drawn(kind, seed))
            assert sum(found.shares.values()) == pytest.approx(1.0)
            assert found.is_clear <= (next(iter(found.shares.values())) >= 0.7)
            said.append(next(iter(found.shares.values())))
            right.append(next(iter(found.shares)) == kind)
    assert np.mean(right) > 0.5  # chance 0.14; guitars, keys and strings share most of what is published
    assert np.mean(right) == pytest.approx(np.mean(said), abs=0.15)
    assert recognise(measure(np.zeros((1, 48_000)), 48_000.0)).shares == {}


def test_what_no_kind_is_like_is_unclear() -> None:
    honk = np.where(np.abs(np.arange(28) - 16) < 5, 40.0, 0.0)
    assert not recognise(Spectrum(prior_of("mix").spectrum.band_db + honk, ALL, None, 1.0)).is_clear


def test_level_and_rate_do_not_matter_to_the_kind() -> None:
    sound = drawn("drums", 5)
    louder = replace(sound, band_db=sound.band_db + 30.0)
    assert recognise(louder).shares == pytest.approx(recognise(sound).shares)
    assert recognise(replace(sound, usable=BANDS_HZ < 7_000.0)).shares


def test_untouched_sources_have_an_odd_octave_one_time_in_four() -> None:
    odd = [abs(regions(drawn("mix", seed), prior_of("mix").spectrum)[0].spreads) > 2.15 for seed in range(400)]
    assert 0.1 < np.mean(odd) < 0.3


def test_an_octave_that_was_lifted_is_found() -> None:
    kind = prior_of("mix").spectrum
    lifted_db = np.where(np.abs(np.arange(28) - 9) <= 1, 12.0, 0.0)
    first = regions(Spectrum(kind.band_db + lifted_db, ALL, None, 1.0), kind)[0]
    assert first.name == "250 Hz"
    assert 7.0 < first.apart_db < 12.0
    assert beyond(first.spreads) == "99 of 100"
    assert 0.0 < first.excess_db < first.apart_db
    assert regions(Spectrum(kind.band_db + lifted_db, BANDS_HZ > 400.0, None, 1.0), kind)[0].spreads == pytest.approx(0.0, abs=1e-6)
    assert [beyond(spreads) for spreads in (0.0, 1.2, -1.3, 1.7, 2.1, -9.0)] == ["", "", "9 of 10", "19 of 20", "49 of 50", "99 of 100"]
    assert Region(0, 1.0, None).name == "31.5 Hz"
    assert Region(24, -3.0, None).excess_db == 3.0


def test_white_noise_stands_out() -> None:
    hiss = measure(sounds.noise(3.0, slope=0.0).samples, 48_000.0)
    assert abs(regions(hiss, prior_of(GENERAL).spectrum)[0].spreads) > 2.15
