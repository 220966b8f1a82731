"""Sounds and references as callers have them, and what comes of them and a word."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from semeq_export.audio.samples import Audio
from semeq_export.eq.settings import EqLayout, EqSettings
from semeq_export.listening.dose import FULL_RATE_HZ, Adaptation, adapt_eq, difference
from semeq_export.listening.kind import Recognised, expected, recognise
from semeq_export.listening.match import refine_adaptation
from semeq_export.listening.profile import Profile, Vocabulary, profile_of
from semeq_export.listening.reference import Reference
from semeq_export.listening.spectrum import Spectrum, measure

Sound = Audio | Spectrum
"""A sound, or what was measured of it."""


def adapted(
    term: EqSettings,
    intensity: float,
    audio: Sound,
    reference: Reference | Sound | None,
    layout: EqLayout,
    *,
    mode: Literal["target", "soft"] | None = None,
    refine: bool = False,
    sample_rate_hz: float | None = None,
) -> Adaptation:
    """Return the settings of a word for one sound; `Engine.adapt` says what is what.

    term: the word's settings at intensity 1. layout: that of the bands which `refine` looks for. Raises AudioError.
    """
    sound, rate = _to_spectrum(audio, sample_rate_hz)
    against, kind = _against(sound, reference)
    contrast = difference(sound, against.spectrum)
    chosen = mode or ("soft" if against.is_stored else "target")
    why = f"no signal ({sound.no_signal}): the word as it is" if not sound.has_signal else "nothing to compare: the word as it is"
    adaptation = adapt_eq(term, intensity, contrast, chosen, rate, reference=against.name, why_static=why)
    if kind is not None and kind.shares and not kind.is_clear:
        adaptation = replace(adaptation, notes=(*adaptation.notes, kind.doubt))
    return refine_adaptation(adaptation, term, sound, contrast, layout, rate) if refine else adaptation


def profiled(audio: Sound, reference: Reference | Sound | None, words: Vocabulary, top: int) -> Profile:
    """Return what a sound is like, in `top` words at most; `Engine.profile` says what is what. Raises AudioError."""
    sound = _to_spectrum(audio, None)[0]
    against, kind = _against(sound, reference)
    return profile_of(sound, against, words, top, kind=kind)


def _to_spectrum(audio: Sound, sample_rate_hz: float | None) -> tuple[Spectrum, float]:
    """Return the spectrum of a sound, and the sound's rate in Hz."""
    if isinstance(audio, Spectrum):
        return audio, FULL_RATE_HZ if sample_rate_hz is None else sample_rate_hz
    return measure(audio.samples, audio.sample_rate_hz), audio.sample_rate_hz


def _against(sound: Spectrum, reference: Reference | Sound | None) -> tuple[Reference, Recognised | None]:
    """Return what a sound is compared with; what it was taken for, where that is what sources of its kind are like."""
    if reference is None:
        kind = recognise(sound)
        return Reference(kind.kind, expected(kind), is_stored=True), kind
    if isinstance(reference, Reference):
        return reference, None
    return Reference("reference", _to_spectrum(reference, None)[0], is_stored=False), None
