"""A whole signal through an EQ, as samples or as audio that knows its rate."""

from __future__ import annotations

from typing import overload

from semeq_export.arrays import FloatArray
from semeq_export.audio.samples import Audio
from semeq_export.eq.channels import Equaliser
from semeq_export.eq.filter import apply as apply_to_samples
from semeq_export.errors import AudioError


@overload
def apply(eq: Equaliser, audio: Audio, sample_rate_hz: None = None) -> Audio: ...
@overload
def apply(eq: Equaliser, audio: FloatArray, sample_rate_hz: float) -> FloatArray: ...
def apply(eq: Equaliser, audio: Audio | FloatArray, sample_rate_hz: float | None = None) -> Audio | FloatArray:
    """Return a whole signal filtered from silence, as it came: audio, or samples (channels, n). A flat EQ returns the same bits.

    sample_rate_hz: of samples; audio knows its own. Raises AudioError where that is left out or said twice, and as `EqFilter` does.
    """
    if isinstance(audio, Audio):
        if sample_rate_hz is not None:
            raise AudioError("audio knows its sample rate: leave out `sample_rate_hz`, or give `audio.samples`")
        return Audio(apply_to_samples(eq, audio.samples, audio.sample_rate_hz), audio.sample_rate_hz)
    if sample_rate_hz is None:
        raise AudioError("samples do not know their rate: give `sample_rate_hz`")
    return apply_to_samples(eq, audio, sample_rate_hz)
