"""Widths and first-order passes as SoX computes them, and FFmpeg, whose filters come from it.

| width | Q |
| --- | --- |
| q | as it is |
| h, k | centre frequency / width in Hz or kHz |
| o | 1 / (2 sinh(ln(2) / 2 * octaves * w / sin(w))), w = 2 pi f / sample rate |
| s | 1 / sqrt((A + 1/A) (1/slope - 1) + 2), A = 10^(gain/40) |

A pass of one pole has it at exp(-w): the high-pass is one of first order at another frequency, the low-pass, whose zero is at infinity of
the z plane and not at Nyquist, a first-order high shelf. These and octaves depend on the sample rate; they are read as at 48 kHz, and a
note says how far that is off at 44.1 and 96 kHz.
Source: SoX 14.4.2, biquads.c; FFmpeg 5.1, libavfilter/af_biquads.c; both measured.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from semeq_export.eq.biquad import audible_db
from semeq_export.eq.curve import log_grid
from semeq_export.eq.settings import MAX_Q, MIN_Q, Band, BandKind, EqSettings
from semeq_export.errors import PresetReadError
from semeq_presets.file_formats._fields import band
from semeq_presets.file_formats.base import Note

RATE_HZ = 48_000.0
_OTHER_RATES_HZ = (44_100.0, 96_000.0)
_GRID_HZ = log_grid(300)


def q_of(unit: str, width: float, freq_hz: float, gain_db: float, rate_hz: float = RATE_HZ) -> float | None:
    """Return the Q of a width, None where the unit is none of ours or another width than a Q is none that a band can have."""
    if unit == "q":
        return width
    w = 2.0 * math.pi * freq_hz / rate_hz
    try:
        if unit in ("h", "k"):
            q = freq_hz / (width * (1_000.0 if unit == "k" else 1.0))
        elif unit == "o":
            q = 0.5 / math.sinh(math.log(2.0) / 2.0 * width * w / math.sin(w))
        elif unit == "s":
            a = 10.0 ** (gain_db / 40.0)
            q = 1.0 / math.sqrt((a + 1.0 / a) * (1.0 / width - 1.0) + 2.0)
        else:
            return None
    except (ValueError, ZeroDivisionError, OverflowError):
        return None
    return q if MIN_Q <= q <= MAX_Q else None


def one_pole(kind: BandKind, freq_hz: float, rate_hz: float, where: str) -> Band:
    """Return the band that a high- or low-pass of one pole is at a sample rate; raises PresetReadError where it is out of range."""
    if freq_hz <= 0.0:
        return band(kind, freq_hz, 0.0, 0.7071, order=1, where=where)  # refused with its range
    pole = math.tanh(min(math.pi * freq_hz / rate_hz, 18.0))
    if kind is BandKind.HIGH_PASS:
        return band(kind, math.atan(pole) * rate_hz / math.pi, 0.0, 0.7071, order=1, where=where)
    centre_hz = math.atan(math.sqrt(pole)) * rate_hz / math.pi
    return band(BandKind.HIGH_SHELF, centre_hz, 20.0 * math.log10(max(pole, 1e-30)), 0.7071, order=1, where=where)


def of_rate(at: Callable[[float], Band], where: str, what: str) -> Note:
    """Return the note on a filter that is another band at other sample rates. at: the band at a rate in Hz."""
    held, worst = at(RATE_HZ), (0.0, 0.0)
    for rate_hz in _OTHER_RATES_HZ:
        try:
            other = at(rate_hz)
        except PresetReadError:  # a rate that has no such frequency
            continue
        off = np.abs(audible_db(EqSettings((held,)), _GRID_HZ, rate_hz) - audible_db(EqSettings((other,)), _GRID_HZ, rate_hz))
        place = int(np.argmax(off))
        worst = max(worst, (float(off[place]), float(_GRID_HZ[place])))
    return Note("approximated", None, where, f"{what} depends on the sample rate", f"as at {RATE_HZ:g} Hz", *worst)
