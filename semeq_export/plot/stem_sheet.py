"""A sheet of a session's stems, before and after: loudness, true peak, crest, spectra and the EQ, a row for each, as HTML or PDF.

The numbers of an HTML page are text, its pictures are inside it; it needs nothing else and runs nothing.
"""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from semeq_export.listening.spectrum import BANDS_HZ, Spectrum
from semeq_export.plot.figures import COLOURS, Trace, frequency_axis, gain_axis, house_style, page, render

_ROWS_ON_A_PAGE = 6
_SHOWN_DB = 60.0
_COLUMNS = ("Stem", "What was done", "LUFS", "True peak, dBTP", "Crest, dB", "Spectrum before (grey) and after (blue), dB; EQ, dB")
_LOOK = """body{font:14px/1.4 "DejaVu Sans",Verdana,sans-serif;color:#222;margin:2em}h1{font-size:1.3em}table{border-collapse:collapse}
th,td{text-align:left;vertical-align:top;padding:.5em .8em .5em 0;border-bottom:1px solid #d9d9d9}th{color:#666;font-weight:normal}
td.n{white-space:nowrap;font-variant-numeric:tabular-nums}td.s{font-weight:bold;overflow-wrap:anywhere;min-width:9em;max-width:16em}
p{margin:0;color:#666}p.w{color:#a33}img{width:30em;max-width:34vw}.a{color:#666}"""


@dataclass(frozen=True, slots=True, eq=False)
class StemSound:
    """What is measured of one file. crest_db: sample peak over the mean power. None where there is no signal."""

    lufs: float | None
    true_peak_dbtp: float | None
    crest_db: float | None
    spectrum: Spectrum


@dataclass(frozen=True, slots=True, eq=False)
class StemRow:
    """One stem of a sheet. done: lines on what was done. eqs: one line for each EQ. remarks: what to look at; or why there is no result.

    before, after: None where there is nothing to measure.
    """

    name: str
    done: tuple[str, ...] = ()
    before: StemSound | None = None
    after: StemSound | None = None
    eqs: tuple[Trace, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def numbers(self) -> tuple[tuple[str, str], ...]:
        """LUFS, true peak and crest, each before and after."""
        names = ("lufs", "true_peak_dbtp", "crest_db")
        return tuple((_number(getattr(self.before, name, None)), _number(getattr(self.after, name, None))) for name in names)


def _number(value: float | None) -> str:
    return "\N{EN DASH}" if value is None else f"{value:.1f}".replace("-", "\N{MINUS SIGN}")


def sheet_html(rows: Sequence[StemRow], title: str) -> bytes:
    """Return the sheet as one HTML page."""
    escaped = html.escape(title)
    head = "".join(f"<th>{name}</th>" for name in _COLUMNS)
    body = "\n".join(map(_html_row, rows))
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{escaped}</title><style>{_LOOK}</style></head>\n'
        f"<body><h1>{escaped}</h1>\n<table><thead><tr>{head}</tr></thead><tbody>\n{body}\n</tbody></table></body></html>\n"
    ).encode()


def _html_row(row: StemRow) -> str:
    cells = [f'<td class="s">{html.escape(row.name).replace("_", "_<wbr>")}</td>']
    lines = [f"<p>{html.escape(line)}</p>" for line in row.done] + [f'<p class="w">{html.escape(line)}</p>' for line in row.remarks]
    cells.append(f"<td>{''.join(lines)}</td>")
    cells += [f'<td class="n"><span class="a">{before}</span> \N{RIGHTWARDS ARROW} {after}</td>' for before, after in row.numbers]
    picture = ""
    if row.before is not None:
        figure = page((5.6, 1.5))
        with house_style():
            _draw_row(figure.add_subplot(1, 2, 1), figure.add_subplot(1, 2, 2), row)
        data = base64.b64encode(render(figure, "svg")).decode()
        picture = f'<img alt="spectrum and EQ of {html.escape(row.name)}" src="data:image/svg+xml;base64,{data}">'
    return f"<tr>{''.join(cells)}<td>{picture}</td></tr>"


def sheet_pdf(rows: Sequence[StemRow], title: str) -> bytes:
    """Return the sheet as a PDF of pages, A4 across, six stems on each."""
    buffer = io.BytesIO()
    with house_style(), PdfPages(buffer, metadata={"CreationDate": None, "Creator": None, "Producer": None}) as pages:
        for start in range(0, max(1, len(rows)), _ROWS_ON_A_PAGE):
            pages.savefig(_pdf_page(rows[start : start + _ROWS_ON_A_PAGE], title), facecolor="white")
    return buffer.getvalue()


def _pdf_page(rows: Sequence[StemRow], title: str) -> Figure:
    figure = page((11.7, 8.3))
    figure.set_layout_engine("constrained", rect=(0.03, 0.02, 0.94, 0.92))
    figure.text(0.03, 0.965, title, fontweight="bold", fontsize=13, parse_math=False)
    figure.text(0.97, 0.965, _COLUMNS[-1], ha="right", fontsize=8, parse_math=False)
    grid = figure.add_gridspec(_ROWS_ON_A_PAGE, 3, width_ratios=(1.5, 1.0, 1.0))
    for index, row in enumerate(rows):
        words = figure.add_subplot(grid[index, 0])
        words.set_axis_off()
        sizes = [f"{name}: {a} \N{RIGHTWARDS ARROW} {b}" for name, (a, b) in zip(_COLUMNS[2:5], row.numbers, strict=True)]
        sizes = [] if row.before is None else ["   ".join(sizes[:2]), sizes[2]]
        lines = [_shortened(line) for line in (*row.done, *sizes, *row.remarks)]
        words.text(0.0, 1.0, _shortened(row.name, 44), va="top", fontweight="bold", transform=words.transAxes, parse_math=False)
        words.text(0.0, 0.82, "\n".join(lines[:7]), va="top", fontsize=7.5, transform=words.transAxes, parse_math=False)
        if row.before is not None:
            _draw_row(figure.add_subplot(grid[index, 1]), figure.add_subplot(grid[index, 2]), row)
    return figure


def _shortened(text: str, most: int = 88) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}\N{HORIZONTAL ELLIPSIS}"


def _draw_row(spectra: Axes, gains: Axes, row: StemRow) -> None:
    """Draw the spectra before (broad and grey) and after, in dB under the strongest band before, and the EQ."""
    frequency_axis(spectra, small=True)
    frequency_axis(gains, small=True)
    for axes in (spectra, gains):
        axes.tick_params(labelsize=7)
    heard = [sound.spectrum for sound in (row.before, row.after) if sound is not None and sound.spectrum.has_signal]
    if row.before is not None and row.before.spectrum.has_signal:
        before = row.before.spectrum
        top_db = float(before.band_db[before.usable].max())
        for number, spectrum in enumerate(heard):
            level_db = np.where(spectrum.usable, spectrum.band_db - top_db, np.nan)
            spectra.plot(BANDS_HZ, level_db, color=("#B0B0B0", COLOURS[0])[number], linewidth=(3.0, 1.3)[number])
        highest = max(float(spectrum.band_db[spectrum.usable].max()) - top_db for spectrum in heard)
        spectra.set_ylim(-_SHOWN_DB, highest + 3.0)
        spectra.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    gains.set_visible(bool(row.eqs))
    gain_axis(gains, max((float(np.abs(trace.gain_db).max()) for trace in row.eqs), default=0.0), small=True)
    for number, trace in enumerate(row.eqs):
        gains.plot(trace.freqs_hz, trace.gain_db, color=COLOURS[1 + number % (len(COLOURS) - 1)], linewidth=1.3)
