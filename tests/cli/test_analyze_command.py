"""semeq-export analyze: profiles as text, JSON and pictures, references, and what has no signal."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import sounds
from conftest import cases
from fake_engine import WARM

from semeq_export.audio.samples import Audio
from semeq_export.audio.writer import write_audio
from semeq_export.cli import _shared, cli
from semeq_export.eq.filter import apply as apply_eq
from semeq_export.eq.settings import Band, EqSettings
from semeq_export.listening.reference import load_reference


class Run:
    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: object) -> tuple[int, str, str]:
        self._capsys.readouterr()
        code = _shared.run(cli, ["analyze", *map(str, arguments)])
        out, err = self._capsys.readouterr()
        return code, out, err


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    return Run(capsys)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """dry.wav and the same thing warm."""
    dry = sounds.performance(6.0)
    write_audio(tmp_path / "dry.wav", dry)
    write_audio(tmp_path / "warm.wav", Audio(apply_eq(WARM.scaled(1.5), dry.samples, dry.sample_rate_hz), dry.sample_rate_hz))
    return tmp_path


def test_a_profile_is_printed_with_a_suggestion(folder: Path, run: Run) -> None:
    code, out, err = run(folder / "warm.wav", "--reference", folder / "dry.wav", "--top", "3")
    lines = out.splitlines()
    assert (code, err) == (0, "")
    assert lines[0] == f"{folder / 'warm.wav'}: 6.0 s, against dry.wav"
    assert " dB below what dry.wav has: " in lines[1]
    assert 3 <= len(lines) <= 6
    assert all(" doses (" in line for line in lines[2:-1])
    assert lines[-1].strip().startswith("lift 12.5 kHz by ")
    assert ", or try " in lines[-1]


def test_a_kind_that_is_not_clear_is_said_in_the_first_line(tmp_path: Path, run: Run) -> None:
    honk = EqSettings((Band("peak", 1_200.0, 48.0, 1.5),))
    write_audio(tmp_path / "honk.wav", Audio(0.01 * apply_eq(honk, sounds.noise(4.0).samples, 48_000.0), 48_000.0))
    code, out, _ = run(tmp_path / "honk.wav")
    first, headline, *_ = out.splitlines()
    assert code == 0
    assert "kind of source unclear" in first
    assert "--reference names the kind" in first
    assert " what recordings have, beyond 99 of 100 of them" in headline
    document = json.loads(run(tmp_path / "honk.wav", "--json")[1])["files"][0]
    assert document["doubt"].startswith("kind of source unclear")
    assert sum(document["kind"].values()) == pytest.approx(1.0)
    assert document["stands_out"]["usual_db"] > 1.0


def test_json_is_one_document_with_doses_over_time(folder: Path, run: Run) -> None:
    code, out, err = run(folder / "warm.wav", folder / "dry.wav", "--words", "warm,bright", "--reference", folder / "dry.wav", "--json")
    assert (code, err) == (0, "")
    warm, dry = json.loads(out)["files"]
    assert warm["reference"] == "dry.wav"
    assert warm["no_signal"] is None
    assert warm["words"][0]["word"] == "warm"
    assert warm["words"][0]["dose"] > 0.5 > warm["words"][1]["dose"]
    assert warm["words"][0]["similarity"] > 0.5
    assert len(warm["over_time"]["times_s"]) == len(warm["over_time"]["doses"]["warm"]) == 9
    assert [abs(entry["dose"]) < 0.01 for entry in dry["words"]] == [True, True]


def test_a_folder_as_reference_is_the_other_stems(folder: Path, run: Run) -> None:
    code, out, _ = run(folder, "--reference", folder, "--words", "warm", "--json")
    assert code == 0
    doses = {Path(entry["path"]).name: entry["words"][0]["dose"] for entry in json.loads(out)["files"]}
    assert doses["warm.wav"] > 0.5
    assert doses["dry.wav"] == pytest.approx(-doses["warm.wav"], abs=0.1)


@pytest.mark.parametrize("kind", ["silence", "short", "constant"])
def test_no_signal_is_an_answer_without_a_word(tmp_path: Path, run: Run, kind: str) -> None:  # fault A6
    samples = {"silence": np.zeros(48_000), "short": 0.3 * np.random.default_rng(1).standard_normal(480), "constant": np.full(48_000, 0.4)}
    soundfile.write(tmp_path / "x.wav", samples[kind], 48_000)
    code, out, err = run(tmp_path / "x.wav")
    assert (code, err) == (0, "")
    assert "no signal" in out
    assert "doses" not in out
    code, out, _ = run(tmp_path / "x.wav", "--json", "--plot", tmp_path / "x.svg")
    (entry,) = json.loads(out)["files"]
    assert entry["words"] == []
    assert entry["no_signal"]
    assert (tmp_path / "x.svg").read_bytes().startswith(b"<?xml")


@pytest.mark.parametrize("suffix", ["svg", "png", "pdf"][: cases(1, 3)])
def test_a_picture_shows_the_file_and_the_word(folder: Path, run: Run, suffix: str) -> None:
    picture = folder / f"warm.{suffix}"
    assert run(folder / "warm.wav", "-t", "bright", "--plot", picture, "-q") == (0, "", "")
    assert picture.stat().st_size > 10_000
    first = picture.read_bytes()
    assert run(folder / "warm.wav", "-t", "bright", "--plot", picture, "-q")[0] == 2
    assert run(folder / "warm.wav", "-t", "bright", "--plot", picture, "-q", "--force")[0] == 0
    assert picture.read_bytes() == first


def test_a_reference_is_learned_on_and_used(folder: Path, run: Run) -> None:
    stored, more = folder / "mine.json", folder / "more"
    learned = run("--learn-reference", folder, "-o", stored)
    assert learned == (0, f"{stored}: learned from 2 files, 0 known before\n", "") or learned[2].startswith(str(stored))
    assert run("--learn-reference", folder, "-o", stored, "-q") == (0, "", "")  # nothing new
    assert load_reference(stored).count == 2
    more.mkdir()
    (more / "third.wav").write_bytes((folder / "dry.wav").read_bytes())
    (more / "bad.wav").write_bytes(b"RIFF nothing")
    assert run("--learn-reference", more, "-o", stored)[0] == 1
    reference = load_reference(stored)
    assert (reference.name, reference.is_stored, reference.count) == ("mine", True, 3)
    assert json.loads(stored.read_text())["sources"] == ["dry.wav", "warm.wav", "third.wav"]
    code, out, _ = run(folder / "warm.wav", "--reference", stored, "--words", "warm,bright", "--json")
    assert code == 0
    assert json.loads(out)["files"][0]["words"][0]["word"] == "warm"
    assert json.loads(out)["files"][0]["headline"].partition(":")[0].endswith(" mine has")


def test_one_bad_file_does_not_stop_the_others(folder: Path, run: Run) -> None:
    (folder / "bad.wav").write_bytes(b"RIFF nothing")
    code, out, err = run(folder / "bad.wav", folder / "dry.wav", "--json")
    assert code == 1
    assert "bad.wav" in err
    bad, good = json.loads(out)["files"]
    assert bad["code"] == "audio"
    assert good["headline"]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--plot", "x.svg", "dry.wav", "warm.wav"], "draws one file, found 2"),
        (["--plot", "x.bmp", "dry.wav"], "no picture format"),
        (["-t", "warm", "dry.wav"], "needs --plot"),
        (["--reference", "harp", "dry.wav"], "no such file, and no kind of source"),
        (["--words", "wram", "dry.wav"], "did you mean 'warm'"),
        (["nothing.wav"], "nothing.wav"),
        ([], "name AUDIO to be analysed, or --learn-reference DIR and -o FILE"),
        (["--learn-reference", "."], "-o FILE"),
        (["--learn-reference", ".", "-o", "x.json", "dry.wav"], "-o FILE"),
        (["--plot", "dry.wav", "dry.wav"], ""),
    ],
)
def test_wrong_usage_is_one_line(folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch, arguments: list[str], why: str) -> None:
    monkeypatch.chdir(folder)
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert why in err
