"""semeq-export terms"""

from __future__ import annotations

import json
from pathlib import Path

import bundles
import pytest

from semeq_export.cli import _shared, cli


@pytest.fixture(scope="module", autouse=True)
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("terms") / "tiny.semeq"
    bundles.write(path)
    return path


@pytest.fixture(autouse=True)
def use_bundle(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEMEQ_BUNDLE", str(bundle))


def first_column(text: str) -> list[str]:
    return [line.split()[0] for line in text.splitlines()[1:]]


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("name", ["airy", "bright", "cálido", "harsh", "warm"]),
        ("examples", ["cálido", "harsh", "airy", "bright", "warm"]),
        ("agreement", ["cálido", "harsh", "airy", "bright", "warm"]),
    ],
)
def test_words_are_listed_in_the_order_asked_for(capsys: pytest.CaptureFixture[str], sort: str, order: list[str]) -> None:
    assert _shared.run(cli, ["terms", "--sort", sort]) == 0
    out, err = capsys.readouterr()
    assert first_column(out) == order
    assert err == ""


def test_json_holds_the_evidence(capsys: pytest.CaptureFixture[str]) -> None:
    assert _shared.run(cli, ["terms", "--json"]) == 0
    terms = json.loads(capsys.readouterr().out)["terms"]
    assert terms[0] == {
        "term": "airy",
        "language": "en",
        "examples": 30,
        "sources": {"tiny": 5},
        "agreement": pytest.approx(0.2),
        "typical_intensity": 1.5,
    }


def test_show_gives_the_eq_and_the_nearest_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert _shared.run(cli, ["terms", "show", "Warm"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("warm (en): 10 examples (5 from tiny)")
    assert "nearest: cálido" in out
    assert len([line for line in out.splitlines() if line.startswith(("low_shelf", "peak", "high_shelf"))]) == 5


def test_show_json_has_stable_keys(capsys: pytest.CaptureFixture[str], bundle: Path) -> None:
    for arguments in (["terms", "show", "warm", "--json"], ["terms", "--bundle", str(bundle), "show", "warm", "--json"]):
        assert _shared.run(cli, arguments) == 0
        document = json.loads(capsys.readouterr().out)
        assert set(document) == {"term", "language", "examples", "sources", "agreement", "typical_intensity", "eq", "nearest_terms"}
        assert document["eq"]["bands"][0]["gain_db"] > 3.0
        assert document["nearest_terms"][0]["term"] == "cálido"


def test_unknown_word_ends_with_2_and_a_suggestion(capsys: pytest.CaptureFixture[str]) -> None:
    assert _shared.run(cli, ["terms", "show", "wram"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "semeq-export: unknown term 'wram'; did you mean 'warm'?\n"


def test_bad_bundle_ends_with_2_and_one_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert _shared.run(cli, ["terms", "--bundle", str(tmp_path)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert "manifest.json is missing" in err
