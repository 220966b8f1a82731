"""Phrases on the command line: every command that takes words says what it understood, and JSON holds it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import sounds
from conftest import ROOT

from semeq_export.audio.writer import write_audio
from semeq_export.bundle.loading import load_bundle
from semeq_export.cli import _shared, cli
from semeq_export.engine import Engine
from semeq_export.eq.readable import rounded
from semeq_export.words.target import SemanticTarget

PHRASE = "a bit warmer but not muddy"
SPEC = Engine(load_bundle(None)).understand(PHRASE)
LINE, UNDERSTOOD = f"{SPEC.line}\n", {PHRASE: SPEC.to_dict()}


def test_preset_understands_a_phrase(capsys: pytest.CaptureFixture[str]) -> None:
    assert _shared.run(cli, ["preset", "-t", PHRASE, "-f", "eqapo", "--json"]) == 0
    captured = capsys.readouterr()
    assert LINE in captured.err
    document = json.loads(captured.out)
    assert (document["target"], document["name"], document["understood"]) == (PHRASE, "Warm, less muddy", UNDERSTOOD)
    assert document["eq"] == rounded(Engine(load_bundle(None)).eq_for(PHRASE)).to_dict()
    assert _shared.run(cli, ["preset", "-t", PHRASE, "-f", "eqapo", "-q"]) == 0
    assert capsys.readouterr().err == ""


def test_what_is_taken_away_spares_what_is_asked_for() -> None:
    assert SPEC.weights["warm"] > 0.5
    assert -0.5 < SPEC.weights["muddy"] < 0.0


def test_weights_that_are_given_are_not_repeated(capsys: pytest.CaptureFixture[str]) -> None:
    assert _shared.run(cli, ["preset", "-t", "warm:1,less muddy:0.5", "-f", "eqapo", "--json"]) == 0
    captured = capsys.readouterr()
    assert "understood" not in captured.err
    assert json.loads(captured.out)["understood"] == {}


def test_less_of_a_word_alone_is_said_to_be_its_opposite(capsys: pytest.CaptureFixture[str]) -> None:
    assert _shared.run(cli, ["preset", "-t", "less muddy", "-f", "eqapo", "--json"]) == 0
    captured = capsys.readouterr()
    assert "understood: muddy -0.6; the opposite of muddy\n" in captured.err
    document = json.loads(captured.out)
    assert document["name"] == "Less muddy"
    assert document["eq"] == rounded(Engine(load_bundle(None)).eq_for(SemanticTarget({"muddy": 1.0}, -0.6))).to_dict()


def test_plot_and_terms_show_understand_phrases(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _shared.run(cli, ["plot", "-t", PHRASE, "-t", "warm", "-o", str(tmp_path / "x.svg"), "--json"]) == 0
    captured = capsys.readouterr()
    assert captured.err == LINE
    assert json.loads(captured.out)["understood"] == UNDERSTOOD
    assert _shared.run(cli, ["terms", "show", "brightness", "--json"]) == 0
    captured = capsys.readouterr()
    assert captured.err == "understood: bright 1\n"
    assert json.loads(captured.out)["term"] == "bright"
    assert _shared.run(cli, ["terms", "show", "warm and bright"]) == 2
    assert "is of several words; show them one by one: warm, bright" in capsys.readouterr().err


def test_verify_and_session_understand_phrases(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    preset, audio = str(tmp_path / "a.json"), str(tmp_path / "a.wav")
    write_audio(audio, sounds.noise(0.1))
    assert _shared.run(cli, ["preset", "-t", PHRASE, "-f", "semeq-json", "-o", preset, "-q"]) == 0
    for arguments in (["verify", preset, "-t", PHRASE], ["session", audio, "-t", PHRASE, "-o", str(tmp_path / "s.dawproject")]):
        assert _shared.run(cli, [*arguments, "--json"]) == 0
        captured = capsys.readouterr()
        assert LINE in captured.err
        assert json.loads(captured.out)["understood"] == UNDERSTOOD


def test_analyze_understands_the_phrase_that_it_draws(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_audio(tmp_path / "a.wav", sounds.noise(1.0))
    assert _shared.run(cli, ["analyze", str(tmp_path / "a.wav"), "-t", PHRASE, "--plot", str(tmp_path / "a.svg"), "--json"]) == 0
    captured = capsys.readouterr()
    assert LINE in captured.err
    assert json.loads(captured.out)["understood"] == UNDERSTOOD


def test_the_exact_syntax_loads_no_grammar() -> None:
    code = """
import sys
from semeq_export.cli import _shared, cli
assert _shared.run(cli, ["preset", "-t", "warm:0.7,less muddy", "-f", "eqapo", "-q"]) == 0
sys.exit(bool({"semeq_export.words.phrases", "snowballstemmer"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_session_may_hold_phrases(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_audio(tmp_path / "a.wav", sounds.noise(1.0))
    session = tmp_path / "session.toml"
    session.write_text(f'[default]\ntarget = "{PHRASE}"\n', encoding="utf-8")
    arguments = ["process", str(tmp_path / "a.wav"), "--session", str(session), "-o", str(tmp_path / "b.wav"), "--json"]
    assert _shared.run(cli, arguments) == 0
    captured = capsys.readouterr()
    assert LINE in captured.err
    assert json.loads(captured.out)["understood"] == UNDERSTOOD


def test_a_word_that_nobody_taught_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert _shared.run(cli, ["preset", "-t", "make it sparkle", "-f", "eqapo"]) == 0
    (line, *_) = capsys.readouterr().err.splitlines()
    assert line.startswith("understood: sparkle 1")
    assert "only guessed: sparkle" in line
    assert _shared.run(cli, ["preset", "-t", "make it banana", "-f", "eqapo"]) == 2
    assert capsys.readouterr().err == "semeq-export: unknown term 'banana'; see: semeq-export terms\n"
