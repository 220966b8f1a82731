"""Bands solved for one sound: following a reference, and mending what a rate cannot hold."""

from __future__ import annotations

import numpy as np
import pytest
import sounds
from fake_engine import WARM

from semeq_export.eq.biquad import for_rate
from semeq_export.eq.filter import apply as apply_eq
from semeq_export.eq.settings import SAFE_13, Band, EqSettings
from semeq_export.errors import AudioError
from semeq_export.listening.dose import adapt_eq, band_response_db, difference, doses_between
from semeq_export.listening.match import MATCH_LIMIT_DB, match_difference_db, match_eq, match_left_db, refine_adaptation
from semeq_export.listening.reference import Reference, stored_reference
from semeq_export.listening.spectrum import BANDS_HZ, measure

RATE_HZ = 44_100.0


def test_matching_brings_back_what_an_equaliser_took_away() -> None:
    audio = sounds.performance(8.0)
    dry, changed = (measure(x, RATE_HZ) for x in (audio.samples, apply_eq(WARM.scaled(1.5), audio.samples, RATE_HZ)))
    reference = Reference("dry", dry, is_stored=False)
    matched = match_eq(changed, reference, 1.0, RATE_HZ, limit_db=12.0)
    rendered = measure(apply_eq(matched.eq, apply_eq(WARM.scaled(1.5), audio.samples, RATE_HZ), RATE_HZ), RATE_HZ)
    assert match_left_db(changed, reference) > 2.5
    assert match_left_db(rendered, reference) < 0.3 * match_left_db(changed, reference)
    assert matched.mode == "match"


def test_a_match_is_smooth_and_bounded() -> None:
    pink = measure(sounds.noise(5.0, RATE_HZ).samples, RATE_HZ)
    steep = measure(sounds.noise(5.0, RATE_HZ, slope=1.6).samples, RATE_HZ)
    apart_db, held = match_difference_db(pink, steep)
    assert np.abs(np.diff(apart_db[held])).max() < 3.0
    assert held.sum() > 20
    for limit_db in (MATCH_LIMIT_DB, 3.0):
        bounded = match_eq(pink, Reference("steep", steep, is_stored=False), 1.0, RATE_HZ, limit_db=limit_db)
        assert np.abs(band_response_db(bounded.eq, RATE_HZ)).max() < limit_db + 0.5
    matched = match_eq(pink, Reference("steep", steep, is_stored=False), 1.0, RATE_HZ)
    assert matched.is_clipped
    assert matched.notes[0].endswith("more than a match follows (6 dB, `match_limit_db`)")


def test_a_match_lifts_no_rumble_and_leaves_what_one_side_does_not_hold() -> None:
    full = measure(sounds.noise(5.0, RATE_HZ, slope=1.0).samples, RATE_HZ)
    cut = EqSettings((Band("high_pass", 150.0, order=2), Band("low_pass", 6_000.0, order=16)))
    thin = measure(apply_eq(cut, sounds.noise(5.0, RATE_HZ).samples, RATE_HZ), RATE_HZ)
    for sound, reference in ((thin, full), (full, thin)):
        moved_db = band_response_db(match_eq(sound, Reference("other", reference, is_stored=False), 1.0, RATE_HZ).eq, RATE_HZ)
        _, held = match_difference_db(sound, reference)
        assert moved_db[BANDS_HZ < 45.0].max() < 0.5
        assert not held[-3:].any()
        assert np.abs(moved_db[~held]).max() < 0.5
        assert np.abs(moved_db).max() > 2.0


def test_a_match_at_zero_is_flat_and_of_itself_next_to_nothing() -> None:
    heard = measure(sounds.performance(6.0).samples, RATE_HZ)
    reference = Reference("same", heard, is_stored=False)
    assert match_eq(heard, stored_reference(), 0.0, RATE_HZ).eq.is_flat
    assert np.abs(band_response_db(match_eq(heard, reference, 1.0, RATE_HZ).eq, RATE_HZ)).max() < 0.05


def test_a_match_says_what_it_cannot_compare() -> None:  # fault A6
    heard = measure(sounds.performance(3.0).samples, RATE_HZ)
    silence = measure(np.zeros((1, 44_100)), RATE_HZ)
    with pytest.raises(AudioError, match="no signal in this audio: silence"):
        match_eq(silence, stored_reference(), 1.0, RATE_HZ)
    with pytest.raises(AudioError, match="no signal in the reference"):
        match_eq(heard, Reference("x", silence, is_stored=False), 1.0, RATE_HZ)


def test_refining_mends_bands_that_the_rate_cannot_hold() -> None:  # fault A16
    audio = sounds.performance(6.0, 12_000.0)
    heard = measure(audio.samples, 12_000.0)
    compared = difference(heard, stored_reference().spectrum)
    plain = adapt_eq(WARM, 1.0, compared, "soft", 12_000.0, reference="any")
    better = refine_adaptation(plain, WARM, heard, compared, SAFE_13, 12_000.0)
    assert len(for_rate(plain.eq, 12_000.0).warnings) == 1
    assert not for_rate(better.eq, 12_000.0).warnings
    assert better.fit_error_db < 0.3 * plain.fit_error_db
    term_db = band_response_db(WARM, 48_000.0)
    rendered = measure(apply_eq(better.eq, audio.samples, 12_000.0), 12_000.0)
    assert doses_between(heard, rendered, term_db) == pytest.approx(better.gain, abs=0.1)


def test_refining_keeps_what_is_as_good_already() -> None:
    heard = measure(sounds.performance(4.0).samples, RATE_HZ)
    flat = adapt_eq(WARM, 0.0, None, "static", RATE_HZ, reference="any")
    assert refine_adaptation(flat, WARM, heard, None, SAFE_13, RATE_HZ) is flat
    plain = adapt_eq(WARM, 1.0, None, "static", RATE_HZ, reference="any")
    assert refine_adaptation(plain, WARM, heard, None, SAFE_13, RATE_HZ).fit_error_db <= plain.fit_error_db + 1e-9
