"""Verification, validation, sessions and pictures as values."""

from __future__ import annotations

from pathlib import Path

import bundles
import numpy as np
import pytest
import soundfile
from strategies import T5

from semeq_export.app.pictures import PlotOptions, draw_curves
from semeq_export.app.sessions import SessionOptions, StemRule, write_session
from semeq_export.app.validation import ValidateOptions, validate_paths
from semeq_export.app.verification import VerifyOptions, Words, verify_presets
from semeq_export.eq.settings import EqSettings
from semeq_export.errors import IntentError
from semeq_export.words.target import SemanticTarget
from semeq_presets import write_file


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    bundles.write(tmp_path / "tiny.semeq")
    write_file(tmp_path / "a.json", T5, format="semeq-json")
    write_file(tmp_path / "b.json", EqSettings(T5.bands, -1.0), format="semeq-json")
    return tmp_path


def test_verification_says_which_preset_is_off_and_by_how_much(folder: Path) -> None:
    paths = [folder / "a.json", folder / "b.json"]
    result = verify_presets(VerifyOptions(paths=paths, intended=folder / "a.json", picture=folder / "v.svg"))
    assert not result.is_within
    assert [one.is_within(0.2) for one in result.presets] == [True, False]
    assert result.presets[1].figures()["max_error_db"] == pytest.approx(1.0)
    assert (folder / "v.svg").is_file()
    assert verify_presets(VerifyOptions(paths=paths, intended=folder / "a.json", tolerance_db=1.01)).is_within


def test_phrases_are_understood_wherever_words_are_compared_or_drawn(folder: Path) -> None:
    phrase = "a little warmer"
    soundfile.write(folder / "vocal.wav", np.zeros((480, 1)), 48_000)
    bundle = folder / "tiny.semeq"
    results = (
        verify_presets(VerifyOptions(paths=[folder / "a.json"], intended=Words(phrase), bundle=bundle)),
        draw_curves(PlotOptions(targets=[Words(phrase), Words("warm")], bundle=bundle)),
        write_session(SessionOptions(audio=[folder / "vocal.wav"], target=phrase, output=folder / "s.dawproject", bundle=bundle)),
    )
    for result in results:
        assert {text: understood.line for text, understood in result.understood.items()} == {phrase: "understood: warm 0.5"}
    assert [curve.label for curve in results[1].curves] == ["warm:0.5", "warm"]


def test_a_host_that_measures_only_when_named_is_named(folder: Path) -> None:
    write_file(folder / "t5.audacity.txt", T5, format="audacity")
    (checked,) = verify_presets(VerifyOptions(paths=[folder / "t5.audacity.txt"])).presets
    assert (checked.host, checked.why_no_host) == ("", "audacity is measured in audacity only where asked for: `host`")


def test_validation_tells_bundles_from_presets(folder: Path) -> None:
    (folder / "bad.txt").write_text("Filter 1: ON PK Fc 1000 Hz Gain nan dB Q 1.0\n")
    result = validate_paths(ValidateOptions(paths=[folder / "tiny.semeq", folder / "a.json", folder / "bad.txt"], level=1))
    assert [(one.kind, one.is_sound) for one in result.paths] == [("bundle", True), ("preset", True), ("preset", False)]
    assert not result.is_sound
    assert [finding.severity for finding in result.paths[2].errors] == ["error"]


def test_a_session_has_a_word_for_each_stem_and_warns_of_idle_rules(folder: Path) -> None:
    (folder / "stems").mkdir()
    for name in ("vocal.wav", "bass.wav"):
        soundfile.write(folder / "stems" / name, np.zeros((480, 1)), 48_000)
    rules = (StemRule("vocal*", {"target": "bright"}), StemRule("kick*", {"target": "warm"}, "rules: 2"))
    options = SessionOptions(audio=[folder / "stems"], rules=rules, output=folder / "s.dawproject", bundle=folder / "tiny.semeq")
    result = write_session(options)
    assert [(track.name, track.target, track.eq is None) for track in result.tracks] == [("bass", None, True), ("vocal", "bright", False)]
    assert result.warnings == ("rules: 2: 'kick*' matches no file",)
    with pytest.raises(IntentError):
        SessionOptions(audio=[folder / "stems"], output=folder / "t.dawproject")


def test_curves_come_as_numbers_and_without_a_place_as_svg(folder: Path) -> None:
    target = SemanticTarget.parse("warm", 0.5)
    result = draw_curves(PlotOptions(targets=[target], presets=[folder / "a.json"], sample_rate_hz=22_050.0, bundle=folder / "tiny.semeq"))
    assert [curve.label for curve in result.curves] == ["warm at 0.5", "a.json"]
    assert result.svg is not None
    assert result.svg.startswith(b"<?xml")
    with pytest.raises(IntentError):
        PlotOptions()
