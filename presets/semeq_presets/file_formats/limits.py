"""The only place that makes an EQ fit a device: what the device cannot hold is refitted to the closest response that it can.

Order of attempts, cheapest first; the first one within the stated precision or 0.02 dB wins, else the one with the smallest largest error:
every value moved to the nearest allowed one, then least-squares fits of the response over the device's bands, first from there and then
from everywhere. The fits of an EQ may do a bounded amount of work together, the same on every machine; then the best so far is taken.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import linear_sum_assignment

from semeq_export.eq.biquad import for_rate, pass_qs, response_db
from semeq_export.eq.fit_input import Effort
from semeq_export.eq.settings import LAYOUT_KINDS, MAX_PREAMP_DB, MAX_Q, Band, BandKind, BandSlot, EqLayout, EqSettings, ParamSpec
from semeq_export.errors import PresetWriteError
from semeq_presets.file_formats.base import Limits, Note
from semeq_presets.file_formats.goal import Goal

_CLOSE_DB = 0.02  # a fit this close is not improved further, however exact the format is
_WORK = 7e9  # of all fits of an EQ together: about two seconds; usual ones take a tenth of it
_MOST_REFITTED, _MOST_PLACED = 1_000, 128  # bands of an EQ, and the loudest of them that are looked at more closely
_SPARE_BANDS = 3
_CURVE_BANDS = 10
_SEARCHED_FROM_HZ, _SEARCHED_GAIN_DB, _SEARCHED_Q = 10.0, (-40.0, 40.0), (0.05, 30.0)
_FEW_CHANGES = 3  # notes on an EQ; more are told as one
_FIELDS = ("freq_hz", "gain_db", "q")
_SECOND = frozenset({2})
_LIKE = {
    BandKind.HIGH_PASS: BandKind.LOW_SHELF,
    BandKind.LOW_PASS: BandKind.HIGH_SHELF,
    BandKind.TILT: BandKind.HIGH_SHELF,
    BandKind.NOTCH: BandKind.PEAK,
}
"""What comes closest to a kind that a device does not have."""


def fit_to(eq: EqSettings, limits: Limits, sample_rate_hz: float, *, precision_db: float = 0.01) -> tuple[EqSettings, tuple[Note, ...]]:
    """Return the EQ as a device can hold it, and a note with its error in dB for everything that had to change.

    Changes of the response up to precision_db are not reported. An EQ inside the limits comes back as it is. Passes of a high order and
    tilts become several bands of the same response where the device holds those; a curve is fitted with what is beside it where the
    device holds none. Errors are measured from 20 Hz to 20 kHz, or to 0.95 of the Nyquist frequency, at sample_rate_hz; below -60 dB
    nothing differs. Raises AudioError on a rate outside 8 kHz..384 kHz, PresetWriteError where more than 1,000 bands had to be refitted.
    """
    if eq.curve is not None and not limits.curve:
        return _fit_response(eq, limits, sample_rate_hz, precision_db)
    expanded = _expanded(eq, limits)
    preamp_db, notes = _fit_preamp(expanded.preamp_db, limits)
    bands, band_notes = _fit_bands(expanded.bands, limits, sample_rate_hz, precision_db)
    return EqSettings(bands, preamp_db, eq.curve), (*notes, *band_notes)


def _fit_response(eq: EqSettings, limits: Limits, sample_rate_hz: float, precision_db: float) -> tuple[EqSettings, tuple[Note, ...]]:
    """Return the bands within the limits whose response is closest to that of an EQ with a curve, and a note with the error in dB."""
    assert eq.curve is not None
    heard = for_rate(eq, sample_rate_hz).eq
    wanted = Goal(lambda freqs_hz: response_db(heard, freqs_hz, sample_rate_hz), sample_rate_hz, eq.active_bands)
    count = min(limits.max_bands or _CURVE_BANDS, _CURVE_BANDS)
    framed = [BandKind.LOW_SHELF, *[BandKind.PEAK] * max(count - 2, 0), BandKind.HIGH_SHELF]
    kinds = [kind for kind in framed if kind in limits.kinds][:count]
    fitted = wanted.fit(_layout(limits, kinds, wanted.top_hz), Effort(_WORK), level_free=limits.preamp_db is not None)
    bands, _ = _stepped(fitted.bands, limits)
    preamp_db, _ = _fit_preamp(fitted.preamp_db, limits)
    error_db, at_hz = wanted.worst(bands, preamp_db)
    beside = f" and {len(eq.active_bands)} bands" if eq.active_bands else ""
    note = Note("approximated", None, "curve", f"{eq.curve.freqs_hz.size} points{beside}", f"{len(bands)} bands", error_db, at_hz)
    return EqSettings(bands, preamp_db), (note,) if error_db > precision_db else ()


def _expanded(eq: EqSettings, limits: Limits) -> EqSettings:
    """Return the EQ with bands that the device does not know as others of the same response, where it knows those."""
    bands: list[Band] = []
    preamp_db = eq.preamp_db
    for band in eq.bands:
        parts = (band,) if _holds_kind(limits, band.kind, band.order) and _holds_pass(limits, band) else _same_in_parts(band)
        if all(_holds_kind(limits, part.kind, part.order) for part in parts) and (band.kind is not BandKind.TILT or limits.preamp_db):
            preamp_db -= band.gain_db / 2.0 if band.kind is BandKind.TILT and parts != (band,) and band.enabled else 0.0
            bands += parts
        else:
            bands.append(band)
    if abs(preamp_db) > MAX_PREAMP_DB:
        return eq
    return EqSettings(tuple(bands), preamp_db, eq.curve)


def _same_in_parts(band: Band) -> tuple[Band, ...]:
    """Return other bands of the same response: the sections of a pass, the shelf of a tilt, whose level goes into the preamp."""
    if band.kind is BandKind.TILT:
        return (replace(band, kind=BandKind.HIGH_SHELF),)
    if band.order > 2:
        return tuple(
            replace(band, order=1 if q is None else 2, q=band.q if q is None else min(q, MAX_Q)) for q in pass_qs(band.order, band.q)
        )
    return (band,)


def _holds_kind(limits: Limits, kind: BandKind, order: int) -> bool:
    return kind in limits.kinds and order in limits.orders.get(kind, _SECOND)


def _holds_pass(limits: Limits, band: Band) -> bool:
    return band.order <= 2 or limits.pass_q is None or math.isclose(band.q, limits.pass_q, rel_tol=1e-6)


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
    return Goal.of_bands(wanted.bands, sample_rate_hz).error_db(held.bands, held.preamp_db - wanted.preamp_db)


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
    worst: tuple[float, float]

    @property
    def error_db(self) -> float:
        """The largest difference in dB; `worst` has the frequency in Hz beside it."""
        return self.worst[0]

    def notes(self, precision_db: float) -> list[Note]:
        """Return a note for each change, one for all where there are many, none where together they stay within the precision."""
        if self.error_db <= precision_db:
            return []
        if len(self.changes) <= _FEW_CHANGES:
            return [
                Note("dropped" if got is None else "refitted", index, name, was, got, *self.worst) for index, name, was, got in self.changes
            ]
        numbers = sorted({index for index, *_ in self.changes if index is not None})
        lost = sum(got is None for *_, got in self.changes)
        which = f"{len(numbers)} bands ({', '.join(map(str, numbers[:8]))}{', ...' if len(numbers) > 8 else ''})"
        got = f"the closest that it holds{f', {lost} of them left out' if lost else ''}"
        return [Note("refitted", None, "bands", which, got, *self.worst)]


def _fit_bands(
    bands: tuple[Band, ...], limits: Limits, sample_rate_hz: float, precision_db: float
) -> tuple[tuple[Band, ...], tuple[Note, ...]]:
    kept, notes = bands, []
    if not _holds(bands, limits):
        sounding = {index: band for index, band in enumerate(bands, start=1) if band.is_active}
        idle = {index: band for index, band in enumerate(bands, start=1) if index not in sounding}
        lost = {index: band for index, band in idle.items() if not _holds((band,), limits)}
        kept = tuple(band for index, band in enumerate(bands, start=1) if index not in lost)
        if not _holds(kept, limits):
            lost, kept = idle, tuple(sounding.values())
        notes = [Note("dropped", index, "band", str(band), None, 0.0) for index, band in lost.items()]
        if not _holds(kept, limits):
            as_they_are = _as_they_are(sounding, limits)
            rest = {index: band for index, band in sounding.items() if index not in as_they_are}
            left = limits if limits.max_bands is None else replace(limits, max_bands=limits.max_bands - len(as_they_are))
            best = _closest(rest, left, sample_rate_hz, precision_db)
            kept = (*as_they_are.values(), *best.bands)
            notes += best.notes(precision_db)
    stepped, moved = _stepped(kept, limits)
    if moved:
        error_db = Goal.of_bands(kept, sample_rate_hz).error_db(stepped)
        if error_db > precision_db:
            notes += [Note("approximated", index, name, was, got, error_db) for index, name, was, got in moved]
    return stepped, tuple(notes)


def _as_they_are(sounding: dict[int, Band], limits: Limits) -> dict[int, Band]:
    """Return the bands that no fit makes and the device holds, the first of them, as many as it has room for."""
    kept: dict[int, Band] = {}
    for index, band in sounding.items():
        if not _is_shape(band) and _holds((*kept.values(), band), limits):
            kept[index] = band
    return kept


def _is_shape(band: Band) -> bool:
    return band.kind in LAYOUT_KINDS and band.order == 2


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
    alone = {index: Goal.of_bands((band,), sample_rate_hz) for index, band in sounding.items()}
    wanted = Goal.of_bands(sounding.values(), sample_rate_hz)
    placed = _nearest(sounding, alone, limits)
    bands = tuple(placed[index] for index in sorted(placed))
    yield _Candidate(bands, tuple(_differences(sounding, placed)), wanted.worst(bands))
    reasons, effort = tuple(_reasons(sounding, limits)), Effort(_WORK)
    if len(placed) == len(sounding):
        for layout, start in _starts(bands, limits, wanted.top_hz):
            if not effort.left:
                return
            fitted = tuple(band for band in wanted.fit(layout, effort, start=start).bands if band.gain_db != 0.0)
            yield _Candidate(fitted, reasons or ((None, "bands", len(sounding), len(fitted)),), wanted.worst(fitted))
    loudest = sorted(sounding, key=lambda index: -alone[index].without_db())
    for layout in _layouts([sounding[index].kind for index in loudest], limits, wanted.top_hz):
        if not effort.left:
            return
        bands = tuple(band for band in wanted.fit(layout, effort).bands if band.gain_db != 0.0)
        yield _Candidate(bands, reasons or ((None, "bands", len(sounding), len(bands)),), wanted.worst(bands))


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
            if not _is_shape(band) or not _holds_kind(limits, band.kind, band.order):
                yield index, "kind", str(band), " or ".join(sorted(kind.value for kind in limits.kinds))
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
    return slot.kind is band.kind and band.order == 2 and not any(_outside(slot, band))


def _accepts_other(limits: Limits, band: Band) -> bool:
    """Whether a device holds a band that no slot describes: by its kind, order and ranges."""
    (low_hz, high_hz), (low_q, high_q), (low_db, high_db) = limits.freq_hz, limits.q, limits.gain_db
    width = band.order == 1 or limits.shelf_q is not None or low_q <= band.q <= high_q
    gain = not band.has_gain or low_db <= band.gain_db <= high_db
    return _holds_kind(limits, band.kind, band.order) and _holds_pass(limits, band) and low_hz <= band.freq_hz <= high_hz and width and gain


def _holds(bands: tuple[Band, ...], limits: Limits) -> bool:
    if not limits.holds_disabled and not all(band.enabled for band in bands):
        return False
    others = [band for band in bands if not _is_shape(band)]
    if any(_taken(bands, kind, limits.stacked) > most for kind, most in limits.most.items()):
        return False
    if not all(_accepts_other(limits, band) for band in others):
        return False
    shapes = tuple(band for band in bands if _is_shape(band))
    if limits.slots is not None:
        return place(shapes, limits.slots) is not None
    if limits.max_bands is not None and len(bands) > limits.max_bands:
        return False
    return all(_holds_kind(limits, band.kind, 2) and _accepts(_slot(limits, band.kind), band) for band in shapes)


def _taken(bands: Iterable[Band], kind: BandKind, stacked: int) -> int:
    """Return how many filters of a kind bands take, of which each can act as several that are equal."""
    return sum(-(-count // stacked) for band, count in Counter(bands).items() if band.kind is kind)


def _nearest(sounding: dict[int, Band], alone: dict[int, Goal], limits: Limits) -> dict[int, Band]:
    """Return the bands with every value moved to the nearest allowed one; those without a place are left out, quietest first."""
    if limits.slots is None:
        usable = [index for index, band in sounding.items() if _is_shape(band) and band.kind in limits.kinds]
        usable = sorted(usable, key=lambda index: -alone[index].without_db())[: limits.max_bands]
        return {index: _moved(sounding[index], _slot(limits, sounding[index].kind)) for index in usable}
    indices = sorted(sorted(sounding, key=lambda index: -alone[index].without_db())[:_MOST_PLACED])
    options = [[_moved(sounding[i], slot) if _suits(slot, sounding[i]) else None for slot in limits.slots] for i in indices]
    cost = [[_moving_db(sounding[i], moved, alone[i]) for moved in row] for i, row in zip(indices, options, strict=True)]
    placed = {}
    for row, column in zip(*linear_sum_assignment(np.array(cost)), strict=True):
        moved = options[row][column]
        if moved is not None:
            placed[indices[row]] = moved
    return placed


def _suits(slot: BandSlot, band: Band) -> bool:
    return _is_shape(band) and slot.kind is band.kind


def _moving_db(band: Band, moved: Band | None, alone: Goal) -> float:
    """Return the largest difference that moving a band makes; more than any for one that has no place."""
    if moved is None:
        return 1e3 + float(abs(band.gain_db))
    return 0.0 if moved == band else alone.error_db((moved,))


def _differences(sounding: dict[int, Band], placed: dict[int, Band]) -> Iterator[tuple[int, str, object, object]]:
    for index, band in sounding.items():
        if index not in placed:
            yield index, "band", str(band), None
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
    usual = BandKind.PEAK if BandKind.PEAK in limits.kinds else min(kind for kind in limits.kinds if kind in LAYOUT_KINDS)
    shapes = [kind for kind in LAYOUT_KINDS if kind in limits.kinds]
    wanted = [kind if kind in shapes else usual for kind in (_LIKE.get(kind, kind) for kind in loudest[:most])]
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
