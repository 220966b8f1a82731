"""What notebooks show of settings, and curves on a user's own axes."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import matplotlib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from strategies import ANY_EQ

from semeq_export import plot_eq
from semeq_export.eq import picture
from semeq_export.eq.biquad import response_db
from semeq_export.eq.channels import ChannelEqs
from semeq_export.eq.curve import log_grid
from semeq_export.eq.settings import Band, EqSettings
from semeq_presets import Preset

SVG = "{http://www.w3.org/2000/svg}"
WARM = EqSettings((Band("low_shelf", 150.0, 4.0), Band("peak", 3_000.0, -5.0, 1.2)))
BRIGHT = EqSettings((Band("high_shelf", 5_000.0, 11.0),), -1.0)


def lines_of(svg: str) -> list[np.ndarray]:
    """Return the points (n, 2) of each curve."""
    root = ElementTree.fromstring(svg)
    return [np.array([pair.split(",") for pair in line.attrib["points"].split()], dtype=float) for line in root.iter(f"{SVG}polyline")]


def zero_and_steps(svg: str) -> list[tuple[float, float]]:
    """Return (gain in dB, y) of the labels at the gain axis."""
    labels = [text for text in ElementTree.fromstring(svg).iter(f"{SVG}text") if text.attrib.get("text-anchor") == "end"]
    return [(float((text.text or "").replace("\N{MINUS SIGN}", "-").removesuffix(" dB")), float(text.attrib["y"]) - 3.5) for text in labels]


@pytest.mark.parametrize("eq", [WARM, BRIGHT, EqSettings(), WARM.scaled(0.2)])
def test_the_picture_shows_the_response_on_its_axis(eq: EqSettings) -> None:
    svg = eq._repr_svg_()
    (points,) = lines_of(svg)
    gains_db, ys = np.array(zero_and_steps(svg)).T
    freqs_hz = log_grid(len(points))
    shown_db = np.interp(-points[:, 1], -ys, gains_db)
    assert shown_db == pytest.approx(response_db(eq, freqs_hz, 48_000.0), abs=0.05)
    assert np.all(np.diff(points[:, 0]) > 0)


@settings(max_examples=60)
@given(eq=ANY_EQ, name=st.text(max_size=200))
def test_any_picture_is_small_xml_inside_its_frame(eq: EqSettings, name: str) -> None:
    for svg, curves in (
        (eq._repr_svg_(), 1),
        (Preset(eq, name)._repr_svg_(), 1),
        (Preset(ChannelEqs((("mid", eq), ("side", WARM))), name)._repr_svg_(), 2),
    ):
        found = lines_of(svg)
        assert len(found) == curves
        for points in found:
            assert np.all((points[:, 0] >= 0.0) & (points[:, 0] <= picture.WIDTH))
            assert np.all((points[:, 1] >= 0.0) & (points[:, 1] <= picture.HEIGHT))
        assert len(svg) < 10_000


def test_names_are_text_and_never_markup() -> None:
    svg = Preset(WARM, "<script>&\x00")._repr_svg_()
    assert "<script>" not in svg
    title = ElementTree.fromstring(svg).find(f"{SVG}title")
    assert title is not None
    assert (title.text or "").startswith("'<script>&\\x00'")


def test_of_many_channels_eight_are_drawn() -> None:
    eqs = ChannelEqs(tuple((str(number), WARM.scaled(number / 20)) for number in range(1, 21)))
    assert len(lines_of(eqs._repr_svg_())) == 8


@pytest.fixture
def axes() -> Axes:
    return Figure().add_subplot()


def curves_of(axes: Axes) -> list[np.ndarray]:
    return [np.asarray(line.get_ydata()) for line in axes.lines if len(np.asarray(line.get_xdata())) == 512]


def test_a_curve_on_ones_own_axes_is_the_response(axes: Axes) -> None:
    assert plot_eq(WARM, axes, label="warm") is axes
    (curve,) = curves_of(axes)
    np.testing.assert_allclose(curve, response_db(WARM, log_grid(512), 48_000.0))
    assert axes.get_legend_handles_labels()[1] == ["warm"]
    assert axes.get_xscale() == "log"
    assert axes.get_ylim() == (-6.0, 6.0)


def test_a_second_curve_stands_beside_the_first(axes: Axes) -> None:
    plot_eq(BRIGHT, axes, label="bright")
    before, lines = axes.get_ylim(), len(axes.lines)
    plot_eq(WARM, axes, label="warm", markers=False)
    assert axes.get_ylim() == before
    assert len(axes.lines) == lines + 1
    colours = [handle.get_color() for handle in axes.get_legend_handles_labels()[0]]  # type: ignore[union-attr]
    assert len(set(colours)) == 2


def test_each_channel_gets_a_line_and_nothing_global_is_changed(axes: Axes) -> None:
    before = dict(matplotlib.rcParams)
    plot_eq(ChannelEqs((("left", WARM), ("right", BRIGHT))), axes, label="mix")
    plot_eq(ChannelEqs((("mid", WARM),)), axes)
    assert axes.get_legend_handles_labels()[1] == ["mix, left", "mix, right", "mid"]
    assert len(curves_of(axes)) == 3
    assert dict(matplotlib.rcParams) == before


def test_without_axes_those_of_pyplot_are_taken() -> None:
    figure, own = pyplot.subplots()
    try:
        assert plot_eq(WARM) is own
    finally:
        pyplot.close(figure)
