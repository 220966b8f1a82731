"""Any second-order section as bands of the model, exactly: what a host's own filter is, in words that every format knows.

A section H(s) = t(s) / b(s), s = j tan(pi f / rate), is the bilinear transform of an analogue filter, and so are the cookbook's bands.
Let wz, Qz be the frequency and Q of its zeros and wp, Qp those of its poles. Then, up to a gain, H is

    (s^2 + s wz/Qz + wz^2) / (s^2 + s wz/Qp + wz^2)    a peak at wz of Q sqrt(Qz Qp) and the gain Qp / Qz
  * (s^2 + s wz/Qp + wz^2) / (s^2 + s wp/Qp + wp^2)    a shelf at sqrt(wz wp) of Q Qp and the gain (wz / wp)^2

or the same the other way round (shelf of Q Qz, peak at wp). Zeros on the axis make a notch of the peak; zeros right of it are those left of
it times an all-pass at wz. Without zeros it is a low-pass, with zeros at 0 a high-pass or a band-pass; the same with one pole.
Source: R. Bristow-Johnson, Audio EQ Cookbook, https://www.w3.org/TR/audio-eq-cookbook/ (the analogue prototypes), rearranged.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from semeq_export.eq.settings import MAX_GAIN_DB, Band, BandKind
from semeq_export.units import amplitude_to_db
from semeq_presets.file_formats._lsp_prototypes import Section

_SAME = 1e-9
_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Equivalent:
    """Bands, and the gain in dB that goes with them."""

    bands: tuple[Band, ...]
    gain_db: float


def bands_of(section: Section, sample_rate_hz: float) -> Equivalent:
    """Return the bands whose product is a section, at one sample rate.

    section: stable, b0 > 0, in s = j tan(pi f / rate). A band may lie above the 0.95 of Nyquist that the model plays.
    """
    if section.bottom[2] == 0.0:
        return _one_pole(section, sample_rate_hz)
    (t0, t1, t2), (b0, b1, b2) = section.top, section.bottom
    wp, qp = math.sqrt(b0 / b2), math.sqrt(b0 * b2) / b1
    if t2 == 0.0 and t1 == 0.0:
        return Equivalent((_band(BandKind.LOW_PASS, wp, qp, sample_rate_hz),), amplitude_to_db(abs(t0 / b0)))
    if t0 == 0.0 and t1 == 0.0:
        return Equivalent((_band(BandKind.HIGH_PASS, wp, qp, sample_rate_hz),), amplitude_to_db(abs(t2 / b2)))
    if t0 == 0.0 and t2 == 0.0:
        return Equivalent((_band(BandKind.BAND_PASS, wp, qp, sample_rate_hz),), amplitude_to_db(abs(t1 / b1)))
    if t0 == 0.0:
        return _two_one_poles(section, sample_rate_hz)
    return _two_zeros(section, sample_rate_hz)


def _one_pole(section: Section, rate: float) -> Equivalent:
    (t0, t1, _), (b0, b1, _) = section.top, section.bottom
    if b1 == 0.0:
        return Equivalent((), amplitude_to_db(abs(t0 / b0)))
    pole = b0 / b1
    if t1 == 0.0:
        return Equivalent((_band(BandKind.LOW_PASS, pole, None, rate),), amplitude_to_db(abs(t0 / b0)))
    if t0 == 0.0:
        return Equivalent((_band(BandKind.HIGH_PASS, pole, None, rate),), amplitude_to_db(abs(t1 / b1)))
    zero = abs(t0 / t1)
    turned = (_band(BandKind.ALL_PASS, zero, None, rate),) if t0 * t1 < 0.0 else ()
    if math.isclose(zero, pole, rel_tol=_SAME):
        return Equivalent(turned, amplitude_to_db(abs(t1 / b1)))
    shelves, gain_db = _shelves(zero, pole, None, amplitude_to_db(abs(t0 / b0)), amplitude_to_db(abs(t1 / b1)), rate)
    return Equivalent((*turned, *shelves), gain_db)


def _two_one_poles(section: Section, rate: float) -> Equivalent:
    """Return s (t1 + t2 s) over two real poles as a high-pass and a shelf, each with one of them."""
    (_, t1, t2), (b0, b1, b2) = section.top, section.bottom
    root = math.sqrt(max(b1 * b1 - 4.0 * b0 * b2, 0.0))
    near, far = 2.0 * b0 / (b1 + root), (b1 + root) / (2.0 * b2)
    high_pass = _one_pole(Section((0.0, 1.0, 0.0), (near, 1.0, 0.0)), rate)
    shelf = _one_pole(Section((t1, t2, 0.0), (b2 * far, b2, 0.0)), rate)
    return Equivalent((*high_pass.bands, *shelf.bands), high_pass.gain_db + shelf.gain_db)


def _two_zeros(section: Section, rate: float) -> Equivalent:
    (t0, t1, t2), (b0, b1, b2) = section.top, section.bottom
    wz, wp, qp = math.sqrt(t0 / t2), math.sqrt(b0 / b2), math.sqrt(b0 * b2) / b1
    low_db, high_db = amplitude_to_db(abs(t0 / b0)), amplitude_to_db(abs(t2 / b2))
    if t1 == 0.0:
        notch = _band(BandKind.NOTCH, wz, qp, rate)
        shelves, gain_db = _shelves(wz, wp, qp, low_db, high_db, rate)
        return Equivalent((notch, *shelves), gain_db)
    qz = math.sqrt(t0 * t2) / abs(t1)
    turned = (_band(BandKind.ALL_PASS, wz, qz, rate),) if t1 < 0.0 else ()
    peak_at, shelf_q = (wz, qp) if wz < wp else (wp, qz)
    shelves, gain_db = _shelves(wz, wp, shelf_q, low_db, high_db, rate)
    return Equivalent((*turned, *_peaks(peak_at, qz, qp, rate), *shelves), gain_db)


def _peaks(w: float, qz: float, qp: float, rate: float) -> Iterator[Band]:
    """Return the peak with zeros of one Q and poles of another, as many as its gain needs."""
    if math.isclose(qz, qp, rel_tol=_SAME):
        return
    count = math.ceil(abs(amplitude_to_db(qp / qz)) / MAX_GAIN_DB)
    step = (qp / qz) ** (1.0 / count)
    for index in range(count):
        lower = qz * step**index
        yield _band(BandKind.PEAK, w, lower * math.sqrt(step), rate, amplitude_to_db(step))


def _shelves(zero: float, pole: float, q: float | None, low_db: float, high_db: float, rate: float) -> tuple[list[Band], float]:
    """Return the shelf that leads from one frequency to another, as many as its gain needs, and what it leaves of the gains far from it.

    The one that leaves less of the two, low or high. q: None for a shelf of first order.
    """
    low = abs(high_db) <= abs(low_db)
    rest_db = high_db if low else low_db
    if math.isclose(zero, pole, rel_tol=_SAME):
        return [], rest_db
    power = 20.0 if q is None else 40.0
    total_db = power * math.log10(zero / pole) * (1.0 if low else -1.0)
    count = math.ceil(abs(total_db) / MAX_GAIN_DB)
    step = (zero / pole) ** (1.0 / count)
    kind = BandKind.LOW_SHELF if low else BandKind.HIGH_SHELF
    return [_band(kind, pole * step ** (i + 0.5), q, rate, total_db / count) for i in range(count)], rest_db


def _band(kind: BandKind, w: float, q: float | None, rate: float, gain_db: float = 0.0) -> Band:
    """Return a band at s = j w, of first order without a Q; digits that only the way here has made are rounded off."""
    freq_hz, gain_db, held_q = (float(f"{value:.{_DIGITS}g}") for value in (rate / math.pi * math.atan(w), gain_db, q or 0.7071))
    return Band(kind, freq_hz, gain_db, held_q, order=1 if q is None else 2)
