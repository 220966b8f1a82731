"""Which octave of a sound stands out, by how many dB, and among how many sources of its kind."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from semeq_export.arrays import Float64Array
from semeq_export.listening.dose import USUAL_SPREADS
from semeq_export.listening.prior import level_db
from semeq_export.listening.spectrum import BANDS_HZ, BoolArray, Spectrum

UNUSUAL_SPREADS = 2.15
"""Of nine octaves that vary by themselves, one lies beyond this in a quarter of all sources: 1 - (1 - 2 * 0.0158)^9 = 0.25."""

_NOMINAL_HZ = (
    31.5, 40, 50, 63, 80, 100, 125, 160, 200, 250, 315, 400, 500, 630, 800,
    1_000, 1_250, 1_600, 2_000, 2_500, 3_150, 4_000, 5_000, 6_300, 8_000, 10_000, 12_500, 16_000,
)  # fmt: skip
_OCTAVE = np.array([[abs(i - k) <= 1 for k in range(len(BANDS_HZ))] for i in range(len(BANDS_HZ))]) / 3.0
_ODDS = ((2.326, "99 of 100"), (2.054, "49 of 50"), (1.645, "19 of 20"), (USUAL_SPREADS, "9 of 10"))


@dataclass(frozen=True, slots=True)
class Region:
    """One octave. band: index of its middle in `BANDS_HZ`. apart_db: more than the reference has, overall level left out.

    usual_db: standard deviation among sources of the reference's kind; None where the reference is one sound.
    """

    band: int
    apart_db: float
    usual_db: float | None

    @property
    def spreads(self) -> float:
        """How many standard deviations of the kind it is off; 0.0 where no kind says what is usual."""
        return 0.0 if self.usual_db is None else self.apart_db / self.usual_db

    @property
    def name(self) -> str:
        """Return its middle frequency as people write it."""
        hz = _NOMINAL_HZ[self.band]
        return f"{hz:g} Hz" if hz < 1_000 else f"{hz / 1_000:g} kHz"

    @property
    def excess_db(self) -> float:
        """By how many dB it lies beyond what nine of ten sources have; all of it where no kind says what is usual."""
        return max(0.0, abs(self.apart_db) - USUAL_SPREADS * (self.usual_db or 0.0))


def beyond(spreads: float) -> str:
    """Return what share of the sources a deviation is beyond, such as "19 of 20"; "" for what is usual."""
    return next((words for least, words in _ODDS if abs(spreads) >= least), "")


def usual_spread_db(kind: Spectrum) -> Float64Array:
    """Return (28,) the standard deviation of each band among sources of a kind, overall level left out."""
    return np.sqrt(np.diag(_level_free_covariance(kind, kind.usable)))


def regions(sound: Spectrum, reference: Spectrum) -> list[Region]:
    """Return the octaves that both hold, those that stand out most first: in spreads of the kind, else in dB."""
    held = sound.usable & reference.usable
    apart = np.where(held, sound.band_db - reference.band_db, 0.0)
    covariance = None if reference.covariance_db2 is None else _level_free_covariance(reference, held)
    apart_db = apart - level_of(apart, held, reference)
    whole = np.flatnonzero((_OCTAVE @ held) > 1.0 - 1e-9)
    found = []
    for band in whole[(whole > 0) & (whole < len(BANDS_HZ) - 1)]:
        share = _OCTAVE[band]
        usual_db = None if covariance is None else math.sqrt(float(share @ covariance @ share))
        found.append(Region(int(band), float(share @ apart_db), usual_db))
    return sorted(found, key=lambda one: -abs(one.spreads or one.apart_db))


def level_of(apart_db: Float64Array, held: BoolArray, reference: Spectrum) -> float:
    """Return the overall level in a difference (28,) from a reference over some bands: as its kind varies, else the mean."""
    if reference.covariance_db2 is None:
        return float(apart_db[held].mean())
    return level_db(apart_db, held, reference)


def _level_free_covariance(kind: Spectrum, held: BoolArray) -> Float64Array:
    """Return the covariance (28, 28) of what is left where the level is estimated and taken away; 0 in bands that are not held."""
    assert kind.covariance_db2 is not None
    cell = np.ix_(held, held)
    inside = kind.covariance_db2[cell]
    result = np.zeros_like(kind.covariance_db2)
    result[cell] = inside - 1.0 / np.linalg.inv(inside).sum()
    return result
