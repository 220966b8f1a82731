"""Times of semeq.hpp on this machine: the kit's bench program, compiled with the C++ compiler that is here, run, and read."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from semeq_export.bundle import CENTROIDS, FLAT, Bundle
from semeq_export.errors import BundleFormatError, EnvironmentFailure, MissingHostError

COMPILERS = ("c++", "g++", "clang++")
_TIMEOUT_S = 600.0


def measure_native(bundle: Bundle, *, seconds: float = 0.2) -> Mapping[str, Any]:  # Any: the values of a JSON document
    """Return what bench/bench.cpp prints for a bundle. seconds: length of each measurement; there are 57.

    Raises MissingHostError without a C++ compiler, BundleFormatError where the bundle has no flat weights, EnvironmentFailure where the
    program cannot be compiled or run.
    """
    compiler = next((path for name in COMPILERS if (path := shutil.which(name))), None)
    if compiler is None:
        raise MissingHostError("no C++ compiler for semeq.hpp; install one with: apt-get install g++")
    if FLAT not in bundle.files:
        raise BundleFormatError(f"{FLAT} is not in the bundle: semeq.hpp has nothing to load")
    package = Path(str(resources.files("semeq_export")))
    with tempfile.TemporaryDirectory(prefix="semeq-") as scratch:
        folder = Path(scratch)
        for name in (FLAT, CENTROIDS):
            (folder / name).write_bytes(bundle.files[name])
        source, program = package / "cpp" / "bench" / "bench.cpp", folder / "bench"
        _run([compiler, "-std=c++17", "-O3", "-I", package / "cpp" / "include", source, "-o", program])
        document: Mapping[str, Any] = json.loads(_run([program, folder, package / "references", seconds]))
        return document


def _run(command: list[object]) -> bytes:
    try:
        done = subprocess.run([str(part) for part in command], capture_output=True, timeout=_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EnvironmentFailure(f"{Path(str(command[0])).name}: {error}") from error
    if done.returncode:
        last = (done.stderr.decode("utf-8", "replace").splitlines() or ["no message"])[-1]
        raise EnvironmentFailure(f"{Path(str(command[0])).name} failed with {done.returncode}: {last[:200]}")
    return done.stdout
