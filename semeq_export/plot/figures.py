"""Pictures: response curves on a log-frequency axis, one or a sheet of them, and the history of a training run.

Drawn with matplotlib's objects and a canvas without a display; nothing global is touched and a user's own matplotlib settings are
left out, so equal input gives an equal picture, as SVG byte for byte.
"""

from __future__ import annotations

import io
import math
import textwrap
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, MultipleLocator, NullFormatter, NullLocator

from semeq_export.arrays import Float64Array, FloatArray
from semeq_export.eq.biquad import audible_db, for_rate
from semeq_export.eq.curve import log_grid
from semeq_export.eq.settings import EqSettings
from semeq_export.errors import OutputError, printable
from semeq_export.files.atomic import write_atomic

PictureFormat = Literal["svg", "png", "pdf"]
FORMATS: tuple[PictureFormat, ...] = ("svg", "png", "pdf")

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#3B3B3B")
"""Told apart with every common colour blindness. Source: M. Okabe, K. Ito, Color Universal Design (2008); black softened, no yellow."""

DASHES = ("-", (0, (5, 2)), (0, (1.2, 1.6)), (0, (6, 2, 1.2, 2)))
_TICKS_HZ = (20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000)
_MINOR_TICKS_HZ = tuple(digit * decade for decade in (10, 100, 1_000, 10_000) for digit in range(1, 10) if 20 < digit * decade < 20_000)
_TITLE_CHARS = 78  # in bold 13 points over 9 inches
_OUTLYING = 1.5
INK, SOFT, GRID, FAINT_GRID = "#222222", "#666666", "#D9D9D9", "#F0F0F0"
_NO_METADATA: Mapping[PictureFormat, Mapping[str, None]] = {
    "svg": {"Date": None, "Creator": None},
    "png": {"Software": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}
LEGEND: Mapping[str, Any] = {
    "frameon": False,
    "borderpad": 0.0,
    "borderaxespad": 0.0,
    "handlelength": 2.0,
    "labelcolor": INK,
}  # Any: matplotlib's
ABOVE: Mapping[str, Any] = {"loc": "lower left", "bbox_to_anchor": (0.0, 1.02), "columnspacing": 1.6}
_BESIDE: Mapping[str, Any] = {"loc": "upper left", "bbox_to_anchor": (1.02, 1.0)}
_STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 10.0,
    "axes.edgecolor": SOFT,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "svg.hashsalt": "semeq",
    "svg.fonttype": "path",
}


_DEEPEST_SHOWN_DB = 24.0


@dataclass(frozen=True, slots=True)
class Trace:
    """One line of a picture.

    freqs_hz, gain_db: (n,). markers_hz: frequencies at which the line gets a dot, such as those of its bands.
    """

    label: str
    freqs_hz: FloatArray
    gain_db: FloatArray
    markers_hz: tuple[float, ...] = field(default=())


def eq_trace(label: str, eq: EqSettings, sample_rate_hz: float, *, markers: bool = True) -> tuple[Trace, tuple[str, ...]]:
    """Return the line of an EQ from 20 Hz to 20 kHz (to Nyquist where that is lower), and a warning for each band the rate cannot hold."""
    fit = for_rate(eq, sample_rate_hz)
    freqs_hz = log_grid(512, 20.0, min(20_000.0, sample_rate_hz / 2))
    dots = tuple(band.freq_hz for band in fit.eq.active_bands if 20.0 <= band.freq_hz <= freqs_hz[-1]) if markers else ()
    return Trace(label, freqs_hz, audible_db(fit.eq, freqs_hz, sample_rate_hz), dots), fit.warnings


def response_figure(traces: Sequence[Trace], *, title: str = "") -> Figure:
    """Return a figure of one or more response curves: log frequency 20 Hz..20 kHz, dB grid, as much up as down, legend."""
    with house_style():
        figure = Figure(figsize=(9.0, 4.8), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        frequency_axis(axes)
        gain_axis(axes, max((extent_db(trace.gain_db) for trace in traces), default=0.0))
        lines = [draw(axes, trace, index, filled=len(traces) == 1) for index, trace in enumerate(traces)]
        return _finish(figure, axes, title, lines, [trace.label for trace in traces])


@dataclass(frozen=True, slots=True)
class Cell:
    """One small picture of a sheet: its title, and lines whose labels the sheet shows once for all."""

    title: str
    traces: tuple[Trace, ...]


def contact_sheet(cells: Sequence[Cell], *, title: str = "") -> Figure:
    """Return a figure of many small response curves, row after row, all on the same axes so that they can be compared.

    The axes reach as far as nine cells of ten need where one or two would flatten all others; what is cut off is said above its cell.
    The line of a cell with only one is filled. In cells of several the first is broad, so that it shows under one that equals it, and the
    labels of the cell with the most lines stand above the sheet.
    """
    columns = max(1, min(6, len(cells), math.ceil(math.sqrt(len(cells) * 1.4))))
    rows = max(1, math.ceil(len(cells) / columns))
    size = min(6.0, max(2.25, 9.0 / columns))  # inches from cell to cell
    left, right, bottom, top = 0.75, 0.2, 0.65, 0.45 + (0.3 if title else 0.0)
    width, height = left + columns * size + right, bottom + rows * (0.45 * size + 0.35) + top
    with house_style():
        figure = Figure(figsize=(width, height))
        FigureCanvasAgg(figure)
        grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
        figure.subplots_adjust(left / width, bottom / height, 1.0 - right / width, 1.0 - top / height, 0.08, 0.35 / (0.45 * size))
        largest_db = [max((float(np.max(np.abs(trace.gain_db))) for trace in cell.traces), default=0.0) for cell in cells]
        usual_db = float(np.quantile(largest_db, 0.9)) if cells else 0.0
        shown_db = usual_db if max(largest_db, default=0.0) > _OUTLYING * usual_db else max(largest_db, default=0.0)
        lines: list[Line2D] = []
        names: tuple[str, ...] = ()
        for index, axes in enumerate(grid.flat):
            if index >= len(cells):
                axes.set_visible(False)
                continue
            frequency_axis(axes, small=True)
            gain_axis(axes, shown_db, small=True)
            axes.tick_params(labelbottom=index + columns >= len(cells), labelleft=index % columns == 0, labelsize=8)
            title_here, chars = cells[index].title, round(13 * size)
            if largest_db[index] > axes.get_ylim()[1]:
                title_here = f"{_shorten(title_here, chars - 12)} to {largest_db[index]:.0f} dB"
            axes.set_title(_shorten(title_here, chars), loc="left", fontsize=9, pad=3.0, parse_math=False)
            traces = cells[index].traces
            widths = [1.6] if len(traces) == 1 else [4.5, *[1.4] * (len(traces) - 1)]
            drawn = [draw(axes, trace, number, filled=len(traces) == 1, width=widths[number]) for number, trace in enumerate(traces)]
            if len(drawn) > max(1, len(lines)):
                lines, names = drawn, tuple(trace.label for trace in traces)
        figure.text(0.5, 0.15 / height, "Frequency (Hz)", ha="center", fontsize=9, color=INK)
        figure.text(0.12 / width, 0.5, "Gain (dB)", va="center", rotation="vertical", fontsize=9, color=INK)
        if title:
            figure.text(left / width, 1.0 - 0.3 / height, title, fontweight="bold", fontsize=13, color=INK, parse_math=False)
        if names:
            place = {"loc": "upper right", "bbox_to_anchor": (1.0 - right / width, 1.0 - 0.05 / height), "ncols": len(names)}
            for text in figure.legend(lines, names, **{**LEGEND, **place}, fontsize=9).get_texts():
                text.set_parse_math(False)
        return figure


def _shorten(text: str, max_chars: int) -> str:
    return text if len(text) <= max_chars else f"{text[: max_chars - 1]}…"


def history_figure(steps: FloatArray, series: Mapping[str, FloatArray], *, title: str = "", y_label: str = "loss") -> Figure:
    """Return a figure of values over training steps, one line per name; losses, so on a log scale where all are above 0.

    steps: (n,). series: name -> (n,), NaN where a value was not measured.
    """
    with house_style():
        figure = Figure(figsize=(9.0, 4.8), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        frame(axes)
        lines = []
        for index, values in enumerate(series.values()):
            known = np.isfinite(values)
            lines += axes.plot(np.asarray(steps)[known], np.asarray(values)[known], color=COLOURS[index % len(COLOURS)], linewidth=1.8)
        if all(np.all(np.asarray(values)[np.isfinite(values)] > 0) for values in series.values()):
            axes.set_yscale("log")
            axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _position: f"{value:g}"))
            axes.yaxis.set_minor_locator(NullLocator())
        axes.grid(True, which="major", color=GRID, linewidth=0.8)
        axes.margins(x=0.0)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("step")
        axes.set_ylabel(y_label)
        return _finish(figure, axes, title, lines, list(series))


def latency_figure(series: Mapping[str, Mapping[int, float]], deadlines_us: Mapping[int, float], *, title: str = "") -> Figure:
    """Return a figure of times per audio block over the block's size, both on log scales, with the deadline that must not be passed.

    series: name -> block size in samples -> microseconds. deadlines_us: block size -> how long the block lasts.
    """
    with house_style():
        figure = Figure(figsize=(9.0, 4.8), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        frame(axes)
        lines = []
        for index, times_us in enumerate(series.values()):
            colour = COLOURS[index % len(COLOURS)]
            lines += axes.plot(list(times_us), list(times_us.values()), color=colour, linewidth=1.8, marker="o", markersize=3.5)
        lines += axes.plot(list(deadlines_us), list(deadlines_us.values()), color=INK, linewidth=1.2, linestyle="--")
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        axes.xaxis.set_major_locator(FixedLocator(sorted(deadlines_us)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _position: f"{value:g}"))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _position: f"{value:g}"))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.grid(True, which="major", color=GRID, linewidth=0.8)
        axes.set_xlabel("samples per block")
        axes.set_ylabel("microseconds, p99 of thread time")
        return _finish(figure, axes, title, lines, [*series, "deadline"])


def page(size: tuple[float, float]) -> Figure:
    """Return an empty figure of a size in inches that lays out its panels by itself."""
    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def render(figure: Figure, picture_format: PictureFormat) -> bytes:
    """Return the picture as a file's content: 160 dots per inch for PNG, no dates and no program versions inside."""
    metadata = _NO_METADATA[picture_format]
    buffer = io.BytesIO()
    with house_style():
        figure.savefig(buffer, format=picture_format, dpi=160, metadata=metadata, facecolor="white")
    return buffer.getvalue()


def picture_format(path: Path | str) -> PictureFormat:
    """Return the format that a file's name asks for; raises OutputError for a suffix other than .svg, .png and .pdf."""
    suffix = Path(path).suffix.lower().lstrip(".")
    for known in FORMATS:
        if suffix == known:
            return known
    raise OutputError(f"{printable(path)}: no picture format of that suffix; use .svg, .png or .pdf")


def save(figure: Figure, path: Path | str, *, overwrite: bool = False) -> None:
    """Write the picture, whole or not at all, in the format of its suffix; raises OutputError and EnvironmentFailure."""
    write_atomic(path, render(figure, picture_format(path)), overwrite=overwrite)


@contextmanager
def house_style() -> Iterator[None]:
    """Draw with this project's fonts and colours, whatever a user's own settings are."""
    with style.context(["default", _STYLE]), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from", UserWarning)  # such a sign is drawn as a box
        yield


def frequency_axis(axes: Axes, *, small: bool = False) -> None:
    """Set axes to 20 Hz to 20 kHz on a log scale; small: with three ticks and no title."""
    axes.set_xscale("log")
    axes.set_xlim(20.0, 20_000.0)
    axes.xaxis.set_major_locator(FixedLocator((100, 1_000, 10_000) if small else _TICKS_HZ))
    axes.xaxis.set_minor_locator(FixedLocator(() if small else _MINOR_TICKS_HZ))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda hz, _position: f"{hz / 1_000:g}k" if hz >= 1_000 else f"{hz:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("" if small else "Frequency (Hz)")
    axes.grid(True, which="minor", axis="x", color=FAINT_GRID, linewidth=0.7)
    axes.grid(True, which="major", axis="both", color=GRID, linewidth=0.8)
    frame(axes)


def extent_db(gain_db: FloatArray) -> float:
    """Return how far a picture of a curve must reach: what passes and notches take away further down need not be seen, so that the rest
    can."""
    top_db, bottom_db = float(np.max(gain_db)), float(np.min(gain_db))
    return max(abs(top_db), min(-bottom_db, _DEEPEST_SHOWN_DB))


def gain_axis(axes: Axes, largest_db: float, *, small: bool = False, zero_line: bool = True) -> None:
    """Reach as far up as down: to the next 3 dB beyond the largest gain and at least to 6, 6 dB steps from 18 dB on."""
    reach_db = max(6.0, 3.0 * math.ceil((largest_db + 0.5) / 3.0))
    step_db = 3.0 if reach_db <= (6.0 if small else 15.0) else 6.0 * math.ceil(reach_db / (12.0 if small else 36.0))
    reach_db = step_db * math.ceil(reach_db / step_db)
    axes.set_ylim(-reach_db, reach_db)
    axes.yaxis.set_major_locator(MultipleLocator(step_db))
    axes.yaxis.set_major_formatter(
        FuncFormatter(lambda gain_db, _position: f"{gain_db:+g}".replace("-", "\N{MINUS SIGN}") if gain_db else "0")
    )
    axes.set_ylabel("" if small else "Gain (dB)")
    if zero_line:
        axes.axhline(0.0, color=SOFT, linewidth=1.0, zorder=1.5)


def frame(axes: Axes) -> None:
    axes.set_axisbelow(True)
    axes.tick_params(which="both", length=0, pad=6.0)
    axes.spines[["top", "right"]].set_visible(False)


def draw(axes: Axes, trace: Trace, index: int, *, filled: bool, width: float = 2.2) -> Line2D:
    colour, dashes = COLOURS[index % len(COLOURS)], DASHES[index // len(COLOURS) % len(DASHES)]
    freqs_hz, gain_db = np.asarray(trace.freqs_hz, dtype=np.float64), np.asarray(trace.gain_db, dtype=np.float64)
    (line,) = axes.plot(freqs_hz, gain_db, color=colour, linestyle=dashes, linewidth=width, solid_capstyle="round")
    if filled:
        axes.fill_between(freqs_hz, gain_db, 0.0, color=colour, alpha=0.12, linewidth=0.0)
    if trace.markers_hz:
        dots_db: Float64Array = np.interp(np.log(trace.markers_hz), np.log(freqs_hz), gain_db)
        axes.plot(trace.markers_hz, dots_db, "o", color=colour, markersize=6.0, markeredgecolor="white", markeredgewidth=1.2, zorder=3)
    return line


def _finish(figure: Figure, axes: Axes, title: str, lines: Sequence[Line2D], names: Sequence[str]) -> Figure:
    """Place the title at the left and the legend where it hides no line: a row under the title, or a column beside the axes.

    A single line without a title gives its name to the picture.
    """
    in_a_row = len(names) <= 5 and sum(len(name) for name in names) <= 80
    if len(names) == 1 and not title:
        title, names = names[0], ()
    if title:
        pad = 30.0 if names and in_a_row else 12.0
        whole = "\n".join(textwrap.wrap(title, _TITLE_CHARS)) or title
        axes.set_title(whole, loc="left", fontweight="bold", fontsize=13, pad=pad, parse_math=False)
    if names:
        place = {**ABOVE, "ncols": len(names)} if in_a_row else _BESIDE
        legend = axes.legend(lines, names, **LEGEND, **place)
        for text in legend.get_texts():
            text.set_parse_math(False)  # a file may be called $mix$.json
    figure.draw_without_rendering()  # lays everything out, once: a second layout would move it by a millionth of a point
    figure.set_layout_engine("none")
    return figure
