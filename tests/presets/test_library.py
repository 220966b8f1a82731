"""Folders of presets: safe, distinct names for any word (fault E6), and all names checked before the first file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semeq_export.eq.settings import Band, BandKind, EqSettings
from semeq_export.errors import OutputError
from semeq_presets import Planned, Preset, get, plan_library, read_file, slug, write_library
from semeq_presets.shelf.library import file_names, make_folder

EQ = EqSettings((Band(BandKind.PEAK, 1_000.0, 3.0, 1.0),))


@given(st.text(max_size=200))
def test_a_slug_is_a_safe_file_name_for_any_text(text: str) -> None:
    name = slug(text)
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)
    assert len(name) <= 48
    assert slug(text) == name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("warm", "warm"),
        ("Cálido y Suave", "calido-y-suave"),
        ("../../etc/passwd", "etc-passwd"),
        ("a\x00b\nc", "a-b-c"),
        ("CON", "con-eq"),
        ("lpt1", "lpt1-eq"),
        ("明るい", "preset-53b4a762"),
        ("🔥", "preset-"),
        ("x" * 100_000, "x" * 39 + "-"),
    ],
)
def test_slugs_of_hostile_and_foreign_words(text: str, name: str) -> None:
    assert slug(text).startswith(name[:40])
    if not name.endswith("-") and not name.startswith("preset-"):
        assert slug(text) == name


@given(st.sets(st.text(max_size=12), max_size=30))
def test_different_words_get_different_files(words: set[str]) -> None:
    names = file_names(sorted(words), ".txt")
    assert len(set(names.values())) == len(words)


def test_words_that_look_alike_are_told_apart() -> None:
    names = file_names(["cafe", "café", "CAFE!"], ".txt")
    assert names["cafe"] == "cafe.txt"
    assert len({*names.values()}) == 3
    assert all(name.startswith("cafe") for name in names.values())


def planned(folder: Path, words: dict[str, Preset], *format_ids: str) -> list[Planned]:
    return plan_library(folder, list(words), [get(format_id).info for format_id in format_ids])


def test_a_library_is_written_and_read_back(tmp_path: Path) -> None:
    words = {"warm": Preset(EQ, name="Warm"), "cálido": Preset(EQ.scaled(2.0), name="Cálido")}
    saved = write_library(planned(tmp_path / "out", words, "lsp-x16-lv2"), words)
    assert [(one.word, one.path.name) for one in saved] == [("warm", "warm.lv2"), ("cálido", "calido.lv2")]
    assert read_file(tmp_path / "out" / "calido.lv2").name == "Cálido"


def test_several_formats_get_a_folder_each(tmp_path: Path) -> None:
    words = {"warm": Preset(EQ)}
    write_library(planned(tmp_path, words, "eqapo", "calf-lv2"), words)
    assert sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.glob("*/*")) == ["calf-lv2/warm.lv2", "eqapo/warm.txt"]


def test_nothing_is_written_where_one_name_is_taken(tmp_path: Path) -> None:
    (tmp_path / "warm.txt").write_text("mine")
    words = {"airy": Preset(EQ), "warm": Preset(EQ)}
    with pytest.raises(OutputError, match="warm.txt: exists already"):
        write_library(planned(tmp_path, words, "eqapo"), words)
    assert [path.name for path in tmp_path.iterdir()] == ["warm.txt"]
    write_library(planned(tmp_path, words, "eqapo"), words, overwrite=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["airy.txt", "warm.txt"]


def test_a_file_a_missing_parent_or_a_hostile_name_cannot_be_a_library(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(OutputError, match="expected a folder"):
            make_folder(place)
    with pytest.raises(OutputError, match="does not exist"):
        make_folder(tmp_path / "no" / "where", parents=False)
    with pytest.raises(OutputError, match="too long"):  # faults C15, C16
        make_folder(tmp_path / ("x" * 300))
    with pytest.raises(OutputError, match="not a usable"):
        make_folder(tmp_path / "a\0b")
