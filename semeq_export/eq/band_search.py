"""Sets of few bands, many at once, each moved to where its response is closest to one curve and no band works against another.

Levenberg-Marquardt like `fit`, with two differences: each row has its own bands and ranges, and what bands take from each other costs.
A row is small, so that numpy's calls are the price: one formula serves all kinds, and each step evaluates once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from semeq_export.arrays import Float64Array

GAIN_UNIT_DB = 6.0  # one step of the search in gain is as large as one octave in frequency or a doubling of Q
RATE_HZ = 48_000.0
N_POINTS, LOW_HZ, HIGH_HZ = 48, 30.0, 16_000.0  # 5 points an octave: no band is narrower than Q 2
_FINER, _MORE_BELOW, _MORE_ABOVE = 4, 13, 7  # between the points, and beyond them: from 20 Hz to 20 kHz
COUNTED = slice(_MORE_BELOW, -_MORE_ABOVE)
"""Of `check_grid`: what counts for distance and level, 30 Hz to 16 kHz."""

SEARCHED = slice(_MORE_BELOW, -_MORE_ABOVE, _FINER)
"""Of `check_grid`: the points of `search_grid`."""

_LEVEL_WEIGHT, _FREE_LEVEL_DB = 2.0, 0.5  # a level beyond this counts as an error of this many times the excess
_FIGHT_WEIGHT, _FREE_FIGHT_DB = 5.0, 0.7  # so does what bands take from each other, below the 1 dB that is forbidden
_GAIN_COST_DB = 0.02  # of two sets that are as close, the one with smaller gains
_PER_NEPER = 10.0 / math.log(10.0)
_A_PER_GAIN = GAIN_UNIT_DB * math.log(10.0) / 40.0


@dataclass(frozen=True, slots=True, eq=False)
class BandSets:
    """m sets of k bands, and the ranges in which they may move.

    u, low, high: (m, k, 3) gain in steps of 6 dB, log2 of frequency in Hz, log2 of Q; equal ends hold a value. shelf: (m, k) 1 for a low
    shelf, -1 for a high one, 0 for a bell. slot: (m, k) where a layout holds each band. A set of fewer bands is filled up with bells held
    at 0 dB, in slot -1.
    """

    u: Float64Array
    low: Float64Array
    high: Float64Array
    shelf: Float64Array
    slot: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.u)

    def take(self, rows: list[int]) -> BandSets:
        """Return the sets of some rows."""
        return BandSets(self.u[rows], self.low[rows], self.high[rows], self.shelf[rows], self.slot[rows])

    def moved(self, u: Float64Array) -> BandSets:
        """Return the same sets elsewhere."""
        return BandSets(u, self.low, self.high, self.shelf, self.slot)


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """What m sets cost (m,) in dB^2, and half its descent (m, 3 k) and curvature (m, 3 k, 3 k) by u."""

    cost: Float64Array
    descent: Float64Array
    curvature: Float64Array

    def take(self, rows: list[int]) -> State:
        """Return some rows."""
        return State(self.cost[rows], self.descent[rows], self.curvature[rows])

    def chosen(self, rows: NDArray[np.bool_], other: State) -> State:
        """Return this in some rows, and the other in the rest."""
        return State(
            np.where(rows, self.cost, other.cost),
            np.where(rows[:, np.newaxis], self.descent, other.descent),
            np.where(rows[:, np.newaxis, np.newaxis], self.curvature, other.curvature),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Quality:
    """How m sets do, (m,) dB each: distance from the curve, mean over log frequency, the most that two bands take from each other."""

    rms_db: Float64Array
    level_db: Float64Array
    fights_db: Float64Array


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """Frequencies, as the responses need them: phi = sin^2(pi f / rate), and 1 - phi; (n,) each."""

    phi: Float64Array
    rest: Float64Array

    @classmethod
    def at(cls, freqs_hz: Float64Array) -> Grid:
        """Return the grid of frequencies."""
        phi = np.square(np.sin(math.pi / RATE_HZ * freqs_hz))
        return cls(phi, 1.0 - phi)


@cache
def search_grid() -> Grid:
    """Return the `N_POINTS` frequencies at which sets are fitted."""
    return Grid.at(_freqs_hz()[SEARCHED])


@cache
def check_grid() -> Grid:
    """Return more and further frequencies, at which sets are judged: 20 Hz to 20 kHz or a little more."""
    return Grid.at(_freqs_hz())


def _freqs_hz() -> Float64Array:
    octaves = np.arange(-_MORE_BELOW, (N_POINTS - 1) * _FINER + _MORE_ABOVE + 1) / ((N_POINTS - 1) * _FINER) * math.log2(HIGH_HZ / LOW_HZ)
    return LOW_HZ * np.exp2(octaves)


def responses(sets: BandSets, grid: Grid, slopes: Float64Array | None = None) -> Float64Array:
    """Return the bands' responses (m, k, n) in dB. slopes: (m, k, 3, n) to be filled with their derivatives by u.

    With x, y and A as in `fit`, e = xy/Q^2, and a high shelf as a low one over A^2, upside down, every kind is
    A^c (((a y - x)^2 + b e) / ((y - a x)^2 + g e))^s: a bell has a = 1, b = A^2, g = 1/A^2, c = 0; a shelf a = b = g = A, c = 2.
    """
    phi, rest = grid.phi, grid.rest
    u, is_shelf = sets.u, np.abs(sets.shelf)
    sign = np.where(sets.shelf < 0, -1.0, 1.0)[..., np.newaxis]
    by_b, by_g = 2.0 - is_shelf, 3.0 * is_shelf - 2.0  # powers of A
    log_a = u[..., 0] * _A_PER_GAIN
    half_w0 = math.pi / RATE_HZ * np.exp2(u[..., 1])
    phi0 = np.square(np.sin(half_w0))
    x, y = (1.0 - phi0)[..., np.newaxis] * phi, phi0[..., np.newaxis] * rest
    e = x * y * np.exp2(-2.0 * u[..., 2])[..., np.newaxis]
    a = np.exp(log_a * is_shelf)[..., np.newaxis]
    top_e, bottom_e = np.exp(log_a * by_b)[..., np.newaxis] * e, np.exp(log_a * by_g)[..., np.newaxis] * e
    ay, ax = a * y, a * x
    top_difference, bottom_difference = ay - x, y - ax
    top, bottom = top_difference * top_difference + top_e, bottom_difference * bottom_difference + bottom_e
    lift = 2.0 * is_shelf
    response = (sign * np.log(top / bottom) + (lift * log_a)[..., np.newaxis]) * _PER_NEPER
    if slopes is None:
        return response
    top_difference *= 2.0 / top
    bottom_difference *= 2.0 / bottom
    top_e /= top
    bottom_e /= bottom
    by_a = (top_difference * ay + bottom_difference * ax) * is_shelf[..., np.newaxis]
    by_a += by_b[..., np.newaxis] * top_e - by_g[..., np.newaxis] * bottom_e
    slopes[..., 0, :] = (by_a * sign + lift[..., np.newaxis]) * (_PER_NEPER * _A_PER_GAIN)
    e_difference = top_e - bottom_e
    by_phi0 = top_difference * (a * rest + phi) - bottom_difference * (rest + a * phi)
    by_phi0 += (1.0 / phi0 - 1.0 / (1.0 - phi0))[..., np.newaxis] * e_difference
    slopes[..., 1, :] = by_phi0 * (sign * (half_w0 * np.sin(2.0 * half_w0))[..., np.newaxis] * (math.log(2.0) * _PER_NEPER))
    slopes[..., 2, :] = e_difference * (sign * (-2.0 * math.log(2.0) * _PER_NEPER))
    return response


def state_of(sets: BandSets, curve_db: Float64Array, peace: float = 1.0) -> State:
    """Return what sets cost. curve_db: (n,) over the grid of `search_grid`, level-free. peace: how much fights count."""
    m, k, _ = sets.u.shape
    size, n = 3 * k, N_POINTS
    rows = np.empty((m, size + 2, n))  # slopes, the error, and ones: their products are everything that least squares need
    slopes = rows[:, :size].reshape(m, k, 3, n)  # a view
    bands_db = responses(sets, search_grid(), slopes)
    whole = bands_db.sum(axis=1)
    np.subtract(curve_db, whole, out=rows[:, size])
    rows[:, size + 1] = 1.0
    products = rows @ rows.swapaxes(1, 2) / n
    means = products[:, :-1, -1]
    excess = np.abs(means[:, -1]) - _FREE_LEVEL_DB
    share = np.where(excess > 0, _LEVEL_WEIGHT**2, 0.0)
    # the error's own level does not count, the level of the whole does, as far as it is in excess
    curvature = products[:, :size, :size] + ((share - 1.0)[:, np.newaxis] * means[:, :size])[:, :, np.newaxis] * means[:, np.newaxis, :size]
    level_error = share * np.copysign(excess, means[:, -1])
    descent = products[:, :size, size] + (level_error - means[:, -1])[:, np.newaxis] * means[:, :size]
    cost = products[:, size, size] - np.square(means[:, -1]) + share * np.square(excess)
    gains = sets.u[..., 0]
    cost += _GAIN_COST_DB**2 * np.square(gains).sum(axis=1)
    descent[:, ::3] -= _GAIN_COST_DB**2 * gains
    curvature.reshape(m, -1)[:, :: 3 * (size + 1)] += _GAIN_COST_DB**2
    state = State(cost, descent, curvature)
    _add_fights(state, bands_db, slopes, peace)
    return state


def _add_fights(state: State, bands_db: Float64Array, slopes: Float64Array, peace: float) -> None:
    """Add to what sets cost where bands take from each other: at each frequency, what the smaller side of the two signs adds up to."""
    lifted = np.maximum(bands_db, 0.0).sum(axis=1)
    lowered = lifted - bands_db.sum(axis=1)
    taken = np.minimum(lifted, lowered) - _FREE_FIGHT_DB
    if taken.max(initial=0.0) <= 0.0:
        return
    taken = np.maximum(taken, 0.0)
    m, n = taken.shape
    side = (np.where(lifted < lowered, 1.0, -1.0) * (taken > 0))[:, np.newaxis]
    by_taken = (slopes * (side * (bands_db * side > 0))[:, :, np.newaxis]).reshape(m, -1, n)
    weight = peace * _FIGHT_WEIGHT**2 / n
    np.add(state.cost, weight * np.square(taken).sum(axis=1), out=state.cost)
    np.subtract(state.descent, weight * (by_taken @ taken[..., np.newaxis])[..., 0], out=state.descent)
    np.add(state.curvature, weight * (by_taken @ by_taken.swapaxes(1, 2)), out=state.curvature)


def quality_of(sets: BandSets, curve_db: Float64Array) -> Quality:
    """Return how sets do. curve_db: (n,) over the grid of `check_grid`."""
    bands_db = responses(sets, check_grid())
    whole = bands_db.sum(axis=1)
    first, second = np.triu_indices(bands_db.shape[1], 1)
    a, b = bands_db[:, first], bands_db[:, second]
    taken = np.where(a * b < 0, np.minimum(np.abs(a), np.abs(b)), 0.0)
    error = (curve_db - whole)[:, COUNTED]
    return Quality(error.std(axis=1), whole[:, COUNTED].mean(axis=1), taken.max(axis=(1, 2), initial=0.0))


def descend(sets: BandSets, curve_db: Float64Array, steps: int, here: State | None = None, *, peace: float = 1.0) -> tuple[BandSets, State]:
    """Return the sets after some steps, and what they cost then. A value at an end of its range that wants to leave is held.

    here: what they cost now, if that is known. peace: see `state_of`.
    """
    here = state_of(sets, curve_db, peace) if here is None else here
    damping = np.full(len(sets), 1e-2)
    for _ in range(steps):
        there = sets.moved(stepped(sets, here, damping))
        state = state_of(there, curve_db, peace)
        better = state.cost < here.cost
        damping = np.where(better, np.maximum(damping * 0.2, 1e-9), damping * 6.0)
        if better.all():
            sets, here = there, state
        elif better.any():
            sets = sets.moved(np.where(better[:, np.newaxis, np.newaxis], there.u, sets.u))
            here = state.chosen(better, here)
    return sets, here


def stepped(sets: BandSets, state: State, damping: Float64Array) -> Float64Array:
    """Return u after one step of Levenberg-Marquardt with damping (m,), inside the ranges."""
    m = len(sets)
    low, high, here = (values.reshape(m, -1) for values in (sets.low, sets.high, sets.u))
    free = ~(((here <= low) & (state.descent <= 0)) | ((here >= high) & (state.descent >= 0)))
    normal = state.curvature * (free[:, :, np.newaxis] & free[:, np.newaxis])
    diagonal = np.einsum("npp->np", normal)
    floor = 1e-3 * diagonal.mean(axis=1, keepdims=True) + 1e-12
    diagonal += damping[:, np.newaxis] * (diagonal + floor) + ~free
    step = np.linalg.solve(normal, (state.descent * free)[..., np.newaxis])[..., 0]
    return np.clip(here + step, low, high).reshape(sets.u.shape)
