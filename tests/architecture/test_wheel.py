"""Law 10: what a wheel installs."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from conftest import ROOT, skip_or_fail

PACKAGES = {"semeq_export", "semeq_training", "semeq_host", "semeq_presets"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    if importlib.util.find_spec("hatchling") is None:
        skip_or_fail("hatchling is not installed; pip install -e '.[dev]'")
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder], cwd=ROOT, check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    return zipfile.ZipFile(path)


def test_exactly_four_top_level_names(wheel: zipfile.ZipFile) -> None:  # law 10
    tops = {name.partition("/")[0] for name in wheel.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == PACKAGES
    assert len(tops) == 5


def test_every_package_says_that_it_is_typed(wheel: zipfile.ZipFile) -> None:
    assert {name.partition("/")[0] for name in wheel.namelist() if name.endswith("/py.typed")} == PACKAGES


def test_the_factory_bundle_is_inside_whole(wheel: zipfile.ZipFile) -> None:
    folder = "semeq_export/factory/default.semeq/"
    inside = {name.removeprefix(folder): wheel.read(name) for name in wheel.namelist() if name.startswith(folder)}
    on_disk = ROOT / folder
    assert inside == {path.relative_to(on_disk).as_posix(): path.read_bytes() for path in on_disk.rglob("*") if path.is_file()}
    assert "manifest.json" in inside
    assert sum(len(data) for data in inside.values()) <= 8_000_000


def test_code_and_specification_travel_but_tests_and_recipes_do_not(wheel: zipfile.ZipFile) -> None:
    names = wheel.namelist()
    assert "semeq_export/bundle/SPEC.md" in names
    kit, sounds = "semeq_export/cpp/", "/default.semeq/vectors/"  # a kit's own tests; sounds that prove the audio encoder
    others = [name for name in names if not name.startswith(kit) and sounds not in name]
    assert not [name for name in others if "/tests/" in name or name.endswith((".csv", ".wav", ".flac", ".safetensors", ".pyc"))]
    sources = {path.relative_to(ROOT / "semeq_export").as_posix() for path in (ROOT / "semeq_export").rglob("*.py")}
    assert sources == {name.removeprefix("semeq_export/") for name in names if name.startswith("semeq_export/") and name.endswith(".py")}


def test_metadata_names_the_script_the_licence_and_no_torch(wheel: zipfile.ZipFile) -> None:
    info = next(Path(name).parent.as_posix() for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    metadata = wheel.read(f"{info}/METADATA").decode()
    assert "semeq-export = semeq_export.cli:main" in wheel.read(f"{info}/entry_points.txt").decode()
    assert "License-Expression: MIT" in metadata
    assert f"{info}/licenses/LICENSE" in wheel.namelist()
    needed = [line for line in metadata.splitlines() if line.startswith("Requires-Dist:") and "extra ==" not in line]
    assert needed
    assert not any("torch" in line or "cuda" in line for line in needed)


def test_building_twice_gives_the_same_bytes(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path], cwd=ROOT, check=True, capture_output=True)
    (again,) = tmp_path.glob("*.whl")
    assert again.read_bytes() == Path(str(wheel.filename)).read_bytes()


def test_of_the_web_only_what_is_built_is_inside(wheel: zipfile.ZipFile) -> None:
    folder = "semeq_export/web/"
    inside = {name.removeprefix(folder): wheel.read(name) for name in wheel.namelist() if name.startswith(folder)}
    on_disk = [path for room in ("built", "kit") for path in (ROOT / folder / room).iterdir()]
    assert inside == {path.relative_to(ROOT / folder).as_posix(): path.read_bytes() for path in on_disk}
    assert "built/semeq.wasm" in inside


def test_the_cpp_runtime_is_inside_whole(wheel: zipfile.ZipFile) -> None:
    folder = "semeq_export/cpp/"
    inside = {name.removeprefix(folder): wheel.read(name) for name in wheel.namelist() if name.startswith(folder)}
    on_disk = ROOT / folder
    assert inside == {path.relative_to(on_disk).as_posix(): path.read_bytes() for path in on_disk.rglob("*") if path.is_file()}
    assert {"include/semeq.hpp", "CMakeLists.txt"} <= inside.keys()
