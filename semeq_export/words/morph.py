"""A way between two places, walked at a pace that is even in dB: pure maths on a function from places to curves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from semeq_export.arrays import Float64Array

CurvesAt = Callable[[Float64Array], Float64Array]
"""Places (n,) in 0..1 to curves (n, n_freqs) in dB."""

_FIRST_PLACES, _MAX_PLACES = 33, 4_097
_FINENESS = 128  # no gap between places is over this part of the way
_NO_WAY_DB = 1e-6
_UNEVEN, _PASSES = 0.01, 60


@dataclass(frozen=True, slots=True, eq=False)
class Way:
    """A way as a table. lengths_db: (n,) along its curves, in dB rms. places: (n,) in 0..1 where they are reached."""

    lengths_db: Float64Array
    places: Float64Array

    @classmethod
    def along(cls, curves_at: CurvesAt) -> Way:
        """Return the way of some curves. Gaps are halved until each is a small part of it: curves may turn fast between two places."""
        places = np.linspace(0.0, 1.0, _FIRST_PLACES)
        curves = curves_at(places)
        while True:
            sizes = steps_db(curves)
            wide = np.flatnonzero(sizes > max(float(sizes.sum()), _NO_WAY_DB) / _FINENESS)
            if not len(wide) or len(places) + len(wide) > _MAX_PLACES:
                return cls(np.concatenate([[0.0], np.cumsum(sizes)]), places)
            between = (places[wide] + places[wide + 1]) / 2.0
            places, curves = np.insert(places, wide + 1, between), np.insert(curves, wide + 1, curves_at(between), axis=0)

    def at(self, shares: Float64Array) -> Float64Array:
        """Return the places (n,) at shares (n,) 0..1 of the way's length."""
        length_db = float(self.lengths_db[-1])
        return np.interp(shares * length_db, self.lengths_db, self.places) if length_db > _NO_WAY_DB else shares

    def in_steps(self, count: int, curves_at: CurvesAt) -> Float64Array:
        """Return places (count,), both ends included, whose curves lie equally far apart, each from the next, within 1 %.

        Equal lengths of a way that bends are not equal steps, for a step cuts the corner; so places are moved until the steps are equal,
        for at most 60 passes; the hardest way seen, of another model, was then within 2 %.
        """
        even = shares = np.linspace(0.0, 1.0, count)
        for _ in range(_PASSES):
            sizes = steps_db(curves_at(self.at(shares)))
            if np.ptp(sizes) <= _UNEVEN * sizes.mean():
                break
            reached = np.concatenate([[0.0], np.cumsum(sizes)])
            shares = np.interp(even * reached[-1], reached, shares)
        return self.at(shares)


def steps_db(curves: Float64Array) -> Float64Array:
    """Return (n - 1,) by how many dB rms each of curves (n, n_freqs) differs from the next."""
    return rms_of_each(np.diff(curves, axis=0))


def departures_db(curves: Float64Array) -> Float64Array:
    """Return (n,) by how many dB rms each of curves (n, n_freqs) lies off the straight line between the first and the last."""
    shares = np.linspace(0.0, 1.0, len(curves))[:, np.newaxis]
    return rms_of_each(curves - (curves[0] + shares * (curves[-1] - curves[0])))


def rms_of_each(curves: Float64Array) -> Float64Array:
    """Return (n,) the root mean square of each of curves (n, n_freqs)."""
    rms: Float64Array = np.sqrt(np.square(curves).mean(axis=1))
    return rms
