"""The filters: against scipy, against closed forms of the cookbook, and against what they do to a signal."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.signal import sosfreqz
from strategies import random_settings

from semeq_export.eq.biquad import design_sos, for_rate, response_db
from semeq_export.eq.curve import log_grid
from semeq_export.eq.filter import EqFilter, apply
from semeq_export.eq.settings import Band, BandKind, EqSettings
from semeq_export.errors import AudioError, InvalidEqError

RATES_HZ = [8_000.0, 22_050.0, 44_100.0, 48_000.0, 96_000.0, 192_000.0, 384_000.0]


def one(kind: str, freq_hz: float, gain_db: float, q: float = 0.7071) -> EqSettings:
    return EqSettings((Band(BandKind(kind), freq_hz, gain_db, q),))


def at(eq: EqSettings, freq_hz: float, sample_rate_hz: float = 48_000.0) -> float:
    return float(response_db(eq, np.array([freq_hz]), sample_rate_hz)[0])


@pytest.mark.parametrize("rate_hz", [44_100.0, 48_000.0, 96_000.0])
def test_response_agrees_with_scipy(rate_hz: float) -> None:
    freqs_hz = log_grid(200, 20.0, 20_000.0)
    for eq in random_settings(50, seed=1):
        _, h = sosfreqz(design_sos(eq, rate_hz), worN=freqs_hz, fs=rate_hz)
        np.testing.assert_allclose(response_db(eq, freqs_hz, rate_hz), 20.0 * np.log10(np.abs(h)), atol=1e-6)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize("gain_db", [-24.0, -4.0, 0.5, 12.0])
def test_shelves_reach_their_gain_at_one_end_and_nothing_at_the_other(rate_hz: float, gain_db: float) -> None:
    nyquist_hz = rate_hz / 2
    assert at(one("low_shelf", 300.0, gain_db), 0.0, rate_hz) == pytest.approx(gain_db, abs=1e-6)
    assert at(one("low_shelf", 300.0, gain_db), nyquist_hz, rate_hz) == pytest.approx(0.0, abs=1e-6)
    assert at(one("high_shelf", 300.0, gain_db), nyquist_hz, rate_hz) == pytest.approx(gain_db, abs=1e-6)
    assert at(one("high_shelf", 300.0, gain_db), 0.0, rate_hz) == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize("q", [0.1, 0.71, 10.0])
@pytest.mark.parametrize("kind", ["low_shelf", "high_shelf"])
def test_shelves_have_half_their_decibels_at_their_frequency(kind: str, q: float, rate_hz: float) -> None:
    for freq_hz in (30.0, 1_000.0, 3_000.0):
        assert at(one(kind, freq_hz, -9.0, q), freq_hz, rate_hz) == pytest.approx(-4.5, abs=1e-6)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize("q", [0.1, 1.0, 30.0])
def test_peaks_have_their_gain_at_their_frequency_and_none_at_the_ends(q: float, rate_hz: float) -> None:
    for freq_hz in (20.0, 1_000.0, 3_500.0):
        eq = one("peak", freq_hz, 7.5, q)
        assert at(eq, freq_hz, rate_hz) == pytest.approx(7.5, abs=1e-5)  # what float64 holds of 20 Hz at 384 kHz, Q 30
        assert at(eq, 0.0, rate_hz) == pytest.approx(0.0, abs=1e-7)
        assert at(eq, rate_hz / 2, rate_hz) == pytest.approx(0.0, abs=1e-6)


def test_a_peak_is_as_wide_as_its_q_says() -> None:
    """The half-gain points of a peak lie 1/Q centre frequencies apart, far below Nyquist where the bilinear transform bends little."""
    q, centre_hz = 4.0, 200.0
    freqs_hz = np.linspace(100.0, 400.0, 300_001)
    inside = freqs_hz[response_db(one("peak", centre_hz, 6.0, q), freqs_hz, 384_000.0) >= 3.0]
    assert (inside[-1] - inside[0]) / centre_hz == pytest.approx(1.0 / q, rel=1e-3)


def test_bands_add_in_decibels_and_the_preamp_lifts_everything() -> None:
    freqs_hz = log_grid(60)
    a, b = one("low_shelf", 120.0, 4.0), one("peak", 2_000.0, -6.0, 2.0)
    both = EqSettings((*a.bands, *b.bands), -3.0)
    expected = response_db(a, freqs_hz, 48_000.0) + response_db(b, freqs_hz, 48_000.0) - 3.0
    np.testing.assert_allclose(response_db(both, freqs_hz, 48_000.0), expected, atol=1e-12)


def test_disabled_and_idle_bands_change_nothing() -> None:
    eq = EqSettings((Band(BandKind.PEAK, 1e3, 6.0, enabled=False), Band(BandKind.PEAK, 2e3, 0.0)))
    assert design_sos(eq, 48_000.0).shape == (0, 6)
    assert np.all(response_db(eq, log_grid(), 48_000.0) == 0.0)


def test_direct_current_through_a_low_shelf_of_4_db() -> None:  # fault A6
    level = np.full((2, 48_000), 0.5)
    settled = apply(one("low_shelf", 200.0, 4.0), level, 48_000.0)[:, -1]
    np.testing.assert_allclose(20.0 * np.log10(settled / 0.5), 4.0, atol=1e-6)


def test_silence_stays_silence() -> None:  # fault A6
    out = apply(random_settings(1, seed=3)[0], np.zeros((2, 1_000), dtype=np.float32), 48_000.0)
    assert np.all(out == 0.0)


@pytest.mark.parametrize("rate_hz", [44_100.0, 96_000.0])
def test_the_measured_impulse_response_is_the_designed_one(rate_hz: float) -> None:
    """0.01 dB from 20 Hz to 20 kHz: 2 s hold the ringing of Q 4 at 20 Hz."""
    n = int(2 * rate_hz)
    impulse = np.zeros((1, n))
    impulse[0, 0] = 1.0
    freqs_hz = np.fft.rfftfreq(n, 1.0 / rate_hz)
    audible = (freqs_hz >= 20.0) & (freqs_hz <= 20_000.0)
    for eq in random_settings(10, seed=4):
        measured = 20.0 * np.log10(np.abs(np.fft.rfft(apply(eq, impulse, rate_hz)[0])))
        np.testing.assert_allclose(measured[audible], response_db(eq, freqs_hz[audible], rate_hz), atol=0.01)


def test_a_steady_tone_comes_out_with_the_gain_of_its_frequency() -> None:
    eq, freq_hz = random_settings(1, seed=5)[0], 997.0
    t = np.arange(48_000) / 48_000.0
    out = apply(eq, np.sin(2 * np.pi * freq_hz * t)[np.newaxis], 48_000.0)[0, 24_000:]
    amplitude = 2.0 * abs(np.mean(out * np.exp(-2j * np.pi * freq_hz * t[24_000:])))
    assert 20.0 * math.log10(amplitude) == pytest.approx(at(eq, freq_hz), abs=0.005)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_flat_eq_returns_the_same_bits(dtype: type[np.floating]) -> None:  # fault C3
    noise = np.random.default_rng(6).standard_normal((2, 500)).astype(dtype)
    noise[0, :4] = [-0.0, 1e-40, 3e38, -1.0]
    eq = EqSettings((Band(BandKind.PEAK, 1e3, 0.0), Band(BandKind.LOW_SHELF, 1e2, 5.0, enabled=False)))
    out = apply(eq, noise, 48_000.0)
    assert out.dtype == dtype
    assert out.tobytes() == noise.tobytes()
    assert out is not noise


def test_the_input_is_never_written_to() -> None:
    noise = np.random.default_rng(6).standard_normal((2, 100))
    noise.flags.writeable = False
    for eq in (EqSettings(), EqSettings((), 6.0), one("peak", 1e3, 6.0)):
        out = apply(eq, noise, 48_000.0)
        assert out.flags.writeable


def test_channels_do_not_hear_each_other() -> None:
    noise = np.random.default_rng(7).standard_normal((8, 300))
    eq = random_settings(1, seed=7)[0]
    together = apply(eq, noise, 48_000.0)
    for channel in range(8):  # fault A11
        np.testing.assert_array_equal(together[channel], apply(eq, noise[channel : channel + 1], 48_000.0)[0])


@pytest.mark.parametrize("samples", [0, 1, 2, 3])
@pytest.mark.parametrize("channels", [1, 2])
def test_very_short_signals_are_exact(channels: int, samples: int) -> None:  # faults A7, A8
    eq = random_settings(1, seed=8)[0]
    long = np.random.default_rng(8).standard_normal((channels, 64))
    out = apply(eq, long[:, :samples], 48_000.0)
    np.testing.assert_array_equal(out, apply(eq, long, 48_000.0)[:, :samples])
    assert out.shape == (channels, samples)


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.float16, np.bool_, np.complex64, np.complex128, np.longdouble, "U1", object])
def test_other_sample_types_are_refused(dtype: object) -> None:  # fault A14
    with pytest.raises(AudioError, match="expected float32 or float64"):
        apply(EqSettings(), np.zeros((1, 4), dtype=dtype), 48_000.0)


@pytest.mark.parametrize("samples", [[[0.0, 1.0]], ((0.0,),), 1.0, None, memoryview(b"abcd")])
def test_what_is_no_array_is_refused(samples: object) -> None:  # fault A14
    with pytest.raises(AudioError, match="expected a numpy array"):
        apply(EqSettings(), samples, 48_000.0)  # type: ignore[arg-type]


@pytest.mark.parametrize("shape", [(), (10,), (1, 2, 10), (0, 10), (65, 10), (48_000, 2)])
def test_other_layouts_are_refused(shape: tuple[int, ...]) -> None:  # fault A10
    with pytest.raises(AudioError, match=r"\(channels, samples\)"):
        apply(EqSettings(), np.zeros(shape), 48_000.0)


@pytest.mark.parametrize("shape", [(1, 4), (3, 4), (4, 2), (4,)])
def test_a_filter_takes_only_the_channels_it_was_made_for(shape: tuple[int, ...]) -> None:  # fault A18
    with pytest.raises(AudioError, match=r"\(channels, samples\)"):
        EqFilter(EqSettings(), 48_000.0, channels=2).process(np.zeros(shape))


@pytest.mark.parametrize("channels", [0, -1, 65])
def test_a_filter_has_1_to_64_channels(channels: int) -> None:
    with pytest.raises(AudioError, match=r"channels, expected 1\.\.64"):
        EqFilter(EqSettings(), 48_000.0, channels)


@pytest.mark.parametrize("rate_hz", [0, -1, math.nan, math.inf, 1e9, 7_999, 384_001, "48000", None])
def test_other_sample_rates_are_refused(rate_hz: object) -> None:  # fault A15
    for eq in (EqSettings(), one("peak", 1e3, 6.0)):
        with pytest.raises(AudioError, match="sample_rate_hz"):
            apply(eq, np.zeros((1, 4)), rate_hz)  # type: ignore[arg-type]
        with pytest.raises(AudioError, match="sample_rate_hz"):
            for_rate(eq, rate_hz)  # type: ignore[arg-type]
        with pytest.raises(AudioError, match="sample_rate_hz"):
            response_db(eq, np.array([100.0]), rate_hz)  # type: ignore[arg-type]


def test_a_band_at_nyquist_is_refused_where_nobody_asked_for_rate() -> None:  # fault A16
    with pytest.raises(InvalidEqError, match=r"^peak freq_hz 16000.0 is above Nyquist \(11025\)$"):
        design_sos(one("peak", 16_000.0, 6.0), 22_050.0)


@pytest.mark.parametrize("kind", ["peak", "high_shelf"])
def test_bands_near_nyquist_are_left_out_and_named(kind: str) -> None:  # fault A16
    eq = EqSettings((Band(BandKind.PEAK, 1e3, 2.0), Band(BandKind(kind), 10_600.0, 6.0)))
    fit = for_rate(eq, 22_050.0)
    assert fit.eq.bands == eq.bands[:1]
    assert fit.warnings == (f"band 2 ({kind}, 10600 Hz, +6.00 dB) is above 10473.8 Hz, left out at 22050 Hz",)
    assert design_sos(fit.eq, 22_050.0).shape == (1, 6)


def test_a_low_shelf_near_nyquist_becomes_plain_gain() -> None:  # fault A16
    fit = for_rate(one("low_shelf", 16_000.0, 6.0), 22_050.0)
    assert fit.eq == EqSettings((), 6.0)
    assert len(fit.warnings) == 1
    assert "applied as plain gain" in fit.warnings[0]


def test_what_a_rate_can_hold_is_untouched() -> None:
    for eq in random_settings(20, seed=9):
        assert for_rate(eq, 48_000.0).eq is eq or for_rate(eq, 48_000.0).eq == eq
        assert for_rate(eq, 48_000.0).warnings == ()


def test_idle_bands_above_nyquist_are_kept_without_a_warning() -> None:
    eq = EqSettings((Band(BandKind.PEAK, 16_000.0, 0.0), Band(BandKind.PEAK, 16_000.0, 6.0, enabled=False)))
    fit = for_rate(eq, 22_050.0)
    assert (fit.eq, fit.warnings) == (eq, ())
    assert np.all(response_db(fit.eq, np.array([100.0]), 22_050.0) == 0.0)


@pytest.mark.parametrize("rate_hz", [44_100.0, 192_000.0])
@pytest.mark.parametrize("q", [1.0, 10.0])
def test_low_peaks_at_high_rates_keep_their_precision(q: float, rate_hz: float) -> None:  # fault A23
    """At least 120 dB between the signal and its difference to the same recursion in extended precision."""
    eq = one("peak", 20.0, 12.0, q)
    noise = np.random.default_rng(10).standard_normal((1, 20_000)) * 0.1
    out = apply(eq, noise, rate_hz)[0]
    b0, b1, b2, _, a1, a2 = design_sos(eq, rate_hz)[0].astype(np.longdouble)
    reference, s1, s2 = np.empty(noise.shape[1], dtype=np.longdouble), np.longdouble(0), np.longdouble(0)
    for i, x in enumerate(noise[0].astype(np.longdouble)):
        y = b0 * x + s1
        s1, s2 = b1 * x - a1 * y + s2, b2 * x - a2 * y
        reference[i] = y
    snr_db = 10.0 * np.log10(np.sum(reference**2) / np.sum((out - reference) ** 2))
    assert snr_db >= 120.0


def test_reset_forgets_what_was_heard() -> None:  # fault A24
    eq, rng = random_settings(1, seed=11)[0], np.random.default_rng(11)
    a, b = rng.standard_normal((2, 2, 400))
    stage = EqFilter(eq, 48_000.0, 2)
    stage.process(a)
    assert not np.array_equal(stage.process(b), apply(eq, b, 48_000.0))
    stage.reset()
    np.testing.assert_array_equal(stage.process(b), apply(eq, b, 48_000.0))


def test_gains_of_low_shelves_above_the_rate_stop_where_a_preamp_ends() -> None:
    shelves = (Band(BandKind.LOW_SHELF, 30_000.0, 60.0), Band(BandKind.LOW_SHELF, 40_000.0, 60.0))
    for sign in (1.0, -1.0):
        fit = for_rate(EqSettings(shelves, 1.0).scaled(sign), 48_000.0)
        assert (fit.eq.bands, abs(fit.eq.preamp_db)) == ((), 120.0)
        assert list(fit.warnings[2:]) == [f"preamp of {sign * 121.0:+.2f} dB with these is held at {sign * 120.0:+.0f} dB"]


@pytest.mark.parametrize("freqs_hz", [[[20.0, 30.0]], 20.0, [-1.0, 5.0], [24_001.0], [np.nan]])
def test_responses_are_of_a_row_of_frequencies_up_to_nyquist(freqs_hz: object) -> None:
    with pytest.raises(InvalidEqError, match="freqs_hz"):
        response_db(EqSettings(), np.array(freqs_hz), 48_000.0)
