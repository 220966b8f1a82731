"""The project's own papers: change log, scripts, component READMEs, named skips."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from conftest import ROOT, audio_of, skip_or_fail

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_the_change_log_knows_the_version_and_every_line_has_its_area() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## {PROJECT['version']}" in text
    entries = [line for line in text.splitlines() if line.startswith("- ")]
    assert entries
    assert [line for line in entries if not re.match(r"- \[[a-z-]+\] [A-Z`]", line)] == []


def test_the_top_level_is_what_the_design_fixes() -> None:
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        skip_or_fail("git does not know this tree: no clone")
    papers = {"CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "Makefile", "README.md", "SECURITY.md", "constraints.txt", "pyproject.toml"}
    top = {line.partition("/")[0] for line in done.stdout.splitlines()}
    assert {name for name in top if not name.startswith(".")} == papers | {"plugin_host", "presets", "semeq_export", "tests", "training"}


@pytest.mark.parametrize("script", [".ci/run", ".ci/long"])
def test_scripts_are_sound_bash_that_stops_at_the_first_failure(script: str) -> None:
    if shutil.which("bash") is None:
        skip_or_fail("bash is not installed")
    subprocess.run(["bash", "-n", ROOT / script], check=True)
    assert "set -euo pipefail" in (ROOT / script).read_text(encoding="utf-8")


@pytest.mark.parametrize("folder", ["semeq_export", "training", "plugin_host", "presets"])
def test_every_component_explains_itself_and_ends_with_dated_decisions(folder: str) -> None:
    text = (ROOT / folder / "README.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## (.+)$", text, flags=re.MULTILINE)
    assert headings[-1] == "Decisions"
    decisions = text.rpartition("## Decisions")[2]
    assert re.search(r"\b20\d\d-\d\d-\d\d\b", decisions)


def test_the_pinned_torch_satisfies_the_extra() -> None:
    """constraints.txt keeps the test command from fetching the newest torch with its graphics libraries."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if not line.startswith("#"))
    assert "torch" in pins
    minimum = next(d for d in PROJECT["optional-dependencies"]["train"] if d.startswith("torch")).split(">=")[1]
    assert tuple(map(int, pins["torch"].split("."))) >= tuple(map(int, minimum.split(".")))


def test_real_files_are_listed_in_one_place_that_refuses_an_empty_folder(tmp_path: Path) -> None:
    listing = re.compile(r"""["']audio["']\)?\.(r?glob|iterdir)\(""")
    assert [path.name for path in (ROOT / "tests").rglob("*.py") if listing.search(path.read_text(encoding="utf-8"))] == ["conftest.py"]
    (tmp_path / "audio").mkdir()
    with pytest.raises(AssertionError, match="no audio"):
        audio_of(tmp_path)


@pytest.mark.parametrize("path", sorted((ROOT / "tests").rglob("*.py")), ids=lambda path: path.relative_to(ROOT / "tests").as_posix())
def test_no_test_is_skipped_without_a_word(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        name = ast.unparse(call.func)
        if name in ("pytest.mark.skipif", "pytest.importorskip"):
            assert any(word.arg == "reason" for word in call.keywords), f"{path.name}:{call.lineno}"
        elif name in ("pytest.skip", "pytest.mark.skip", "pytest.xfail", "pytest.mark.xfail", "skip_or_fail"):
            assert call.args or call.keywords, f"{path.name}:{call.lineno}"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            assert not {ast.unparse(mark) for mark in node.decorator_list} & {"pytest.mark.skip", "pytest.mark.xfail"}, (
                f"{path.name}:{node.lineno}"
            )
