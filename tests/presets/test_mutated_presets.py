"""Mutants of every golden: our error in one line, or a sound preset, nothing else. 10,000 in CI; as many for each in the long run."""

from __future__ import annotations

import json

import pytest
from conftest import ROOT, cases
from preset_files import GOLDENS, try_mutants

from semeq_presets import formats

COUNT = 10_000
RECORD = json.loads((ROOT / "tests" / "records" / "mutants.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("golden", GOLDENS)
def test_mutants_are_refused_or_sound(golden: str) -> None:
    tally = try_mutants(golden, max(cases(3_200, 3_200, COUNT) // len(GOLDENS), 200))  # fewer may all be refused
    assert tally.read
    assert tally.refused


def test_every_reader_has_a_golden_and_stands_in_the_record() -> None:
    assert {name.partition("/")[0] for name in GOLDENS} == {info.id for info in formats()}
    assert set(RECORD["goldens"]) == set(GOLDENS)
    for row in RECORD["goldens"].values():
        assert row["read"] + row["refused"] >= COUNT
        assert row["slowest_ms"] <= 1_000.0
    assert {"date", "machine", "commit"} <= RECORD.keys()
