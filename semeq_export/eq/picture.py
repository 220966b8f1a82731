"""A small picture of EQs as SVG, written without a drawing library: what a notebook shows of settings. Files and pages have `plot`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

import numpy as np

from semeq_export.arrays import Float64Array
from semeq_export.eq.biquad import audible_db
from semeq_export.eq.curve import log_grid
from semeq_export.eq.settings import EqSettings

RATE_HZ = 48_000.0
WIDTH, HEIGHT = 480, 200
"""Of the picture, in its own units: CSS pixels where nobody scales it."""

_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 8, 22, 20
_N_POINTS = 192
_MIN_HZ, _MAX_HZ = 20.0, 20_000.0
_TICKS_HZ = (50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000)
_LEAST_DB, _MOST_DB, _DEEPEST_DB = 6.0, 60.0, 24.0  # what the axis reaches at least and at most, and how far down for passes and notches
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")  # Okabe and Ito (2008), as in `plot`
_MAX_CURVES, _TITLE_CHARS = 8, 72


def eq_svg(eqs: Sequence[tuple[str, EqSettings]], title: str) -> str:
    """Return the responses of up to eight EQs, each with its name, over 20 Hz to 20 kHz at a sample rate of 48 kHz.

    Axes and text take the colour of the text around the picture, so it is legible on light and dark pages. Equal EQs give equal text.
    """
    freqs_hz = log_grid(_N_POINTS, _MIN_HZ, _MAX_HZ)
    shown = [(name, audible_db(eq, freqs_hz, RATE_HZ)) for name, eq in eqs[:_MAX_CURVES]]
    reach_db = _reach_db([gain_db for _, gain_db in shown])
    short = title if len(title) <= _TITLE_CHARS else f"{title[: _TITLE_CHARS - 1]}\N{HORIZONTAL ELLIPSIS}"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img" '
        'font-family="sans-serif" font-size="10" fill="currentColor">',
        f"<title>{_text(title)}</title>",
        f'<text x="{_LEFT}" y="14" font-size="11">{_text(short)}</text>',
        *_axes(reach_db),
    ]
    for index, (name, gain_db) in enumerate(shown):
        colour, x = _COLOURS[index % len(_COLOURS)], _LEFT + 6 + 56 * index
        points = " ".join(f"{_x(freq):.1f},{_y(gain, reach_db):.1f}" for freq, gain in zip(freqs_hz, gain_db, strict=True))
        dashes = ' stroke-dasharray="5 3"' if index >= len(_COLOURS) else ""
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"{dashes}/>')
        if name:
            parts.append(f'<text x="{x}" y="{_TOP + 12}" fill="{colour}">{_text(name[:10])}</text>')
    return "".join([*parts, "</svg>"])


def _reach_db(curves_db: Sequence[Float64Array]) -> float:
    """Return how far the axis reaches up and down: the next 3 dB, 6 dB at least."""
    largest = max((max(float(np.max(one)), min(-float(np.min(one)), _DEEPEST_DB)) for one in curves_db), default=0.0)
    return min(max(_LEAST_DB, 3.0 * math.ceil((min(largest, _MOST_DB) + 0.5) / 3.0)), _MOST_DB)


def _axes(reach_db: float) -> list[str]:
    step_db = 3.0 if reach_db <= 9.0 else 6.0 if reach_db <= 24.0 else 12.0
    steps = int(reach_db / step_db)
    lines, right, bottom = [], WIDTH - _RIGHT, HEIGHT - _BOTTOM
    for step in range(-steps, steps + 1):
        gain_db = step * step_db
        y, sign = _y(gain_db, reach_db), "\N{MINUS SIGN}" if step < 0 else "+" if step else ""
        lines.append(f'<path d="M{_LEFT} {y:.1f}H{right}" stroke="currentColor" opacity="{0.15 if step else 0.5}"/>')
        unit = " dB" if step == steps else ""
        lines.append(f'<text x="{_LEFT - 4}" y="{y + 3.5:.1f}" text-anchor="end">{sign}{abs(gain_db):g}{unit}</text>')
    for freq_hz in _TICKS_HZ:
        x, label = _x(freq_hz), f"{freq_hz // 1_000}k" if freq_hz >= 1_000 else str(freq_hz)
        unit = " Hz" if freq_hz == _TICKS_HZ[-1] else ""
        lines.append(f'<path d="M{x:.1f} {_TOP}V{bottom}" stroke="currentColor" opacity="0.15"/>')
        lines.append(f'<text x="{x:.1f}" y="{HEIGHT - 6}" text-anchor="middle">{label}{unit}</text>')
    return lines


def _x(freq_hz: float) -> float:
    share = math.log(freq_hz / _MIN_HZ) / math.log(_MAX_HZ / _MIN_HZ)
    return _LEFT + share * (WIDTH - _LEFT - _RIGHT)


def _y(gain_db: float, reach_db: float) -> float:
    share = 0.5 - 0.5 * min(max(gain_db / reach_db, -1.0), 1.0)
    return _TOP + share * (HEIGHT - _TOP - _BOTTOM)


def _text(text: str) -> str:
    """Return text for XML, which has no place for most control characters."""
    return escape("".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text))
