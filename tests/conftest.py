"""Fixtures for the whole suite: where the real data and the hosts are, and what happens where they are missing."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent

REQUIRE_ALL = bool(os.environ.get("SEMEQ_REQUIRE_ALL"))
"""Whether nothing may be missing and every test runs at its full size, as in CI."""

LONG = bool(os.environ.get("SEMEQ_LONG"))


def cases(default: int, full: int, long: int | None = None) -> int:
    """Return how many cases a test tries: `default` in the run of the README, `full` where SEMEQ_REQUIRE_ALL is set, as CI does.

    long: where SEMEQ_LONG is set too, as `.ci/long` does.
    """
    return default if not REQUIRE_ALL else full if long is None or not LONG else long


settings.register_profile(
    "semeq", max_examples=cases(15, 40, 100), deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("semeq")

if not REQUIRE_ALL:
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read once numpy is imported, here and in children, each of which starts quicker

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # started in the background of a script: tests of Ctrl-C need children that hear it
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the rows that tests have measured, such as the table of targets."""
    rows = [value for report in terminalreporter.getreports("") for name, value in report.user_properties if name == "row"]
    if rows:
        terminalreporter.section("measured")
        for row in sorted(rows):
            terminalreporter.write_line(str(row))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip what is marked slow, unless everything is required or the option -m names the mark."""
    if REQUIRE_ALL or "slow" in config.option.markexpr:
        return
    for item in items:
        if item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.skip(reason="slow; it runs with -m slow, or SEMEQ_REQUIRE_ALL=1 as in CI"))


def pytest_collection_finish() -> None:
    """Keep the collector of garbage from looking again and again at modules and tests, which stay anyway."""
    gc.collect()
    gc.freeze()


def skip_or_fail(reason: str) -> NoReturn:
    """Skip with a named reason; fail instead where SEMEQ_REQUIRE_ALL is set, as CI does."""
    if REQUIRE_ALL:
        pytest.fail(f"required here: {reason}")
    pytest.skip(reason)


def audio_of(data_dir: Path) -> list[Path]:
    """Return the real audio files, at least one: a loop over none would pass."""
    files = sorted((data_dir / "audio").glob("*.flac"))
    assert files, f"no audio/*.flac in {data_dir}"
    return files


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The real data: ../shared/data beside the checkout, or SEMEQ_DATA."""
    folder = Path(os.environ.get("SEMEQ_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / "safe_eq.csv").is_file():
        skip_or_fail(f"real data not found in {folder}; set SEMEQ_DATA to the folder that holds safe_eq.csv")
    return folder


@pytest.fixture(scope="session")
def real_files(data_dir: Path) -> list[Path]:
    """The real audio files."""
    return audio_of(data_dir)


@pytest.fixture(scope="session")
def tiny_export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds tiny.toml and data/, what 10 steps of training make of them in run/, and its bundle, tiny.semeq."""
    for package in ("torch", "safetensors", "sklearn", "onnxscript"):
        pytest.importorskip(package, reason="needs the [train] extra")
    import tiny_training

    folder = tmp_path_factory.mktemp("tiny")
    tiny_training.fit_and_export(folder)
    return folder


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 kB, where this machine lets us mount one: as root, on Linux."""
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "none", str(tmp_path)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small file system needs root on Linux; a limit on file sizes covers the same row elsewhere")
    yield tmp_path
    subprocess.run(["umount", tmp_path], check=True)
