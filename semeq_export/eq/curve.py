"""Magnitude curves on a log-frequency grid, and what "level-free" means: the one place for both.

Overall level is arbitrary in EQ data (people lower whole curves), so curves are compared after their mean over log frequency is removed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from semeq_export.arrays import Float64Array, FloatArray
from semeq_export.errors import InvalidEqError


def log_grid(n_freqs: int = 96, minimum_hz: float = 20.0, maximum_hz: float = 20_000.0) -> Float64Array:
    """Return (n_freqs,) frequencies in Hz, evenly spaced over log frequency, both ends included."""
    return np.geomspace(minimum_hz, maximum_hz, n_freqs)


def level_free(curve_db: FloatArray, weights: FloatArray | None = None) -> Float64Array:
    """Return curves without their overall level: the (weighted) mean over the last axis is subtracted.

    curve_db: (..., n_freqs) in dB on a log-frequency grid. weights: (n_freqs,) >= 0, equal when left out.
    """
    curve = np.asarray(curve_db, dtype=np.float64)
    return curve - np.average(curve, axis=-1, weights=weights)[..., np.newaxis]


def correlation(a_db: FloatArray, b_db: FloatArray) -> float:
    """Return the correlation of two curves of equal shape (n_freqs,), level-free; 0.0 where one of them is flat."""
    a, b = level_free(a_db), level_free(b_db)
    scale = float(np.sqrt(np.sum(a * a) * np.sum(b * b)))
    return float(np.sum(a * b)) / scale if scale > 1e-12 else 0.0


def rms_db(curve_db: FloatArray) -> float:
    """Return the root mean square of a curve in dB, over all its points."""
    return float(np.sqrt(np.mean(np.square(np.asarray(curve_db, dtype=np.float64)))))


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """A response known by points only: what GraphicEQ files, impulse responses and measurements hold.

    freqs_hz: (n,) strictly increasing, > 0. gain_db: (n,), finite. At least two points.
    Raises InvalidEqError for anything else.
    """

    freqs_hz: Float64Array
    gain_db: Float64Array

    def __post_init__(self) -> None:
        try:
            freqs = np.array(self.freqs_hz, dtype=np.float64)
            gains = np.array(self.gain_db, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise InvalidEqError("curve", "", "not two lists of numbers") from error
        if freqs.ndim != 1 or freqs.shape != gains.shape or freqs.size < 2:
            raise InvalidEqError("curve", f"of shapes {freqs.shape} and {gains.shape}", "not two equal lists of 2 or more points")
        if not (np.all(np.isfinite(freqs)) and np.all(np.isfinite(gains))):
            raise InvalidEqError("curve", "value", "not finite")
        if freqs[0] <= 0 or not np.all(np.diff(freqs) > 0):
            raise InvalidEqError("freqs_hz", freqs[0], "not positive and strictly increasing")
        freqs.flags.writeable = gains.flags.writeable = False
        object.__setattr__(self, "freqs_hz", freqs)
        object.__setattr__(self, "gain_db", gains)

    def at(self, freqs_hz: FloatArray) -> Float64Array:
        """Return the gains in dB at other frequencies (n,) >= 0, linear over log frequency, held constant outside the ends."""
        wanted = np.maximum(np.asarray(freqs_hz, dtype=np.float64), self.freqs_hz[0])  # 0 Hz has no logarithm
        gain_db: Float64Array = np.interp(np.log(wanted), np.log(self.freqs_hz), self.gain_db)
        return gain_db
