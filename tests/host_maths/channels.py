"""What hosts do to channels: filters on some of them, copies, swaps and mixes; and what is known of a file in the end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from host_maths.sections import Complex, Floats, Grid

FLOOR_DB = -80.0
"""Below it no difference is looked for: nobody hears it, and the bottom of a notch has no right value."""


class NoEq(Exception):
    """The file holds no EQ that a response could stand for, or its host refuses it; the only right answer of a reader is a refusal."""


@dataclass(frozen=True)
class Truth:
    """What the host does to each channel, in dB on the grid's frequencies.

    channels: by the names L, R, C, LFE, RL, RR, SL and SR, or by numbers from 1; "all" alone where they are alike by construction.
    unknown: filters of the file that are not in the responses, since nobody has measured them; a reader must state a loss for them.
    others: what is no EQ and stands in the file too, such as a compressor; a reader must name it.
    basis: where the maths comes from ("host": the plug-in itself ran; "source": its published source or documents; "nominal": a layout
    that is known and maths that are taken to be the cookbook's).
    """

    channels: Mapping[str, Floats]
    basis: str = "source"
    unknown: tuple[str, ...] = ()
    others: tuple[str, ...] = ()


@dataclass
class Bus:
    """Named channels as sums of the inputs' channels, each with a complex response."""

    grid: Grid
    parts: dict[str, dict[str, Complex]] = field(default_factory=dict)

    @classmethod
    def of(cls, grid: Grid, names: Iterable[str]) -> Bus:
        return cls(grid, {name: {name: grid.constant(1.0)} for name in names})

    def filter(self, names: Iterable[str], response: Complex) -> None:
        for name in names:
            if name in self.parts:
                self.parts[name] = {source: part * response for source, part in self.parts[name].items()}

    def mixed(self, sources: Iterable[tuple[str, float]]) -> dict[str, Complex]:
        """Return the sum of channels, each times a factor."""
        result: dict[str, Complex] = {}
        for name, factor in sources:
            for source, part in self.parts.get(name, {}).items():
                result[source] = result.get(source, self.grid.constant(0.0)) + factor * part
        return {source: part for source, part in result.items() if np.any(np.abs(part) > 1e-12)}

    def responses_db(self) -> dict[str, Floats]:
        """Return the response of each channel that is heard; raises NoEq where one is a mix of several inputs, or none is heard."""
        result = {}
        for name, parts in self.parts.items():
            if len(parts) > 1:
                raise NoEq(f"channel {name} is a mix of {' and '.join(sorted(parts))}")
            for part in parts.values():
                result[name] = decibels(part)
        if not result:
            raise NoEq("no channel is heard")
        return result


def decibels(response: Complex) -> Floats:
    """Return a complex response in dB."""
    return np.asarray(20.0 * np.log10(np.maximum(np.abs(response), 1e-12)), np.float64)


def difference_db(one: Floats, other: Floats) -> float:
    """Return the largest difference of two responses in dB, above the floor."""
    return float(np.max(np.abs(np.maximum(one, FLOOR_DB) - np.maximum(other, FLOOR_DB))))
