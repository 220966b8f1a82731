"""semeq-export session: stems in, one DAWproject out."""

from __future__ import annotations

import json
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile
from broadcast import BEXT, broadcast_wav

from semeq_export.bundle.loading import load_bundle
from semeq_export.cli import _shared, cli
from semeq_export.engine import Engine
from semeq_export.eq.readable import rounded
from semeq_export.words.target import SemanticTarget
from semeq_presets.file_formats.dawproject_zip import read_session


@pytest.fixture
def stems(tmp_path: Path) -> Path:
    folder = tmp_path / "stems"
    folder.mkdir()
    noise = np.random.default_rng(3).uniform(-0.1, 0.1, (4_800, 2))
    for name, rate_hz in (("Vocal lead.wav", 48_000), ("bass.flac", 44_100), ("drums.wav", 48_000)):
        soundfile.write(folder / name, noise, rate_hz)
    return folder


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = _shared.run(cli, ["session", *map(str, arguments)])
    return code, *capsys.readouterr()


def test_each_stem_is_a_track_with_its_own_eq(stems: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "song.dawproject"
    assert run(capsys, stems, "-t", "warm", "--stem", "vocal*=bright", "-o", out) == (0, f"{out}\n", "")
    engine = Engine(load_bundle())
    found = {track.track: track.eq for track in read_session(out.read_bytes())}
    assert list(found) == ["Vocal lead", "bass", "drums"]
    for track, word in (("Vocal lead", "bright"), ("bass", "warm"), ("drums", "warm")):
        wanted = rounded(engine.eq_for(SemanticTarget.parse(word))).canonical()
        np.testing.assert_allclose([b.gain_db for b in found[track].bands], [b.gain_db for b in wanted.bands], atol=1e-6)


def test_stems_without_a_word_get_no_eq_and_json_says_so(stems: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "song.dawproject"
    code, text, err = run(capsys, stems, "--stem", "bass.*=warm", "-o", out, "--json")
    assert (code, err) == (0, "")
    assert [(track["track"], track["target"]) for track in json.loads(text)["tracks"]] == [
        ("Vocal lead", None),
        ("bass", "warm"),
        ("drums", None),
    ]
    assert [track.track for track in read_session(out.read_bytes())] == ["bass"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "nothing to do"),
        (("--stem", "vocal"), "is not PATTERN=TEXT"),
        (("-t", "wram"), "did you mean 'warm'?"),
    ],
)
def test_wrong_use_is_one_line_and_leaves_nothing(
    stems: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str
) -> None:
    code, out, err = run(capsys, stems, *arguments, "-o", tmp_path / "song.dawproject")
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert message in err
    assert [path.name for path in tmp_path.iterdir()] == ["stems"]


def test_an_existing_session_needs_force(stems: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "song.dawproject"
    out.write_bytes(b"mine")
    assert run(capsys, stems, "-t", "warm", "-o", out)[0] == 2
    assert out.read_bytes() == b"mine"
    assert run(capsys, stems, "-t", "warm", "-o", out, "--force")[0] == 0


def test_a_pattern_without_a_file_is_said(stems: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["session", str(stems), "-t", "warm", "--stem", "zzz*=bright", "--json", "-o", str(tmp_path / "s.dawproject")]
    assert _shared.run(cli, arguments) == 0
    out, err = capsys.readouterr()
    assert err == "--stem: 'zzz*' matches no file\n"
    assert json.loads(out)["warnings"] == ["--stem: 'zzz*' matches no file"]


def clip_times(path: Path) -> list[float]:
    with zipfile.ZipFile(path) as archive:
        project = archive.read("project.xml").decode()
    return [float(part.partition('"')[0]) for part in project.split('<Clip time="')[1:]]


def at(samples: int) -> bytes:
    """A `bext` chunk that states another time."""
    return BEXT[:338] + struct.pack("<Q", samples) + BEXT[346:]


@pytest.mark.parametrize(
    ("times", "starts", "said"),
    [
        ((0, 480_000, 172_800_000), [0.0, 10.0, 3_600.0], "clips are placed by the times in their bext chunks, the first at 0:00:00.000"),
        ((48_001, 48_000), [1.000020833333, 1.0], "clips are placed by the times in their bext chunks, the first at 0:00:01.000"),
        ((480_000, None), [0.0, 0.0], "1 of 2 files state no time (bext): all clips start at 0"),
        ((480_000, 2**63), [0.0, 0.0], "1 of 2 files state no time (bext): all clips start at 0"),
        ((0, 0), [0.0, 0.0], ""),
        ((None, None), [0.0, 0.0], ""),
    ],
)
def test_clips_start_where_their_files_say(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], times: tuple[int | None, ...], starts: list[float], said: str
) -> None:
    (tmp_path / "in").mkdir()
    for index, time in enumerate(times):
        broadcast_wav(tmp_path / "in" / f"{index}.wav", before=[] if time is None else [(b"bext", at(time))])
    out = tmp_path / "song.dawproject"
    assert run(capsys, tmp_path / "in", "-t", "warm", "-o", out) == (0, f"{out}\n", f"{said}\n" if said else "")
    assert clip_times(out) == pytest.approx(starts, abs=1e-8)


def test_a_link_that_leads_nowhere_is_left_out_and_named(
    stems: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:  # fault B15
    (stems / "gone.wav").symlink_to(tmp_path / "nowhere.wav")
    (stems / "round.wav").symlink_to(stems / "round.wav")
    out = tmp_path / "song.dawproject"
    code, text, err = run(capsys, stems, "-t", "warm", "-o", out)
    assert (code, text) == (0, f"{out}\n")
    assert err.splitlines() == [f"{stems / name}: dangling link, left out" for name in ("gone.wav", "round.wav")]
    assert [track.track for track in read_session(out.read_bytes())] == ["Vocal lead", "bass", "drums"]
    code, _, err = run(capsys, stems / "gone.wav", "-t", "warm", "-o", tmp_path / "no.dawproject")
    assert (code, err) == (2, f"semeq-export: {stems / 'gone.wav'}: dangling link\n")
