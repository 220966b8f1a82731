"""Bands solved for one sound: to follow a reference without a word, and to do what a word asks where the sound has its power."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from semeq_export.arrays import Float64Array
from semeq_export.audio.k_weighting import k_weighting
from semeq_export.eq.biquad import USABLE_NYQUIST, response_db, sos_response_db
from semeq_export.eq.curve import Curve, level_free, log_grid, rms_db
from semeq_export.eq.fit import fit_eq
from semeq_export.eq.settings import BandKind, BandSlot, EqLayout, EqSettings, ParamSpec
from semeq_export.errors import AudioError
from semeq_export.listening.dose import FULL_RATE_HZ, Adaptation, Difference, band_response_db, shape_error_db
from semeq_export.listening.reference import Reference
from semeq_export.listening.spectrum import BANDS_HZ, BoolArray, Spectrum, analysis_grid

MATCH_LIMIT_DB = 6.0
"""A match moves no band by more than this where nothing else is asked for: what differs by more is not an equaliser's to mend."""

MAX_MATCH_LIMIT_DB = 12.0
_SMOOTHING_BANDS = 1.5  # standard deviation, half an octave: single notes and resonances are left alone
_CARRIED_DB = 50.0  # below its strongest band a side holds hiss and rumble
_EDGE = (0.25, 0.5, 0.75)  # how much is followed in the bands next to the ones that one side does not hold: no filter stops at once
_RUMBLE_HZ, _RUMBLE_SLOPE_DB = 45.0, 6.0  # bands below are asked for no lift, and those above by no more than so many dB per octave
_RUMBLE_WEIGHT, _UNHELD_WEIGHT = 4.0, 4.0  # in the fit: what must not move counts more
_LOUDNESS_ROUNDS, _SAME_LOUDNESS_LU = 8, 0.02
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
        BandSlot(
            BandKind.LOW_SHELF,
            ParamSpec("low_shelf_gain_db", "dB", -12.0, 0.0, "linear", 0.0),
            ParamSpec("low_shelf_freq_hz", "Hz", 30.0, 500.0, "log", 100.0),
            0.71,
        ),
        *(_peak(number, low_hz, 8.0 * low_hz) for number, low_hz in enumerate((50.0, 110.0, 250.0, 550.0, 1_200.0, 2_000.0), start=1)),
        BandSlot(BandKind.HIGH_SHELF, _gain("high_shelf"), ParamSpec("high_shelf_freq_hz", "Hz", 2_000.0, 16_000.0, "log", 8_000.0), 0.71),
    ),
)
"""Two shelves and six broad peaks: what smoothed third-octave differences need. The low shelf only cuts: it would lift rumble."""


def match_difference_db(sound: Spectrum, reference: Spectrum) -> tuple[Float64Array, BoolArray]:
    """Return by how many dB a sound differs from a reference in the bands (28,), and the bands (28,) that both sides hold.

    Level-free, smoothed over half an octave, 0 where one side holds nothing: there is nothing to conclude. Raises AudioError where there is
    nothing to compare.
    """
    for spectrum, which in ((sound, "this audio"), (reference, "the reference")):
        if not spectrum.has_signal:
            raise AudioError(f"nothing to match: no signal in {which}: {spectrum.no_signal}")
    held = _carried(sound) & _carried(reference)
    if held.sum() < 2:
        raise AudioError("nothing to match: this audio and the reference share no part of the spectrum")
    apart = np.where(held, level_free(reference.band_db - sound.band_db, held.astype(np.float64)), 0.0)
    steps = np.arange(len(BANDS_HZ))
    kernel = np.exp(-0.5 * np.square(np.subtract.outer(steps, steps) / _SMOOTHING_BANDS)) * held
    smooth_db = np.where(held, kernel @ apart / np.maximum(kernel.sum(axis=1), 1e-12), 0.0)
    return smooth_db, held


def match_eq(
    sound: Spectrum, reference: Reference, intensity: float, sample_rate_hz: float, *, limit_db: float = MATCH_LIMIT_DB
) -> Adaptation:
    """Return the settings that take a sound towards a reference, without a word and as loud as before (ITU-R BS.1770 on the spectrum).

    intensity: 0 = exactly flat, 1 = all the way, below 0 = away. limit_db: no band is asked to move by more, above 0 and up to 12. Bands
    that one side does not hold are asked to stay, and those below 45 Hz not to rise. Raises AudioError where there is nothing to compare
    and for another limit.
    """
    if not 0.0 < limit_db <= MAX_MATCH_LIMIT_DB:
        raise AudioError(f"match limit of {limit_db:g} dB is outside 0..{MAX_MATCH_LIMIT_DB:g}")
    apart_db, held = match_difference_db(sound, reference.spectrum)
    if intensity == 0.0:
        return Adaptation(EqSettings(), "match", 0.0, None, 0.0, reference.name, is_clipped=False, fit_error_db=0.0)
    share, offset_db = _edges(held), 0.0
    weights = np.where(held, np.where(BANDS_HZ < _RUMBLE_HZ, _RUMBLE_WEIGHT, 1.0), _UNHELD_WEIGHT)
    most_db = _RUMBLE_SLOPE_DB * np.log2(np.maximum(BANDS_HZ / _RUMBLE_HZ, 1.0))
    for _ in range(_LOUDNESS_ROUNDS):  # where 0 dB lies between lifts and cuts decides how loud the result is
        goal_db = intensity * share * limit_db * np.tanh((apart_db - offset_db) / limit_db)
        goal_db = np.minimum(goal_db, most_db)
        eq = _solve(goal_db, weights, MATCH_LAYOUT, sample_rate_hz, level_free=False)
        louder_lu = _louder_lu(sound, eq, sample_rate_hz)
        if abs(louder_lu) < _SAME_LOUDNESS_LU:
            break
        offset_db += louder_lu / intensity
    error_db = shape_error_db(eq, goal_db, sample_rate_hz)
    is_clipped = bool(np.any(np.abs(apart_db - offset_db)[held] > limit_db))
    notes = (f"the reference differs by more than a match follows ({limit_db:g} dB, `match_limit_db`)",) if is_clipped else ()
    return Adaptation(eq, "match", intensity, None, intensity, reference.name, is_clipped, error_db, notes)


def match_left_db(sound: Spectrum, reference: Reference) -> float:
    """Return how much there still is to follow: the rms of `match_difference_db` over the bands that both sides hold, in dB."""
    apart_db, held = match_difference_db(sound, reference.spectrum)
    return rms_db(apart_db[held])


def _carried(spectrum: Spectrum) -> BoolArray:
    """Return the bands (28,) in which a spectrum holds more than hiss or rumble."""
    carried: BoolArray = spectrum.usable & (spectrum.band_db > spectrum.band_db[spectrum.usable].max() - _CARRIED_DB)
    return carried


def _edges(held: BoolArray) -> Float64Array:
    """Return (28,) how much of a difference is followed: 0 where one side holds nothing, all from the fourth band beside that on."""
    missing = np.flatnonzero(~held)
    if not missing.size:
        return np.ones(held.size)
    steps = np.abs(np.subtract.outer(np.arange(held.size), missing)).min(axis=1)
    shares: Float64Array = np.array([0.0, *_EDGE, 1.0])[np.minimum(steps, len(_EDGE) + 1)]
    return shares


def _louder_lu(sound: Spectrum, eq: EqSettings, sample_rate_hz: float) -> float:
    """Return by how much an EQ changes the loudness of a sound, in LU: its K-weighted power in the bands, without the gate."""
    power = np.where(sound.usable, 10.0 ** ((sound.band_db - sound.band_db.max()) / 10.0), 0.0)
    nyquist = np.minimum(BANDS_HZ, USABLE_NYQUIST * sample_rate_hz / 2)
    power *= 10.0 ** (sos_response_db(k_weighting(sample_rate_hz), nyquist, sample_rate_hz) / 10.0)
    return float(10.0 * np.log10(power @ 10.0 ** (band_response_db(eq, sample_rate_hz) / 10.0) / power.sum()))


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
    goal_db: Float64Array,
    weights: Float64Array,
    layout: EqLayout,
    sample_rate_hz: float,
    curve: Float64Array | None = None,
    *,
    level_free: bool = True,
) -> EqSettings:
    """Return the bands of a layout closest to a change of the third-octave bands; curve: (96,) the same on `log_grid`, where known."""
    freqs_hz = log_grid()
    curve_db = Curve(BANDS_HZ, goal_db).at(freqs_hz) if curve is None else curve
    shares = np.interp(np.log(freqs_hz), np.log(BANDS_HZ), weights)
    usable = freqs_hz <= USABLE_NYQUIST * sample_rate_hz / 2
    fitted = fit_eq(
        curve_db[usable], freqs_hz[usable], layout, sample_rate_hz, weights=np.maximum(shares[usable], 1e-3), level_free=level_free
    )
    return EqSettings(fitted.eq.bands)
