"""Values at which Pedalboard's built-ins hang, grow without end or give what is no number, and which they take without a word.

Found by running each with every parameter from -1e30 to 1e30 (Pedalboard 0.9.26). What it refuses itself is not repeated here.
"""

from __future__ import annotations

from collections.abc import Mapping

from semeq_export.eq.biquad import USABLE_NYQUIST
from semeq_export.errors import ChainError
from semeq_export.units import MAX_SAMPLE_RATE_HZ, MIN_SAMPLE_RATE_HZ

_FREQUENCY_HZ = (0.1, MAX_SAMPLE_RATE_HZ / 2)
LIMITS = {
    "target_sample_rate": (MIN_SAMPLE_RATE_HZ, MAX_SAMPLE_RATE_HZ),
    "cutoff_frequency_hz": _FREQUENCY_HZ,
    "cutoff_hz": _FREQUENCY_HZ,
    "centre_frequency_hz": _FREQUENCY_HZ,
    "gain_db": (-90.0, 90.0),  # from -100 dB down it is a factor of 0, which is no filter
    "Gain.gain_db": (-1e3, 120.0),
    "drive_db": (-120.0, 120.0),
    "q": (1e-3, 1e3),
    "feedback": (-1.0, 1.0),
    "Phaser.feedback": (-0.99, 0.99),
    "rate_hz": (0.0, 100.0),
}
"""What a parameter may be, by its name, after that of its plug-in where only that one is meant."""

NEGLIGIBLE_OVER_NYQUIST = ("LowpassFilter", "LowShelfFilter", "PeakFilter", "HighShelfFilter")
"""Filters that do nothing to what is below their frequency, but for a low shelf, which is its gain there."""


def limits_of(kind: str, name: str) -> tuple[float, float] | None:
    """Return what a parameter of a type of plug-in may be; None for what needs no limit here."""
    return LIMITS.get(f"{kind}.{name}", LIMITS.get(name))


def check_limits(kind: str, name: str, value: object, place: str) -> None:
    """Raise ChainError where a parameter is beyond what its plug-in bears."""
    limits = limits_of(kind, name)
    if limits is not None and isinstance(value, float) and not limits[0] <= value <= limits[1]:
        raise ChainError(f"{place}: {kind} {name} {value:g} is outside {limits[0]:g}..{limits[1]:g}")


def over_nyquist(kind: str, values: Mapping[str, object], sample_rate_hz: float) -> str:
    """Return which frequency is over 0.95 of Nyquist, where Pedalboard would take another or cannot filter; empty for none."""
    limit_hz = USABLE_NYQUIST * sample_rate_hz / 2
    for name, value in values.items():
        if limits_of(kind, name) is _FREQUENCY_HZ and isinstance(value, float) and value > limit_hz:
            return f"{kind} {name} {value:g} is above {limit_hz:g} Hz, 0.95 of Nyquist at {sample_rate_hz:g} Hz"
    return ""
