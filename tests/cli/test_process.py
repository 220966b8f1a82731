"""semeq-export process: what it writes, prints and answers, for one file and for many."""

from __future__ import annotations

import hashlib
import json
import platform
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import skip_or_fail
from fake_engine import WARM, FakeEngine

from semeq_export.app import _engine
from semeq_export.audio.reader import open_audio, read_audio
from semeq_export.cli import _shared, cli
from semeq_export.eq.filter import apply as apply_eq

Ran = tuple[int, str, str]


class Run:
    """Runs the command line as `semeq-export` does and returns exit code, stdout and stderr."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: object) -> Ran:
        self._capsys.readouterr()
        code = _shared.run(cli, ["process", *map(str, arguments)])
        out, err = self._capsys.readouterr()
        return code, out, err


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command with an engine that knows warm and bright."""
    monkeypatch.setattr(_engine, "load_engine", lambda _bundle, **_: FakeEngine())
    return Run(capsys)


def noise(path: Path, *, subtype: str = "PCM_24", peak: float = 0.3, rate_hz: int = 48_000) -> Path:
    samples = np.random.default_rng(9).uniform(-peak, peak, (8_000, 2))
    soundfile.write(path, samples, rate_hz, subtype=subtype)
    return path


def test_one_file_through_the_eq_of_a_word(tmp_path: Path, run: Run) -> None:
    source, out = noise(tmp_path / "in.wav", subtype="DOUBLE"), tmp_path / "out.wav"
    assert run(source, "-t", "warm", "--intensity", "0.5", "-o", out) == (0, f"{out}\n", "")
    np.testing.assert_array_equal(read_audio(out).samples, apply_eq(WARM.scaled(0.5), read_audio(source).samples, 48_000))


def test_zero_intensity_gives_identical_samples(tmp_path: Path, run: Run) -> None:  # fault C3
    source = noise(tmp_path / "in.flac")
    assert run(source, "-t", "warm", "--intensity", "0", "-o", tmp_path / "out.flac")[0] == 0
    np.testing.assert_array_equal(read_audio(tmp_path / "out.flac").samples, read_audio(source).samples)


def test_a_preset_instead_of_words_needs_no_model(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    import semeq_presets

    monkeypatch.setattr(_engine, "load_engine", lambda _bundle, **_: pytest.fail("the bundle was loaded"))
    semeq_presets.write_file(tmp_path / "warm.json", WARM, format="semeq-json")
    source = noise(tmp_path / "in.wav", subtype="DOUBLE")
    code, _, err = run(source, "--preset", tmp_path / "warm.json", "--intensity", "-1", "-o", tmp_path / "out.wav")
    assert (code, err) == (0, "")
    expected = apply_eq(WARM.scaled(-1.0), read_audio(source).samples, 48_000)
    np.testing.assert_allclose(read_audio(tmp_path / "out.wav").samples, expected, atol=1e-12)


def test_json_is_one_document_with_an_entry_for_each_file(tmp_path: Path, run: Run) -> None:
    a, b = noise(tmp_path / "a.wav", peak=0.9), noise(tmp_path / "b.flac", rate_hz=22_050)
    code, out, err = run(a, b, "-t", "warm:1", "--intensity", "1", "-o", tmp_path / "out", "--json", "-q", "--workers", "0")
    assert (code, err) == (0, "")
    first, second = json.loads(out)["files"]
    assert first == {
        "adaptation": None,
        "path": str(a),
        "output": str(tmp_path / "out" / "a.wav"),
        "seconds": 8_000 / 48_000,
        "sample_rate_hz": 48_000,
        "channels": 2,
        "frames": 8_000,
        "format": "WAV",
        "subtype": "PCM_24",
        "eq": WARM.to_dict(),
        "target": "warm:1",
        "intensity": 1.0,
        "peak_dbfs": first["peak_dbfs"],
        "true_peak_dbtp": pytest.approx(-0.1, abs=1e-6),
        "trim_db": first["trim_db"],
        "match_db": 0.0,
        "match_missed_db": 0.0,
        "delta_trim_db": 0.0,
        "tail_samples": 0,
        "preset": None,
        "chain": None,
        "summary": None,
        "source_sha256": hashlib.sha256(a.read_bytes()).hexdigest(),
        "output_sha256": hashlib.sha256((tmp_path / "out" / "a.wav").read_bytes()).hexdigest(),
        "taken_s": first["taken_s"],
        "times_real_time": first["times_real_time"],
        "repaired_samples": 0,
        "is_copy": False,
        "warnings": first["warnings"],
    }
    assert first["trim_db"] <= 0.0
    assert second["sample_rate_hz"] == 22_050


def test_bands_above_the_rate_warn_and_it_goes_on(tmp_path: Path, run: Run) -> None:  # fault A16
    source = noise(tmp_path / "in.wav", rate_hz=8_000)
    code, out, err = run(source, "-t", "warm", "-o", tmp_path / "out.wav")
    assert (code, out) == (0, f"{tmp_path / 'out.wav'}\n")
    lines = err.splitlines()
    assert len(lines) == 2
    assert all(line.startswith(f"{source}: band ") and "left out at 8000 Hz" in line for line in lines)
    assert run(source, "-t", "warm", "-o", tmp_path / "out.wav", "--force", "-q") == (0, "", "")


def test_a_chain_runs_alone_and_after_words(tmp_path: Path, run: Run) -> None:
    source = noise(tmp_path / "in.wav", subtype="FLOAT")
    chain = tmp_path / "chain.toml"
    chain.write_text('[[plugin]]\ntype = "Gain"\ngain_db = -6.0\n')
    assert run(source, "--chain", chain, "-o", tmp_path / "alone.wav")[0] == 0
    samples = read_audio(source).samples
    np.testing.assert_allclose(read_audio(tmp_path / "alone.wav").samples, samples * 10**-0.3, atol=1e-6)
    assert run(source, "-t", "warm", "--chain", chain, "-o", tmp_path / "both.wav", "--workers", 0)[0] == 0
    expected = apply_eq(WARM, samples, 48_000) * 10**-0.3
    np.testing.assert_allclose(read_audio(tmp_path / "both.wav").samples, expected, atol=1e-6)


def test_the_word_of_a_chain_is_heard(tmp_path: Path, run: Run) -> None:
    source = noise(tmp_path / "in.wav", subtype="FLOAT")
    chain = tmp_path / "chain.toml"
    chain.write_text('[[plugin]]\ntype = "SemanticEq"\ntarget = "warm"\nintensity = 0.5\n')
    assert run(source, "--chain", chain, "-o", tmp_path / "out.wav", "--block-size", "64", "--workers", 0)[0] == 0
    expected = apply_eq(WARM.scaled(0.5), read_audio(source).samples, 48_000)
    np.testing.assert_allclose(read_audio(tmp_path / "out.wav").samples, expected, atol=1e-4)  # float32 filters


@pytest.mark.cpp
def test_a_plug_in_that_crashes_costs_the_file_and_not_the_command(tmp_path: Path, run: Run) -> None:  # fault B9
    if shutil.which("cc") is None:
        skip_or_fail("no C compiler (apt-get install g++)")
    code = "static void load(void) __attribute__((constructor)); static void load(void) { *(volatile int *)0 = 1; }"
    (tmp_path / "crash.c").write_text(code)
    binary = tmp_path / "Crash.vst3" / "Contents" / f"{platform.machine()}-linux" / "Crash.so"
    binary.parent.mkdir(parents=True)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", binary, tmp_path / "crash.c"], check=True)
    (tmp_path / "chain.toml").write_text('[[plugin]]\ntype = "VST3"\npath = "Crash.vst3"\n')
    source = noise(tmp_path / "in.wav")
    said = f"semeq-export: {source}: its decoder or a plug-in crashed the worker process, 2 times (SIGSEGV)\n"
    assert run(source, "--chain", tmp_path / "chain.toml", "-o", tmp_path / "out.wav") == (2, "", said)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith((".", "out"))]


def test_subtype_and_guard_are_options(tmp_path: Path, run: Run) -> None:
    source = noise(tmp_path / "in.wav", peak=0.99)
    assert run(source, "-t", "bright", "--subtype", "float", "-o", tmp_path / "float.wav") == (0, f"{tmp_path / 'float.wav'}\n", "")
    with open_audio(tmp_path / "float.wav") as reader:
        assert reader.info.subtype == "FLOAT"
    code, out, err = run(source, "-t", "bright", "--peak-guard", "refuse", "-o", tmp_path / "refused.wav")
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert " dBTP, which PCM_24 cannot hold" in err
    assert not (tmp_path / "refused.wav").exists()
    code, _, err = run(source, "-t", "bright", "-o", tmp_path / "trimmed.wav")
    assert code == 0
    assert "trimmed by -" in err


def test_repairing_what_is_not_finite_is_asked_for(tmp_path: Path, run: Run) -> None:  # faults A1, B16
    samples = np.full((100, 1), 0.1)
    samples[7] = np.nan
    soundfile.write(tmp_path / "in.wav", samples, 48_000, subtype="FLOAT")
    code, out, err = run(tmp_path / "in.wav", "-t", "warm", "-o", tmp_path / "out.wav")
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert "channel 1 at 0.000146 s (frame 7) is nan" in err
    assert "--repair-nonfinite" in err
    code, _, err = run(tmp_path / "in.wav", "-t", "warm", "-o", tmp_path / "out.wav", "--repair-nonfinite")
    assert code == 0
    assert "1 samples were not finite, replaced with 0" in err


def test_hot_samples_are_asked_for(tmp_path: Path, run: Run) -> None:  # fault A4
    hot = np.linspace(-2e4, 2e4, 9_000)[:, np.newaxis]  # 86 dBFS
    soundfile.write(tmp_path / "in.wav", hot, 48_000, subtype="FLOAT")
    arguments = (tmp_path / "in.wav", "-t", "warm", "-o", tmp_path / "out.wav")
    code, out, err = run(*arguments)
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert "peak of +86 dBFS is over +60" in err
    assert "--allow-hot" in err
    assert not (tmp_path / "out.wav").exists()
    code, _, err = run(*arguments, "--allow-hot")
    assert code == 0, err
    assert np.abs(soundfile.read(tmp_path / "out.wav")[0]).max() > 1e4


def test_a_folder_stands_for_its_audio_files(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    stems = tmp_path / "stems"
    stems.mkdir()
    noise(stems / "b.wav")
    noise(stems / "a.flac")
    (stems / "notes.txt").write_text("not audio")
    (stems / "._b.wav").write_bytes(b"left by a Mac")
    code, out, err = run("stems/", "-t", "warm", "--workers", "0")
    assert (code, out, err) == (0, "processed/a.flac\nprocessed/b.wav\n", "")
    (tmp_path / "empty").mkdir()
    assert run("empty", "-t", "warm") == (2, "", "semeq-export: empty: holds no audio files\n")


def test_one_bad_file_of_many_does_not_stop_the_rest(tmp_path: Path, run: Run) -> None:  # fault E14
    good = [noise(tmp_path / f"{name}.wav") for name in "ac"]
    bad = tmp_path / "b.wav"
    bad.write_bytes(b"<html>not here</html>")
    code, out, err = run(good[0], bad, good[1], "-t", "warm", "-o", tmp_path / "out", "--json")
    assert code == 1
    assert err == f"semeq-export: {bad}: not an audio file: it looks like an HTML page\n"
    entries = json.loads(out)["files"]
    assert [entry["output"] is not None for entry in entries] == [True, False, True]
    assert (entries[1]["code"], entries[1]["path"]) == ("audio", str(bad))
    assert sorted(p.name for p in (tmp_path / "out").glob("[!.]*")) == ["a.wav", "c.wav"]


def test_a_single_bad_file_is_bad_input(tmp_path: Path, run: Run) -> None:
    (tmp_path / "in.wav").write_bytes(b"")
    code, out, err = run(tmp_path / "in.wav", "-t", "warm", "-o", tmp_path / "out.wav")
    assert (code, out) == (2, "")
    assert err == f"semeq-export: {tmp_path / 'in.wav'}: not an audio file: it looks like an empty file\n"
    assert [p.name for p in tmp_path.iterdir()] == ["in.wav"]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ((), "nothing to do: give -t TEXT, --preset FILE, --match REF or --chain TOML"),
        (("-t", "warm", "--preset", "p.json"), "give -t or --preset, not both"),
        (("--chain", "c.toml", "--intensity", "1"), "--intensity needs -t, --preset or --match"),
        (("-t", "warm", "--intensity", "4"), "intensity 4 is outside -3..3"),
        (("-t", "warm", "--block-size", "0"), "0 is not in the range"),
        (("-t", "wram"), "unknown term 'wram'; did you mean 'warm'?"),
        (("-t", "warm:"), "weight '' of 'warm' is not a number"),
        (("-t", "warm", "--chain", "missing.toml"), "missing.toml: no such file"),
        (("--preset", "missing.json"), "missing.json"),
        (("-t", "warm", "--subtype", "PCM_99"), "WAV cannot hold subtype PCM_99"),
        (("-t", "warm", "-o", "in.wav"), "is the input"),  # fault C9
        (("-t", "warm", "-o", "missing/out.wav"), "its folder missing does not exist"),  # fault C12
        (("-t", "warm", "-o", "out.xyz"), "unknown audio suffix '.xyz'"),
        (("-t", "warm", "-o", "out"), ".wave; the name of a folder ends in /"),
        (("-t", "", "-o", "out.wav"), "-t is empty"),
    ],
)
def test_wrong_use_is_one_line_and_exit_2(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], why: str
) -> None:
    monkeypatch.chdir(tmp_path)
    noise(tmp_path / "in.wav")
    code, out, err = run("in.wav", *(() if "-o" in arguments else ("-o", "out.wav")), *arguments)
    assert (code, out) == (2, "")
    assert why in err
    assert len(err.splitlines()) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["in.wav"]


def test_existing_outputs_need_force(tmp_path: Path, run: Run) -> None:
    source, out = noise(tmp_path / "in.wav"), tmp_path / "out.wav"
    out.write_bytes(b"old")
    code, _, err = run(source, "-t", "warm", "-o", out)
    assert code == 2
    assert "exists already; use --force" in err
    assert out.read_bytes() == b"old"
    assert run(source, "-t", "warm", "-o", out, "--force")[0] == 0
    assert read_audio(out).frames == 8_000


def test_names_that_collide_are_refused_before_any_work(tmp_path: Path, run: Run) -> None:  # fault E15
    (tmp_path / "x").mkdir()
    (tmp_path / "y").mkdir()
    code, out, err = run(noise(tmp_path / "x" / "a.wav"), noise(tmp_path / "y" / "a.wav"), "-t", "warm", "-o", tmp_path / "out")
    assert (code, out) == (2, "")
    assert "would be the output of both" in err
    assert not (tmp_path / "out").exists()


def test_a_pipe_as_input_is_refused_at_once(tmp_path: Path, run: Run) -> None:  # fault B14
    import os

    os.mkfifo(tmp_path / "in.wav")
    code, _, err = run(tmp_path / "in.wav", "-t", "warm", "-o", tmp_path / "out.wav")
    assert code == 2
    assert "pipe or device" in err


def test_odd_names_are_printed_on_one_line(tmp_path: Path, run: Run) -> None:  # fault C13
    source = noise(tmp_path / "two\nlines %s 🎹.wav")
    code, out, err = run(source, "-t", "warm", "-o", f"{tmp_path}/out/")
    assert (code, err) == (0, "")
    assert out == f"{tmp_path}/out/two\\nlines %s 🎹.wav\n"


def test_a_file_that_starts_with_a_dash_is_taken_after_two_dashes(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    noise(tmp_path / "-in.wav")
    assert run("-t", "warm", "-o", "out.wav", "--", "-in.wav") == (0, "out.wav\n", "")


def test_the_bar_is_drawn_on_a_terminal_only(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    source = noise(tmp_path / "in [bold].wav")
    assert run(source, "-t", "warm", "-o", tmp_path / "a.wav")[2] == ""
    monkeypatch.setattr(_shared, "progress_wanted", lambda _quiet: True)
    monkeypatch.setenv("FORCE_COLOR", "1")
    code, out, err = run(source, "-t", "warm", "-o", tmp_path / "b.wav")
    assert (code, out) == (0, f"{tmp_path / 'b.wav'}\n")
    assert "1/1" in err
