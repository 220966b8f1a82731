"""Impulse responses that stand in files beside a configuration, or in it."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import soundfile
from host_maths import sections
from host_maths.sections import Complex, Floats, Grid

_SUFFIXES = (".wav", ".flac", ".irs", ".ogg")


def of_file(path: Path, grid: Grid, channel: int = 0) -> Complex | None:
    """Return the response of an impulse response in a sound file, or of a text with one number a line; None where it is not there.

    A sound file of another sample rate counts by its own: hosts refuse or resample it.
    """
    if not path.is_file():
        return None
    if path.suffix.lower() in _SUFFIXES:
        taps, rate_hz = soundfile.read(path, dtype="float64", always_2d=True)
        return of_taps(taps[:, min(channel, taps.shape[1] - 1)], Grid(grid.freqs_hz, float(rate_hz)))
    numbers = re.findall(r"(?m)^\s*([-+0-9.eE]+)\s*$", path.read_text(encoding="utf-8", errors="replace"))
    return of_taps(np.array([float(number) for number in numbers]), grid) if numbers else None


def of_taps(taps: Floats, grid: Grid) -> Complex:
    """Return the response of taps (m,) at the grid's rate."""
    return sections.digital(grid, [float(tap) for tap in taps], [1.0])
