"""semeq.js in Node: words, curves, loudness and sound are those of Python, and its own tests are green."""

from __future__ import annotations

import subprocess

from web.conftest import WEB, Cases, drive, node
from web.judge import judge


def test_in_node_it_plays_what_python_means(cases_of_the_web: Cases) -> None:
    judge(cases_of_the_web, drive(cases_of_the_web.folder, "node")["node"], moves=True)


def test_its_own_tests_are_green() -> None:
    command = [node(), "--test", *sorted((WEB / "tests").glob("*.test.mjs"))]
    done = subprocess.run(command, capture_output=True, text=True, cwd=WEB)
    assert done.returncode == 0, done.stdout[-4_000:]
