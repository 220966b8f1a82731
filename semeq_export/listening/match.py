"""Bands solved for one sound: to follow a reference without a word, and to do what a word asks where the sound has its power."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from semeq_export.arrays import Float64Array
from semeq_export.eq.biquad import USABLE_NYQUIST, response_db
from semeq_export.eq.curve import Curve, level_free, log_grid, rms_db
from semeq_export.eq.fit import fit_eq
from semeq_export.eq.settings import BandKind, BandSlot, EqLayout, EqSettings, ParamSpec
from semeq_export.errors import AudioError
from semeq_export.listening.dose import FULL_RATE_HZ, Adaptation, Difference, band_response_db, shape_error_db
from semeq_export.listening.reference import Reference
from semeq_export.listening.spectrum import BANDS_HZ, BoolArray, Spectrum, analysis_grid

MAX_MATCH_DB = 9.0
"""A match asks for less than this in every band: what is missing by more is not there to be lifted."""

_SMOOTHING_BANDS = 1.5  # standard deviation, half an octave: single notes and resonances are left alone
_UNKNOWN_WEIGHT = 0.05  # of a band that one side lacks: there the match fades to 0 dB
_FULL_POWER_DB, _NO_POWER_DB = 40.0, 80.0  # below the strongest band: from where on a band counts less, and hardly at all
_LEAST_WEIGHT = 0.05


def _peak(number: int, low_hz: float, high_hz: float) -> BandSlot:
    name = f"peak{number}"
    freq = ParamSpec(f"{name}_freq_hz", "Hz", low_hz, high_hz, "log", float(np.sqrt(low_hz * high_hz)))
    return BandSlot(BandKind.PEAK, _gain(name), freq, ParamSpec(f"{name}_q", "q", 0.3, 3.0, "log", 0.71))


def _gain(name: str) -> ParamSpec:
    return ParamSpec(f"{name}_gain_db", "dB", -12.0, 12.0, "linear", 0.0)


MATCH_LAYOUT = EqLayout(
    "match-8",
    (
        BandSlot(BandKind.LOW_SHELF, _gain("low_shelf"), ParamSpec("low_shelf_freq_hz", "Hz", 30.0, 500.0, "log", 100.0), 0.71),
        *(_peak(number, low_hz, 8.0 * low_hz) for number, low_hz in enumerate((50.0, 110.0, 250.0, 550.0, 1_200.0, 2_000.0), start=1)),
        BandSlot(BandKind.HIGH_SHELF, _gain("high_shelf"), ParamSpec("high_shelf_freq_hz", "Hz", 2_000.0, 16_000.0, "log", 8_000.0), 0.71),
    ),
)
"""Two shelves and six broad peaks: what smoothed third-octave differences need."""


def match_curve_db(sound: Spectrum, reference: Spectrum) -> tuple[Float64Array, BoolArray]:
    """Return by how many dB the bands (28,) are to be changed to follow a reference, and the bands (28,) that both sides hold.

    Level-free, smoothed over half an octave, and bent to stay within 9 dB. Raises AudioError where there is nothing to compare.
    """
    for spectrum, which in ((sound, "this audio"), (reference, "the reference")):
        if not spectrum.has_signal:
            raise AudioError(f"nothing to match: no signal in {which}: {spectrum.no_signal}")
    usable = sound.usable & reference.usable
    if usable.sum() < 2:
        raise AudioError("nothing to match: this audio and the reference share no part of the spectrum")
    apart = np.where(usable, level_free(reference.band_db - sound.band_db, usable.astype(np.float64)), 0.0)
    weight = np.where(usable, 1.0, _UNKNOWN_WEIGHT)
    steps = np.arange(len(BANDS_HZ))
    kernel = np.exp(-0.5 * np.square(np.subtract.outer(steps, steps) / _SMOOTHING_BANDS)) * weight
    smooth_db = kernel @ apart / kernel.sum(axis=1)
    return MAX_MATCH_DB * np.tanh(smooth_db / MAX_MATCH_DB), usable


def match_eq(sound: Spectrum, reference: Reference, intensity: float, sample_rate_hz: float) -> Adaptation:
    """Return the settings that take a sound towards a reference, without a word and without a change of overall level.

    intensity: 0 = exactly flat, 1 = all the way, below 0 = away. Raises AudioError where there is nothing to compare.
    """
    curve_db, usable = match_curve_db(sound, reference.spectrum)
    goal_db = intensity * curve_db
    if intensity == 0.0:
        return Adaptation(EqSettings(), "match", 0.0, None, 0.0, reference.name, is_clipped=False, fit_error_db=0.0)
    eq = _solve(goal_db, np.where(usable, 1.0, _UNKNOWN_WEIGHT), MATCH_LAYOUT, sample_rate_hz)
    error_db = shape_error_db(eq, goal_db, sample_rate_hz)
    is_clipped = bool(np.any(np.abs(curve_db) > 0.8 * MAX_MATCH_DB))
    notes = (f"the reference differs by more than a match follows (at most {MAX_MATCH_DB:g} dB)",) if is_clipped else ()
    return Adaptation(eq, "match", intensity, None, intensity, reference.name, is_clipped, error_db, notes)


def match_left_db(sound: Spectrum, reference: Reference) -> float:
    """Return how much there still is to follow: the rms of `match_curve_db` over the bands that both sides hold, in dB."""
    curve_db, usable = match_curve_db(sound, reference.spectrum)
    return rms_db(curve_db[usable])


def refine_adaptation(
    adaptation: Adaptation, term: EqSettings, sound: Spectrum, contrast: Difference | None, layout: EqLayout, sample_rate_hz: float
) -> Adaptation:
    """Return an adaptation whose bands were solved for again: what the term does at full rate, times the gain, where the sound has power.

    Bands that the rate cannot hold are made up for by others, and the dose that the solution adds is that which was asked. The former
    settings are kept where the solution is no closer.
    """
    if adaptation.gain == 0.0:
        return adaptation
    full_rate_hz = max(FULL_RATE_HZ, sample_rate_hz)
    term_db = band_response_db(term, full_rate_hz)
    goal_db = adaptation.gain * term_db
    weights = _power_weights(sound, sample_rate_hz)
    gain = adaptation.gain
    eq = _solve(goal_db, weights, layout, sample_rate_hz, curve=response_db(term, log_grid(), full_rate_hz) * gain)
    if contrast is not None:
        achieved = contrast.doses_of(band_response_db(eq, sample_rate_hz), term_db)
        if achieved and 0.5 < gain / achieved < 2.0:
            eq = eq.scaled(gain / achieved)

    def error_db(settings: EqSettings) -> float:
        error = band_response_db(settings, sample_rate_hz) - goal_db
        return float(np.sqrt(np.average(np.square(level_free(error, weights)), weights=weights)))

    if error_db(eq) >= error_db(adaptation.eq):
        return adaptation
    return replace(adaptation, eq=eq, fit_error_db=shape_error_db(eq, goal_db, sample_rate_hz))


def _power_weights(sound: Spectrum, sample_rate_hz: float) -> Float64Array:
    """Return (28,) what each band counts: 1 down to 40 dB below the strongest, falling to 0.05; 0 where the rate holds nothing."""
    in_range = analysis_grid(sample_rate_hz).in_range
    if not sound.has_signal:
        return in_range.astype(np.float64)
    below_db = sound.band_db[sound.usable].max() - sound.band_db
    share = np.clip((_NO_POWER_DB - below_db) / (_NO_POWER_DB - _FULL_POWER_DB), _LEAST_WEIGHT, 1.0)
    return np.where(in_range, np.where(sound.usable, share, _LEAST_WEIGHT), 0.0)


def _solve(
    goal_db: Float64Array, weights: Float64Array, layout: EqLayout, sample_rate_hz: float, curve: Float64Array | None = None
) -> EqSettings:
    """Return the bands of a layout closest to a change of the third-octave bands; curve: (96,) the same on `log_grid`, where known."""
    freqs_hz = log_grid()
    curve_db = Curve(BANDS_HZ, goal_db).at(freqs_hz) if curve is None else curve
    shares = np.interp(np.log(freqs_hz), np.log(BANDS_HZ), weights)
    usable = freqs_hz <= USABLE_NYQUIST * sample_rate_hz / 2
    fitted = fit_eq(curve_db[usable], freqs_hz[usable], layout, sample_rate_hz, weights=np.maximum(shares[usable], 1e-3), level_free=True)
    return EqSettings(fitted.eq.bands)
