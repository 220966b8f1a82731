"""The only place that makes an EQ fit a device: what the device cannot hold is refitted to the closest response that it can.

Order of attempts, cheapest first; the first one within the stated precision or 0.02 dB wins, else the one with the smallest largest error:
every value moved to the nearest allowed one, then least-squares fits of the response over the device's bands, first from there and then
from everywhere. The fits of an EQ may do a bounded amount of work together, the same on every machine; then the best so far is taken.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from scipy.optimize import linear_sum_assignment
from threadpoolctl import ThreadpoolController

from semeq_export.arrays import Float64Array
from semeq_export.eq.biquad import USABLE_NYQUIST, for_rate, response_db
from semeq_export.eq.curve import Curve, log_grid
from semeq_export.eq.fit import FitBatch, fit_many
from semeq_export.eq.fit_input import Effort
from semeq_export.eq.settings import Band, BandKind, BandSlot, EqLayout, EqSettings, ParamSpec
from semeq_export.errors import PresetWriteError
from semeq_presets.file_formats.base import Limits, Note

_BOTTOM_HZ = 20.0
_SEARCHED, _FITTED, _CHECKED = (80, 24), (160, 64), (256, 96)  # points evenly over log frequency, and points evenly over the upper half
_NARROW_Q = 3.0  # the even grid of fits has 16 points in an octave
_CLOSE_DB = 0.02  # a fit this close is not improved further, however exact the format is
_WORK = 7e9  # of all fits of an EQ together: about two seconds; usual ones take a tenth of it
_MOST_REFITTED, _MOST_PLACED, _MOST_NARROW = 1_000, 128, 64  # bands of an EQ, and the loudest of them that are looked at more closely
_CELLS = 1_000_000  # bands x points held at once
_SPARE_BANDS = 3
_CURVE_BANDS = 10
_SEARCHED_FROM_HZ, _SEARCHED_GAIN_DB, _SEARCHED_Q = 10.0, (-40.0, 40.0), (0.05, 30.0)
_FIELDS = ("freq_hz", "gain_db", "q")


def fit_to(eq: EqSettings, limits: Limits, sample_rate_hz: float, *, precision_db: float = 0.01) -> tuple[EqSettings, tuple[Note, ...]]:
    """Return the EQ as a device can hold it, and a note with its error in dB for everything that had to change.

    Changes of the response up to precision_db are not reported. An EQ inside the limits comes back as it is. Errors are measured from
    20 Hz to 20 kHz, or to 0.95 of the Nyquist frequency, at sample_rate_hz. Raises AudioError on a rate outside 8 kHz..384 kHz,
    PresetWriteError where more than 1,000 bands had to be refitted.
    """
    preamp_db, notes = _fit_preamp(eq.preamp_db, limits)
    bands, band_notes = _fit_bands(eq.bands, limits, sample_rate_hz, precision_db)
    return EqSettings(bands, preamp_db), (*notes, *band_notes)


def fit_curve(curve: Curve, limits: Limits, sample_rate_hz: float, *, precision_db: float = 0.01) -> tuple[EqSettings, tuple[Note, ...]]:
    """Return the EQ within the limits whose response is closest to a curve, and a note with the error in dB."""
    wanted = _Goal(curve.at, sample_rate_hz)
    count = min(limits.max_bands or _CURVE_BANDS, _CURVE_BANDS)
    framed = [BandKind.LOW_SHELF, *[BandKind.PEAK] * max(count - 2, 0), BandKind.HIGH_SHELF]
    kinds = [kind for kind in framed if kind in limits.kinds][:count]
    fitted = wanted.fit(_layout(limits, kinds, wanted.top_hz), Effort(_WORK), level_free=limits.preamp_db is not None)
    bands, _ = _stepped(fitted.bands, limits)
    preamp_db, _ = _fit_preamp(fitted.preamp_db, limits)
    error_db = wanted.error_db(bands, preamp_db)
    note = Note("approximated", None, "curve", f"{curve.freqs_hz.size} points", f"{len(bands)} bands", error_db)
    return EqSettings(bands, preamp_db), (note,) if error_db > precision_db else ()


def place(bands: Iterable[Band], slots: Sequence[BandSlot]) -> tuple[Band | None, ...] | None:
    """Return which band goes into each slot, None for a slot that stays free; None where the bands do not all fit."""
    wanted = tuple(bands)
    if len(wanted) > len(slots):
        return None
    if not wanted:
        return (None,) * len(slots)
    cost = np.array([[0.0 if _accepts(slot, band) else 1.0 for slot in slots] for band in wanted])
    rows, columns = linear_sum_assignment(cost)
    if cost[rows, columns].any():
        return None
    placed: list[Band | None] = [None] * len(slots)
    for row, column in zip(rows, columns, strict=True):
        placed[column] = wanted[row]
    return tuple(placed)


def error_db(wanted: EqSettings, held: EqSettings, sample_rate_hz: float) -> float:
    """Return the largest difference in dB between the responses of two EQs, preamps included, where `fit_to` compares them."""
    return _Goal.of_bands(wanted.bands, sample_rate_hz).error_db(held.bands, held.preamp_db - wanted.preamp_db)


class _Goal:
    """A wanted response and where others are compared with it: 20 Hz to 20 kHz, or what the sample rate can carry.

    Denser than evenly on a log scale where filters are narrow: in the upper half, where the bilinear transform squeezes them, and around
    narrow wanted bands; fits weigh each point with its share of the log scale. Errors are looked for around all bands.
    """

    def __init__(self, target: Callable[[Float64Array], Float64Array], sample_rate_hz: float, bands: Sequence[Band] = ()) -> None:
        self._target, self._sample_rate_hz = target, sample_rate_hz
        self.top_hz = min(20_000.0, USABLE_NYQUIST * sample_rate_hz / 2)
        loudest = sorted((band for band in bands if band.q > _NARROW_Q), key=lambda band: -abs(band.gain_db))
        narrow = loudest[:_MOST_NARROW]  # others keep the grid that all fits of a device share
        self._searched_hz, self._fitted_hz = (
            np.unique(np.concatenate([self._even(*points), self._around(narrow)])) for points in (_SEARCHED, _FITTED)
        )
        self._checked_hz = np.concatenate([self._even(*_CHECKED), self._around(bands)])

    @classmethod
    def of_bands(cls, bands: Iterable[Band], sample_rate_hz: float) -> _Goal:
        """Return the response of bands as the wanted one; those that the rate cannot hold are left out."""
        held = EqSettings(tuple(bands))
        heard = for_rate(held, sample_rate_hz).eq
        return cls(lambda freqs_hz: _response_db(heard, freqs_hz, sample_rate_hz), sample_rate_hz, held.bands)

    def fit(self, layout: EqLayout, effort: Effort, *, level_free: bool = False, start: Sequence[Band | None] = ()) -> EqSettings:
        """Return the settings of a layout that come closest: searched for on few points and then improved on all, within an effort.

        start: a band for each slot; then those that are closest to them.
        """
        if start:
            idle = [[0.0, *(spec.default for spec in slot.params[1:])] for slot in layout.slots]
            values = [[one.gain_db, one.freq_hz, one.q][: len(kept)] if one else kept for one, kept in zip(start, idle, strict=True)]
            vector = np.concatenate(values)
        else:
            with _matrix_threads().limit(limits=1):
                vector = self._fit(layout, effort, self._searched_hz, level_free).vectors[0]
        with _matrix_threads().limit(limits=1):
            return self._fit(layout, effort, self._fitted_hz, level_free, vector)[0].eq

    def _fit(
        self, layout: EqLayout, effort: Effort, freqs_hz: Float64Array, level_free: bool, start: Float64Array | None = None
    ) -> FitBatch:
        shares = np.gradient(np.log(freqs_hz))
        starts = start[np.newaxis] if start is not None else None
        target_db = self._target(freqs_hz)[np.newaxis]
        return fit_many(
            target_db, freqs_hz, layout, self._sample_rate_hz, level_free=level_free, weights=shares, starts=starts, effort=effort
        )

    def error_db(self, bands: Iterable[Band], preamp_db: float = 0.0) -> float:
        """Return the largest difference between the response of an EQ and the wanted one; around the EQ's own bands too."""
        held = EqSettings(tuple(bands), preamp_db)
        freqs = np.concatenate([self._checked_hz, self._around(held.bands)])
        response = _response_db(for_rate(held, self._sample_rate_hz).eq, freqs, self._sample_rate_hz)
        return float(np.max(np.abs(response - self._target(freqs))))

    def without_db(self) -> float:
        """Return the largest difference that doing nothing makes."""
        return self.error_db(())

    def _even(self, points: int, top_points: int) -> Float64Array:
        return np.concatenate([log_grid(points, _BOTTOM_HZ, self.top_hz), np.linspace(self.top_hz / 2, self.top_hz, top_points)])

    def _around(self, bands: Iterable[Band]) -> Float64Array:
        """Return the centres of bands and points half and nearly a whole bandwidth beside them, as far as they can be heard."""
        freqs = np.array([band.freq_hz * (1.0 + offset / max(band.q, 1.0)) for band in bands for offset in (-0.9, -0.5, 0.0, 0.5, 0.9)])
        return freqs[(freqs >= _BOTTOM_HZ) & (freqs <= self.top_hz)]


@cache
def _matrix_threads() -> ThreadpoolController:
    """Return the threads of matrix products; for products as small as those of a fit they wait for each other, five times as long on a
    loaded machine as one thread takes.
    """
    return ThreadpoolController()


def _response_db(eq: EqSettings, freqs_hz: Float64Array, sample_rate_hz: float) -> Float64Array:
    """Return the response in parts, so that many bands take little memory."""
    parts = np.array_split(freqs_hz, -(-len(eq.bands) * freqs_hz.size // _CELLS) or 1)
    return np.concatenate([response_db(eq, part, sample_rate_hz) for part in parts])


def _fit_preamp(preamp_db: float, limits: Limits) -> tuple[float, tuple[Note, ...]]:
    if limits.preamp_db is None:
        lost = Note("dropped", None, "preamp_db", preamp_db, 0.0, abs(preamp_db))
        return 0.0, (lost,) if preamp_db != 0.0 else ()
    held = min(max(preamp_db, limits.preamp_db[0]), limits.preamp_db[1])
    return held, (Note("refitted", None, "preamp_db", preamp_db, held, abs(held - preamp_db)),) if held != preamp_db else ()


@dataclass(frozen=True, slots=True)
class _Candidate:
    """Bands that the device can hold. changes: (number of the band, field, wanted, got), one for each value moved or band left out."""

    bands: tuple[Band, ...]
    changes: tuple[tuple[int | None, str, object, object], ...]
    error_db: float

    def notes(self, precision_db: float) -> list[Note]:
        """Return a note for each change, none where all of them together stay within the precision."""
        if self.error_db <= precision_db:
            return []
        return [
            Note("dropped" if got is None else "refitted", index, name, was, got, self.error_db) for index, name, was, got in self.changes
        ]


def _fit_bands(
    bands: tuple[Band, ...], limits: Limits, sample_rate_hz: float, precision_db: float
) -> tuple[tuple[Band, ...], tuple[Note, ...]]:
    kept, notes = bands, []
    if not _holds(bands, limits):
        sounding = {index: band for index, band in enumerate(bands, start=1) if band.enabled and band.gain_db != 0.0}
        idle = {index: band for index, band in enumerate(bands, start=1) if index not in sounding}
        lost = {index: band for index, band in idle.items() if not _holds((band,), limits)}
        kept = tuple(band for index, band in enumerate(bands, start=1) if index not in lost)
        if not _holds(kept, limits):
            lost, kept = idle, tuple(sounding.values())
        notes = [Note("dropped", index, "band", _describe(band), None, 0.0) for index, band in lost.items()]
        if not _holds(kept, limits):
            best = _closest(sounding, limits, sample_rate_hz, precision_db)
            kept = best.bands
            notes += best.notes(precision_db)
    stepped, moved = _stepped(kept, limits)
    if moved:
        error_db = _Goal.of_bands(kept, sample_rate_hz).error_db(stepped)
        if error_db > precision_db:
            notes += [Note("approximated", index, name, was, got, error_db) for index, name, was, got in moved]
    return stepped, tuple(notes)


def _closest(sounding: dict[int, Band], limits: Limits, sample_rate_hz: float, precision_db: float) -> _Candidate:
    if len(sounding) > _MOST_REFITTED:
        why = f"an EQ of {len(sounding)} bands is over the {_MOST_REFITTED} that are refitted to what this format holds; leave some out"
        raise PresetWriteError(why)
    best: _Candidate | None = None
    for candidate in _candidates(sounding, limits, sample_rate_hz):
        if best is None or candidate.error_db < best.error_db:
            best = candidate
        if best.error_db <= max(precision_db, _CLOSE_DB):
            break
    assert best is not None  # the first candidate, nearest values, always exists
    return best


def _candidates(sounding: dict[int, Band], limits: Limits, sample_rate_hz: float) -> Iterator[_Candidate]:
    alone = {index: _Goal.of_bands((band,), sample_rate_hz) for index, band in sounding.items()}
    wanted = _Goal.of_bands(sounding.values(), sample_rate_hz)
    placed = _nearest(sounding, alone, limits)
    bands = tuple(placed[index] for index in sorted(placed))
    yield _Candidate(bands, tuple(_differences(sounding, placed)), wanted.error_db(bands))
    reasons, effort = tuple(_reasons(sounding, limits)), Effort(_WORK)
    if len(placed) == len(sounding):
        for layout, start in _starts(bands, limits, wanted.top_hz):
            if not effort.left:
                return
            fitted = tuple(band for band in wanted.fit(layout, effort, start=start).bands if band.gain_db != 0.0)
            yield _Candidate(fitted, reasons or ((None, "bands", len(sounding), len(fitted)),), wanted.error_db(fitted))
    loudest = sorted(sounding, key=lambda index: -alone[index].without_db())
    for layout in _layouts([sounding[index].kind for index in loudest], limits, wanted.top_hz):
        if not effort.left:
            return
        bands = tuple(band for band in wanted.fit(layout, effort).bands if band.gain_db != 0.0)
        yield _Candidate(bands, reasons or ((None, "bands", len(sounding), len(bands)),), wanted.error_db(bands))


def _starts(bands: tuple[Band, ...], limits: Limits, top_hz: float) -> Iterator[tuple[EqLayout, Sequence[Band | None]]]:
    """Yield layouts that hold bands which the device can hold, and these as a start for a fit: alone, then with spare peaks."""
    if limits.slots is not None:
        placed = place(bands, limits.slots)
        layout = _layout(limits, [], top_hz)
        if placed is not None and len(layout.slots) == len(placed):
            yield layout, placed
        return
    spare = _SPARE_BANDS if limits.max_bands is None else min(_SPARE_BANDS, limits.max_bands - len(bands))
    for count in sorted({0, spare if BandKind.PEAK in limits.kinds else 0}):
        layout = _layout(limits, [*(band.kind for band in bands), *[BandKind.PEAK] * count], top_hz)
        if len(layout.slots) == len(bands) + count:
            yield layout, (*bands, *[None] * count)


def _reasons(sounding: dict[int, Band], limits: Limits) -> Iterator[tuple[int | None, str, object, object]]:
    """Yield what does not fit, as (number of the band, field, its value, what is allowed)."""
    if limits.slots is None:
        for index, band in sounding.items():
            if band.kind not in limits.kinds:
                yield index, "kind", band.kind.value, " or ".join(sorted(kind.value for kind in limits.kinds))
                continue
            for name, value, allowed in _outside(_slot(limits, band.kind), band):
                yield index, name, value, allowed
        if limits.max_bands is not None and len(sounding) > limits.max_bands:
            yield None, "bands", len(sounding), limits.max_bands


def _outside(slot: BandSlot, band: Band) -> Iterator[tuple[str, float, object]]:
    for name in _FIELDS:
        value, spec = getattr(band, name), getattr(slot, name)
        if isinstance(spec, ParamSpec):
            if not spec.minimum <= value <= spec.maximum:
                yield name, value, (spec.minimum, spec.maximum)
        elif not math.isclose(value, spec, rel_tol=1e-6):
            yield name, value, spec


def _accepts(slot: BandSlot, band: Band) -> bool:
    return slot.kind is band.kind and not any(_outside(slot, band))


def _holds(bands: tuple[Band, ...], limits: Limits) -> bool:
    if not limits.holds_disabled and not all(band.enabled for band in bands):
        return False
    if limits.slots is not None:
        return place(bands, limits.slots) is not None
    if limits.max_bands is not None and len(bands) > limits.max_bands:
        return False
    return all(band.kind in limits.kinds and _accepts(_slot(limits, band.kind), band) for band in bands)


def _nearest(sounding: dict[int, Band], alone: dict[int, _Goal], limits: Limits) -> dict[int, Band]:
    """Return the bands with every value moved to the nearest allowed one; those without a place are left out, quietest first."""
    if limits.slots is None:
        usable = [index for index, band in sounding.items() if band.kind in limits.kinds]
        usable = sorted(usable, key=lambda index: -alone[index].without_db())[: limits.max_bands]
        return {index: _moved(sounding[index], _slot(limits, sounding[index].kind)) for index in usable}
    indices = sorted(sorted(sounding, key=lambda index: -alone[index].without_db())[:_MOST_PLACED])
    options = [[_moved(sounding[i], slot) if slot.kind is sounding[i].kind else None for slot in limits.slots] for i in indices]
    cost = [[_moving_db(sounding[i], moved, alone[i]) for moved in row] for i, row in zip(indices, options, strict=True)]
    placed = {}
    for row, column in zip(*linear_sum_assignment(np.array(cost)), strict=True):
        moved = options[row][column]
        if moved is not None:
            placed[indices[row]] = moved
    return placed


def _moving_db(band: Band, moved: Band | None, alone: _Goal) -> float:
    """Return the largest difference that moving a band makes; more than any for one that has no place."""
    if moved is None:
        return 1e3 + float(abs(band.gain_db))
    return 0.0 if moved == band else alone.error_db((moved,))


def _differences(sounding: dict[int, Band], placed: dict[int, Band]) -> Iterator[tuple[int, str, object, object]]:
    for index, band in sounding.items():
        if index not in placed:
            yield index, "band", _describe(band), None
            continue
        for name in _FIELDS:
            was, got = getattr(band, name), getattr(placed[index], name)
            if was != got:
                yield index, name, was, got


def _moved(band: Band, slot: BandSlot) -> Band:
    def nearest(value: float, spec: ParamSpec | float) -> float:
        return min(max(value, spec.minimum), spec.maximum) if isinstance(spec, ParamSpec) else float(spec)

    freq_hz, gain_db = nearest(band.freq_hz, slot.freq_hz), nearest(band.gain_db, slot.gain_db)
    return replace(band, freq_hz=freq_hz, gain_db=gain_db, q=nearest(band.q, slot.q))


def _layouts(loudest: list[BandKind], limits: Limits, top_hz: float) -> Iterator[EqLayout]:
    """Yield the layouts worth fitting: the device's own slots, or the wanted kinds, then some spare peaks, then shelves around peaks."""
    if limits.slots is not None:
        yield _layout(limits, [], top_hz)
        return
    most = limits.max_bands if limits.max_bands is not None else len(loudest) + _SPARE_BANDS
    usual = BandKind.PEAK if BandKind.PEAK in limits.kinds else min(limits.kinds)
    wanted = [kind if kind in limits.kinds else usual for kind in loudest[:most]]
    spare = [usual] * min(most - len(wanted), _SPARE_BANDS)
    framed = [BandKind.LOW_SHELF, *[usual] * max(len(wanted) + len(spare) - 2, 0), BandKind.HIGH_SHELF]
    variants = [wanted, wanted + spare, [kind for kind in framed if kind in limits.kinds][:most]]
    unique = {tuple(sorted(kinds)): kinds for kinds in variants if kinds}
    yield from (_layout(limits, kinds, top_hz) for kinds in unique.values())


def _layout(limits: Limits, kinds: Sequence[BandKind], top_hz: float) -> EqLayout:
    slots = limits.slots if limits.slots is not None else tuple(_slot(limits, kind) for kind in kinds)
    searched = (_searched(slot, top_hz) for slot in slots)
    return EqLayout("device", tuple(slot for slot in searched if slot is not None))


def _searched(slot: BandSlot, top_hz: float) -> BandSlot | None:
    """Return the part of a slot's ranges that is worth searching at a sample rate, None where it can hold no frequency of it."""
    if slot.freq_hz.minimum >= top_hz:
        return None
    q = _cut(slot.q, _SEARCHED_Q) if isinstance(slot.q, ParamSpec) else slot.q
    return replace(slot, freq_hz=_cut(slot.freq_hz, (_SEARCHED_FROM_HZ, top_hz)), gain_db=_cut(slot.gain_db, _SEARCHED_GAIN_DB), q=q)


def _cut(spec: ParamSpec, bounds: tuple[float, float]) -> ParamSpec:
    """Return a range cut to bounds, as it is where nothing would be left."""
    minimum, maximum = max(spec.minimum, bounds[0]), min(spec.maximum, bounds[1])
    return replace(spec, minimum=minimum, maximum=maximum, default=_inside(spec.default, (minimum, maximum))) if minimum < maximum else spec


def _slot(limits: Limits, kind: BandKind) -> BandSlot:
    fixed = limits.shelf_q is not None and kind is not BandKind.PEAK
    return BandSlot(
        kind,
        ParamSpec("gain_db", "dB", *limits.gain_db, "linear", _inside(0.0, limits.gain_db)),
        ParamSpec("freq_hz", "Hz", *limits.freq_hz, "log", _inside(1_000.0, limits.freq_hz)),
        float(limits.shelf_q) if fixed and limits.shelf_q is not None else ParamSpec("q", "q", *limits.q, "log", _inside(0.71, limits.q)),
    )


def _inside(value: float, bounds: tuple[float, float]) -> float:
    return min(max(value, bounds[0]), bounds[1])


def _stepped(bands: tuple[Band, ...], limits: Limits) -> tuple[tuple[Band, ...], list[tuple[int, str, float, float]]]:
    """Return the bands with their values on the device's steps, and what moved as (number of the band, field, wanted, got)."""
    if not limits.precision:
        return bands, []
    result, moved = [], []
    for index, band in enumerate(bands, start=1):
        values = {}
        for name, step in limits.precision.items():
            bounds: tuple[float, float] = getattr(limits, name)
            wanted = getattr(band, name)
            steps = min(max(round(wanted / step), math.ceil(bounds[0] / step - 1e-9)), math.floor(bounds[1] / step + 1e-9))
            values[name] = round(steps * step, 9)
            if values[name] != wanted:
                moved.append((index, name, wanted, values[name]))
        result.append(replace(band, **values))
    return tuple(result), moved


def _describe(band: Band) -> str:
    return f"{band.kind.value} {band.freq_hz:g} Hz {band.gain_db:g} dB q {band.q:g}"
