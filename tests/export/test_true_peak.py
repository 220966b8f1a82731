"""True peaks against closed forms, a plain interpolation and ffmpeg's meter."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import skip_or_fail
from scipy.signal import resample

from semeq_export.audio.true_peak import TruePeak, _interpolator


def measured(samples: np.ndarray, rate_hz: float = 48_000.0, *, floor: float = 0.0, block: int = 4_096) -> float:
    meter = TruePeak(rate_hz, len(samples), floor=floor)
    for start in range(0, samples.shape[1], block):
        meter.feed(samples[:, start : start + block])
    meter.finish()
    return meter.amplitude


def db(amplitude: float) -> float:
    return float(20 * np.log10(amplitude))


TONES = [(4, 45.0), (6, 60.0), (8, 67.5), (3, 0.0)]


@pytest.mark.parametrize(
    ("rate_hz", "divisor", "phase"),
    [
        *((rate, *tone) for rate in (44_100, 48_000, 88_200) for tone in TONES),
        *((rate, *tone) for rate in (96_000, 176_400) for tone in ((4, 45.0), (8, 67.5))),  # the others are over 24 kHz
    ],
)
def test_a_tone_between_its_samples_is_measured(rate_hz: int, divisor: int, phase: float) -> None:
    """The tones of EBU Tech 3341, where a meter may be 0.2 dB over and 0.4 dB under."""
    tone = 0.5 * np.sin(2 * np.pi * np.arange(20_000) / divisor + np.radians(phase)) * np.hanning(20_000)
    assert -6.02 - 0.1 < db(measured(tone[None], rate_hz)) < -6.02 + 0.05


def test_from_192_khz_on_samples_are_peaks_enough() -> None:
    noise = np.random.default_rng(0).uniform(-0.9, 0.9, (2, 5_000))
    assert measured(noise, 192_000) == np.abs(noise).max()


def test_noise_has_the_peak_of_a_long_interpolation() -> None:
    noise = resample(np.random.default_rng(1).standard_normal(8_000), 10_000)[None] * 0.2  # band limited to 0.4 of the rate
    reference = np.abs(resample(noise[0], 40_000))[2_000:-2_000].max()
    assert abs(db(measured(noise)) - db(reference)) < 0.05


@pytest.mark.parametrize("block", [1, 7, 100, 20_000])
def test_the_block_size_changes_nothing(block: int) -> None:
    noise = np.random.default_rng(2).uniform(-0.9, 0.9, (2, 2_000))
    assert measured(noise, block=block) == measured(noise)


def test_the_floor_changes_only_what_is_below_it() -> None:
    rng = np.random.default_rng(3)
    for level in np.linspace(0.1, 1.2, 30):
        noise = rng.uniform(-level, level, (2, 3_000)) * rng.uniform(0.2, 1.0, 3_000)
        everything, above = measured(noise), measured(noise, floor=0.9)
        if everything >= 0.9:
            assert above == everything
        else:
            assert above <= everything
            assert above >= np.abs(noise).max()


def test_silence_and_single_samples() -> None:
    assert measured(np.zeros((2, 1_000))) == 0.0
    assert measured(np.zeros((2, 0))) == 0.0
    for place in (0, 1, 16, 31, 998, 999):
        impulse = np.zeros((1, 1_000))
        impulse[0, place] = -0.7
        assert measured(impulse) == pytest.approx(0.7, rel=2e-3)


def test_ffmpeg_measures_the_same(tmp_path: Path) -> None:
    if shutil.which("ffmpeg") is None:
        skip_or_fail("ffmpeg not found; apt-get install ffmpeg")
    noise = resample(np.random.default_rng(4).standard_normal((2, 90_000)), 100_000, axis=1) * 0.12
    soundfile.write(tmp_path / "in.wav", noise.T, 48_000, subtype="FLOAT")
    command = ["ffmpeg", "-nostats", "-i", "in.wav", "-af", "ebur128=peak=true", "-f", "null", "-"]
    said = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stderr
    peaks = re.findall(r"Peak:\s+(-?[\d.]+) dBFS", said)
    assert abs(db(measured(noise)) - float(peaks[-1])) <= 0.15  # it prints tenths


@pytest.mark.parametrize("slope", [0.0, 1.0, 2.0])
@pytest.mark.parametrize("rate_hz", [48_000, 96_000])
def test_no_stretch_that_matters_is_left_out(rate_hz: int, slope: float) -> None:
    """Against all that lies between, from white noise to noise that is nearly all bass, with a few clicks in it."""
    rng, factor = np.random.default_rng(int(slope)), 4 if rate_hz == 48_000 else 2
    shape = np.fft.rfft(rng.standard_normal(6_000)) / np.maximum(1, np.arange(3_001)) ** slope
    signal = np.fft.irfft(shape)
    signal /= np.abs(signal).max()
    signal[rng.integers(0, 6_000, 5)] += 0.4
    padded = np.concatenate([np.zeros(32), signal, np.zeros(300)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, 48)[::16]
    reference = np.abs(windows @ _interpolator(factor).weights).max()
    assert measured(signal[None], rate_hz) == pytest.approx(max(reference, np.abs(signal).max()), rel=1e-6)
