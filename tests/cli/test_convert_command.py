"""semeq-export convert: any readable preset to any format, with notes; refused where something would be lost or overwritten."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import ROOT
from strategies import T5

from semeq_export.cli import _shared, cli
from semeq_export.eq.settings import EqSettings
from semeq_presets import read_file, write_file

GOLDEN = Path(__file__).resolve().parent.parent / "golden"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "a.txt").write_bytes((GOLDEN / "eqapo" / "autoeq.txt").read_bytes())
    (tmp_path / "odd.txt").write_text("Preamp: 0 dB\nDelay: 10 ms\nFilter 2: ON PK Fc 100 Hz Gain 1 dB Q 1\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> int:
    return _shared.run(cli, ["convert", *arguments])


def test_a_preset_goes_through_every_format_and_back(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("a.txt", "a.lv2", "--from", "eqapo", "--to", "lsp-x16-lv2") == 0
    assert run("a.lv2", "a.json", "--to", "semeq-json") == 0
    assert run("a.json", "-", "--to", "eqapo") == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    assert captured.out == (
        "a.lv2\na.json\n"
        "Preamp: -5.9 dB\n"
        "Filter 1: ON LSC Fc 105.0 Hz Gain 8.1 dB Q 0.7\n"
        "Filter 2: ON PK Fc 1604.0 Hz Gain -2.7 dB Q 1.23\n"
        "Filter 3: ON HSC Fc 10000.0 Hz Gain -7.5 dB Q 0.7\n"
    )
    assert read_file(folder / "a.lv2", format="lsp-x16-lv2").name == "a"


def test_json_says_from_what_to_what(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("odd.txt", "-", "--from", "eqapo", "--to", "semeq-json", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["from"], document["to"], document["destination"]) == ("eqapo", "semeq-json", None)
    assert [note["text"] for note in document["notes"]] == ["line 2 Delay changes no level and is not read (unknown)"]
    assert json.loads(document["content"])["format"] == "semeq-preset"


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["a.txt", "a.txt", "--to", "eqapo", "--force"], 2, "a.txt: is the input a.txt; give another name"),
        (["a.txt", "odd.txt", "--to", "eqapo"], 2, "odd.txt: exists already; use --force to replace it"),
        (["a.txt", "-"], 2, "DST - needs --to ID"),
        (["a.txt", "-", "--to", "lsp-x16-lv2"], 2, "format lsp-x16-lv2 is a folder and cannot be printed; give a name that ends in .lv2"),
        (["missing.txt", "b.json", "--to", "semeq-json"], 2, "missing.txt: no such file"),
        (["a.txt", "b.json", "--from", "semeq-json", "--to", "semeq-json"], 2, "a.txt: "),
        (["odd.txt", "b.json", "--from", "eqapo", "--to", "semeq-json", "--strict"], 2, "line 2 Delay changes no level and is not read"),
        (["a.txt", "no/b.json", "--to", "semeq-json"], 2, "no/b.json: its folder no does not exist"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_leaves_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, says: str
) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert run(*arguments) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert says in captured.err
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_preset_is_refitted_to_a_device_of_ones_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_file("t5.json", T5, format="semeq-json")
    write_file("curve.txt", T5, format="graphiceq", protect=False)
    device = str(ROOT / "presets" / "devices" / "console-4-band.toml")
    assert run("t5.json", "-", "--device", device, "-q") == 0
    assert "HMF   peak" in capsys.readouterr().out
    assert run("curve.txt", "knobs.txt", "--from", "graphiceq", "--device", device, "-q") == 0
    assert (tmp_path / "knobs.txt").read_text().splitlines()[1] == "Four-band console EQ"
    assert run("t5.json", "t5.csv", "--device", device, "--to", "csv", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["from"], document["to"]) == ("semeq-json", "csv")
    assert document["notes"]
    assert run("t5.json", "t5.json", "--device", device, "--to", "semeq-json", "--force") == 2
    assert "is the input" in capsys.readouterr().err


def test_the_preamp_of_a_conversion_can_be_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_file("a.json", EqSettings(T5.bands, -1.5), format="semeq-json")
    for choice, preamp_db in (("auto", -1.5), ("none", 0.0), ("-4", -4.0)):
        assert run("a.json", "a.txt", "--to", "eqapo", "--preamp", choice, "--force", "-q") == 0
        eq = read_file("a.txt").eq
        assert eq is not None
        assert eq.preamp_db == preamp_db
    write_file("c.audacity.txt", T5, format="audacity")
    assert run("c.audacity.txt", "c.txt", "--from", "audacity", "--to", "graphiceq", "-q") == 0
    curve = read_file("c.txt", format="graphiceq").curve
    assert curve is not None
    assert -0.2 < curve.gain_db.max() <= 0.01
