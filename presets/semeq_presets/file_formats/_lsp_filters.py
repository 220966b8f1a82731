"""Filters of LSP's equalisers as bands of the model: every mode, type and slope that the plug-in and EasyEffects offer.

| mode | filter |
| --- | --- |
| RLC, BWC, LRX (BT) | the analogue filter of `_lsp_prototypes`, bilinear transform with its frequency kept: exactly a product of bands |
| RLC, BWC, LRX (MT) | the same, zeros and poles moved by the matched transform: exactly one too, at one sample rate |
| APO (DR) | the Audio EQ Cookbook; slopes do not count; Q from 0.1; Ladders are two shelves; Allpass |

Matched transform: a root r of a polynomial in p becomes z = exp(r w0 / rate), and what a polynomial lacks of degree 2 a root z = 0; the
whole is scaled so that the section does at f0 / 10 what the analogue one does. In s = j tan(pi f / rate) a root is tanh(r w0 / (2 rate)),
and z = 0 is s = -1. Allpass is bilinear in all modes. Frequencies end at 0.49 of the sample rate.
Source: lsp-plugins/lsp-dsp-units, src/main/filters/Filter.cpp (bilinear_transform, matched_transform, calc_apo_filter, limit).

Bandpass, Ladder-pass and Ladder-rej are newer than version 1.2.5 and come from the source alone.
"""

from __future__ import annotations

import cmath
import math
from dataclasses import dataclass, replace

import numpy as np

from semeq_export.arrays import Float64Array
from semeq_export.eq.biquad import Section as Digital
from semeq_export.eq.biquad import design_sections, sos_response_db
from semeq_export.eq.settings import Band, BandKind
from semeq_export.units import db_to_amplitude
from semeq_presets.file_formats._lsp_prototypes import WITH_WIDTH, Polynomial, Section, sections
from semeq_presets.file_formats._section_bands import Equivalent, bands_of

MODES = ("RLC (BT)", "RLC (MT)", "BWC (BT)", "BWC (MT)", "LRX (BT)", "LRX (MT)", "APO (DR)")
TYPES = (
    "Off",
    "Bell",
    "Hi-pass",
    "Hi-shelf",
    "Lo-pass",
    "Lo-shelf",
    "Notch",
    "Resonance",
    "Allpass",
    "Bandpass",
    "Ladder-pass",
    "Ladder-rej",
)
SLOPES = (1, 2, 3, 4)
"""Modes, types and slopes in the order of the values that the plug-in's ports have."""

APO = MODES[6]
APO_TYPES = {
    BandKind.PEAK: "Bell",
    BandKind.HIGH_PASS: "Hi-pass",
    BandKind.HIGH_SHELF: "Hi-shelf",
    BandKind.LOW_PASS: "Lo-pass",
    BandKind.LOW_SHELF: "Lo-shelf",
    BandKind.NOTCH: "Notch",
    BandKind.ALL_PASS: "Allpass",
    BandKind.BAND_PASS: "Bandpass",
}
"""The type that is a band of second order in the mode APO (DR)."""

WRITTEN_KINDS = frozenset(APO_TYPES) - {BandKind.BAND_PASS}
"""What is written: Bandpass is newer than the version that was measured, and an older plug-in would take its port's value for another."""

_APO_KINDS = {kind: name for name, kind in APO_TYPES.items()} | {"Resonance": BandKind.PEAK}
_MIN_APO_Q = 0.1
_TOP = 0.49  # of the sample rate
_CONTROL = 0.1  # of the filter's frequency: where the matched transform is scaled


@dataclass(frozen=True, slots=True)
class LspFilter:
    """What the plug-in's ports say of one filter.

    kind, mode: of TYPES and MODES. slope: 1..4. q: from 0. width: in octaves, of the types that have two frequencies.
    """

    kind: str
    mode: str
    slope: int
    freq_hz: float
    gain_db: float
    q: float
    width: float = 4.0


def equivalent(one: LspFilter, sample_rate_hz: float) -> Equivalent:
    """Return the bands whose product is the filter at a sample rate, none for "Off".

    Raises InvalidEqError where a number is out of the model's range.
    """
    if one.mode == APO:
        return Equivalent(_apo(one, sample_rate_hz), 0.0)
    parts = [bands_of(section, sample_rate_hz) for section in _sections(one, sample_rate_hz)]
    bands = tuple(band for part in parts for band in part.bands)
    if not bands and one.kind in _APO_KINDS:  # of 0 dB: it does nothing, but somebody has put it there
        bands = (Band(_APO_KINDS[one.kind], _frequencies(one, sample_rate_hz)[0], 0.0, max(one.q, _MIN_APO_Q)),)
    return Equivalent(bands, sum(part.gain_db for part in parts))


def digital(one: LspFilter, sample_rate_hz: float) -> Float64Array:
    """Return the sections (n, 6) that the plug-in runs, as b0 b1 b2 a0 a1 a2."""
    if one.mode == APO:
        rows = [row for band in _apo(one, sample_rate_hz) for row in design_sections(band, sample_rate_hz)]
    else:
        rows = [_in_z(section) for section in _sections(one, sample_rate_hz)]
    return np.array(rows, dtype=np.float64).reshape(-1, 6)


def chart(one: LspFilter, freqs_hz: Float64Array, sample_rate_hz: float) -> Float64Array:
    """Return the magnitude (n,) as an amplitude that the plug-in draws: the analogue filter's where its transform is matched."""
    if _is_matched(one):
        low_hz, high_hz = _frequencies(one, sample_rate_hz)
        analogue = sections(one.mode[:3], one.kind, one.slope, db_to_amplitude(one.gain_db), one.q, low_hz / high_hz)
        return np.array([math.prod(section.amplitude(1j * freq_hz / low_hz) for section in analogue) for freq_hz in freqs_hz])
    magnitudes: Float64Array = 10.0 ** (sos_response_db(digital(one, sample_rate_hz), freqs_hz, sample_rate_hz) / 20.0)
    return magnitudes


def _is_matched(one: LspFilter) -> bool:
    return one.mode.endswith("(MT)") and one.kind not in ("Allpass", "Off")


def _frequencies(one: LspFilter, sample_rate_hz: float) -> tuple[float, float]:
    """Return the two frequencies of a filter, the same one twice for types that have one."""
    has_two = one.kind in WITH_WIDTH and (one.mode != APO or one.kind != "Bandpass")
    apart = 2.0 ** (one.width / 2.0) if has_two else 1.0
    return min(one.freq_hz / apart, _TOP * sample_rate_hz), min(one.freq_hz * apart, _TOP * sample_rate_hz)


def _sections(one: LspFilter, sample_rate_hz: float) -> list[Section]:
    """Return the sections of a filter in s = j tan(pi f / rate)."""
    if one.kind == "Off":
        return []
    low_hz, high_hz = _frequencies(one, sample_rate_hz)
    family, is_matched = one.mode[:3], _is_matched(one)
    w = math.tan(math.pi * low_hz / sample_rate_hz)
    x = low_hz / high_hz if is_matched else w / math.tan(math.pi * high_hz / sample_rate_hz)
    analogue = sections(family, one.kind, one.slope, db_to_amplitude(one.gain_db), one.q, x)
    return [_matched(section, low_hz, sample_rate_hz) if is_matched else _bilinear(section, w) for section in analogue]


def _apo(one: LspFilter, sample_rate_hz: float) -> tuple[Band, ...]:
    if one.kind == "Off":
        return ()
    q = max(one.q, _MIN_APO_Q)
    low_hz, high_hz = _frequencies(one, sample_rate_hz)
    if one.kind in WITH_WIDTH and one.kind != "Bandpass":
        first, second_db = (BandKind.LOW_SHELF, one.gain_db) if one.kind == "Ladder-rej" else (BandKind.HIGH_SHELF, -one.gain_db)
        return Band(first, low_hz, one.gain_db, q), Band(BandKind.HIGH_SHELF, high_hz, second_db, q)
    kind = _APO_KINDS[one.kind]
    band = Band(kind, low_hz, q=q)
    return (replace(band, gain_db=one.gain_db) if band.has_gain else band,)


def _bilinear(section: Section, w: float) -> Section:
    """Return a section in s = w p."""
    return Section(*((c[0], c[1] / w, c[2] / (w * w)) for c in (section.top, section.bottom)))


def _matched(section: Section, freq_hz: float, sample_rate_hz: float) -> Section:
    angle = 2.0 * math.pi * freq_hz / sample_rate_hz
    moved = Section(_moved(section.top, angle), _moved(section.bottom, angle))
    factor = section.amplitude(1j * _CONTROL) / moved.amplitude(1j * math.tan(_CONTROL * angle / 2.0))
    return Section((moved.top[0] * factor, moved.top[1] * factor, moved.top[2] * factor), moved.bottom)


def _moved(polynomial: Polynomial, angle: float) -> Polynomial:
    """Return the polynomial in s whose roots are those of one in p after the matched transform, with the highest coefficient 1."""
    c0, c1, c2 = polynomial
    if c2 == 0.0:
        root = -1.0 if c1 == 0.0 else math.tanh(-c0 / c1 * angle / 2.0)
        return -root, 1.0 - root, 1.0  # (s - root) (s + 1)
    spread = cmath.sqrt(c1 * c1 - 4.0 * c2 * c0)
    far = (-c1 - spread) / (2.0 * c2) if c1 else -spread / (2.0 * c2)
    near = c0 / (c2 * far) if far else 0.0
    first, second = (cmath.tanh(root * angle / 2.0) for root in (far, near))
    return (first * second).real, -(first + second).real if c1 else 0.0, 1.0


def _in_z(section: Section) -> Digital:
    """Return a section in z: s is (1 - 1/z) / (1 + 1/z)."""
    (t0, t1, t2), (b0, b1, b2) = section.top, section.bottom
    whole = b0 + b1 + b2
    return (
        (t0 + t1 + t2) / whole,
        2.0 * (t0 - t2) / whole,
        (t0 - t1 + t2) / whole,
        1.0,
        2.0 * (b0 - b2) / whole,
        (b0 - b1 + b2) / whole,
    )
