"""Metrics: against cases whose answer is known, and on held-out rows only."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from semeq_export.eq.settings import SAFE_13

pytestmark = pytest.mark.train
torch = pytest.importorskip("torch", reason="needs the [train] extra")
pytest.importorskip("sklearn", reason="needs the [train] extra")

from tiny_training import write_tiny_data  # noqa: E402

from semeq_training.data.datasets import ExampleTable, load_examples  # noqa: E402
from semeq_training.fitting.evaluate import curve_errors_db, effective_rank, evaluate  # noqa: E402
from semeq_training.models import EqAutoencoder  # noqa: E402


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> ExampleTable:
    return load_examples(write_tiny_data(tmp_path_factory.mktemp("data"), rows_per_word=40))


@pytest.fixture(scope="module")
def split(table: ExampleTable) -> tuple[ExampleTable, ExampleTable]:
    held = table.folds == 1
    return table.select(~held), table.select(held)


def model(latent_dim: int) -> EqAutoencoder:
    torch.manual_seed(0)
    return EqAutoencoder(SAFE_13, latent_dim)


def test_effective_rank_of_known_shapes() -> None:
    rng = np.random.default_rng(0)
    axes = rng.standard_normal((3, 10))
    assert effective_rank(rng.standard_normal((2_000, 10))) == pytest.approx(10, rel=0.02)
    assert effective_rank(rng.standard_normal((2_000, 1)) * axes[0]) == pytest.approx(1.0, abs=1e-6)
    assert effective_rank(np.ones((5, 4))) == pytest.approx(1.0)


def test_a_model_that_copies_beats_flat_and_the_mean_curve(split: tuple[ExampleTable, ExampleTable]) -> None:
    metrics = evaluate(model(32), *split)
    assert metrics["held_out_rows"] == len(split[1])
    assert metrics["curve_mae_db"] < 0.2 < metrics["baseline_word_mean_curve_mae_db"] < metrics["baseline_flat_curve_mae_db"]
    assert metrics["gain_mae_db"] < 0.2
    assert metrics["freq_mae_octaves"] < 0.1


def test_a_model_without_room_is_worse_everywhere(split: tuple[ExampleTable, ExampleTable]) -> None:
    good, bad = evaluate(model(32), *split), evaluate(model(2), *split)
    for name in ("curve_mae_db", "gain_mae_db", "freq_mae_octaves", "q_mae_octaves"):
        assert bad[name] > good[name]


def test_words_that_are_apart_are_told_apart(split: tuple[ExampleTable, ExampleTable]) -> None:
    metrics = evaluate(model(32), *split)
    assert metrics["warm_bright_accuracy"] > 0.95
    assert 0.0 < metrics["warm_bright_silhouette"] < 1.0


def test_words_without_meaning_are_not_told_apart(table: ExampleTable) -> None:
    rng = np.random.default_rng(1)
    shuffled = rng.permutation(table.vectors)
    rows = tuple(replace(example, vector=vector) for example, vector in zip(table.examples, shuffled, strict=True))
    mixed = ExampleTable(rows, table.counts)
    held = mixed.folds == 1
    metrics = evaluate(model(32), mixed.select(~held), mixed.select(held))
    assert metrics["warm_bright_accuracy"] < 0.8
    assert abs(metrics["warm_bright_silhouette"]) < 0.2


def test_decoded_words_predict_others_as_well_as_the_mean_curve(split: tuple[ExampleTable, ExampleTable]) -> None:
    metrics = evaluate(model(32), *split)
    assert metrics["word_curve_worst_rmse_ratio"] <= 1.01
    assert metrics["word_curve_worst_correlation_loss"] <= 0.015


def test_what_the_held_out_rows_cannot_tell_is_left_out(split: tuple[ExampleTable, ExampleTable]) -> None:
    thin = split[1].select(np.array([example.word == "thin" for example in split[1].examples]))
    metrics = evaluate(model(8), split[0], thin)
    assert "warm_bright_accuracy" not in metrics
    assert np.all(np.isfinite(list(metrics.values())))


def test_curve_errors_come_one_for_each_row(split: tuple[ExampleTable, ExampleTable]) -> None:
    errors = curve_errors_db(model(8), split[1].vectors)
    assert errors.shape == (len(split[1]),)
    assert np.all(errors >= 0)
