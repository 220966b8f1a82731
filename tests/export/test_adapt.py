"""The law of adaptive EQ: doses, gains, and settings."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import sounds
from fake_engine import BRIGHT, WARM
from hypothesis import given
from hypothesis import strategies as st

from semeq_export.eq.filter import apply as apply_eq
from semeq_export.eq.settings import Band, BandKind, EqSettings
from semeq_export.listening.dose import (
    MAX_SOFT_GAIN,
    MAX_TARGET_GAIN,
    USUAL_SPREADS,
    adapt_eq,
    band_response_db,
    difference,
    doses_between,
    soft_gain,
    target_gain,
)
from semeq_export.listening.reference import stored_reference
from semeq_export.listening.spectrum import BANDS_HZ, Spectrum, measure, windows_of

RATE_HZ = 44_100.0
WARM_DB = band_response_db(WARM, RATE_HZ)


@pytest.fixture(scope="module")
def parts() -> tuple[Spectrum, Spectrum]:
    """Two parts of one performance."""
    even, odd = sounds.alternate_seconds(sounds.performance(16.0))
    return measure(even.samples, RATE_HZ), measure(odd.samples, RATE_HZ)


def shifted(spectrum: Spectrum, change_db: np.ndarray) -> Spectrum:
    assert spectrum.windows is not None
    windows = windows_of(spectrum.windows.band_db + change_db, spectrum.windows.times_s)
    return replace(spectrum, band_db=spectrum.band_db + change_db, windows=windows)


def test_a_response_over_bands_is_that_of_the_filters() -> None:
    flat_top = EqSettings((Band(BandKind.LOW_SHELF, 4_000.0, 6.0, 0.7),))
    assert band_response_db(flat_top, RATE_HZ)[0] == pytest.approx(6.0, abs=0.01)
    assert np.all(band_response_db(EqSettings(), RATE_HZ) == 0.0)
    noise = sounds.noise(20.0, RATE_HZ)
    change_db = measure(apply_eq(WARM, noise.samples, RATE_HZ), RATE_HZ).band_db - measure(noise.samples, RATE_HZ).band_db
    assert np.abs(change_db - WARM_DB).max() < 0.15


@pytest.mark.parametrize(("doses", "gain_db"), [(-3.0, 20.0), (-1.0, 0.0), (0.0, -20.0), (0.5, 3.0), (3.0, -12.0)])
def test_a_dose_more_is_measured_as_a_dose_more(parts: tuple[Spectrum, Spectrum], doses: float, gain_db: float) -> None:
    heard, reference = parts
    for against, tolerance in ((reference, 1e-5), (replace(reference, windows=None), 1e-9)):
        before = difference(heard, against)
        after = difference(shifted(heard, doses * WARM_DB + gain_db), against)
        assert before is not None
        assert after is not None
        assert after.dose(WARM_DB) - before.dose(WARM_DB) == pytest.approx(doses, abs=tolerance)


def test_a_sound_compared_with_itself_has_no_dose(parts: tuple[Spectrum, Spectrum]) -> None:
    same = difference(parts[0], parts[0])
    assert same is not None
    assert same.dose(WARM_DB) == pytest.approx(0.0, abs=1e-6)


def test_what_a_sound_does_by_itself_is_taken_for_no_equaliser() -> None:
    errors_heard, errors_mean = [], []
    for seed in range(6):
        even, odd = sounds.alternate_seconds(sounds.performance(16.0, seed=seed))
        heard, reference = measure(even.samples, RATE_HZ), measure(odd.samples, RATE_HZ)
        full, mean = difference(heard, reference), difference(heard, replace(reference, windows=None))
        assert full is not None
        assert mean is not None
        errors_heard.append(full.dose(WARM_DB))
        errors_mean.append(mean.dose(WARM_DB))
    assert np.std(errors_heard) < 0.85 * np.std(errors_mean)


def test_nothing_can_be_compared_with_silence(parts: tuple[Spectrum, Spectrum]) -> None:  # fault A6
    silence = measure(np.zeros((1, 48_000)), RATE_HZ)
    assert difference(silence, parts[0]) is None
    assert difference(parts[0], silence) is None
    assert doses_between(silence, parts[0], WARM_DB) is None


def test_sounds_that_share_no_bands_cannot_be_compared(parts: tuple[Spectrum, Spectrum]) -> None:
    low, high = (replace(parts[0], usable=parts[0].usable & chosen) for chosen in (BANDS_HZ < 500.0, BANDS_HZ > 400.0))
    assert difference(low, high) is None


def test_a_flat_term_has_no_dose(parts: tuple[Spectrum, Spectrum]) -> None:
    compared = difference(*parts)
    assert compared is not None
    flat = np.zeros(len(BANDS_HZ))
    assert compared.dose(flat) == compared.similarity(flat) == 0.0
    assert soft_gain(compared.dose(flat), compared.spread(flat)) == pytest.approx(1.0)


@given(st.floats(-1e4, 1e4))
def test_target_gain_is_what_is_missing(dose: float) -> None:
    gain = target_gain(dose)
    assert 0.0 < gain <= MAX_TARGET_GAIN
    assert gain == pytest.approx(min(max(1.0 - dose, 0.0), MAX_TARGET_GAIN), abs=1e-3)
    assert target_gain(dose + 0.01) < gain or gain == MAX_TARGET_GAIN


@given(st.floats(-1e4, 1e4), st.floats(0.1, 10.0))
def test_soft_gain_is_what_is_missing_as_far_as_that_can_be_known(dose: float, spread: float) -> None:
    gain = soft_gain(dose, spread)
    assert 0.0 < gain <= MAX_SOFT_GAIN
    assert soft_gain(dose + 0.1, spread) <= gain
    assert abs(gain - 1.0) <= abs(target_gain(dose) - 1.0) + 1e-5 or dose < -0.75  # leans less than where the dose is known
    assert soft_gain(0.0, spread) == pytest.approx(1.0, abs=1e-5)


def test_the_surer_a_dose_the_more_of_it_is_believed() -> None:
    gains = [soft_gain(0.8, spread) for spread in (0.01, 0.5, 1.0, 2.0, 4.0)]
    assert gains[0] == pytest.approx(0.2, abs=1e-3)
    assert gains == sorted(gains)


@pytest.mark.parametrize("spread", [0.9, 1.4, 1.9, 2.5])
def test_what_nine_of_ten_sources_do_not_have_is_left_alone(spread: float) -> None:
    assert soft_gain(1.2 * USUAL_SPREADS * spread, spread) < 0.05


def test_what_is_left_alone_is_said(parts: tuple[Spectrum, Spectrum]) -> None:
    reference = stored_reference("guitar")
    compared = difference(shifted(reference_like(parts[0], reference.spectrum), 6.0 * WARM_DB), reference.spectrum)
    more = adapt_eq(WARM, 1.0, compared, "soft", RATE_HZ, reference="guitar")
    less = adapt_eq(WARM, -1.0, compared, "soft", RATE_HZ, reference="guitar")
    assert more.gain < 1e-3
    assert more.notes == (f"left alone: it has more of this already than is usual ({more.dose:+.1f} doses against guitar)",)
    assert less.gain == -MAX_SOFT_GAIN
    assert less.is_clipped
    assert not less.notes


def reference_like(spectrum: Spectrum, kind: Spectrum) -> Spectrum:
    """A sound that is what its kind is in the mean."""
    return shifted(spectrum, kind.band_db - spectrum.band_db)


@pytest.mark.parametrize("mode", ["target", "soft"])
def test_intensity_zero_is_exactly_flat(parts: tuple[Spectrum, Spectrum], mode: str) -> None:
    adapted = adapt_eq(WARM, 0.0, difference(*parts), mode, RATE_HZ, reference="x")  # type: ignore[arg-type]
    assert adapted.eq.is_flat
    assert adapted.gain == 0.0


@pytest.mark.parametrize("mode", ["target", "soft"])
def test_the_amount_grows_with_intensity(parts: tuple[Spectrum, Spectrum], mode: str) -> None:
    for dose in (-3.0, 0.0, 1.0, 4.0):
        compared = difference(shifted(parts[0], dose * WARM_DB), parts[1])
        gains = [
            adapt_eq(WARM, intensity, compared, mode, RATE_HZ, reference="x").gain  # type: ignore[arg-type]
            for intensity in np.linspace(-2.0, 2.0, 41)
        ]
        assert np.all(np.diff(gains) > 0.0)


def test_the_opposite_of_a_word_mirrors_it(parts: tuple[Spectrum, Spectrum]) -> None:
    compared = difference(*parts)
    against = adapt_eq(WARM, -1.0, compared, "target", RATE_HZ, reference="x")
    opposite = adapt_eq(WARM.scaled(-1.0), 1.0, compared, "target", RATE_HZ, reference="x")
    assert against.gain == pytest.approx(-opposite.gain, abs=5e-3)  # a cut is not quite a lift mirrored: bands are means of power


def test_the_settings_add_the_dose_that_is_asked(parts: tuple[Spectrum, Spectrum]) -> None:
    compared = difference(*parts)
    assert compared is not None
    adapted = adapt_eq(WARM, 1.0, compared, "target", RATE_HZ, reference="x")
    added = compared.doses_of(band_response_db(adapted.eq, RATE_HZ), WARM_DB)
    assert added == pytest.approx(target_gain(compared.dose(WARM_DB)), abs=2e-3)
    assert adapted.fit_error_db < 0.1


def test_without_a_comparison_the_word_is_applied_as_it_is() -> None:
    adapted = adapt_eq(WARM, 0.7, None, "target", RATE_HZ, reference="x", why_static="no signal")
    assert adapted.eq == WARM.scaled(0.7)
    assert (adapted.mode, adapted.dose, adapted.notes) == ("static", None, ("no signal",))


def test_a_gain_beyond_the_range_of_bands_is_lowered_and_said() -> None:  # fault A17
    loud = EqSettings((Band(BandKind.PEAK, 1_000.0, 40.0, 1.0),))
    adapted = adapt_eq(loud, 3.0, None, "static", RATE_HZ, reference="x")
    assert adapted.gain == pytest.approx(1.5)
    assert adapted.is_clipped
    assert "3.00 doses lowered to 1.50" in adapted.notes[0]


def test_doses_are_measured_on_audio() -> None:
    audio = sounds.performance(8.0)
    before = measure(audio.samples, RATE_HZ)
    for doses in (-1.0, 0.5, 2.0):
        after = measure(apply_eq(WARM.scaled(doses), audio.samples, RATE_HZ), RATE_HZ)
        assert doses_between(before, after, WARM_DB) == pytest.approx(doses, abs=0.05)


def test_opposite_words_are_opposite(parts: tuple[Spectrum, Spectrum]) -> None:
    compared = difference(shifted(parts[0], 3.0 * WARM_DB), parts[1])
    assert compared is not None
    assert compared.similarity(WARM_DB) == pytest.approx(-compared.similarity(band_response_db(BRIGHT, RATE_HZ)), abs=0.05)
    assert compared.similarity(WARM_DB) > 0.8


def test_the_spread_of_sources_is_stated_in_doses(parts: tuple[Spectrum, Spectrum]) -> None:
    compared = difference(parts[0], stored_reference().spectrum)
    assert compared is not None
    assert compared.spread(2.0 * WARM_DB) == pytest.approx(0.5 * compared.spread(WARM_DB))
    assert math.isfinite(compared.spread(WARM_DB))
