"""What the audio encoder hears in audio of any length, rate and channel count, and by which EQ it differs from a reference.

    z(audio) = mean of z over windows of sound        EQ = D(flat + z(audio) - z(reference))

The EQ that a file "already has" cannot be known without a reference: sources differ by more than people's settings do.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from semeq_export.arrays import Float64Array, FloatArray
from semeq_export.audio.samples import Audio, resample, to_mono
from semeq_export.bundle.inference import AudioEncoder
from semeq_export.eq.settings import EqLayout, EqSettings
from semeq_export.errors import AudioError
from semeq_export.listening.spectrum import SILENT_DBFS, WINDOW_S

STEP_S = 1.0
"""From window to window; they overlap by half where they last two seconds."""

_PAUSE = 1e-4  # of the loudest window's power: quieter ones are pauses
_MAX_WINDOWS = 60


def windows_of(audio: Audio, sample_rate_hz: int, window_samples: int) -> NDArray[np.float32]:
    """Return windows of sound (n, window_samples), mono at a rate: at most 60, spread evenly; shorter audio is repeated to fill one.

    Raises AudioError where there is no signal: silence, less than 85 ms, or a sample that is not finite.
    """
    if not np.isfinite(audio.samples).all():
        raise AudioError("cannot analyse a sample that is not finite")
    if audio.frames < WINDOW_S * audio.sample_rate_hz:
        raise AudioError(f"no signal: {1e3 * audio.frames / audio.sample_rate_hz:.0f} ms of audio are too short")
    mono = resample(Audio(to_mono(audio.samples)[np.newaxis], audio.sample_rate_hz), float(sample_rate_hz)).samples[0]
    if len(mono) < window_samples:
        mono = np.resize(mono, window_samples)
    starts = np.arange(0, len(mono) - window_samples + 1, int(STEP_S * sample_rate_hz))
    power = np.array([np.mean(np.square(mono[start : start + window_samples], dtype=np.float64)) for start in starts])
    heard = starts[power > max(_PAUSE * power.max(), 10.0 ** (SILENT_DBFS / 10.0))]
    if not len(heard):
        raise AudioError(f"no signal: nothing above {SILENT_DBFS:g} dBFS")
    if len(heard) > _MAX_WINDOWS:
        heard = heard[np.linspace(0, len(heard) - 1, _MAX_WINDOWS).round().astype(np.intp)]
    return np.array([mono[start : start + window_samples] for start in heard], dtype=np.float32)


def code_of(audio: Audio, encoder: AudioEncoder) -> Float64Array:
    """Return (latent_dim,) the mean code of audio; raises as `windows_of` does."""
    windows = windows_of(audio, encoder.sample_rate_hz, encoder.window_samples)
    code: Float64Array = np.mean([encoder(window) for window in windows], axis=0, dtype=np.float64)
    return code


def eq_between(
    heard: FloatArray, reference: FloatArray, flat: FloatArray, decode: Callable[[FloatArray], FloatArray], layout: EqLayout
) -> EqSettings:
    """Return the EQ by which audio differs from a reference, both given by their codes (latent_dim,); flat: the code of no EQ."""
    return layout.from_vector(layout.clip(np.asarray(decode(np.clip(flat + heard - reference, -1.0, 1.0)), dtype=np.float64)))
