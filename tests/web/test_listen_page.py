"""The page of a listening test in a browser: a scripted listener with a known preference takes it, and analysis finds that preference."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import sounds
from conftest import ROOT, skip_or_fail

from semeq_export.app.listening_tests import MadeTest, MakeOptions, Words, make_test
from semeq_export.app.panel_results import PanelOptions, analyse_panel
from semeq_export.audio.writer import write_audio
from semeq_export.panel.abx import AbxResult
from semeq_export.panel.design import Kind
from semeq_export.panel.pairs import PairResult
from semeq_export.panel.ratings import RatingResult

WEB = ROOT / "semeq_export" / "web"
WORTH = {"unprocessed": 0, "bright": 1, "warm": 2}
SCORES = {"reference": 100, "warm": 75, "bright": 60, "anchor70": 40, "anchor35": 15}


def tool(name: str, hint: str) -> str:
    found = shutil.which(name)
    if found is None:
        skip_or_fail(f"{name} is not installed ({hint})")
    return found


def packages() -> Path:
    folder = WEB / "node_modules"
    if not (folder / "playwright-core").is_dir():
        skip_or_fail("the page's tools are not installed (npm ci in semeq_export/web)")
    return folder


def made(tmp_path: Path, kind: Kind, repeats: int | None = None) -> MadeTest:
    write_audio(tmp_path / "noise.wav", sounds.noise(3.0, channels=2))
    words = [Words("warm"), Words("bright")]
    options = MakeOptions(
        audio=[tmp_path / "noise.wav"], output=tmp_path / "test", targets=words, kind=kind, seconds=1.5, repeats=repeats, title="Ä <b> test"
    )
    return make_test(options)


def take(test: MadeTest, tmp_path: Path, participant: int, worth: dict[str, int], theme: str) -> dict[str, Any]:  # Any: JSON
    """Let the scripted listener take a test; returns what it reports."""
    (tmp_path / "answers").mkdir(exist_ok=True)
    asked = {
        "participant": str(participant),
        "worth": {code: worth[held.condition] for code, held in test.manifest.stimuli.items()},
        "csv": str(tmp_path / "answers" / f"{participant}.csv"),
        "shots": "",
        "theme": theme,
    }
    (tmp_path / "asked.json").write_text(json.dumps(asked), encoding="utf-8")
    script = Path(__file__).parent / "listen_run.mjs"
    program = [tool("node", "apt-get install nodejs npm"), script, packages() / "playwright-core"]
    command = [*program, tool("chromium", "apt-get install chromium"), test.output / "listen.html", tmp_path / "asked.json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-3_000:]
    report: dict[str, Any] = json.loads(done.stdout)
    assert (report["wrong"], report["requests"], report["violations"]) == ([], [], [])
    assert report["hints"][0] == "Write your number or name first."
    assert all(hint.startswith("Not played yet: ") for hint in report["hints"][1:])
    assert report["name"].startswith(f"{test.manifest.test_id}-{participant}-")
    return report


def test_pairs_taken_by_two_listeners(tmp_path: Path) -> None:
    test = made(tmp_path, "pairs")
    take(test, tmp_path, 1, WORTH, "dark")
    take(test, tmp_path, 2, WORTH, "light")
    found = analyse_panel(PanelOptions(results=[tmp_path / "answers"], test=test.output))
    assert found.notes == ()
    assert len(found.data.listeners) == 2
    assert isinstance(found.result, PairResult)
    assert {(row.first, row.second): (row.answers, row.share) for row in found.result.pairs} == {
        ("warm", "unprocessed"): (2, 1.0),
        ("bright", "unprocessed"): (2, 1.0),
        ("warm", "bright"): (2, 1.0),
    }
    shown = [{(c.source, frozenset(c.pair)): c.pair for c in found.data.choices if c.listener == who} for who in found.data.listeners]
    assert all(shown[0][which] == shown[1][which][::-1] for which in shown[0]), "numbers 1 and 2 get each pair either way"


def test_mushra(tmp_path: Path) -> None:
    test = made(tmp_path, "mushra")
    take(test, tmp_path, 3, SCORES, "light")
    found = analyse_panel(PanelOptions(results=[tmp_path / "answers"], test=test.output))
    assert isinstance(found.result, RatingResult)
    assert found.result.excluded == ()
    assert {m.condition: m.median for m in found.result.medians} == SCORES


def test_abx(tmp_path: Path) -> None:
    test = made(tmp_path, "abx", repeats=2)
    take(test, tmp_path, 4, WORTH, "dark")
    found = analyse_panel(PanelOptions(results=[tmp_path / "answers"], test=test.output))
    assert isinstance(found.result, AbxResult)
    assert [(row.condition, row.n, row.correct) for row in found.result.conditions] in (
        [("warm", 2, 2), ("bright", 2, 2)],
        [("bright", 2, 2), ("warm", 2, 2)],
    )


@pytest.mark.parametrize("name", ["listen.html"])
def test_the_page_reaches_for_nothing(name: str) -> None:
    text = (WEB / "built" / name).read_text(encoding="utf-8")
    assert "default-src 'none'" in text
    assert "http://" not in text
    assert "https://" not in text
