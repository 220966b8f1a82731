"""Stems processed and planned as values."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile
from fake_engine import WARM, FakeEngine

from semeq_export.app import _engine
from semeq_export.app.processing import ProcessedStem, StemsOptions, plan_stems, process_stems
from semeq_export.audio.reader import read_audio
from semeq_export.bundle.loading import load_bundle
from semeq_export.engine import Engine
from semeq_export.eq.filter import apply as apply_eq
from semeq_export.errors import AudioError, IntentError, OutputError, UnknownTermError
from semeq_export.words.target import SemanticTarget
from semeq_host.stems.batch import Event
from semeq_host.stems.entry import DoneEntry, FailedEntry
from semeq_host.stems.job import StemJob
from semeq_host.stems.session_file import StemRule
from semeq_presets import read_file


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two good stems and one that is no audio; an engine of two words."""
    monkeypatch.setattr(_engine, "load_engine", lambda _bundle, **_: FakeEngine())
    monkeypatch.chdir(tmp_path)
    (tmp_path / "stems").mkdir()
    for name in ("bass.wav", "vocal.wav"):
        soundfile.write(tmp_path / "stems" / name, np.random.default_rng(2).uniform(-0.2, 0.2, (4_800, 1)), 48_000, subtype="DOUBLE")
    (tmp_path / "stems" / "noise.wav").write_bytes(b"no audio")
    return tmp_path


class Diary:
    """Keeps what a batch says, by kind and in order."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.finished: list[ProcessedStem] = []
        self.jobs = self.events = 0

    def note(self, line: str) -> None:
        self.lines.append(line)

    def begin(self, jobs: Sequence[StemJob]) -> None:
        self.jobs = len(jobs)

    def see(self, event: Event) -> None:
        self.events += 1

    def finish(self, stem: ProcessedStem) -> None:
        self.finished.append(stem)


def test_a_bad_file_stops_no_other_and_the_result_says_why(folder: Path) -> None:
    rules = (StemRule("vocal*", {"target": "bright"}), StemRule("kick*", {"target": "bright"}, "rules: 2"))
    diary = Diary()
    options = StemsOptions(audio=["stems"], target="warm", rules=rules, output="out/", workers=0, report="report.json")
    result = process_stems(options, diary)
    assert [type(stem.entry) for stem in result.stems if isinstance(stem.entry, FailedEntry)] == [FailedEntry]
    done = {Path(stem.entry.path).name: stem.entry for stem in result.stems if isinstance(stem.entry, DoneEntry)}
    assert set(done) == {"bass.wav", "vocal.wav"}
    expected = apply_eq(WARM, read_audio("stems/bass.wav").samples, 48_000)
    np.testing.assert_array_equal(read_audio(done["bass.wav"].output).samples, expected)
    assert result.warnings == ("rules: 2: 'kick*' matches no file",)
    assert (diary.lines, diary.jobs, diary.finished) == (list(result.warnings), 3, list(result.stems))
    assert diary.events >= 3
    assert json.loads((folder / "report.json").read_text()) == json.loads(json.dumps(result.to_dict()))


def test_errors_name_fields_and_who_writes_a_report_may_name_them_otherwise(folder: Path) -> None:
    (folder / "out").mkdir()
    (folder / "out" / "bass.wav").touch()
    with pytest.raises(OutputError, match="use `overwrite` to replace it"):
        process_stems(StemsOptions(audio=["stems/bass.wav"], target="warm", output="out/"))
    options = StemsOptions(audio=["stems/vocal.wav"], target="warm", output="out/", report="report.json")
    process_stems(options, edit_report=lambda _document: {"edited": True})
    assert json.loads((folder / "report.json").read_text()) == {"edited": True}


def test_a_plan_writes_nothing_and_names_what_is_left_out(folder: Path) -> None:
    rules = (StemRule("vocal*", None),)
    plan = plan_stems(StemsOptions(audio=["stems"], target="warm", rules=rules, output="out/"))
    assert [(stem.source.name, stem.job is None, bool(stem.error)) for stem in plan.stems] == [
        ("bass.wav", False, False),
        ("noise.wav", False, True),
        ("vocal.wav", True, False),
    ]
    assert plan.stems[0].seconds == pytest.approx(0.1)
    assert plan.to_dict()["dry_run"] is True
    assert not (folder / "out").exists()


def test_each_output_has_its_eq_beside_it_as_a_preset(folder: Path) -> None:
    options = StemsOptions(audio=["stems/bass.wav"], target="warm", output="out/", export_preset="semeq-json")
    (stem,) = process_stems(options).stems
    assert stem.preset is not None
    assert stem.preset.path == Path("out/bass.semeq.json")
    assert stem.preset.path.is_file()
    assert stem.to_dict()["exported_preset"] == "out/bass.semeq.json"
    assert read_file(stem.preset.path).name == "bass Warm"


def test_a_phrase_is_understood_once_for_all_stems(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.chdir(folder)
    (folder / "stems" / "noise.wav").unlink()
    diary = Diary()
    options = StemsOptions(audio=["stems"], target="a bit warmer", output="out/", export_preset="semeq-json", workers=0)
    plan = plan_stems(options)
    result = process_stems(options, diary)
    assert diary.lines[0] == "understood: warm 0.5"
    assert plan.to_dict()["understood"] == result.to_dict()["understood"] == {"a bit warmer": {"weights": {"warm": 0.5}, "left_out": []}}
    assert read_file("out/bass.semeq.json").name == "bass Warm at 50%"
    assert read_file("out/bass.semeq.json").eq == Engine(load_bundle(None)).eq_for(SemanticTarget({"warm": 1.0}, 0.5))


def test_a_stream_is_one_file_of_its_own_name(folder: Path) -> None:
    with (folder / "stems" / "bass.wav").open("rb") as file:
        result = process_stems(StemsOptions(stream=os.dup(file.fileno()), target="warm", output="out.wav"))
    assert [stem.entry.path for stem in result.stems] == ["standard input"]
    np.testing.assert_array_equal(read_audio("out.wav").samples, apply_eq(WARM, read_audio("stems/bass.wav").samples, 48_000))
    with (folder / "empty").open("w+b") as file, pytest.raises(AudioError, match="standard input: empty"):
        process_stems(StemsOptions(stream=os.dup(file.fileno()), target="warm", output="other.wav"))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"audio": ["a.wav"], "stream": 0},
        {"stream": 0, "output": "out/"},
        {"stream": 0, "output": "o.wav", "export_preset": "dawproject"},
    ],
    ids=str,
)
def test_options_that_contradict_each_other_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(IntentError):
        StemsOptions(**options)  # type: ignore[arg-type]  # that is the point


def test_what_would_fail_for_every_file_is_raised_before_the_first(folder: Path) -> None:
    with pytest.raises(UnknownTermError):
        process_stems(StemsOptions(audio=["stems"], target="wram", output="out/"))
    with pytest.raises(IntentError, match="give `target` TEXT"):
        process_stems(StemsOptions(audio=["stems"], output="out/"))
    assert not (folder / "out").exists()
