"""FAULTS.md and the tests name each other: no reference without a line, no line without a test."""

from __future__ import annotations

import re
from collections import defaultdict

from conftest import ROOT

TESTS = ROOT / "tests"
REFERENCE = re.compile(r"\b([Ff]ault|[Ll]aw)s? ([A-E]?\d+(?:(?:, | and |, and )[A-E]?\d+)*)")
LINE = re.compile(r"^\| ([A-E]?\d+) \| .+ \| (.+) \|$", re.MULTILINE)


def references() -> dict[str, set[str]]:
    """Number -> the test files that name it. Laws are plain numbers, faults have the letter of their section."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in TESTS.rglob("*.py"):
        for kind, numbers in REFERENCE.findall(path.read_text(encoding="utf-8")):
            for number in re.findall(r"[A-E]?\d+", numbers):
                if number.isdigit() == (kind.lower() == "law"):
                    found[number].add(path.relative_to(TESTS).as_posix())
    return found


def test_the_list_and_the_tests_name_each_other() -> None:
    lines = dict(LINE.findall((TESTS / "FAULTS.md").read_text(encoding="utf-8")))
    named = references()
    assert len(lines) > 100
    assert sorted(named.keys() - lines.keys()) == []
    for number, where in lines.items():
        files = set(re.findall(r"`([^`]+)`", where))
        assert files == named[number], f"{number}: listed and found differ"
        assert files or where.startswith("not tested here: "), number
