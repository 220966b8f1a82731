"""One channel of LSP's equaliser: its filters with solo and mute as an EQ, and an EQ as filters. For EasyEffects and LV2 presets."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from semeq_export.eq.settings import Band, EqSettings
from semeq_export.errors import InvalidEqError, PresetReadError, PresetWriteError
from semeq_presets.file_formats._fields import settings
from semeq_presets.file_formats._lsp_errors import (
    PhaseMode,
    arithmetic_error_db,
    decramp_error_db,
    model_error_db,
    phase_error_db,
    rate_error_db,
)
from semeq_presets.file_formats._lsp_filters import LspFilter, equivalent
from semeq_presets.file_formats.base import Note

RATE_HZ = 48_000.0
"""The sample rate at which filters are taken for bands: that of presets."""

_FREQ_HZ, _GAIN_DB, _Q, _WIDTH = (10.0, 24_000.0), (-36.0, 36.0), (0.0, 100.0), (0.0, 12.0)
_NOTED_FROM_DB = 0.05
_OTHER_RATE_HZ = 44_100.0


@dataclass(frozen=True, slots=True)
class Switched:
    """A filter with its two switches. One that is soloed silences those that are not, of whatever type it is."""

    filter: LspFilter
    is_soloed: bool = False
    is_muted: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """The bands that one filter of a file is, its place there, and the gain that goes with them."""

    place: int
    bands: tuple[Band, ...]
    gain_db: float


@dataclass(frozen=True, slots=True)
class Channel:
    """What a channel's filters are together. has_solo: whether a filter is switched off by another one's switch."""

    eq: EqSettings
    groups: tuple[Group, ...] = ()
    has_solo: bool = False
    notes: tuple[Note, ...] = ()


def read_channel(
    filters: Mapping[int, Switched], preamp_db: float, *, name: str = "", semitones: float = 0.0, phase: PhaseMode = "IIR", decramp: int = 1
) -> Channel:
    """Return a channel of filters by their places.

    semitones: the frequency shift of all. phase: the mode of the whole equaliser. decramp: at how many times the sample rate it runs.
    Raises PresetReadError naming place and field where a number is out of range.
    """
    has_solo = any(one.is_soloed for one in filters.values())
    groups, sounding = [], []
    for place, one in filters.items():
        is_on = not one.is_muted and (one.is_soloed or not has_solo)
        try:
            played = _as_played(one.filter, semitones)
            found = equivalent(played, RATE_HZ)
        except InvalidEqError as error:
            raise PresetReadError(str(error), where=f"{name} band{place}".strip()) from error
        bands = tuple(band if is_on else replace(band, enabled=False) for band in found.bands)
        if bands:
            groups.append(Group(place, bands, found.gain_db if is_on else 0.0))
        if bands and is_on:
            sounding.append(played)
    gain_db = round(sum(group.gain_db for group in groups), 9)
    alone = settings([band for group in groups for band in group.bands], gain_db, where=name)
    eq = settings(list(alone.bands), preamp_db + gain_db, where=name)
    return Channel(eq, tuple(groups), has_solo, tuple(_notes(sounding, alone, name, phase, decramp)))


def _as_played(one: LspFilter, semitones: float) -> LspFilter:
    """Return a filter with its frequency shifted, and numbers outside the ranges of the plug-in's ports at their ends, as it plays them."""
    for field, value in (("freq_hz", one.freq_hz), ("q", one.q)):
        if value < 0.0 or (value == 0.0 and field == "freq_hz"):
            raise InvalidEqError(field, value, "not above 0")
    freq_hz = _inside(one.freq_hz, _FREQ_HZ) * 2.0 ** (semitones / 12.0)
    return replace(one, freq_hz=freq_hz, gain_db=_inside(one.gain_db, _GAIN_DB), q=_inside(one.q, _Q), width=_inside(one.width, _WIDTH))


def _inside(value: float, bounds: tuple[float, float]) -> float:
    return min(max(value, bounds[0]), bounds[1])


def _notes(sounding: Sequence[LspFilter], gains: EqSettings, name: str, phase: PhaseMode, decramp: int) -> list[Note]:
    if not sounding:
        return []
    errors_db = {
        "bands above 22800 Hz, which are not played": model_error_db(sounding, gains, RATE_HZ),
        "taken for 48 kHz; at 44.1 kHz": rate_error_db(sounding, gains, _OTHER_RATE_HZ),
        "what LSP's own 32-bit arithmetic adds to low filters": arithmetic_error_db(sounding, RATE_HZ) if phase in ("IIR", "FIR") else 0.0,
        f"decramp x{decramp}, read as Off": decramp_error_db(sounding, decramp, RATE_HZ),
        f"what the mode {phase} makes of low filters": phase_error_db(sounding, phase, RATE_HZ),
    }
    field = f"{name} filters".strip()
    return [Note("approximated", None, field, what, None, error_db) for what, error_db in errors_db.items() if error_db > _NOTED_FROM_DB]


def placed(eq: EqSettings, groups: Sequence[Group], places: Collection[int], format_id: str) -> dict[int, Band | None]:
    """Return what stands at each place that is taken: a band, or None where the filter of a group still says its bands.

    Bands keep the places that they were read from, others take free ones in order. Raises PresetWriteError where there are too few.
    """
    taken: dict[int, Band | None] = {}
    new: list[Band] = []
    position = 0
    is_aligned = len(eq.bands) == sum(len(group.bands) for group in groups)
    for group in groups:
        count = len(group.bands)
        held = eq.bands[position : position + count]
        if held == group.bands:
            taken[group.place] = None
        elif count == 1 and held:
            taken[group.place] = held[0]
        elif is_aligned:
            new += held
        else:
            continue
        position += count
    new += eq.bands[position:]
    free = [place for place in places if place not in taken]
    if len(free) < len(new):
        raise PresetWriteError(f"{format_id}: {len(new)} more filters do not fit beside {len(taken)} of {len(places)}")
    return taken | dict(zip(free, new, strict=False))


def kept_gain_db(groups: Sequence[Group], taken: Mapping[int, Band | None]) -> float:
    """Return the gain of the groups whose filters stay as they are."""
    return round(sum(group.gain_db for group in groups if group.place in taken and taken[group.place] is None), 9)
