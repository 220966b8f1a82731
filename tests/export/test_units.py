"""Unit conversions: inverses, closed forms and the sample rates that are accepted."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semeq_export import units
from semeq_export.errors import AudioError


@given(st.floats(-120.0, 120.0))
def test_amplitude_and_decibels_are_inverse(gain_db: float) -> None:
    assert units.amplitude_to_db(units.db_to_amplitude(gain_db)) == pytest.approx(gain_db, abs=1e-12)


def test_twenty_decibels_are_a_factor_of_ten() -> None:
    assert units.db_to_amplitude(20.0) == 10.0
    assert units.amplitude_to_db(0.5) == pytest.approx(-6.0206, abs=1e-4)


@given(st.floats(0.05, 100.0))
def test_q_and_bandwidth_are_inverse(q: float) -> None:
    assert units.bandwidth_oct_to_q(units.q_to_bandwidth_oct(q)) == pytest.approx(q, rel=1e-12)


def test_one_octave_is_a_q_of_the_square_root_of_two() -> None:
    assert units.bandwidth_oct_to_q(1.0) == pytest.approx(math.sqrt(2.0), rel=1e-12)


@given(st.floats(0.0, 1.0), st.floats(10.0, 1_000.0), st.floats(1.5, 1_000.0))
def test_frequency_and_log_position_are_inverse(position: float, minimum_hz: float, ratio: float) -> None:
    freq_hz = units.position_to_freq(position, minimum_hz, minimum_hz * ratio)
    assert units.freq_to_position(freq_hz, minimum_hz, minimum_hz * ratio) == pytest.approx(position, abs=1e-9)


def test_the_middle_of_a_log_scale_is_the_geometric_mean() -> None:
    assert units.position_to_freq(0.5, 20.0, 20_000.0) == pytest.approx(math.sqrt(20.0 * 20_000.0))


def test_durations_round_to_the_nearest_sample() -> None:
    assert units.ms_to_samples(10.0, 44_100.0) == 441
    assert units.samples_to_ms(480, 48_000.0) == 10.0


@pytest.mark.parametrize("rate_hz", [8_000, 22_050.0, np.float32(44_100.0), np.int64(48_000), 384_000.0])
def test_usual_rates_come_back_as_floats(rate_hz: float) -> None:
    checked = units.check_sample_rate_hz(rate_hz)
    assert type(checked) is float
    assert checked == float(rate_hz)


@pytest.mark.parametrize(
    "rate_hz", [0, -1, math.nan, math.inf, 1e9, 7_999.9, 384_001, 10**400, True, None, "48000", "fast", b"1", [48_000]]
)
def test_unusable_rates_are_refused_in_one_line(rate_hz: object) -> None:  # fault A15
    with pytest.raises(AudioError, match=r"^sample_rate_hz [^\n]*$") as caught:
        units.check_sample_rate_hz(rate_hz)  # type: ignore[arg-type]
    assert caught.value.exit_code == 2
