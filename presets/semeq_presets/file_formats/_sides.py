"""Left and right in files that have one list of bands and one level: which bands are for both, and a level that differs as bands.

A low and a high shelf of one frequency, gain and Q in a row are that gain at every frequency: the numerator of each is the other's
denominator (Audio EQ Cookbook).
"""

from __future__ import annotations

import math
from difflib import SequenceMatcher

from semeq_export.eq.channels import LEFT, RIGHT, Equaliser
from semeq_export.eq.settings import Band, BandKind, EqSettings

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


def in_one_list(left: tuple[Band, ...], right: tuple[Band, ...]) -> list[tuple[Band, str]]:
    """Return bands with the channel that each is for, "" for both; each channel's keep their order."""
    result: list[tuple[Band, str]] = []
    for action, first, end, other, other_end in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        if action == "equal":
            result += [(band, "") for band in left[first:end]]
        else:
            result += [*((band, LEFT) for band in left[first:end]), *((band, RIGHT) for band in right[other:other_end])]
    return result
