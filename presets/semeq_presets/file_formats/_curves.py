"""What formats that hold a response instead of bands have in common: sampling it, placing points, and saying how far off they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from semeq_export.arrays import Float64Array
from semeq_export.eq.biquad import SILENT_DB, USABLE_NYQUIST
from semeq_export.eq.curve import Curve, log_grid
from semeq_presets.file_formats.base import Note, Preset

_FINE_POINTS = 2_000
_EVEN_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines of a text file, without their ends, and the index of the one that holds the curve."""

    lines: tuple[str, ...]
    place: int

    def with_curve(self, text: str) -> str:
        """Return the file with another line for the curve."""
        end = "\r" if self.lines[self.place].endswith("\r") else ""
        return "\n".join([*self.lines[: self.place], text + end, *self.lines[self.place + 1 :]])


def sampled_db(preset: Preset, freqs_hz: Float64Array) -> Float64Array:
    """Return the intended response (n,) in dB at freqs_hz (n,); held constant above the Nyquist frequency of the preset's rate."""
    return preset.response_db(np.minimum(freqs_hz, preset.sample_rate_hz / 2))


def well_placed(freqs_hz: Float64Array, gain_db: Float64Array, count: int) -> Float64Array:
    """Return (count,) frequencies between which straight lines over log frequency follow a response best, both ends included.

    freqs_hz, gain_db: (n,) the response on a fine grid, evenly spaced over log frequency. The spacing of the points goes with the inverse
    square root of the curvature, which spreads the error of linear interpolation evenly; a tenth of the points is spread evenly.
    """
    bend = np.sqrt(np.abs(np.gradient(np.gradient(gain_db))))
    bend = np.convolve(bend, np.ones(9) / 9.0, mode="same")
    density = bend / max(float(bend.sum()), 1e-12) + _EVEN_SHARE / bend.size
    share = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2.0)])
    wanted = np.linspace(0.0, share[-1], count)
    placed: Float64Array = np.exp(np.interp(wanted, share, np.log(freqs_hz)))
    return placed


def fine_grid(preset: Preset, lowest_hz: float = 20.0, highest_hz: float = 20_000.0) -> Float64Array:
    """Return 2,000 frequencies, evenly spaced over log frequency, up to highest_hz or what the preset's rate can carry."""
    return log_grid(_FINE_POINTS, lowest_hz, min(highest_hz, USABLE_NYQUIST * preset.sample_rate_hz / 2))


def difference_note(preset: Preset, held: Curve, precision_db: float, what: str, lowest_hz: float = 20.0) -> tuple[Note, ...]:
    """Return a note where the response that a file holds is further off the intended one than the format states; else nothing.

    Below -60 dB nothing differs.
    """
    freqs_hz = fine_grid(preset, lowest_hz)
    error_db = float(np.max(np.abs(np.maximum(held.at(freqs_hz), SILENT_DB) - np.maximum(sampled_db(preset, freqs_hz), SILENT_DB))))
    return (Note("approximated", None, "response", "as asked for", what, error_db),) if error_db > precision_db else ()
