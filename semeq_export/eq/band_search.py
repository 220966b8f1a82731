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
_DB_PER_OCTAVE = math.log(2.0) * _PER_NEPER  # of power
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
    """How m sets do, (m,) dB each: distance from the curve, change of pink noise's power, the most that two bands take from each other."""

    rms_db: Float64Array
    level_db: Float64Array
    fights_db: Float64Array


@cache
def search_grid() -> Float64Array:
    """Return (3, N_POINTS) 1, r and r^2 at the frequencies at which sets are fitted, with r = tan^2(pi f / rate)."""
    return _powers(_freqs_hz()[SEARCHED])


@cache
def check_grid() -> Float64Array:
    """Return the same at more and further frequencies, (3, n), at which sets are judged: 20 Hz to 20 kHz or a little more."""
    return _powers(_freqs_hz())


def _powers(freqs_hz: Float64Array) -> Float64Array:
    r = np.square(np.tan(math.pi / RATE_HZ * freqs_hz))
    powers = np.stack([np.ones_like(r), r, r * r])
    powers.flags.writeable = False
    return powers


def _freqs_hz() -> Float64Array:
    octaves = np.arange(-_MORE_BELOW, (N_POINTS - 1) * _FINER + _MORE_ABOVE + 1) / ((N_POINTS - 1) * _FINER) * math.log2(HIGH_HZ / LOW_HZ)
    return LOW_HZ * np.exp2(octaves)


def responses(sets: BandSets, grid: Float64Array, slopes: Float64Array | None = None) -> Float64Array:
    """Return the bands' responses (m, k, n) in dB. slopes: (m, k, 3, n) to be filled with their derivatives by u.

    The cookbook's magnitudes squared (bilinear transform of its prototypes) are a ratio of polynomials in r = tan^2(w/2); with
    v = r / tan^2(w0/2) and A = 10^(gain/40): a peak is (1 + (A^2/Q^2 - 2) v + v^2) / (1 + (1/(A Q)^2 - 2) v + v^2), a low shelf
    A^2 (A^2 + (A/Q^2 - 2 A) v + v^2) / (1 + (A/Q^2 - 2 A) v + A^2 v^2), and a high shelf A^4 over that.
    """
    wanted = 1 if slopes is None else 4
    parts = _coefficients(sets, wanted).reshape(3, -1).T @ grid
    top, bottom = parts.reshape(2, wanted, *sets.shelf.shape, grid.shape[1])
    by_bottom = 1.0 / bottom[0]
    response: Float64Array = np.log(top[0] * by_bottom) * _PER_NEPER
    if slopes is not None:
        by_top = 1.0 / top[0]
        for number in range(3):
            np.subtract(top[number + 1] * by_top, bottom[number + 1] * by_bottom, out=slopes[:, :, number])
    return response


def _coefficients(sets: BandSets, wanted: int) -> Float64Array:
    """Return (3, 2, wanted, m, k): by power of r, for top and bottom, what they are, then their slopes by gain, frequency and Q in dB."""
    shelf = np.abs(sets.shelf)
    by_b, by_g = 2.0 - shelf, 3.0 * shelf - 2.0  # powers of A beside v, top and bottom
    log_a = sets.u[..., 0] * _A_PER_GAIN
    half_w0 = (math.pi / RATE_HZ) * np.exp2(sets.u[..., 1])
    sine, cosine = np.sin(half_w0), np.cos(half_w0)
    per_r = np.square(cosine / sine)
    per_q2 = np.exp2(-2.0 * sets.u[..., 2]) * per_r
    b, g = np.exp(by_b * log_a) * per_q2, np.exp(by_g * log_a) * per_q2
    a = np.exp(shelf * log_a)
    a2, a_v, per_r2 = a * a, 2.0 * per_r * a, per_r * per_r
    result = np.zeros((3, 2, wanted, *shelf.shape))
    result[0, 0, 0], result[0, 1, 0] = a2, 1.0
    np.subtract(b, a_v, out=result[1, 0, 0])
    np.subtract(g, a_v, out=result[1, 1, 0])
    result[2, 0, 0] = per_r2
    np.multiply(a2, per_r2, out=result[2, 1, 0])
    if wanted > 1:
        by_freq = (-2.0 * _DB_PER_OCTAVE) * half_w0 / (sine * cosine)
        np.multiply(result[1:, :, 0], by_freq, out=result[1:, :, 2])
        result[2, :, 2] *= 2.0
        np.multiply(b, -2.0 * _DB_PER_OCTAVE, out=result[1, 0, 3])
        np.multiply(g, -2.0 * _DB_PER_OCTAVE, out=result[1, 1, 3])
        by_gain = _PER_NEPER * _A_PER_GAIN
        a_v *= shelf
        np.multiply(by_gain, by_b * b - a_v, out=result[1, 0, 1])
        np.multiply(by_gain, by_g * g - a_v, out=result[1, 1, 1])
        twice = (2.0 * by_gain) * shelf
        np.multiply(twice, a2, out=result[0, 0, 1])
        np.multiply(twice, result[2, 1, 0], out=result[2, 1, 1])
    is_high = sets.shelf < 0
    if is_high.any():
        result = np.where(is_high, result[:, ::-1], result)
    result[:, 0] *= a2  # a^2 is A^2 for shelves, and 1 for peaks
    if wanted > 1:
        result[:, 0, 1] += twice * result[:, 0, 0]
    return result


def state_of(sets: BandSets, curve_db: Float64Array, peace: float = 1.0) -> State:
    """Return what sets cost. curve_db: (n,) over the grid of `search_grid`, level-free. peace: how much fights count."""
    m, k, _ = sets.u.shape
    size, n = 3 * k, N_POINTS
    rows = np.empty(
        (m, size + 3, n)
    )  # slopes, the error, ones, and the power of pink noise: their products are all that least squares need
    slopes = rows[:, :size].reshape(m, k, 3, n)  # a view
    bands_db = responses(sets, search_grid(), slopes)
    whole = bands_db.sum(axis=1)
    np.subtract(curve_db, whole, out=rows[:, size])
    rows[:, size + 1] = 1.0
    rows[:, size + 2] = np.exp(whole / _PER_NEPER)
    products = rows @ rows.swapaxes(1, 2) / n
    means, power = products[:, : size + 1, size + 1], products[:, size + 1, size + 2]
    by_level = products[:, :size, size + 2] / power[:, np.newaxis]
    level_db = np.log(power) * _PER_NEPER
    excess = np.abs(level_db) - _FREE_LEVEL_DB
    share = np.where(excess > 0, _LEVEL_WEIGHT**2, 0.0)
    # the error's own mean does not count, the level of the whole does, as far as it is in excess
    curvature = products[:, :size, :size] - means[:, :size, np.newaxis] * means[:, np.newaxis, :size]
    curvature += (share[:, np.newaxis] * by_level)[:, :, np.newaxis] * by_level[:, np.newaxis]
    descent = products[:, :size, size] - means[:, -1:] * means[:, :size]
    descent -= (share * np.copysign(excess, level_db))[:, np.newaxis] * by_level
    cost = products[:, size, size] - np.square(means[:, -1]) + share * np.square(excess)
    gains = sets.u[..., 0]
    cost += _GAIN_COST_DB**2 * np.square(gains).sum(axis=1)
    descent[:, ::3] -= _GAIN_COST_DB**2 * gains
    curvature.reshape(m, -1)[:, :: 3 * (size + 1)] += _GAIN_COST_DB**2
    state = State(cost, descent, curvature)
    _add_fights(state, bands_db, whole, slopes, peace)
    return state


def _add_fights(state: State, bands_db: Float64Array, whole: Float64Array, slopes: Float64Array, peace: float) -> None:
    """Add to what sets cost where bands take from each other: at each frequency, what the smaller side of the two signs adds up to."""
    lifted = np.maximum(bands_db, 0.0).sum(axis=1)
    lowered = lifted - whole
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
    first, second = _pairs(bands_db.shape[1])
    sign = np.sign(sets.u[..., 0])  # a band lifts or lowers everywhere
    against = sign[:, first] * sign[:, second] < 0
    sizes = np.abs(bands_db)
    taken = np.minimum(sizes[:, first], sizes[:, second]).max(axis=2) * against
    error = (curve_db - whole)[:, COUNTED]
    level_db = _PER_NEPER * np.log(np.exp(whole[:, COUNTED] / _PER_NEPER).mean(axis=1))
    return Quality(error.std(axis=1), level_db, taken.max(axis=1, initial=0.0))


@cache
def _pairs(k: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    first, second = np.triu_indices(k, 1)
    return first, second


def descend(sets: BandSets, curve_db: Float64Array, steps: int, here: State | None = None, *, peace: float = 1.0) -> tuple[BandSets, State]:
    """Return the sets after some steps, and what they cost then. A value at an end of its range that wants to leave is held.

    here: what they cost now, if that is known. peace: see `state_of`.
    """
    here = state_of(sets, curve_db, peace) if here is None else here
    damping = np.full(len(sets), 1e-2)
    for _ in range(steps):
        there = sets.moved(_stepped(sets, here, damping))
        state = state_of(there, curve_db, peace)
        better = state.cost < here.cost
        damping = np.where(better, np.maximum(damping * 0.2, 1e-9), damping * 6.0)
        if better.all():
            sets, here = there, state
        elif better.any():
            sets = sets.moved(np.where(better[:, np.newaxis, np.newaxis], there.u, sets.u))
            here = state.chosen(better, here)
    return sets, here


def _stepped(sets: BandSets, state: State, damping: Float64Array) -> Float64Array:
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
