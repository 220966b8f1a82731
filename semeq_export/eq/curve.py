"""Magnitude curves on a log-frequency grid, and what "level-free" means: the one place for both.

Overall level is arbitrary in EQ data (people lower whole curves), so curves are compared after their mean over log frequency is removed.
"""

from __future__ import annotations

from collections.abc import Mapping
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


MAX_CURVE_POINTS = 100_000


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

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Curve):
            return NotImplemented
        return np.array_equal(self.freqs_hz, other.freqs_hz) and np.array_equal(self.gain_db, other.gain_db)

    def __hash__(self) -> int:
        return hash((self.freqs_hz.tobytes(), self.gain_db.tobytes()))

    def to_dict(self) -> dict[str, object]:
        """Return plain data for JSON."""
        return {"freqs_hz": self.freqs_hz.tolist(), "gain_db": self.gain_db.tolist()}

    @classmethod
    def from_dict(cls, data: object) -> Curve:
        """Return the curve that `to_dict` wrote; raises InvalidEqError naming the list that is missing or wrong."""
        columns = []
        for key in ("freqs_hz", "gain_db"):
            values = data.get(key) if isinstance(data, Mapping) else None
            if not isinstance(values, list) or len(values) > MAX_CURVE_POINTS:
                raise InvalidEqError(key, "", f"not a list of at most {MAX_CURVE_POINTS} numbers")
            if not all(isinstance(value, float | int) and not isinstance(value, bool) for value in values):
                raise InvalidEqError(key, "", "holding something that is not a number")
            columns.append(np.array(values, dtype=np.float64))
        return cls(*columns)

    def raised(self, gain_db: float) -> Curve:
        """Return the curve with a gain in dB added everywhere."""
        return Curve(self.freqs_hz, self.gain_db + gain_db)

    def at(self, freqs_hz: FloatArray) -> Float64Array:
        """Return the gains in dB at other frequencies (n,) >= 0, linear over log frequency, held constant outside the ends."""
        wanted = np.maximum(np.asarray(freqs_hz, dtype=np.float64), self.freqs_hz[0])  # 0 Hz has no logarithm
        gain_db: Float64Array = np.interp(np.log(wanted), np.log(self.freqs_hz), self.gain_db)
        return gain_db
