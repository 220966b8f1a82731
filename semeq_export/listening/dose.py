"""How much of a word a sound already has, and how much of it to add: dose control in dB. Pure maths on spectra.

    p = <D, T> / <T, T>                doses of the term T that the input has more than the reference; D = input - reference, level-free
    G = how much of a dose to add      target mode: 1 - p, within 0..1.75    soft mode: 1 - E[p], within 0..2.5
    g = intensity * G                  the EQ is the term's, its gains times g

The inner product <x, y> = x' S^-1 y weighs bands by how far the sounds may be apart without any EQ (S, a covariance; the estimate of least
variance, A. C. Aitken, On least squares and linear combination of observations, Proc. R. Soc. Edinburgh 55, 1936). A reference that was
heard, such as another part of a performance: S is how both change by themselves from note to note (`spectrum.Windows`), so that other notes
in other numbers are not taken for an equaliser. A reference known by its mean only (a stored one): S is what is known about sources,
neighbouring bands differ little, distant ones a lot (`_SOURCE_COVARIANCE`).
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from semeq_export.arrays import Float64Array
from semeq_export.eq.biquad import for_rate, response_db
from semeq_export.eq.settings import MAX_GAIN_DB, EqSettings
from semeq_export.listening.spectrum import BAND_EDGES_HZ, BANDS_HZ, BoolArray, Spectrum, analysis_grid

Mode = Literal["target", "soft", "static", "match"]
"""How an adaptation was found; "match" follows a reference without a word (`semeq_export.listening.match`)."""

FULL_RATE_HZ = 48_000.0
"""The lowest rate that holds every band of every layout: what a term does there is what is meant."""

MAX_TARGET_GAIN = 1.75
MAX_SOFT_GAIN = 2.5
DOSES_OF_PEOPLE = 2.5
"""Standard deviation of the doses that people give a sound, in doses of the word."""

USUAL_SPREADS = 1.2816
"""Standard deviations above the mean that nine of ten sources do not reach."""

_LEFT_ALONE = 0.02  # of a dose: less is nothing that was done
_TARGET_KNEE = 1e-6  # G where nothing is missing: the knob never goes dead, and a second pass adds nearly nothing
_PROPORTIONAL = 1e-3  # doses below which a response is proportional to the gain, and rounding would speak
_MIN_COMMON_BANDS = 6

_N_BANDS = len(BANDS_HZ)
_DISTANCE = np.abs(np.subtract.outer(np.arange(_N_BANDS), np.arange(_N_BANDS)))
_SOURCE_COVARIANCE: Float64Array = 81.0 * np.exp(-_DISTANCE / 12.0) + 9.0 * np.eye(_N_BANDS)
"""(28, 28) dB^2: how the long-term spectra of sources differ. 9 dB each, alike within an octave or two, and 3 dB of their own in each band.
Measured on 13 files left out one by one: spread of p for warm 2.45 doses, against 3.7 with equal weights (`spread_of_warm` of
tests/bench/listening_report.py). For references without a covariance of their own."""
_MEASURED_RANGE_DB = 60.0

_POINTS_PER_BAND = 5
_BAND_ERROR_DB2 = 1.0  # a band of the mean is not known to better than 1 dB, however steady the sound


def band_response_db(eq: EqSettings, sample_rate_hz: float) -> Float64Array:
    """Return (28,) by how many dB an EQ changes the third-octave bands of a spectrum that is even inside each band.

    Bands of the EQ that the rate cannot hold are left out; what lies above Nyquist counts as Nyquist.
    """
    steps = (np.arange(_POINTS_PER_BAND) + 0.5) / _POINTS_PER_BAND
    ratio = BAND_EDGES_HZ[1:] / BAND_EDGES_HZ[:-1]
    freqs_hz = BAND_EDGES_HZ[:-1, np.newaxis] * ratio[:, np.newaxis] ** steps
    inside = np.minimum(freqs_hz.ravel(), 0.5 * sample_rate_hz)
    gain_db = response_db(for_rate(eq, sample_rate_hz).eq, inside, sample_rate_hz).reshape(freqs_hz.shape)
    mean_db: Float64Array = 10.0 * np.log10(np.mean(10.0 ** (gain_db / 10.0), axis=1))
    return mean_db


@dataclass(frozen=True, slots=True, eq=False)
class Difference:
    """By how much an input differs from a reference, and how to weigh it.

    delta_db: (28,). usable: (28,) bands that both hold. metric: (28, 28), of the inner product; a constant has no size in it.
    among_sources: (28, 28), the metric of how untreated sources differ; None where nothing more is known than of sources at large.
    """

    delta_db: Float64Array
    usable: BoolArray
    metric: Float64Array
    among_sources: Float64Array | None = None

    def dose(self, term_db: Float64Array) -> float:
        """Return p, the doses of a term (28,) in dB that the input has more than the reference; 0.0 for a term that is flat."""
        return self.doses_of(self.delta_db, term_db)

    def doses_of(self, change_db: Float64Array, term_db: Float64Array) -> float:
        """Return how many doses of a term a change (28,) in dB is, in the measure of this difference."""
        size = float(term_db @ self.metric @ term_db)
        return float(term_db @ self.metric @ change_db) / size if size > 1e-9 else 0.0

    def similarity(self, term_db: Float64Array) -> float:
        """Return how alike the difference and a term (28,) are, -1..1, in the measure of `dose`; 0.0 where one of them is flat."""
        size = float(term_db @ self.metric @ term_db) * float(self.delta_db @ self.metric @ self.delta_db)
        return float(term_db @ self.metric @ self.delta_db) / math.sqrt(size) if size > 1e-12 else 0.0

    def spread(self, term_db: Float64Array) -> float:
        """Return the standard deviation of p among untreated sources, in doses; infinite for a term that is flat."""
        metric = _source_metric(self.usable.tobytes()) if self.among_sources is None else self.among_sources
        size = float(term_db @ metric @ term_db)
        return 1.0 / math.sqrt(size) if size > 1e-9 else math.inf


def difference(sound: Spectrum, reference: Spectrum) -> Difference | None:
    """Return input - reference, or None where one has no signal or they share too few bands."""
    usable = sound.usable & reference.usable
    if not (sound.has_signal and reference.has_signal) or usable.sum() < _MIN_COMMON_BANDS:
        return None
    if reference.covariance_db2 is not None:
        metric = level_free_inverse(reference.covariance_db2, usable)
        return Difference(sound.band_db - reference.band_db, usable, metric, among_sources=metric)
    a, b = sound.windows, reference.windows
    if a is None or b is None:
        return Difference(sound.band_db - reference.band_db, usable, _source_metric(usable.tobytes()))
    covariance_db2 = a.covariance_db2 + b.covariance_db2 + _BAND_ERROR_DB2 * np.eye(_N_BANDS)
    return Difference(a.mean_db - b.mean_db, usable, level_free_inverse(covariance_db2, usable))


def doses_between(before: Spectrum, after: Spectrum, term_db: Float64Array) -> float | None:
    """Return how many doses of a term (28,) were added between two measurements of one sound, None where there is nothing to measure.

    Bands more than 60 dB below the strongest are left out: there, what a file cannot resolve stays as it is.
    """
    if not (before.has_signal and after.has_signal):
        return None
    usable = before.usable & after.usable & (before.band_db > before.band_db[before.usable].max() - _MEASURED_RANGE_DB)
    if usable.sum() < _MIN_COMMON_BANDS:
        return None
    return Difference(after.band_db - before.band_db, usable, level_free_inverse(np.eye(_N_BANDS), usable)).dose(term_db)


def target_gain(dose: float) -> float:
    """Return G of target mode: 1 - p, rounded off towards 0 and cut at 1.75; always above 0, so that the knob never goes dead."""
    return min(MAX_TARGET_GAIN, _missing(dose))


def _missing(dose: float) -> float:
    missing, knee = 1.0 - dose, 2.0 * _TARGET_KNEE
    size = math.hypot(missing, knee)
    return 0.5 * (missing + size if missing > 0 else knee * knee / (size - missing))


def believed_dose(dose: float, spread: float) -> float:
    """Return the posterior mean of a dose that was measured among sources that have a spread of it by themselves."""
    people = DOSES_OF_PEOPLE * DOSES_OF_PEOPLE
    return dose * people / (people + spread * spread)


def soft_gain(dose: float, spread: float) -> float:
    """Return G of soft mode: what is missing as far as p is to be believed, rounded off towards 0 and cut at 2.5; always above 0.

    A sound that has more of the word than nine of ten sources, `USUAL_SPREADS`, gets little or nothing.
    """
    return min(MAX_SOFT_GAIN, _missing(believed_dose(dose, spread)))


@dataclass(frozen=True, slots=True)
class Adaptation:
    """The EQ for one sound.

    eq: the term's settings, gains times `gain`. gain: doses that the EQ adds, intensity * G. dose: p, the doses that the sound has more
    than the reference, None where nothing can be said (then mode is "static"). reference: what it was compared with. is_clipped: there is
    more to do than the mode allows. fit_error_db: rms difference over the third-octave bands between what was asked, gain times the term or
    the match, and what the EQ's bands do at this rate. notes: one line each, for people.
    """

    eq: EqSettings
    mode: Mode
    gain: float
    dose: float | None
    intensity: float
    reference: str
    is_clipped: bool
    fit_error_db: float
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, object]:
        """Return plain data for JSON, without the EQ."""
        return {
            "mode": self.mode,
            "reference": self.reference,
            "dose_before": self.dose,
            "dose_asked": None if self.mode == "match" else self.gain,
            "intensity": self.intensity,
            "is_clipped": self.is_clipped,
            "fit_error_db": self.fit_error_db,
            "notes": list(self.notes),
        }


def adapt_eq(
    term: EqSettings,
    intensity: float,
    contrast: Difference | None,
    mode: Mode,
    sample_rate_hz: float,
    *,
    reference: str,
    why_static: str = "",
) -> Adaptation:
    """Return the settings of a term for a sound that was compared with a reference.

    term: settings at intensity 1. intensity: below 0 the opposite, in which case p is that of the opposite. contrast: None, or mode
    "static", gives the term times the intensity, with `why_static` as a note. Equal input gives equal output; intensity 0 is exactly flat.
    """
    full_db = band_response_db(term, max(sample_rate_hz, FULL_RATE_HZ))
    if contrast is None or mode == "static":
        eq, gain, limit_note = _scale(term, intensity)
        notes = tuple(note for note in (why_static, limit_note) if note)
        return Adaptation(
            eq, "static", gain, None, intensity, reference, bool(limit_note), shape_error_db(eq, gain * full_db, sample_rate_hz), notes
        )
    term_db = band_response_db(term, sample_rate_hz)
    demand = ask(contrast, term_db, intensity, mode)
    eq, gain, limit_note = settings_for(term, term_db, demand.gain, contrast, mode, sample_rate_hz)
    error_db = shape_error_db(eq, gain * full_db, sample_rate_hz)
    has_it = mode == "soft" and intensity != 0.0 and abs(demand.gain) < _LEFT_ALONE * abs(intensity)
    what = "more" if intensity > 0 else "less"
    alone = f"left alone: it has {what} of this already than is usual ({demand.dose:+.1f} doses against {reference})" if has_it else ""
    notes = tuple(note for note in (alone, limit_note) if note)
    return Adaptation(eq, mode, gain, demand.dose, intensity, reference, demand.is_clipped or bool(limit_note), error_db, notes)


@dataclass(frozen=True, slots=True)
class Demand:
    """What the law asks for: the dose that the sound has, the gain to add, and whether there is more to do than the mode allows."""

    dose: float
    gain: float
    is_clipped: bool


def ask(contrast: Difference, term_db: Float64Array, intensity: float, mode: Mode) -> Demand:
    """Return what mode "target" or "soft" asks for. term_db: (28,) response of the term at intensity 1. A few microseconds."""
    sign = -1.0 if intensity < 0 else 1.0
    dose = contrast.dose(term_db)
    if mode == "target":
        amount = target_gain(sign * dose)
        is_clipped = 1.0 - sign * dose > MAX_TARGET_GAIN or sign * dose > 1.0
    else:
        spread = contrast.spread(term_db)
        amount = soft_gain(sign * dose, spread)
        is_clipped = 1.0 - believed_dose(sign * dose, spread) > MAX_SOFT_GAIN
    return Demand(dose, intensity * amount, is_clipped)


def settings_for(
    term: EqSettings, term_db: Float64Array, goal: float, contrast: Difference | None, mode: Mode, sample_rate_hz: float
) -> tuple[EqSettings, float, str]:
    """Return the settings that add a dose, their gain, and a note where a band would leave -60..60 dB.

    In target mode with one step of correction, so that the measured dose is the one wanted: a band's response is not quite proportional to
    its gain. Soft mode has no dose to meet.
    """
    if contrast is None or mode != "target" or abs(goal) < _PROPORTIONAL:
        return _scale(term, goal)
    achieved = contrast.doses_of(band_response_db(_scale(term, goal)[0], sample_rate_hz), term_db)
    return _scale(term, goal * goal / achieved if 0.5 < achieved / goal < 2.0 else goal)


def _scale(term: EqSettings, gain: float) -> tuple[EqSettings, float, str]:
    """Return the settings times a gain, which is lowered where a band would leave -60..60 dB, and a note if so."""
    largest = max((abs(band.gain_db) for band in term.bands), default=0.0)
    if largest * abs(gain) <= MAX_GAIN_DB:
        return term.scaled(gain), gain, ""
    lowered = math.copysign(MAX_GAIN_DB / largest, gain)
    return term.scaled(lowered), lowered, f"{gain:.2f} doses lowered to {lowered:.2f}: a band would pass {MAX_GAIN_DB:g} dB"


def shape_error_db(eq: EqSettings, goal_db: Float64Array, sample_rate_hz: float) -> float:
    """Return the rms over the bands that a rate holds of what an EQ does minus what was wanted (28,), overall level removed."""
    in_range = analysis_grid(sample_rate_hz).in_range
    return float(np.std((band_response_db(eq, sample_rate_hz) - goal_db)[in_range]))


@functools.lru_cache(maxsize=64)
def _source_metric(usable_bytes: bytes) -> Float64Array:
    """Return the metric (28, 28) of how the spectra of sources differ."""
    metric = level_free_inverse(_SOURCE_COVARIANCE, np.frombuffer(usable_bytes, dtype=np.bool_))
    metric.flags.writeable = False
    return metric


def level_free_inverse(covariance: Float64Array, usable: BoolArray) -> Float64Array:
    """Return (28, 28): the inverse of a covariance (28, 28) on the usable bands, 0 elsewhere, overall level free."""
    cell = np.ix_(usable, usable)
    precision = np.linalg.inv(covariance[cell])
    of_level = precision.sum(axis=1)
    metric = np.zeros((_N_BANDS, _N_BANDS))
    metric[cell] = precision - np.outer(of_level, of_level) / of_level.sum()
    return metric
