"""--intensity typical: as far as the median person turns a word, wherever a command takes an intensity of words."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import bundles
import numpy as np
import pytest
import sounds

from semeq_export.app.presets import AllTerms, PresetOptions, Words, write_presets
from semeq_export.audio.writer import write_audio
from semeq_export.bundle import store
from semeq_export.bundle.loading import load_bundle
from semeq_export.bundle.store import EVIDENCE
from semeq_export.cli import _shared, cli
from semeq_export.engine import Engine
from semeq_export.words.evidence import N_POINTS, Evidence, word_evidence

TIMES = {"warm": 2.0, "bright": 7.0}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """With the tiny bundle, where people turn warm twice as far as the word and bright seven times; of others it knows no people."""
    bundles.write(tmp_path / "plain.semeq")
    plain = Engine(load_bundle(tmp_path / "plain.semeq"))
    tilt = np.linspace(0.5, -0.5, N_POINTS)
    words = {word: word_evidence(np.outer([1.0, times, 20.0], tilt * plain.span_db(word))) for word, times in TIMES.items()}
    words["warm"] = replace(words["warm"], borrowed=0.4, error_db=np.full(N_POINTS, 0.5))
    files = {**bundles.files(), EVIDENCE: Evidence(words, np.eye(N_POINTS)).to_json()}
    store.write_files(tmp_path / "tiny.semeq", bundles.sealed(files))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEMEQ_BUNDLE", "tiny.semeq")
    return tmp_path


def test_the_result_spans_what_the_median_person_does(folder: Path) -> None:
    engine = Engine(load_bundle("tiny.semeq"))
    known = engine.bundle.evidence.words["warm"]
    target = engine.understand("warm").target(engine.typical_gesture("warm"))
    assert engine.span_db(target) == pytest.approx(known.span_db, rel=0.01)
    assert engine.typical_gesture("warm") == pytest.approx(2.0, abs=0.01)
    assert engine.typical_gesture("bright") == 3.0
    assert engine.typical_gesture("warm:1,bright:0.0001") == pytest.approx(2.0, abs=0.01)
    assert engine.typical_gesture("harsh") == 1.5  # of whom nothing is known but the typical intensity
    assert Engine(load_bundle("plain.semeq")).typical_gesture("warm") == 1.5


def test_of_phrases_it_is_as_much_as_they_say_and_never_out_of_range(folder: Path) -> None:
    engine = Engine(load_bundle("tiny.semeq"))
    slightly = Words("slightly warm", "typical").target(engine)
    assert (slightly.intensity, slightly.weights["warm"]) == (pytest.approx(2.0, abs=0.01), 0.5)
    very = Words("very bright", "typical").target(engine)
    assert very.intensity == pytest.approx(3.0, abs=0.02)
    assert Words("less warm", "typical").target(engine).intensity == slightly.intensity


def test_a_preset_is_that_of_the_number_and_says_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _shared.run(cli, ["preset", "-t", "warm", "--intensity", "typical", "-o", "typical.txt", "-f", "eqapo", "--json"]) == 0
    captured = capsys.readouterr()
    number = json.loads(captured.out)["intensity"]
    assert number == pytest.approx(2.0, abs=0.01)
    assert f"warm: typical is intensity {number:g}\n" in captured.err
    assert _shared.run(cli, ["preset", "-t", "warm", "--intensity", str(number), "-o", "number.txt", "-f", "eqapo"]) == 0
    assert (folder / "typical.txt").read_bytes() == (folder / "number.txt").read_bytes()
    assert _shared.run(cli, ["verify", "typical.txt", "-t", "warm", "--intensity", "typical", "--host", "maths"]) == 0
    assert "typical is intensity" in capsys.readouterr().err


def test_all_words_are_each_at_their_own(folder: Path) -> None:
    result = write_presets(
        PresetOptions(target=AllTerms("typical", language=None), formats=["eqapo"], output=folder / "all", bundle="tiny.semeq")
    )
    assert result.intensities["bright"] == 3.0
    assert {"harsh", "airy", "cálido"} <= result.intensities.keys()
    assert result.intensities["harsh"] == 1.5


def test_pictures_and_sessions_take_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_audio(folder / "a.wav", sounds.noise(seconds=0.1))
    assert _shared.run(cli, ["plot", "-t", "bright", "--intensity", "typical", "-o", "a.svg"]) == 0
    assert capsys.readouterr().err.count("bright: typical is intensity 3\n") == 1
    assert _shared.run(cli, ["session", "a.wav", "-t", "bright", "--intensity", "typical", "-o", "a.dawproject", "--json"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["tracks"][0]["intensity"] == 3.0
    assert captured.err.count("bright: typical is intensity 3\n") == 1


def test_stems_are_planned_and_processed_at_the_number(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_audio(folder / "a.wav", sounds.noise(seconds=0.1))
    command = ["process", "a.wav", "-t", "bright", "--intensity", "typical", "--workers", "0"]
    assert _shared.run(cli, [*command, "--dry-run", "--json"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["files"][0]["intent"]["intensity"] == 3.0
    assert captured.err.count("bright: typical is intensity 3\n") == 1
    assert _shared.run(cli, [*command, "-o", "typical.wav"]) == 0
    assert _shared.run(cli, ["process", "a.wav", "-t", "bright", "--intensity", "3", "--workers", "0", "-o", "three.wav"]) == 0
    assert (folder / "typical.wav").read_bytes() == (folder / "three.wav").read_bytes()
    (folder / "s.toml").write_text('[default]\ntarget = "warm"\nintensity = "typical"\n', encoding="utf-8")
    assert _shared.run(cli, ["process", "a.wav", "--session", "s.toml", "--dry-run"]) == 0
    assert "warm, 2" in capsys.readouterr().out.splitlines()[-1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["preset", "--adapt-to", "a.wav", "--match", "a.wav", "--intensity", "typical", "-f", "eqapo"], "typical is of words"),
        (["process", "a.wav", "--match", "a.wav", "--intensity", "typical"], "--intensity typical needs -t TEXT"),
        (["preset", "-t", "warm", "--intensity", "auto", "-f", "eqapo"], "'auto' is not a number or typical"),
        (["process", "a.wav", "-t", "warm", "--intensity", "much"], "'much' is not a number or typical or auto"),
        (["session", "a.wav", "-t", "warm", "--intensity", "4", "-o", "a.dawproject"], "4 is outside -3..3"),
    ],
)
def test_what_is_no_intensity_of_words_is_refused_in_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    write_audio(folder / "a.wav", sounds.noise(seconds=0.1))
    assert _shared.run(cli, arguments) == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1


def test_show_says_the_gesture_and_how_well_the_word_is_known(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _shared.run(cli, ["terms", "show", "warm"]) == 0
    out = capsys.readouterr().out
    span_db = Engine(load_bundle("tiny.semeq")).span_db("warm")
    assert f"people turn it about 2.0 times as far ({2 * span_db:.1f} dB between highest and lowest, the word {span_db:.1f})" in out
    assert "mean curve known to +/-0.8 dB (90 %), 40% of it borrowed from words of like meaning" in out
    assert _shared.run(cli, ["terms", "show", "warm", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["people"]["borrowed"] == 0.4
    assert document["people"]["span_db"] == pytest.approx(2 * document["span_db"], abs=2e-3)
    assert _shared.run(cli, ["terms", "show", "bright"]) == 0
    assert "7.0 times as far" in (out := capsys.readouterr().out)
    assert "--intensity typical is 3" in out


def test_a_bundle_that_says_nothing_of_spans_shows_none(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _shared.run(cli, ["terms", "show", "warm", "--bundle", "plain.semeq"]) == 0
    out = capsys.readouterr().out
    assert "typical intensity 1.50" in out
    assert "times as far" not in out
