"""The K-weighting of ITU-R BS.1770-4, as sections for any rate; `loudness` runs them.

The standard gives its filters for 48 kHz. For other rates they are designed anew from the analogue filters behind those coefficients, a
high shelf of +4 dB at 1,682 Hz and a high pass at 38 Hz (values and formulas of the EBU's libebur128); at 48 kHz they are the standard's.
Apart from `loudness` because scipy.signal takes longer to import than a command that writes a preset has.
"""

from __future__ import annotations

import math

import numpy as np

from semeq_export.arrays import Float64Array


def k_weighting(sample_rate_hz: float) -> Float64Array:
    """Return the two sections of the K-weighting in scipy's order."""
    k = math.tan(math.pi * 1681.974450955533 / sample_rate_hz)
    q, high = 0.7071752369554196, 10.0 ** (3.999843853973347 / 20.0)
    middle = high**0.4996667741545416
    a0 = 1.0 + k / q + k * k
    shelf = [(high + middle * k / q + k * k) / a0, 2.0 * (k * k - high) / a0, (high - middle * k / q + k * k) / a0]
    shelf += [1.0, 2.0 * (k * k - 1.0) / a0, (1.0 - k / q + k * k) / a0]
    k, q = math.tan(math.pi * 38.13547087602444 / sample_rate_hz), 0.5003270373238773
    a0 = 1.0 + k / q + k * k
    high_pass = [1.0, -2.0, 1.0, 1.0, 2.0 * (k * k - 1.0) / a0, (1.0 - k / q + k * k) / a0]
    return np.array([shelf, high_pass], dtype=np.float64)
