"""Pictures: what the axes show, that equal input gives equal bytes, and that nothing of a user's matplotlib settings leaks in."""

from __future__ import annotations

from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure
from strategies import T5, random_settings

from semeq_export.eq.curve import Curve
from semeq_export.eq.settings import Band, BandKind, EqSettings
from semeq_export.errors import OutputError
from semeq_export.plot import figures as plot

SHELVES = EqSettings((Band(BandKind.LOW_SHELF, 200.0, 5.0), Band(BandKind.HIGH_SHELF, 5_000.0, -4.0)))


def trace(label: str = "warm", eq: EqSettings = SHELVES) -> plot.Trace:
    return plot.eq_trace(label, eq, 48_000.0)[0]


def texts(figure: Figure) -> list[str]:
    (axes,) = figure.axes
    legend = axes.get_legend()
    return [axes.get_title(loc="left"), *([text.get_text() for text in legend.get_texts()] if legend else [])]


def test_the_frequency_axis_is_logarithmic_with_audio_ticks() -> None:
    (axes,) = plot.response_figure([trace()]).axes
    assert axes.get_xscale() == "log"
    assert axes.get_xlim() == (20.0, 20_000.0)
    labels = [text.get_text() for text in axes.get_xticklabels()]
    assert labels == ["20", "50", "100", "200", "500", "1k", "2k", "5k", "10k", "20k"]


@pytest.mark.parametrize(
    ("gain_db", "reach_db", "step_db"),
    [(0.0, 6.0, 3.0), (5.0, 6.0, 3.0), (5.9, 9.0, 3.0), (12.0, 15.0, 3.0), (17.0, 18.0, 6.0), (60.0, 72.0, 12.0)],
)
def test_the_gain_axis_reaches_as_far_up_as_down(gain_db: float, reach_db: float, step_db: float) -> None:
    (axes,) = plot.response_figure([trace(eq=EqSettings((), -gain_db))]).axes
    assert axes.get_ylim() == (-reach_db, reach_db)
    assert np.diff(axes.get_yticks())[0] == step_db
    assert 0.0 in axes.get_yticks()


def test_the_line_is_the_response_and_the_dots_lie_on_it() -> None:
    (axes,) = plot.response_figure([trace()]).axes
    line, dots = (drawn for drawn in axes.lines if len(drawn.get_xdata()) > 2 or drawn.get_marker() == "o")
    assert np.asarray(line.get_ydata())[0] == pytest.approx(5.0, abs=0.05)
    assert np.asarray(line.get_ydata())[-1] == pytest.approx(-4.0, abs=0.05)
    np.testing.assert_array_equal(dots.get_xdata(), [200.0, 5_000.0])
    np.testing.assert_allclose(dots.get_ydata(), [2.5, -2.0], atol=0.05)


def test_one_line_names_the_picture_and_several_get_a_legend() -> None:
    assert texts(plot.response_figure([trace("warm")])) == ["warm"]
    assert texts(plot.response_figure([trace("warm")], title="Vocals")) == ["Vocals", "warm"]
    assert texts(plot.response_figure([trace("warm"), trace("warm"), trace("_under")])) == ["", "warm", "warm", "_under"]
    names = [f"word {n}" for n in range(12)]
    assert texts(plot.response_figure([trace(name) for name in names])) == ["", *names]


def test_every_line_of_a_crowd_looks_different() -> None:
    (axes,) = plot.response_figure([plot.Trace(str(n), np.array([20.0, 2e4]), np.array([n, 0.0])) for n in range(28)]).axes
    looks = {(line.get_color(), str(line._dash_pattern)) for line in axes.lines if line.get_linewidth() > 2}  # type: ignore[attr-defined]
    assert len(looks) == 28


def test_bands_that_the_rate_cannot_hold_are_reported() -> None:
    drawn, warnings = plot.eq_trace("dull", EqSettings((Band(BandKind.PEAK, 16_000.0, 6.0),)), 22_050.0)
    assert np.all(drawn.gain_db == 0.0)
    assert drawn.freqs_hz[-1] == 11_025.0
    assert len(warnings) == 1


def test_curves_known_by_points_are_drawn_too() -> None:
    drawn = plot.eq_trace("measured", EqSettings(curve=Curve(np.array([100.0, 1_000.0]), np.array([0.0, 6.0]))), 48_000.0)[0]
    assert (drawn.gain_db[0], drawn.gain_db[-1]) == (0.0, 6.0)


@pytest.mark.parametrize("picture_format", plot.FORMATS)
def test_equal_input_gives_equal_bytes(picture_format: plot.PictureFormat) -> None:
    def draw() -> bytes:
        traces = [trace(str(n), eq) for n, eq in enumerate(random_settings(3, seed=1))]
        return plot.render(plot.response_figure(traces, title="Three"), picture_format)

    first = draw()
    assert draw() == first
    with matplotlib.rc_context({"lines.linewidth": 9.0, "axes.facecolor": "red", "svg.hashsalt": "other", "font.size": 20}):
        assert draw() == first


@pytest.mark.parametrize(("picture_format", "head"), [("svg", b"<?xml"), ("png", b"\x89PNG\r\n"), ("pdf", b"%PDF-")])
def test_each_format_is_what_it_says_and_bears_no_date(tmp_path: Path, picture_format: str, head: bytes) -> None:
    path = tmp_path / f"warm.{picture_format.upper()}"
    plot.save(plot.response_figure([trace()]), path)
    data = path.read_bytes()
    assert data.startswith(head)
    assert b"Date" not in data
    with pytest.raises(OutputError, match="exists already"):
        plot.save(plot.response_figure([trace()]), path)


@pytest.mark.parametrize("name", ["warm", "warm.jpg", "warm.svgz", "svg"])
def test_other_suffixes_are_refused(name: str) -> None:
    with pytest.raises(OutputError, match="use .svg, .png or .pdf"):
        plot.picture_format(name)


def test_names_are_shown_as_they_are() -> None:
    odd = r"$\frac{a}{0}$ 100% \U0001f600 <b>&"
    figure = plot.response_figure([trace(odd), trace("$x$")], title="$" + odd)
    assert texts(figure) == ["$" + odd, odd, "$x$"]
    assert plot.render(figure, "svg").startswith(b"<?xml")


def test_signs_that_the_font_lacks_do_not_disturb() -> None:
    assert plot.render(plot.response_figure([trace("暖かい \U0001f600")]), "png")


def test_a_history_shows_each_loss_on_a_log_scale_and_leaves_gaps_out() -> None:
    steps = np.arange(0.0, 100.0, 10.0)
    figure = plot.history_figure(steps, {"train": np.exp(-steps / 50), "held-out": np.where(steps % 20 == 0, 1.0, np.nan)}, title="Run")
    (axes,) = figure.axes
    assert axes.get_yscale() == "log"
    assert texts(figure) == ["Run", "train", "held-out"]
    assert [len(line.get_xdata()) for line in axes.lines] == [10, 5]


def test_a_history_that_reaches_zero_is_linear() -> None:
    (axes,) = plot.history_figure(np.arange(3.0), {"loss": np.array([1.0, 0.5, 0.0])}).axes
    assert axes.get_yscale() == "linear"


def test_a_picture_of_nothing_is_still_a_picture() -> None:
    assert plot.render(plot.response_figure([]), "png").startswith(b"\x89PNG")


def test_a_contact_sheet_has_a_small_picture_for_each_cell_on_equal_axes() -> None:
    cells = [plot.Cell(f"word {index}", (plot.eq_trace("x", T5.scaled(index / 10), 48_000.0)[0],)) for index in range(8)]
    figure = plot.contact_sheet(cells, title="Words")
    shown = [axes for axes in figure.axes if axes.get_visible()]
    assert [axes.get_title(loc="left") for axes in shown] == [cell.title for cell in cells]
    assert len({axes.get_ylim() for axes in shown}) == 1
    assert plot.render(figure, "svg") == plot.render(plot.contact_sheet(cells, title="Words"), "svg")


def test_a_contact_sheet_of_several_lines_says_once_what_they_are() -> None:
    line = plot.eq_trace("x", T5, 48_000.0)[0]
    traces = (plot.Trace("intended", line.freqs_hz, line.gain_db), plot.Trace("measured $", line.freqs_hz, line.gain_db))
    figure = plot.contact_sheet([plot.Cell("a" * 500, traces), plot.Cell("b", traces)])
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["intended", "measured $"]
    assert len(figure.axes[0].get_title(loc="left")) < 100
    assert plot.render(plot.contact_sheet([]), "svg")


def test_one_loud_cell_does_not_flatten_the_others_and_says_that_it_is_cut() -> None:
    cells = [plot.Cell(f"word {index}", (plot.eq_trace("x", SHELVES.scaled(0.5), 48_000.0)[0],)) for index in range(19)]
    loud = plot.Cell("loud", (plot.eq_trace("x", SHELVES.scaled(4.0), 48_000.0)[0],))
    first, *_, last = [axes for axes in plot.contact_sheet([*cells, loud]).axes if axes.get_visible()]
    assert first.get_ylim() == (-6.0, 6.0)
    assert (first.get_title(loc="left"), last.get_title(loc="left")) == (
        "word 0",
        f"loud to {np.max(np.abs(loud.traces[0].gain_db)):.0f} dB",
    )


def test_a_long_title_goes_on_in_a_second_line() -> None:
    title = "warm against bright " * 7
    figure = plot.response_figure([trace(), trace("b")], title=title)
    (axes,) = figure.axes
    assert axes.get_title(loc="left").split() == title.split()
    assert "\n" in axes.get_title(loc="left")


def test_a_deep_cut_does_not_flatten_the_rest() -> None:
    notch = EqSettings((Band(BandKind.NOTCH, 1_000.0, q=1.0), Band(BandKind.PEAK, 5_000.0, 6.0, 1.0)))
    (axes,) = plot.response_figure([trace(eq=notch)]).axes
    assert axes.get_ylim() == (-30.0, 30.0)
    assert np.asarray(axes.lines[0].get_ydata()).min() >= -60.0
