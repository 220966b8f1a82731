"""semeq-export process and preset with EQ that listens: doses asked and measured, references, matching, and what is refused."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile
import sounds

from semeq_export.audio.loudness import Loudness
from semeq_export.audio.reader import read_audio
from semeq_export.audio.samples import Audio
from semeq_export.audio.writer import write_audio
from semeq_export.bundle.loading import load_bundle
from semeq_export.cli import _shared, cli
from semeq_export.engine import Engine
from semeq_export.eq.filter import apply as apply_eq
from semeq_export.eq.readable import rounded
from semeq_export.eq.settings import EqSettings
from semeq_export.listening.dose import band_response_db
from semeq_export.listening.reference import measure_file
from semeq_export.words.target import SemanticTarget
from semeq_presets import read_file


def _lufs(audio: Audio) -> float | None:
    meter = Loudness(int(audio.sample_rate_hz), audio.channels)
    meter.feed(audio.samples)
    return meter.lufs


class Run:
    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: object) -> tuple[int, str, str]:
        self._capsys.readouterr()
        code = _shared.run(cli, [*map(str, arguments)])
        out, err = self._capsys.readouterr()
        return code, out, err

    def files(self, *arguments: object) -> list[dict[str, object]]:
        code, out, err = self(*arguments, "--json", "-q")
        assert (code, err) == (0, "")
        files: list[dict[str, object]] = json.loads(out)["files"]
        return files


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    return Run(capsys)


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(load_bundle())


@pytest.fixture
def folder(tmp_path: Path, engine: Engine) -> Path:
    """dry.wav, warm.wav (1 dose more) and bright.wav (1 dose less)."""
    dry = sounds.performance(8.0)
    for name, doses in (("dry", 0.0), ("warm", 1.0), ("bright", -1.0)):
        eq = engine.eq_for(SemanticTarget.parse("warm", doses))
        write_audio(tmp_path / f"{name}.wav", Audio(apply_eq(eq, dry.samples, dry.sample_rate_hz), dry.sample_rate_hz))
    return tmp_path


def test_each_file_gets_what_it_lacks_of_the_reference(folder: Path, run: Run) -> None:
    sources = [folder / f"{name}.wav" for name in ("warm", "dry", "bright")]
    reference = folder / "dry.wav"
    entries = run.files(
        "process", *sources, "-t", "warm", "--mode", "adaptive", "--workers", "0", "--reference", reference, "-o", folder / "out"
    )
    heard = [entry["adaptation"] for entry in entries]
    asked = [one["dose_asked"] for one in heard]  # type: ignore[index]
    assert asked[0] <= 0.5 * asked[1]
    assert asked[2] >= 1.25 * asked[1]
    for one in heard:
        assert one["mode"] == "target"  # type: ignore[index]
        assert abs(one["dose_error"]) < 0.05  # type: ignore[index]


def test_without_a_reference_it_leans(folder: Path, run: Run) -> None:
    sources = [folder / f"{name}.wav" for name in ("warm", "dry", "bright")]
    entries = run.files("process", *sources, "-t", "warm", "--mode", "adaptive", "--workers", "0", "-o", folder / "out")
    asked = [entry["adaptation"]["dose_asked"] for entry in entries]  # type: ignore[index]
    assert asked[1] >= asked[0]
    assert asked[2] >= asked[1] + 0.3
    assert all(0.0 < dose <= 2.5 for dose in asked)
    assert {entry["adaptation"]["mode"] for entry in entries} == {"soft"}  # type: ignore[index]


def test_zero_intensity_gives_identical_samples(folder: Path, run: Run) -> None:
    (entry,) = run.files("process", folder / "dry.wav", "-t", "warm", "--mode", "adaptive", "--intensity", "0", "-o", folder / "o.wav")
    assert entry["is_copy"] is True
    assert (folder / "o.wav").read_bytes() == (folder / "dry.wav").read_bytes()


def test_a_second_pass_adds_next_to_nothing(folder: Path, run: Run) -> None:
    options = ("-t", "warm", "--mode", "adaptive", "--reference", folder / "dry.wav")
    (first,) = run.files("process", folder / "bright.wav", *options, "--intensity", "0.8", "-o", folder / "once.wav")
    (second,) = run.files("process", folder / "dry.wav", *options, "-o", folder / "warmer.wav")
    (third,) = run.files("process", folder / "warmer.wav", *options, "-o", folder / "twice.wav")
    assert third["adaptation"]["dose_asked"] <= 0.08 * second["adaptation"]["dose_asked"]  # type: ignore[index]
    assert first["adaptation"]["is_clipped"] is True  # type: ignore[index]


def test_auto_finds_the_intensity(folder: Path, run: Run, engine: Engine) -> None:
    (entry,) = run.files("process", folder / "dry.wav", "-t", "warm", "--intensity", "auto", "-o", folder / "o.wav")
    assert entry["intensity"] == pytest.approx(engine.typical_intensity("warm"))
    suggested = engine.suggest_intensity("warm", measure_file(folder / "dry.wav"))
    assert entry["adaptation"]["dose_asked"] == pytest.approx(suggested, abs=0.01)  # type: ignore[index]


def test_silence_gets_the_word_as_it_is_and_a_warning(tmp_path: Path, run: Run) -> None:  # fault A6
    soundfile.write(tmp_path / "s.wav", np.zeros((48_000, 2)), 48_000)
    code, out, err = run("process", tmp_path / "s.wav", "-t", "warm", "--mode", "adaptive", "-o", tmp_path / "o.wav")
    assert (code, out) == (0, f"{tmp_path / 'o.wav'}\n")
    assert "no signal (silence" in err
    np.testing.assert_array_equal(read_audio(tmp_path / "o.wav").samples, 0.0)


def test_refining_mends_what_a_low_rate_cannot_hold(tmp_path: Path, run: Run) -> None:
    write_audio(tmp_path / "x.wav", sounds.performance(4.0, 16_000.0))
    options = ("process", tmp_path / "x.wav", "-t", "bright", "--mode", "adaptive")
    (plain,) = run.files(*options, "-o", tmp_path / "a.wav")
    (refined,) = run.files(*options, "--refine", "-o", tmp_path / "b.wav")
    assert refined["adaptation"]["fit_error_db"] < 0.5 * plain["adaptation"]["fit_error_db"]  # type: ignore[index]
    assert abs(refined["adaptation"]["dose_error"]) < 0.1  # type: ignore[index]


def test_matching_takes_a_file_towards_a_reference(folder: Path, run: Run) -> None:
    write_audio(folder / "noise.wav", sounds.noise(5.0, 44_100.0))
    (entry,) = run.files("process", folder / "noise.wav", "--match", folder / "dry.wav", "-o", folder / "o.wav")
    heard = entry["adaptation"]
    assert heard["mode"] == "match"  # type: ignore[index]
    assert heard["difference_after_db"] < 0.8 * heard["difference_before_db"]  # type: ignore[index]
    (entry,) = run.files("process", folder / "warm.wav", "--match", folder / "dry.wav", "-o", folder / "p.wav")
    assert entry["adaptation"]["difference_after_db"] < 0.35 * entry["adaptation"]["difference_before_db"]  # type: ignore[index]
    gains = [band["gain_db"] for band in entry["eq"]["bands"]]  # type: ignore[index]
    assert max(map(abs, gains)) <= 12.0


def test_a_match_is_bounded_goes_part_of_the_way_and_is_as_loud_as_before(data_dir: Path, tmp_path: Path, run: Run) -> None:
    source = data_dir / "audio" / "sodium_stem_drums.flac"  # with sub-bass, which K-weighting hardly hears
    moved = {}
    for options in ((), ("--match-amount", "0.5"), ("--match-limit-db", "3"), ("--match-amount", "0")):
        (entry,) = run.files("process", source, "--match", "voice", *options, "-o", tmp_path / "o.wav", "--force")
        moved[options] = np.abs(band_response_db(EqSettings.from_dict(entry["eq"]), 44_100.0)).max()
        before, after = (_lufs(read_audio(path)) for path in (source, tmp_path / "o.wav"))
        assert after == pytest.approx(before, abs=0.05)  # LU
    whole, half, bounded, none = moved.values()
    assert whole <= 6.5
    assert 0.4 * whole < half < 0.6 * whole
    assert bounded <= 3.3
    assert none == 0.0


def test_what_was_done_is_told_on_stderr(folder: Path, run: Run) -> None:
    options = ("-t", "warm", "--mode", "adaptive", "--reference", folder / "dry.wav", "-o", folder / "o.wav")
    code, out, err = run("process", folder / "dry.wav", *options)
    assert (code, out) == (0, f"{folder / 'o.wav'}\n")
    assert re.search(r"doses more than dry\.wav; 1\.\d\d added, \d\.\d\d measured", err)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--mode", "adaptive"], "nothing to do"),
        (["--preset", "x.txt", "--mode", "adaptive"], "need -t TEXT"),
        (["-t", "warm", "--reference", "any"], ": --reference needs --mode adaptive or --intensity auto"),
        (["-t", "warm", "--refine"], ": --refine needs --mode adaptive or --intensity auto"),
        (["-t", "warm", "--match", "any"], "not both"),
        (["-t", "warm", "--intensity", "lots"], "'lots' is not a number or typical or auto"),
        (["-t", "warm", "--intensity", "4"], "intensity 4 is outside -3..3"),
        (["--match", "any", "--intensity", "auto"], "need -t TEXT"),
        (["--match", "any", "--intensity", "1", "--match-amount", "1"], "give --match-amount or --intensity, not both"),
        (["--match", "any", "--match-amount", "1.5"], "1.5 is not in the range 0<=x<=1"),
        (["--match", "any", "--match-limit-db", "0"], "0 is not in the range 0<x<=12"),
        (["-t", "warm", "--match-limit-db", "3"], "--match-limit-db needs --match REF"),
        (["-t", "warm", "--mode", "adaptive", "--reference", "harp"], "no kind of source"),
    ],
)
def test_wrong_usage_is_one_line(folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch, arguments: list[str], why: str) -> None:
    monkeypatch.chdir(folder)
    code, out, err = run("process", "dry.wav", *arguments, "-o", "o.wav")
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert why in err
    assert not (folder / "o.wav").exists()


def test_a_preset_for_a_file_holds_the_eq_that_process_would_use(folder: Path, run: Run) -> None:
    options = ("-t", "warm", "--reference", folder / "dry.wav")
    (entry,) = run.files("process", folder / "bright.wav", *options, "--mode", "adaptive", "-o", folder / "o.wav")
    preset = folder / "warm.json"
    code, out, _ = run("preset", *options, "--adapt-to", folder / "bright.wav", "-f", "semeq-json", "-o", preset, "--json")
    assert code == 0
    assert json.loads(out)["adaptations"]["warm"]["dose_asked"] == pytest.approx(1.75, abs=0.01)
    eq = read_file(preset).eq
    assert eq is not None
    assert eq == rounded(EqSettings.from_dict(entry["eq"]))


def test_a_preset_follows_a_reference(folder: Path, run: Run) -> None:
    preset = folder / "match.json"
    code, _, _ = run("preset", "--match", folder / "dry.wav", "--adapt-to", folder / "warm.wav", "-f", "semeq-json", "-o", preset)
    assert code == 0
    saved = read_file(preset)
    assert saved.name == "Match dry"
    assert saved.eq is not None
    assert not saved.eq.is_flat


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["-t", "warm", "--reference", "any"], "needs --adapt-to"),
        (["--match", "any"], "needs --adapt-to"),
        (["-t", "warm", "--match", "any", "--adapt-to", "dry.wav"], "give either"),
        (["--match", "any", "--reference", "any", "--adapt-to", "dry.wav"], "without --reference"),
    ],
)
def test_wrong_usage_of_preset_is_one_line(folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch, arguments: list[str], why: str) -> None:
    monkeypatch.chdir(folder)
    code, out, err = run("preset", *arguments, "-f", "eqapo")
    assert (code, out) == (2, "")
    assert why in err


def test_hot_files_are_heard_as_others_are_but_not_by_streams(folder: Path, run: Run) -> None:  # fault A4
    dry, options = sounds.performance(8.0), ("-t", "warm", "--mode", "adaptive", "--subtype", "FLOAT", "-o")
    soundfile.write(folder / "hot.wav", 1e6 * dry.samples.T, int(dry.sample_rate_hz), subtype="FLOAT")
    code, _, err = run("process", folder / "hot.wav", *options, folder / "out.wav")
    assert (code, "--allow-hot" in err) == (2, True)
    plain, hot = (run.files("process", folder / name, *options, folder / f"out-{name}", "--allow-hot") for name in ("dry.wav", "hot.wav"))
    assert hot[0]["adaptation"]["dose_asked"] == pytest.approx(plain[0]["adaptation"]["dose_asked"], abs=0.01)  # type: ignore[index]
    assert hot[0]["peak_dbfs"] == pytest.approx(plain[0]["peak_dbfs"] + 120.0, abs=0.1)  # type: ignore[operator]
    code, _, err = run("process", folder / "hot.wav", *options, folder / "out.wav", "--allow-hot", "--analysis", "rolling")
    assert (code, "take samples over +60 dBFS for broken" in err) == (2, True)
    (entry,) = json.loads(run("analyze", folder / "hot.wav", "--allow-hot", "--json")[1])["files"]
    assert entry["headline"]
