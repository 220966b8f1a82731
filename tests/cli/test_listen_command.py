"""semeq-export listen: a test made from files and words, answers that a panel might give, and what is said of them."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import bundles
import numpy as np
import pytest
import sounds

from semeq_export.audio.loudness import Loudness
from semeq_export.audio.reader import read_audio
from semeq_export.audio.samples import Audio
from semeq_export.audio.writer import write_audio
from semeq_export.cli import _shared, cli
from semeq_export.eq.settings import Band, BandKind, EqSettings
from semeq_export.panel.manifest import Manifest, read_manifest
from semeq_presets import write_file


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    bundles.write(tmp_path / "tiny.semeq")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEMEQ_BUNDLE", "tiny.semeq")
    write_audio("drums.wav", sounds.noise(4.0, channels=2, seed=1))
    write_audio("voice.flac", sounds.noise(3.0, 44_100.0, seed=2, slope=0.8))
    return tmp_path


def run(*arguments: str) -> int:
    return _shared.run(cli, ["listen", *arguments])


def key(folder: str = "test") -> Manifest:
    return read_manifest(Path(folder, "manifest.json").read_bytes(), "manifest.json")


def answer(test: Manifest, choose: Callable[[str, tuple[str, str]], str], listeners: int, *, form: int = 0) -> None:
    """Write the CSV of each of some listeners, as the page saves it; choose: (source, conditions) -> the one that is taken."""
    Path("answers").mkdir()
    for person in range(listeners):
        with Path(f"answers/{person}.csv").open("w", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            columns = ["choice_reference", "choice_non_reference", "choice_answer", "choice_time", "choice_comment"]
            table.writerow(["session_test_id", "participant", "session_uuid", "trial_id", *columns])
            for shown in test.forms[(person + form) % len(test.forms)]:
                one, other = (test.stimuli[code] for code in shown.order)
                taken = choose(one.source, (one.condition, other.condition))
                chosen = shown.order[0] if taken == one.condition else shown.order[1]
                table.writerow([test.test_id, person + 1, f"{person:032x}", shown.trial, *shown.order, chosen, 1_000, ""])


def test_a_test_of_pairs_from_making_to_the_picture(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("make", "drums.wav", "voice.flac", "-t", "warm", "-t", "bright", "--seconds", "2", "--lufs", "-30", "-o", "test") == 0
    said = capsys.readouterr()
    assert said.out.splitlines()[0] == "test: 6 trials for each listener, 6 sounds at -30.0 LUFS"
    assert "every pair is asked: Which is warmer? (after the first word; --ask sets another)" in said.err
    assert sorted(path.name for path in Path("test").iterdir()) == ["listen.html", "manifest.json"]
    test = key()
    assert all(abs(held.lufs - test.lufs) <= 0.1 and held.true_peak_dbtp <= -1.0 for held in test.stimuli.values())
    answer(test, lambda _, pair: "warm" if "warm" in pair else "unprocessed", 12)
    arguments = ["analyze", "answers", "--test", "test", "--json", "--csv", "figures.csv", "--plot", "answers.png"]
    assert run(*arguments) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["kind"], found["listeners"], found["errors"], found["notes"]) == ("pairs", 12, [], [])
    shares = {(row["first"], row["second"]): row for row in found["pairs"]}
    assert {pair: row["share"] for pair, row in shares.items()} == {
        ("warm", "unprocessed"): 1.0,
        ("bright", "unprocessed"): 0.0,
        ("warm", "bright"): 1.0,
    }
    assert all(row["p_holm"] == pytest.approx(3 * 2 / 2**12) for row in shares.values())
    assert [s["condition"] for s in sorted(found["strengths"], key=lambda s: -s["log_odds"])] == ["warm", "bright"]
    table = list(csv.DictReader(Path("figures.csv").read_text(encoding="utf-8").splitlines()))
    assert {row["table"] for row in table} == {"share", "strength"}
    assert Path("answers.png").read_bytes().startswith(b"\x89PNG")
    assert run("analyze", "answers", "--test", "test") == 0
    text = capsys.readouterr().out
    assert "warm over unprocessed" in text
    assert "power: if 75% of people were for one side" in text


def test_for_each_word_its_own_question(folder: Path) -> None:
    arguments = ["-t", "warm", "-t", "airy", "--compare", "unprocessed", "--seconds", "1", "--repeats", "2", "-q"]
    assert run("make", "drums.wav", *arguments, "-o", "test") == 0
    test = key()
    asked = {test.stimuli[trial.stimuli[1]].condition: trial.question for trial in test.trials.values()}
    assert asked == {"warm": "Which is warmer?", "airy": "Which is airier?"}
    assert len(test.trials) == 4


def test_the_same_command_gives_the_same_test_and_another_seed_another(folder: Path) -> None:
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        assert run("make", "drums.wav", "-t", "warm", "--seconds", "1", "--seed", seed, "-o", name, "-q") == 0
    assert Path("a/listen.html").read_bytes() == Path("b/listen.html").read_bytes()
    assert key("a") == key("b")
    assert key("a").forms != key("c").forms


@pytest.mark.parametrize(("tool", "place"), [("webmushra", "configs/resources"), ("beaqlejs", "audio")])
def test_sounds_for_other_tools_are_equally_long_and_loud(folder: Path, tool: str, place: str) -> None:
    write_file("loud.semeq.json", EqSettings((Band(BandKind.PEAK, 200.0, 12.0, 1.0),), preamp_db=6.0))
    arguments = ["--preset", "loud.semeq.json", "--kind", "mushra", "--for", tool, "--seconds", "2", "--start", "0.5", "-q"]
    assert run("make", "drums.wav", "voice.flac", *arguments, "-o", "test") == 0
    test = key()
    wavs = {path.stem: path for path in Path("test", place, test.test_id).glob("*.wav")}
    assert wavs.keys() == test.stimuli.keys()
    assert {held.condition for held in test.stimuli.values()} == {"reference", "loud.semeq.json", "anchor35", "anchor70"}
    for code, path in wavs.items():
        audio = read_audio(path)
        assert (audio.sample_rate_hz, audio.frames) == (48_000, 96_000)
        meter = Loudness(48_000, audio.channels)
        meter.feed(audio.samples)
        assert meter.lufs == pytest.approx(test.lufs, abs=0.1), code
        assert np.abs(audio.samples[:, [0, -1]]).max() < 1e-3


def test_the_level_gives_way_to_the_ceiling(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("make", "drums.wav", "-t", "warm", "--seconds", "1", "--lufs", "-10", "--ceiling", "-3", "-o", "test") == 0
    said = capsys.readouterr().err
    assert "not -10: a true peak would pass -3 dBTP" in said
    test = key()
    assert max(held.true_peak_dbtp for held in test.stimuli.values()) == pytest.approx(-3.0, abs=0.02)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("drums.wav", "nothing to compare: give -t WORDS or --preset FILE"),
        ("missing.wav -t warm", "missing.wav: no such file"),
        ("drums.wav -t wram", "unknown term 'wram'"),
        ("drums.wav -t warm -t warm", "two conditions are called 'warm': name each once"),
        ("drums.wav drums.wav -t warm", "drums (1) and drums (2) are the same sound: name each once, or give each a --start"),
        ("drums.wav -t warm --kind mushra --seconds 13", "excerpts of 13 s; mushra takes 1..12, as BS.1534 asks"),
        ("drums.wav -t warm --start 3.5", "drums.wav: 0.50 s from 3.5 s on, expected at least 1 s"),
        ("drums.wav voice.flac -t warm --start 0 --start 1 --start 2", "3 starts for 2 audio files"),
        ("drums.wav -t warm --lufs 3", "loudness is -60..-10 LUFS"),
        ("drums.wav -t warm --seed -1", "the seed is a whole number"),
        ("drums.wav -t warm -t airy -t harsh -t bright -t cálido --repeats 100 --kind abx", "500 trials"),
        ("drums.wav -t warm -o tiny.semeq", "tiny.semeq: exists already; use --force to replace it"),
    ],
)
def test_what_cannot_be_made_is_said_in_one_line(folder: Path, arguments: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("make", *([] if "-o" in arguments.split() else ["-o", "t"]), *arguments.split()) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not Path("t").exists()


def test_a_long_name_and_a_quiet_start_are_no_trouble(folder: Path) -> None:
    quiet = sounds.noise(6.0, seed=3).samples.copy()
    quiet[:, : 3 * 48_000] *= 0.01
    write_audio("ende\n`x`.wav", Audio(quiet, 48_000.0))
    assert run("make", "ende\n`x`.wav", "-t", "warm", "--seconds", "2", "-o", "test", "-q") == 0
    (source,) = key().sources.values()
    assert source.start_s >= 3.0


def test_broken_results_do_not_stop_the_others(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("make", "drums.wav", "-t", "warm", "--seconds", "1", "-o", "test", "-q") == 0
    answer(key(), lambda _, pair: "warm", 3)
    Path("answers/notes.csv").write_text("name,remark\nann,fine\n", encoding="utf-8")
    capsys.readouterr()
    assert run("analyze", "answers", "--test", "test") == 1
    captured = capsys.readouterr()
    assert "answers/notes.csv: no table of a listening test: expected the columns trial_id" in captured.err
    assert "3 listeners" in captured.out
    assert run("analyze", "answers/notes.csv") == 2
    assert run("analyze", "nothing.csv") == 2
    assert run("analyze", "answers/0.csv", "--test", "drums.wav") == 2
    assert "not the manifest of a listening test" in capsys.readouterr().err


def test_the_key_beside_the_results_is_found(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("make", "drums.wav", "-t", "warm", "--seconds", "1", "-o", "test", "-q") == 0
    answer(key(), lambda _, pair: "warm", 3)
    Path("answers/0.csv").rename("test/0.csv")
    assert run("analyze", "test/0.csv", "--json") == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["pairs"][0]["first"] == "warm"
    assert "codes" not in said.err


def test_codes_instead_of_names_are_explained(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("make", "drums.wav", "-t", "warm", "--seconds", "1", "-o", "test", "-q") == 0
    answer(key(), lambda _, pair: "warm", 3)
    assert run("analyze", "answers") == 0
    assert "sounds go by their codes: --test names the folder that holds their manifest.json" in capsys.readouterr().err


def test_scores_with_careless_listeners_are_screened_and_drawn(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(1)
    lines = ["session_test_id,session_uuid,trial_id,rating_stimulus,rating_score,rating_time,rating_comment"]
    for person in range(14):
        for trial in ("drums", "voice"):
            honest = {"reference": 98, "C1": 70 + rng.integers(-8, 8), "C2": 50 + rng.integers(-8, 8), "anchor35": 12, "anchor70": 40}
            given = honest if person < 12 else {name: rng.integers(0, 80) for name in honest}
            lines += [f"m,{person:08d},{trial},{name},{score},100," for name, score in given.items()]
    Path("mushra.csv").write_text("\n".join(lines), encoding="utf-8")
    assert run("analyze", "mushra.csv", "--plot", "scores.svg") == 0
    out = capsys.readouterr().out
    assert out.startswith("12 listeners, 2 left out after BS.1534-3\n")
    assert "left out: listener #00000012: hidden reference below 90 in 100% of trials" in out
    assert "C1 - C2" in out
    assert Path("scores.svg").read_bytes().startswith(b"<?xml")
    assert run("analyze", "mushra.csv", "--no-screen") == 0
    assert capsys.readouterr().out.startswith("14 listeners\n")
