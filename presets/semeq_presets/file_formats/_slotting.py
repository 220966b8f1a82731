"""Which slot of a device each band goes into: those that a file has there already stay, the others take what is free."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from semeq_export.eq.channels import LEFT, MID, RIGHT, SIDE, ChannelEqs, Equaliser
from semeq_export.eq.settings import Band, EqSettings
from semeq_export.errors import InvalidEqError, PresetReadError, PresetWriteError
from semeq_presets.file_formats.base import Note

Item = TypeVar("Item")


def assigned(
    wanted: Sequence[Item],
    held: Mapping[int, Item],
    slots: Sequence[int],
    format_id: str,
    *,
    foreign: int = 0,
    only: Callable[[Item], int | None] = lambda _item: None,
) -> dict[int, Item]:
    """Return a slot for each item: its own where the file holds it, else that of an item that is gone, else a free one in order.

    held: what the slots of a file hold. slots: all that may be used. foreign: how many others hold something else, for the message.
    only: the one slot that an item can be in, None where it can be in any. Raises PresetWriteError where there are too few.
    """
    result: dict[int, Item] = {}
    pending = list(wanted)
    for slot, item in held.items():
        if item in pending and only(item) in (None, slot):
            pending.remove(item)
            result[slot] = item
    for item in [one for one in pending if only(one) is not None]:
        place = only(item)
        if place is None or place not in slots or (place in result and only(result[place]) == place):
            raise PresetWriteError(f"{format_id}: the slot for {item} is taken")
        pending.remove(item)
        if place in result:
            pending.append(result[place])
        result[place] = item
    in_order = (*(slot for slot in held if slot in slots), *(slot for slot in slots if slot not in held))
    free = [slot for slot in in_order if slot not in result]
    if len(pending) > len(free):
        why = f"; {foreign} hold other filters" if foreign else ""
        raise PresetWriteError(f"{format_id}: no slot is left for band {len(wanted) - len(pending) + len(free) + 1}{why}")
    return result | dict(zip(free, pending, strict=False))


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
    rest, wanted = list(other.bands), []
    for held in one.bands:
        is_both = held in rest
        if is_both:
            rest.remove(held)
        wanted.append((held, "" if is_both else first))
    return wanted + [(held, second) for held in rest]
