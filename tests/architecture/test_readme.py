"""The code of READMEs runs. The line before a block says what it is: `<!-- runs -->`, `<!-- set-up -->` or `<!-- shown: why -->`.

Python runs and is type-checked as it is read: all blocks of a README in order, whatever is not said to be shown only.
"""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import ROOT, skip_or_fail

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
    if mark == "runs" and language == "sh"
]
PROGRAMS = {
    "README" if path.parent == ROOT else path.parent.name: "\n".join(
        code for mark, language, code in blocks(path) if language == "python" and not mark.startswith("shown: ")
    )
    for path in READMES
}
"""The Python of each README as one program."""


@pytest.mark.parametrize(
    ("language", "code"), [*RUNNABLE, *(pytest.param("python", code, id=f"{name}-python") for name, code in PROGRAMS.items() if code)]
)
def test_readme_code_runs(tmp_path: Path, language: str, code: str) -> None:
    noise = np.random.default_rng(1).standard_normal((48_000, 2)) * 0.05
    soundfile.write(tmp_path / "mix.wav", noise, 48_000, subtype="PCM_24")
    environment = {**os.environ, "PATH": sysconfig.get_path("scripts") + os.pathsep + os.environ["PATH"]}
    command = {"sh": ["bash", "-euo", "pipefail", "-c", code], "python": [sys.executable, "-W", "error", "-c", code]}[language]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr


WRONG = """
import numpy as np

import semeq_export as se

se.Band("low_shlf", 240.0, 3.0)  # type: ignore[arg-type]
se.apply(se.EqSettings(), np.zeros((2, 10)))  # type: ignore[call-overload]
se.eq_for("warm", intensity="much")  # type: ignore[arg-type]
rate: int = se.apply(se.EqSettings([]), se.Audio(np.zeros((2, 10)), 48_000.0)).sample_rate_hz  # type: ignore[assignment]
"""
"""What types must refuse: an unused ignore is an error too."""


def test_python_of_readmes_passes_the_strictest_types(tmp_path: Path) -> None:
    """Half a second where mypy ran before on the packages, as in CI; ten where it did not.

    Pedalboard alone is excused: it offers its class without saying so in its types.
    """
    if importlib.util.find_spec("mypy") is None:
        skip_or_fail("mypy is not installed; pip install -e '.[dev]'")
    names = [name for name, code in PROGRAMS.items() if code]
    assert {"README", "semeq_export", "plugin_host", "presets"} <= set(names)
    for name in names:
        typed = re.sub(
            r"^(from pedalboard import .*\bPedalboard)$", r"\1  # type: ignore[attr-defined]", PROGRAMS[name], flags=re.MULTILINE
        )
        (tmp_path / f"snippets_of_{name}.py").write_text(typed, encoding="utf-8")
    (tmp_path / "wrong.py").write_text(WRONG, encoding="utf-8")
    files = sorted(str(path) for path in tmp_path.iterdir())
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file", "pyproject.toml", "--cache-dir", ".mypy_cache", *files]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


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
