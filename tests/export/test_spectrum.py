"""Third-octave spectra: levels of known signals, what must not change them, and what has no spectrum."""

from __future__ import annotations

import numpy as np
import pytest
import sounds
from hypothesis import given, settings
from hypothesis import strategies as st

from semeq_export.audio.samples import Audio, resample
from semeq_export.errors import AudioError
from semeq_export.listening.spectrum import (
    BAND_EDGES_HZ,
    BANDS_HZ,
    SpectrumMeter,
    analysis_grid,
    mean_spectrum,
    measure,
    spectrum_of,
    windows_of,
)


def test_pink_noise_has_even_bands_and_white_noise_rises_by_one_db_each() -> None:
    pink = measure(sounds.noise(60.0).samples, 48_000.0)
    assert np.abs(pink.level_free_db()).max() < 1.0
    assert np.abs(pink.level_free_db()[9:]).max() < 0.3
    white = measure(sounds.noise(60.0, slope=0.0).samples, 48_000.0)
    slope_db = np.polyfit(np.arange(len(BANDS_HZ)), white.band_db, 1)[0]
    assert slope_db == pytest.approx(10.0 * np.log10(2.0) / 3.0, abs=0.02)


@pytest.mark.parametrize("rate_hz", [8_000.0, 16_000.0, 44_100.0, 48_000.0, 96_000.0, 192_000.0])
def test_a_sine_lies_in_its_band_with_its_power(rate_hz: float) -> None:
    grid = analysis_grid(rate_hz)
    time = np.arange(grid.window_samples) / rate_hz
    powers = grid.band_powers(np.sin(2 * np.pi * 1_000.0 * time)[np.newaxis])
    assert powers.sum() == pytest.approx(0.5, rel=1e-3)
    assert BANDS_HZ[powers.argmax()] == pytest.approx(1_000.0)
    assert powers.max() > 0.49


def test_bands_above_the_rate_are_not_usable() -> None:
    spectrum = measure(sounds.noise(3.0, 16_000.0).samples, 16_000.0)
    assert np.array_equal(spectrum.usable, BAND_EDGES_HZ[1:] <= 0.95 * 8_000.0)


@settings(max_examples=10)
@given(st.floats(-20.0, 20.0))
def test_level_changes_nothing_but_the_level(gain_db: float) -> None:
    audio = sounds.performance(4.0)
    a = measure(audio.samples, audio.sample_rate_hz)
    b = measure(audio.samples * 10.0 ** (gain_db / 20.0), audio.sample_rate_hz)
    np.testing.assert_allclose(b.level_free_db(), a.level_free_db(), atol=1e-3)
    assert np.array_equal(a.usable, b.usable)


def test_resampling_changes_little() -> None:
    audio = sounds.performance(10.0)
    a = measure(audio.samples, audio.sample_rate_hz)
    b = measure(resample(audio, 48_000.0).samples, 48_000.0)
    assert np.abs(a.level_free_db() - b.level_free_db())[5:].max() < 0.2


@settings(max_examples=25)
@given(st.lists(st.integers(1, 9_000), min_size=1, max_size=40))
def test_blocks_of_any_size_give_the_same_bits(sizes: list[int]) -> None:
    samples = sounds.noise(1.0, 44_100.0, channels=2, seed=4).samples
    whole = measure(samples, 44_100.0)
    meter = SpectrumMeter(44_100.0, 2)
    start = 0
    for size in [*sizes, samples.shape[1]]:
        meter.listen(samples[:, start : start + size])
        start += size
    np.testing.assert_array_equal(meter.spectrum().band_db, whole.band_db)
    heard = meter.spectrum().windows
    assert heard is not None
    assert whole.windows is not None
    np.testing.assert_array_equal(heard.band_db, whole.windows.band_db)


def test_a_constant_offset_changes_nothing() -> None:
    samples = sounds.noise(5.0, 44_100.0).samples
    np.testing.assert_allclose(measure(samples + 0.3, 44_100.0).band_db, measure(samples, 44_100.0).band_db, atol=0.05)


def test_channels_count_by_power_so_opposite_phases_do_not_cancel() -> None:
    mono = sounds.noise(5.0).samples
    both = measure(np.concatenate([mono, -mono]), 48_000.0)
    np.testing.assert_allclose(both.band_db, measure(mono, 48_000.0).band_db, atol=1e-4)


def test_pauses_do_not_count() -> None:
    audio = sounds.noise(5.0, 44_100.0).samples
    hiss = sounds.noise(5.0, 44_100.0, slope=0.0, rms=1e-4, seed=2).samples
    with_pauses = measure(np.concatenate([audio, hiss], axis=1), 44_100.0)
    assert np.abs(with_pauses.level_free_db() - measure(audio, 44_100.0).level_free_db()).max() < 0.3


@pytest.mark.parametrize(
    "samples",
    [
        np.zeros((2, 48_000)),
        np.full((1, 48_000), -0.0),
        np.full((1, 48_000), 0.5),
        np.full((2, 96_000), 1e-6),
        0.5 * sounds.noise(0.01).samples,
        np.zeros((1, 0)),
        np.sin(2 * np.pi * 1_000.0 * np.arange(48_000) / 48_000.0)[np.newaxis] * 1e-6,
    ],
    ids=["silence", "minus zero", "constant", "faint constant", "10 ms", "no samples", "below the gate"],
)
def test_no_signal_is_said_and_never_a_spectrum(samples: np.ndarray) -> None:  # fault A6
    spectrum = measure(samples, 48_000.0)
    assert not spectrum.has_signal
    assert not spectrum.usable.any()
    assert spectrum.no_signal.isprintable()


def test_dither_alone_is_silence() -> None:  # fault A6
    rng = np.random.default_rng(3)
    dither = np.round(rng.uniform(-0.5, 0.5, (2, 96_000)) + rng.uniform(-0.5, 0.5, (2, 96_000))) / 32_768.0
    assert not measure(dither, 48_000.0).has_signal


def test_a_sample_that_is_not_finite_is_refused() -> None:  # fault A1
    samples = sounds.noise(1.0).samples.copy()
    samples[0, 30_000] = np.nan
    with pytest.raises(AudioError, match="not finite"):
        measure(samples, 48_000.0)


@pytest.mark.parametrize("samples", [np.zeros((48_000, 2)), np.zeros(48_000), np.zeros((1, 8), dtype=np.int16)])
def test_wrong_shapes_and_types_are_refused(samples: np.ndarray) -> None:  # fault A10
    with pytest.raises(AudioError):
        measure(samples, 48_000.0)


def test_levels_beyond_float32_are_refused_and_those_below_it_measured() -> None:  # fault A4
    noise = sounds.noise(1.0).samples
    with pytest.raises(AudioError, match=r"over \+240 dBFS, after frame 0"):
        measure(1e15 * noise, 48_000.0)
    np.testing.assert_allclose(measure(1e12 * noise, 48_000.0).level_free_db(), measure(noise, 48_000.0).level_free_db(), atol=1e-3)


def test_the_mean_of_spectra_takes_each_at_equal_level() -> None:
    pink = measure(sounds.noise(5.0).samples, 48_000.0)
    loud = measure(10.0 * sounds.noise(5.0, slope=0.0).samples, 48_000.0)
    mean = mean_spectrum([pink, loud])
    expected = 0.5 * (pink.level_free_db() + loud.level_free_db())
    np.testing.assert_allclose(mean.level_free_db(), expected, atol=1e-6)
    assert pink.windows is not None
    assert loud.windows is not None
    assert mean.windows is not None
    assert len(mean.windows.band_db) == len(pink.windows.times_s) + len(loud.windows.times_s)


def test_the_mean_lines_up_spectra_that_hold_different_bands() -> None:
    wide = measure(sounds.noise(5.0).samples, 48_000.0)
    narrow = measure(3.0 * sounds.noise(5.0, 16_000.0, seed=2).samples, 16_000.0)
    mean = mean_spectrum([wide, narrow, wide])
    assert np.abs(mean.level_free_db() - wide.level_free_db()).max() < 0.6
    assert np.array_equal(mean.usable, wide.usable)


def test_a_mean_of_nothing_is_an_error() -> None:
    silence = measure(np.zeros((1, 48_000)), 48_000.0)
    with pytest.raises(AudioError, match="no signal in the reference: silence"):
        mean_spectrum([silence])
    assert mean_spectrum([silence, measure(sounds.noise(1.0).samples, 48_000.0)]).has_signal


def test_the_gate_does_not_hear_an_equaliser() -> None:
    grid = analysis_grid(48_000.0)
    rng = np.random.default_rng(5)
    powers = 10.0 ** rng.uniform(-8.0, -3.0, (200, len(BANDS_HZ)))
    lifted = powers * 10.0 ** (rng.uniform(-1.5, 1.5, len(BANDS_HZ)))
    times = np.arange(200.0)
    before, after = (spectrum_of(p, times, grid.in_range, 9.0) for p in (powers, lifted))
    assert before.windows is not None
    assert after.windows is not None
    np.testing.assert_array_equal(before.windows.times_s, after.windows.times_s)


def test_windows_weigh_as_they_are_heard() -> None:
    rng = np.random.default_rng(6)
    levels_db = np.repeat([0.0, -20.0], 500)[:, np.newaxis]
    colours_db = np.repeat([3.0, -3.0], 500)[:, np.newaxis] * np.linspace(-1.0, 1.0, len(BANDS_HZ))
    windows = windows_of(levels_db + colours_db + 0.1 * rng.standard_normal((1_000, len(BANDS_HZ))), np.arange(1_000.0))
    loud, quiet = windows.weights[:500].mean(), windows.weights[500:].mean()
    assert loud / quiet == pytest.approx(10.0 ** (0.3 * 2.0), rel=0.01)  # 20 dB: four times as loud
    assert windows.weights.mean() == pytest.approx(1.0)
    tilt_db = windows.mean_db[-1] - windows.mean_db[0]
    assert tilt_db == pytest.approx(6.0 * (loud - quiet) / 2.0, abs=0.05)
    change_db = rng.uniform(-12.0, 12.0, len(BANDS_HZ))
    after = windows_of(windows.band_db + change_db, windows.times_s)
    np.testing.assert_allclose(after.weights, windows.weights, rtol=1e-4)
    np.testing.assert_allclose(after.mean_db - windows.mean_db, change_db, atol=1e-3)
    np.testing.assert_allclose(after.covariance_db2, windows.covariance_db2, atol=1e-2)


@pytest.mark.parametrize("count", [1, 2, 3, 50])
def test_a_constant_sound_does_nothing_by_itself(count: int) -> None:
    windows = windows_of(np.full((count, len(BANDS_HZ)), -20.0), np.arange(float(count)))
    assert np.all(windows.covariance_db2 == 0.0)


def test_a_bad_rate_is_refused() -> None:  # fault A15
    for rate in (0.0, -1.0, float("nan"), 1e9):
        with pytest.raises(AudioError):
            SpectrumMeter(rate, 1)


def test_audio_of_any_kind_of_float_gives_the_same() -> None:
    audio = sounds.noise(2.0)
    single = Audio(audio.samples.astype(np.float32), 48_000.0)
    np.testing.assert_allclose(measure(single.samples, 48_000.0).band_db, measure(audio.samples, 48_000.0).band_db, atol=1e-4)


def test_what_a_low_pass_took_away_is_not_carried() -> None:
    """A file at 16 kHz is the same at 96 kHz: what lies above 8 kHz says nothing of the sound."""
    narrow = sounds.noise(3.0, 16_000.0)
    wide = resample(narrow, 96_000.0)
    here, there = (measure(audio.samples, audio.sample_rate_hz).carried().usable for audio in (narrow, wide))
    assert np.array_equal(here, BANDS_HZ < 7_000.0)
    assert not np.any(there & (BANDS_HZ > 7_000.0))
    assert np.all(there[BANDS_HZ < 6_000.0])
    steep = measure(sounds.noise(3.0, slope=1.0).samples, 48_000.0)
    assert np.array_equal(steep.carried().usable, steep.usable)
