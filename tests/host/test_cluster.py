"""A Dask cluster on loopback, a scheduler and two worker processes: the same bytes and entries as here, with a worker killed half-way."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from conftest import ROOT, skip_or_fail
from stems import make_session

from semeq_export.errors import EnvironmentFailure
from semeq_host.cluster import run_on_cluster
from semeq_host.intent import Intent
from semeq_host.offline import ProcessOptions
from semeq_host.stem import StemJob, sha256_of

STEMS = 60


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """The scheduler's address and its two workers; skipped without the extra."""
    if find_spec("distributed") is None:
        skip_or_fail("distributed not found; pip install 'semeq-export[dask]'")
    file = tmp_path / "scheduler.json"
    paths = os.pathsep.join(str(ROOT / name) for name in (".", "plugin_host"))
    environment = os.environ | {"PYTHONPATH": paths, "OMP_NUM_THREADS": "1", "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "5"}
    log = (tmp_path / "dask.log").open("wb")

    def start(*words: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "dask", *words, "--scheduler-file", str(file), "--no-dashboard"]
        return subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=log, stderr=log)

    scheduler = start("scheduler", "--host", "127.0.0.1", "--port", "0")
    workers: list[subprocess.Popen[bytes]] = []
    try:
        for _ in range(600):
            if file.exists() and file.stat().st_size:
                break
            assert scheduler.poll() is None, (tmp_path / "dask.log").read_text()
            time.sleep(0.05)
        workers += [start("worker", "--nthreads", "1", "--no-nanny", "--host", "127.0.0.1", "--name", name) for name in ("a", "b")]
        yield json.loads(file.read_text())["address"], workers
    finally:
        for process in (*workers, scheduler):
            process.kill()
            process.wait()
        log.close()


def process(*arguments: object) -> subprocess.CompletedProcess[str]:
    paths = os.pathsep.join(str(ROOT / name) for name in (".", "plugin_host", "presets"))
    command = [sys.executable, "-m", "semeq_export", "process", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | {"PYTHONPATH": paths})


def test_a_cluster_gives_the_same_bytes_and_report_though_a_worker_dies(
    tmp_path: Path, data_dir: Path, cluster: tuple[str, list[subprocess.Popen[bytes]]]
) -> None:
    address, (first, second) = cluster
    corrupt, _, _ = make_session(tmp_path / "in", sorted((data_dir / "audio").glob("*.flac")), STEMS)
    here = process(tmp_path / "in", "-t", "warm", "-o", tmp_path / "here", "--json")
    assert here.returncode == 1, here.stderr
    arguments = [tmp_path / "in", "-t", "warm", "-o", tmp_path / "there", "--json", "--dask", address]
    paths = os.pathsep.join(str(ROOT / name) for name in (".", "plugin_host", "presets"))
    with subprocess.Popen(
        [sys.executable, "-m", "semeq_export", "process", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": paths},
    ) as running:
        while len(list((tmp_path / "there").glob("[!.]*"))) < 20 and running.poll() is None:
            time.sleep(0.01)
        os.kill(first.pid, signal.SIGKILL)
        out, err = running.communicate(timeout=120)
    assert second.poll() is None
    assert running.returncode == 1, err
    assert out, err
    stems = sorted((tmp_path / "in").iterdir())
    reports = [json.loads(text)["files"] for text in (here.stdout, out)]
    assert len(reports[0]) == len(reports[1]) == STEMS
    for one, other in zip(*reports, strict=True):
        assert one["path"] == other["path"]
        for key in one.keys() - {"output", "taken_s", "times_real_time"}:
            assert one[key] == other[key], key
        if one["output"] is not None:
            assert sha256_of(other["output"]) == sha256_of(one["output"]) == one["output_sha256"]
    assert [line for line in err.splitlines() if str(corrupt) in line] == [f"semeq-export: {reports[0][stems.index(corrupt)]['error']}"]


def test_no_scheduler_is_an_environment_failure(tmp_path: Path) -> None:
    if find_spec("distributed") is None:
        skip_or_fail("distributed not found; pip install 'semeq-export[dask]'")
    done = process(__file__, "-t", "warm", "-o", tmp_path / "out.wav", "--dask", "127.0.0.1:9")
    assert (done.returncode, done.stderr) == (1, "semeq-export: no Dask scheduler at 127.0.0.1:9\n")
    with pytest.raises(EnvironmentFailure, match="no Dask scheduler at nonsense"):
        list(run_on_cluster([StemJob(Path("a"), Path("b"), Intent(target="warm"), ProcessOptions())], "nonsense://x", None))
