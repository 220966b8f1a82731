"""The bank: words decode to what people meant, and say how much evidence there is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from semeq_export.eq.curve import correlation, level_free, log_grid, rms_db
from semeq_export.eq.settings import SAFE_13
from semeq_export.errors import TrainingError

pytestmark = pytest.mark.train
torch = pytest.importorskip("torch", reason="needs the [train] extra")

from tiny_training import WORDS, write_tiny_data  # noqa: E402

from semeq_training.data.datasets import ExampleTable, load_examples  # noqa: E402
from semeq_training.fitting.centroids import build_bank, latents_of, mean_pair_correlation, rows_of  # noqa: E402
from semeq_training.models import EqAutoencoder  # noqa: E402
from semeq_training.torch_biquad import LayoutResponse  # noqa: E402


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> ExampleTable:
    return load_examples(write_tiny_data(tmp_path_factory.mktemp("data")))


@pytest.fixture(scope="module")
def model() -> EqAutoencoder:
    torch.manual_seed(0)
    return EqAutoencoder(SAFE_13, 16).eval()


def curves(params: np.ndarray) -> np.ndarray:
    return LayoutResponse(SAFE_13, log_grid())(torch.from_numpy(params)).numpy()


def decoded(model: EqAutoencoder, z: Sequence[float]) -> np.ndarray:
    with torch.no_grad():
        return curves(model.decoder(torch.from_numpy(np.array([z], dtype=np.float32))).double().numpy())[0]


def test_every_word_decodes_to_its_mean_level_free_curve(table: ExampleTable, model: EqAutoencoder) -> None:
    bank = build_bank(model, table, 5)
    assert set(bank) == set(WORDS)
    for word in table.usable_words():
        people = level_free(curves(table.vectors[rows_of(table, word)]))
        mean, ours = people.mean(axis=0), level_free(decoded(model, bank[word.word].z))
        assert correlation(ours, mean) > 0.99
        assert rms_db(people - ours) <= 1.01 * rms_db(people - mean)


def test_latents_beat_the_mean_of_codes(table: ExampleTable, model: EqAutoencoder) -> None:
    word = table.usable_words()[0]
    rows = rows_of(table, word)
    mean = level_free(curves(table.vectors[rows])).mean(axis=0)
    with torch.no_grad():
        codes = model.encoder(torch.from_numpy(table.vectors[rows].astype(np.float32))).numpy().mean(axis=0)
    ours, naive = (level_free(decoded(model, z)) for z in (latents_of(model, mean[None])[0], codes))
    assert rms_db(ours - mean) < rms_db(naive - mean)


def test_latent_vectors_are_exact_in_float32_and_inside_the_cube(table: ExampleTable, model: EqAutoencoder) -> None:
    for term in build_bank(model, table, 5).values():
        assert all(abs(v) <= 1.0 and float(np.float32(v)) == v for v in term.z)


def test_evidence_is_counted_and_measured(table: ExampleTable, model: EqAutoencoder) -> None:
    bank = build_bank(model, table, 5)
    for name, term in bank.items():
        assert (term.examples, term.sources, term.language) == (20, {"safe": 20}, "en")
        rows = np.array([example.word == name for example in table.examples])
        people, ours = level_free(curves(table.vectors[rows])), level_free(decoded(model, term.z))
        pairs = np.corrcoef(people)[np.triu_indices(20, 1)]
        assert term.agreement == pytest.approx(pairs.mean(), abs=1e-6)
        assert term.typical_intensity == pytest.approx(np.median(people @ ours) / (ours @ ours), rel=1e-4)


def test_words_with_too_few_rows_are_left_out(table: ExampleTable, model: EqAutoencoder) -> None:
    few = table.select(np.array([e.word != "thin" for e in table.examples]) | (np.arange(len(table)) % 7 == 0))
    assert "thin" not in build_bank(model, few, 5)
    with pytest.raises(TrainingError, match="no word has 50 or more rows"):
        build_bank(model, few, 50)


def test_the_same_weights_and_rows_give_the_same_bank(table: ExampleTable, model: EqAutoencoder) -> None:
    assert build_bank(model, table, 5).to_json() == build_bank(model, table, 5).to_json()


def test_pair_correlation_of_known_curves() -> None:
    up = np.linspace(-1, 1, 9)
    assert mean_pair_correlation(np.array([up, 3 * up])) == pytest.approx(1.0)
    assert mean_pair_correlation(np.array([up, -up])) == pytest.approx(-1.0)
    assert mean_pair_correlation(np.array([up, up, -up])) == pytest.approx(-1 / 3)
    assert mean_pair_correlation(up[None]) == 0.0
    assert mean_pair_correlation(np.zeros((3, 9))) == 0.0


def test_rows_of_a_word_are_those_of_its_language(tmp_path: Path, table: ExampleTable) -> None:
    word = table.usable_words()[0]
    assert len(rows_of(table, word)) == word.rows
    assert len(rows_of(table, word._replace(language="es"))) == 0
