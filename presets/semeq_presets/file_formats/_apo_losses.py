"""What of a configuration is not in the preset: once for each reason, with the size of all its lines together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from semeq_export.eq.biquad import audible_db
from semeq_export.eq.curve import log_grid
from semeq_export.eq.settings import EqSettings
from semeq_export.errors import InvalidEqError, PresetReadError
from semeq_presets.file_formats._apo_channels import eq_of
from semeq_presets.file_formats._apo_filter import Sound
from semeq_presets.file_formats.base import Note

_POINTS = 400


class Losses:
    """Collects what is lost while a configuration is followed."""

    def __init__(self) -> None:
        self._lost: dict[str, tuple[list[str], list[Sound]]] = {}
        self._differing: list[tuple[str, EqSettings, EqSettings]] = []
        self._readings: list[tuple[str, str, EqSettings, EqSettings]] = []

    def add(self, where: str, what: str, sounds: Sequence[Sound] = ()) -> None:
        """Note a loss at a line; sounds: what is lost, as far as it can be told."""
        places, lost = self._lost.setdefault(what, ([], []))
        places.append(where)
        lost += sounds

    def differ(self, what: str, wanted: EqSettings, got: EqSettings) -> None:
        """Note that a channel plays something else."""
        self._differing.append((what, wanted, got))

    def read_otherwise(self, where: str, what: str, got: EqSettings, other: EqSettings) -> None:
        """Note that other programs read a line in another way."""
        self._readings.append((where, what, got, other))

    def notes(self, rate_hz: float) -> tuple[Note, ...]:
        """Return a note for each loss and each other reading, with sizes in dB at a sample rate."""
        result = []
        for what, (places, lost) in self._lost.items():
            more = f" and {len(places) - 1} more" if len(places) > 1 else ""
            error_db, at_hz = _size(lost, rate_hz)
            result.append(Note("unknown", None, f"{places[0]}{more}", what, None, error_db, at_hz))
        for what, wanted, got in self._differing:
            result.append(Note("unknown", None, "channels", what, None, *difference_db(wanted, got, rate_hz)))
        for where, what, got, other in self._readings:
            size = difference_db(got, other, rate_hz)
            result.append(Note("approximated", None, where, f"other programs take {what}", "as Equalizer APO does", *size))
        return tuple(result)


def _size(lost: Sequence[Sound], rate_hz: float) -> tuple[float, float] | tuple[None, None]:
    if not lost:
        return None, None
    try:
        return difference_db(eq_of(lost), EqSettings(), rate_hz)
    except PresetReadError:  # more than an EQ can hold
        return None, None


def difference_db(one: EqSettings, other: EqSettings, rate_hz: float) -> tuple[float, float]:
    """Return the largest difference of two EQs in dB, between 20 Hz and 20 kHz and around their bands, and the frequency where it is."""
    centres = [band.freq_hz * factor for eq in (one, other) for band in eq.active_bands[:100] for factor in (0.9, 1.0, 1.1)]
    freqs = np.unique([*log_grid(_POINTS), *(freq for freq in centres if 20.0 <= freq <= 20_000.0)])
    try:
        off_db = np.abs(audible_db(one, freqs, rate_hz) - audible_db(other, freqs, rate_hz))
    except InvalidEqError:
        return 0.0, 20.0
    worst = int(np.argmax(off_db))
    return float(off_db[worst]), float(freqs[worst])
