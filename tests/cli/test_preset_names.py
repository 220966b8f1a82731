"""Names of preset files as people and scripts make them: faults C12 to C17 through the preset, convert, verify and validate commands."""

from __future__ import annotations

import os
import subprocess
import sys
import unicodedata
from pathlib import Path

import bundles
import pytest
from conftest import cases
from strategies import T5

from semeq_export.cli import _shared, cli
from semeq_presets import FormatInfo, formats, get, read_file, write_file

FORMATS = ["eqapo", "lsp-x16-lv2", "reaeq", "dawproject"]
NAMES = [
    "wärm",
    unicodedata.normalize("NFD", "wärm"),
    "🔥 hot",
    "%s %d {x}",
    'it\'s "quoted"',
    "line\nbreak",
    "-dash",
    " spaces ",
    "a" * 200,
]


def run(*arguments: str) -> int:
    return _shared.run(cli, list(arguments))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    bundles.write(tmp_path / "tiny.semeq")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEMEQ_BUNDLE", "tiny.semeq")
    return tmp_path


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("format_id", FORMATS)
def test_any_name_works_and_messages_stay_on_one_line(
    format_id: str, name: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:  # fault C13
    suffix = get(format_id).info.suffixes[0]
    path = name + suffix
    assert run("preset", "-t", "warm", "-f", format_id, "-o", path) == 0
    assert (folder / path).exists()
    assert run("convert", "--to", "semeq-json", "--", path, name + ".json") == 0
    assert run("validate", "--", path) == 0
    assert run("verify", "--host", "maths", "--", path) == 0
    assert len(capsys.readouterr().out.splitlines()) == 4
    assert run("preset", "-t", "warm", "-f", format_id, "-o", path) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="names on Windows are Unicode")
@pytest.mark.parametrize("format_id", FORMATS)
def test_names_that_are_not_utf8_work(format_id: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:  # fault C14
    path = os.fsdecode(b"w\xe4rm") + get(format_id).info.suffixes[0]
    assert run("preset", "-t", "warm", "-f", format_id, "-o", path, "--json") == 0
    assert run("convert", path, "x.json", "--to", "semeq-json") == 0
    assert run("verify", "--host", "maths", path, "--json") == 0
    capsys.readouterr().out.encode("utf-8")
    assert read_file(folder / "x.json").name


@pytest.mark.parametrize("format_id", ["eqapo", "lsp-x16-lv2"])
def test_names_of_255_bytes_work_and_longer_ones_are_refused(
    format_id: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:  # faults C15, C16
    suffix = get(format_id).info.suffixes[0]
    assert run("preset", "-t", "warm", "-f", format_id, "-o", "a" * (255 - len(suffix)) + suffix, "-q") == 0
    before = sorted(folder.iterdir())
    for path in ("a" * (256 - len(suffix)) + suffix, "/".join(["b" * 100] * 45) + suffix):
        assert run("preset", "-t", "warm", "-f", format_id, "-o", path) == 2
        assert capsys.readouterr().err.rstrip().endswith(("name too long", "does not exist"))
    assert sorted(folder.iterdir()) == before


def test_a_missing_folder_a_folder_in_the_way_and_a_read_only_one_are_told_apart(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:  # fault C12
    (folder / "taken.txt").mkdir()
    assert run("preset", "-t", "warm", "-f", "eqapo", "-o", "no/x.txt") == 2
    assert run("preset", "-t", "warm", "-f", "eqapo", "-o", "taken.txt") == 2
    assert run("preset", "--all-terms", "-f", "eqapo", "-o", "no/where") == 2
    lines = capsys.readouterr().err.splitlines()
    assert [line.rpartition(": ")[2] for line in lines] == ["its folder no does not exist", "is a folder", "its folder no does not exist"]
    if os.getuid() != 0:
        (folder / "locked").mkdir(mode=0o500)
        assert run("preset", "-t", "warm", "-f", "eqapo", "-o", "locked/x.txt") == 1
        assert "permission denied" in capsys.readouterr().err


def test_unicode_names_work_in_a_plain_c_locale(folder: Path) -> None:  # fault C17
    write_file(folder / "wärm-🔥.txt", T5, format="eqapo", name="Wärm 🔥")
    environment = {**os.environ, "LC_ALL": "C", "LANG": "C"}
    for name in ("PYTHONUTF8", "PYTHONIOENCODING", "LC_CTYPE"):
        environment.pop(name, None)
    base = [sys.executable, "-m", "semeq_export"]
    for arguments in (
        ["convert", "wärm-🔥.txt", "ö.lv2", "--to", "lsp-x16-lv2"],
        ["preset", "-t", "cálido", "-f", "eqapo", "-o", "cálido.txt"],
        ["verify", "--host", "maths", "ö.lv2", "--json"],
        ["preset", "-t", "cálido", "-f", "semeq-json"],
    )[: cases(2, 4)]:
        done = subprocess.run([*base, *arguments], env=environment, cwd=folder, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
        assert b"Traceback" not in done.stderr
    assert (folder / "ö.lv2" / "manifest.ttl").is_file()
    assert (folder / "cálido.txt").is_file()


@pytest.mark.parametrize("info", formats(), ids=lambda info: info.id)
def test_a_hostile_name_stays_inside_its_place_in_the_file(info: FormatInfo, folder: Path) -> None:  # fault E6
    """Markup, quotes, line ends and control characters: the file reads back with the same bands, and holds none of them raw."""
    path = folder / f"x{info.suffixes[0]}"
    hostile = "</name>\"'`;\x00\x1b[31m\n../../etc \u202e %n ${x} <!-- ]]> 名"
    write_file(path, T5, format=info.id, name=hostile)
    named = read_file(path, format=info.id)
    write_file(path, T5, format=info.id, name="plain", overwrite=True)
    plain = read_file(path, format=info.id)
    assert named.eq == plain.eq
    assert (named.curve is None) == (plain.curve is None)
    write_file(path, T5, format=info.id, name=hostile, overwrite=True)
    files = [path] if path.is_file() else sorted(path.iterdir())
    if info.is_text:
        content = b"".join(file.read_bytes() for file in files)
        assert b"\x00" not in content
        assert b"\x1b" not in content
    assert [file for file in folder.iterdir() if file.name.startswith("x")] == [path]
