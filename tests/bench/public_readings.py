"""What readers give, as the comparison with the hosts wants it: the one place that knows how a reader is asked and what a preset holds."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from host_maths.sections import Floats, Grid

from semeq_export.eq.biquad import for_rate, response_db
from semeq_export.eq.settings import EqSettings
from semeq_presets import Choice, Preset, read_file

_CHOICES = {".ini": "preset", ".rfxchain": "track", ".rpp": "track", ".txt": "device"}
"""What several EQs of a file are chosen by."""
_PLACES = {"L": 0, "R": 1, "C": 2, "LFE": 3, "RL": 4, "RR": 5, "SL": 6, "SR": 7}
_PLACES |= {"left": 0, "right": 1, "center": 2, "lfe": 3, "rear_left": 4, "rear_right": 5, "side_left": 6, "side_right": 7}
"""Where channels stand, by the names of hosts and ours; others are called by their number from 1."""


def read_one(path: Path, label: str) -> Preset:
    """Read a file; label: which of its EQs, by the evaluator's name ("3 Kick" is number 3, called Kick), "" where nothing is chosen.

    Raises what the reader raises.
    """
    if not label:
        return read_file(path)
    word = word_of(path, label)
    choices = {"device": Choice(for_device=word), "preset": Choice(preset_name=word), "track": Choice(track=word)}
    return read_file(path, choice=choices[_CHOICES[path.suffix.lower()]])


def word_of(path: Path, label: str) -> str:
    """Return the word that an EQ of a file is chosen by: its name, or its number where it has none; a device's pattern as it is."""
    numbered = re.fullmatch(r"(\d+)(?: (.+))?", label) if _CHOICES.get(path.suffix.lower()) != "device" else None
    return (numbered[2] or numbered[1]) if numbered else label


def eqs_of(preset: Preset) -> dict[str, EqSettings]:
    """Return the EQs of a preset by channel; "" is that of all."""
    return {"": preset.eq} if isinstance(preset.eq, EqSettings) else dict(preset.eq)


def bands_hz_of(preset: Preset) -> list[float]:
    return [band.freq_hz for eq in eqs_of(preset).values() for band in eq.bands]


def channels_of(preset: Preset, names: Iterable[str], grid: Grid) -> dict[str, list[Floats]]:
    """Return the responses (n,) in dB that a preset has for each channel of the host's names: one, or for "all" that of every channel.

    A channel that has no EQ where others have is flat. Mid and side both count for any channel: no host here treats them apart.
    """
    responses = {name: response_db(for_rate(eq, grid.rate_hz).eq, grid.freqs_hz, grid.rate_hz) for name, eq in eqs_of(preset).items()}
    if not responses.keys().isdisjoint(("", "mid", "side")):
        return {name: list(responses.values()) for name in names}
    placed = {_place(name): response for name, response in responses.items()}
    return {name: list(placed.values()) if name == "all" else [placed.get(_place(name), np.zeros(grid.size))] for name in names}


def _place(name: str) -> int:
    return _PLACES[name] if name in _PLACES else int(name) - 1
