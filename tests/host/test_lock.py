"""One run in a folder at a time, told from one that was killed."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

from semeq_export.errors import OutputError
from semeq_host.stems import lock
from semeq_host.stems.lock import LOCK, check_unlocked, locked

HOLD = """
import sys
from pathlib import Path
from semeq_export.errors import OutputError
from semeq_host.stems.lock import locked
try:
    with locked([Path(sys.argv[1])]) as lines:
        print("held", *lines, flush=True)
        sys.stdin.readline()
except OutputError as error:
    print("refused", error, flush=True)
"""


def holder(folder: Path) -> subprocess.Popen[str]:
    """Start a process that holds a folder until its standard input ends."""
    paths = os.pathsep.join(str(ROOT / name) for name in (".", "plugin_host", "presets"))
    environment = os.environ | {"PYTHONPATH": paths}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    return subprocess.Popen([sys.executable, "-c", HOLD, str(folder)], text=True, env=environment, **pipes)


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().rstrip("\n")


def end(process: subprocess.Popen[str]) -> None:
    process.communicate("\n")


def test_a_second_run_is_refused_while_the_first_lives(tmp_path: Path) -> None:  # fault E26
    first = holder(tmp_path)
    assert first_line(first) == "held"
    document = json.loads((tmp_path / LOCK).read_bytes())
    assert (document["pid"], set(document)) == (first.pid, {"pid", "started", "host"})
    who = rf"another run is at work in this folder \(process {first.pid}, since {document['started'][:10]}"
    with pytest.raises(OutputError, match=who), locked([tmp_path]):
        pass
    with pytest.raises(OutputError, match=who):
        check_unlocked(tmp_path)
    end(first)
    assert not (tmp_path / LOCK).exists()
    check_unlocked(tmp_path)
    with locked([tmp_path, tmp_path]) as lines:
        assert lines == []


def test_a_lock_of_a_killed_run_is_taken_over_and_said(tmp_path: Path) -> None:  # fault E26
    first = holder(tmp_path)
    assert first_line(first) == "held"
    first.send_signal(signal.SIGKILL)
    first.communicate()
    assert (tmp_path / LOCK).exists()
    check_unlocked(tmp_path)
    with locked([tmp_path]) as lines:
        assert len(lines) == 1
        assert lines[0].startswith(f"{tmp_path}: was left locked by a run that is gone (process {first.pid}, since ")
        assert json.loads((tmp_path / LOCK).read_bytes())["pid"] == os.getpid()
    assert not (tmp_path / LOCK).exists()


def test_of_many_runs_at_once_one_takes_over(tmp_path: Path) -> None:  # fault E26
    """However they meet: none removes the lock that another has just made."""
    (tmp_path / LOCK).write_text('{"pid": 1, "started": "2026-01-01T00:00:00+00:00", "host": "elsewhere"}')
    runs = [holder(tmp_path) for _ in range(6)]
    said = [first_line(run) for run in runs]
    assert sum(line.startswith("held") for line in said) == 1
    assert sum(line.startswith("refused") for line in said) == 5
    assert (tmp_path / LOCK).exists()
    for run in runs:
        end(run)
    assert not (tmp_path / LOCK).exists()


@pytest.mark.parametrize("content", [b"", b"nonsense", b"[1]", b'{"pid": "x"}', b"\xff" * 9_000])
def test_a_lock_file_that_says_nothing_is_no_lock(tmp_path: Path, content: bytes) -> None:
    (tmp_path / LOCK).write_bytes(content)
    with locked([tmp_path]):
        assert json.loads((tmp_path / LOCK).read_bytes())["pid"] == os.getpid()


def test_a_lock_file_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    (tmp_path / LOCK).symlink_to("thesis.txt")
    with pytest.raises(OutputError), locked([tmp_path]):
        pass
    assert (tmp_path / "thesis.txt").read_text() == "mine"


@pytest.mark.parametrize(("pid", "is_free"), [(os.getpid(), False), (2**22 + 1, True)], ids=["of this process", "of none"])
def test_where_the_file_system_has_no_locks_the_process_is_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pid: int, is_free: bool
) -> None:
    def without(*_: object) -> None:
        raise OSError(errno.EOPNOTSUPP, "no locks here")

    monkeypatch.setattr("semeq_host.stems.lock.fcntl.flock", without)
    (tmp_path / LOCK).write_text(json.dumps({"pid": pid, "started": "2026-01-01", "host": lock.socket.gethostname()}))
    with contextlib.nullcontext() if is_free else pytest.raises(OutputError, match="another run is at work"), locked([tmp_path]) as lines:
        assert len(lines) == 1


def test_of_several_folders_all_are_held_or_none(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("a", "b", "c")]
    for folder in folders:
        folder.mkdir()
    with locked([folders[1]]), pytest.raises(OutputError, match="b: another run"), locked(folders):
        pass
    assert not any((folder / LOCK).exists() for folder in folders)
