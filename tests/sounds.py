"""Sounds that tests analyse: generated ones, and parts of the real files."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
from conftest import audio_of
from numpy.typing import NDArray

from semeq_export.audio.reader import read_audio
from semeq_export.audio.samples import Audio

LAW_WORDS = ("warm", "bright", "soft", "loud", "clear")
"""The five words that the laws of adaptive EQ are checked with: of those that `analyze` speaks, the ones with the most examples."""


KINDS = {
    "audealize_drums": "drums",
    "audealize_guitar": "guitar",
    "audealize_piano": "keys",
    "guitar_electric_em9": "guitar",
    "lithium_drums_slow_beat": "drums",
    "mix_jazz_vibe_ace": "mix",
    "mix_pop_vocal_slow_motion_dream": "mix",
    "piano_flowEQ_dry": "keys",
    "sodium_stem_drums": "drums",
    "sodium_stem_synthbass": "bass",
    "sodium_stem_vocal": "voice",
    "speech_male_16k": "voice",
}
"""What the real files are; the trumpet is of no kind that is known."""


def noise(seconds: float, rate_hz: float = 48_000.0, *, slope: float = 0.5, channels: int = 1, seed: int = 1, rms: float = 0.05) -> Audio:
    """Gaussian noise of power falling with f^(-2 slope): 0.5 is pink, 0 white."""
    n = int(seconds * rate_hz)
    bins = np.fft.rfft(np.random.default_rng(seed).standard_normal((channels, n)))
    freqs_hz = np.fft.rfftfreq(n, 1.0 / rate_hz)
    bins[:, 1:] *= freqs_hz[1:] ** -slope
    bins[:, 0] = 0.0
    samples: NDArray[np.float64] = np.fft.irfft(bins, n)
    return Audio(rms * samples / samples.std(), rate_hz)


@functools.cache
def performance(seconds: float, rate_hz: float = 44_100.0, *, seed: int = 1) -> Audio:
    """Notes of changing pitch, level and brightness with pauses: a spectrum that wanders as that of music does."""
    rng = np.random.default_rng(seed)
    n = int(seconds * rate_hz)
    samples = np.zeros(n)
    start = 0
    while start < n:
        length = int(rng.uniform(0.15, 0.5) * rate_hz)
        time = np.arange(min(length, n - start)) / rate_hz
        note = np.zeros(len(time))
        pitch_hz, tilt = float(rng.choice([82.4, 110.0, 146.8, 196.0, 246.9])), rng.uniform(0.9, 1.6)
        for partial in range(1, 60):
            note += partial**-tilt * np.sin(2 * np.pi * partial * pitch_hz * time + rng.uniform(0, 6.28))
        note += 0.02 * rng.standard_normal(len(time))
        samples[start : start + len(time)] += rng.uniform(0.2, 1.0) * np.exp(-4.0 * time) * note
        start += length + int(rng.uniform(0.0, 0.1) * rate_hz)
    shared = (0.1 * samples / np.abs(samples).max())[np.newaxis]
    shared.flags.writeable = False  # by all who ask for it
    return Audio(shared, rate_hz)


def alternate_seconds(audio: Audio) -> tuple[Audio, Audio]:
    """The even and the odd seconds of a sound: two parts of the same source."""
    second = int(audio.sample_rate_hz)
    parts = [audio.samples[:, start : start + second] for start in range(0, audio.frames, second)]
    even, odd = (np.concatenate(parts[first::2], axis=1) for first in (0, 1))
    return Audio(even, audio.sample_rate_hz), Audio(odd, audio.sample_rate_hz)


def halves(audio: Audio) -> tuple[Audio, Audio]:
    """The first and the second half of a sound."""
    middle = audio.frames // 2
    first, second = audio.samples[:, :middle], audio.samples[:, middle:]
    return Audio(first, audio.sample_rate_hz), Audio(second, audio.sample_rate_hz)


def real_names(data_dir: Path) -> list[str]:
    """Names of the real files without their suffix."""
    return sorted(path.stem for path in audio_of(data_dir))


def real(data_dir: Path, name: str) -> Audio:
    """A real file, or pink noise under the name "pink"."""
    return noise(12.0, 44_100.0, channels=2) if name == "pink" else read_audio(data_dir / "audio" / f"{name}.flac")
