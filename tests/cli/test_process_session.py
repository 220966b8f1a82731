"""semeq-export process on a session: plans, rules for stems, presets beside outputs, in place, links, and what is asked of the sound."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from fake_engine import BRIGHT, WARM, FakeEngine

from semeq_export.app import _engine
from semeq_export.audio.reader import read_audio
from semeq_export.cli import _shared, cli
from semeq_export.eq.filter import apply as apply_eq
from semeq_presets import read_file
from semeq_presets.file_formats.dawproject_zip import read_session

Ran = tuple[int, str, str]


class Run:
    """Runs the command line in this process and returns exit code, stdout and stderr."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: object) -> Ran:
        self._capsys.readouterr()
        code = _shared.run(cli, ["process", "--workers", "0", *map(str, arguments)])
        out, err = self._capsys.readouterr()
        return code, out, err


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """The command with an engine that knows warm and bright, in a folder with three stems in stems/."""
    monkeypatch.setattr(_engine, "load_engine", lambda _bundle, **_: FakeEngine())
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(9)
    Path("stems").mkdir()
    for name in ("bass", "Vocal lead", "click"):
        soundfile.write(f"stems/{name}.wav", rng.uniform(-0.1, 0.1, (8_000, 2)), 48_000, subtype="DOUBLE")
    return Run(capsys)


def expected(name: str, eq: object) -> np.ndarray:
    return apply_eq(eq, read_audio(f"stems/{name}.wav").samples, 48_000)  # type: ignore[arg-type]


def test_a_session_file_and_rules_say_what_each_stem_gets(run: Run) -> None:
    Path("session.toml").write_text(
        '[default]\ntarget = "warm"\n[[stem]]\nfiles = "vocal*"\ntarget = "bright"\nintensity = 0.5\n'
        '[[stem]]\nfiles = "click*"\nskip = true\n'
    )
    code, out, err = run("stems", "--session", "session.toml", "-o", "out")
    assert (code, out, err) == (0, "out/Vocal lead.wav\nout/bass.wav\n", "")
    np.testing.assert_array_equal(read_audio("out/bass.wav").samples, expected("bass", WARM))
    np.testing.assert_array_equal(read_audio("out/Vocal lead.wav").samples, expected("Vocal lead", BRIGHT.scaled(0.5)))
    assert run("stems", "-t", "warm", "--stem", "*lead*=bright", "-o", "rules")[0] == 0
    np.testing.assert_array_equal(read_audio("rules/Vocal lead.wav").samples, expected("Vocal lead", BRIGHT))
    np.testing.assert_array_equal(read_audio("rules/click.wav").samples, expected("click", WARM))


def test_a_dry_run_shows_the_plan_and_writes_nothing(run: Run) -> None:
    Path("stems/click.wav").write_bytes(b"<html>")
    code, out, err = run("stems/*", "-t", "warm", "--stem", "vocal*=bright", "-o", "out", "--dry-run", "--export-preset", "eqapo")
    assert code == 0
    assert out.splitlines() == [
        "stems/Vocal lead.wav -> out/Vocal lead.wav: bright",
        "stems/bass.wav -> out/bass.wav: warm",
        "stems/click.wav -> out/click.wav: warm",
    ]
    assert err == "would fail: stems/click.wav: not an audio file: it looks like an HTML page\n"
    document = json.loads(run("stems", "-t", "warm", "-o", "out", "--dry-run", "--json")[1])
    assert document["dry_run"] is True
    assert [row["output"] for row in document["files"]] == ["out/Vocal lead.wav", "out/bass.wav", "out/click.wav"]
    assert document["files"][1]["intent"]["target"] == "warm"
    assert document["files"][1]["seconds"] == pytest.approx(8_000 / 48_000)
    assert not Path("out").exists()
    assert run("stems", "-t", "wram", "-o", "out", "--dry-run")[0] == 2


def test_a_pattern_without_a_file_is_said_and_skipped_stems_are_shown(run: Run) -> None:
    Path("session.toml").write_text('[[stem]]\nfiles = "nomatch*"\ntarget = "bright"\n[[stem]]\nfiles = "click*"\nskip = true\n')
    arguments = ("stems", "-t", "warm", "--session", "session.toml", "--stem", "zzz*=bright", "-o", "out")
    lines = ["--stem: 'zzz*' matches no file", "session.toml: stem 1: 'nomatch*' matches no file"]
    code, out, err = run(*arguments, "--dry-run")
    assert (code, err.splitlines()) == (0, lines)
    assert out.splitlines()[-1] == "stems/click.wav: skipped, as the session says"
    document = json.loads(run(*arguments, "--dry-run", "--json")[1])
    assert document["warnings"] == lines
    assert [(row["path"], row["is_left_out"], row["output"]) for row in document["files"]][-1] == ("stems/click.wav", True, None)
    code, _, err = run(*arguments, "--report", "r.json")
    assert (code, err.splitlines()) == (0, lines)
    assert json.loads(Path("r.json").read_bytes())["warnings"] == lines


@pytest.mark.parametrize(
    ("session", "chain", "said"),
    [
        ('[default]\ntarget = "wram"', "", "session.toml: default: unknown term 'wram'"),
        ('[[stem]]\nfiles = "b*"\ntarget = "warm:x"\n[default]\ntarget = "warm"', "", "session.toml: stem 1: weight 'x' of 'warm'"),
        ('[default]\nchain = "c.toml"', 'type = "SemanticEq"\ntarget = "wram"', "c.toml: unknown term 'wram'"),
        ('[default]\nchain = "c.toml"', 'type = "PitchShift"', ".wav: c.toml: PitchShift gives only silence"),
        (
            '[default]\nchain = "c.toml"',
            'type = "Convolution"\nimpulse_response_filename = "no.wav"',
            "c.toml: plugin 1: Convolution: no.wav: ",
        ),
    ],
)
def test_what_is_wrong_in_a_toml_names_it(run: Run, session: str, chain: str, said: str) -> None:
    Path("session.toml").write_text(session)
    Path("c.toml").write_text(f"[[plugin]]\n{chain}\n")
    code, out, err = run("stems/bass.wav", "--session", "session.toml", "-o", "out.wav")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert said in err
    assert not Path("out.wav").exists()


def test_sound_and_preset_in_one_go(run: Run) -> None:
    code, _, err = run("stems", "-t", "warm", "-o", "out", "--export-preset", "semeq-json", "--json")
    assert (code, err) == (0, "")
    for name in ("bass", "click"):
        preset = read_file(next(Path("out").glob(f"{name}*.json")))
        assert preset.eq is not None
        assert preset.eq.canonical() == WARM.canonical()
    code, _, err = run("stems", "-t", "warm", "-o", "out", "--export-preset", "semeq-json", "--force")
    assert code == 0
    code, _, err = run("stems", "-t", "warm", "-o", "new", "--export-preset", "nonsense")
    assert (code, Path("new").exists()) == (2, False)


def test_presets_that_would_collide_or_exist_are_refused_before_any_work(run: Run) -> None:  # fault E15
    soundfile.write("stems/bass.flac", np.zeros((500, 2)) + 0.1, 48_000)
    code, _, err = run("stems", "-t", "warm", "-o", "out", "--export-preset", "eqapo")
    assert code == 2
    assert "would be the preset of both" in err
    assert not Path("out").exists()
    Path("out").mkdir()
    Path("out/click.txt").write_text("notes")
    code, _, err = run("stems/click.wav", "-t", "warm", "-o", "out", "--export-preset", "eqapo")
    assert (code, Path("out/click.txt").read_text()) == (2, "notes")
    assert "exists already" in err


def test_one_session_for_the_daw(run: Run) -> None:
    code, _, err = run("stems", "-t", "warm", "--stem", "vocal*=bright", "-o", "out", "--export-preset", "dawproject")
    assert (code, err) == (0, "")
    tracks = {track.track: track.eq for track in read_session(Path("out/out.dawproject").read_bytes())}
    assert tracks.keys() == {"bass", "click", "Vocal lead"}
    assert tracks["bass"] is not None
    assert [band.kind for band in tracks["bass"].canonical().active_bands] == [band.kind for band in WARM.canonical().active_bands]


def test_a_report_is_written_beside_the_text(run: Run) -> None:
    code, out, _ = run("stems", "-t", "warm", "-o", "out", "--report", "report.json")
    assert (code, len(out.splitlines())) == (0, 3)
    files = json.loads(Path("report.json").read_text())["files"]
    assert [Path(entry["output"]).name for entry in files] == ["Vocal lead.wav", "bass.wav", "click.wav"]
    assert all(len(entry["output_sha256"]) == 64 and entry["taken_s"] >= 0.0 for entry in files)
    assert run("stems", "-t", "warm", "-o", "out2", "--report", "report.json")[0] == 2  # exists already


def test_in_place_and_resume(run: Run) -> None:  # faults C9, E16
    wanted = expected("bass", WARM)
    assert run("stems", "-t", "warm", "--in-place")[0] == 0
    np.testing.assert_array_equal(read_audio("stems/bass.wav").samples, wanted)
    code, _, _ = run("stems", "-t", "warm", "--in-place", "--resume")
    assert code == 0
    np.testing.assert_array_equal(read_audio("stems/bass.wav").samples, wanted)
    assert not Path("processed").exists()


@pytest.mark.parametrize("names", [("stems",), ("stems/bass.wav",)])
def test_in_place_asks_before_it_processes_a_file_twice(run: Run, names: tuple[str, ...]) -> None:
    twice = apply_eq(BRIGHT, expected("bass", WARM), 48_000)
    assert run(*names, "-t", "warm", "--in-place")[0] == 0
    once = Path("stems/bass.wav").read_bytes()
    for more in ("-t", "warm"), ("-t", "bright"), ("-t", "bright", "--resume"), ("-t", "warm", "--dry-run"):
        code, out, err = run(*names, *more, "--in-place")
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert "was processed in place before; --resume skips what is done, --force processes it again" in err
    assert Path("stems/bass.wav").read_bytes() == once
    assert run(*names, "-t", "bright", "--in-place", "--force")[0] == 0
    np.testing.assert_array_equal(read_audio("stems/bass.wav").samples, twice)


def test_in_place_asks_about_a_file_that_an_interrupted_run_replaced(run: Run) -> None:
    assert run("stems", "-t", "warm", "--in-place")[0] == 0
    journal = Path("stems/.semeq-journal.jsonl")
    journal.write_text("".join(line for line in journal.read_text().splitlines(keepends=True) if '"claim"' in line))
    code, _, err = run("stems", "-t", "warm", "--in-place")
    assert code == 2
    assert "was processed in place before" in err
    assert run("stems", "-t", "warm", "--in-place", "--resume")[0] == 0


def test_outputs_may_be_processed_in_place_once(run: Run) -> None:
    assert run("stems", "-t", "warm", "-o", "out")[0] == 0
    assert run("out", "-t", "bright", "--in-place")[0] == 0
    assert run("out", "-t", "bright", "--in-place")[0] == 2


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("stems", "--delta"), "--delta in place would destroy"),
        (("stems", "--salvage"), "--salvage in place would destroy"),
        (("stems", "-o", "out"), "give --in-place or -o, not both"),
        (("stems/bass.wav", "stems/../stems/bass.wav"), "is named twice"),
        (("stems/bass.wav", "link.wav", "--follow"), "is named twice"),
    ],
)
def test_in_place_refuses_what_would_destroy(run: Run, arguments: tuple[str, ...], why: str) -> None:
    Path("link.wav").symlink_to("stems/bass.wav")
    before = Path("stems/bass.wav").read_bytes()
    code, out, err = run(*arguments, "-t", "warm", "--in-place")
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert why in err
    assert Path("stems/bass.wav").read_bytes() == before


def test_resuming_replaces_nothing_but_its_own(run: Run) -> None:
    arguments = ("stems", "-t", "warm", "-o", "out", "--export-preset", "eqapo", "--resume")
    Path("out").mkdir()
    Path("out/click.txt").write_text("notes")
    assert run(*arguments)[0] == 2
    assert Path("out/click.txt").read_text() == "notes"
    Path("out/click.txt").unlink()
    assert run(*arguments, "--report", "out/report.json")[0] == 0
    assert run(*arguments, "--report", "out/report.json")[0] == 0
    assert len(json.loads(Path("out/report.json").read_text())["files"]) == 3
    Path("out/notes.json").write_text('{"mine": 1}')
    assert run(*arguments, "--report", "out/notes.json")[0] == 2
    assert Path("out/notes.json").read_text() == '{"mine": 1}'


def test_a_report_may_go_into_the_new_folder(run: Run) -> None:
    assert run("stems", "-t", "warm", "-o", "new", "--report", "new/report.json")[0] == 0
    assert len(json.loads(Path("new/report.json").read_text())["files"]) == 3


def test_links_are_followed_only_where_asked(run: Run) -> None:  # fault C10
    Path("real.wav").write_bytes(b"old")
    Path("link.wav").symlink_to("real.wav")
    code, _, err = run("stems/bass.wav", "-t", "warm", "-o", "link.wav", "--force")
    assert (code, Path("real.wav").read_bytes()) == (2, b"old")
    assert "is a link" in err
    assert run("stems/bass.wav", "-t", "warm", "-o", "link.wav", "--force", "--follow")[0] == 0
    assert Path("link.wav").is_symlink()
    np.testing.assert_array_equal(read_audio("real.wav").samples, expected("bass", WARM))


def test_what_the_peak_guard_undoes_is_said(run: Run) -> None:
    """A loud crest: matched in loudness, the result is over full scale, and so is source plus delta."""
    samples = np.random.default_rng(9).uniform(-0.05, 0.05, (60_000, 1))
    samples[30_000:30_005] = 0.98
    soundfile.write("loud.wav", samples, 48_000, subtype="PCM_24")
    code, _, err = run("loud.wav", "-t", "bright", "--match-loudness", "-o", "matched.wav", "--report", "r.json")
    entry = json.loads(Path("r.json").read_bytes())["files"][0]
    assert code == 0
    assert entry["match_missed_db"] == -entry["trim_db"] > 0.0
    assert f"quieter than the source by {entry['match_missed_db']:.2f} dB: the loudness was matched before the trim" in err
    assert run("loud.wav", "-t", "bright", "-o", "whole.wav", "--report", "whole.json")[0] == 0
    trim_db = json.loads(Path("whole.json").read_bytes())["files"][0]["trim_db"]
    code, _, err = run("loud.wav", "-t", "bright", "--delta", "-o", "delta.wav", "--report", "delta.json")
    entry = json.loads(Path("delta.json").read_bytes())["files"][0]
    assert code == 0
    assert (entry["trim_db"], entry["delta_trim_db"]) == (0.0, pytest.approx(trim_db, abs=1e-6))
    assert f"source and delta add up to the result before its trim of {trim_db:.2f} dB" in err
    whole = read_audio("whole.wav").samples / 10 ** (trim_db / 20)
    np.testing.assert_allclose(read_audio("loud.wav").samples + read_audio("delta.wav").samples, whole, atol=1e-6)


def test_options_of_the_sound_arrive(run: Run) -> None:
    dry = read_audio("stems/bass.wav").samples
    assert run("stems/bass.wav", "-t", "warm", "--delta", "-o", "delta.wav")[0] == 0
    np.testing.assert_allclose(read_audio("delta.wav").samples, expected("bass", WARM) - dry, atol=1e-15)
    assert run("stems/bass.wav", "-t", "warm", "--tail", "0.5", "-o", "tail.wav")[0] == 0
    assert read_audio("tail.wav").frames == 8_000 + 24_000
    Path("cut.wav").write_bytes(Path("stems/bass.wav").read_bytes()[:70_000])
    assert "--salvage" in run("cut.wav", "-t", "warm", "-o", "cut.out.wav")[2]
    code, _, err = run("cut.wav", "-t", "warm", "-o", "cut.out.wav", "--salvage")
    assert code == 0
    assert "kept what is there" in err
    assert run("stems/bass.wav", "-t", "warm", "--match-loudness", "--dither", "--subtype", "PCM_16", "-o", "matched.wav")[0] == 0
    assert soundfile.info("matched.wav").subtype == "PCM_16"


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--session", "missing.toml"), "missing.toml: no such file"),
        (("--stem", "warm"), "is not PATTERN=TEXT"),
        (("--stem", "vocal*=bright"), "no rule matches it: nothing to do"),
        (("--stem", "vocal=bright"), "a pattern is a whole name: '*vocal*' finds it within names"),
        (("-t", "warm", "--tail", "601"), "is not in the range"),
        (("-t", "warm", "--report", "missing/report.json"), "its folder missing does not exist"),
        (("-t", "warm", "--resume", "--match", "any"), "give -t or --match, not both"),
    ],
)
def test_wrong_use_is_one_line_before_any_work(run: Run, arguments: tuple[str, ...], why: str) -> None:
    code, out, err = run("stems", *arguments, "-o", "out")
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert why in err
    assert not Path("out").exists()


def test_a_subtype_that_no_output_can_hold_is_one_error_before_any_work(run: Run) -> None:
    code, out, err = run("stems", "-t", "warm", "-o", "out", "--subtype", "nosuch")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "WAV cannot hold subtype nosuch" in err
    assert not Path("out").exists()


def test_a_word_and_a_chain_with_a_word_of_its_own_say_so(run: Run) -> None:
    Path("chain.toml").write_text('[[plugin]]\ntype = "SemanticEq"\ntarget = "bright"\n')
    code, _, err = run("stems/bass.wav", "-t", "warm", "--chain", "chain.toml", "-o", "out.wav")
    hint = "the chain has a SemanticEq of its own: the words of -t and those of the chain both apply"
    assert (code, err) == (0, f"stems/bass.wav: {hint}\n")
    document = json.loads(run("stems/bass.wav", "--chain", "chain.toml", "-o", "alone.wav", "--json")[1])
    assert document["files"][0]["warnings"] == []


def test_linked_stems_keep_together_and_the_plan_says_so(run: Run) -> None:
    soundfile.write("stems/bass.wav", 0.99 * np.sign(np.random.default_rng(1).normal(size=(8_000, 2))), 48_000, subtype="PCM_16")
    soundfile.write("stems/click.wav", np.full((8_000, 2), 0.1), 48_000, subtype="PCM_16")
    Path("session.toml").write_text('[default]\ntarget = "bright"\n[[stem]]\nfiles = "vocal*"\ngroup = "voices"\n')
    code, out, _ = run("stems", "--session", "session.toml", "-o", "out", "--dry-run")
    assert (code, out.splitlines()) == (
        0,
        [
            "stems/Vocal lead.wav -> out/Vocal lead.wav: bright",
            "stems/bass.wav -> out/bass.wav: bright, linked: stems/",
            "stems/click.wav -> out/click.wav: bright, linked: stems/",
        ],
    )
    code, _, err = run("stems", "--session", "session.toml", "-o", "out", "--report", "r.json")
    assert code == 0
    trims = {Path(row["path"]).stem: row["trim_db"] for row in json.loads(Path("r.json").read_bytes())["files"]}
    assert trims["bass"] == pytest.approx(trims["click"])
    assert trims["bass"] < trims["Vocal lead"] == 0.0
    assert f"stems/click.wav: trimmed by {trims['bass']:.2f} dB with its group 'stems/'" in err
    assert run("stems", "--session", "session.toml", "--no-link", "-o", "alone", "--report", "alone.json")[0] == 0
    assert [row["trim_db"] < 0.0 for row in json.loads(Path("alone.json").read_bytes())["files"]] == [False, True, False]
    assert run("stems", "-t", "warm", "--link", "--in-place")[0] == 2


def test_pairs_in_place_are_said_to_be_alone(run: Run) -> None:
    for side in "LR":
        soundfile.write(f"stems/OH.{side}.wav", np.full(8_000, 0.1), 48_000)
    code, _, err = run("stems", "-t", "warm", "--in-place")
    assert (code, err.splitlines()) == (0, ["in place, stems are not linked: each has a trim and a dose of its own"])


def test_a_loudness_alone_is_something_to_do(run: Run) -> None:
    code, out, _ = run("stems/bass.wav", "--lufs", "-30", "-o", "out.wav", "--dry-run")
    assert (code, out) == (0, "stems/bass.wav -> out.wav: -30 LUFS\n")
    rng = np.random.default_rng(2)
    soundfile.write("long.wav", rng.uniform(-0.1, 0.1, (48_000, 2)), 48_000, subtype="DOUBLE")
    assert run("long.wav", "--lufs", "-30", "-o", "out.wav", "--report", "r.json")[0] == 0
    gain_db = json.loads(Path("r.json").read_bytes())["files"][0]["match_db"]
    before, after = (read_audio(name).samples for name in ("long.wav", "out.wav"))
    np.testing.assert_allclose(after, before * 10 ** (gain_db / 20), rtol=1e-12)
    assert run("long.wav", "-o", "nothing.wav")[0] == 2
    assert run("long.wav", "--lufs", "-30", "--stem", "long*=warm", "-o", "warm.wav")[0] == 0
    assert not np.allclose(read_audio("warm.wav").samples / after, read_audio("warm.wav").samples[0, 0] / after[0, 0])
    assert run("long.wav", "--lufs", "-30", "--delta", "-o", "d.wav")[0] == 2


def test_resuming_with_other_wishes_replaces_no_finished_result(run: Run) -> None:  # fault E25
    assert run("stems", "-t", "warm", "-o", "out")[0] == 0
    before = {path.name: path.read_bytes() for path in Path("out").iterdir()}
    for more, said in (
        (("-t", "bright"), "made with warm, not bright"),
        (("-t", "warm", "--intensity", "0.5"), "made with warm, not warm, intensity 0.5"),
        (("-t", "bright", "--dry-run"), "made with warm, not bright"),
    ):
        code, out, err = run("stems", *more, "-o", "out", "--resume")
        first = "out/Vocal lead.wav and 2 more are finished results"
        assert (code, out, err) == (2, "", f"semeq-export: {first} {said}; use --force to replace them\n")
    assert {path.name: path.read_bytes() for path in Path("out").iterdir()} == before
    code, _, err = run("stems", "-t", "warm", "--stem", "bass*=bright", "-o", "out", "--resume")
    assert (code, err) == (2, "semeq-export: out/bass.wav is a finished result made with warm, not bright; use --force to replace it\n")
    assert run("stems", "-t", "warm", "--intensity", "1", "-o", "out", "--resume")[0] == 0
    assert run("stems", "-t", "bright", "-o", "out", "--resume", "--force")[0] == 0
    np.testing.assert_array_equal(read_audio("out/bass.wav").samples, expected("bass", BRIGHT))
    code, _, err = run("stems", "-t", "bright", "-o", "out", "--resume", "--subtype", "FLOAT")
    assert (code, err) == (0, "3 of 3 outputs were made with other options, files or another version; they are made again\n")


def test_resuming_over_a_journal_that_does_not_say_what_was_asked_for(run: Run) -> None:  # fault E25
    """Versions before 0.2 wrote no wishes; what their entries say is compared."""
    assert run("stems", "-t", "warm", "--intensity", "0.5", "-o", "out")[0] == 0
    journal = Path("out/.semeq-journal.jsonl")
    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    journal.write_text("".join(json.dumps({name: line[name] for name in line if name != "wishes"}) + "\n" for line in lines))
    assert "wishes" in lines[-1]
    code, _, err = run("stems", "-t", "bright", "-o", "out", "--resume")
    assert (code, "made with warm, not bright" in err) == (2, True)
    assert run("stems", "-t", "warm", "--intensity", "0.5", "-o", "out", "--resume")[0] == 0
