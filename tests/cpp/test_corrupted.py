"""Some hundred damaged bundles and weight files, in Python and in C++ under ASan and UBSan. `.ci/long` takes 2,000 of each."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, cases
from cpp.conftest import Kit

pytestmark = pytest.mark.cpp

SCRIPT = ROOT / "tests" / "bench" / "corrupted.py"
RECORD = ROOT / "tests" / "records" / "corrupted.json"


def test_damage_ends_in_our_error_or_a_sound_answer(kit: Kit) -> None:
    paths = [str(ROOT / part) for part in ("", "tests", "training", "plugin_host", "presets")]
    hostile = [kit.build / "hostile", kit.model, kit.references]
    count = cases(50, 200)
    command = [sys.executable, SCRIPT, "--count", str(count), "--seed", "7", "--hostile", *hostile]
    done = subprocess.run(command, env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr[-2_000:]
    report = json.loads(done.stdout)
    for part in report.values():
        assert part["cases"] == count
        assert part["refused"] >= 0.6 * count
        assert part["peak_memory_mb"] < 500


def test_the_record_is_of_two_thousand_each() -> None:
    record = json.loads(Path(RECORD).read_text(encoding="utf-8"))
    for part in (record["python"], record["cpp"]):
        assert part["cases"] == 2_000
        assert not part["wrong"]
        assert part["peak_memory_mb"] < 500
