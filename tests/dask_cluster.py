"""A Dask scheduler and two worker processes on loopback."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from conftest import ROOT


@contextlib.contextmanager
def loopback_cluster(folder: Path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """Give the scheduler's address and its workers; everything is killed at the end. Needs the extra `dask`."""
    file = folder / "scheduler.json"
    paths = os.pathsep.join(str(ROOT / name) for name in (".", "plugin_host"))
    environment = os.environ | {"PYTHONPATH": paths, "OMP_NUM_THREADS": "1", "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "5"}
    workers: list[subprocess.Popen[bytes]] = []
    with (folder / "dask.log").open("wb") as log:

        def start(*words: str) -> subprocess.Popen[bytes]:
            command = [sys.executable, "-m", "dask", *words, "--scheduler-file", str(file), "--no-dashboard"]
            return subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)

        scheduler = start("scheduler", "--host", "127.0.0.1", "--port", "0")
        try:
            while not (file.exists() and file.stat().st_size):
                assert scheduler.poll() is None, (folder / "dask.log").read_text()
                time.sleep(0.05)
            for name in ("a", "b"):
                workers.append(start("worker", "--nthreads", "1", "--no-nanny", "--host", "127.0.0.1", "--name", name))
            yield json.loads(file.read_text())["address"], workers
        finally:
            for process in (*workers, scheduler):
                process.kill()
                process.wait()
