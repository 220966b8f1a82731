"""How much of a word a sound already has, and how much of it to add: dose control in dB. Pure maths on spectra.

    p = <P D, P T> / <P T, P T>        doses of the term T that the input has more than the reference; D = input - reference, level-free
    G = how much of a dose to add      target mode: 1 - p, within 0..1.75    soft mode: 2^(-p / reach), levelling off within 0.5..2
    g = intensity * G                  the EQ is the term's, its gains times g

A reference that was heard (a file) is compared window by window (`_matched`): each window of the one with the most similar of the other, so
that another part of a performance, with other notes in other numbers, is not taken for an equaliser. P then is the projection on the lowest
four cosines over log frequency. A reference known by its mean only (a stored one) is compared by the two means; P then weighs bands by
what is known about sources: neighbouring bands differ little, distant ones a lot (`_SOURCE_COVARIANCE`).
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from semeq_export.biquad import for_rate, response_db
from semeq_export.curve import Float64Array
from semeq_export.eq import MAX_GAIN_DB, EqSettings
from semeq_export.spectrum import BAND_EDGES_HZ, BANDS_HZ, BoolArray, Spectrum, analysis_grid

Mode = Literal["target", "soft", "static", "match"]
"""How an adaptation was found; "match" follows a reference without a word (`semeq_export.match`)."""

FULL_RATE_HZ = 48_000.0
"""The lowest rate that holds every band of every layout: what a term does there is what is meant."""

MAX_TARGET_GAIN = 1.75
_TARGET_KNEE = 0.001  # G where nothing is missing: the knob never goes dead, and a second pass adds nearly nothing
_SOFT_SPREADS = 5.5
_COSINES = 4
_MIN_COMMON_BANDS = 6

_N_BANDS = len(BANDS_HZ)
_DISTANCE = np.abs(np.subtract.outer(np.arange(_N_BANDS), np.arange(_N_BANDS)))
_SOURCE_COVARIANCE: Float64Array = 81.0 * np.exp(-_DISTANCE / 12.0) + 9.0 * np.eye(_N_BANDS)
"""(28, 28) dB^2: how the long-term spectra of sources differ. 9 dB each, alike within an octave or two, and 3 dB of their own in each band.
Measured on 13 files left out one by one: spread of p for warm 2.5 doses, against 3.6 with equal weights and 3.8 with the cosines."""
_MEASURED_RANGE_DB = 60.0

_POINTS_PER_BAND = 5
_MAX_WINDOWS = 400
_MATCH_FLOOR_DB = 0.3  # closer windows than this are equal
_LEVEL_SHARE = 0.3  # of a window's level that counts in its distance
_MATCH_STEP_DB = 1.5  # rms, between the starts
_MATCH_SPREAD = 0.02  # difference in cost at which a result counts 1/e of the best one
_MATCH_ROUNDS = 60


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

    delta_db: (28,). usable: (28,) bands that both hold. is_matched: made window by window, so smooth.
    """

    delta_db: Float64Array
    usable: BoolArray
    is_matched: bool

    def dose(self, term_db: Float64Array) -> float:
        """Return p, the doses of a term (28,) in dB that the input has more than the reference; 0.0 for a term that is flat."""
        return self.doses_of(self.delta_db, term_db)

    def doses_of(self, change_db: Float64Array, term_db: Float64Array) -> float:
        """Return how many doses of a term a change (28,) in dB is, in the measure of this difference."""
        metric = self._metric()
        size = float(term_db @ metric @ term_db)
        return float(term_db @ metric @ change_db) / size if size > 1e-9 else 0.0

    def similarity(self, term_db: Float64Array) -> float:
        """Return how alike the difference and a term (28,) are, -1..1, in the measure of `dose`; 0.0 where one of them is flat."""
        metric = self._metric()
        size = float(term_db @ metric @ term_db) * float(self.delta_db @ metric @ self.delta_db)
        return float(term_db @ metric @ self.delta_db) / math.sqrt(size) if size > 1e-12 else 0.0

    def spread(self, term_db: Float64Array) -> float:
        """Return the standard deviation of p among untreated sources, in doses; infinite for a term that is flat."""
        size = float(term_db @ _source_metric(self.usable.tobytes()) @ term_db)
        return 1.0 / math.sqrt(size) if size > 1e-9 else math.inf

    def _metric(self) -> Float64Array:
        usable = self.usable.tobytes()
        return _cosine_metric(usable) if self.is_matched else _source_metric(usable)


def difference(heard: Spectrum, reference: Spectrum) -> Difference | None:
    """Return input - reference, or None where one has no signal or they share too few bands."""
    usable = heard.usable & reference.usable
    if not (heard.has_signal and reference.has_signal) or usable.sum() < _MIN_COMMON_BANDS:
        return None
    a, b = heard.windows_db, reference.windows_db
    if a is not None and b is not None:
        return Difference(_matched(_thinned(a), _thinned(b), usable), usable, is_matched=True)
    return Difference(heard.band_db - reference.band_db, usable, is_matched=False)


def doses_between(before: Spectrum, after: Spectrum, term_db: Float64Array) -> float | None:
    """Return how many doses of a term (28,) were added between two measurements of one sound, None where there is nothing to measure.

    Bands more than 60 dB below the strongest are left out: there, what a file cannot resolve stays as it is.
    """
    if not (before.has_signal and after.has_signal):
        return None
    usable = before.usable & after.usable & (before.band_db > before.band_db[before.usable].max() - _MEASURED_RANGE_DB)
    if usable.sum() < _MIN_COMMON_BANDS:
        return None
    change_db = after.band_db - before.band_db
    return Difference(change_db, usable, is_matched=True).dose(term_db)


def target_gain(dose: float) -> float:
    """Return G of target mode: 1 - p, rounded off towards 0 and cut at 1.75; always above 0, so that the knob never goes dead."""
    missing, knee = 1.0 - dose, 2.0 * _TARGET_KNEE
    size = math.hypot(missing, knee)
    return min(MAX_TARGET_GAIN, 0.5 * (missing + size if missing > 0 else knee * knee / (size - missing)))


def soft_gain(dose: float, spread: float) -> float:
    """Return G of soft mode, 0.5..2: half as much is approached where p is far above 0 in `Difference.spread`s, twice as much below.

    2^-y, y = x / (1 + x^4)^(1/4), x = p / (5.5 spreads). As good as straight where sources lie, so that a dose more or less always tells:
    a tanh flattens out there, and an untreated bass would be told from a brightened one by 2 % only.
    """
    x = dose / (_SOFT_SPREADS * spread)
    return float(2.0 ** -(x / (1.0 + x**4) ** 0.25))


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
    compared: Difference | None,
    mode: Mode,
    sample_rate_hz: float,
    *,
    reference: str,
    why_static: str = "",
) -> Adaptation:
    """Return the settings of a term for a sound that was compared with a reference.

    term: settings at intensity 1. intensity: below 0 the opposite, in which case p is that of the opposite. compared: None, or mode
    "static", gives the term times the intensity, with `why_static` as a note. Equal input gives equal output; intensity 0 is exactly flat.
    """
    full_db = band_response_db(term, max(sample_rate_hz, FULL_RATE_HZ))
    if compared is None or mode == "static":
        eq, gain, cut = _scaled(term, intensity)
        notes = tuple(note for note in (why_static, cut) if note)
        return Adaptation(
            eq, "static", gain, None, intensity, reference, bool(cut), shape_error_db(eq, gain * full_db, sample_rate_hz), notes
        )
    term_db = band_response_db(term, sample_rate_hz)
    asked = ask(compared, term_db, intensity, mode)
    eq, gain, cut = settings_for(term, term_db, asked.gain, compared, sample_rate_hz)
    error_db = shape_error_db(eq, gain * full_db, sample_rate_hz)
    notes = (cut,) if cut else ()
    return Adaptation(eq, mode, gain, asked.dose, intensity, reference, asked.is_clipped or bool(cut), error_db, notes)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the law says: the dose that the sound has, the gain to add, and whether there is more to do than the mode allows."""

    dose: float
    gain: float
    is_clipped: bool


def ask(compared: Difference, term_db: Float64Array, intensity: float, mode: Mode) -> Asked:
    """Return what mode "target" or "soft" asks for. term_db: (28,) response of the term at intensity 1. A few microseconds."""
    sign = -1.0 if intensity < 0 else 1.0
    dose = compared.dose(term_db)
    if mode == "target":
        amount = target_gain(sign * dose)
        is_clipped = 1.0 - sign * dose > MAX_TARGET_GAIN or sign * dose > 1.0
    else:
        amount, is_clipped = soft_gain(sign * dose, compared.spread(term_db)), False
    return Asked(dose, intensity * amount, is_clipped)


def settings_for(
    term: EqSettings, term_db: Float64Array, wanted: float, compared: Difference | None, sample_rate_hz: float
) -> tuple[EqSettings, float, str]:
    """Return the settings whose measured dose is the one wanted, their gain, and a note where a band would leave -60..60 dB.

    One step of correction, where there is something to measure with: a band's response is not quite proportional to its gain.
    """
    if compared is None or wanted == 0.0:
        return _scaled(term, wanted)
    achieved = compared.doses_of(band_response_db(_scaled(term, wanted)[0], sample_rate_hz), term_db)
    return _scaled(term, wanted * wanted / achieved if 0.5 < achieved / wanted < 2.0 else wanted)


def _scaled(term: EqSettings, gain: float) -> tuple[EqSettings, float, str]:
    """Return the settings times a gain, which is lowered where a band would leave -60..60 dB, and a note if so."""
    largest = max((abs(band.gain_db) for band in term.bands), default=0.0)
    if largest * abs(gain) <= MAX_GAIN_DB:
        return term.scaled(gain), gain, ""
    lowered = math.copysign(MAX_GAIN_DB / largest, gain)
    return term.scaled(lowered), lowered, f"{gain:.2f} doses lowered to {lowered:.2f}: a band would pass {MAX_GAIN_DB:g} dB"


def shape_error_db(eq: EqSettings, wanted_db: Float64Array, sample_rate_hz: float) -> float:
    """Return the rms over the bands that a rate holds of what an EQ does minus what was wanted (28,), overall level removed."""
    in_range = analysis_grid(sample_rate_hz).in_range
    return float(np.std((band_response_db(eq, sample_rate_hz) - wanted_db)[in_range]))


@functools.lru_cache(maxsize=64)
def _cosine_metric(usable_bytes: bytes) -> Float64Array:
    """Return (28, 28): the inner product of the parts in the cosines of curves of which only the usable bands count."""
    usable = np.frombuffer(usable_bytes, dtype=np.bool_)
    part = _projection(usable)[usable]
    metric = np.asarray(part.T @ part)
    metric.flags.writeable = False
    return metric


@functools.lru_cache(maxsize=64)
def _source_metric(usable_bytes: bytes) -> Float64Array:
    """Return (28, 28): the inverse of the sources' covariance on usable bands, overall level free."""
    chosen = np.flatnonzero(np.frombuffer(usable_bytes, dtype=np.bool_))
    cell = np.ix_(chosen, chosen)
    metric = np.zeros((_N_BANDS, _N_BANDS))
    precision = np.linalg.inv(_SOURCE_COVARIANCE[cell])
    of_level = precision.sum(axis=1)
    metric[cell] = precision - np.outer(of_level, of_level) / of_level.sum()
    metric.flags.writeable = False
    return metric


def _cosines(usable: BoolArray) -> Float64Array:
    """Return (28, 4): the lowest cosines over log frequency, each without its mean over the usable bands."""
    position = (np.arange(_N_BANDS) + 0.5) / _N_BANDS
    basis: Float64Array = np.cos(np.pi * np.outer(position, np.arange(1, _COSINES + 1)))
    return np.asarray(basis - basis[usable].mean(axis=0))


def _projection(usable: BoolArray) -> Float64Array:
    """Return (28, 28): y -> its part in the cosines, by least squares over the usable bands, overall level free."""
    basis = _cosines(usable)
    projection = np.zeros((_N_BANDS, _N_BANDS))
    projection[:, usable] = basis @ np.linalg.pinv(basis[usable])  # columns of the basis have mean 0, so a constant gives 0
    return projection


def _thinned(windows_db: NDArray[np.float32]) -> Float64Array:
    """Return at most 400 windows, evenly spread over time, as float64."""
    if len(windows_db) > _MAX_WINDOWS:
        windows_db = windows_db[np.linspace(0, len(windows_db) - 1, _MAX_WINDOWS).round().astype(np.intp)]
    return np.asarray(windows_db, dtype=np.float64)


def _matched(a_db: Float64Array, b_db: Float64Array, usable: BoolArray) -> Float64Array:
    """Return the smooth curve (28,) in dB by which windows a (n, 28) are to be lowered to lie closest to windows b (m, 28).

    Each window is paired with the nearest of the other side, both ways; the curve, in the span of the cosines, is moved to the robust mean
    of the pairs' differences until it stays (iterative closest point, translation only; P. J. Besl, N. D. McKay, A method for registration
    of 3-D shapes, IEEE PAMI 14, 1992). The sum of the log distances is made smallest: windows that agree outweigh those without a partner.
    Adding a curve to a shifts the result by it: the starts lie around the difference of the means. Results of about equal cost are
    averaged.
    """
    a, b = _shapes(a_db[:, usable]), _shapes(b_db[:, usable])
    whole = _projection(usable)[:, usable]
    project = whole[usable]
    steps = _cosines(usable)[usable, :2].T
    steps = _MATCH_STEP_DB * steps / np.sqrt(np.mean(steps * steps, axis=1, keepdims=True))
    means = project @ (a.mean(axis=0) - b.mean(axis=0))
    medians = project @ (np.median(a, axis=0) - np.median(b, axis=0))
    found = [_closest(a, b, project, start) for start in (means, medians, *(means + steps), *(means - steps))]
    costs = np.array([cost for _, cost in found])
    shares = np.exp((costs.min() - costs) / _MATCH_SPREAD)  # minima that are as good as equal are no reason to jump
    return np.asarray(whole @ np.average([curve for curve, _ in found], axis=0, weights=shares))


def _closest(a: Float64Array, b: Float64Array, project: Float64Array, start: Float64Array) -> tuple[Float64Array, float]:
    """Return the curve (k,) near a start by which rows of a are to be lowered to lie closest to rows of b, and the sum of log distances."""
    curve, cost = start, math.inf
    for _ in range(_MATCH_ROUNDS):
        to_b, far_a, to_a, far_b = _nearest(a - curve, b)
        cost = float(np.log(far_a).mean() + np.log(far_b).mean())
        weight = np.concatenate([far_a**-2.0 / len(a), far_b**-2.0 / len(b)])
        gaps = np.concatenate([a - b[to_b], a[to_a] - b])
        following = project @ (weight @ gaps / weight.sum())
        if np.abs(following - curve).max() < 1e-3:
            break
        curve = following
    return curve, cost


def _shapes(windows_db: Float64Array) -> Float64Array:
    """Return windows (n, k) with most of their level taken out: loud ones are to meet loud ones, whatever the level of the whole."""
    levels = windows_db.mean(axis=1, keepdims=True)
    return np.asarray(windows_db - levels + _LEVEL_SHARE * (levels - np.median(levels)))


def _nearest(a: Float64Array, b: Float64Array) -> tuple[NDArray[np.intp], Float64Array, NDArray[np.intp], Float64Array]:
    """Return for each row of a (n, k) the nearest of b (m, k) and its rms distance, and the same for each row of b."""
    square = np.square(a).sum(axis=1)[:, np.newaxis] + np.square(b).sum(axis=1) - 2.0 * a @ b.T
    square = np.maximum(square / a.shape[1], _MATCH_FLOOR_DB**2)
    to_b, to_a = square.argmin(axis=1), square.argmin(axis=0)
    return to_b, np.sqrt(square[np.arange(len(a)), to_b]), to_a, np.sqrt(square[to_a, np.arange(len(b))])
