"""semeq-export process --stdin: one file through a pipe, the same bytes as from a file, and nothing left behind."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import ROOT, cases
from stems import process

FORMS = [("wav", "PCM_24"), ("flac", "PCM_16"), ("aiff", "PCM_16"), ("ogg", "VORBIS"), ("mp3", "MPEG_LAYER_III")]


def start(*arguments: object, stdin: int = subprocess.PIPE, before: str = "") -> subprocess.Popen[bytes]:
    """Start `semeq-export process --stdin`; before: what its Python runs first."""
    paths = os.pathsep.join(str(ROOT / name) for name in (".", "plugin_host", "presets"))
    program = f"{before}\nfrom semeq_export.cli import main\nmain()"
    command = [sys.executable, "-c", program, "process", "--stdin", *map(str, arguments)]
    return subprocess.Popen(command, env=os.environ | {"PYTHONPATH": paths}, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def piped(data: bytes, *arguments: object, before: str = "") -> tuple[int, str, str]:
    with start(*arguments, before=before) as running:
        out, err = running.communicate(data)
    return running.returncode, out.decode(), err.decode()


def stem(path: Path, subtype: str = "PCM_24", frames: int = 30_000) -> Path:
    soundfile.write(path, np.random.default_rng(3).uniform(-0.1, 0.1, (frames, 2)), 44_100, subtype=subtype)
    return path


@pytest.mark.parametrize(("suffix", "subtype"), FORMS[: cases(1, 5)])
def test_a_pipe_gives_the_bytes_that_the_file_gives(tmp_path: Path, suffix: str, subtype: str) -> None:  # fault B14
    source = stem(tmp_path / f"in.{suffix}", subtype)
    (tmp_path / "out").mkdir()
    named, through = tmp_path / f"named.{suffix}", tmp_path / "out" / f"piped.{suffix}"
    assert process(source, "-t", "warm", "-o", named).returncode == 0
    code, out, err = piped(source.read_bytes(), "-t", "warm", "-o", through, "--json", "--export-preset", "eqapo")
    assert code == 0, err
    (entry,) = json.loads(out)["files"]
    assert (entry["path"], entry["output"]) == ("standard input", str(through))
    assert through.read_bytes() == named.read_bytes()
    assert sorted(path.name for path in through.parent.iterdir()) == sorted([f"piped.{suffix}", "piped.txt"])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"<html>no</html>", "standard input: not an audio file: it looks like an HTML page"),
        (b"", "standard input: empty"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "standard input: "),
    ][: cases(1, 3)],
)
def test_bad_input_is_one_line_and_leaves_nothing(tmp_path: Path, data: bytes, message: str) -> None:
    code, out, err = piped(data, "-t", "warm", "-o", tmp_path / "out.wav")
    assert (code, out) == (2, "")
    assert err.startswith(f"semeq-export: {message}")
    assert len(err.splitlines()) == 1
    assert ".semeq" not in err
    assert list(tmp_path.iterdir()) == []


def test_a_cut_file_in_a_worker_process_says_so_by_name(tmp_path: Path) -> None:  # fault B1
    data = stem(tmp_path / "in.wav").read_bytes()
    (tmp_path / "out").mkdir()
    code, out, err = piped(data[: len(data) // 2], "-t", "warm", "-o", tmp_path / "out" / "out.wav", "--workers", "1", "--json")
    assert code == 2
    assert err.startswith("semeq-export: standard input: truncated: header says")
    assert json.loads(out)["files"][0]["error"].startswith("standard input: truncated")
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-t", "warm"], "--stdin needs the name of a file: -o FILE"),
        (["-t", "warm", "-o", "."], "--stdin needs the name of a file: -o FILE"),
        (["-t", "warm", "-o", "x.wav", "in.wav"], "give --stdin or AUDIO, not both"),
        (["-t", "warm", "-o", "x.wav", "--resume"], "give --stdin or --resume, not both"),
        (["-t", "warm", "-o", "x.wav", "--dask", "127.0.0.1:9"], "give --stdin or --dask, not both"),
        (["-t", "warm", "-o", "x.wav", "--export-preset", "dawproject"], "--stdin has no file for a DAW session"),
        (["-t", "warm", "-o", "in.wav"], "in.wav: exists already; use --force to replace it"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_read(tmp_path: Path, arguments: list[str], message: str) -> None:
    stem(tmp_path / "in.wav")
    with start(*arguments, before=f"import os; os.chdir({str(tmp_path)!r})") as running:
        assert running.wait(60) == 2  # while the pipe is still open
        assert running.stderr is not None
        assert running.stderr.read().decode().startswith(f"semeq-export: {message}")
    assert [path.name for path in tmp_path.iterdir()] == ["in.wav"]


def test_a_terminal_is_no_pipe(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    with start("-t", "warm", "-o", tmp_path / "out.wav", stdin=theirs) as running:
        _, err = running.communicate()
    os.close(ours)
    os.close(theirs)
    assert running.returncode == 2
    assert err.decode().startswith("semeq-export: --stdin: nothing is piped in; cat FILE | semeq-export process --stdin")


def test_ctrl_c_while_the_pipe_waits_leaves_nothing(tmp_path: Path) -> None:  # fault C8
    with start("-t", "warm", "-o", tmp_path / "out.wav") as running:
        assert running.stdin is not None
        running.stdin.write(bytes(3_000_000))
        running.stdin.flush()
        while not list(tmp_path.glob(".semeq-*.tmp")):
            time.sleep(0.01)
        running.send_signal(signal.SIGINT)
        assert running.wait(15) == 130
        assert running.stderr is not None
        assert running.stderr.read() == b"semeq-export: interrupted\n"
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_said_of_the_output(tmp_path: Path) -> None:  # fault C5
    limit = (
        "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))"
    )
    code, _, err = piped(stem(tmp_path / "in.wav").read_bytes(), "-t", "warm", "-o", tmp_path / "out.wav", before=limit)
    assert (code, err) == (1, f"semeq-export: {tmp_path / 'out.wav'}: file too large\n")
    assert [path.name for path in tmp_path.iterdir()] == ["in.wav"]


def test_nothing_named_and_nothing_piped_is_a_wrong_use() -> None:
    done = process("-t", "warm")
    assert done.returncode == 2
    assert done.stderr.startswith("semeq-export: nothing to process: name audio files or folders, or give --stdin")
