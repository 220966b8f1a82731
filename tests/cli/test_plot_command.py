"""semeq-export plot: pictures of words and presets, their numbers as JSON, and what is refused before anything is drawn."""

from __future__ import annotations

import json
from pathlib import Path

import bundles
import numpy as np
import pytest

from semeq_export.bundle.loading import load_bundle
from semeq_export.cli import _shared, cli
from semeq_export.engine import Engine
from semeq_export.eq.curve import Curve
from semeq_export.eq.settings import Band, BandKind, EqSettings
from semeq_export.plot import figures as plot
from semeq_export.words.target import SemanticTarget
from semeq_presets import Preset, get, write_file


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    bundles.write(tmp_path / "tiny.semeq")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEMEQ_BUNDLE", "tiny.semeq")
    return tmp_path


def test_words_are_drawn_with_their_curves(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _shared.run(cli, ["plot", "-t", "warm", "-t", "warm:0.7,bright:0.3", "-o", "words.svg", "--json"]) == 0
    captured = capsys.readouterr()
    document = json.loads(captured.out)
    assert captured.err == ""
    assert [curve["label"] for curve in document["curves"]] == ["warm", "warm:0.7,bright:0.3"]
    curve = document["curves"][0]
    expected = Engine(load_bundle(folder / "tiny.semeq")).curve_for("warm", np.array(curve["freqs_hz"]))
    np.testing.assert_allclose(curve["gain_db"], expected, atol=1e-9)
    assert (document["output"], document["sample_rate_hz"], document["notes"]) == ("words.svg", 48_000.0, [])
    assert (folder / "words.svg").read_bytes().startswith(b"<?xml")


def test_the_same_command_gives_the_same_picture(folder: Path) -> None:
    for name in ("a.svg", "b.svg"):
        assert _shared.run(cli, ["plot", "-t", "warm", "-t", "bright", "-o", name, "-q"]) == 0
    assert (folder / "a.svg").read_bytes() == (folder / "b.svg").read_bytes()


def test_intensity_scales_and_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _shared.run(cli, ["plot", "-t", "warm", "--intensity", "-0.5", "-o", "w.png", "--json"]) == 0
    (curve,) = json.loads(capsys.readouterr().out)["curves"]
    assert curve["label"] == "warm at -0.5"
    assert curve["gain_db"][0] < 0
    assert _shared.run(cli, ["plot", "-t", "warm", "--intensity", "0", "-o", "flat.png", "--json"]) == 0
    assert set(json.loads(capsys.readouterr().out)["curves"][0]["gain_db"]) == {0.0}


def test_presets_are_drawn_beside_words(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    eq = EqSettings((Band(BandKind.PEAK, 1_000.0, 6.0, 1.0),))
    write_file(folder / "vocal.semeq.json", eq)
    (points,) = get("semeq-json").write(Preset(EqSettings(curve=Curve(np.array([100.0, 1_000.0]), np.array([0.0, 3.0]))))).files.values()
    (folder / "points.semeq.json").write_bytes(points)
    arguments = ["plot", "-t", "bright", "--preset", "vocal.semeq.json", "--preset", "points.semeq.json", "-o", "all.pdf", "--json"]
    assert _shared.run(cli, arguments) == 0
    curves = json.loads(capsys.readouterr().out)["curves"]
    assert [curve["label"] for curve in curves] == ["bright", "vocal.semeq.json", "points.semeq.json"]
    assert max(curves[1]["gain_db"]) == pytest.approx(6.0, abs=0.01)
    assert (curves[2]["gain_db"][0], curves[2]["gain_db"][-1]) == (0.0, 3.0)
    assert (folder / "all.pdf").read_bytes().startswith(b"%PDF")


def test_what_the_rate_cannot_hold_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:  # fault A16
    write_file(folder / "air.semeq.json", EqSettings((Band(BandKind.PEAK, 16_000.0, 6.0, 1.0),)))
    assert _shared.run(cli, ["plot", "--preset", "air.semeq.json", "--sample-rate", "22050", "-o", "a.svg"]) == 0
    captured = capsys.readouterr()
    assert captured.out == "a.svg\n"
    assert captured.err == "air.semeq.json: band 1 (peak, 16000 Hz, +6.00 dB) is above 10473.8 Hz, left out at 22050 Hz\n"


def test_a_picture_may_go_to_standard_output(folder: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert _shared.run(cli, ["plot", "-t", "warm", "-o", "-", "--title", "Warm"]) == 0
    captured = capfdbinary.readouterr()
    assert captured.err == b""
    target = SemanticTarget.parse("warm")
    trace, _ = plot.eq_trace("warm", Engine(load_bundle("tiny.semeq")).eq_for(target), 48_000.0)
    assert captured.out == plot.render(plot.response_figure([trace], title="Warm"), "svg")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["-o", "x.svg"], "nothing to draw"),
        (["-t", "warm"], "Missing option '-o'"),
        (["-t", "wrm", "-o", "x.svg"], "unknown term 'wrm'; did you mean 'warm'?"),
        (["-t", "warm", "-o", "x.jpg"], "use .svg, .png or .pdf"),
        (["-t", "warm", "-o", "old.svg"], "exists already; use --force"),
        (["-t", "warm", "-o", "missing/x.svg"], "does not exist"),
        (["-t", "warm", "-o", "-", "--json"], "either the picture or the JSON"),
        (["-t", "warm", "--intensity", "4", "-o", "x.svg"], "outside -3..3"),
        (["-t", "warm", "--intensity", "nan", "-o", "x.svg"], "outside -3..3"),
        (["-t", "warm", "--sample-rate", "7000", "-o", "x.svg"], "sample_rate_hz 7000 is outside"),
        (["--preset", "gone.json", "-o", "x.svg"], "gone.json"),
        (["--preset", "old.svg", "-o", "x.svg"], "old.svg"),
        (["--bundle", "gone.semeq", "-t", "warm", "-o", "x.svg"], "gone.semeq"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], why: str) -> None:
    (folder / "old.svg").write_bytes(b"old")
    assert _shared.run(cli, ["plot", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert why in captured.err
    assert sorted(path.name for path in folder.iterdir()) == ["old.svg", "tiny.semeq"]
    assert (folder / "old.svg").read_bytes() == b"old"


def test_a_picture_never_replaces_the_preset_that_it_shows(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:  # fault C9
    write_file(folder / "vocal.semeq.json", EqSettings())
    (folder / "link.svg").hardlink_to(folder / "vocal.semeq.json")
    assert _shared.run(cli, ["plot", "--preset", "vocal.semeq.json", "-o", "link.svg", "--force"]) == 2
    assert "is the input" in capsys.readouterr().err
