"""What Pro-Q 3 and Pro-Q 4 number alike: the shapes of bands, their slopes and the channels that they are for.

Source: `proq3_ffp` and `proq4_ffp` say where the numbers were found.
"""

from __future__ import annotations

from collections.abc import Mapping

from semeq_export.eq.channels import LEFT, MID, RIGHT, SIDE
from semeq_export.eq.settings import BandKind

SHAPES: Mapping[BandKind, int] = {
    BandKind.PEAK: 0,
    BandKind.LOW_SHELF: 1,
    BandKind.HIGH_PASS: 2,
    BandKind.HIGH_SHELF: 3,
    BandKind.LOW_PASS: 4,
    BandKind.NOTCH: 5,
    BandKind.BAND_PASS: 6,
    BandKind.TILT: 7,
}
FLAT_TILT = 8
"""The shape that is no band of ours."""

ORDERS = (1, 2, 3, 4, 5, 6, 8, 12, 16)
"""Orders of slopes, from 6 to 96 dB per octave, without the brickwall."""

PLACEMENTS = (LEFT, RIGHT, "", MID, SIDE)
"""Channels of the stereo placements, "" for both."""
