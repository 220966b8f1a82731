"""A format is complete: a module, a row in the README, a folder of goldens with their provenance, and words for people."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from semeq_presets import FormatInfo, formats, registry

ROOT = Path(__file__).resolve().parent.parent.parent
INFOS = {info.id: info for info in formats()}
BUILT_IN = dict(registry._BUILTIN)


@pytest.fixture(params=BUILT_IN)
def info(request: pytest.FixtureRequest) -> FormatInfo:
    return INFOS[request.param]


def rows() -> dict[str, list[str]]:
    text = (ROOT / "presets" / "README.md").read_text(encoding="utf-8")
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in text.splitlines() if line.startswith("| `")]
    return {row[0].strip("` "): row for row in cells}


def test_each_format_has_a_module_that_starts_with_its_layout_and_source(info: FormatInfo) -> None:
    module = BUILT_IN[info.id].partition(":")[0]
    path = ROOT / "presets" / Path(*module.split(".")).with_suffix(".py")
    head = path.read_text(encoding="utf-8").split('"""')[1]
    assert len(head.splitlines()) >= 5


def test_each_format_has_a_row_in_the_readme_that_tells_the_truth(info: FormatInfo) -> None:
    row = rows()[info.id]
    assert (info.verified or "nominal") in row[2]


def test_the_readme_has_no_row_of_a_format_that_does_not_exist() -> None:
    assert set(rows()) <= set(BUILT_IN)


def test_each_format_has_goldens_with_their_provenance(info: FormatInfo) -> None:
    folder = ROOT / "tests" / "golden" / info.id
    assert (folder / "PROVENANCE.md").is_file()
    assert [path for path in folder.iterdir() if path.name != "PROVENANCE.md"]


def test_each_format_is_described_for_people(info: FormatInfo) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", info.id)
    assert all(suffix.startswith(".") for suffix in info.suffixes)
    assert info.suffixes
    for text in (info.title, info.host, info.how_to_import):
        assert text.strip() == text
        assert "\n" not in text
        assert len(text) > 4
    assert 0.0 < info.precision_db <= 0.3 or info.carries == "curve"
