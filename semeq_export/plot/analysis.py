"""The picture of a sound: its spectrum inside what is usual, its words with their intervals, and its words over time."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from semeq_export.arrays import Float64Array
from semeq_export.listening.dose import USUAL_SPREADS
from semeq_export.listening.profile import Profile
from semeq_export.listening.reference import Reference
from semeq_export.listening.region import level_of, usual_spread_db
from semeq_export.listening.spectrum import BANDS_HZ, Spectrum
from semeq_export.plot.figures import (
    ABOVE,
    COLOURS,
    DASHES,
    GRID,
    INK,
    LEGEND,
    SOFT,
    Trace,
    draw,
    frame,
    frequency_axis,
    gain_axis,
    house_style,
)

_HEADLINE_CHARS = 84


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """An EQ and the third-octave levels (28,) in dB that a sound has after it."""

    eq: Trace
    after_db: Float64Array


def analysis_figure(heard: Spectrum, reference: Reference, profile: Profile, change: Change | None = None, *, title: str = "") -> Figure:
    """Return a figure of a sound, under one sentence: its spectrum inside the band in which eight of ten sources lie, after an EQ too if
    there is one, with that EQ below; its words as bars of doses with intervals; and their doses over time. Without a signal, panels say so.
    """
    with house_style():
        figure = Figure(figsize=(9.0, 8.9 if change is not None else 6.9), layout="constrained")
        FigureCanvasAgg(figure)
        heights = [3.0, 2.2, 2.6] if change is not None else [3.0, 2.6]
        grid = figure.add_gridspec(len(heights), 2, height_ratios=heights, width_ratios=[1.0, 1.35])
        spectra = figure.add_subplot(grid[0, :])
        _spectra_panel(spectra, heard, reference, change)
        headline = "\n".join(textwrap.wrap(profile.headline, _HEADLINE_CHARS))
        figure.suptitle(headline, x=0.02, ha="left", fontweight="bold", fontsize=12, color=INK, parse_math=False)
        said = ", ".join(text for text in (title, profile.doubt.partition(";")[0]) if text)
        spectra.set_title(said, loc="left", fontsize=9, color=SOFT, pad=24.0, parse_math=False)
        if change is not None:
            between = figure.add_subplot(grid[1, :])
            frequency_axis(between)
            gain_axis(between, float(np.max(np.abs(change.eq.gain_db))))
            draw(between, change.eq, 1, filled=True)
            between.set_title(change.eq.label, loc="left", fontsize=10, color=INK, parse_math=False)
        _bars_panel(figure.add_subplot(grid[-1, 0]), profile)
        _time_panel(figure.add_subplot(grid[-1, 1]), profile)
        return figure


def _spectra_panel(axes: Axes, heard: Spectrum, reference: Reference, change: Change | None) -> None:
    frequency_axis(axes)
    axes.set_ylabel("Third-octave level (dB)")
    if not heard.has_signal:
        _say(axes, f"no signal: {heard.no_signal}")
        return
    usable, against = heard.usable, reference.spectrum
    shared = usable & against.usable
    level_db = heard.band_db[usable].mean()
    lines = [("this sound", heard.band_db - level_db, usable, 0, 2.2)]
    if change is not None:
        lines.append(("after the EQ", change.after_db - level_db, usable, 1, 1.8))
    handles: list[Line2D] = []
    if shared.any():
        offset_db = level_of(heard.band_db - against.band_db, shared, against) - level_db
        usual_db = np.where(against.usable, against.band_db + offset_db, np.nan)
        lines.append((f"reference: {reference.name}", usual_db, against.usable, 6, 1.2))
        if against.covariance_db2 is not None:
            half_db = USUAL_SPREADS * usual_spread_db(against)
            axes.fill_between(BANDS_HZ, usual_db - half_db, usual_db + half_db, color=GRID, alpha=0.7, linewidth=0.0)
            lines[-1] = (f"{reference.name}: mean, and where 8 of 10 lie", *lines[-1][1:])
    for _label, values_db, chosen, colour, width in lines:
        dashes = DASHES[1] if colour == 6 else "-"
        handles += axes.plot(BANDS_HZ, np.where(chosen, values_db, np.nan), color=COLOURS[colour], linewidth=width, linestyle=dashes)
    shown = np.concatenate([values_db[chosen] for _label, values_db, chosen, _colour, _width in lines])
    axes.set_ylim(max(shown.min(), shown.max() - 80.0) - 3.0, shown.max() + 6.0)
    for text in axes.legend(handles, [line[0] for line in lines], ncols=3, **LEGEND, **ABOVE).get_texts():
        text.set_parse_math(False)


def _bars_panel(axes: Axes, profile: Profile) -> None:
    """Draw one bar for each word of the profile, the likeliest on top, with the interval in which its dose lies."""
    frame(axes)
    axes.set_xlabel("Doses more than the reference, 90 % intervals")
    if not profile.entries:
        _say(axes, "no signal" if profile.no_signal else "no word stands out")
        return
    rows, doses = np.arange(len(profile.entries)), np.array([entry.dose for entry in profile.entries])
    low, high = (np.array([getattr(entry, side) for entry in profile.entries]) for side in ("low", "high"))
    axes.barh(
        rows,
        doses,
        xerr=np.maximum(np.array([doses - low, high - doses]), 0.0),
        color=[COLOURS[index % len(COLOURS)] for index in rows],
        alpha=0.75,
        height=0.62,
        error_kw={"ecolor": SOFT, "elinewidth": 1.0, "capsize": 2.5},
    )
    axes.set_yticks(rows, [entry.word for entry in profile.entries], color=INK, parse_math=False)
    axes.invert_yaxis()
    axes.axvline(0.0, color=SOFT, linewidth=1.0)
    axes.grid(True, axis="x", color=GRID, linewidth=0.8)


def _time_panel(axes: Axes, profile: Profile) -> None:
    """Draw the doses of the words over time, in the colours of their bars, each with its name at its end."""
    frame(axes)
    axes.set_xlabel("Time (s)")
    axes.set_ylabel("Doses")
    if not len(profile.times_s) or not profile.doses_over_time:
        _say(axes, "nothing over time")
        return
    for index, (word, doses) in enumerate(profile.doses_over_time.items()):
        colour, marker = COLOURS[index % len(COLOURS)], "o" if len(doses) == 1 else ""
        axes.plot(profile.times_s, doses, color=colour, linewidth=1.8, marker=marker)
        at = (profile.times_s[-1], doses[-1])
        axes.annotate(word, at, xytext=(4, 0), textcoords="offset points", color=colour, fontsize=8, va="center", parse_math=False)
    axes.margins(x=0.12)
    axes.axhline(0.0, color=SOFT, linewidth=1.0, zorder=1.5)
    axes.grid(True, color=GRID, linewidth=0.8)


def _say(axes: Axes, text: str) -> None:
    axes.set_axis_off()  # scales of nothing would look like a result
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=SOFT, parse_math=False)
