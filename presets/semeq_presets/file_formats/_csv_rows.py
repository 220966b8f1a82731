"""The rows of a table of bands: what each says, and the table with what an equaliser says now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from semeq_export.eq.channels import ChannelEqs, Equaliser
from semeq_export.eq.curve import Curve
from semeq_export.eq.settings import Band, EqSettings
from semeq_export.errors import InvalidEqError, PresetReadError


@dataclass(frozen=True, slots=True)
class Point:
    """A point of a curve."""

    freq_hz: float
    gain_db: float


Says = Band | float | Point
"""A band, a preamp in dB, or a point of a curve."""


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a table. says: None for the header and empty lines. channel: that it is for, "" for all."""

    text: str
    says: Says | None = None
    channel: str = ""


def equaliser_of(rows: Sequence[Row]) -> Equaliser:
    """Return what rows say: one EQ, or one for each channel that is named. Raises PresetReadError."""
    names = list(dict.fromkeys(row.channel for row in rows if row.channel))
    try:
        if not names:
            return _eq_of([row.says for row in rows])
        return ChannelEqs(tuple((name, _eq_of([row.says for row in rows if row.channel in ("", name)])) for name in names))
    except InvalidEqError as error:
        raise PresetReadError(str(error)) from error


def says_of(eq: EqSettings) -> list[Says]:
    """Return what the rows of an EQ say, in the order in which they are written."""
    points = [] if eq.curve is None else zip(eq.curve.freqs_hz.tolist(), eq.curve.gain_db.tolist(), strict=True)
    return [eq.preamp_db, *eq.bands, *(Point(*point) for point in points)]


def lines_with(rows: Sequence[Row], eq: Equaliser, text_of: Callable[[Says, str], str]) -> list[str]:
    """Return the lines of a table with what an equaliser says now.

    Rows that still hold stay as they are, changed ones take the place of those of their channel and sort that are gone, others stand
    behind the last row. text_of: the line of a band, preamp or point for a channel, "" for all.
    """
    pending = {name: says_of(one) for name, one in (eq if isinstance(eq, ChannelEqs) else (("", eq),))}
    stays = _stays(rows, eq)
    kept = [row.says is None or (row.says.__class__ in stays and _take(pending, row)) for row in rows]
    for name, says in pending.items():
        pending[name] = [one for one in says if one.__class__ not in stays or isinstance(one, Band)]
    lines = []
    for row, is_kept in zip(rows, kept, strict=True):
        place = None if is_kept else next((one for one in pending.get(row.channel, ()) if one.__class__ is row.says.__class__), None)
        if place is not None:
            pending[row.channel].remove(place)
        lines += [row.text] if is_kept else [] if place is None else [text_of(place, row.channel)]
    end = len(lines) - (1 if lines and not lines[-1].strip() else 0)
    added = [text_of(one, name) for name, says in pending.items() for one in says]
    return [*lines[:end], *added, *lines[end:]]


def _eq_of(said: Sequence[Says | None]) -> EqSettings:
    points = sorted((one for one in said if isinstance(one, Point)), key=lambda one: one.freq_hz)
    curve = Curve(np.array([one.freq_hz for one in points]), np.array([one.gain_db for one in points])) if points else None
    preamp_db = sum((one for one in said if isinstance(one, float)), 0.0)
    return EqSettings(tuple(one for one in said if isinstance(one, Band)), preamp_db, curve)


def _stays(rows: Sequence[Row], eq: Equaliser) -> set[type]:
    """Return the sorts of rows that can stay: bands always, preamps and points where together they say what they should."""
    stays: set[type] = {Band}
    if not any(row.says is not None for row in rows):
        return stays
    held = equaliser_of(rows)
    before, now = (dict(one) if isinstance(one, ChannelEqs) else {"": one} for one in (held, eq))
    if before.keys() == now.keys():
        if all(before[name].preamp_db == one.preamp_db for name, one in now.items()) and any(isinstance(row.says, float) for row in rows):
            stays.add(float)
        if all(before[name].curve == one.curve for name, one in now.items()):
            stays.add(Point)
    return stays


def _take(pending: dict[str, list[Says]], row: Row) -> bool:
    """Take what a row says from what is wanted, and return whether the row stays. Preamps and points stay together or not at all."""
    if not isinstance(row.says, Band):
        return True
    names = [row.channel] if row.channel in pending else list(pending) if not row.channel else []
    if not names or not all(row.says in pending[name] for name in names):
        return False
    for name in names:
        pending[name].remove(row.says)
    return True
