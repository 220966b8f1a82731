"""The text of a graphic EQ: points of a curve as "20 -1.25; 21 -1.1; ...", read as Equalizer APO does.

Numbers are taken in pairs, whatever stands between them; a comma is a decimal mark where the line has no point. Points may stand in any
order. Several curves on one channel add up.
Source: Equalizer APO, filters/GraphicEQFilterFactory.cpp, GainIterator.cpp.
"""

from __future__ import annotations

import re

import numpy as np

from semeq_export.arrays import Float64Array
from semeq_export.eq.curve import Curve
from semeq_export.errors import InvalidEqError, PresetReadError
from semeq_presets.file_formats._curves import well_placed
from semeq_presets.file_formats._fields import number, plain_decimal

MAX_POINTS = 10_000
_MAX_GAIN_DB = 300.0
_STEP = 1e-9
_WRITTEN_POINTS = 1_000
_WORD = re.compile(r"[-+0-9.eE]+")


def curve_of(parameters: str, where: str) -> Curve:
    """Return what follows "GraphicEQ:"; raises PresetReadError naming the point that is none."""
    if parameters.count(";") > MAX_POINTS or len(parameters) > 40 * MAX_POINTS:
        raise PresetReadError(f"more than {MAX_POINTS} points", where=where)
    text = parameters if "." in parameters else parameters.replace(",", ".")
    parts = text.split(";")
    if parts and not parts[-1].strip():
        parts.pop()
    pairs = []
    for count, part in enumerate(parts, start=1):
        words = _WORD.findall(part)
        if len(words) != 2 and (len(parts) > 1 or len(words) % 2 or not words):
            raise PresetReadError(f"point {count} {' '.join(part.split())[:40]!r} is not a frequency and a gain", where=where)
        for freq, gain in zip(words[::2], words[1::2], strict=True):
            pairs.append((number(freq, f"point {count} freq_hz", where), number(gain, f"point {count} gain_db", where)))
    if any(abs(gain) > _MAX_GAIN_DB for _, gain in pairs):
        raise PresetReadError("a gain_db is outside -300..300", where=where)
    return _sorted(pairs, where)


def _sorted(pairs: list[tuple[float, float]], where: str) -> Curve:
    """Return a curve through points in any order; two at one frequency are a step, a single one is a gain everywhere."""
    if len(pairs) == 1:
        pairs = [pairs[0], (pairs[0][0] * 2.0, pairs[0][1])]
    values = np.array(sorted(pairs, key=lambda pair: pair[0])).reshape(-1, 2)
    freqs_hz, gain_db = values[:, 0], values[:, 1]
    for index in range(1, freqs_hz.size):
        freqs_hz[index] = max(freqs_hz[index], freqs_hz[index - 1] * (1.0 + _STEP))
    try:
        return Curve(freqs_hz, gain_db)
    except InvalidEqError as error:
        raise PresetReadError(str(error), where=where) from error


def added(one: Curve | None, other: Curve) -> Curve:
    """Return the sum of two curves in dB: exact, since both are straight between their points."""
    if one is None:
        return other
    freqs_hz = np.union1d(one.freqs_hz, other.freqs_hz)
    return Curve(freqs_hz, one.at(freqs_hz) + other.at(freqs_hz))


def points_text(freqs_hz: Float64Array, gain_db: Float64Array) -> str:
    """Return points as text: frequencies with up to seven digits, gains with two decimals at most."""
    return "; ".join(f"{_frequency(freq)} {_gain(gain)}" for freq, gain in zip(freqs_hz.tolist(), gain_db.tolist(), strict=True))


def written(curve: Curve) -> Curve:
    """Return a curve with the points that are written: its own, or a thousand that follow it best."""
    if curve.freqs_hz.size <= _WRITTEN_POINTS:
        return curve
    fine = np.geomspace(max(curve.freqs_hz[0], 1.0), curve.freqs_hz[-1], 20 * _WRITTEN_POINTS)
    freqs_hz = well_placed(fine, curve.at(fine), _WRITTEN_POINTS)
    return Curve(freqs_hz, curve.at(freqs_hz))


def _frequency(freq_hz: float) -> str:
    return plain_decimal(freq_hz, 7).removesuffix(".0")


def _gain(gain_db: float) -> str:
    """Return a gain with one or two decimals."""
    return f"{gain_db + 0.0:.2f}".replace("-0.00", "0.00").removesuffix("0")
