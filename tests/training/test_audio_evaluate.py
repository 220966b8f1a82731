"""What the evaluation of the audio encoder counts: perfect answers, guesses, and nothing in between by accident."""

from __future__ import annotations

import numpy as np
import pytest

pytestmark = pytest.mark.train
torch = pytest.importorskip("torch", reason="needs the [train] extra")
pytest.importorskip("sklearn", reason="needs the [train] extra")

from semeq_training.fitting import audio_evaluate as evaluation  # noqa: E402


def test_exact_doses_are_an_r2_of_one_and_a_constant_is_nothing() -> None:
    asked = [-1.0, 0.5, 2.0]
    heard = evaluation.Heard(
        doses={"alternate_encoder": [(a, 0.5 * a + 1.0) for a in asked], "alternate_constant": [(a, 0.7) for a in asked]}
    )
    metrics = heard.metrics()
    assert metrics["alternate_encoder_r2"] == pytest.approx(1.0)
    assert metrics["alternate_encoder_slope"] == pytest.approx(0.5)
    assert metrics["alternate_constant_r2"] == 0.0


def test_noise_lowers_r2_as_much_as_it_explains() -> None:
    rng = np.random.default_rng(1)
    asked = np.tile(evaluation.DOSES, 500)
    found = asked + rng.standard_normal(len(asked)) * asked.std()
    heard = evaluation.Heard(doses={"halves_spectrum": list(zip(asked.tolist(), found.tolist(), strict=True))})
    assert heard.metrics()["halves_spectrum_r2"] == pytest.approx(0.5, abs=0.04)


def test_what_was_found_elsewhere_is_pooled() -> None:
    one, other = (
        evaluation.Heard({"a_b": [(1.0, x)]}, {"a_b": [hit]}, {"a_b": [share]}) for x, hit, share in ((1.0, 1, 0.5), (3.0, 0, 1.0))
    )
    one.add(other)
    one.add(evaluation.Heard(named={"c_d": [1]}))
    assert one.doses == {"a_b": [(1.0, 1.0), (1.0, 3.0)]}
    assert one.metrics()["a_b_word_accuracy"] == 0.5
    assert one.metrics()["a_b_auc"] == 0.75
    assert one.metrics()["c_d_word_accuracy"] == 1.0


def test_the_share_in_order_is_an_auc() -> None:
    assert evaluation._share_in_order([[0.0, 1.0], [2.0, 3.0]]) == 1.0
    assert evaluation._share_in_order([[2.0, 3.0], [0.0, 1.0]]) == 0.0
    assert evaluation._share_in_order([[0.0, 2.0], [1.0, 3.0]]) == 0.75


def test_the_table_has_a_row_for_each_estimator_and_a_dash_for_what_is_not_known() -> None:
    lines = evaluation.table({"alternate_encoder_r2": 0.5, "others_constant_r2": 0.0})
    assert [line.split()[:3] for line in lines[1:]] == [["alternate", "encoder", "0.500"], ["others", "constant", "0.000"]]
    assert lines[1].split()[3:] == ["-", "-", "-"]
