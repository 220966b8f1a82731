"""What a filter of ZL Equalizer is in bands of ours, and back.

| type | filter |
| --- | --- |
| 0 peak | of second order the cookbook's; of a higher order n two low shelves of order n, -g at f / 2^h and g at f * 2^h |
| 1, 3 low, high shelf; 7 tilt shelf | with Q' = sqrt(Q sqrt(2)) / sqrt(2); of a higher order n/2 shelves of gain g / (n/2) |
| 2, 4 low-, high-pass; 9 all-pass | of second order with Q |
| 5 notch, 6 band-pass | n/2 of Q times or divided by k / sqrt(1 - k^2), k = 10^(-6 / n / 20) |
| 8 flat tilt | shelves of first order, g / 2 each, at 10, 40, 160, ... Hz, and 0 dB at f |
| 10 flat gain | g |

h = asinh(0.5 / Q) / ln 2. Sections of a higher order n, i = 0..m-1, m = n/2: Q_i = (sqrt(2) Q)^(1/m) / (2 cos((2i + 1) pi / (4m))) *
2^(r (i - m/2 + 1/2)), r = 12 log10(sqrt(2) Q) / n^1.5. Filters follow their analogue model up to the Nyquist frequency; ours do not.
Source: ZL-Audio/ZLEqualizer at 24bb4bf, source/dsp/filter/filter_design, ideal_filter/coeff, zlp/zlp_definitions.hpp.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from semeq_export.arrays import Float64Array
from semeq_export.eq.biquad import SILENT_DB, audible_db, design_sections, sos_response_db
from semeq_export.eq.curve import log_grid
from semeq_export.eq.settings import Band, BandKind, EqSettings
from semeq_export.errors import InvalidEqError, PresetReadError

PEAK, LOW_SHELF, LOW_PASS, HIGH_SHELF, HIGH_PASS, NOTCH, BAND_PASS, TILT, FLAT_TILT, ALL_PASS, FLAT_GAIN = range(11)
ORDERS = (1, 2, 4, 6, 8, 12, 16)
SHELF_Q = 4.2
_KINDS = {
    PEAK: BandKind.PEAK,
    LOW_SHELF: BandKind.LOW_SHELF,
    LOW_PASS: BandKind.LOW_PASS,
    HIGH_SHELF: BandKind.HIGH_SHELF,
    HIGH_PASS: BandKind.HIGH_PASS,
    NOTCH: BandKind.NOTCH,
    BAND_PASS: BandKind.BAND_PASS,
    TILT: BandKind.TILT,
    ALL_PASS: BandKind.ALL_PASS,
}
CODES = {kind: code for code, kind in _KINDS.items()}
SHELVES = (BandKind.LOW_SHELF, BandKind.HIGH_SHELF, BandKind.TILT)
_PLAIN_Q = math.sqrt(0.5)
_TILT_HZ = (10.0, 40.0, 160.0, 640.0, 2_560.0, 10_240.0)  # at 44.1 and 48 kHz
_MODEL_HZ = 4e6  # where the bilinear transform does not bend what is heard
_POINTS = 2_000  # narrower than the sharpest filter


def bands_of(code: int, order: int, freq_hz: float, gain_db: float, q: float, enabled: bool, where: str) -> tuple[tuple[Band, ...], float]:
    """Return the bands of a filter and a level in dB; raises PresetReadError for values that no band has."""
    try:
        parts = tuple(_parts(code, order, freq_hz, gain_db, q))
        return tuple(Band(kind, hz, gain, width, enabled, size) for kind, hz, gain, width, size in parts), _level(code, freq_hz, gain_db)
    except InvalidEqError as error:
        raise PresetReadError(str(error), where=where) from error


Part = tuple[BandKind, float, float, float, int]


def _parts(code: int, order: int, freq_hz: float, gain_db: float, q: float) -> Iterator[Part]:
    """Yield kind, frequency, gain, Q and order of the sections of a filter."""
    if code == FLAT_TILT:
        yield from ((BandKind.HIGH_SHELF, hz, gain_db / 2.0, _PLAIN_Q, 1) for hz in _TILT_HZ)
    elif code in _KINDS:
        kind, half = _KINDS[code], max(order // 2, 1)
        if code in (NOTCH, BAND_PASS, PEAK) and order == 1:
            return
        if code == PEAK:
            yield from _peak(order, freq_hz, gain_db, q)
        elif code in (NOTCH, BAND_PASS):
            yield from [(kind, freq_hz, 0.0, q * _narrowing(code, order), 2)] * half
        else:
            width = math.sqrt(q * math.sqrt(2.0)) / math.sqrt(2.0) if kind in SHELVES else q
            gain = gain_db / half if kind in SHELVES else 0.0
            yield from ((kind, freq_hz, gain, one, min(order, 2)) for one in _qs(order, width))


def _peak(order: int, freq_hz: float, gain_db: float, q: float) -> Iterator[Part]:
    if order == 2:
        yield BandKind.PEAK, freq_hz, gain_db, q, 2
        return
    factor = 2.0 ** (math.asinh(0.5 / q) / math.log(2.0))
    for hz, gain in ((freq_hz / factor, -gain_db), (freq_hz * factor, gain_db)):
        yield from ((BandKind.LOW_SHELF, hz, gain / (order // 2), one, 2) for one in _qs(order, _PLAIN_Q))


def _qs(order: int, q: float) -> list[float]:
    """Return the Q of each section."""
    if order <= 2:
        return [q]
    count, peak = order // 2, math.sqrt(2.0) * q
    spread = 12.0 * math.log10(peak) / order**1.5
    angles = [(2 * index + 1) * math.pi / (4 * count) for index in range(count)]
    return [
        0.5 / math.cos(angle) * peak ** (1.0 / count) * 2.0 ** (spread * (index - count / 2.0 + 0.5)) for index, angle in enumerate(angles)
    ]


def _narrowing(code: int, order: int) -> float:
    k = 10.0 ** (-6.0 / order / 20.0)
    factor: float = k / math.sqrt(1.0 - k * k)
    return factor if code == NOTCH else 1.0 / factor


def _level(code: int, freq_hz: float, gain_db: float) -> float:
    if code == FLAT_GAIN:
        return gain_db
    if code != FLAT_TILT:
        return 0.0
    g = 10.0 ** (gain_db / 40.0)
    return -10.0 * sum(math.log10((g * g * w + g) / (w + g)) for w in ((freq_hz / hz) ** 2 for hz in _TILT_HZ))


def stored_q(held: Band) -> float:
    """Return the Q that a filter of ZL Equalizer needs to be a band."""
    if held.kind in SHELVES:
        return held.q * held.q * math.sqrt(2.0)
    if held.kind in (BandKind.NOTCH, BandKind.BAND_PASS):
        return held.q / _narrowing(CODES[held.kind], 2)
    return held.q


def apart_db(eq: EqSettings) -> tuple[float, float]:
    """Return the largest difference in dB, 20 Hz to 20 kHz, between bands at 48 kHz and their analogue models, and its frequency in Hz."""
    sections = [section for band in eq.active_bands if band.freq_hz < 24_000.0 for section in design_sections(band, _MODEL_HZ)]
    if not sections:
        return 0.0, 20.0
    freqs_hz = log_grid(_POINTS)
    model_db = np.maximum(sos_response_db(np.array(sections), freqs_hz, _MODEL_HZ) + eq.preamp_db, SILENT_DB)
    return _worst(model_db - audible_db(eq, freqs_hz, 48_000.0), freqs_hz)


def _worst(off_db: Float64Array, freqs_hz: Float64Array) -> tuple[float, float]:
    worst = int(np.argmax(np.abs(off_db)))
    return float(abs(off_db[worst])), float(freqs_hz[worst])
