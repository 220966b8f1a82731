"""The verify command: which host measured, how far off, and the negative answer."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from conftest import skip_or_fail
from strategies import T5, T10

from semeq_export.cli import _shared, cli
from semeq_export.eq.settings import EqSettings
from semeq_presets import Preset, write_file


def run(*arguments: str) -> int:
    return _shared.run(cli, ["verify", *arguments])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def needs(program: str) -> None:
    if shutil.which(program) is None:
        skip_or_fail(f"{program} is not installed")


def test_a_format_without_a_host_is_measured_by_its_maths_and_says_so(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_file("t5.txt", T5, format="eqapo", protect=False)
    write_file("t5.json", T5, format="semeq-json")
    assert run("t5.txt", "--preset", "t5.json") == 0
    line = capsys.readouterr().out
    assert line.startswith("t5.txt: eqapo, by the format's maths (no host that can be run here loads eqapo): 0.00")
    assert line.endswith(": ok\n")
    assert run("t5.txt") == 0
    assert "nothing to compare" in capsys.readouterr().out


def test_a_host_that_is_only_run_when_asked_for_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_file("t5.audacity.txt", T5, format="audacity")
    write_file("t5.json", T5, format="semeq-json")
    assert run("t5.audacity.txt", "--preset", "t5.json") == 0
    assert "by the format's maths (audacity is measured in audacity only where asked for: --host): 0.0" in capsys.readouterr().out
    assert run("t5.json", "--host", "maths", "--preset", "t5.json") == 0
    assert "maths (asked for)" in capsys.readouterr().out


@pytest.mark.parametrize("format_id", ["fir", "fir-linear"])
def test_an_impulse_response_is_measured_in_a_convolver(format_id: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    needs("ffmpeg")
    write_file("t5.wav", T5, format=format_id, protect=False)
    write_file("t5.json", T5, format="semeq-json")
    assert run("t5.wav", "--preset", "t5.json", "--from", format_id, "--tolerance-db", "0.1", "--json") == 0
    (entry,) = json.loads(capsys.readouterr().out)["presets"]
    assert (entry["how"], entry["is_within"]) == ("host", True)
    assert entry["host"].startswith("FFmpeg ")
    assert entry["host"].endswith(" (afir)")


def test_the_answer_is_no_where_a_preset_is_further_off_than_the_tolerance(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_file("a.json", T5, format="semeq-json")
    write_file("b.json", EqSettings(T5.bands, -1.0), format="semeq-json")
    assert run("a.json", "b.json", "--preset", "a.json", "--json") == 3
    document = json.loads(capsys.readouterr().out)
    assert document["is_within"] is False
    first, second = document["presets"]
    assert (first["is_within"], first["max_error_db"], first["how"], first["host"]) == (True, 0.0, "maths", None)
    assert second["max_error_db"] == pytest.approx(1.0)
    assert second["rms_error_db"] == pytest.approx(1.0)
    assert run("a.json", "b.json", "--preset", "a.json", "--tolerance-db", "1.01") == 0
    capsys.readouterr()
    assert run("a.json", "b.json", "--preset", "a.json", "-q") == 3
    assert capsys.readouterr().out.startswith("b.json: ")


def test_a_word_has_no_level(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _shared.run(cli, ["preset", "-t", "warm", "-f", "eqapo", "-o", "warm.txt", "-q"]) == 0
    assert run("warm.txt", "-t", "warm", "--json") == 0
    (entry,) = json.loads(capsys.readouterr().out)["presets"]
    assert entry["max_error_db"] < 0.01
    assert entry["level_db"] < -1.0
    assert run("warm.txt", "-t", "bright") == 3
    assert run("warm.txt", "-t", "warm", "--intensity", "0.2") == 3


def test_a_missing_host_is_replaced_by_maths_unless_it_was_named(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_file("a.ffmpeg.txt", T5, format="ffmpeg")
    monkeypatch.setenv("PATH", str(folder))
    assert run("a.ffmpeg.txt", "--json") == 0
    (entry,) = json.loads(capsys.readouterr().out)["presets"]
    assert entry["how"] == "maths"
    assert "apt-get install ffmpeg" in entry["why_no_host"]
    assert run("a.ffmpeg.txt", "--host", "ffmpeg") == 1
    assert "apt-get install ffmpeg" in capsys.readouterr().err
    assert run("a.ffmpeg.txt", "--host", "sox") == 1
    assert capsys.readouterr().err == "semeq-export: sox does not load presets of format ffmpeg; ffmpeg does\n"


@pytest.mark.daw
def test_ffmpeg_measures_what_it_renders(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    needs("ffmpeg")
    write_file("a.ffmpeg.txt", T10, format="ffmpeg")
    write_file("b.ffmpeg.txt", EqSettings(T5.bands, -3.0), format="ffmpeg")
    assert run("a.ffmpeg.txt", "b.ffmpeg.txt", "--tolerance-db", "0.001", "--json", "--sample-rate", "44100") == 0
    document = json.loads(capsys.readouterr().out)
    for entry in document["presets"]:
        assert entry["host"].startswith("FFmpeg ")
        assert entry["sample_rate_hz"] == 44_100.0


@pytest.mark.daw
def test_presets_that_their_host_refuses_do_not_pass_and_others_still_do(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    needs("sox")
    write_file("good.sox.txt", Preset(T5), format="sox")
    write_file("loud.sox.txt", EqSettings((), 40.0), format="sox", protect=False)
    assert run("loud.sox.txt", "good.sox.txt", "--json") == 3
    loud, good = json.loads(capsys.readouterr().out)["presets"]
    assert "clip" in loud["refusal"]
    assert "max_error_db" not in loud
    assert (good["is_within"], good["refusal"]) == (True, None)
    assert run("loud.sox.txt") == 3
    assert "refused: " in capsys.readouterr().out


@pytest.mark.daw
def test_lv2_presets_are_measured_in_their_plug_ins(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("one", "two"):
        write_file(f"{name}.lv2", T5, format="lsp-x16-lv2")
    if run("one.lv2", "two.lv2", "--host", "liblilv", "--tolerance-db", "0.05", "--json") == 1:
        skip_or_fail(capsys.readouterr().err)
    for entry in json.loads(capsys.readouterr().out)["presets"]:
        assert "LSP Parametric Equalizer x16" in entry["host"]
        assert "through liblilv" in entry["host"]


def test_the_picture_shows_both_lines_and_is_not_overwritten(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_file("a.json", T5, format="semeq-json")
    write_file("b.json", T10, format="semeq-json")
    assert run("a.json", "b.json", "--plot", "v.svg") == 0
    assert (folder / "v.svg").read_bytes().startswith(b"<?xml")
    assert run("a.json", "--plot", "v.svg") == 2
    assert "--force" in capsys.readouterr().err
    assert run("a.json", "--plot", "v.bmp") == 2


def test_bad_input_is_one_line_with_exit_code_2(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "x.txt").write_text("no preset")
    write_file("a.json", T5, format="semeq-json")
    assert run("a.json", "x.txt") == 2
    assert run("a.json", "gone.json") == 2
    assert run("a.json", "-t", "warm", "--preset", "a.json") == 2
    assert run("a.json", "--sample-rate", "1") == 2
    assert run("a.json", "-t", "wram") == 2
    assert len(capsys.readouterr().err.splitlines()) == 5
