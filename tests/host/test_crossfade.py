"""The two-bank crossfade: no click, no bit that depends on the blocks, nothing lost of what is asked for."""

from __future__ import annotations

import numpy as np
import pytest
from fake_engine import BRIGHT, WARM
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import firwin, lfilter
from strategies import random_settings

from semeq_export.eq.filter import apply
from semeq_export.eq.settings import Band, BandKind, EqSettings
from semeq_export.errors import AudioError, InvalidEqError
from semeq_host.streams.crossfade import CrossfadeEq

RATE_HZ = 48_000.0
FLAT = EqSettings()
HARD = [*random_settings(12, seed=40), WARM, BRIGHT, FLAT]


def sine(freq_hz: float, seconds: float = 1.0, peak: float = 1.0) -> np.ndarray:
    return peak * np.sin(2 * np.pi * freq_hz * np.arange(round(seconds * RATE_HZ)) / RATE_HZ)[np.newaxis]


def with_changes(samples: np.ndarray, first: EqSettings, changes: dict[int, EqSettings], sizes: list[int]) -> np.ndarray:
    """Run blocks of the sizes in turn, cut where a change is asked for."""
    fader, parts, start, turn = CrossfadeEq(first, RATE_HZ, samples.shape[0]), [], 0, 0
    while start < samples.shape[1]:
        if start in changes:
            fader.change_to(changes[start])
        cuts = [at for at in changes if at > start]
        end = min(start + sizes[turn % len(sizes)], samples.shape[1], *cuts)
        parts.append(fader.process(samples[:, start:end]))
        start, turn = end, turn + 1
    return np.concatenate(parts, axis=1)


@pytest.mark.parametrize("index", range(len(HARD)))
def test_a_hard_retarget_leaves_less_than_minus_90_dbfs_above_4_khz(index: int) -> None:  # fault A19
    before, after = HARD[index], HARD[(index + 5) % len(HARD)]
    out = with_changes(sine(100.0), before, {20_017: after}, [512])
    above_4_khz = lfilter(firwin(1_001, 4_000.0, fs=RATE_HZ, pass_zero=False, window=("kaiser", 14.0)), 1.0, out[0])
    assert np.abs(above_4_khz[15_000:]).max() < 10.0 ** (-90.0 / 20.0)


def test_jumps_at_every_block_leave_no_click_on_a_steady_tone() -> None:  # fault A19
    loud = EqSettings((Band(BandKind.PEAK, 1_000.0, 12.0, 1.0), Band(BandKind.HIGH_SHELF, 5_000.0, 12.0, 0.7)))
    changes = {at: (FLAT, loud)[at // 512 % 2] for at in range(512, 40_000, 512)}
    out = with_changes(sine(1_000.0, peak=0.25), FLAT, changes, [512])
    away = lfilter(firwin(2_001, 1_500.0, fs=RATE_HZ, pass_zero=False, window=("kaiser", 12.0)), 1.0, out[0])
    assert np.abs(away[6_000:]).max() < 0.25 * 10.0 ** (-60.0 / 20.0)


def test_after_the_change_only_the_new_settings_are_heard() -> None:
    noise = np.random.default_rng(1).standard_normal((2, 48_000)) * 0.1
    out = with_changes(noise, WARM, {10_000: BRIGHT}, [480])
    np.testing.assert_array_equal(out[:, :10_480], apply(WARM, noise, RATE_HZ)[:, :10_480])  # 10 ms of warm-up are not heard
    expected = apply(BRIGHT, noise, RATE_HZ)
    assert np.abs(out - expected)[:, 40_000:].max() < 1e-12


@given(
    st.lists(st.integers(1, 900), min_size=1, max_size=8),
    st.dictionaries(st.integers(0, 3_000), st.sampled_from(HARD), max_size=6),
    st.sampled_from([0.0, -60.0, -140.0]),
    st.sampled_from([np.float32, np.float64]),
)
def test_any_sequence_of_blocks_gives_the_same_bits(
    sizes: list[int], changes: dict[int, EqSettings], level_dbfs: float, dtype: type
) -> None:
    noise = (np.random.default_rng(2).standard_normal((2, 6_000)) * 10.0 ** (level_dbfs / 20.0)).astype(dtype)
    one = with_changes(noise, WARM, changes, [6_000])
    assert one.dtype == dtype
    assert with_changes(noise, WARM, changes, sizes).tobytes() == one.tobytes()


def test_what_arrives_during_a_fade_waits_for_its_end_and_the_last_one_counts() -> None:
    noise = np.random.default_rng(3).standard_normal((1, 12_000))
    fader = CrossfadeEq(FLAT, RATE_HZ, 1)
    fader.change_to(WARM)
    fader.process(noise[:, :100])
    fader.change_to(WARM.scaled(2.0))
    fader.change_to(BRIGHT)
    assert fader.eq == BRIGHT
    assert fader.change_samples == 1_440
    got = fader.process(noise[:, 100:])
    np.testing.assert_array_equal(got[:, : 1_340 + 480], with_changes(noise, FLAT, {0: WARM}, [12_000])[:, 100 : 1_440 + 480])
    assert not fader.is_changing
    settled = fader.process(noise)
    assert np.abs(settled - apply(BRIGHT, np.concatenate([noise, noise], axis=1), RATE_HZ)[:, 12_000:]).max() < 1e-4


def test_asking_for_what_is_held_or_on_its_way_changes_nothing() -> None:
    fader = CrossfadeEq(WARM, RATE_HZ, 1)
    fader.change_to(WARM)
    assert not fader.is_changing
    fader.change_to(BRIGHT)
    fader.change_to(WARM)
    fader.change_to(BRIGHT)
    fader.process(np.zeros((1, 1_440)))
    assert not fader.is_changing
    assert fader.eq == BRIGHT


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_flat_is_the_input_bit_for_bit_once_the_fade_is_over(dtype: type) -> None:
    noise = np.random.default_rng(4).standard_normal((2, 20_000)).astype(dtype)
    out = with_changes(noise, WARM, {5_000: FLAT}, [777])
    assert out[:, 6_440:].tobytes() == noise[:, 6_440:].tobytes()


@pytest.mark.parametrize("at", [0, 100, 480, 700, 1_439, 1_440, 3_000])
def test_going_back_to_a_moment_forgets_what_came_after(at: int) -> None:
    noise = np.random.default_rng(5).standard_normal((2, 8_000))
    fader = CrossfadeEq(WARM, RATE_HZ, 2)
    fader.change_to(BRIGHT)
    fader.process(noise[:, :at])
    moment = fader.moment()
    expected = fader.process(noise[:, at:])
    fader.change_to(FLAT)
    fader.process(noise)
    fader.go_back(moment)
    np.testing.assert_array_equal(fader.process(noise[:, at:]), expected)
    assert fader.eq == BRIGHT


def test_reset_starts_from_zero_state_with_the_settings_asked_for_last() -> None:  # fault A24
    noise = np.random.default_rng(6).standard_normal((2, 3_000))
    fader = CrossfadeEq(WARM, RATE_HZ, 2)
    fader.change_to(BRIGHT)
    fader.process(noise)
    fader.change_to(WARM)
    fader.reset()
    np.testing.assert_array_equal(fader.process(noise), apply(WARM, noise, RATE_HZ))
    fader.reset(FLAT)
    np.testing.assert_array_equal(fader.process(noise), noise)


def test_states_that_decayed_to_nothing_become_zero() -> None:  # fault A5
    fader = CrossfadeEq(WARM, RATE_HZ, 1)
    fader.process(np.full((1, 1), 1e-160))
    fader.settle()
    assert not fader.process(np.zeros((1, 50))).any()
    fader.process(np.ones((1, 1)))
    fader.settle()
    assert fader.process(np.zeros((1, 50))).any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_no_subnormal_number_comes_out_of_filters(dtype: type) -> None:  # fault A5
    tiny = np.finfo(dtype).tiny
    quiet = (np.random.default_rng(7).standard_normal((2, 9_000)) * tiny * 0.3).astype(dtype)
    assert np.any((np.abs(quiet) > 0) & (np.abs(quiet) < tiny))
    out = with_changes(quiet, WARM, {2_000: BRIGHT, 5_000: FLAT}, [333])
    filtered = np.abs(out[:, :6_440])
    assert filtered.any()
    assert not np.any((filtered > 0) & (filtered < tiny))
    assert out[:, 6_440:].tobytes() == quiet[:, 6_440:].tobytes()  # flat is exact, whatever the input


def test_wrong_audio_and_settings_are_refused_and_nothing_changes() -> None:  # faults A10, A14, A15, A16
    for rate_hz, channels in ((0.0, 1), (float("nan"), 1), (1e9, 1), (48_000.0, 0), (48_000.0, 65)):
        with pytest.raises(AudioError):
            CrossfadeEq(WARM, rate_hz, channels)
    fader = CrossfadeEq(WARM, RATE_HZ, 2)
    for wrong in (np.zeros((1, 5)), np.zeros((5, 2)), np.zeros(5), np.zeros((2, 5), np.int16), [[0.0], [0.0]]):
        with pytest.raises(AudioError):
            fader.process(wrong)  # type: ignore[arg-type]
    with pytest.raises(InvalidEqError):
        fader.change_to(EqSettings((Band(BandKind.PEAK, 24_000.0, 3.0, 1.0),)))
    assert fader.eq == WARM
