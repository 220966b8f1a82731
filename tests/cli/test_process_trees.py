"""semeq-export process on trees of folders: mirrored, or named and counted; links that lead in circles."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from fake_engine import WARM, FakeEngine

from semeq_export.app import _engine
from semeq_export.audio.reader import read_audio
from semeq_export.cli import _shared, cli
from semeq_export.eq.filter import apply as apply_eq

Ran = tuple[int, str, list[str]]
FOLDERS = ("drums", "drums/room", "keys", "vox", "fx/long name")


class Run:
    """Runs the command line in this process and returns exit code, stdout and the lines of stderr."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: object) -> Ran:
        self._capsys.readouterr()
        code = _shared.run(cli, ["process", "--workers", "0", *map(str, arguments)])
        out, err = self._capsys.readouterr()
        return code, out, err.splitlines()


def noise(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.random.default_rng(seed).uniform(-0.1, 0.1, (300, 1)), 48_000, subtype="DOUBLE")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """The command in a folder with in/: one file there, four in each of five folders below, and hidden and other things beside."""
    monkeypatch.setattr(_engine, "load_engine", lambda _bundle, **_: FakeEngine())
    monkeypatch.chdir(tmp_path)
    noise(Path("in/mix.wav"), 0)
    for at, folder in enumerate(FOLDERS):
        for index in range(4):
            noise(Path("in", folder, f"{index}.wav"), 10 * at + index)
    noise(Path("in/.cache/hidden.wav"), 1)
    Path("in/notes/deep").mkdir(parents=True)
    Path("in/notes/text.txt").write_text("no audio")
    return Run(capsys)


def tree(folder: str) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in Path(folder).rglob("*.wav")}


def test_subfolders_that_are_passed_over_are_counted_and_named_in_one_line(run: Run) -> None:
    code, out, err = run("in", "-t", "warm", "-o", "out/")
    assert (code, out) == (0, "out/mix.wav\n")
    names = ", ".join(f"in/{folder} (4)" for folder in sorted(FOLDERS))
    assert err == [f"5 subfolders hold 20 more audio files; --recursive takes them: {names}"]
    Path("in/mix.wav").unlink()
    code, out, err = run("in", "-t", "warm", "-o", "new/")
    assert (code, out) == (2, "")
    assert err == [f"semeq-export: in: holds no audio files; 5 subfolders hold 20 more audio files; --recursive takes them: {names}"]
    assert run("in/vox", "-t", "warm", "-o", "vox/")[2] == []
    document = json.loads(run("in/drums", "-t", "warm", "-o", "drums/", "--dry-run", "--json")[1])
    assert document["warnings"] == ["1 subfolder holds 4 more audio files; --recursive takes them: in/drums/room (4)"]


def test_200_files_in_five_folders_are_mirrored(run: Run) -> None:
    """Base names are the same in all of them."""
    for folder in FOLDERS:
        for index in range(4, 40):
            noise(Path("in", folder, f"{index}.wav"), 7 * index)
    Path("in/mix.wav").unlink()
    code, out, err = run("in", "-t", "warm", "-o", "out", "--recursive", "--report", "r.json")
    assert (code, err, len(out.splitlines())) == (0, [], 200)
    assert tree("out") == {f"{folder}/{index}.wav" for folder in FOLDERS for index in range(40)}
    for name in ("drums/7.wav", "drums/room/7.wav", "fx/long name/39.wav"):
        expected = apply_eq(WARM, read_audio(f"in/{name}").samples, 48_000)
        np.testing.assert_array_equal(read_audio(f"out/{name}").samples, expected)
    assert not list(Path("out").rglob("*.tmp"))
    assert len(json.loads(Path("r.json").read_bytes())["files"]) == 200
    assert run("in", "-t", "warm", "-o", "out", "--recursive")[0] == 2
    code, _, _ = run("in", "-t", "warm", "-o", "out", "--recursive", "--resume", "--report", "again.json")
    assert code == 0
    assert all(entry["resumed"] for entry in json.loads(Path("again.json").read_bytes())["files"])


def test_links_that_lead_in_circles_are_named_and_their_folders_taken_once(run: Run) -> None:  # fault B24
    Path("in/drums/up").symlink_to("..")
    Path("in/a link").symlink_to("vox")
    Path("in/self").symlink_to("self")
    noise(Path("elsewhere/far.wav"), 5)
    Path("in/far").symlink_to(Path("elsewhere").absolute())
    code, _, err = run("in", "-t", "warm", "-o", "out", "--recursive")
    assert code == 0
    assert sorted(err) == [f"in/{name}: leads to a folder that is taken under another name: left out" for name in ("a link", "drums/up")]
    assert tree("out") == {"mix.wav", "far/far.wav", *(f"{folder}/{index}.wav" for folder in FOLDERS for index in range(4))}


@pytest.mark.parametrize("output", ["in/out", "in/vox/deep/out"])
def test_results_inside_of_the_tree_are_no_sources(run: Run, output: str) -> None:
    Path(output).parent.mkdir(parents=True, exist_ok=True)
    before = tree("in") - {".cache/hidden.wav"}
    assert run("in", "-t", "warm", "-o", output, "--recursive")[0] == 0
    code, out, err = run("in", "-t", "warm", "-o", output, "--recursive", "--force")
    assert (code, err, len(out.splitlines())) == (0, [], 21)
    assert tree(output) == before
    err = run("in", "-t", "warm", "-o", output, "--force")[2]
    assert err[0].startswith("5 subfolders hold 20 more")


def test_names_that_only_differ_in_case_collide_between_folders_too(run: Run) -> None:  # fault E15
    noise(Path("in/KEYS/1.wav"), 1)
    code, _, err = run("in", "-t", "warm", "-o", "out", "--recursive")
    assert (code, len(err)) == (2, 1)
    assert "would be the output of both" in err[0]
    code, _, err = run("in/vox", "in/keys", "-t", "warm", "-o", "out", "--recursive")
    assert err == [
        "semeq-export: out/0.wav: would be the output of both in/vox/0.wav and in/keys/0.wav; "
        "process them into different folders, or the folder that holds both with --recursive"
    ]
    assert not Path("out").exists()


def test_a_tree_in_place_with_presets_and_plans(run: Run) -> None:
    wanted = apply_eq(WARM, read_audio("in/drums/room/2.wav").samples, 48_000)
    code, out, _ = run("in", "-t", "warm", "-o", "out", "--recursive", "--dry-run")
    assert (code, len(out.splitlines()), Path("out").exists()) == (0, 21, False)
    assert "in/fx/long name/0.wav -> out/fx/long name/0.wav: warm" in out
    assert run("in", "-t", "warm", "-o", "out", "--recursive", "--export-preset", "eqapo")[0] == 0
    assert Path("out/drums/room/2.txt").is_file()
    assert run("in", "-t", "warm", "-o", "daw", "--recursive", "--export-preset", "dawproject")[0] == 0
    assert Path("daw/daw.dawproject").is_file()
    assert run("in", "-t", "warm", "--in-place", "--recursive")[0] == 0
    np.testing.assert_array_equal(read_audio("in/drums/room/2.wav").samples, wanted)


def test_a_dangling_link_in_the_way_of_a_mirrored_folder_is_named(run: Run) -> None:
    Path("out").mkdir()
    Path("out/vox").symlink_to("nowhere")
    code, _, err = run("in", "-t", "warm", "-o", "out", "--recursive")
    assert (code, err) == (2, ["semeq-export: out/vox: dangling link"])
