"""A session of stems as a studio has them: 60 here, 1,000 in the long run (tests/bench/stems_report.py)."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from pathlib import Path

import pytest
import soundfile
from broadcast import AFTER, BEFORE, chunks_of
from stems import make_session, process, start

from semeq_host.stems.job import sha256_of

STEMS = 60


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory, real_files: list[Path]) -> tuple[Path, Path, Path, Path]:
    """The folder, the corrupt stem, the one over 0 dBFS and the silent one."""
    folder = tmp_path_factory.mktemp("session") / "stems"
    return folder, *make_session(folder, real_files, STEMS)


@pytest.fixture(scope="module")
def whole(session: tuple[Path, ...], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, object]]]:
    """The outputs of one unbroken run, and its report."""
    out = tmp_path_factory.mktemp("whole") / "out"
    done = process(session[0], "-t", "warm", "-o", out, "--report", out.parent / "report.json", "-q")
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 1
    assert session[1].name in done.stderr
    return out, json.loads((out.parent / "report.json").read_text())["files"]


def test_all_but_one_are_done_and_the_report_is_complete(
    session: tuple[Path, ...], whole: tuple[Path, list[dict[str, object]]]
) -> None:  # fault E14
    folder, corrupt, hot, silent = session
    out, entries = whole
    assert [entry["path"] for entry in entries] == [str(path) for path in sorted(folder.iterdir())]
    assert sum(entry["output"] is not None for entry in entries) == STEMS - 1
    for entry in entries:
        if entry["path"] == str(corrupt):
            assert "truncated" in str(entry["error"])
            continue
        before, after = soundfile.info(entry["path"]), soundfile.info(entry["output"])
        for name in ("samplerate", "channels", "format", "subtype", "frames"):
            assert getattr(before, name) == getattr(after, name), (entry["path"], name)
        assert entry["output_sha256"] == sha256_of(str(entry["output"]))
        assert str(entry["path"]) != str(hot) or float(str(entry["peak_dbfs"])) > 0.0  # float: kept, not clipped
        assert (entry["peak_dbfs"] is None) == (entry["path"] == str(silent))
    assert sorted(path.name for path in out.glob("[!.]*")) == sorted(p.name for p in folder.iterdir() if p != corrupt)
    for path in out.glob("*.wav"):
        if path.name not in (silent.name, hot.name):
            written = [c for c in chunks_of(path.read_bytes()) if c[0] not in (b"fmt ", b"fact", b"data")]
            assert written == BEFORE + AFTER


def test_killed_at_a_random_point_and_resumed_it_is_the_same(
    session: tuple[Path, ...], whole: tuple[Path, list[dict[str, object]]], tmp_path: Path
) -> None:  # faults E16, C6
    out, rng = tmp_path / "out", random.Random(3)
    for wanted in sorted(rng.sample(range(5, STEMS - 10), 2)):
        with start(session[0], "-t", "warm", "-o", out, "-q", "--resume") as running:
            while running.poll() is None and len(list(out.glob("[!.]*"))) < wanted:
                time.sleep(0.002)
            running.kill()
    done = process(session[0], "-t", "warm", "-o", out, "--json", "--resume")
    assert done.returncode == 1, done.stderr
    entries = json.loads(done.stdout)["files"]
    assert sum(bool(entry.get("resumed")) for entry in entries) >= 1
    for entry, expected in zip(entries, whole[1], strict=True):
        for key in ("path", "output_sha256", "source_sha256", "eq", "trim_db", "warnings", "error"):
            assert entry.get(key) == expected.get(key), key
        if entry["output"] is not None:
            assert sha256_of(entry["output"]) == expected["output_sha256"]


def test_ctrl_c_leaves_whole_files_only(
    session: tuple[Path, ...], whole: tuple[Path, list[dict[str, object]]], tmp_path: Path
) -> None:  # fault C8
    out = tmp_path / "out"
    with start(session[0], "-t", "warm", "-o", out, "-q") as running:
        while running.poll() is None and len(list(out.glob("[!.]*"))) < 5:
            time.sleep(0.002)
        os.killpg(running.pid, signal.SIGINT)  # as a terminal does: to all of them
        _, err = running.communicate(timeout=30)
    assert running.returncode == 130
    assert err.splitlines()[-1] == "semeq-export: interrupted"
    expected = {Path(str(entry["output"])).name: entry["output_sha256"] for entry in whole[1] if entry["output"] is not None}
    names = [path.name for path in out.iterdir() if path.name != ".semeq-journal.jsonl"]
    assert len(names) >= 5
    for name in names:
        assert sha256_of(out / name) == expected[name]
