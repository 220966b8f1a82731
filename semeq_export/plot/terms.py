"""Pictures of a bundle's words: what people did for each, how the words relate, and where they lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import squareform

from semeq_export.arrays import Float64Array
from semeq_export.eq.curve import log_grid
from semeq_export.plot import figures as plot
from semeq_export.words.evidence import N_POINTS, REGIONS, Evidence, Place
from semeq_export.words.terms import CentroidBank

_MAPPED = 12
_TITLES = {
    "pca": "Principal components of people's curves",
    "tsne": "t-SNE of people's curves: who is near whom; distances mean little",
}
_OFFSETS_PT = [(0.0, 0.0)] + [
    (float(ring * np.cos(angle)), float(ring * np.sin(angle))) for ring in range(8, 160, 8) for angle in np.arange(16) * np.pi / 8.0
]
_ROOM_PX = (6.0, 4.0)  # around a word, in dots of the figure
_INK, _SOFT = "#222222", "#666666"


def shown_words(bank: CentroidBank, evidence: Evidence, language: str | None = None) -> list[str]:
    """Return the words that pictures show, those with the most people first: of `CentroidBank.usual_words`."""
    chosen = [bank[word] for word in bank.usual_words(language) if word in evidence.words]
    return [term.name for term in sorted(chosen, key=lambda term: (-term.examples, term.name))]


def curves_sheet(bank: CentroidBank, evidence: Evidence, words: Sequence[str]) -> Figure:
    """Return a sheet of words: the mean curve, and the middle two thirds of people around it."""
    freqs_hz = log_grid(N_POINTS)
    columns = min(6, max(1, len(words)))
    rows = -(-len(words) // columns)
    with plot.house_style():
        figure = plot.page((2.4 * columns + 0.4, 1.75 * rows + 0.9))
        grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
        for index, axes in enumerate(grid.flat):
            if index >= len(words):
                axes.set_visible(False)
                continue
            entry = evidence.words[words[index]]
            plot.frequency_axis(axes, small=True)
            axes.set_ylim(-12.0, 12.0)
            axes.set_yticks([-12, -6, 0, 6, 12])
            axes.axhline(0.0, color=_SOFT, linewidth=0.8)
            low, high = entry.mean_db - entry.spread_db, entry.mean_db + entry.spread_db
            axes.fill_between(freqs_hz, low, high, color=plot.COLOURS[0], alpha=0.15, linewidth=0.0)
            axes.plot(freqs_hz, entry.mean_db, color=plot.COLOURS[0], linewidth=1.8)
            term = bank[words[index]]
            title = f"{term.name}  ({entry.rows}, agreement {term.agreement:.2f})"
            axes.set_title(title, loc="left", fontsize=8, pad=3.0, parse_math=False)
            axes.tick_params(labelsize=7)
        figure.supxlabel("Frequency (Hz)", fontsize=9, color=_INK)
        figure.supylabel("Gain (dB), level taken out", fontsize=9, color=_INK)
        figure.suptitle("What people did: mean, and one standard deviation of single people", fontweight="bold", fontsize=12)
    return figure


def correlation_figure(evidence: Evidence, words: Sequence[str]) -> Figure:
    """Return a heat map of the correlations of words' mean curves, words that mean the same side by side."""
    table = evidence.correlations(words)
    order = _order_by_likeness(table)
    names = [words[index] for index in order]
    size = max(5.0, 0.17 * len(words) + 2.0)
    with plot.house_style():
        figure = plot.page((size + 0.8, size))
        axes = figure.add_subplot()
        image = axes.imshow(table[np.ix_(order, order)], cmap="RdBu_r", vmin=-1.0, vmax=1.0, interpolation="nearest")
        axes.set_xticks(range(len(names)), names, rotation=90, fontsize=7, parse_math=False)
        axes.set_yticks(range(len(names)), names, fontsize=7, parse_math=False)
        axes.tick_params(length=0, pad=2.0)
        axes.spines[:].set_visible(False)
        bar = figure.colorbar(image, ax=axes, shrink=0.6, ticks=[-1, 0, 1])
        bar.ax.set_yticklabels(["opposite", "unrelated", "the same"], fontsize=8)
        bar.outline.set_visible(False)
        axes.set_title("Which words mean the same: correlation of mean curves", loc="left", fontweight="bold", fontsize=12, pad=10.0)
    return figure


def _order_by_likeness(table: Float64Array) -> list[int]:
    """Return an order in which words alike are neighbours: average linkage over 1 - correlation."""
    if len(table) < 3:
        return list(range(len(table)))
    distance = squareform(np.clip(1.0 - table, 0.0, None), checks=False)
    return [int(index) for index in leaves_list(linkage(distance, "average", optimal_ordering=True))]


def map_figure(bank: CentroidBank, evidence: Evidence, place: Place, language: str | None = None) -> Figure:
    """Return a map of people's settings, coloured by the words with the most people, each word's name at the middle of its people.

    It shows the ranges that hold 98 % of them on each axis, and says how many lie outside.
    """
    at = np.array([getattr(point, place) for point in evidence.points]).reshape(-1, 2)
    labels = np.array([point.word for point in evidence.points], dtype=str)
    common = [word for word in shown_words(bank, evidence, language) if np.any(labels == word)]
    with plot.house_style():
        figure = plot.page((10.0, 7.5))
        axes = figure.add_subplot()
        other = ~np.isin(labels, common[:_MAPPED])
        axes.scatter(at[other, 0], at[other, 1], s=8, color="#CFCFCF", linewidth=0.0)
        for index, word in enumerate(common[:_MAPPED]):
            mine = labels == word
            marker = "o^"[index // len(plot.COLOURS) % 2]
            colour = plot.COLOURS[index % len(plot.COLOURS)]
            axes.scatter(at[mine, 0], at[mine, 1], s=14, color=colour, marker=marker, alpha=0.55, linewidth=0.0, label=word)
        low, high = np.percentile(at, [1.0, 99.0], axis=0)
        margin = 0.05 * (high - low) + 1e-6
        axes.set_xlim(low[0] - margin[0], high[0] + margin[0])
        axes.set_ylim(low[1] - margin[1], high[1] + margin[1])
        outside = np.any((at < low - margin) | (at > high + margin), axis=1).sum()
        axes.set_xlabel(f"{outside} of {len(at)} people lie outside", loc="left", fontsize=8, color=_SOFT)
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[:].set_visible(False)
        axes.set_title(_TITLES[place], loc="left", fontweight="bold", fontsize=12)
        legend = axes.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0), markerscale=1.6)
        for text in legend.get_texts():
            text.set_parse_math(False)
        _label(figure, axes, {word: np.median(at[labels == word], axis=0) for word in common[: 2 * _MAPPED]})
    return figure


def _label(figure: Figure, axes: Axes, places: Mapping[str, Float64Array]) -> None:
    """Write words at places, or beside them with a line where a word before has the room.

    Not by adjustText: it needs pyplot's global state and stops by the clock, so equal input would not give equal pictures.
    """
    box = {"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.8}
    line = {"arrowstyle": "-", "color": _INK, "linewidth": 0.6, "shrinkA": 0.0, "shrinkB": 0.0}
    figure.draw_without_rendering()  # settles where the axes are
    taken: list[Bbox] = []
    for word, (x, y) in places.items():
        label = axes.annotate(
            word, (x, y), (0.0, 0.0), textcoords="offset points", fontsize=9, ha="center", va="center", bbox=box, arrowprops=line, zorder=5
        )
        label.set_parse_math(False)
        size = np.array(Text.get_window_extent(label).size) + _ROOM_PX
        middle = axes.transData.transform((x, y))
        for offset in _OFFSETS_PT:
            corner = middle + figure.dpi / 72.0 * np.array(offset) - size / 2.0
            moved = Bbox.from_bounds(*corner, *size)
            if not any(moved.overlaps(other) for other in taken):
                break
        label.set_position(offset)
        taken.append(moved)


def regions_figure(evidence: Evidence, words: Sequence[str]) -> Figure:
    """Return bars of the share of people who boost and who cut each region, word by word."""
    names = list(REGIONS)
    with plot.house_style():
        figure = plot.page((9.5, 0.34 * len(words) + 1.6))
        grid = figure.subplots(1, len(names), sharey=True, squeeze=False)[0]
        rows = np.arange(len(words))
        for axes, name in zip(grid, names, strict=True):
            axes.barh(rows, [100 * evidence.words[word].boosted[name] for word in words], color=plot.COLOURS[1], height=0.7)
            axes.barh(rows, [-100 * evidence.words[word].cut[name] for word in words], color=plot.COLOURS[0], height=0.7)
            axes.axvline(0.0, color=_SOFT, linewidth=0.8)
            axes.set_xlim(-100, 100)
            axes.margins(y=0.01)
            axes.set_xticks([-100, 0, 100], ["all cut", "", "all boost"], fontsize=7)
            low, high = REGIONS[name]
            axes.set_title(f"{name}, {low:g} to {high:g} Hz", fontsize=8)
            axes.spines[["top", "right", "left"]].set_visible(False)
            axes.tick_params(length=0)
        grid[0].set_yticks(rows, words, fontsize=8, parse_math=False)
        grid[0].invert_yaxis()
        figure.suptitle("Share of people who boost or cut by 1 dB or more", fontweight="bold", fontsize=12)
    return figure


def figures(bank: CentroidBank, evidence: Evidence, language: str | None = None) -> dict[str, Figure]:
    """Return every picture by name: curves, regions, correlation, map-pca and map-tsne (the maps where the evidence has rows).

    language: None is all.
    """
    words = shown_words(bank, evidence, language)
    found = {
        "curves": curves_sheet(bank, evidence, words[:36]),
        "regions": regions_figure(evidence, words[:36]),
        "correlation": correlation_figure(evidence, words),
    }
    if evidence.points:
        places: tuple[Place, ...] = ("pca", "tsne")
        found |= {f"map-{place}": map_figure(bank, evidence, place, language) for place in places}
    return found
