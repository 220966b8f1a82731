"""Conversions between the units of this field, and the sample rates that semeq accepts.

Scalars only, no numpy: formats and the command line use them one value at a time.
"""

from __future__ import annotations

import math

from semeq_export.errors import AudioError

MIN_SAMPLE_RATE_HZ = 8_000.0
MAX_SAMPLE_RATE_HZ = 384_000.0


def db_to_amplitude(gain_db: float) -> float:
    """Return the linear amplitude ratio of a gain in dB: 10^(g/20)."""
    return float(10.0 ** (gain_db / 20.0))


def amplitude_to_db(amplitude: float) -> float:
    """Return the gain in dB of a linear amplitude ratio > 0; raises ValueError otherwise."""
    return 20.0 * math.log10(amplitude)


def q_to_bandwidth_oct(q: float) -> float:
    """Return the bandwidth in octaves (between the half-gain points of an analogue peak) of a Q.

    Source: R. Bristow-Johnson, Audio EQ Cookbook: 1/Q = 2 sinh(ln(2)/2 BW).
    """
    return 2.0 / math.log(2.0) * math.asinh(0.5 / q)


def bandwidth_oct_to_q(bandwidth_oct: float) -> float:
    """Return the Q of a bandwidth in octaves; inverse of `q_to_bandwidth_oct`."""
    return 0.5 / math.sinh(math.log(2.0) / 2.0 * bandwidth_oct)


def shelf_slope_to_q(slope: float, gain_db: float) -> float:
    """Return the Q of a shelf of slope S (1 = 12 dB per octave, the steepest that stays monotonic) and gain in dB.

    Raises ValueError for a slope that no Q gives. Source: Audio EQ Cookbook: 1/Q = sqrt((A + 1/A)(1/S - 1) + 2), A = 10^(g/40).
    """
    amplitude = 10.0 ** (gain_db / 40.0)
    square = (amplitude + 1.0 / amplitude) * (1.0 / slope - 1.0) + 2.0
    if not square > 0.0:
        raise ValueError(f"slope {slope:g} is too steep for a gain of {gain_db:g} dB")
    return 1.0 / math.sqrt(square)


def freq_to_position(freq_hz: float, minimum_hz: float, maximum_hz: float) -> float:
    """Return where a frequency lies between two others on a log scale, 0..1 inside."""
    return math.log(freq_hz / minimum_hz) / math.log(maximum_hz / minimum_hz)


def position_to_freq(position: float, minimum_hz: float, maximum_hz: float) -> float:
    """Return the frequency in Hz at a log position 0..1; inverse of `freq_to_position`."""
    return float(minimum_hz * (maximum_hz / minimum_hz) ** position)


def ms_to_samples(milliseconds: float, sample_rate_hz: float) -> int:
    """Return a duration in whole samples, rounded to nearest."""
    return round(milliseconds * 1e-3 * sample_rate_hz)


def samples_to_ms(samples: int, sample_rate_hz: float) -> float:
    """Return the duration of a number of samples in milliseconds."""
    return samples / sample_rate_hz * 1e3


def check_sample_rate_hz(sample_rate_hz: float) -> float:
    """Return the rate as a float; raises AudioError unless it is a number in 8 kHz..384 kHz."""
    if isinstance(sample_rate_hz, str | bytes):
        raise AudioError(f"sample_rate_hz {repr(sample_rate_hz)[:40]} is not a number")
    try:
        rate = float(sample_rate_hz)
    except OverflowError as error:  # an integer of 400 digits
        raise AudioError("sample_rate_hz is too large") from error
    except (TypeError, ValueError) as error:
        raise AudioError(f"sample_rate_hz {repr(sample_rate_hz)[:40]} is not a number") from error
    if not MIN_SAMPLE_RATE_HZ <= rate <= MAX_SAMPLE_RATE_HZ:
        raise AudioError(f"sample_rate_hz {rate:g} is outside {MIN_SAMPLE_RATE_HZ:g}..{MAX_SAMPLE_RATE_HZ:g}")
    return rate
