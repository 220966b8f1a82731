"""The picture of a panel's answers: scores, choices or detections, each with its interval."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MultipleLocator

from semeq_export.panel.abx import AbxResult, Detection
from semeq_export.panel.intervals import ALPHA
from semeq_export.panel.pairs import PairResult
from semeq_export.panel.ratings import RatingResult
from semeq_export.plot.figures import COLOURS, GRID, INK, SOFT, frame, house_style

_ROW_INCHES, _PANEL_INCHES = 0.36, 1.0
_GRADES = ("Bad", "Poor", "Fair", "Good", "Excellent")
_MAX_LISTENERS = 40


def panel_figure(result: RatingResult | PairResult | AbxResult, *, title: str = "") -> Figure:
    """Return a figure of a panel's answers: a dot with its 95 % interval for each condition, pair or listener."""
    with house_style():
        if isinstance(result, RatingResult):
            overall = [m for m in result.medians if not m.source]
            figure, (axes,) = _page([len(overall)])
            _scores(axes, result)
        elif isinstance(result, PairResult):
            figure = _pairs(result)
        else:
            people = result.listeners[:_MAX_LISTENERS] if len(result.listeners) > 1 else ()
            figure, panels = _page([len(result.conditions), *([len(people)] if people else [])])
            _detections(panels[0], result.conditions, "right answers, all listeners")
            if people:
                _detections(panels[1], people, "right answers, each listener")
        figure.suptitle(title or "Listening test", x=0.02, ha="left", fontweight="bold", fontsize=13, color=INK, parse_math=False)
        return figure


def _page(row_counts: Sequence[int]) -> tuple[Figure, list[Axes]]:
    """Return a figure of panels one below the other, each as high as its rows need."""
    heights = [_PANEL_INCHES + _ROW_INCHES * max(count, 1) for count in row_counts]
    figure = Figure(figsize=(9.0, 0.5 + sum(heights)), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(len(heights), 1, height_ratios=heights)
    return figure, [figure.add_subplot(grid[index]) for index in range(len(heights))]


def _rows(axes: Axes, names: Sequence[str]) -> None:
    frame(axes)
    axes.set_yticks(range(len(names)), names, color=INK, parse_math=False)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.grid(True, axis="x", color=GRID, linewidth=0.8)


def _dot(axes: Axes, row: float, value: float, low: float | None, high: float | None, *, sure: bool = True) -> None:
    """Draw a value with its interval; hollow where it is not significant."""
    colour = COLOURS[0]
    if low is not None and high is not None:
        axes.plot([low, high], [row, row], color=colour, linewidth=2.2, solid_capstyle="round", zorder=3)
    axes.plot([value], [row], "o", color=colour, markerfacecolor=colour if sure else "white", markeredgewidth=1.8, markersize=7.5, zorder=4)


def _scores(axes: Axes, result: RatingResult) -> None:
    """Draw medians with intervals over every listener's score, best on top, on the scale of BS.1534."""
    overall = sorted((m for m in result.medians if not m.source), key=lambda m: -m.median)
    _rows(axes, [m.condition for m in overall])
    axes.set_xlim(-1.0, 101.0)
    axes.xaxis.set_major_locator(MultipleLocator(20.0))
    for row, m in enumerate(overall):
        scores = np.asarray(result.scores[m.condition])
        spread = row + 0.24 * np.linspace(-1.0, 1.0, len(scores)) if len(scores) > 1 else np.array([float(row)])
        axes.plot(scores, spread, "o", color=SOFT, alpha=0.35, markersize=3.5, markeredgewidth=0.0, zorder=2)
        _dot(axes, row, m.median, m.low, m.high)
    for index, grade in enumerate(_GRADES):
        axes.text(20.0 * index + 10.0, 1.02, grade, transform=axes.get_xaxis_transform(), ha="center", va="bottom", fontsize=9, color=SOFT)
    left = f", {len(result.excluded)} left out" if result.excluded else ""
    axes.set_xlabel(f"score; median, 95 % interval and each of {result.n} listeners{left}")


def _pairs(result: PairResult) -> Figure:
    """Return a figure with two panels for each question: shares of pairs, and strengths on one scale where there are three conditions."""
    questions = list(dict.fromkeys(row.question for row in result.pairs))
    plan: list[tuple[str, bool]] = []
    for question in questions:
        plan.append((question, False))
        if sum(s.question == question for s in result.strengths) > 1:
            plan.append((question, True))
    counts = [
        sum(s.question == question for s in result.strengths) if scaled else sum(row.question == question for row in result.pairs)
        for question, scaled in plan
    ]
    figure, panels = _page(counts)
    for axes, (question, scaled) in zip(panels, plan, strict=True):
        if scaled:
            strengths = sorted((s for s in result.strengths if s.question == question), key=lambda s: -s.log_odds)
            _rows(axes, [s.condition for s in strengths])
            for row, s in enumerate(strengths):
                _dot(axes, row, s.log_odds, s.low, s.high, sure=s.low > 0.0 or s.high < 0.0)
            axes.axvline(0.0, color=SOFT, linewidth=1.0)
            axes.set_xlabel(f"Bradley-Terry strength over {result.over} (log odds; 95 %, each by itself; filled: 0 lies outside)")
            continue
        pairs = [row for row in result.pairs if row.question == question]
        _rows(axes, [f"{row.first} over {row.second}" for row in pairs])
        _share_axis(axes)
        for index, pair in enumerate(pairs):
            _dot(axes, index, pair.share, pair.low, pair.high, sure=pair.p_holm < ALPHA)
        axes.set_title(question, loc="left", fontsize=11, color=INK, parse_math=False)
        axes.set_xlabel(f"chosen (95 %; {result.n} listeners; filled: p < 0.05 after Holm)")
    return figure


def _share_axis(axes: Axes) -> None:
    axes.set_xlim(-0.01, 1.01)
    axes.xaxis.set_major_locator(MultipleLocator(0.25))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda share, _position: f"{share:.0%}"))
    axes.axvline(0.5, color=SOFT, linewidth=1.0)


def _detections(axes: Axes, rows: Sequence[Detection], label: str) -> None:
    _rows(axes, [row.condition or row.listener for row in rows])
    _share_axis(axes)
    for index, row in enumerate(rows):
        _dot(axes, index, row.share, row.low, row.high, sure=row.p_holm < ALPHA)
        axes.text(1.02, index, f"{row.correct} of {row.n}", va="center", fontsize=9, color=SOFT)
    axes.set_xlabel(f"{label} (95 %; line: guessing; filled: p < 0.05 after Holm)")
