"""The report as one page to look at: errors beside the baselines, groups beside their ceiling, words beside their mean curves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from semeq_export.plot import figures as plot

_MAX_WORDS = 30
_OURS, _THEIRS, _CEILING, _SOFT = plot.COLOURS[0], "#B8B8B8", plot.COLOURS[6], "#666666"


def report_page(report: Mapping[str, Any]) -> Figure:
    """Return the page of a report."""
    with plot.house_style():
        figure = plot.page((12.0, 10.0))
        grid = figure.add_gridspec(2, 2, height_ratios=[1.25, 1.0])
        _errors(figure.add_subplot(grid[0, 0]), report)
        _words(figure.add_subplot(grid[0, 1]), report)
        _groups(figure.add_subplot(grid[1, 0]), report, "accuracy", "Told apart by a classifier (accuracy)")
        _groups(figure.add_subplot(grid[1, 1]), report, "silhouette", "Lying together (silhouette)")
        figure.suptitle(
            f"Held-out rows only: folds of unheard sources, {report['seeds']} seed{'s' if report['seeds'] > 1 else ''}",
            fontweight="bold",
            fontsize=13,
        )
    return figure


def _errors(axes: Axes, report: Mapping[str, Any]) -> None:
    found = sorted(report["curve_mae_db"]["safe_words"].items(), key=lambda item: -item[1]["left_out"]["mean"])
    rows = np.arange(len(found))
    means = [figure["left_out"]["mean"] for _, figure in found]
    spreads = [figure["left_out"]["spread"] for _, figure in found]
    colours = [_OURS if name in report["recipes"] else _THEIRS for name, _ in found]
    axes.barh(rows, means, xerr=spreads, color=colours, height=0.7, error_kw={"ecolor": _SOFT, "elinewidth": 1.0})
    axes.set_xscale("log")
    for row, mean in zip(rows, means, strict=True):
        axes.annotate(f"{mean:.2f}", (mean, row), xytext=(8, 0), textcoords="offset points", va="center", fontsize=8, color=_SOFT)
    axes.set_yticks(rows, [name for name, _ in found], fontsize=9)
    axes.set_xlim(min(means) / 1.5, max(means) * 2.0)
    _plain(axes, "Curve error (dB, log scale); blue: ours", "")


def _words(axes: Axes, report: Mapping[str, Any]) -> None:
    words = report["words"][report["recipes"][0]]
    if not words:
        _plain(axes, "No word has ten rows", "")
        return
    shown = dict(sorted(words.items(), key=lambda item: -item[1]["rows"])[:_MAX_WORDS])
    rows = np.arange(len(shown))[::-1]
    worse = [100.0 * (entry["rmse_ratio"] - 1.0) for entry in shown.values()]
    axes.axvspan(0.0, 1.0, color=_THEIRS, alpha=0.3, linewidth=0.0)
    axes.axvline(0.0, color=_SOFT, linewidth=1.0)
    axes.hlines(rows, 0.0, worse, color=_OURS, linewidth=1.5)
    axes.scatter(worse, rows, s=18, color=_OURS, zorder=3)
    axes.set_yticks(rows, [f"{word} {entry['rows']}" for word, entry in shown.items()], fontsize=8)
    axes.set_ylim(-0.7, len(shown) - 0.3)
    _plain(axes, "Decoded word worse than the word's mean curve (% of RMSE)", "")
    axes.set_title("Words against unheard people, with their rows (grey: up to 1 %)", loc="left", fontsize=10)


def _groups(axes: Axes, report: Mapping[str, Any], metric: str, title: str) -> None:
    sizes = sorted((size for size, group in report["grouping"].items() if "left_out" in group["ceiling"][metric]), key=int)
    names = ["ceiling", *report["recipes"]]
    width = 0.8 / len(names)
    for index, name in enumerate(names):
        figures = [report["grouping"][size][name][metric]["left_out"] for size in sizes]
        at = np.arange(len(sizes)) + (index - (len(names) - 1) / 2) * width
        colour = _CEILING if name == "ceiling" else plot.COLOURS[(index - 1) % (len(plot.COLOURS) - 1)]
        error = {"ecolor": _SOFT, "elinewidth": 1.0}
        spreads = [figure["spread"] for figure in figures]
        axes.bar(at, [figure["mean"] for figure in figures], width * 0.9, yerr=spreads, color=colour, label=name, error_kw=error)
    axes.axhline(0.0, color=_SOFT, linewidth=1.0)
    axes.set_xticks(np.arange(len(sizes)), [f"{size} words" for size in sizes])
    _plain(axes, "", "")
    axes.set_title(title, loc="left", fontsize=10)
    if metric == "silhouette":  # the other panel has no room, and the same colours
        axes.legend(frameon=False, fontsize=8, loc="upper right")


def _plain(axes: Axes, x_label: str, y_label: str) -> None:
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_axisbelow(True)
    axes.grid(True, axis="both", color="#EEEEEE", linewidth=0.8)
