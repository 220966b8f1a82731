"""Tables that are too small, too even or too odd, all the way through fit, report and ablate; and one or two threads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from semeq_export.errors import TrainingError

pytestmark = [pytest.mark.train, pytest.mark.usefixtures("quick_reports")]
torch = pytest.importorskip("torch", reason="needs the [train] extra")
pytest.importorskip("safetensors", reason="needs the [train] extra")
pytest.importorskip("sklearn", reason="needs the [train] extra")

from tiny_training import REFINE_STEPS, WORDS, vectors, write_data, write_recipe  # noqa: E402

from semeq_training.reports import ablation  # noqa: E402
from semeq_training.reports import report as reports  # noqa: E402
from semeq_training.runs import run as runs  # noqa: E402

Rows = Sequence[tuple[str, list[float], int]]
PEOPLE: Rows = [(word, row.tolist(), 1 + i % 2) for word in WORDS for i, row in enumerate(vectors(word, 24))]
ONE_WORD: Rows = [("warm", row.tolist(), i % 5) for i, row in enumerate(vectors("warm", 40))]
SINGLE_ROWS: Rows = [(f"word{chr(97 + i)}", row.tolist(), 1 + i % 2) for i, row in enumerate(vectors("thin", 10))]


@pytest.fixture
def quick_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refine words by a few steps only, in one test: others here are about how good they are."""
    monkeypatch.setattr("semeq_training.fitting.centroids.REFINE_STEPS", REFINE_STEPS)


def constant(rows: Rows, column: int, value: float) -> Rows:
    return [(word, [*vector[:column], value, *vector[column + 1 :]], fold) for word, vector, fold in rows]


def numbers(document: Any) -> list[float]:
    """Every number of a JSON document."""
    if isinstance(document, dict):
        return [number for value in document.values() for number in numbers(value)]
    if isinstance(document, list):
        return [number for value in document for number in numbers(value)]
    return [float(document)] if isinstance(document, int | float) else []


def fit(folder: Path, rows: Rows, **changes: object) -> runs.Run:
    write_data(folder / "data", list(rows))
    write_recipe(folder / "tiny.toml", **{"steps": 4, "evaluate_every": 2, **changes})
    runs.fit(folder / "tiny.toml", folder / "data", folder / "run", cache=folder / "cache")
    return runs.read_run(folder / "run")


@pytest.mark.parametrize(
    "rows",
    [
        constant(PEOPLE, 0, 0.0),  # nobody moved the low shelf
        pytest.param(constant(constant(PEOPLE, 1, 200.0), 4, 0.71), marks=pytest.mark.slow),
        pytest.param([*PEOPLE, *SINGLE_ROWS], marks=pytest.mark.slow),
    ],
    ids=["flat-column", "constant-columns", "words-of-one-row"],
)
def test_odd_tables_are_fitted_reported_and_ablated_with_finite_figures(quick_words: None, tmp_path: Path, rows: Rows) -> None:  # fault E11
    run = fit(tmp_path, rows)
    report = reports.write(run, tmp_path / "data", tmp_path / "out", quick=True, seeds=1)
    grid = ablation.write(
        tmp_path / "tiny.toml", tmp_path / "data", tmp_path / "grid", weights=(0.0, 1.0), latents=(8,), max_steps=2
    )  # fmt: skip
    found = numbers([dict(run.record.metrics), report, grid])
    assert len(found) > 200
    assert np.all(np.isfinite(found))
    assert set(run.bank) == set(WORDS)  # no word of one row became a term
    assert set(report["words"]["tiny"]) == {f"{word} (en)" for word in WORDS}


def test_one_word_trains_but_there_is_nothing_to_compare(quick_words: None, tmp_path: Path) -> None:  # fault E11
    run = fit(tmp_path, ONE_WORD)
    assert set(run.bank) == {"warm"}
    assert np.all(np.isfinite(list(run.record.metrics.values())))
    with pytest.raises(TrainingError, match="no fold holds 10 rows of warm and of bright"):
        reports.write(run, tmp_path / "data", tmp_path / "out", quick=True)
    with pytest.raises(TrainingError, match="no fold holds 10 rows of warm and of bright"):
        ablation.write(tmp_path / "tiny.toml", tmp_path / "data", tmp_path / "grid", weights=(0.1,), latents=(8,), max_steps=2)


def test_words_of_one_row_each_are_no_terms(tmp_path: Path) -> None:  # fault E11
    with pytest.raises(TrainingError, match="no word has 5 or more rows"):
        fit(tmp_path, SINGLE_ROWS)


def test_a_loss_that_is_not_finite_stops_report_and_grid(
    quick_words: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fault E11
    run = fit(tmp_path, PEOPLE)
    monkeypatch.setattr("semeq_training.fitting.loop.curve_loss", lambda *_: torch.tensor(float("nan"), requires_grad=True))
    with pytest.raises(TrainingError, match="not finite in batch 1"):
        reports.write(run, tmp_path / "data", tmp_path / "out", quick=True, seeds=1)
    with pytest.raises(TrainingError, match="not finite in batch 1"):
        ablation.write(tmp_path / "tiny.toml", tmp_path / "data", tmp_path / "grid", weights=(0.1,), latents=(8,), max_steps=2)
    assert not (tmp_path / "out" / "report.json").exists()
    assert not (tmp_path / "grid" / "ablation.json").exists()


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 2])
def test_the_bars_hold_and_bits_repeat_for_each_number_of_threads(tmp_path: Path, threads: int) -> None:  # fault E12
    """Between numbers of threads bits differ, and may; the figures do not: 0.028 dB, ratio 1.003, accuracy 0.95 with either."""
    rows = [(word, row.tolist(), i % 5) for word in WORDS for i, row in enumerate(vectors(word, 50))]
    once, again = (fit(tmp_path / name, rows, steps=40, evaluate_every=20, threads=threads, dropout=0.0) for name in "ab")
    assert once.record == again.record
    assert once.record.threads == threads
    metrics = once.record.metrics
    assert metrics["curve_mae_db"] <= 0.05 < 0.05 * metrics["baseline_flat_curve_mae_db"]
    assert metrics["word_curve_worst_rmse_ratio"] <= 1.01
    assert metrics["word_curve_worst_correlation_loss"] <= 0.015
    assert metrics["warm_bright_accuracy"] >= 0.9
