"""ReaEQ: its state in FX chains, projects (`.RPP`) and `vst-reaeq.ini`, and what the cookbook makes of it.

A block of a project is base64 in lines: joined, it is a header (pins, by counts), the length of the state, and the state. A preset of the
INI is the same in hex, with a check byte at the end of each line. State: version 32 (bands of 32 bytes) or 33 (33 bytes), number of bands;
each type, enabled, Hz, linear gain, octaves; then two numbers and the overall gain, linear.
Basis "nominal": the shapes are taken to be the cookbook's, bandwidth = (2 / ln 2) asinh(1 / (2 Q)). Types 2 and 9 are taken for bells, as
the stock presets of REAPER 5 have them; cuts have no gain. The ReaEQs of a chain or track play one after the other, but for those whose
BYPASS line says that they are bypassed or offline, and for those of a track whose effects are off (FX 0).
"""

from __future__ import annotations

import base64
import math
import re
import struct
from pathlib import Path

from host_maths import sections
from host_maths.channels import NoEq, Truth, decibels
from host_maths.sections import Complex, Grid

_SIZES = {32: 32, 33: 33}
_BELLS = (2, 8, 9)
_PLAIN = {3: sections.low_pass, 4: sections.high_pass, 5: sections.all_pass, 6: sections.notch, 7: sections.band_pass}


def evaluate_all(path: Path, grid: Grid) -> dict[str, Truth]:
    """Return the truth of a chain, of every track of a project that has a ReaEQ, or of every preset of an INI, by number and name."""
    text = path.read_bytes().decode("utf-8", "replace")
    if text.lstrip().startswith("[General]"):
        truths = {label: truth_of(state, grid) for label, state in _presets(text)}
    else:
        truths = {}
        for label, state, plays in _blocks(text):
            one = truth_of(state, grid) if plays else Truth({"all": decibels(grid.constant(1.0))}, basis="nominal")
            so_far = truths.get(label)
            truths[label] = one if so_far is None else _in_series(so_far, one)
    if not truths:
        raise NoEq("no ReaEQ")
    return truths


def _in_series(first: Truth, second: Truth) -> Truth:
    return Truth({"all": first.channels["all"] + second.channels["all"]}, basis="nominal", unknown=(*first.unknown, *second.unknown))


def _presets(text: str) -> list[tuple[str, bytes]]:
    found = []
    for section in re.split(r"(?m)^\[", text):
        values = dict(re.findall(r"(?m)^([^=\n]+)=(.*?)\r?$", section))
        lines = [value for key, value in values.items() if re.fullmatch(r"Data(_\d+)?", key)]
        if lines and (number := re.match(r"Preset(\d+)\]", section)):
            label = f"{int(number[1]) + 1} {values.get('Name', '')}".strip()
            found.append((label, b"".join(bytes.fromhex(line)[:-1] for line in lines)))
    return found


def _blocks(text: str) -> list[tuple[str, bytes, bool]]:
    """Return the ReaEQs of a text: the label of the track, the state, and whether it plays."""
    found: list[tuple[str, bytes, bool]] = []
    label, number = "master" if "<REAPER_PROJECT" in text else "", 0
    lines: list[str] | None = None
    plays = effects_on = True
    for line in text.splitlines():
        word = line.strip()
        if lines is not None and word == ">":
            found.append((label, b"".join(base64.b64decode(part) for part in lines), plays and effects_on))
            lines = None
        elif lines is not None:
            lines.append(word)
        elif word.startswith("<TRACK"):
            number += 1
            label, effects_on = str(number), True
        elif word.startswith("NAME ") and label == str(number):
            label = f"{number} {word[5:].strip(chr(34))}".strip()
        elif re.fullmatch(r"FX [01]", word):
            effects_on = word == "FX 1"
        elif word.startswith("BYPASS "):
            plays = word.split()[1:3] in (["0"], ["0", "0"])
        elif word.startswith("<VST") and "reaeq" in word.lower():
            lines = []
    return found


def truth_of(data: bytes, grid: Grid) -> Truth:
    at = 8
    for _ in range(2):
        (count,) = struct.unpack_from("<I", data, at)
        at += 4 + 8 * count
    version, count = struct.unpack_from("<ii", data, at + 12)
    if version not in _SIZES:
        raise NoEq(f"a state of version {version}")
    at += 20
    response, unknown = grid.constant(1.0), []
    for _ in range(count):
        kind, enabled, freq_hz, gain, octaves = struct.unpack_from("<iiddd", data, at)
        at += _SIZES[version]
        if not enabled:
            continue
        part = _section(kind, grid, freq_hz, 20.0 * math.log10(max(gain, 1e-6)), octaves)
        if part is None:
            unknown.append(f"type {kind}")
        else:
            response = response * part
    (gain,) = struct.unpack_from("<d", data, at + 8)
    return Truth({"all": decibels(response * gain)}, basis="nominal", unknown=tuple(unknown))


def _section(kind: int, grid: Grid, freq_hz: float, gain_db: float, octaves: float) -> Complex | None:
    q = 1.0 / (2.0 * math.sinh(math.log(2.0) / 2.0 * octaves))
    alpha = sections.alpha_of_q(grid, freq_hz, q)
    if kind in (0, 1):
        return sections.shelf(grid, freq_hz, gain_db, alpha, low=kind == 0)
    if kind in _BELLS:
        return sections.peak(grid, freq_hz, gain_db, alpha)
    return _PLAIN[kind](grid, freq_hz, alpha) if kind in _PLAIN else None
