"""Peace (`.peace`): an INI of numbered filters that Peace writes as Equalizer APO lines, so that APO's maths decide.

| Filter | line |
| --- | --- |
| none, 0 | PK with Q |
| 1, 2, 3, 6, 7 | LPQ, HPQ, BP, NO, AP with Q |
| 4, 5 | LS, HS, without Q |
| 8, 9 | LSC, HSC; Quality is the slope in dB |
| 10, 11 | Butterworth low- and high-pass; Quality is the order |
| 12, 13 | Linkwitz-Riley low- and high-pass; Quality is the order |
| 14, 15, 16, 17 | LSC, HSC, LS, HS with Q |

Numbers of filters go to all channels unless a section of a speaker says otherwise; such sections raise NoEq here.
Source: the facts sheet of the readers, made from public samples; that Quality is the order of 10..13 is an assumption (basis "nominal").
"""

from __future__ import annotations

import configparser
from pathlib import Path

from host_maths import eqapo, sections
from host_maths.channels import NoEq, Truth, decibels
from host_maths.sections import Complex, Grid

_WITH_Q = {0: "PK", 1: "LPQ", 2: "HPQ", 3: "BP", 6: "NO", 7: "AP", 14: "LSC", 15: "HSC", 16: "LS", 17: "HS"}
_WITHOUT = {4: "LS", 5: "HS"}
_WITH_SLOPE = {8: "LSC", 9: "HSC"}
_STEEP = {10: True, 11: False, 12: True, 13: False}
_FIRST_LINKWITZ_RILEY = 12


def evaluate(path: Path, grid: Grid) -> Truth:
    ini = configparser.ConfigParser(strict=False, interpolation=None)
    ini.read_string(eqapo.text_of(path))
    if "Frequencies" not in ini:
        raise NoEq("no frequencies")
    response = grid.constant(sections.amplitude(_number(ini, "General", "PreAmp", 0.0)))
    kinds = set()
    for key in ini["Frequencies"]:
        number = key.removeprefix("frequency")
        if not number.isdigit():
            raise NoEq("frequencies of single speakers")
        kind = int(_number(ini, "Filters", f"Filter{number}", 0.0))
        values = [_number(ini, section, f"{name}{number}", 0.0) for section, name in _PLACES]
        response = response * _filter(kind, grid, *values)
        kinds.add(kind)
    return Truth({"L": decibels(response), "R": decibels(response)}, basis="nominal" if kinds & set(_STEEP) else "source")


_PLACES = (("Frequencies", "Frequency"), ("Gains", "Gain"), ("Qualities", "Quality"))


def _number(ini: configparser.ConfigParser, section: str, key: str, default: float) -> float:
    word = ini.get(section, key, fallback="").replace(",", ".").strip()
    return float(word) if word else default


def _filter(kind: int, grid: Grid, freq_hz: float, gain_db: float, quality: float) -> Complex:
    if kind in _STEEP:
        make = sections.linkwitz_riley if kind >= _FIRST_LINKWITZ_RILEY else sections.butterworth
        return make(grid, freq_hz, max(int(quality), 1), low=_STEEP[kind])
    tail = f"Fc {freq_hz!r} Hz Gain {gain_db!r} dB"
    if kind in _WITH_Q:
        line = f"ON {_WITH_Q[kind]} {tail} Q {quality!r}"
    elif kind in _WITHOUT:
        line = f"ON {_WITHOUT[kind]} {tail}"
    else:
        line = f"ON {_WITH_SLOPE[kind]} {quality!r} dB {tail}"
    response = eqapo.filter_of(line, grid)
    if response is None:
        raise NoEq(f"filter {kind} is none")
    return response
