"""Response curves on axes that a user has made. matplotlib is imported where something is drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from semeq_export.eq.channels import Equaliser
from semeq_export.eq.settings import EqSettings

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_GID = "semeq-curve"


def plot_eq(eq: Equaliser, axes: Axes | None = None, *, label: str = "", sample_rate_hz: float = 48_000.0, markers: bool = True) -> Axes:
    """Draw the response of an EQ, or of each channel's, in dB over 20 Hz to 20 kHz, and return the axes.

    axes: pyplot's current ones where left out. Drawn on the same axes again, a curve stands beside the former ones, in another colour, and
    the gain axis reaches as far as the largest. label: for `axes.legend()`. markers: a dot at each band's frequency. Bands that the
    sample rate cannot hold are left out, see `for_rate`. Nothing but the axes is changed, no setting of matplotlib's.
    """
    from semeq_export.plot.figures import draw, eq_trace, extent_db, frequency_axis, gain_axis

    if axes is None:
        from matplotlib import pyplot

        axes = pyplot.gca()
    former = [line for line in axes.get_lines() if line.get_gid() == _GID]
    named = [(label, eq)] if isinstance(eq, EqSettings) else [(f"{label}, {name}" if label else name, held) for name, held in eq]
    if not former:
        frequency_axis(axes)
    lines = list(former)
    for name, held in named:
        trace, _ = eq_trace(name, held, sample_rate_hz, markers=markers)
        line = draw(axes, trace, len(lines), filled=False)
        line.set_gid(_GID)
        if name:
            line.set_label(name)
        lines.append(line)
    largest_db = max(extent_db(np.asarray(line.get_ydata(), dtype=np.float64)) for line in lines)
    gain_axis(axes, largest_db, zero_line=not former)
    return axes
