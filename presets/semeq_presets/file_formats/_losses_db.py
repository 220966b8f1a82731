"""How far two EQs are apart, for notes of readers: the largest difference that anybody can hear, and where it is."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from semeq_export.eq.biquad import SILENT_DB, for_rate, response_db
from semeq_export.eq.curve import log_grid
from semeq_export.eq.settings import Band, EqSettings

RATE_HZ = 48_000.0
_TOP_HZ = 20_000.0
_POINTS = 300


def apart_db(first: Iterable[Band], second: Iterable[Band], *, silent_db: float = SILENT_DB) -> tuple[float, float]:
    """Return the largest difference in dB between two sets of bands at 48 kHz from 20 Hz to 20 kHz, and its frequency in Hz.

    Below silent_db nothing differs.
    """
    one, other = EqSettings(tuple(first)), EqSettings(tuple(second))
    centres = [band.freq_hz for band in (*one.bands, *other.bands) if 20.0 <= band.freq_hz <= _TOP_HZ]
    freqs = np.union1d(log_grid(_POINTS, 20.0, _TOP_HZ), np.array(centres))
    heard_db = [np.maximum(response_db(for_rate(eq, RATE_HZ).eq, freqs, RATE_HZ), silent_db) for eq in (one, other)]
    off_db = np.abs(heard_db[0] - heard_db[1])
    worst = int(np.argmax(off_db))
    return float(off_db[worst]), float(freqs[worst])
