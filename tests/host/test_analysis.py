"""The rolling spectrum: equal to measuring the same seconds at once, whatever the blocks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semeq_export.errors import AudioError
from semeq_export.listening.spectrum import measure
from semeq_host.streams.analysis import RollingSpectrum


def heard(rolling: RollingSpectrum, samples: np.ndarray, size: int = 10_000) -> list[int]:
    """Let it hear everything; return where windows were completed."""
    ends, start = [], 0
    while start < samples.shape[1]:
        end = min(start + size, start + rolling.until_window_end, samples.shape[1])
        if rolling.hear(samples[:, start:end]):
            ends.append(end)
        start = end
    return ends


def noise(seconds: float, rate_hz: float, channels: int = 2, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    white = rng.standard_normal((channels, round(seconds * rate_hz))) * 0.05
    return np.cumsum(white - white.mean(), axis=1) * 0.02 + white


@pytest.mark.parametrize("rate_hz", [8_000, 22_050, 44_100, 48_000, 96_000, 192_000])
def test_while_all_fits_into_the_context_it_is_the_whole_measurement(rate_hz: int) -> None:
    samples = noise(1.5, rate_hz)
    rolling = RollingSpectrum(rate_hz, 2, context_s=2.0)
    heard(rolling, samples)
    rolled, whole = rolling.spectrum(), measure(samples, rate_hz)
    np.testing.assert_array_equal(rolled.band_db, whole.band_db)
    np.testing.assert_array_equal(rolled.usable, whole.usable)
    assert rolled.seconds == whole.seconds == pytest.approx(1.5)


@pytest.mark.parametrize("rate_hz", [22_050, 48_000, 96_000])
def test_later_only_the_context_counts(rate_hz: int) -> None:
    samples = np.concatenate([noise(2.0, rate_hz, seed=1) * 3.0, noise(3.0, rate_hz, seed=2)], axis=1)
    rolling = RollingSpectrum(rate_hz, 2, context_s=1.0)
    end = heard(rolling, samples)[-1]
    assert 0.95 < rolling.context_s <= 1.0
    context = samples[:, end - round(rolling.context_s * rate_hz) : end]
    np.testing.assert_array_equal(rolling.spectrum().band_db, measure(context, rate_hz).band_db)


@given(st.integers(1, 5_000), st.sampled_from([-20.0, -60.0, -140.0]))
def test_block_sizes_do_not_matter(size: int, level_dbfs: float) -> None:
    samples = noise(0.5, 48_000) * 10.0 ** (level_dbfs / 20.0)
    one, other = RollingSpectrum(48_000, 2), RollingSpectrum(48_000, 2)
    assert heard(one, samples) == heard(other, samples, size)
    assert one.spectrum().band_db.tobytes() == other.spectrum().band_db.tobytes()
    assert one.spectrum().no_signal == other.spectrum().no_signal


def test_windows_with_unsound_samples_do_not_count() -> None:  # fault A2
    samples = noise(1.0, 48_000)
    rolling = RollingSpectrum(48_000, 2)
    assert heard(rolling, samples[:, :10_000]) == [4_096, 6_144, 8_192]
    before = rolling.spectrum().band_db
    assert not rolling.hear(np.zeros((2, 100)), is_sound=False)
    ends = heard(rolling, samples[:, 10_100:20_000])
    assert ends[0] == 14_336 - 10_100  # the first window that starts behind the hole at 10,000..10,100
    np.testing.assert_array_equal(before, measure(samples[:, :10_000], 48_000).band_db)


@pytest.mark.parametrize(("samples", "why"), [(np.zeros((1, 20_000)), "silence"), (np.zeros((1, 400)), "too short")])
def test_silence_and_next_to_nothing_are_no_signal(samples: np.ndarray, why: str) -> None:  # fault A6
    rolling = RollingSpectrum(48_000, 1)
    heard(rolling, samples)
    assert why in rolling.spectrum().no_signal


def test_reset_forgets() -> None:  # fault A24
    rolling = RollingSpectrum(48_000, 2)
    heard(rolling, noise(3.0, 48_000, seed=3))
    rolling.reset()
    assert rolling.until_window_end == 4_096
    samples = noise(1.0, 48_000, seed=4)
    heard(rolling, samples)
    np.testing.assert_array_equal(rolling.spectrum().band_db, measure(samples, 48_000).band_db)


@pytest.mark.parametrize("arguments", [(0.0, 2), (48_000, 0), (48_000, 65), (48_000, 2, 0.1), (48_000, 2, 61.0), (48_000, 2, float("nan"))])
def test_bounds_are_stated(arguments: tuple[float, int]) -> None:  # fault A15
    with pytest.raises(AudioError):
        RollingSpectrum(*arguments)
