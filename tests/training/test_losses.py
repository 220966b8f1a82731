"""The losses against closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest

from semeq_export.eq.settings import SAFE_13

pytestmark = pytest.mark.train
torch = pytest.importorskip("torch", reason="needs the [train] extra")

from semeq_training.fitting.losses import NO_WORD, curve_loss, parameter_loss, supervised_contrastive_loss  # noqa: E402
from semeq_training.models import LayoutScale  # noqa: E402


def test_curve_loss_is_quadratic_below_and_linear_above_one_db() -> None:
    curve = torch.zeros(2, 10)
    assert float(curve_loss(curve + 0.5, curve)) == pytest.approx(0.125)
    assert float(curve_loss(curve + 10.0, curve)) == pytest.approx(9.5)


def test_curve_loss_counts_the_overall_level() -> None:
    curve = torch.linspace(-3, 3, 10)[None]
    assert float(curve_loss(curve + 2.0, curve)) > 1.0


def test_parameter_loss_ignores_where_an_idle_band_stands_and_counts_a_used_one() -> None:
    scale = LayoutScale(SAFE_13)
    idle = torch.tensor([[0.0, 150, 0, 560, 0.71, 0, 1_000, 0.71, 0, 3_300, 0.71, 0, 8_200]])
    moved = idle.clone()
    moved[0, 3], moved[0, 4] = 2_000.0, 5.0
    assert float(parameter_loss(scale, moved, idle)) == 0.0
    used, used_moved = idle.clone(), moved.clone()
    used[0, 2] = used_moved[0, 2] = 12.0
    octave_share = math.log(2_000 / 560) / math.log(3_900 / 82)
    q_share = math.log(5 / 0.71) / math.log(100)
    assert float(parameter_loss(scale, used_moved, used)) == pytest.approx((octave_share**2 + q_share**2) / 13, rel=1e-5)


def test_contrastive_loss_equals_the_formula_written_out() -> None:
    torch.manual_seed(1)
    vectors = torch.nn.functional.normalize(torch.randn(7, 5), dim=1)
    labels, temperature = [0, 0, 1, 1, 1, 2, NO_WORD], 0.3
    rows = vectors.numpy()[:6].astype(np.float64)
    similar = rows @ rows.T / temperature
    terms = []
    for i in range(6):
        positives = [j for j in range(6) if j != i and labels[j] == labels[i]]
        if positives:
            below = np.log(sum(np.exp(similar[i, a]) for a in range(6) if a != i))
            terms.append(-np.mean([similar[i, p] - below for p in positives]))
    found = supervised_contrastive_loss(vectors, torch.tensor(labels), temperature)
    assert float(found) == pytest.approx(np.mean(terms), rel=1e-5)


def test_contrastive_loss_is_smaller_when_equal_words_lie_together() -> None:
    together = torch.tensor([[1.0, 0], [1, 0], [0, 1], [0, 1]])
    apart = together[[0, 2, 1, 3]]
    labels = torch.tensor([0, 0, 1, 1])
    assert float(supervised_contrastive_loss(together, labels, 0.1)) < 1e-3
    assert float(supervised_contrastive_loss(apart, labels, 0.1)) > 5.0


@pytest.mark.parametrize("labels", [[NO_WORD] * 4, [0, 1, 2, 3], [0, NO_WORD, NO_WORD, 1]])
def test_contrastive_loss_is_zero_with_zero_gradients_where_no_two_rows_share_a_word(labels: list[int]) -> None:
    vectors = torch.nn.functional.normalize(torch.randn(4, 3), dim=1).requires_grad_()
    loss = supervised_contrastive_loss(vectors, torch.tensor(labels), 0.1)
    loss.backward()
    assert float(loss.detach()) == 0.0
    assert vectors.grad is not None
    assert float(vectors.grad.abs().sum()) == 0.0
