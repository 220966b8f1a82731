"""How even a way of curves is, and how straight: pure maths."""

from __future__ import annotations

import numpy as np

from semeq_export.arrays import Float64Array


def steps_db(curves: Float64Array) -> Float64Array:
    """Return (n - 1,) by how many dB rms each of curves (n, n_freqs) differs from the next."""
    return rms_of_each(np.diff(curves, axis=0))


def departures_db(curves: Float64Array) -> Float64Array:
    """Return (n,) by how many dB rms each of curves (n, n_freqs) lies off the straight line between the first and the last."""
    shares = np.linspace(0.0, 1.0, len(curves))[:, np.newaxis]
    return rms_of_each(curves - (curves[0] + shares * (curves[-1] - curves[0])))


def rms_of_each(curves: Float64Array) -> Float64Array:
    """Return (n,) the root mean square of each of curves (n, n_freqs)."""
    rms: Float64Array = np.sqrt(np.square(curves).mean(axis=1))
    return rms
