"""The preamp: the true maximum of a response, the gain that keeps it from clipping, and what the user asked for instead."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Literal

import numpy as np

from semeq_export.arrays import Float64Array
from semeq_export.eq.biquad import for_rate, response_db
from semeq_export.eq.channels import ChannelEqs, Equaliser, each
from semeq_export.eq.settings import MAX_PREAMP_DB, EqSettings
from semeq_presets.file_formats.base import FormatInfo, Note, Preset

Preamp = Literal["auto", "none", "max"] | float
"""A way to choose the preamp, or the preamp itself in dB; see `with_preamp`."""


def peak_db(eq: Equaliser, sample_rate_hz: float) -> float:
    """Return the true maximum of the total response in dB, preamp included, from 0 Hz to the Nyquist frequency; of any channel."""
    if isinstance(eq, ChannelEqs):
        return max(peak_db(held, sample_rate_hz) for _, held in eq)
    heard = for_rate(eq, sample_rate_hz).eq
    nyquist_hz = sample_rate_hz / 2
    centres = [band.freq_hz for band in heard.active_bands]
    points: Float64Array | list[float] = [] if heard.curve is None else heard.curve.freqs_hz[heard.curve.freqs_hz <= nyquist_hz]
    freqs = np.unique(np.concatenate([[0.0, nyquist_hz], np.geomspace(1.0, nyquist_hz, 2_000), centres, points]))
    response = response_db(heard, freqs, sample_rate_hz)
    top = int(np.argmax(response))
    around = np.linspace(freqs[max(top - 1, 0)], freqs[min(top + 1, freqs.size - 1)], 401)
    return float(max(response[top], response_db(heard, around, sample_rate_hz).max()))


def protected(eq: EqSettings, sample_rate_hz: float) -> EqSettings:
    """Return the EQ with a preamp, in steps of 0.01 dB, that takes the maximum of its response to 0 dB or just below.

    An EQ that carries a preamp of its own, or never rises above 0 dB, comes back as it is. A preamp ends at -120 dB, which several bands
    at the end of their ranges can outdo.
    """
    if eq.preamp_db != 0.0:
        return eq
    rise_db = peak_db(eq, sample_rate_hz)
    return eq if rise_db <= 1e-9 else replace(eq, preamp_db=max(-math.ceil(rise_db * 100.0 - 1e-6) / 100.0, -MAX_PREAMP_DB))


def protect_preset(preset: Preset, info: FormatInfo) -> tuple[Preset, tuple[Note, ...]]:
    """Return the preset as a format for playback systems wants it, with a preamp against clipping, and a note if one was added.

    A curve alone is lowered as a whole. Channels with EQs of their own are lowered alike, unless one of them has a preamp.
    """
    return _protected(preset) if info.protects else (preset, ())


def with_preamp(preset: Preset, info: FormatInfo, preamp: Preamp) -> tuple[Preset, tuple[Note, ...]]:
    """Return the preset with another preamp, and a note if one was added against clipping.

    preamp: "auto" as `protect_preset`; "none" takes the preamp away; "max" takes the maximum of the response to 0 dB where it is above, in
    every format that can hold a preamp; a number is the preamp in dB. Raises InvalidEqError for a number outside -120..120.
    """
    if preamp == "auto":
        return protect_preset(preset, info)
    value_db = 0.0 if isinstance(preamp, str) else preamp
    if preset.curve is not None and info.carries == "curve":
        bare = preset if value_db == 0.0 else replace(preset, eq=_raised(preset.single, EqSettings((), value_db).preamp_db))
    else:
        bare = replace(preset, eq=each(preset.eq, lambda eq: replace(eq, preamp_db=value_db)))
    can_hold = info.carries == "curve" or info.limits.preamp_db is not None
    return _protected(bare) if preamp == "max" and can_hold else (bare, ())


def _protected(preset: Preset) -> tuple[Preset, tuple[Note, ...]]:
    what = "preamp_db against clipping"
    if preset.curve is not None:
        top_db = float(preset.curve.gain_db.max()) + preset.single.preamp_db
        if top_db <= 0.0:
            return preset, ()
        return replace(preset, eq=_raised(preset.single, -top_db)), (Note("added", None, what, 0.0, -top_db),)
    if isinstance(preset.eq, EqSettings):
        eq = protected(preset.eq, preset.sample_rate_hz)
        return (preset, ()) if eq == preset.eq else (replace(preset, eq=eq), (Note("added", None, what, 0.0, eq.preamp_db),))
    rise_db = peak_db(preset.eq, preset.sample_rate_hz)
    if rise_db <= 1e-9 or any(eq.preamp_db != 0.0 for _, eq in preset.eq):
        return preset, ()
    added_db = max(-math.ceil(rise_db * 100.0 - 1e-6) / 100.0, -MAX_PREAMP_DB)
    lowered = each(preset.eq, lambda eq: replace(eq, preamp_db=added_db))
    return replace(preset, eq=lowered), (Note("added", None, what, 0.0, added_db),)


def _raised(eq: EqSettings, gain_db: float) -> EqSettings:
    return replace(eq, curve=None if eq.curve is None else eq.curve.raised(gain_db))
