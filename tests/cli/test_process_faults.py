"""semeq-export process against what a faulty or hostile place gives it: odd names, links, foreign reports and journals."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import REQUIRE_ALL, ROOT

from semeq_export.cli import _shared, cli
from semeq_host.stems.journal import JOURNAL


def stem(path: str | bytes) -> None:
    with open(path, "wb") as file:  # noqa: PTH123 - names of bytes
        soundfile.write(file, np.random.default_rng(9).uniform(-0.1, 0.1, (4_000, 2)), 48_000, subtype="PCM_24", format="WAV")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with one stem, a.wav."""
    monkeypatch.chdir(tmp_path)
    stem("a.wav")
    return tmp_path


def process(*arguments: str | bytes, **environment: str) -> tuple[int, str, list[str]]:
    """Run the command in a process of its own; return exit code, stdout and the lines of stderr, none of them a traceback's."""
    code = ["-m", "semeq_export", "process"]
    paths = [str(ROOT / name) for name in (".", "training", "plugin_host", "presets")]
    done = subprocess.run(
        [sys.executable, *code, *arguments],
        capture_output=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)} | environment,
        check=False,
    )
    err = done.stderr.decode("utf-8", "backslashreplace")
    assert "Traceback" not in err
    return done.returncode, done.stdout.decode(), err.splitlines()


def names(folder: str) -> set[bytes]:
    return {os.fsencode(path.name) for path in Path(folder).iterdir()}


def here(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, list[str]]:
    """Run the command in this process, which is quicker; return what `process` does."""
    code = _shared.run(cli, ["process", "--workers", "0", *arguments])
    out, err = capsys.readouterr()
    return code, out, err.splitlines()


@pytest.mark.parametrize("content", [b"5", b"null", b"[" * 100_000, b'{"x": ' * 40 + b"1" + b"}" * 40, b"[1", b"[]"])
def test_a_report_that_is_not_ours_is_not_replaced(content: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    Path("r.json").write_bytes(content)
    code, out, err = here(capsys, "a.wav", "-t", "warm", "--resume", "--report", "r.json", "-o", "out/")
    assert (code, out, err) == (2, "", ["semeq-export: r.json: exists already; use --force to replace it"])
    assert Path("r.json").read_bytes() == content


@pytest.mark.parametrize(
    "line",
    [b"[" * 100_000, b"5", b'["claim"]', b'{"claim": [], "key": "", "source_sha256": null}', b'{"done": "a.wav", "key": "k", "entry": 5}'],
)
def test_a_journal_that_is_not_ours_says_nothing(line: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    Path("out").mkdir()
    Path("out", JOURNAL).write_bytes(line + b"\n")
    assert here(capsys, "a.wav", "-t", "warm", "--resume", "-o", "out/") == (0, "out/a.wav\n", [])


def test_links_in_a_circle_are_one_line(capsys: pytest.CaptureFixture[str]) -> None:  # fault B15
    Path("l1.wav").symlink_to("l2.wav")
    Path("l2.wav").symlink_to("l1.wav")
    assert here(capsys, "a.wav", "-t", "warm", "--follow", "-o", "l1.wav") == (2, "", ["semeq-export: l1.wav: loop of links"])
    code, _, err = here(capsys, "l1.wav", "-t", "warm", "--follow", "--in-place")
    assert (code, err) == (2, ["semeq-export: l1.wav: loop of links"])


@pytest.mark.skipif(sys.platform != "linux", reason="names of any bytes are Linux's")
def test_names_that_are_not_utf8_work_and_are_written_escaped() -> None:  # fault C14
    stem(b"\xff.wav")
    workers = () if REQUIRE_ALL else ("--workers", "0")  # each takes a second to start
    code, out, err = process(
        b"\xff.wav", "a.wav", "-t", "warm", "-o", "out", "--report", "r.json", "--json", "--export-preset", "semeq-json", *workers
    )
    assert (code, err) == (0, [])
    entries = json.loads(out)["files"]
    assert [entry["path"] for entry in entries] == ["\\udcff.wav", "a.wav"]
    assert [entry["exported_preset"] for entry in entries] == ["out/\\udcff.semeq.json", "out/a.semeq.json"]
    assert json.loads(Path("r.json").read_bytes())["files"] == entries
    assert names("out") == {JOURNAL.encode(), b"a.semeq.json", b"a.wav", b"\xff.semeq.json", b"\xff.wav"}
    code, out, err = process(b"\xff.wav", "a.wav", "-t", "warm", "-o", "out", "--resume", "--json", *workers)
    assert (code, err) == (0, [])
    assert [entry["resumed"] for entry in json.loads(out)["files"]] == [True, True]


@pytest.mark.skipif(sys.platform != "linux", reason="names of any bytes are Linux's")
def test_a_plain_locale_reads_and_writes_any_name() -> None:  # fault C17
    stem("ü.wav".encode())
    locale = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    code, out, err = process("ü.wav".encode(), "-t", "warm", "-o", b"\xc3\xb6.wav", "--report", "r.json", "--json", **locale)
    assert (code, err) == (0, [])
    assert "ö.wav".encode() in names(".")
    assert json.loads(out) == json.loads(Path("r.json").read_bytes())


@pytest.mark.parametrize(
    ("source", "output"), [("a.wav", "x" * 252 + ".wav"), ("a.wav", "d/" * 2_100 + "o.wav"), ("y" * 256 + ".wav", "o.wav")]
)
def test_names_over_the_systems_limits_are_bad_arguments(
    source: str, output: str, capsys: pytest.CaptureFixture[str]
) -> None:  # faults C15, C16
    code, out, err = here(capsys, source, "-t", "warm", "-o", output)
    assert (code, out, len(err)) == (2, "", 1)
    assert err[0].endswith("name too long")
    assert names(".") == {b"a.wav"}
