"""Which terms a table gives, and from whose rows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.train
pytest.importorskip("torch", reason="needs the [train] extra")
pytest.importorskip("sklearn", reason="needs the [train] extra")

from tiny_training import vectors, write_data  # noqa: E402

from semeq_export.words.evidence import Evidence, word_evidence  # noqa: E402
from semeq_training.data import vocabulary  # noqa: E402
from semeq_training.data.datasets import ExampleTable, load_examples  # noqa: E402


@pytest.fixture
def table(tmp_path: Path) -> ExampleTable:
    rows = [("warm", row.tolist(), i % 5) for i, row in enumerate(vectors("warm", 12))]
    rows += [("bright", row.tolist(), i % 5) for i, row in enumerate(vectors("bright", 8))]
    return load_examples(write_data(tmp_path / "data", rows))


def changed(table: ExampleTable, **changes: object) -> ExampleTable:
    """The rows of bright under the name of warm, as SocialEQ's: a word with two meanings."""
    examples = [replace(e, word="warm", dataset="socialeq", **changes) if e.word == "bright" else e for e in table.examples]
    return ExampleTable(tuple(examples), table.counts)


def test_every_word_with_enough_rows_is_a_term(table: ExampleTable) -> None:
    assert [(entry.name, len(entry.rows), entry.note) for entry in vocabulary.entries(table, 5)] == [("warm", 12, ""), ("bright", 8, "")]
    assert [entry.name for entry in vocabulary.entries(table, 9)] == ["warm"]


def test_data_sets_that_disagree_give_a_term_each_and_the_better_one_is_the_word(table: ExampleTable) -> None:
    found = {entry.name: entry for entry in vocabulary.entries(changed(table), 5)}
    assert found.keys() == {"warm", "warm@safe", "warm@socialeq"}
    (disagreement,) = vocabulary.disagreements(changed(table), 5)
    assert disagreement.correlation < -0.5
    assert disagreement.better == "safe"  # 12 of 20 people are its own
    np.testing.assert_array_equal(found["warm"].rows, found["warm@safe"].rows)
    assert "safe's, which predicts people better" in found["warm"].note


def test_ten_rows_of_one_genre_are_a_term(table: ExampleTable) -> None:
    examples = [replace(e, genre=f"metal{i % 3 + 1}" if e.word == "warm" else "Jazz") for i, e in enumerate(table.examples)]
    names = [entry.name for entry in vocabulary.entries(ExampleTable(tuple(examples), table.counts), 5)]
    assert names == ["warm", "warm@metal", "bright"]  # 8 rows of bright@jazz are not enough


def test_evidence_is_of_the_rows_and_survives_its_file(table: ExampleTable) -> None:
    terms = vocabulary.entries(table, 5)
    evidence = vocabulary.evidence_of(table, terms, seed=1)
    assert {name: entry.rows for name, entry in evidence.words.items()} == {"warm": 12, "bright": 8}
    assert evidence.words["warm"].boosted["bass"] > 0.8
    assert len(evidence.points) == 20
    assert vocabulary.evidence_of(table, terms, seed=1).to_json() == evidence.to_json()
    again = Evidence.from_json(evidence.to_json())
    assert again.to_json() == evidence.to_json()
    for curve, example in zip(vocabulary.curves_of(table), table.examples, strict=True):
        assert again.closest(curve, ["warm", "bright"])[0][0] == example.word


def test_two_clear_meanings_are_found_and_one_is_not(table: ExampleTable) -> None:
    one, two = (vocabulary.split_gains(t, 8, draws=60, more=60) for t in (table, changed(table)))
    assert all(gain.p_corrected > 0.05 for gain in one)
    assert two[0].p == pytest.approx(1 / 61)
    assert two[0].gain > two[0].null_gain + 0.2
    assert "more than one meaning at 0.05, corrected over 1 words: warm" in vocabulary.text(changed(table), 5, two, {})
    assert "none" in vocabulary.text(table, 5, one, {("en", "warn"): 3})


@pytest.mark.parametrize("rows", [1, 2])
def test_few_rows_of_one_word_give_evidence_without_a_map(table: ExampleTable, rows: int) -> None:  # fault E11
    few = table.select(np.arange(len(table)) < rows)
    evidence = vocabulary.evidence_of(few, vocabulary.entries(few, 1), seed=1)
    assert evidence.points == []
    assert evidence.closest(vocabulary.curves_of(few)[0], ["warm"])[0][:2] == ("warm", 1.0)
    assert np.isfinite(word_evidence(vocabulary.curves_of(few)).spread_db).all()
