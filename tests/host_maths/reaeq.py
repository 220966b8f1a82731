"""ReaEQ: its state in FX chains, projects (`.RPP`) and `vst-reaeq.ini`, and what the cookbook makes of it.

A block of a project is base64 in lines: joined, it is a header (pins, by counts), the length of the state, and the state. A preset of the
INI is the same in hex, with a check byte at the end of each line. State: version 32 (bands of 32 bytes) or 33 (33 bytes), number of bands;
each type, enabled, Hz, linear gain, octaves; then two numbers and the overall gain, linear.
Basis "nominal": the shapes are taken to be the cookbook's, bandwidth = (2 / ln 2) asinh(1 / (2 Q)). Types 2 and 9 are taken for bells, as
the stock presets of REAPER 5 have them; cuts have no gain. That a block is bypassed in its chain is not looked at: the preset is the same.
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
    """Return the truth of every ReaEQ of a chain or project, or of every preset of an INI, by number from 1 and name."""
    text = path.read_bytes().decode("utf-8", "replace")
    states = list(_presets(text)) if text.lstrip().startswith("[General]") else list(_blocks(text))
    if not states:
        raise NoEq("no ReaEQ")
    return {f"{number} {name}".strip(): truth_of(state, grid) for number, (name, state) in enumerate(states, start=1)}


def _presets(text: str) -> list[tuple[str, bytes]]:
    found = []
    for section in re.split(r"(?m)^\[", text):
        values = dict(re.findall(r"(?m)^([^=\n]+)=(.*?)\r?$", section))
        lines = [value for key, value in values.items() if re.fullmatch(r"Data(_\d+)?", key)]
        if lines:
            found.append((values.get("Name", ""), b"".join(bytes.fromhex(line)[:-1] for line in lines)))
    return found


def _blocks(text: str) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    track, inside = "master" if "<REAPER_PROJECT" in text else "", False
    lines: list[str] = []
    for line in text.splitlines():
        word = line.strip()
        if word.startswith("<TRACK"):
            track = ""
        elif word.startswith("NAME ") and not inside:
            track = word[5:].strip('"')
        elif word.startswith("<VST") and "reaeq" in word.lower():
            inside, lines = True, []
        elif inside and word == ">":
            found.append((track, b"".join(base64.b64decode(part) for part in lines)))
            inside = False
        elif inside:
            lines.append(word)
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
