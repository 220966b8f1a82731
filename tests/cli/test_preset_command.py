"""semeq-export preset: words to files, on stdout, as a library; what is refused, in one line and with nothing left."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import bundles
import numpy as np
import pytest
from conftest import skip_or_fail

from semeq_export.bundle.loading import load_bundle
from semeq_export.cli import _shared, cli
from semeq_export.engine import Engine
from semeq_export.eq.biquad import response_db
from semeq_export.eq.readable import rounded
from semeq_export.errors import BundleError
from semeq_export.words.target import SemanticTarget
from semeq_presets import peak_db, read, read_file
from semeq_presets.file_formats.semeq_vst3 import PluginState, state_of

FREQS_HZ = np.geomspace(20.0, 20_000.0, 300)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    bundles.write(tmp_path / "tiny.semeq")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEMEQ_BUNDLE", "tiny.semeq")
    return tmp_path


def run(*arguments: str) -> int:
    return _shared.run(cli, ["preset", *arguments])


def test_a_word_becomes_a_file_with_the_engines_response(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    engine = Engine(load_bundle(folder / "tiny.semeq"))
    for format_id, name in (("semeq-json", "a.json"), ("lsp-x16-lv2", "a.lv2")):
        assert run("-t", "warm:0.7,bright:0.3", "--intensity", "0.6", "-f", format_id, "-o", name) == 0
        captured = capsys.readouterr()
        assert (captured.out, captured.err) == (f"{name}\n", "")
        preset = read_file(folder / name, format=format_id)
        eq = rounded(engine.eq_for(SemanticTarget.parse("warm:0.7,bright:0.3", 0.6)))
        wanted = response_db(eq, FREQS_HZ, 48_000.0)
        np.testing.assert_allclose(preset.response_db(FREQS_HZ), wanted, atol=1e-5)
        assert preset.name == "Warm 70 / Bright 30 at 60%"


def test_a_preset_of_our_plug_in_carries_the_words(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for text, intensity, options in (
        ("warm", 1.5, []),
        ("bright:1.5,warm:0.5", -0.5, ["--preamp", "max"]),
        ("warm,bright,c\u00e1lido", 1.0, []),
    ):
        assert run("-t", text, "--intensity", str(intensity), "-f", "semeq-vst3", "-o", "a.vstpreset", "--force", *options) == 0
        preset = read_file(folder / "a.vstpreset", format="semeq-vst3")
        state = state_of(preset)
        assert isinstance(state, PluginState)
        target = SemanticTarget.parse(text, intensity)
        assert preset.eq is not None
        engine = Engine(load_bundle(folder / "tiny.semeq"))
        if len(target.weights) == 3:
            assert preset.eq.bands == rounded(engine.eq_for(target)).bands
            assert (state.use_bands, state.word) == (True, "")
            assert "bands: the plug-in holds a word or a morph of two" in capsys.readouterr().err
            continue
        assert preset.eq.bands == engine.exact.eq_for(target).bands
        shares = (1.0 - state.morph, state.morph)
        heard = {word: share for word, share in zip((state.word, state.second_word), shares, strict=True) if share}
        assert not state.use_bands
        assert (heard, state.intensity) == (
            {word: weight / sum(target.weights.values()) for word, weight in target.weights.items()},
            intensity * sum(target.weights.values()),
        )
        assert state.output_gain_db == preset.eq.preamp_db
        assert (state.output_gain_db < 0.0) == bool(options)


@pytest.mark.parametrize("arguments", [["-o", "-"], []])
def test_text_goes_to_stdout_and_notes_to_stderr(folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    assert run("-t", "warm", "-f", "eqapo", *arguments) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith("Preamp: -")
    assert captured.out.endswith("\n")
    assert captured.err.startswith("preamp_db against clipping 0 -> -")
    preset = read(captured.out.encode())
    assert preset.eq is not None
    assert -0.011 < peak_db(preset.eq, 48_000.0) <= 0.005
    assert run("-t", "warm", "-f", "eqapo", "-q", *arguments) == 0
    assert capsys.readouterr().err == ""


def test_the_factory_words_tilt_the_right_way(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SEMEQ_BUNDLE", raising=False)
    try:
        load_bundle()
    except BundleError as error:
        skip_or_fail(f"no factory bundle: {error}")
    tilts = {}
    for word in ("warm", "bright"):
        assert run("-t", word, "-f", "eqapo", "-o", "-", "-q") == 0
        response = read(capsys.readouterr().out.encode(), "eqapo").response_db(FREQS_HZ)
        tilts[word] = response[FREQS_HZ < 200].mean() - response[FREQS_HZ > 5_000].mean()
    assert tilts["warm"] > 1.0
    assert tilts["bright"] < -1.0


@pytest.mark.parametrize("format_id", ["semeq-json", "eqapo"])
def test_no_intensity_is_flat(folder: Path, capsys: pytest.CaptureFixture[str], format_id: str) -> None:
    assert run("-t", "warm", "--intensity", "0", "-f", format_id) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    assert not read(captured.out.encode()).response_db(FREQS_HZ).any()


def test_all_words_become_a_folder_of_safe_names_and_a_picture(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--all-terms", "--language", "all", "-f", "lsp-x16-lv2", "-o", "out", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    words = sorted(bundles.WORDS)
    assert [entry["target"] for entry in document["presets"]] == words
    assert (document["format"], document["folder"]) == ("lsp-x16-lv2", "out")
    assert document["picture"] == "out/contact-sheet.png"
    names = sorted(path.name for path in (folder / "out").iterdir())
    assert "calido.lv2" in names
    assert len(names) == len(words) + 1
    assert (folder / "out" / "contact-sheet.png").read_bytes().startswith(b"\x89PNG")
    assert read_file(folder / "out" / "calido.lv2", format="lsp-x16-lv2").name == "Cálido"
    assert run("--all-terms", "--language", "all", "-f", "lsp-x16-lv2", "-o", "out") == 2
    assert "exists already; use --force to replace it" in capsys.readouterr().err
    assert run("--all-terms", "--language", "all", "-f", "lsp-x16-lv2", "-o", "out", "--force", "-q") == 0


def test_several_formats_get_a_folder_each(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--all-terms", "--language", "all", "-f", "eqapo,calf-lv2", "-o", "out", "--intensity", "-0.5", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["formats"] == ["eqapo", "calf-lv2"]
    assert {entry["format"] for entry in document["presets"]} == {"eqapo", "calf-lv2"}
    assert sorted(path.name for path in (folder / "out").iterdir()) == ["calf-lv2", "contact-sheet.png", "eqapo"]
    assert (folder / "out" / "calf-lv2" / "calido-minus-0-5.lv2").is_dir()
    assert run("-t", "warm", "-f", "csv,sox", "-o", "one", "-q") == 0
    assert sorted(path.parent.name for path in (folder / "one").glob("*/*")) == ["csv", "sox"]


def test_a_note_names_the_word_and_where_there_are_several_the_format(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("-t", "warm", "-f", "csv,totalmix,eqapo", "-o", "out") == 0
    lines = capsys.readouterr().err.splitlines()
    assert any(line.startswith("warm, eqapo: ") for line in lines)
    assert any(line.startswith("warm, eqapo: preamp_db against clipping") for line in lines)
    assert run("--all-terms", "--language", "all", "-f", "eqapo", "-o", "all") == 0
    assert any(line.startswith("warm: preamp_db against clipping") for line in capsys.readouterr().err.splitlines())


def test_dry_run_says_what_would_be_written_and_writes_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(folder.iterdir())
    assert run("--all-terms", "--language", "all", "-f", "csv", "-o", "out", "--dry-run") == 0
    lines = capsys.readouterr().out.splitlines()
    assert "out/calido.csv" in lines
    assert lines[-1] == "out/contact-sheet.png"
    assert sorted(folder.iterdir()) == before
    (folder / "w.csv").write_text("mine")
    assert run("-t", "warm", "-f", "csv", "-o", "w.csv", "--dry-run") == 0
    assert capsys.readouterr().out == "w.csv (exists already, needs --force)\n"
    assert run("-t", "warm", "-f", "csv", "-o", "w.csv", "--dry-run", "--json") == 0
    assert json.loads(capsys.readouterr().out)["presets"] == [{"exists": True, "format": "csv", "output": "w.csv", "target": "warm"}]
    assert (folder / "w.csv").read_text() == "mine"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "home"
    place.mkdir()
    monkeypatch.setenv("HOME", str(place))
    monkeypatch.setattr("sys.platform", "linux")
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "LV2_PATH"):
        monkeypatch.delenv(name, raising=False)
    return place


def test_install_puts_presets_where_the_host_looks_and_overwrites_none(
    folder: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = home / ".lv2" / "semeq-warm.lsp-x16.lv2"
    assert run("-t", "warm", "-f", "lsp-x16-lv2", "--install", "--dry-run") == 0
    assert capsys.readouterr().out == f"{target}\n"
    assert list(home.iterdir()) == []
    assert run("-t", "warm", "-f", "lsp-x16-lv2", "--install") == 0
    assert read_file(target).name == "Warm"
    capsys.readouterr()
    assert run("-t", "warm", "-f", "lsp-x16-lv2", "--install", "--name", "Mine") == 0
    assert read_file(home / ".lv2" / "semeq-mine.lsp-x16.lv2").name == "Mine"
    assert run("-t", "warm", "-f", "lsp-x16-lv2", "--install") == 2
    assert "semeq-warm.lsp-x16.lv2: exists already; use --force" in capsys.readouterr().err
    assert run("-t", "warm", "-f", "lsp-x16-lv2", "--install", "--force", "-q") == 0
    assert run("-t", "warm", "-f", "jsfx", "--install") == 2
    assert "there is no" in capsys.readouterr().err
    assert run("-t", "warm", "-f", "csv", "--install") == 2
    assert "csv has no folder on Linux" in capsys.readouterr().err


def test_install_takes_all_words_and_several_formats(folder: Path, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / ".config" / "REAPER").mkdir(parents=True)
    assert run("--all-terms", "--language", "all", "-f", "calf-lv2,jsfx", "--install", "-q") == 0
    assert len(list((home / ".lv2").iterdir())) == len(bundles.WORDS)
    assert (home / ".config" / "REAPER" / "Effects" / "semeq" / "calido.jsfx").is_file()
    assert capsys.readouterr().out == ""


def test_the_preamp_can_be_chosen(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def preamp_db(format_id: str, choice: str) -> float:
        assert run("-t", "warm", "-f", format_id, "--preamp", choice, "-q") == 0
        preset = read(capsys.readouterr().out.encode(), format_id)
        assert preset.eq is not None
        return preset.eq.preamp_db

    assert preamp_db("semeq-json", "auto") == 0.0
    assert preamp_db("semeq-json", "max") == preamp_db("eqapo", "auto") < -0.5
    assert preamp_db("eqapo", "none") == 0.0
    assert preamp_db("csv", "-7.25") == -7.25
    assert run("-t", "warm", "-f", "rew", "--preamp", "-3") == 0
    assert "preamp_db -3 -> 0 (dropped, 3.000 dB off)" in capsys.readouterr().err
    assert run("-t", "warm", "-f", "rew", "--preamp", "max") == 0
    assert "preamp" not in capsys.readouterr().err


DEVICE = """
name = "Two knobs"
q_convention = "constant"
[[bands]]
name = "LOW"
kind = "low_shelf"
freq_hz = 200
gain_db = [-12, 12]
gain_step_db = 0.5
[[bands]]
name = "HIGH"
kind = "high_shelf"
freq_choices_hz = [4_000, 8_000]
gain_db = [-12, 12]
"""


def test_a_device_of_ones_own_is_dialled_in_by_its_knobs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "mine.toml").write_text(DEVICE)
    assert run("-t", "warm", "--device", "mine.toml") == 0
    captured = capsys.readouterr()
    assert captured.out.startswith("Warm\nTwo knobs\n\nband")
    assert "LOW   low shelf   200 Hz" in captured.out
    assert "of Two knobs (refitted, " in captured.err
    assert run("-t", "warm", "--device", "mine.toml", "--strict") == 2
    assert "--strict allows 0.1 dB" in capsys.readouterr().err
    assert run("-t", "warm", "--device", "mine.toml", "-f", "csv", "-o", "w.csv", "-q") == 0
    eq = read_file(folder / "w.csv").eq
    assert eq is not None
    assert {band.freq_hz for band in eq.bands} <= {200.0, 4_000.0, 8_000.0}
    assert run("--all-terms", "--language", "all", "--device", "mine.toml", "-o", "out", "-q") == 0
    assert (folder / "out" / "calido.txt").read_text(encoding="utf-8").startswith("Cálido\n")
    assert run("-t", "warm", "--device", "mine.toml", "-o", "w.txt", "--json") == 0
    assert json.loads(capsys.readouterr().out)["format"] == "knobs"
    assert run("-t", "warm", "--device", "mine.toml", "-o", "w.txt") == 2


def test_json_says_what_was_written(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("-t", "warm", "-f", "eqapo", "-o", "w.txt", "--name", "Mine", "--sample-rate", "44100", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert {"target", "name", "output", "format", "intensity", "doubts", "sample_rate_hz", "eq", "notes", "understood"} == set(document)
    assert (document["output"], document["name"], document["sample_rate_hz"]) == ("w.txt", "Mine", 44_100.0)
    assert document["notes"][0]["kind"] == "added"
    assert run("-t", "warm", "-f", "eqapo", "--json") == 0
    assert json.loads(capsys.readouterr().out)["content"] == (folder / "w.txt").read_text()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["-t", "wram", "-f", "eqapo"], "unknown term 'wram'; did you mean 'warm'?"),
        (["-t", "warm", "-f", "eqap"], "unknown format 'eqap'; did you mean 'eqapo'"),
        (["-t", "warm", "-f", "lsp-x16-lv2"], "format lsp-x16-lv2 is a folder and cannot be printed; give a name that ends in .lv2"),
        (["-t", "warm", "-f", "lsp-x16-lv2", "-o", "warm"], "warm: a lsp-x16-lv2 preset is a folder whose name ends in .lv2"),
        (["-t", "warm"], "give -f ID, or -o PATH with the suffix of a format"),
        (["-t", "warm", "-o", "w.mp3"], "w.mp3: no format has this suffix"),
        (["-f", "eqapo"], "give either -t TEXT, --all-terms or --match REF"),
        (["--all-terms", "-f", "eqapo"], "several presets need -o FOLDER or --install"),
        (["-t", "warm", "-f", "eqapo,csv"], "several presets need -o FOLDER or --install"),
        (["-t", "warm", "-f", "csv,csv", "-o", "out"], "format csv is named twice"),
        (["--all-terms", "-o", "out"], "give -f ID"),
        (["--all-terms", "-f", "csv", "-o", "out", "--name", "x"], "presets of all terms have names of their own, without --name"),
        (["-t", "warm", "-f", "csv", "--dry-run"], "a dry run needs -o or --install"),
        (["-t", "warm", "-f", "csv", "-o", "x.csv", "--install"], "what is installed finds its folder itself, without -o"),
        (["-t", "warm", "-f", "csv", "--preamp", "loud"], "'loud' is not auto, none, max or a number in dB"),
        (["-t", "warm", "-f", "csv", "--preamp", "nan"], "nan dB is outside -120..120"),
        (["-t", "warm", "--device", "gone.toml"], "gone.toml: no such file"),
        (["-t", "warm", "-f", "eqapo", "--intensity", "4"], "intensity 4 is outside -3..3"),
        (["-t", "warm", "-f", "eqapo", "--intensity", "nan"], "intensity nan is outside -3..3"),
        (["-t", "warm", "-f", "eqapo", "--sample-rate", "1"], "sample_rate_hz 1 is outside 8000..384000"),
        (["-t", "warm", "-f", "eqapo", "-o", "no/where.txt"], "no/where.txt: its folder no does not exist"),
        (["-t", "warm:x", "-f", "eqapo"], "weight 'x' of 'warm' is not a number"),
        (["-t", "warm", "-f", "eqapo", "--bundle", "missing"], "missing"),
        (["-t", "warm", "-f", "lsp-x16-lv2", "-o", "w.lv2", "--name", "x" * 300], "name of 300 characters is over the limit of 200"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_leaves_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    assert run(*arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert says in captured.err
    assert [path.name for path in folder.iterdir()] == ["tiny.semeq"]


def test_an_existing_file_needs_force(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "w.json").write_text("mine")  # fault C7
    assert run("-t", "warm", "-f", "semeq-json", "-o", "w.json") == 2
    assert (folder / "w.json").read_text() == "mine"
    assert run("-t", "warm", "-f", "semeq-json", "-o", "w.json", "--force") == 0
    assert read_file(folder / "w.json", format="semeq-json").name == "Warm"


def test_a_full_disk_leaves_no_part_of_a_library(folder: Path, small_disk: Path, capsys: pytest.CaptureFixture[str]) -> None:  # fault C5
    bundles.write(small_disk / "tiny.semeq")
    free = shutil.disk_usage(small_disk).free
    (small_disk / "filler").write_bytes(bytes(free - 2 * 4_096))  # room for a file or two
    assert run("--all-terms", "--language", "all", "-f", "semeq-json,eqapo,csv", "-o", str(small_disk / "out"), "-q") == 1
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert "disk full" in err
    assert sorted(path.name for path in small_disk.iterdir()) == ["filler", "tiny.semeq"]
