"""Binary records drawn as tables, and slots that hold bands: shared by the binary formats. Nothing here trusts a count of the file."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from semeq_export.errors import PresetReadError, PresetWriteError


class Record:
    """Numbers one after the other without padding.

    order: "<" little-endian, ">" big-endian. fields: (name, code of the struct module).
    """

    def __init__(self, order: str, *fields: tuple[str, str]) -> None:
        self._names = tuple(name for name, _ in fields)
        self._struct = struct.Struct(order + "".join(code for _, code in fields))
        self.size = self._struct.size

    def unpack(self, data: bytes, offset: int, where: str = "") -> dict[str, float]:
        """Return the fields at an offset, whole numbers as int; raises PresetReadError where the data ends or a number is not finite."""
        place = f"{where} offset {offset:#x}".strip()
        if len(data) - offset < self.size:
            raise PresetReadError(f"ends after {max(len(data) - offset, 0)} of {self.size} bytes of {self._names[0]}", where=place)
        values: dict[str, float] = dict(zip(self._names, self._struct.unpack_from(data, offset), strict=True))
        for name, value in values.items():
            if isinstance(value, float) and not math.isfinite(value):
                raise PresetReadError(f"{name} is {value}", where=place)
        return values

    def pack(self, values: Mapping[str, float]) -> bytes:
        """Return the bytes of the fields; raises PresetWriteError for a number that its field cannot hold."""
        for name in self._names:
            value = values[name]
            if isinstance(value, float) and not math.isfinite(value):
                raise PresetWriteError(f"{name} is {value}")
        try:
            return self._struct.pack(*(values[name] for name in self._names))
        except (struct.error, OverflowError) as error:
            raise PresetWriteError(f"{self._names[0]} and what follows cannot be stored: {error}") from error


@dataclass(frozen=True, slots=True)
class Slots:
    """Where the bands of a file stand: the slot of each band, and the slots that hold something that is no band of ours."""

    of_bands: tuple[int, ...] = ()
    foreign: frozenset[int] = frozenset()

    def for_bands(self, count: int, slots: Iterable[int], format_id: str) -> tuple[int, ...]:
        """Return a slot for each of `count` bands: their own, then free ones in order; raises PresetWriteError where there are too few."""
        own = self.of_bands[:count]
        free = [slot for slot in slots if slot not in self.foreign and slot not in self.of_bands]
        found = (*own, *free[: count - len(own)])
        if len(found) < count:
            raise PresetWriteError(f"{format_id}: no slot is left for band {len(found) + 1}; {len(self.foreign)} hold other filters")
        return found
