"""FabFilter Pro-Q 4 presets as text (`.ffp`, FQ4p): keys `Band N Key=value`.

Frequency is log2 of Hz, Gain dB (times Gain Scale), Q = 0.025 * 1600^x, Output Level dB / 36. Shapes 0 bell, 1 low shelf, 3 high shelf at
slope 2 are taken to be the cookbook's; cuts and other slopes are unknown. No host was measured (basis "nominal"): public pairs of a preset
and the AutoEq text that it was made from agree with all of this; users of Pro-Q 3 multiply the Q by sqrt(2).
"""

from __future__ import annotations

import re
from pathlib import Path

from host_maths import sections
from host_maths.channels import NoEq, Truth, decibels
from host_maths.sections import Grid

_BELL, _LOW_SHELF, _HIGH_SHELF = 0, 1, 3
_PLAIN_SLOPE = 2
_BOTH_SIDES = 2
_OUTPUT_DB = 36.0


def evaluate(path: Path, grid: Grid) -> Truth:
    text = path.read_text(encoding="utf-8", errors="replace")
    if "Signature=FQ4p" not in text:
        raise NoEq("no Pro-Q 4 preset")
    bands: dict[int, dict[str, float]] = {}
    for number, key, value in re.findall(r"(?m)^Band (\d+) ([^=\n]+)=([-+0-9.eE]+)\s*$", text):
        bands.setdefault(int(number), {})[key] = float(value)
    response, unknown = grid.constant(1.0), []
    overall = {key: float(value) for key, value in re.findall(r"(?m)^(Output Level|Gain Scale)=([-+0-9.eE]+)\s*$", text)}
    response = response * sections.amplitude(_OUTPUT_DB * overall.get("Output Level", 0.0))
    for number, band in sorted(bands.items()):
        if not (band.get("Used") and band.get("Enabled", 1.0)):
            continue
        shape, q = int(band["Shape"]), 0.025 * 1_600.0 ** band["Q"]
        freq_hz, gain_db = 2.0 ** band["Frequency"], band.get("Gain", 0.0) * overall.get("Gain Scale", 1.0)
        plain = band.get("Slope", _PLAIN_SLOPE) == _PLAIN_SLOPE and band.get("Stereo Placement", _BOTH_SIDES) == _BOTH_SIDES
        if band.get("Dynamic Range") or not plain or shape not in (_BELL, _LOW_SHELF, _HIGH_SHELF):
            unknown.append(f"band {number}")
            continue
        alpha = sections.alpha_of_q(grid, freq_hz, q)
        if shape == _BELL:
            response = response * sections.peak(grid, freq_hz, gain_db, alpha)
        else:
            response = response * sections.shelf(grid, freq_hz, gain_db, alpha, low=shape == _LOW_SHELF)
    return Truth({"all": decibels(response)}, basis="nominal", unknown=tuple(unknown))
