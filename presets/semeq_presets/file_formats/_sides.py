"""Two channels, left and right or mid and side, in files that have one list of bands and one level.

Which bands are for both, which for one, and what becomes of levels that differ: the middle of both, or bands.

A low and a high shelf of one frequency, gain and Q in a row are that gain at every frequency: the numerator of each is the other's
denominator (Audio EQ Cookbook).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from difflib import SequenceMatcher

from semeq_export.eq.channels import LEFT, MID, RIGHT, SIDE, ChannelEqs, Equaliser
from semeq_export.eq.settings import Band, BandKind, EqSettings
from semeq_export.errors import InvalidEqError, PresetReadError
from semeq_presets.file_formats.base import Note

_LEVEL_HZ, _LEVEL_Q = 1_000.0, 0.7071


def sides(eq: Equaliser) -> tuple[EqSettings, EqSettings]:
    """Return the EQs of left and right; a channel without one is flat."""
    if isinstance(eq, EqSettings):
        return eq, eq
    return tuple(eq[name] if name in eq.names else EqSettings() for name in (LEFT, RIGHT))  # type: ignore[return-value] # two


def at_one_level(left: EqSettings, right: EqSettings, most_db: float) -> tuple[float, tuple[Band, ...], tuple[Band, ...]]:
    """Return a preamp for both, and their bands with what one is louder or softer than the other.

    most_db: the largest gain of a band.
    """
    level_db = min(left.preamp_db, right.preamp_db, key=abs)
    bands = [(*side.bands, *_level(side.preamp_db - level_db, most_db)) for side in (left, right)]
    return level_db, bands[0], bands[1]


def _level(gain_db: float, most_db: float) -> tuple[Band, ...]:
    if gain_db == 0.0:
        return ()
    count = math.ceil(abs(gain_db) / most_db)
    shelves = (Band(kind, _LEVEL_HZ, gain_db / count, _LEVEL_Q) for kind in (BandKind.LOW_SHELF, BandKind.HIGH_SHELF))
    return tuple(shelves) * count


def in_one_list(one: Sequence[Band], other: Sequence[Band], names: tuple[str, str] = (LEFT, RIGHT)) -> list[tuple[Band, str]]:
    """Return bands with the channel of these names that each is for, "" for both; each channel's keep their order."""
    result: list[tuple[Band, str]] = []
    for action, first, end, second, second_end in SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
        if action == "equal":
            result += [(band, "") for band in one[first:end]]
        else:
            result += [*((band, names[0]) for band in one[first:end]), *((band, names[1]) for band in other[second:second_end])]
    return result


def of_pair(eq: Equaliser) -> tuple[tuple[str, EqSettings], tuple[str, EqSettings]] | None:
    """Return the EQs of left and right, or of mid and side, a flat one for a channel without; None for one EQ of all channels."""
    if isinstance(eq, EqSettings):
        return None
    first, second = (MID, SIDE) if eq.is_mid_side else (LEFT, RIGHT)
    one, other = (eq[name] if name in eq.names else EqSettings() for name in (first, second))
    return (first, one), (second, other)


def shared_preamp(eq: Equaliser) -> tuple[float, tuple[Note, ...]]:
    """Return the preamp in dB for a device that has one for both channels: the middle of theirs, and a note on what that costs."""
    pair = of_pair(eq)
    if pair is None:
        assert isinstance(eq, EqSettings)
        return eq.preamp_db, ()
    one_db, other_db = (held.preamp_db for _, held in pair)
    middle_db = (one_db + other_db) / 2.0
    error_db = abs(one_db - other_db) / 2.0
    said = (Note("refitted", None, "preamp_db of two channels", f"{one_db:g} and {other_db:g}", middle_db, error_db),)
    return middle_db, said if error_db > 1e-9 else ()


def joined(first: str, second: str, bands: Sequence[tuple[Band, str]], preamp_db: float, where: str = "") -> Equaliser:
    """Return bands with the channel that each is for, "" for both, as one EQ, or one for each of two channels where that says more.

    Raises PresetReadError where the preamp is out of range.
    """
    try:
        if not any(channel for _, channel in bands):
            return EqSettings(tuple(held for held, _ in bands), preamp_db)
        eqs = [(name, EqSettings(tuple(held for held, channel in bands if channel in ("", name)), preamp_db)) for name in (first, second)]
    except InvalidEqError as error:
        raise PresetReadError(str(error), where=where) from error
    return ChannelEqs(tuple(eqs))


def split(eq: Equaliser) -> list[tuple[Band, str]]:
    """Return each band with the channel that it is for, "" for both: `joined` backwards."""
    pair = of_pair(eq)
    if pair is None:
        assert isinstance(eq, EqSettings)
        return [(held, "") for held in eq.bands]
    (first, one), (second, other) = pair
    return in_one_list(one.bands, other.bands, (first, second))
