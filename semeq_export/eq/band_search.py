"""Sets of few bands, many at once, each moved to where its response is closest to one curve and no band works against another.

Levenberg-Marquardt like `fit`, with two differences: each row has its own bands and ranges, and what bands take from each other costs. A row
is small, so that numpy's calls are the price: one formula serves all kinds, and each step evaluates once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from semeq_export.arrays import Float64Array
from semeq_export.eq.curve import log_grid
from semeq_export.eq.settings import BandKind

GAIN_UNIT_DB = 6.0  # one step of the search in gain is as large as one octave in frequency or a doubling of Q
N_POINTS, LOW_HZ, HIGH_HZ = 48, 30.0, 16_000.0  # 5 points an octave: no band is narrower than Q 2

_LEVEL_WEIGHT, _FREE_LEVEL_DB = 2.0, 0.5  # a level beyond this counts as an error of this many times the excess
_FIGHT_WEIGHT, _FREE_FIGHT_DB = 5.0, 0.8  # so does what bands take from each other, below the 1 dB that is forbidden
_GAIN_COST_DB = 0.02  # of two sets that are as close, the one with smaller gains
_PER_NEPER = 10.0 / math.log(10.0)
_A_PER_GAIN = GAIN_UNIT_DB * math.log(10.0) / 40.0


@dataclass(frozen=True, slots=True, eq=False)
class BandSets:
    """m sets of k bands, and the ranges in which they may move.

    u, low, high: (m, k, 3) gain in steps of 6 dB, log2 of frequency in Hz, log2 of Q; equal ends hold a value. shelf: (m, k) 1 for a low
    shelf, -1 for a high one, 0 for a bell. A set of fewer bands is filled up with bells held at 0 dB.
    """

    u: Float64Array
    low: Float64Array
    high: Float64Array
    shelf: Float64Array

    def __len__(self) -> int:
        return len(self.u)

    def take(self, rows: object) -> BandSets:
        """Return the sets of some rows."""
        return BandSets(self.u[rows], self.low[rows], self.high[rows], self.shelf[rows])  # type: ignore[index] # whatever numpy indexes by

    def moved(self, u: Float64Array) -> BandSets:
        """Return the same sets elsewhere."""
        return BandSets(u, self.low, self.high, self.shelf)


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """Where m sets stand. cost: (m,) in dB^2. bands_db: (m, k, n_freqs). error_db: (m, n_freqs), level-free. gradient, normal: of the cost."""

    cost: Float64Array
    bands_db: Float64Array
    error_db: Float64Array
    gradient: Float64Array
    normal: Float64Array

    @property
    def rms_db(self) -> Float64Array:
        """(m,) distance from the curve."""
        rms: Float64Array = np.sqrt(np.square(self.error_db).mean(axis=1))
        return rms

    @property
    def level_db(self) -> Float64Array:
        """(m,) mean over log frequency of each set's response."""
        level: Float64Array = self.bands_db.sum(axis=1).mean(axis=1)
        return level

    def fights_db(self) -> Float64Array:
        """Return (m,) the most that two bands of opposite sign take from each other, at any of the frequencies."""
        k = self.bands_db.shape[1]
        first, second = np.triu_indices(k, 1)
        a, b = self.bands_db[:, first], self.bands_db[:, second]
        taken: Float64Array = np.where(a * b < 0, np.minimum(np.abs(a), np.abs(b)), 0.0).max(axis=(1, 2), initial=0.0)
        return taken


def kind_code(kind: BandKind) -> float:
    """Return the number that stands for a kind in `BandSets.shelf`."""
    return {BandKind.LOW_SHELF: 1.0, BandKind.PEAK: 0.0, BandKind.HIGH_SHELF: -1.0}[kind]


class BandSearch:
    """The search at one sample rate, over frequencies evenly spaced over log frequency, 30 Hz to 16 kHz (or what the rate can hold)."""

    def __init__(self, sample_rate_hz: float) -> None:
        self.rate_hz = sample_rate_hz
        self.freqs_hz = log_grid(N_POINTS, LOW_HZ, min(HIGH_HZ, 0.45 * sample_rate_hz))

    @cached_property
    def _phi(self) -> tuple[Float64Array, Float64Array]:
        phi = np.square(np.sin(math.pi / self.rate_hz * self.freqs_hz))
        return phi, 1.0 - phi

    def responses(self, sets: BandSets) -> tuple[Float64Array, Float64Array]:
        """Return the bands' responses (m, k, n_freqs) in dB, and their slopes (m, k, 3, n_freqs) by u.

        With x, y and A as in `fit`, e = xy/Q^2, and a shelf's other half as one over the first, every kind is
        A^c (((a y - x)^2 + b e) / ((y - a x)^2 + g e))^s: a bell has a = 1, b = A^2, g = 1/A^2, c = 0; a shelf a = b = g = A, c = 2.
        """
        phi, rest = self._phi
        u, is_shelf = sets.u, np.abs(sets.shelf)
        sign = np.where(sets.shelf < 0, -1.0, 1.0)[..., np.newaxis]
        by_b, by_g = 2.0 - is_shelf, 3.0 * is_shelf - 2.0  # powers of A
        log_a = u[..., 0] * _A_PER_GAIN
        half_w0 = math.pi / self.rate_hz * np.exp2(u[..., 1])
        phi0 = np.square(np.sin(half_w0))
        x, y = (1.0 - phi0)[..., np.newaxis] * phi, phi0[..., np.newaxis] * rest
        e = x * y * np.exp2(-2.0 * u[..., 2])[..., np.newaxis]
        a = np.exp(log_a * is_shelf)[..., np.newaxis]
        top_e, bottom_e = np.exp(log_a * by_b)[..., np.newaxis] * e, np.exp(log_a * by_g)[..., np.newaxis] * e
        ay, ax = a * y, a * x
        top_difference, bottom_difference = ay - x, y - ax
        top, bottom = top_difference * top_difference + top_e, bottom_difference * bottom_difference + bottom_e
        lift = 2.0 * is_shelf
        responses = (sign * np.log(top / bottom) + (lift * log_a)[..., np.newaxis]) * _PER_NEPER
        top_difference *= 2.0 / top
        bottom_difference *= 2.0 / bottom
        top_e /= top
        bottom_e /= bottom
        slopes = np.empty((*u.shape, len(phi)))
        by_a = (top_difference * ay + bottom_difference * ax) * is_shelf[..., np.newaxis]
        by_a += by_b[..., np.newaxis] * top_e - by_g[..., np.newaxis] * bottom_e
        slopes[..., 0, :] = (by_a * sign + lift[..., np.newaxis]) * (_PER_NEPER * _A_PER_GAIN)
        e_difference = top_e - bottom_e
        by_phi0 = top_difference * (a * rest + phi) - bottom_difference * (rest + a * phi)
        by_phi0 += (1.0 / phi0 - 1.0 / (1.0 - phi0))[..., np.newaxis] * e_difference
        slopes[..., 1, :] = by_phi0 * (sign * (half_w0 * np.sin(2.0 * half_w0))[..., np.newaxis] * (math.log(2.0) * _PER_NEPER))
        slopes[..., 2, :] = e_difference * (sign * (-2.0 * math.log(2.0) * _PER_NEPER))
        return responses, slopes

    def state(self, sets: BandSets, curve_db: Float64Array) -> State:
        """Return where sets stand. curve_db: (n_freqs,)."""
        m, k, _ = sets.u.shape
        bands_db, by_u = self.responses(sets)
        slopes = by_u.reshape(m, 3 * k, -1)
        n = slopes.shape[2]
        whole = bands_db.sum(axis=1)
        level = whole.mean(axis=1)
        error = curve_db - whole
        error -= error.mean(axis=1)[:, np.newaxis]
        excess = np.abs(level) - _FREE_LEVEL_DB
        level_error = np.where(excess > 0, np.copysign(excess, -level), 0.0)
        gains = sets.u[..., 0]
        cost = np.square(error).mean(axis=1) + np.square(level_error) * _LEVEL_WEIGHT**2 + _GAIN_COST_DB**2 * np.square(gains).sum(axis=1)
        level_slopes = slopes.mean(axis=2)
        gradient = (slopes @ error[..., np.newaxis])[..., 0] / n + level_slopes * (level_error * _LEVEL_WEIGHT**2)[:, np.newaxis]
        normal = slopes @ slopes.swapaxes(1, 2) / n
        level_share = np.where(excess > 0, _LEVEL_WEIGHT**2, 0.0) - 1.0  # -1: the error's own level does not count
        normal += (level_share[:, np.newaxis] * level_slopes)[:, :, np.newaxis] * level_slopes[:, np.newaxis]
        gradient[:, ::3] -= _GAIN_COST_DB**2 * gains
        normal.reshape(m, -1)[:, :: 3 * (3 * k + 1)] += _GAIN_COST_DB**2
        lifted = np.maximum(bands_db, 0.0).sum(axis=1)
        lowered = lifted - whole
        taken = np.minimum(lifted, lowered) - _FREE_FIGHT_DB
        if np.any(taken > 0):
            taken = np.maximum(taken, 0.0)
            cost += np.square(taken).mean(axis=1) * _FIGHT_WEIGHT**2
            side = np.where(lifted < lowered, 1.0, -1.0)[:, np.newaxis]
            weak = (bands_db * side > 0) & (taken > 0)[:, np.newaxis]  # what shrinks if the bands of the smaller side do
            by_taken = (by_u * (side * weak)[:, :, np.newaxis]).reshape(m, 3 * k, n)
            gradient -= (by_taken @ taken[..., np.newaxis])[..., 0] * (_FIGHT_WEIGHT**2 / n)
            normal += by_taken @ by_taken.swapaxes(1, 2) * (_FIGHT_WEIGHT**2 / n)
        return State(cost, bands_db, error, gradient, normal)

    def descend(self, sets: BandSets, curve_db: Float64Array, steps: int) -> tuple[BandSets, State]:
        """Return the sets after some steps, and where they stand then. A value at an end of its range that wants to leave is held."""
        here = self.state(sets, curve_db)
        damping = np.full(len(sets), 1e-2)
        for _ in range(steps):
            there = sets.moved(stepped(sets, here, damping))
            state = self.state(there, curve_db)
            better = state.cost < here.cost
            damping = np.where(better, np.maximum(damping * 0.2, 1e-9), damping * 6.0)
            if better.all():
                sets, here = there, state
            elif better.any():
                sets = sets.moved(np.where(better[:, np.newaxis, np.newaxis], there.u, sets.u))
                here = _chosen(better, state, here)
        return sets, here


def stepped(sets: BandSets, state: State, damping: Float64Array) -> Float64Array:
    """Return u after one step of Levenberg-Marquardt with damping (m,), inside the ranges."""
    m = len(sets)
    low, high, here = (values.reshape(m, -1) for values in (sets.low, sets.high, sets.u))
    gradient = state.gradient
    free = ~(((here <= low) & (gradient <= 0)) | ((here >= high) & (gradient >= 0)))
    normal = state.normal * (free[:, :, np.newaxis] & free[:, np.newaxis])
    diagonal = np.einsum("npp->np", normal)
    floor = 1e-3 * diagonal.mean(axis=1, keepdims=True) + 1e-12
    diagonal += damping[:, np.newaxis] * (diagonal + floor) + ~free
    step = np.linalg.solve(normal, (gradient * free)[..., np.newaxis])[..., 0]
    return np.clip(here + step, low, high).reshape(sets.u.shape)


def _chosen(first: np.ndarray[tuple[int, ...], np.dtype[np.bool_]], one: State, other: State) -> State:
    rows = np.where(first, 0, 1)
    at = np.arange(len(first))
    pick = [np.stack((getattr(one, n), getattr(other, n)))[rows, at] for n in ("cost", "bands_db", "error_db", "gradient", "normal")]
    return State(*pick)
