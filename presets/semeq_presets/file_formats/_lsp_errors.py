"""How far LSP's equaliser itself and the bands that stand for it are apart, in dB.

Bands above 0.95 of Nyquist are not played by the model, and bands that stand for a filter at one sample rate may not at another: these
differences are exact. The plug-in computes in 32 bits: near the lowest
frequencies, where a section's denominator is small, its rounding is heard as noise. Estimate: each section adds 2^-24 of the largest
amplitude up to it over its denominator; relative to what is heard at a frequency, in dB. Sections of a filter
are alike and round alike: theirs are added, those of filters as powers. The matched transform, which scales a section far
below its frequency, multiplies that. All three numbers below are chosen so that what is stated covers what was measured with version 1.2.5
on 1,344 random filters: 10 Hz to 20 kHz, all modes, types and slopes, Q 0.1 to 10, wherever the response is within 60 dB of its top.

Modes of the whole equaliser other than IIR have responses of 4,096 points: FIR the impulse response, faded out by a Blackman-Nuttall
window, FFT the magnitude at each point; both as a linear-phase filter under such a window (28 random filters each: stated within 2 %).
SPM multiplies spectra, about straight lines between points (within 30 %, or less than stated). FFT and SPM take the analogue filter's
magnitude where the transform is matched. Source: lsp-plugins/lsp-dsp-units, src/main/filters/Equalizer.cpp (reconfigure), Filter.cpp
(freq_chart).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from semeq_export.arrays import Float64Array
from semeq_export.eq.biquad import USABLE_NYQUIST, for_rate, response_db, sos_response_db
from semeq_export.eq.curve import log_grid
from semeq_export.eq.settings import EqSettings
from semeq_presets.file_formats._lsp_filters import LspFilter, chart, digital

PhaseMode = Literal["IIR", "FIR", "FFT", "SPM"]

_HEARD_FROM_DB = -60.0
_ROUNDING = 2.0**-24
_POINTS = 4_096
_LONG = 131_072
_PHASE_MARGINS = {"FIR": 1.03, "FFT": 1.04, "SPM": 1.3}
_STATED_FROM_DB, _MARGIN, _MATCHED = 0.08, 4.0, 2.5  # from 0.32 dB on: ordinary low filters state 0.3 and measure 0.04
_BESIDE = (0.1, 0.01, 0.001, 0.0001)  # of a frequency: the sides of a notch
_TO_DB = 20.0 / np.log(10.0)


def model_error_db(filters: Sequence[LspFilter], eq: EqSettings, sample_rate_hz: float) -> float:
    """Return the largest difference between filters in series and the bands that stand for them, where one of those is not played."""
    if all(band.freq_hz <= USABLE_NYQUIST * sample_rate_hz / 2 for band in eq.bands):
        return 0.0
    return rate_error_db(filters, eq, sample_rate_hz)


def rate_error_db(filters: Sequence[LspFilter], eq: EqSettings, sample_rate_hz: float) -> float:
    """Return the largest difference between filters in series and the bands that stand for them, played at a sample rate."""
    freqs_hz = _grid(sample_rate_hz)
    sos = np.concatenate([np.zeros((0, 6)), *(digital(one, sample_rate_hz) for one in filters)])
    there = sos_response_db(sos, freqs_hz, sample_rate_hz)
    here = response_db(for_rate(eq, sample_rate_hz).eq, freqs_hz, sample_rate_hz)
    heard = there >= there.max() + _HEARD_FROM_DB
    return float(np.max(np.abs(here - there)[heard]))


def arithmetic_error_db(filters: Sequence[LspFilter], sample_rate_hz: float) -> float:
    """Return how far the plug-in's 32-bit arithmetic may be from its own formulae, 0 where that is not worth a word."""
    parts = [_doing_something(digital(one, sample_rate_hz)) for one in filters]
    if not any(len(part) for part in parts):
        return 0.0
    sos = np.concatenate(parts)
    beside = [one.freq_hz * (1.0 + sign * offset) for one in filters for sign in (-1.0, 1.0) for offset in _BESIDE]
    near = [freq_hz for freq_hz in beside if 1.0 <= freq_hz <= 20_000.0]
    freqs_hz = np.concatenate([np.geomspace(1.0, 19.0, 24), near, _grid(sample_rate_hz)])
    delays = np.exp(-2j * np.pi * np.outer(np.arange(3), freqs_hz) / sample_rate_hz)
    bottom = np.abs(sos[:, 3:] @ delays)
    so_far = np.maximum(np.cumprod(np.abs(sos[:, :3] @ delays) / bottom, axis=0), 1e-9)
    loudest = so_far.max(axis=1, keepdims=True)
    weights = np.repeat([_MATCHED if one.mode.endswith("(MT)") else 1.0 for one in filters], [len(part) for part in parts])
    noise = weights[:, np.newaxis] * loudest / so_far / bottom
    starts = np.cumsum([0, *(len(part) for part in parts if len(part))])[:-1]
    noise_db = _TO_DB * _ROUNDING * np.sqrt(np.square(np.add.reduceat(noise, starts, axis=0)).sum(axis=0))
    audible = freqs_hz >= 20.0
    heard = audible & (so_far[-1] >= so_far[-1][audible].max() * 10.0 ** (_HEARD_FROM_DB / 20.0))
    worst = float(noise_db[heard].max())
    return _MARGIN * worst if worst >= _STATED_FROM_DB else 0.0


def _doing_something(sos: Float64Array) -> Float64Array:
    """Return the sections whose zeros are not their poles: those round to the same."""
    found: Float64Array = sos[np.abs(sos[:, :3] - sos[:, 3:]).max(axis=1) > 1e-12]
    return found


def phase_error_db(filters: Sequence[LspFilter], mode: PhaseMode, sample_rate_hz: float) -> float:
    """Return how far the response in a mode of the whole equaliser is from that of its filters, 0 in the mode IIR."""
    if mode == "IIR" or not filters:
        return 0.0
    sos = np.concatenate([digital(one, sample_rate_hz) for one in filters])
    freqs_hz = _grid(sample_rate_hz)
    wanted = 10.0 ** (sos_response_db(sos, freqs_hz, sample_rate_hz) / 20.0)
    points_hz = np.linspace(0.0, sample_rate_hz / 2, _POINTS // 2 + 1)
    if mode == "FIR":
        magnitudes = np.abs(np.fft.rfft(_impulse_response(sos) * _window(2 * _POINTS)[_POINTS:]))
    else:
        magnitudes = np.prod([chart(one, points_hz, sample_rate_hz) for one in filters], axis=0)
    if mode == "SPM":
        played = np.interp(freqs_hz, points_hz, magnitudes)
    else:
        taps = np.fft.fftshift(np.fft.irfft(magnitudes)) * _window(_POINTS)
        played = np.interp(freqs_hz, np.linspace(0.0, sample_rate_hz / 2, _LONG // 2 + 1), np.abs(np.fft.rfft(taps, _LONG)))
    floor = wanted.max() * 10.0 ** (_HEARD_FROM_DB / 20.0)
    error_db = float(np.max(np.abs(_TO_DB * np.log(np.maximum(played, floor) / np.maximum(wanted, floor)))))
    return _PHASE_MARGINS[mode] * error_db


def _impulse_response(sos: Float64Array) -> Float64Array:
    """Return the first points of the response of sections to an impulse, from their spectrum, in which even low filters have died away."""
    turns = np.exp(-2j * np.pi * np.arange(_LONG // 2 + 1) / _LONG)
    spectrum = np.ones(len(turns), dtype=np.complex128)
    for b0, b1, b2, a0, a1, a2 in sos:
        spectrum *= (b0 + turns * (b1 + turns * b2)) / (a0 + turns * (a1 + turns * a2))
    response: Float64Array = np.fft.irfft(spectrum)[:_POINTS]
    return response


def _window(points: int) -> Float64Array:
    """Return a Blackman-Nuttall window (points,); source of its numbers: A. H. Nuttall, IEEE Trans. ASSP 29 (1981)."""
    angle = 2.0 * np.pi * np.arange(points) / points
    window: Float64Array = np.cos(np.outer(angle, np.arange(4))) @ np.array([0.3635819, -0.4891775, 0.1365995, -0.0106411])
    return window


def decramp_error_db(filters: Sequence[LspFilter], factor: int, sample_rate_hz: float) -> float:
    """Return how far filters that run at a multiple of the sample rate are from the same at the rate itself."""
    if factor == 1 or not filters:
        return 0.0
    freqs_hz = _grid(sample_rate_hz)
    slow, fast = (
        sos_response_db(np.concatenate([digital(one, rate) for one in filters]), freqs_hz, rate)
        for rate in (sample_rate_hz, factor * sample_rate_hz)
    )
    return float(np.max(np.abs(slow - fast)))


def _grid(sample_rate_hz: float) -> Float64Array:
    return log_grid(256, 20.0, min(20_000.0, USABLE_NYQUIST * sample_rate_hz / 2))
