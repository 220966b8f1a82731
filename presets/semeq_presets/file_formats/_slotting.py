"""Which slot of a device each band goes into: those that a file has there already stay, the others take what is free."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from semeq_export.errors import PresetWriteError

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
