"""Samples and what a file of them is: (channels, n), full scale 1.0."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semeq_export.arrays import FloatArray
from semeq_export.eq.biquad import check_samples
from semeq_export.units import check_sample_rate_hz

BLOCK_SAMPLES = 16_384
MAX_PEAK_DBFS = 60.0
"""Louder is no audio: a damaged float file, or one whose byte order is wrong."""


LOSSY_SUBTYPES = ("VORBIS", "OPUS", "MPEG_LAYER_I", "MPEG_LAYER_II", "MPEG_LAYER_III")


@dataclass(frozen=True, slots=True)
class AudioInfo:
    """What a file is. container and subtype are libsndfile's names: "WAV", "FLAC" ... and "PCM_16", "FLOAT", "VORBIS" ...

    channel_mask: which speakers the channels are for, as a WAV of format EXTENSIBLE states it; 0 where nothing is stated. A file without
    it holds the same format.
    """

    sample_rate_hz: int
    channels: int
    frames: int
    container: str
    subtype: str
    channel_mask: int = field(default=0, compare=False)

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.frames / self.sample_rate_hz

    @property
    def is_lossy(self) -> bool:
        """Whether writing the same samples again would change them."""
        return self.subtype in LOSSY_SUBTYPES


@dataclass(frozen=True, slots=True, eq=False)
class Audio:
    """Samples (channels, n), float32 or float64, at a rate of 8 kHz..384 kHz. Raises AudioError for anything else."""

    samples: FloatArray
    sample_rate_hz: float

    def __post_init__(self) -> None:
        check_samples(self.samples)
        check_sample_rate_hz(self.sample_rate_hz)

    @property
    def channels(self) -> int:
        """Number of channels."""
        return int(self.samples.shape[0])

    @property
    def frames(self) -> int:
        """Number of samples in each channel."""
        return int(self.samples.shape[1])


def resample(audio: Audio, sample_rate_hz: float) -> Audio:
    """Return the audio at another rate (soxr, very high quality, linear phase, no shift); the same object where the rate is the same."""
    rate = check_sample_rate_hz(sample_rate_hz)
    if rate == audio.sample_rate_hz:
        return audio
    import soxr  # type: ignore[import-untyped]

    samples = soxr.resample(np.ascontiguousarray(audio.samples.T), audio.sample_rate_hz, rate, quality="VHQ")
    return Audio(np.ascontiguousarray(samples.T), rate)


def to_mono(samples: FloatArray) -> FloatArray:
    """Return (n,), the mean of the channels of (channels, n), in the type that came in."""
    check_samples(samples)
    mono: NDArray[np.floating[Any]] = samples.mean(axis=0)  # Any: float32 or float64
    return mono
