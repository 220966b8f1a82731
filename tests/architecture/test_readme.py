"""The README's code runs. The line before each block says what it is: `<!-- runs -->`, `<!-- set-up -->` or `<!-- shown: why -->`."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import ROOT

BLOCK = re.compile(r"^(?:<!-- (?P<mark>[^\n]*?) -->\n)?```(?P<language>\w*)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)
READMES = [path for path in (ROOT / f / "README.md" for f in (".", "semeq_export", "presets", "plugin_host", "training")) if path.is_file()]


def blocks(path: Path) -> list[tuple[str, str, str]]:
    text = path.read_text(encoding="utf-8")
    return [(found["mark"] or "", found["language"], found["code"]) for found in BLOCK.finditer(text)]


RUNNABLE = [
    pytest.param(
        language,
        code,
        id=f"{path.parent.name if path.parent != ROOT else 'README'}-{number}",
        marks=pytest.mark.slow if code.count("semeq-export ") > 5 else (),
    )
    for path in READMES
    for number, (mark, language, code) in enumerate(blocks(path), start=1)
    if mark == "runs"
]


@pytest.mark.parametrize(("language", "code"), RUNNABLE)
def test_readme_code_runs(tmp_path: Path, language: str, code: str) -> None:
    noise = np.random.default_rng(1).standard_normal((48_000, 2)) * 0.05
    soundfile.write(tmp_path / "mix.wav", noise, 48_000, subtype="PCM_24")
    environment = {**os.environ, "PATH": sysconfig.get_path("scripts") + os.pathsep + os.environ["PATH"]}
    command = {"sh": ["bash", "-euo", "pipefail", "-c", code], "python": [sys.executable, "-W", "error", "-c", code]}[language]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr


def test_the_readme_has_code_that_runs_in_both_languages() -> None:
    assert {language for mark, language, _ in blocks(ROOT / "README.md") if mark == "runs"} == {"sh", "python"}


def test_the_readme_has_exactly_two_set_up_commands() -> None:
    set_up = [code.strip() for mark, _, code in blocks(ROOT / "README.md") if mark == "set-up"]
    assert set_up == [
        "pip install . && semeq-export preset -t warm -f eqapo -o warm.txt",
        "pip install -c constraints.txt -e '.[dev]' && pytest",
    ]


def test_every_code_block_says_whether_it_runs() -> None:
    for path in READMES[:1]:
        for mark, language, code in blocks(path):
            assert mark in ("runs", "set-up") or mark.startswith("shown: "), f"{path.name}: {language} block {code[:40]!r}"
