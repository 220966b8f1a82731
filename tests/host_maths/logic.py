"""Logic's Channel EQ (`.pst`, 240 bytes): 8 bands of (enabled, Hz, dB or slope, Q), float32, from byte 0x1C; bands 2 and 7 are shelves.

Bands 1 and 8 are cuts. Nobody has measured their slopes: 1 to 4 are taken for orders of Butterworth, as Logic's default of 4 is 24 dB per
octave, where Q is 0.71; while a cut of another slope or Q is on, the file has a part that is unknown. Basis "nominal": the shapes are taken
to be the cookbook's.
"""

from __future__ import annotations

import struct
from pathlib import Path

from host_maths import sections
from host_maths.channels import NoEq, Truth, decibels
from host_maths.sections import Grid

_START, _BANDS = 0x1C, 8
_LOW_SHELF, _HIGH_SHELF, _CUTS = 1, 6, (0, 7)
_ORDERS = (1.0, 2.0, 3.0, 4.0)


def evaluate(path: Path, grid: Grid) -> Truth:
    data = path.read_bytes()
    if len(data) != 240 or data[12:20] != b"GAMETSPP":
        raise NoEq("no Channel EQ preset")
    response, unknown = grid.constant(1.0), []
    for index in range(_BANDS):
        enabled, freq_hz, gain_db, q = struct.unpack_from("<4f", data, _START + 16 * index)
        if not enabled:
            continue
        if index in _CUTS:
            if gain_db in _ORDERS and abs(q - 0.71) < 0.01:
                response = response * sections.butterworth(grid, freq_hz, int(gain_db), low=index == _CUTS[1])
            else:
                unknown.append(f"cut at {freq_hz:g} Hz")
            continue
        alpha = sections.alpha_of_q(grid, freq_hz, q)
        if index in (_LOW_SHELF, _HIGH_SHELF):
            response = response * sections.shelf(grid, freq_hz, gain_db, alpha, low=index == _LOW_SHELF)
        else:
            response = response * sections.peak(grid, freq_hz, gain_db, alpha)
    return Truth({"all": decibels(response)}, basis="nominal", unknown=tuple(unknown))
