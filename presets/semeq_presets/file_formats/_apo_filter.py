"""One Filter line of Equalizer APO: what it adds to the sound, or why the program skips it.

| type | meaning | width |
| --- | --- | --- |
| PK, PEQ, Modal | peak | Q or "BW Oct", needed |
| LP, LPQ, HP, HPQ | low- and high-pass | Q or "BW Oct", else 0.7071 |
| BP | band-pass, 0 dB at its centre; a gain is ignored | Q or "BW Oct", else 0.7071 |
| NO | notch | Q or "BW Oct", else 30 |
| AP | all-pass | Q or "BW Oct", needed |
| LSC, HSC | shelf at its centre frequency | Q, or a slope "x dB" (S = x / 12), else S = 0.9 |
| LS, HS | the same; with a Q or a slope, at a corner: centre = f * 10^(|g| / (80 S)), for HS divided | |
| IIR | coefficients: `_apo_iir` | |

A bandwidth stands before a Q, a slope before both; 0 counts as not given. Bandwidths are warped towards the Nyquist frequency: alpha =
sin w * sinh(ln 2 / 2 * BW * w / sin w), so that their Q depends on the sample rate. S of a shelf with Q, for its corner: 1 / ((1 / Q^2 - 2)
/ (A + 1 / A) + 1), A = 10^(g / 40). All words are case-sensitive. Numbers: `_apo_numbers`.
Source: Equalizer APO, filters/BiQuadFilterFactory.cpp, BiQuadFilter.cpp, BiQuad.cpp; its documentation of the configuration.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace

from semeq_export.eq.curve import Curve
from semeq_export.eq.settings import Band, BandKind
from semeq_export.errors import PresetReadError
from semeq_export.units import shelf_slope_to_q
from semeq_presets.file_formats._apo_iir import read_iir
from semeq_presets.file_formats._apo_numbers import frequency_hz, is_thousands, leading_number, with_points
from semeq_presets.file_formats._fields import band

Sound = Band | float | Curve
"""What a line adds to a channel: a band, a gain in dB, or a response known by points."""

_PEAK, _LOW, _HIGH = BandKind.PEAK, BandKind.LOW_SHELF, BandKind.HIGH_SHELF
_KINDS = {
    **dict.fromkeys(("PK", "PEQ", "Modal"), _PEAK),
    **dict.fromkeys(("LP", "LPQ"), BandKind.LOW_PASS),
    **dict.fromkeys(("HP", "HPQ"), BandKind.HIGH_PASS),
    "BP": BandKind.BAND_PASS,
    "NO": BandKind.NOTCH,
    "AP": BandKind.ALL_PASS,
    **dict.fromkeys(("LS", "LSC"), _LOW),
    **dict.fromkeys(("HS", "HSC"), _HIGH),
}
_ANY_CASE = {name.upper(): name for name in _KINDS}
_DEFAULT_Q = {
    **dict.fromkeys((BandKind.LOW_PASS, BandKind.HIGH_PASS, BandKind.BAND_PASS), math.sqrt(0.5)),
    BandKind.NOTCH: 30.0,
}
_SHELVES = (_LOW, _HIGH)
_WITH_GAIN = (_PEAK, _LOW, _HIGH)
_DEFAULT_SLOPE = 0.9
_SLOPE_OF_1_DB = 12.0
_MAX_GAIN_DB = 60.0
_INAUDIBLE_HZ = 24_000.0

_NUMBER = r"([-+0-9.eE]+)"
_HEAD = re.compile(r"\s*([A-Za-z]+)\s+([A-Za-z]+)")
_FREQ = re.compile(r"\s+Fc\s*([-+0-9.eE\u00a0]+)\s*H\s*z")
_GAIN = re.compile(rf"\s+Gain\s*{_NUMBER}\s*dB")
_Q = re.compile(rf"\s+Q\s*{_NUMBER}")
_BANDWIDTH = re.compile(rf"\s+BW\s+Oct\s*{_NUMBER}")
_SLOPE = re.compile(rf"\A\s*{_NUMBER}\s*dB")


@dataclass(frozen=True, slots=True)
class FilterLine:
    """What a Filter line adds.

    skipped: why Equalizer APO skips a line that seems to add something, and lost: what that would be, as far as it can be told.
    other, other_reading: the band as other programs may read it, and what they then take differently.
    """

    sounds: tuple[Sound, ...] = ()
    skipped: str = ""
    lost: tuple[Sound, ...] = ()
    other: Band | None = None
    other_reading: str = ""


class _Missing(Exception):
    """Something is not there that a filter needs. size_db: what the filter would do at most, where that is known."""

    def __init__(self, what: str, size_db: float = 0.0) -> None:
        super().__init__(what)
        self.size_db = size_db


def read_filter(parameters: str, rate_hz: float, where: str) -> FilterLine:
    """Return what follows "Filter 1:"; raises PresetReadError for numbers that no band can have."""
    text = with_points(parameters)
    head = _HEAD.match(text)
    if head is None:
        plain = text.strip()
        return (
            FilterLine() if plain.upper() in ("", "ON", "OFF") else FilterLine(skipped=f"{plain[:40]!r} is neither ON nor OFF with a type")
        )
    state, typed, rest = head[1], head[2], text[head.end() :]
    if state == "OFF":
        return _switched_off(typed, rest, rate_hz, where)
    if typed == "None" or state.upper() == "OFF":
        return FilterLine()
    if state != "ON":
        mistake = f"{state[:40]!r} is not ON" if state.upper() == "ON" else f"{state[:40]!r} is neither ON nor OFF"
        return FilterLine(skipped=mistake, lost=_lost(typed, rest, rate_hz, where) if state.upper() == "ON" else ())
    if typed == "IIR":
        sounds = read_iir(rest, rate_hz, where)
        return FilterLine(sounds) if sounds else FilterLine(skipped="the coefficients are not those of its order")
    if typed not in _KINDS:
        return FilterLine(skipped=f"type {typed[:40]!r} is not known", lost=_lost(typed, rest, rate_hz, where))
    try:
        return _line(typed, rest, rate_hz, where)
    except _Missing as missing:
        return FilterLine(skipped=f"{missing} is missing", lost=(missing.size_db,) if missing.size_db else ())


def _switched_off(typed: str, rest: str, rate_hz: float, where: str) -> FilterLine:
    """Return a band that is there but off, where the line says one; Equalizer APO does not look at it."""
    if typed not in _KINDS:
        return FilterLine()
    try:
        (found,) = _line(typed, rest, rate_hz, where).sounds
    except (PresetReadError, _Missing):
        return FilterLine()
    return FilterLine((replace(found, enabled=False),)) if isinstance(found, Band) else FilterLine()


def _lost(typed: str, rest: str, rate_hz: float, where: str) -> tuple[Sound, ...]:
    name = _ANY_CASE.get(typed.upper())
    try:
        return _line(name, rest, rate_hz, where).sounds if name is not None else ()
    except (PresetReadError, _Missing):
        return ()


def _line(typed: str, rest: str, rate_hz: float, where: str) -> FilterLine:
    """Return the band of a line without its state and type; raises _Missing, PresetReadError."""
    kind = _KINDS[typed]
    gain_db = _number(_GAIN, rest, "gain_db", where)
    freq = _FREQ.search(rest)
    if freq is None:
        raise _Missing("freq_hz", gain_db or 0.0)
    if gain_db is None and kind in _WITH_GAIN:
        raise _Missing("gain_db")
    held_db = (gain_db or 0.0) if kind in _WITH_GAIN else 0.0
    freq_hz = frequency_hz(freq[1], where)
    if kind in _SHELVES:
        return _shelf(typed, rest, freq_hz, held_db, where)
    found = band(kind, freq_hz, held_db, _q(kind, rest, freq_hz, held_db, rate_hz, where), where=where)
    if is_thousands(freq[1]) and freq_hz >= _INAUDIBLE_HZ:
        return FilterLine((found,), other=replace(found, freq_hz=freq_hz / 1_000.0), other_reading="three decimals as no thousands")
    return FilterLine((found,))


def _number(pattern: re.Pattern[str], text: str, name: str, where: str) -> float | None:
    found = pattern.search(text)
    return None if found is None else leading_number(found[1], name, where)


def _q(kind: BandKind, rest: str, freq_hz: float, gain_db: float, rate_hz: float, where: str) -> float:
    """Return the Q of a filter that is no shelf."""
    bandwidth = _number(_BANDWIDTH, rest, "bandwidth", where)
    given = bandwidth if bandwidth is not None else _number(_Q, rest, "q", where)
    width = given or _DEFAULT_Q.get(kind)
    if width is None:
        raise _Missing("q", gain_db)
    if bandwidth is None:
        return width
    if not 0.001 <= width <= 20.0:
        raise PresetReadError(f"bandwidth {width:g} is outside 0.001..20 octaves", where=where)
    return warped_q(width, freq_hz, rate_hz)


def warped_q(bandwidth_oct: float, freq_hz: float, rate_hz: float) -> float:
    """Return the Q of the cookbook's section of a bandwidth in octaves at a sample rate, down to 1e-6."""
    angle = 2.0 * math.pi * freq_hz / rate_hz
    warp = angle / math.sin(angle) if 0.0 < angle < math.pi else 1.0
    exponent = math.log(2.0) / 2.0 * bandwidth_oct * warp
    return max(0.5 / math.sinh(exponent), 1e-6) if exponent < 600.0 else 1e-6


def _shelf(typed: str, rest: str, freq_hz: float, gain_db: float, where: str) -> FilterLine:
    """Return a shelf, whose line gives a Q, a slope or neither."""
    if abs(gain_db) > _MAX_GAIN_DB:
        raise PresetReadError(f"gain_db {gain_db:g} is outside -60..60", where=where)
    kind = _KINDS[typed]
    slope_db, given_q = _number(_SLOPE, rest, "slope", where), _number(_Q, rest, "q", where)
    is_sloped = slope_db is not None or not given_q
    slope = _slope(slope_db, given_q, gain_db, where)
    q = _q_of_slope(slope, gain_db, where) if is_sloped else given_q
    assert q is not None
    centred = band(kind, freq_hz, gain_db, q, where=where)
    if typed.endswith("C") or not (slope_db or (slope_db is None and given_q)):
        return FilterLine((centred,))
    try:
        factor = 10.0 ** (abs(gain_db) / 80.0 / slope)
    except (OverflowError, ZeroDivisionError) as error:
        raise PresetReadError(f"q {given_q:g} gives a shelf no corner", where=where) from error
    corner_hz = freq_hz * factor if kind is _LOW else freq_hz / factor
    at_corner = band(kind, corner_hz, gain_db, q, where=where)
    return FilterLine((at_corner,), other=None if is_sloped else centred, other_reading=f"the frequency of {typed} as the centre")


def _slope(slope_db: float | None, given_q: float | None, gain_db: float, where: str) -> float:
    """Return the slope S of a shelf: its own, that of its Q, or the one that Equalizer APO takes."""
    if slope_db:
        if not 0.12 <= slope_db <= 120.0:
            raise PresetReadError(f"slope {slope_db:g} dB is outside 0.12..120 dB", where=where)
        return slope_db / _SLOPE_OF_1_DB
    if slope_db is not None or not given_q:
        return _DEFAULT_SLOPE
    if not 1e-6 <= given_q <= 1_000.0:
        raise PresetReadError(f"q {given_q} is outside 0..1000", where=where)
    amplitude = 10.0 ** (gain_db / 40.0)
    inverse = (1.0 / (given_q * given_q) - 2.0) / (amplitude + 1.0 / amplitude) + 1.0
    return 1.0 / inverse if inverse else math.inf


def _q_of_slope(slope: float, gain_db: float, where: str) -> float:
    try:
        return shelf_slope_to_q(slope, gain_db)
    except ValueError as error:
        raise PresetReadError(str(error), where=where) from error
