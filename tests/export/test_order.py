"""Numbers of words for plug-in hosts: agreed words first, and a number that was given stays."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import bundles
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semeq_export.bundle.loading import load_bundle, write_bundle
from semeq_export.bundle.manifest import BlendSpec, Manifest
from semeq_export.bundle.store import CENTROIDS
from semeq_export.words.order import word_order
from semeq_export.words.terms import CentroidBank, Term

NAMES = st.sampled_from(["airy", "bright", "cálido", "dark", "warm", "warm@metal"])


def term(name: str, language: str = "en", agreement: float = 0.3) -> Term:
    return Term(name, (0.1, 0.0, 0.0, 0.0), language, 5, agreement, 1.0)


def test_agreed_words_come_first_in_the_order_of_their_languages_and_weak_ones_last() -> None:
    terms = [term("zesty"), term("cálido", "es"), term("chaud", "fr"), term("harsh", agreement=0.05), term("warm"), term("warm@metal")]
    assert word_order(CentroidBank([*terms, term("frío", "es", 0.0)])) == (
        *("warm", "zesty", "cálido", "chaud"),
        *("warm@metal", "harsh", "frío"),
    )


@given(st.lists(NAMES, unique=True, min_size=1), st.lists(NAMES, unique=True, min_size=1))
def test_a_later_bundle_keeps_every_number(first: list[str], second: list[str]) -> None:
    former = word_order(CentroidBank(map(term, first)))
    later = word_order(CentroidBank(map(term, second)), former)
    assert later[: len(former)] == former
    assert sorted(later) == sorted({*first, *second})


def test_a_word_that_is_added_gets_the_next_number(tmp_path: Path) -> None:
    files = bundles.files()
    spec = replace(bundles.manifest(), word_order=("warm", "gone", "bright"))
    sealed = write_bundle(tmp_path / "a.semeq", spec, files)
    assert sealed.word_order == ("warm", "gone", "bright", "airy", "harsh", "cálido")
    more = CentroidBank([*bundles.bank().values(), term("aaa")])
    assert write_bundle(tmp_path / "b.semeq", sealed, {**files, CENTROIDS: more.to_json()}).word_order == (*sealed.word_order, "aaa")
    fewer = CentroidBank([bundles.bank()["warm"]])
    assert write_bundle(tmp_path / "c.semeq", sealed, {**files, CENTROIDS: fewer.to_json()}).word_order == sealed.word_order


def test_a_bundle_without_an_order_stays_without(tmp_path: Path) -> None:
    write_bundle(tmp_path / "a.semeq", bundles.manifest(), bundles.files())
    assert load_bundle(tmp_path / "a.semeq").manifest.word_order == ()
    assert b"word_order" not in (tmp_path / "a.semeq" / "manifest.json").read_bytes()


@pytest.mark.parametrize(("total", "share"), [(0.25, 4.0), (1.0, 1.0), (1.2, 1.0), (1.5, 1.0), (3.0, 0.5)])
def test_sums_are_decoded_within_the_range_where_they_are_exact(total: float, share: float) -> None:
    assert BlendSpec(1.5, 3).share(total) == share


def test_what_schema_1_1_adds_comes_back_as_written() -> None:
    spec = replace(bundles.manifest(), blend=BlendSpec(1.5, 3), word_order=("warm", "bright"))
    assert Manifest.from_json(spec.to_json()) == spec
