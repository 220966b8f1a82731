"""The developer's kit, written and built once for all tests: what a stranger does, with the same commands."""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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


Terms = dict[str, dict[str, Any]]  # Any: JSON
"""The words of a centroids.json."""


def change_words(folder: Path, change: Callable[[Terms], Terms]) -> None:
    """Change the words of a bundle's files in a folder, and seal them again: another bundle."""
    words, manifest = folder / "centroids.json", folder / "manifest.json"
    words.write_text(json.dumps({"terms": change(json.loads(words.read_text(encoding="utf-8"))["terms"])}), encoding="utf-8")
    document = json.loads(manifest.read_text(encoding="utf-8"))
    document["files"]["centroids.json"]["sha256"] = hashlib.sha256(words.read_bytes()).hexdigest()
    manifest.write_text(json.dumps(document), encoding="utf-8")


def listed_words(folder: Path) -> list[str]:
    """Return the words that plug-ins offer, in the order of their numbers, for bundles in which no word is gone."""
    terms = json.loads((folder / "centroids.json").read_text(encoding="utf-8"))["terms"]
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    order = manifest.get("word_order") or sorted(terms)
    weak = {word for word, term in terms.items() if term["agreement"] < 0.1 and "word_order" in manifest}
    return [word for word in order if word not in weak]


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
