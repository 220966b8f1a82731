"""How far two EQs are apart, for notes of readers: the largest difference that anybody can hear, and where it is."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from semeq_export.eq.biquad import audible_db
from semeq_export.eq.curve import log_grid
from semeq_export.eq.settings import Band, EqSettings

RATE_HZ = 48_000.0
_TOP_HZ = 20_000.0
_POINTS = 300


def apart_db(first: Iterable[Band], second: Iterable[Band]) -> tuple[float, float]:
    """Return the largest difference in dB between two sets of bands at 48 kHz from 20 Hz to 20 kHz, and its frequency in Hz.

    Below -60 dB nothing differs.
    """
    one, other = EqSettings(tuple(first)), EqSettings(tuple(second))
    centres = [band.freq_hz for band in (*one.bands, *other.bands) if 20.0 <= band.freq_hz <= _TOP_HZ]
    freqs = np.union1d(log_grid(_POINTS, 20.0, _TOP_HZ), np.array(centres))
    off_db = np.abs(audible_db(one, freqs, RATE_HZ) - audible_db(other, freqs, RATE_HZ))
    worst = int(np.argmax(off_db))
    return float(off_db[worst]), float(freqs[worst])
