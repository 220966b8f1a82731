"""How batches end before their end: signals, a second run, plug-ins that hang or do not load; and what is left of them."""

from __future__ import annotations

import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import skip_or_fail
from stems import process, start

from semeq_host.stems.journal import JOURNAL
from semeq_host.stems.lock import LOCK

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with six stems of half a minute in in/."""
    monkeypatch.chdir(tmp_path)
    samples = np.random.default_rng(2).uniform(-0.1, 0.1, (48_000 * 30, 2))
    Path("in").mkdir()
    for index in range(6):
        soundfile.write(f"in/{index}.wav", samples, 48_000, subtype="PCM_24")
    return tmp_path


def workers_of(process_id: int) -> list[int]:
    """Process ids of the workers that a process has started."""
    found: list[int] = []
    for task in Path(f"/proc/{process_id}/task").iterdir():
        found += [int(number) for number in (task / "children").read_text().split()]
    return found


def wait_for(running: subprocess.Popen[str], outputs: int) -> None:
    while running.poll() is None and len(list(Path("out").glob("[!.]*"))) < outputs:
        time.sleep(0.002)


@pytest.mark.skipif(sys.platform != "linux", reason="children are found in /proc")
@pytest.mark.parametrize("sent", [signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGXCPU, signal.SIGALRM, signal.SIGUSR1])
def test_any_signal_ends_the_workers_too_and_leaves_a_report(folder: Path, sent: signal.Signals) -> None:  # faults C8, E27
    with start("in", "-t", "warm", "-o", "out", "--workers", "2", "--report", "r.json") as running:
        wait_for(running, 1)
        workers = workers_of(running.pid)
        running.send_signal(sent)
        _, err = running.communicate()
    assert running.returncode == 128 + sent
    assert err.splitlines() == [f"semeq-export: {'interrupted' if sent == signal.SIGINT else 'terminated'}"]
    assert workers
    assert not [worker for worker in workers if Path(f"/proc/{worker}").exists()]
    left = {path.name for path in Path("out").iterdir()}
    assert JOURNAL in left
    assert not [name for name in left if name.endswith(".tmp") or name == LOCK]
    report = json.loads(Path("r.json").read_bytes())
    assert report["interrupted"] is True
    assert [entry["path"] for entry in report["files"]] == [f"in/{index}.wav" for index in range(6)]
    done = [entry["output"] for entry in report["files"] if entry["output"] is not None]
    assert {Path(name).name for name in done} <= left
    unfinished = [entry for entry in report["files"] if entry["output"] is None]
    assert all(entry["code"] == "interrupted" for entry in unfinished)
    again = process("in", "-t", "warm", "-o", "out", "--workers", "2", "--resume", "--report", "r.json")
    assert again.returncode == 0
    entries = json.loads(Path("r.json").read_bytes())["files"]
    assert [entry["output"] is not None for entry in entries] == [True] * 6
    assert {entry["output"] for entry in entries if entry.get("resumed")} >= set(done)


@pytest.mark.parametrize("arguments", [("in", "-o", "out"), ("in", "--in-place")])
def test_a_second_run_is_refused_while_the_first_lives(folder: Path, arguments: tuple[str, ...]) -> None:  # fault E26
    place = Path("out" if "-o" in arguments else "in")
    with start(*arguments, "-t", "warm", "--workers", "1") as running:
        while running.poll() is None and not (place / LOCK).exists():
            time.sleep(0.002)
        while running.poll() is None and not (place / LOCK).stat().st_size:  # it is held before it is written
            time.sleep(0.002)
        running.send_signal(signal.SIGSTOP)
        try:
            for more in ("--force",), ("--resume",), ("--resume", "--force"):
                second = process(*arguments, "-t", "bright", *more)
                assert (second.returncode, second.stdout) == (2, "")
                assert second.stderr.startswith(
                    f"semeq-export: {place}: another run is at work in this folder (process {running.pid}, since "
                )
            if place.name == "out":
                assert process("in/0.wav", "-t", "warm", "-o", "out/other.wav").returncode == 2
        finally:
            running.send_signal(signal.SIGCONT)
        running.communicate()
    assert running.returncode == 0
    assert not (place / LOCK).exists()


def test_what_a_killed_run_left_locked_is_taken_over_and_said(folder: Path) -> None:  # fault E26
    with start("in", "-t", "warm", "-o", "out", "--workers", "1") as running:
        wait_for(running, 1)
        running.kill()
        running.communicate()
    assert Path("out", LOCK).exists()
    again = process("in", "-t", "warm", "-o", "out", "--resume", "--workers", "1")
    assert again.returncode == 0
    assert f"out: was left locked by a run that is gone (process {running.pid}, since " in again.stderr
    assert not Path("out", LOCK).exists()


def plug_in(name: str, body: str) -> str:
    """Compile a plug-in whose binary does something when it is loaded; return a chain file with it."""
    if shutil.which("cc") is None:
        skip_or_fail("no C compiler (apt-get install g++)")
    Path("plug.c").write_text(
        f"#include <unistd.h>\nstatic void load(void) __attribute__((constructor));\nstatic void load(void) {{ {body} }}\n"
    )
    binary = Path(f"{name}.vst3", "Contents", f"{platform.machine()}-linux", f"{name}.so")
    binary.parent.mkdir(parents=True)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", binary, "plug.c"], check=True)
    Path(f"{name}.toml").write_text(f'[[plugin]]\ntype = "VST3"\npath = "{name}.vst3"\n')
    return f"{name}.toml"


HANGS = "for (;;) sleep(1);"


@pytest.mark.cpp
@pytest.mark.parametrize("workers", [(), ("--workers", "0"), ("--workers", "2")])
def test_a_plug_in_that_hangs_costs_one_line_and_its_time(folder: Path, workers: tuple[str, ...]) -> None:  # fault E28
    chain = plug_in("Hang", HANGS)
    done = process("in/0.wav", "--chain", chain, "-o", "out.wav", "--plugin-timeout", "0.5", *workers)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "semeq-export: in/0.wav: Hang.toml: a plug-in did nothing for 0.5 s (--plugin-timeout): given up\n"
    assert not [path.name for path in folder.iterdir() if path.name.startswith((".", "out"))]


@pytest.mark.cpp
def test_a_batch_goes_on_past_a_plug_in_that_hangs(folder: Path) -> None:  # fault E28
    """What waits for it is waited for once, not for each file."""
    plug_in("Hang", HANGS)
    Path("s.toml").write_text('[default]\ntarget = "warm"\n[[stem]]\nfiles = "[13].wav"\nchain = "Hang.toml"\n')
    done = process("in", "--session", "s.toml", "-o", "out", "--plugin-timeout", "0.5", "--report", "r.json")
    assert (done.returncode, done.stdout.split()) == (1, [f"out/{index}.wav" for index in (0, 2, 4, 5)])
    why = "Hang.toml: a plug-in did nothing for 0.5 s (--plugin-timeout): given up"
    assert done.stderr.splitlines() == [f"semeq-export: in/{index}.wav: {why}" for index in (1, 3)]
    assert [entry.get("code") for entry in json.loads(Path("r.json").read_bytes())["files"]][:3] == [None, "plugin-timeout", None]


SLOW = """
import sys, time
from semeq_host.chains import board_stage
run = board_stage.ChainStage.process
def process(self, samples):
    while hang.exists() and self._taken > 100_000:
        time.sleep(0.05)
    time.sleep(pause_s)
    return run(self, samples)
board_stage.ChainStage.process = process
"""


@pytest.mark.parametrize(("pause_s", "hangs"), [(0.0, True), (0.02, False)])
def test_a_plug_in_that_hangs_in_the_middle_is_given_up_and_a_slow_one_is_not(
    folder: Path, pause_s: float, hangs: bool
) -> None:  # fault E28
    """A batch in a process of its own; in its workers, every chain hangs after 100,000 samples, or is slow: longer than its time in all."""
    site = folder / "site"
    site.mkdir()
    (folder / "hang").write_text("") if hangs else None
    text = f"from pathlib import Path\npause_s, hang = {pause_s}, Path({str(folder / 'hang')!r})\n{SLOW}"
    guard = "import sys\nif any('stems._worker' in one for one in sys.orig_argv):\n"
    (site / "sitecustomize.py").write_text(guard + "".join(f"    {line}\n" for line in text.splitlines()))
    Path("c.toml").write_text('[[plugin]]\ntype = "Gain"\ngain_db = -1.0\n')
    Path("s.toml").write_text('[default]\ntarget = "warm"\n[[stem]]\nfiles = "0.wav"\nchain = "c.toml"\n')
    paths = os.pathsep.join([str(site), *filter(None, sys.path)])
    command = [sys.executable, "-m", "semeq_export", "process", "in/0.wav", "in/1.wav", "--session", "s.toml", "-o", "out/"]
    done = subprocess.run(
        [*command, "--plugin-timeout", "1", "--workers", "2"],
        env=os.environ | {"PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, Path("out/1.wav").exists(), Path("out/0.wav").exists()) == (int(hangs), True, not hangs)
    why = "semeq-export: in/0.wav: c.toml: a plug-in did nothing for 1 s (--plugin-timeout): given up\n"
    assert done.stderr == (why if hangs else "")
    assert not list(Path("out").glob("*.tmp"))


def test_a_plug_in_that_cannot_be_loaded_is_said_once_before_any_work(folder: Path) -> None:  # fault E28
    bundle = Path("No.vst3", "Contents", f"{platform.machine()}-linux")
    bundle.mkdir(parents=True)
    (bundle / "No.so").write_bytes(b"no program")
    Path("c.toml").write_text('[[plugin]]\ntype = "Chain"\n[[plugin.plugin]]\ntype = "VST3"\npath = "No.vst3"\n')
    done = process("in", "--chain", "c.toml", "-o", "out")
    assert (done.returncode, done.stdout, Path("out").exists()) == (2, "", False)
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("semeq-export: c.toml: plugin 1, plugin 1: VST3 refuses: ")
    Path("c.toml").write_text('[[plugin]]\ntype = "Convolution"\nimpulse_response_filename = "no.wav"\n')
    for workers in ("0", "1"):
        done = process("in", "--chain", "c.toml", "-o", "out", "--workers", workers)
        assert (done.returncode, done.stderr) == (2, "semeq-export: c.toml: plugin 1: Convolution: no.wav: no such file\n")
        assert not Path("out").exists()


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "1e9"])
def test_a_time_that_is_none_is_refused(folder: Path, seconds: str) -> None:
    done = process("in", "-t", "warm", "-o", "out", "--plugin-timeout", seconds)
    assert (done.returncode, done.stderr.count("\n"), "--plugin-timeout" in done.stderr) == (2, 1, True)
