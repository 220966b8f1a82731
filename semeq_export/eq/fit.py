"""Any dB curve as the bands of a layout: least squares on the response itself, many curves at once.

Batched Levenberg-Marquardt in float64 with analytic derivatives, from several deterministic starts; parameters move as gain, log frequency
and log Q inside the layout's ranges. Equal input gives equal output.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from semeq_export.arrays import Float64Array, FloatArray
from semeq_export.eq.biquad import USABLE_NYQUIST, response_db
from semeq_export.eq.fit_input import Effort, check_input
from semeq_export.eq.settings import BandKind, EqLayout, EqSettings, ParamSpec
from semeq_export.errors import InvalidEqError
from semeq_export.units import check_sample_rate_hz

_GAIN_UNIT_DB = 6.0  # one step of the search in gain is as large as one octave in frequency or a doubling of Q
_GOOD_RMS_DB = 1e-4  # a fit this close is not improved further
_IDLE_GAIN_DB = 1e-7  # a gain below this is rounding: the band is idle
_GAIN_COST_DB = 0.05  # error that a gain of one step may save; measured: half as many gains at their ends, rms error 0.002 dB larger
_MAX_CELLS = 4_000_000  # attempts x points x parameters held at once

_KEPT_PROBLEMS = 8  # about 10 MB each
_PINNED = 1e-4  # a range below this, in steps of the search, is a single value
_TEMPLATE_STEPS = 0.5  # gain at which a band's response stands for all its gains
_GRID_QS, _GRID_PER_OCTAVE = (0.35, 0.6, 1.0, 1.7, 3.5), 4.0  # where the search may start
_BANK_BANDS, _BANK_STARTS = 20_000, 24  # arrangements x slots tried for each curve, and how many of them are followed
_FIRST_STEPS, _LAST_STEPS, _FINALISTS = 8, 80, 6
_CELL_WORK, _TEMPLATE_WORK = 50, 30  # what a point of a band's slopes and of its response cost, in multiplications of a matrix product


@dataclass(frozen=True, slots=True)
class FitResult:
    """The fitted settings, and how far their response is from the curve over its points, in dB."""

    eq: EqSettings
    rms_error_db: float
    max_error_db: float


@dataclass(frozen=True, slots=True, eq=False)
class FitBatch:
    """Fits of n curves. vectors: (n, n_params) of the layout; preamps_db: (n,), 0 unless level-free; errors: (n,) in dB."""

    layout: EqLayout
    vectors: Float64Array
    preamps_db: Float64Array
    rms_error_db: Float64Array
    max_error_db: Float64Array

    def __len__(self) -> int:
        return len(self.vectors)

    def __getitem__(self, index: int) -> FitResult:
        bands = self.layout.from_vector(self.vectors[index]).bands
        eq = EqSettings(bands, float(self.preamps_db[index]))
        return FitResult(eq, float(self.rms_error_db[index]), float(self.max_error_db[index]))


def fit_eq(
    curve_db: FloatArray,
    freqs_hz: FloatArray,
    layout: EqLayout,
    sample_rate_hz: float,
    *,
    level_free: bool = False,
    weights: FloatArray | None = None,
) -> FitResult:
    """Return the settings of a layout whose response is closest to one curve (n_freqs,); see `fit_many`."""
    curve = np.asarray(curve_db, dtype=np.float64)
    if curve.ndim != 1:
        raise InvalidEqError("curve_db", f"of shape {curve.shape}", "not one curve (n_freqs,)")
    return fit_many(curve[np.newaxis], freqs_hz, layout, sample_rate_hz, level_free=level_free, weights=weights)[0]


def fit_many(
    curves_db: FloatArray,
    freqs_hz: FloatArray,
    layout: EqLayout,
    sample_rate_hz: float,
    *,
    level_free: bool = False,
    weights: FloatArray | None = None,
    starts: FloatArray | None = None,
    effort: Effort | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> FitBatch:
    """Return the settings of a layout whose responses are closest to curves, in the least squares of dB over the points given.

    curves_db: (n, n_freqs). freqs_hz: (n_freqs,) > 0, up to half the sample rate; how densely they lie decides what counts. weights:
    (n_freqs,) >= 0, what each point counts, for the fit and in rms_error_db; equal when left out.
    level_free: the overall level is free, and returned as preamp_db (see `curve.level_free`); errors are those that remain.
    starts: (n, n_params) vectors of the layout, moved into its ranges; then only the fits that these lead to are looked for, which is some
    ten times as fast and may miss better ones.
    effort: bounds the search; where it does not last for one, the starts come back, or idle bands.
    Bands that a curve does not need are idle: exactly 0 dB at their default frequency and Q. A slot whose lowest frequency is above 0.95 of
    Nyquist stays idle. progress: called with (curves done, curves in all).
    Raises InvalidEqError on a wrong shape or a value that is not finite, AudioError on a rate outside 8 kHz..384 kHz.
    """
    rate = check_sample_rate_hz(sample_rate_hz)
    curves, freqs, shares = check_input(curves_db, freqs_hz, weights, rate)
    problem = _problem(layout, freqs.tobytes(), rate, shares.tobytes(), level_free)
    n, points = len(curves), curves.copy()
    if starts is not None and starts.shape != (n, len(layout.params)):
        raise InvalidEqError("starts", f"of shape {starts.shape}", f"not ({n}, {len(layout.params)})")
    vectors = np.empty((n, len(layout.params)))
    effort = effort if effort is not None else Effort()
    chunk = max(1, _MAX_CELLS // (max(1, len(freqs)) * max(1, len(layout.params)) * (_BANK_STARTS + 2)))
    for first in range(0, n, chunk):
        part = slice(first, min(first + chunk, n))
        u = problem.solve(points[part], effort) if starts is None else problem.follow(points[part], layout.clip(starts[part]), effort)
        vectors[part] = problem.to_vectors(u)
        if progress is not None:
            progress(part.stop, n)
    preamps, rms, worst = np.zeros(n), np.empty(n), np.empty(n)
    for index, vector in enumerate(vectors):
        error = curves[index] - response_db(layout.from_vector(vector), freqs, rate)
        if level_free:
            preamps[index] = shares @ error
            error -= preamps[index]
        rms[index], worst[index] = math.sqrt(shares @ (error * error)), np.abs(error).max()
    return FitBatch(layout, vectors, preamps, rms, worst)


@lru_cache(maxsize=_KEPT_PROBLEMS)
def _problem(layout: EqLayout, freqs: bytes, rate: float, shares: bytes, level_free: bool) -> _Problem:
    """Return the problem of arguments as bytes, kept for the next curves of the same device: making it takes longer than a fit."""
    return _Problem(layout, np.frombuffer(freqs), rate, np.frombuffer(shares), level_free)


class _Problem:
    """One layout at one rate over one set of frequencies: what its slots can do, and the search itself.

    Search coordinates u (n, n_params): gain in steps of 6 dB, log2 of frequency and of Q.
    """

    def __init__(self, layout: EqLayout, freqs: Float64Array, rate: float, shares: Float64Array, level_free: bool) -> None:
        slots = layout.slots
        top_hz = USABLE_NYQUIST * rate / 2
        self.layout, self.rate, self.shares, self.level_free = layout, rate, shares, level_free
        self.gain_cost = _GAIN_COST_DB**2 if level_free else 0.0
        self.phi = np.square(np.sin(math.pi * freqs / rate))
        self.freqs = freqs
        self.kinds = [slot.kind for slot in slots]
        self.usable = np.array([slot.freq_hz.minimum < top_hz for slot in slots], dtype=bool)
        sizes = [len(slot.params) for slot in slots]
        self.gain_at = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64) if slots else np.zeros(0, dtype=np.int64)
        self.freq_at = self.gain_at + 1
        self.q_free = np.array([isinstance(slot.q, ParamSpec) for slot in slots], dtype=bool)
        self.q_at = np.where(self.q_free, self.gain_at + 2, -1)
        self.log2_fixed_q = np.array([0.0 if isinstance(slot.q, ParamSpec) else math.log2(slot.q) for slot in slots])
        self.low, self.high = self.to_search(layout.minimum), self.to_search(layout.maximum)
        self.high[self.freq_at] = np.where(self.usable, np.minimum(self.high[self.freq_at], math.log2(top_hz)), self.high[self.freq_at])
        self.pinned = self.high - self.low < _PINNED  # a fixed frequency is such a range; a step would count on it and lose its way
        self.idle = self.to_search(np.array([0.0 if spec.unit == "dB" else spec.default for spec in layout.params]))
        for index in np.flatnonzero(~self.usable):
            self.low[self.gain_at[index]] = self.high[self.gain_at[index]] = 0.0
        self.peaks = np.array([i for i, kind in enumerate(self.kinds) if kind is BandKind.PEAK], dtype=np.int64)
        self.shelves = np.array([i for i, kind in enumerate(self.kinds) if kind is not BandKind.PEAK], dtype=np.int64)
        self.shelf_sign = np.array([1.0 if self.kinds[i] is BandKind.LOW_SHELF else -1.0 for i in self.shelves])

        self.columns = np.repeat(np.arange(len(slots)), sizes)
        self.step_work = len(freqs) * len(self.idle) * (len(self.idle) + _CELL_WORK)

    @cached_property
    def start_work(self) -> float:
        """What it costs to find where a search starts."""
        slots = [int(slot) for slot in np.flatnonzero(self.usable)]
        alone = sum(len(freqs) * len(qs) for freqs, qs in map(self._grid, slots))
        bank = max(_BANK_STARTS * len(slots), _BANK_BANDS) * len(slots)
        return float(len(self.freqs) * (alone * _TEMPLATE_WORK + bank))

    @cached_property
    def singles(self) -> tuple[Float64Array, NDArray[np.int64], Float64Array]:
        """Single bands (m, n_params) on a grid over each usable slot's frequencies and Qs, their slots (m,) and responses (m, n_freqs)."""
        candidates, owners = self._single_bands()
        alone = [self._evaluate(candidates[owners == slot], derivatives=False, only=slot)[0] for slot in np.unique(owners)]
        lone = self.residual(np.zeros((1, len(self.freqs))), np.concatenate([np.zeros((0, len(self.freqs))), *alone]))
        return candidates, owners, lone / -_TEMPLATE_STEPS  # a response in dB is nearly linear in the gain

    @cached_property
    def bank(self) -> tuple[NDArray[np.int64], Float64Array, Float64Array]:
        """Arrangements of one candidate for each usable slot (m, n_slots), and their normal matrices and inverses (m, n_slots, n_slots).

        Spread evenly over the candidates by a seeded generator (a Latin hypercube).
        """
        slots = np.flatnonzero(self.usable)
        size = max(_BANK_STARTS, _BANK_BANDS // len(slots))
        rng = np.random.default_rng(0)
        _, owners, alone = self.singles
        arrangements = np.empty((size, len(slots)), dtype=np.int64)
        for place, slot in enumerate(slots):
            own = np.flatnonzero(owners == slot)
            arrangements[:, place] = own[rng.permutation(size) * len(own) // size]
        templates = alone[arrangements]
        normal = templates @ templates.swapaxes(1, 2)
        ridge = 1e-2 * np.einsum("npp->np", normal).mean(axis=1) + 1e-12
        return arrangements, normal, np.linalg.inv(normal + ridge[:, np.newaxis, np.newaxis] * np.eye(len(slots)))

    def _single_bands(self) -> tuple[Float64Array, NDArray[np.int64]]:
        rows, owners = [], []
        for slot in map(int, np.flatnonzero(self.usable)):
            gain_at, freq_at, q_at = self.gain_at[slot], self.freq_at[slot], self.q_at[slot]
            log2_freqs, log2_qs = self._grid(slot)
            for log2_freq in log2_freqs:
                for log2_q in log2_qs:
                    row = self.idle.copy()
                    row[gain_at], row[freq_at] = _TEMPLATE_STEPS, log2_freq
                    if self.q_free[slot]:
                        row[q_at] = log2_q
                    rows.append(row)
                    owners.append(slot)
        return np.array(rows).reshape(len(rows), len(self.idle)), np.array(owners, dtype=np.int64)

    def _grid(self, slot: int) -> tuple[Float64Array, list[float]]:
        """Return where a slot's grid lies, as log2 of frequency and of Q."""
        freq_at, q_at = self.freq_at[slot], self.q_at[slot]
        n_freqs = 1 if self.pinned[freq_at] else max(2, round(_GRID_PER_OCTAVE * (self.high[freq_at] - self.low[freq_at])))
        log2_qs = {float(np.clip(math.log2(q), self.low[q_at], self.high[q_at])) for q in _GRID_QS} if self.q_free[slot] else {0.0}
        return np.linspace(self.low[freq_at], self.high[freq_at], n_freqs), sorted(log2_qs)

    def to_search(self, vectors: Float64Array) -> Float64Array:
        """Return physical values (..., n_params) in search coordinates."""
        u = np.array(vectors, dtype=np.float64)
        logs = np.ones(u.shape[-1], dtype=bool)
        logs[self.gain_at] = False
        u[..., logs] = np.log2(u[..., logs])
        u[..., self.gain_at] /= _GAIN_UNIT_DB
        return u

    def to_vectors(self, u: Float64Array) -> Float64Array:
        """Return search coordinates (n, n_params) as physical values inside the layout's ranges, unneeded bands idle."""
        vectors = np.exp2(u)
        vectors[:, self.gain_at] = u[:, self.gain_at] * _GAIN_UNIT_DB
        vectors = self.layout.clip(vectors)
        defaults = np.array([spec.default for spec in self.layout.params])
        for index, slot in enumerate(self.layout.slots):
            columns = slice(self.gain_at[index], self.gain_at[index] + len(slot.params))
            idle = np.abs(vectors[:, self.gain_at[index]]) < _IDLE_GAIN_DB
            vectors[idle, columns] = defaults[columns]
            vectors[idle, self.gain_at[index]] = 0.0
        return vectors

    def response(self, u: Float64Array) -> Float64Array:
        """Return the responses (n, n_freqs) in dB."""
        return self._evaluate(u, derivatives=False)[0]

    def _evaluate(self, u: Float64Array, *, derivatives: bool, only: int | None = None) -> tuple[Float64Array, Float64Array]:
        """Return responses (n, n_freqs) in dB and, if wanted, their derivatives (n, n_params, n_freqs) by search coordinate.

        only: the one slot that counts, where all others are idle.

        With x = phi (1 - phi0), y = phi0 (1 - phi), phi = sin^2(w/2) and A = 10^(gain/40), the cookbook's magnitudes squared are
        peak ((y-x)^2 + A^2 xy/Q^2) / ((y-x)^2 + xy/(A^2 Q^2)) and low shelf A^2 ((Ay-x)^2 + A xy/Q^2) / ((y-Ax)^2 + A xy/Q^2); the high
        shelf is A^4 over the low one. (Bilinear transform of the analogue prototypes; x/y is the analogue frequency squared.)
        """
        n = len(u)
        log_a = u[:, self.gain_at] * (_GAIN_UNIT_DB * math.log(10.0) / 40.0)
        half_w0 = math.pi / self.rate * np.exp2(u[:, self.freq_at])
        log2_q = np.where(self.q_free, u[:, self.q_at], self.log2_fixed_q)
        phi0 = np.square(np.sin(half_w0))
        inverse_q2 = np.exp2(-2.0 * log2_q)
        phi0_slope = half_w0 * np.sin(2.0 * half_w0) * math.log(2.0)  # d phi0 / d log2 f0
        total = np.zeros((n, len(self.phi)))
        slopes = np.zeros((n, u.shape[1], len(self.phi))) if derivatives else np.zeros((0, 0, 0))
        for chosen, sign in self._slots_by_shape(only):
            a = np.exp(log_a[:, chosen])[..., np.newaxis]
            p0 = phi0[:, chosen, np.newaxis]
            x, y = self.phi * (1.0 - p0), p0 * (1.0 - self.phi)
            e = x * y * inverse_q2[:, chosen, np.newaxis]
            if sign is None:
                difference = y - x
                top_e, bottom_e = a * a * e, e / (a * a)
                top, bottom = difference * difference + top_e, difference * difference + bottom_e
                response = np.log(top / bottom)
            else:
                top_difference, bottom_difference = a * y - x, y - a * x
                ae = a * e
                top, bottom = top_difference * top_difference + ae, bottom_difference * bottom_difference + ae
                response = 2.0 * log_a[:, chosen, np.newaxis] + sign[:, np.newaxis] * np.log(top / bottom)
            total += response.sum(axis=1)
            if not derivatives:
                continue
            by_top, by_bottom = 1.0 / top, 1.0 / bottom
            e_slope = (x * (1.0 - self.phi) - y * self.phi) * inverse_q2[:, chosen, np.newaxis]
            if sign is None:
                by_a = 2.0 * (top_e * by_top + bottom_e * by_bottom)
                by_q = -2.0 * (top_e * by_top - bottom_e * by_bottom)
                difference *= 2.0
                by_phi0 = (difference + a * a * e_slope) * by_top - (difference + e_slope / (a * a)) * by_bottom
            else:
                s = sign[:, np.newaxis]
                by_a = 2.0 + s * ((2.0 * top_difference * a * y + ae) * by_top - (ae - 2.0 * bottom_difference * a * x) * by_bottom)
                by_q = -2.0 * s * ae * (by_top - by_bottom)
                top_slope = 2.0 * top_difference * (a * (1.0 - self.phi) + self.phi) + a * e_slope
                bottom_slope = 2.0 * bottom_difference * ((1.0 - self.phi) + a * self.phi) + a * e_slope
                by_phi0 = s * (top_slope * by_top - bottom_slope * by_bottom)
            slopes[:, self.gain_at[chosen]] = by_a * (_GAIN_UNIT_DB * math.log(10.0) / 40.0)
            slopes[:, self.freq_at[chosen]] = by_phi0 * phi0_slope[:, chosen, np.newaxis]
            free = self.q_free[chosen]
            slopes[:, self.q_at[chosen[free]]] = by_q[:, free] * math.log(2.0)
        per_log = 10.0 / math.log(10.0)
        slopes *= per_log
        return total * per_log, slopes

    def _slots_by_shape(self, only: int | None) -> Iterator[tuple[NDArray[np.int64], Float64Array | None]]:
        """Yield the slots of one shape that count, where there are any: peaks with None, shelves with 1 for a low and -1 for a high one."""
        groups: tuple[tuple[NDArray[np.int64], Float64Array | None], ...] = ((self.peaks, None), (self.shelves, self.shelf_sign))
        for slots, sign in groups:
            counted = slots >= 0 if only is None else slots == only
            if counted.any():
                yield slots[counted], None if sign is None else sign[counted]

    def cost(self, u: Float64Array, residual: Float64Array) -> Float64Array:
        """Return what the search makes small (n,): the mean square error in dB^2 and, where the level is free, a little for gains.

        Without it, bands that lift everything and a level that lowers it again would cost nothing.
        """
        total: Float64Array = np.square(residual).sum(axis=1) + self.gain_cost * np.square(u[:, self.gain_at]).sum(axis=1)
        return total

    def residual(self, curves: Float64Array, response: Float64Array) -> Float64Array:
        """Return curve minus response, without its level where that is free, each point times the root of its share."""
        error = curves - response
        if self.level_free:
            error -= (error @ self.shares)[:, np.newaxis]
        error *= np.sqrt(self.shares)
        return error

    def solve(self, curves: Float64Array, effort: Effort) -> Float64Array:
        """Return the best search coordinates (n, n_params): every start goes a little way, the most promising ones to the end."""
        first_work = (_BANK_STARTS + 2) * _FIRST_STEPS * len(curves) * self.step_work
        if self.start_work + first_work > effort.left or not effort.spend(self.start_work):
            effort.left = 0.0
            return np.tile(self.idle, (len(curves), 1))
        flat = np.tile(self.idle, (len(curves), 1))  # no fit is worse than doing nothing
        starts = np.concatenate([flat, _greedy_start(self, curves), *_bank_starts(self, curves)])
        u, cost = self.descend(starts, np.tile(curves, (len(starts) // len(curves), 1)), _FIRST_STEPS, effort)
        n = len(curves)
        order = np.argsort(cost.reshape(-1, n), axis=0, kind="stable")[:_FINALISTS]
        rows = (order * n + np.arange(n)).ravel()
        u, cost = self.descend(u[rows], curves[rows % n], _LAST_STEPS, effort)
        best = np.argmin(cost.reshape(-1, n), axis=0) * n + np.arange(n)
        result: Float64Array = u[best]
        return result

    def follow(self, curves: Float64Array, vectors: Float64Array, effort: Effort) -> Float64Array:
        """Return the search coordinates (n, n_params) that given vectors lead to."""
        return self.descend(np.clip(self.to_search(vectors), self.low, self.high), curves, _LAST_STEPS, effort, gain=1e-3)[0]

    def descend(
        self, u: Float64Array, curves: Float64Array, steps: int, effort: Effort, gain: float = 1e-4
    ) -> tuple[Float64Array, Float64Array]:
        """Return u (m, n_params) after up to `steps` Levenberg-Marquardt steps each, as far as the effort lasts, and their costs (m,).

        One that has improved three times by less than the share `gain` has arrived.

        A parameter at an end of its range that wants to leave it is held for that step (projection).
        """
        u = u.copy()
        cost = self.cost(u, self.residual(curves, self.response(u)))
        damping = np.full(len(u), 1e-2)
        stalls = np.zeros(len(u), dtype=np.int64)
        for _ in range(steps):
            active = np.flatnonzero((cost > _GOOD_RMS_DB**2) & (stalls < 3) & (damping < 1e7))
            if not active.size or not effort.spend(active.size * self.step_work):
                break
            here = u[active]
            response, slopes = self._evaluate(here, derivatives=True)
            residual = self.residual(curves[active], response)
            if self.level_free:
                slopes -= (slopes @ self.shares)[..., np.newaxis]
            slopes *= np.sqrt(self.shares)
            gradient = (slopes @ residual[..., np.newaxis])[..., 0]
            gradient[:, self.gain_at] -= self.gain_cost * here[:, self.gain_at]
            held = self.pinned | ((here <= self.low) & (gradient < 0)) | ((here >= self.high) & (gradient > 0))
            slopes[held] = 0.0
            gradient[held] = 0.0
            normal = slopes @ slopes.swapaxes(1, 2)
            normal[:, self.gain_at, self.gain_at] += self.gain_cost
            diagonal = np.einsum("npp->np", normal)
            floor = 1e-3 * diagonal.mean(axis=1, keepdims=True) + 1e-12
            diagonal += damping[active, np.newaxis] * (diagonal + floor)
            step = np.linalg.solve(normal, gradient[..., np.newaxis])[..., 0]
            there = np.clip(here + step, self.low, self.high)
            new_cost = self.cost(there, self.residual(curves[active], self.response(there)))
            better = new_cost < cost[active]
            little = better & (new_cost > cost[active] * (1.0 - gain))
            stalls[active] = np.where(little, stalls[active] + 1, np.where(better, 0, stalls[active]))
            damping[active] = np.where(better, np.maximum(damping[active] * 0.2, 1e-9), damping[active] * 6.0)
            u[active[better]] = there[better]
            cost[active[better]] = new_cost[better]
        return u, cost


def _greedy_start(problem: _Problem, curves: Float64Array) -> Float64Array:
    """Return (n, n_params): band after band stands where it explains most of what is left of each curve."""
    candidates, owners, templates = problem.singles
    power = np.maximum(np.square(templates).sum(axis=1), 1e-12)
    rest = problem.residual(curves, np.zeros_like(curves))
    u = np.tile(problem.idle, (len(curves), 1))
    open_slots = np.tile(problem.usable, (len(curves), 1))
    low, high = problem.low[problem.gain_at], problem.high[problem.gain_at]
    rows = np.arange(len(curves))
    for _ in range(int(problem.usable.sum())):
        match = rest @ templates.T
        gain = np.clip(match / power, low[owners], high[owners])
        explained = np.where(open_slots[:, owners], gain * (2.0 * match - gain * power), -np.inf)
        best = explained.argmax(axis=1)
        slot, amount = owners[best], gain[rows, best]
        rest = rest - amount[:, np.newaxis] * templates[best]
        u = np.where(problem.columns == slot[:, np.newaxis], candidates[best], u)
        u[rows, problem.gain_at[slot]] = amount
        open_slots[rows, slot] = False
    return u


def _bank_starts(problem: _Problem, curves: Float64Array) -> list[Float64Array]:
    """Return _BANK_STARTS starts (n, n_params) each: of many arrangements of bands, those whose best gains fit best.

    All curves share the arrangements; the gains follow by linear least squares.
    """
    slots = np.flatnonzero(problem.usable)
    if not slots.size:
        return []
    arrangements, normal, inverse = problem.bank
    candidates, _, templates = problem.singles
    gain_at = problem.gain_at[slots]
    match = (problem.residual(curves, np.zeros_like(curves)) @ templates.T)[:, arrangements]
    gains = np.clip((inverse @ match[..., np.newaxis])[..., 0], problem.low[gain_at], problem.high[gain_at])
    cost = np.sum(gains * ((normal @ gains[..., np.newaxis])[..., 0] - 2.0 * match), axis=2)
    best = np.argsort(cost, axis=1, kind="stable")[:, :_BANK_STARTS]
    rows = np.arange(len(curves))
    starts = []
    for rank in range(_BANK_STARTS):
        u = np.tile(problem.idle, (len(curves), 1))
        for place, slot in enumerate(slots):
            u = np.where(problem.columns == slot, candidates[arrangements[best[:, rank], place]], u)
        u[:, gain_at] = gains[rows, best[:, rank]]
        starts.append(u)
    return starts
