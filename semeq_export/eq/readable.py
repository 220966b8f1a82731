"""The same sound in the fewest bands, each one such as a person would set, and none that works against another.

From the bands that are there: what each set of up to four of them could do is estimated from the slopes at the start, for all sets at
once; the most promising sets of each size are followed (`band_search`), and the smallest that is close enough is taken. Equal input, equal
output.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from semeq_export.arrays import Float64Array
from semeq_export.eq.band_search import (
    GAIN_UNIT_DB,
    N_POINTS,
    RATE_HZ,
    SEARCHED,
    BandSets,
    Quality,
    check_grid,
    descend,
    quality_of,
    responses,
    search_grid,
)
from semeq_export.eq.biquad import USABLE_NYQUIST, for_rate
from semeq_export.eq.settings import SAFE_13, BandKind, BandSlot, EqLayout, EqSettings, ParamSpec

MAX_BANDS = 4
MIN_GAIN_DB = 0.5
MAX_FIGHT_DB = 1.0
"""What two bands of opposite sign may take from each other, at any frequency."""

MAX_LEVEL_DB = 0.8
FREQ_RANGES_HZ = {BandKind.LOW_SHELF: (60.0, 600.0), BandKind.PEAK: (60.0, 12_000.0), BandKind.HIGH_SHELF: (1_500.0, 14_000.0)}
Q_RANGE = (0.4, 2.0)
_SHELF = {BandKind.LOW_SHELF: 1.0, BandKind.PEAK: 0.0, BandKind.HIGH_SHELF: -1.0}  # as `BandSets` writes kinds
_NOTHING = (0.0, math.log2(1_000.0), 0.0)  # a bell of no gain, as `BandSets` writes it
_CLOSE_DB, _CLOSE_SHARE = 0.2, 1 / 3  # fewer bands are enough where they come this close, but never by this share of the curve or more
_WORTH_A_BAND_DB = 0.03  # where no set is close enough, another band must bring that much
_SOUND_DB = 0.3  # a curve above this is not left out
_MAX_STARTS = 5  # sets are formed of as many bands, those that do the most
_MARGIN_DB = 0.1  # for what lies between the frequencies that are judged, and for digits rounded later
_FOLLOWED = {1: 1, 2: 3, 3: 5, 4: 3}  # sets of each size
_FIRST_DAMPING = 0.03
_PEACE = 16.0  # how much more a fight counts where no set was close enough: often all of them fought a little
_FIRST_STEPS, _MORE_STEPS, _LAST_STEPS = 2, 2, 3  # of all sets; of the best of each size; of those, where none was close enough


def readable(eq: EqSettings, layout: EqLayout = SAFE_13) -> EqSettings:
    """Return the fewest bands whose level-free response, 30 Hz to 16 kHz at 48 kHz, stays close to that of settings of a layout.

    Close: 0.2 dB rms, or a third of what the curve has itself; where no four bands come that close, the closest. Flat settings, and
    some curves under 0.3 dB rms, give no bands. Every band is one of the layout's, inside `FREQ_RANGES_HZ` and `Q_RANGE` as far as the
    layout can, with at least `MIN_GAIN_DB`; they stand by frequency. The preamp of the input does not count; that of the result is 0
    unless the bands change the power of pink noise by more than `MAX_LEVEL_DB`: then it takes back what is too much.
    Raises InvalidEqError where the layout cannot hold the bands.
    """
    vector = layout.to_vector(EqSettings(for_rate(EqSettings(eq.active_bands), RATE_HZ).eq.bands))
    places = _places(layout)
    kept = np.flatnonzero(vector[places.gain_at])
    if not kept.size:
        return EqSettings()
    start = places.start(vector, kept)
    curve_db = _centred(responses(start, check_grid())[0].sum(axis=0))
    found = _closest(start if len(kept) <= _MAX_STARTS else _strongest(start), curve_db)
    if found is None:
        return EqSettings()
    sets, level_db = found
    bands = layout.from_vector(layout.clip(places.vector(sets))).active_bands
    excess_db = max(abs(level_db) - (MAX_LEVEL_DB - _MARGIN_DB), 0.0)
    preamp_db = -math.copysign(excess_db, level_db) if excess_db else 0.0
    return EqSettings(tuple(sorted(bands, key=lambda band: (band.freq_hz, band.gain_db, band.q))), preamp_db)


def rounded(eq: EqSettings) -> EqSettings:
    """Return settings in the digits that a person reads: gains in 0.1 dB, frequencies in two digits (three under 200), Q in 0.1.

    "Three under 200": of 1 to 1.99 times a power of ten, where two are steps of 5 to 10 %. What would become 0 keeps one digit.
    For files only: what is rounded does not follow an intensity smoothly.
    """
    bands = tuple(
        replace(
            band,
            freq_hz=_digits(band.freq_hz, 3 if f"{band.freq_hz:e}".startswith("1") else 2),
            gain_db=round(band.gain_db, 1) or _digits(band.gain_db, 1),
            q=round(band.q, 1) or _digits(band.q, 1),
        )
        for band in eq.bands
    )
    return EqSettings(bands, round(eq.preamp_db, 1) + 0.0)


def _digits(value: float, count: int) -> float:
    return float(f"{value:.{count - 1}e}")


@dataclass(frozen=True, slots=True, eq=False)
class _Places:
    """A layout's slots as the search moves bands in them. low, high: (n_slots, 3); q_at: -1 where Q is fixed, then fixed_q holds it."""

    idle: Float64Array
    gain_at: NDArray[np.int64]
    q_at: NDArray[np.int64]
    fixed_q: Float64Array
    shelf: Float64Array
    low: Float64Array
    high: Float64Array

    def start(self, vector: Float64Array, kept: NDArray[np.int64]) -> BandSets:
        """Return one set (1, n_kept, 3) of the bands where a vector has them, with the ranges of readable ones of the same sign."""
        gain_at = self.gain_at[kept]
        q = np.where(self.q_at[kept] < 0, self.fixed_q[kept], vector[self.q_at[kept]])
        u = np.stack([vector[gain_at] / GAIN_UNIT_DB, np.log2(vector[gain_at + 1]), np.log2(q)], axis=1)
        low, high = self.low[kept], self.high[kept]
        least = np.minimum(MIN_GAIN_DB / GAIN_UNIT_DB, np.abs(np.where(u[:, 0] > 0, high[:, 0], low[:, 0])))
        low[:, 0] = np.where(u[:, 0] > 0, least, low[:, 0])
        high[:, 0] = np.where(u[:, 0] > 0, high[:, 0], -least)
        return BandSets(u[np.newaxis], low[np.newaxis], high[np.newaxis], self.shelf[np.newaxis, kept], kept[np.newaxis])

    def vector(self, sets: BandSets) -> Float64Array:
        """Return the layout's vector of one set (1, k, 3), all other slots idle."""
        vector = self.idle.copy()
        for (gain, log2_freq, log2_q), slot in zip(sets.u[0].tolist(), sets.slot[0].tolist(), strict=True):
            if slot >= 0:
                at = self.gain_at[slot]
                vector[at], vector[at + 1] = gain * GAIN_UNIT_DB, 2.0**log2_freq
                if self.q_at[slot] >= 0:
                    vector[self.q_at[slot]] = 2.0**log2_q
        return vector


@lru_cache(maxsize=8)
def _places(layout: EqLayout) -> _Places:
    sizes = [len(slot.params) for slot in layout.slots]
    gain_at = np.cumsum([0, *sizes[:-1]], dtype=np.int64)[: len(sizes)]
    ranges = np.array([_ranges(slot) for slot in layout.slots]).reshape(-1, 3, 2)
    q_free = np.array([isinstance(slot.q, ParamSpec) for slot in layout.slots], dtype=bool)
    fixed_q = np.array([1.0 if isinstance(slot.q, ParamSpec) else slot.q for slot in layout.slots])
    idle = np.array([0.0 if spec.unit == "dB" else spec.default for spec in layout.params])
    shelf = np.array([_SHELF[slot.kind] for slot in layout.slots])
    return _Places(idle, gain_at, np.where(q_free, gain_at + 2, -1), fixed_q, shelf, ranges[..., 0], ranges[..., 1])


def _ranges(slot: BandSlot) -> list[tuple[float, float]]:
    """Return a slot's ranges in search coordinates: what is readable of them, or all where nothing is."""
    q = (slot.q.minimum, slot.q.maximum) if isinstance(slot.q, ParamSpec) else (slot.q, slot.q)
    gain = slot.gain_db.minimum / GAIN_UNIT_DB, slot.gain_db.maximum / GAIN_UNIT_DB
    top_hz = USABLE_NYQUIST * RATE_HZ / 2
    freq = _common((min(slot.freq_hz.minimum, top_hz), min(slot.freq_hz.maximum, top_hz)), FREQ_RANGES_HZ[slot.kind])
    log_freq, log_q = ((math.log2(low), math.log2(high)) for low, high in (freq, _common(q, Q_RANGE)))
    return [gain, _within(log_freq), _within(log_q)]


def _within(ends: tuple[float, float]) -> tuple[float, float]:
    """Return ends that are still inside once they are no logarithms."""
    return ends if ends[0] == ends[1] else (ends[0] + 1e-12, ends[1] - 1e-12)


def _common(own: tuple[float, float], wanted: tuple[float, float]) -> tuple[float, float]:
    low, high = max(own[0], wanted[0]), min(own[1], wanted[1])
    return (low, high) if low <= high else own


def _centred(curve_db: Float64Array) -> Float64Array:
    """Return a curve (n,) over the grid of `check_grid` whose mean over that of `search_grid` is 0."""
    centred: Float64Array = curve_db - curve_db[SEARCHED].mean()
    return centred


def _strongest(start: BandSets) -> BandSets:
    effect = responses(start, search_grid())[0].std(axis=1)
    rows = np.sort(np.argsort(-effect, kind="stable")[:_MAX_STARTS])
    return BandSets(start.u[:, rows], start.low[:, rows], start.high[:, rows], start.shelf[:, rows], start.slot[:, rows])


@dataclass(frozen=True, slots=True, eq=False)
class _Subsets:
    """All m sets of 1 to 4 of n bands, small ones first.

    where: (m, 4) their bands, -1 for none. lacks: (m, n + 1) 1 for each band that a set is without, and for what no band does.
    own: (m, 3 n) 1 for their numbers. pairs: (m, 3 n, 3 n) 1 for two of them.
    """

    sizes: NDArray[np.int64]
    where: NDArray[np.int64]
    lacks: Float64Array
    own: Float64Array
    pairs: Float64Array


@lru_cache(maxsize=8)
def _subsets(n: int) -> _Subsets:
    chosen = [rows for size in range(1, min(n, MAX_BANDS) + 1) for rows in itertools.combinations(range(n), size)]
    where = np.array([[*rows, *[-1] * (MAX_BANDS - len(rows))] for rows in chosen])
    members = np.array([[float(band in rows) for band in range(n)] for rows in chosen])
    own = np.repeat(members, 3, axis=1)
    lacks = np.concatenate([1.0 - members, np.ones((len(chosen), 1))], axis=1)
    return _Subsets(np.array([len(rows) for rows in chosen]), where, lacks, own, own[:, :, np.newaxis] * own[:, np.newaxis])


def _promising(start: BandSets, curve_db: Float64Array) -> tuple[BandSets, NDArray[np.int64]]:
    """Return the sets to follow, after their first step, and their sizes. curve_db: (n,) over the grid of `search_grid`.

    Responses in dB add up: one look at the start gives every set's error and slopes, and by them where its first step would lead.
    """
    inside = start.moved(np.clip(start.u, start.low, start.high))
    n = inside.u.shape[1]
    subsets = _subsets(n)
    slopes = np.empty((1, n, 3, N_POINTS))
    bands_db = responses(inside, search_grid(), slopes)[0]
    parts = np.concatenate([slopes.reshape(3 * n, -1), bands_db, (curve_db - bands_db.sum(axis=0))[np.newaxis]])
    parts -= parts.mean(axis=1)[:, np.newaxis]  # the level is free
    products = parts @ parts.T / N_POINTS
    normal, rest = products[: 3 * n, : 3 * n], products[3 * n :, 3 * n :]
    descent = subsets.lacks @ products[3 * n :, : 3 * n]
    diagonal = normal.diagonal()
    system = normal * subsets.pairs
    np.einsum("npp->np", system)[:] += _FIRST_DAMPING * (diagonal + 1e-2 * diagonal.mean()) + 1e-12 + (1.0 - subsets.own)
    step = np.linalg.solve(system, (descent * subsets.own)[..., np.newaxis])[..., 0]
    here = inside.u.reshape(1, -1)
    step = (np.clip(here + step, start.low.reshape(1, -1), start.high.reshape(1, -1)) - here) * subsets.own
    error = ((subsets.lacks @ rest) * subsets.lacks).sum(axis=1) + (step * (step @ normal - 2.0 * descent)).sum(axis=1)
    order = np.argsort(error, kind="stable")
    rows = np.concatenate([order[subsets.sizes[order] == size][:count] for size, count in _FOLLOWED.items()])
    return _gathered(start, (here + step[rows]).reshape(len(rows), n, 3), subsets.where[rows]), subsets.sizes[rows]


def _gathered(start: BandSets, u: Float64Array, where: NDArray[np.int64]) -> BandSets:
    """Return sets of as many bands as the largest has: those of u (m, n, 3) at the places (m, 4), and bells held at 0 dB for -1."""
    where = where[:, : min(MAX_BANDS, u.shape[1])]
    none = where < 0
    held = none[..., np.newaxis]
    own = u[np.arange(len(u))[:, np.newaxis], where]
    low, high = (np.where(held, _NOTHING, ends[0, where]) for ends in (start.low, start.high))
    shelf, slot = np.where(none, 0.0, start.shelf[0, where]), np.where(none, -1, start.slot[0, where])
    return BandSets(np.where(held, _NOTHING, own), low, high, shelf, slot)


def _closest(start: BandSets, curve_db: Float64Array) -> tuple[BandSets, float] | None:
    """Return the set to take (1, k, 3) and its level in dB, or None for no bands. curve_db: (n,) over the grid of `check_grid`."""
    searched = curve_db[SEARCHED]
    sets, sizes = _promising(start, searched)
    sets, state = descend(sets, searched, _FIRST_STEPS)
    best = [int(rows[np.argmin(state.cost[rows])]) for size in sorted(set(sizes.tolist())) for rows in [np.flatnonzero(sizes == size)]]
    sets, sizes, state = sets.take(best), sizes[best], state.take(best)
    curve_rms_db = float(searched.std())
    sets, _ = descend(sets, searched, _MORE_STEPS, state)
    quality = quality_of(sets, curve_db)
    found, is_close = _chosen(sizes, quality, curve_rms_db)
    if not is_close:
        sets, _ = descend(sets, searched, _LAST_STEPS, peace=_PEACE)
        quality = quality_of(sets, curve_db)
        found, _ = _chosen(sizes, quality, curve_rms_db)
    return None if found is None else (sets.take([found]), float(quality.level_db[found]))


def _chosen(sizes: NDArray[np.int64], quality: Quality, curve_rms_db: float) -> tuple[int | None, bool]:
    """Return which set to take, or None for no bands, and whether it is close enough. sizes: in ascending order."""
    allowed = quality.fights_db <= MAX_FIGHT_DB - _MARGIN_DB  # a single band fights with nothing: there is always one
    distance = quality.rms_db + np.maximum(np.abs(quality.level_db) - (MAX_LEVEL_DB - _MARGIN_DB), 0.0)
    close = np.flatnonzero(allowed & (distance <= min(_CLOSE_DB, _CLOSE_SHARE * curve_rms_db)))
    if close.size:
        return int(close[0]), True
    worth = np.where(allowed, distance + _WORTH_A_BAND_DB * sizes, np.inf)
    best = int(np.argmin(worth))
    return (best if curve_rms_db > _SOUND_DB or worth[best] < curve_rms_db else None), False
