"""What a refit aims at: a wanted response, where others are compared with it, and fits of a layout's bands to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache

import numpy as np
from threadpoolctl import ThreadpoolController

from semeq_export.arrays import Float64Array
from semeq_export.eq.biquad import SILENT_DB, USABLE_NYQUIST, for_rate, response_db
from semeq_export.eq.curve import log_grid
from semeq_export.eq.fit import FitBatch, fit_many
from semeq_export.eq.fit_input import Effort
from semeq_export.eq.settings import Band, EqLayout, EqSettings

_BOTTOM_HZ = 20.0
_SEARCHED, _FITTED, _CHECKED = (80, 24), (160, 64), (256, 96)  # points evenly over log frequency, and points evenly over the upper half
_NARROW_Q = 3.0  # the even grid of fits has 16 points in an octave
_MOST_NARROW = 64  # bands, the loudest of them, that get points of their own
_CELLS = 1_000_000  # bands x points held at once


class Goal:
    """A wanted response and where others are compared with it: 20 Hz to 20 kHz, or what the sample rate can carry.

    Below -60 dB, as in a notch, nothing is compared. Denser than evenly on a log scale where filters are narrow: in the upper half, where
    the bilinear transform squeezes them, and around
    narrow wanted bands; fits weigh each point with its share of the log scale. Errors are looked for around all bands.
    """

    def __init__(self, target: Callable[[Float64Array], Float64Array], sample_rate_hz: float, bands: Sequence[Band] = ()) -> None:
        self._wanted, self._sample_rate_hz = target, sample_rate_hz
        self.top_hz = min(20_000.0, USABLE_NYQUIST * sample_rate_hz / 2)
        loudest = sorted((band for band in bands if band.q > _NARROW_Q), key=lambda band: -abs(band.gain_db))
        narrow = loudest[:_MOST_NARROW]  # others keep the grid that all fits of a device share
        self._searched_hz, self._fitted_hz = (
            np.unique(np.concatenate([self._even(*points), self._around(narrow)])) for points in (_SEARCHED, _FITTED)
        )
        self._checked_hz = np.concatenate([self._even(*_CHECKED), self._around(bands)])

    def _target(self, freqs_hz: Float64Array) -> Float64Array:
        return np.maximum(self._wanted(freqs_hz), SILENT_DB)

    @classmethod
    def of_bands(cls, bands: Iterable[Band], sample_rate_hz: float) -> Goal:
        """Return the response of bands as the wanted one; those that the rate cannot hold are left out."""
        held = EqSettings(tuple(bands))
        heard = for_rate(held, sample_rate_hz).eq
        return cls(lambda freqs_hz: _response_db(heard, freqs_hz, sample_rate_hz), sample_rate_hz, held.bands)

    def fit(self, layout: EqLayout, effort: Effort, *, level_free: bool = False, start: Sequence[Band | None] = ()) -> EqSettings:
        """Return the settings of a layout that come closest: searched for on few points and then improved on all, within an effort.

        start: a band for each slot; then those that are closest to them.
        """
        if start:
            idle = [[0.0, *(spec.default for spec in slot.params[1:])] for slot in layout.slots]
            values = [[one.gain_db, one.freq_hz, one.q][: len(kept)] if one else kept for one, kept in zip(start, idle, strict=True)]
            vector = np.concatenate(values)
        else:
            with _matrix_threads().limit(limits=1):
                vector = self._fit(layout, effort, self._searched_hz, level_free).vectors[0]
        with _matrix_threads().limit(limits=1):
            return self._fit(layout, effort, self._fitted_hz, level_free, vector)[0].eq

    def _fit(
        self, layout: EqLayout, effort: Effort, freqs_hz: Float64Array, level_free: bool, start: Float64Array | None = None
    ) -> FitBatch:
        shares = np.gradient(np.log(freqs_hz))
        starts = start[np.newaxis] if start is not None else None
        target_db = self._target(freqs_hz)[np.newaxis]
        return fit_many(
            target_db, freqs_hz, layout, self._sample_rate_hz, level_free=level_free, weights=shares, starts=starts, effort=effort
        )

    def error_db(self, bands: Iterable[Band], preamp_db: float = 0.0) -> float:
        """Return the largest difference between the response of an EQ and the wanted one; around the EQ's own bands too."""
        return self.worst(bands, preamp_db)[0]

    def worst(self, bands: Iterable[Band], preamp_db: float = 0.0) -> tuple[float, float]:
        """Return that difference in dB, and the frequency in Hz where it is."""
        held = EqSettings(tuple(bands), preamp_db)
        freqs = np.concatenate([self._checked_hz, self._around(held.bands)])
        response = _response_db(for_rate(held, self._sample_rate_hz).eq, freqs, self._sample_rate_hz)
        off_db = np.abs(np.maximum(response, SILENT_DB) - self._target(freqs))
        place = int(np.argmax(off_db))
        return float(off_db[place]), float(freqs[place])

    def without_db(self) -> float:
        """Return the largest difference that doing nothing makes."""
        return self.error_db(())

    def _even(self, points: int, top_points: int) -> Float64Array:
        return np.concatenate([log_grid(points, _BOTTOM_HZ, self.top_hz), np.linspace(self.top_hz / 2, self.top_hz, top_points)])

    def _around(self, bands: Iterable[Band]) -> Float64Array:
        """Return the centres of bands and points half and nearly a whole bandwidth beside them, as far as they can be heard."""
        freqs = np.array([band.freq_hz * (1.0 + offset / max(band.q, 1.0)) for band in bands for offset in (-0.9, -0.5, 0.0, 0.5, 0.9)])
        return freqs[(freqs >= _BOTTOM_HZ) & (freqs <= self.top_hz)]


@cache
def _matrix_threads() -> ThreadpoolController:
    """Return the threads of matrix products; for products as small as those of a fit they wait for each other, five times as long on a
    loaded machine as one thread takes.
    """
    return ThreadpoolController()


def _response_db(eq: EqSettings, freqs_hz: Float64Array, sample_rate_hz: float) -> Float64Array:
    """Return the response in parts, so that many bands take little memory."""
    parts = np.array_split(freqs_hz, -(-len(eq.bands) * freqs_hz.size // _CELLS) or 1)
    return np.concatenate([response_db(eq, part, sample_rate_hz) for part in parts])
