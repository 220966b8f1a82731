"""What a fit is given: curves over frequencies with their weights, and how much work it may take."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from semeq_export.arrays import Float64Array, FloatArray
from semeq_export.errors import InvalidEqError

_MAX_CURVE_DB = 1_000.0


@dataclass(slots=True)
class Effort:
    """How much work fits may still take, counted down by them; what it runs out in ends with the best so far.

    left: in multiplications, about 3e9 for a second. Not in seconds: equal input gives equal output on slow and on loaded machines.
    """

    left: float = math.inf

    def spend(self, work: float) -> bool:
        """Take off work and return whether there was as much left; where there was not, nothing is left for smaller work either."""
        is_enough = work <= self.left
        self.left = self.left - work if is_enough else 0.0
        return is_enough


def check_input(
    curves_db: FloatArray, freqs_hz: FloatArray, weights: FloatArray | None, rate: float
) -> tuple[Float64Array, Float64Array, Float64Array]:
    """Return curves, frequencies and weights as `fit_many` takes them, the weights as shares of 1; raises InvalidEqError."""
    curves, freqs = np.asarray(curves_db, dtype=np.float64), np.asarray(freqs_hz, dtype=np.float64)
    if freqs.ndim != 1 or freqs.size < 2 or curves.ndim != 2 or curves.shape[1] != freqs.size:
        raise InvalidEqError("curves_db", f"of shape {curves.shape} over {freqs.shape} frequencies", "not (n, n_freqs) over 2 or more")
    shares = np.ones(freqs.size) if weights is None else np.asarray(weights, dtype=np.float64)
    for name, values in (("curves_db", curves), ("freqs_hz", freqs), ("weights", shares)):
        if not np.all(np.isfinite(values)):
            raise InvalidEqError(name, values[~np.isfinite(values)].flat[0], "not finite")
    if np.any(freqs <= 0) or np.any(freqs > rate / 2):
        raise InvalidEqError("freqs_hz", f"{freqs.min():g}..{freqs.max():g}", f"outside 0..{rate / 2:g} (half the sample rate)")
    if shares.shape != freqs.shape or np.any(shares < 0) or shares.sum() <= 0:
        raise InvalidEqError("weights", f"of shape {shares.shape}", f"not {freqs.shape} numbers >= 0 with a sum above 0")
    if np.any(np.abs(curves) > _MAX_CURVE_DB):
        raise InvalidEqError("curves_db", float(np.abs(curves).max()), f"outside -{_MAX_CURVE_DB:g}..{_MAX_CURVE_DB:g} dB")
    return curves, freqs, shares / shares.sum()
