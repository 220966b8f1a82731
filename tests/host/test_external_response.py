"""The impulse and its reading: the measure for every host is itself measured, against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from strategies import T5, T5B, T10

from semeq_export.eq.biquad import response_db
from semeq_export.eq.curve import log_grid
from semeq_export.eq.filter import apply
from semeq_export.eq.settings import EqSettings
from semeq_export.errors import AudioError
from semeq_host.lab.response import IMPULSE_AMPLITUDE, Measurement, impulse, measured_response_db

FREQS_HZ = log_grid(1_000)


def test_the_impulse_alone_reads_as_flat_wherever_it_stands() -> None:
    for at_sample in (0, 1, 300, 65_535):
        np.testing.assert_allclose(measured_response_db(impulse(at_sample=at_sample), FREQS_HZ, 48_000.0), 0.0, atol=1e-9)


def test_the_fourier_sum_is_exact_at_any_length_and_frequency() -> None:
    signal = np.random.default_rng(1).normal(size=1_000)  # no multiple of the block length
    freqs_hz = np.array([0.0, 17.3, 1_000.0, 23_999.9])
    direct = np.abs([np.sum(signal * np.exp(-2j * np.pi * freq / 48_000.0 * np.arange(1_000))) for freq in freqs_hz])
    read = measured_response_db(signal, freqs_hz, 48_000.0, amplitude=1.0)
    np.testing.assert_allclose(read, 20.0 * np.log10(direct), atol=1e-9)


@pytest.mark.parametrize("eq", [T5, T5B, T10], ids=["T5", "T5b", "T10"])
@pytest.mark.parametrize("sample_rate_hz", [44_100.0, 48_000.0, 96_000.0])
def test_our_own_filter_measures_as_its_formula(eq: EqSettings, sample_rate_hz: float) -> None:
    samples = apply(eq, np.stack([impulse(), 0.5 * impulse()]), sample_rate_hz)
    measured = Measurement(samples, sample_rate_hz, "semeq").response_db(FREQS_HZ)
    wanted = response_db(eq, FREQS_HZ, sample_rate_hz)
    np.testing.assert_allclose(measured, [wanted, wanted + 20.0 * np.log10(0.5)], atol=1e-6)


def test_silence_reads_as_very_low_and_not_as_an_error() -> None:
    assert np.all(measured_response_db(np.zeros(100), FREQS_HZ, 48_000.0) < -300.0)


@pytest.mark.parametrize("output", [np.zeros(0), np.zeros((2, 0)), np.array([0.0, np.nan]), np.array([np.inf])])
def test_output_that_cannot_be_measured_is_refused(output: np.ndarray) -> None:
    with pytest.raises(AudioError):
        measured_response_db(output, FREQS_HZ, 48_000.0)


def test_the_impulse_is_one_quarter() -> None:
    assert impulse().shape == (65_536,)
    assert impulse().sum() == impulse()[0] == IMPULSE_AMPLITUDE == 0.25
