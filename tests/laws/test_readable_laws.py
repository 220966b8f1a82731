"""Laws of readable bands, for any settings of the layout: few, in range, strong enough, no fight, and as close as such bands come."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from strategies import layout_settings

from semeq_export.arrays import Float64Array
from semeq_export.bundle.loading import load_bundle
from semeq_export.eq.biquad import response_db
from semeq_export.eq.curve import level_free, log_grid
from semeq_export.eq.readable import FREQ_RANGES_HZ, MAX_BANDS, MAX_FIGHT_DB, MAX_LEVEL_DB, MIN_GAIN_DB, Q_RANGE, readable, rounded
from semeq_export.eq.settings import SAFE_13, BandKind, EqSettings

HEARD_HZ = log_grid(400, 30.0, 16_000.0)
WIDE_HZ = log_grid(800)
RATE_HZ = 48_000.0

scaled_settings = st.builds(EqSettings.scaled, layout_settings(), st.sampled_from((1.0, 0.5, 0.2, 0.05)))


def curve(eq: EqSettings) -> Float64Array:
    return response_db(eq, HEARD_HZ, RATE_HZ)


def apart_db(one: EqSettings, other: EqSettings) -> float:
    return float(level_free(curve(one) - curve(other)).std())


def most_taken_db(eq: EqSettings) -> float:
    curves = [response_db(EqSettings((band,)), WIDE_HZ, RATE_HZ) for band in eq.bands]
    return max(
        (float(np.where(a * b < 0, np.minimum(abs(a), abs(b)), 0.0).max()) for a, b in itertools.combinations(curves, 2)), default=0.0
    )


def pink_level_db(eq: EqSettings) -> float:
    """By how many dB settings change the power of pink noise."""
    return float(10.0 * np.log10(np.mean(10.0 ** (curve(eq) / 10.0))))


def assert_readable(eq: EqSettings) -> None:
    assert len(eq.bands) <= MAX_BANDS
    assert [band.freq_hz for band in eq.bands] == sorted(band.freq_hz for band in eq.bands)
    for band in eq.bands:
        assert band.enabled
        assert abs(band.gain_db) >= MIN_GAIN_DB
        low, high = FREQ_RANGES_HZ[band.kind]
        assert low <= band.freq_hz <= high
        assert band.kind is not BandKind.PEAK or Q_RANGE[0] <= band.q <= Q_RANGE[1]
    assert most_taken_db(eq) <= MAX_FIGHT_DB
    assert abs(pink_level_db(eq)) <= MAX_LEVEL_DB
    SAFE_13.to_vector(EqSettings(eq.bands))  # raises where a band has no slot


@given(scaled_settings)
def test_what_comes_out_is_readable_whatever_goes_in(eq: EqSettings) -> None:
    assert_readable(readable(eq))


@given(scaled_settings)
def test_equal_settings_give_equal_bands(eq: EqSettings) -> None:
    assert readable(eq) == readable(EqSettings(tuple(reversed(eq.bands))))


@given(scaled_settings, st.floats(-20.0, 20.0))
def test_the_preamp_of_the_input_does_not_count(eq: EqSettings, preamp_db: float) -> None:
    assert readable(EqSettings(eq.bands, preamp_db)) == readable(eq)


@given(scaled_settings)
def test_what_is_heard_never_becomes_silence(eq: EqSettings) -> None:
    heard_db = float(curve(eq).std())
    few = readable(eq)
    assert few.bands or heard_db <= 0.32  # 0.3 over the points that are judged
    assert apart_db(few, eq) <= max(heard_db + 0.05, 0.3)  # bands of 0.5 dB at least: of what is hardly there they may make a little more


@given(st.data())
def test_sums_of_words_become_readable_and_stay_so(data: st.DataObject) -> None:
    bundle = load_bundle()
    names = [name for name, term in bundle.centroids.items() if not (term.is_weak or term.is_variant)]
    words = data.draw(st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True))
    weights = [1.0, *(data.draw(st.floats(-0.5, 1.0)) for _ in words[1:])]
    z = np.sum([weight * np.array(bundle.centroids[word].z) for word, weight in zip(words, weights, strict=True)], axis=0)
    z /= max(1.0, sum(map(abs, weights)))
    eq = bundle.manifest.layout.from_vector(bundle.decoder(z.astype(np.float32)))
    few = readable(eq)
    assert_readable(few)
    assert apart_db(few, eq) <= max(0.3, float(curve(eq).std()))  # how close they are as a rule: export/test_readable.py
    again = readable(few)
    assert apart_db(again, few) <= max(0.6, 0.5 * float(curve(few).std()))


@given(scaled_settings)
def test_rounding_moves_nothing_far_and_is_a_projection(eq: EqSettings) -> None:
    few = readable(eq)
    short = rounded(few)
    assert rounded(short) == short
    for band, other in zip(few.bands, short.bands, strict=True):
        assert abs(band.gain_db - other.gain_db) <= 0.05 + 1e-9
        assert abs(band.freq_hz / other.freq_hz - 1.0) <= 0.0251
        assert abs(band.q - other.q) <= 0.05 + 1e-9
