"""The developer's kit, written and built once for all tests: what a stranger does, with the same commands."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import ROOT, skip_or_fail


@dataclass(frozen=True)
class Kit:
    """A kit, and the folder in which CMake built it."""

    source: Path
    build: Path

    @property
    def model(self) -> Path:
        return self.source / "model.semeq"

    @property
    def references(self) -> Path:
        return self.source / "references"

    @property
    def vst3(self) -> Path:
        return self._there(self.build / "semeq.vst3", "VST3 headers (apt-get install juce-modules-source-data)")

    @property
    def lv2(self) -> Path:
        return self._there(self.build / "semeq.lv2", "LV2 headers (apt-get install lv2-dev)")

    def run(self, program: str, *arguments: object, **options: object) -> subprocess.CompletedProcess[bytes]:
        command = [self.build / program, *map(str, arguments)]
        return subprocess.run(command, capture_output=True, timeout=120, **options)  # type: ignore[call-overload,no-any-return]

    @staticmethod
    def _there(path: Path, needs: str) -> Path:
        if not path.exists():
            skip_or_fail(f"the kit was built without {path.name}: needs {needs}")
        return path


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs the built kit as slow: building takes a minute."""
    for item in items:
        if "kit" in getattr(item, "fixturenames", ()) and item.path.is_relative_to(ROOT / "tests" / "cpp"):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def kit(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Kit:
    for program in ("cmake", "c++"):
        if shutil.which(program) is None:
            skip_or_fail(f"{program} is not installed (apt-get install cmake g++ make)")
    base = tmp_path_factory.getbasetemp()
    shared = base if worker_id == "master" else base.parent  # pytest-xdist: one build for all workers
    kit, build, done = shared / "kit", shared / "kit-build", shared / "kit-is-built"
    with (shared / "kit-lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            _run(sys.executable, "-m", "semeq_export", "bundle", "-o", kit, "--force", "-q")
            _run("cmake", "-S", kit, "-B", build, f"-DPython3_EXECUTABLE={sys.executable}")
            _run("cmake", "--build", build, "-j", "2")
            done.touch()
    return Kit(kit, build)


def _run(*command: object) -> None:
    done = subprocess.run([str(part) for part in command], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4_000:]
