"""One training: deterministic, resumable, and stopped at the first number that is not finite."""

from __future__ import annotations

import numpy as np
import pytest

from semeq_export.eq.settings import SAFE_13
from semeq_export.errors import TrainingError

pytestmark = pytest.mark.train
torch = pytest.importorskip("torch", reason="needs the [train] extra")

from tiny_training import RECIPE, vectors  # noqa: E402

from semeq_training.data.recipe import Recipe  # noqa: E402
from semeq_training.fitting.loop import Trainer, deterministic, load_weights, rate_at  # noqa: E402
from semeq_training.fitting.losses import NO_WORD  # noqa: E402
from semeq_training.models import EqAutoencoder  # noqa: E402


def trainer(labels: list[int] | None = None, params: np.ndarray | None = None, **changes: object) -> Trainer:
    rows = np.concatenate([vectors("warm", 15), vectors("bright", 15)]) if params is None else params
    return Trainer(Recipe(**(RECIPE | changes)), SAFE_13, rows, np.array(labels or [0] * 15 + [1] * 15))


def weights(model: EqAutoencoder) -> dict[str, np.ndarray]:
    return {name: tensor.numpy().copy() for name, tensor in model.state_dict().items()}


def assert_equal(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> None:
    for name, values in one.items():
        np.testing.assert_array_equal(values, other[name], err_msg=name)


def test_training_lowers_the_curve_loss_of_a_narrow_model() -> None:
    run = trainer(latent_dim=4, steps=150, dropout=0.0)
    losses = [run.advance() for _ in range(150)]
    assert np.mean([loss.curve for loss in losses[-10:]]) < 0.6 * np.mean([loss.curve for loss in losses[:10]])
    assert [loss.step for loss in losses] == list(range(1, 151))


def test_training_draws_equal_words_together() -> None:
    run = trainer(contrastive_weight=2.0, steps=150, dropout=0.0)
    losses = [run.advance() for _ in range(150)]
    assert np.mean([loss.contrastive for loss in losses[-10:]]) < np.mean([loss.contrastive for loss in losses[:10]]) - 0.2


def test_two_trainings_give_the_same_bits() -> None:
    results = []
    for _ in range(2):
        with deterministic(1):
            run = trainer()
            for _ in range(5):
                run.advance()
            results.append(weights(run.model))
        torch.rand(3)  # what others do with the global generator does not matter
    assert_equal(*results)


def test_another_seed_gives_another_model() -> None:
    one, other = trainer(), trainer(seed=4)
    one.advance(), other.advance()
    assert not np.array_equal(one.model.encoder.neck.weight.detach().numpy(), other.model.encoder.neck.weight.detach().numpy())


def test_a_restored_training_goes_on_with_the_same_bits() -> None:
    unbroken, first = trainer(), trainer()
    for _ in range(8):
        unbroken.advance()
    for _ in range(4):
        first.advance()
    saved = {name: tensor.detach().clone() for name, tensor in first.state().items()}
    second = trainer()
    second.restore(saved, 4)
    for _ in range(4):
        second.advance()
    assert_equal(weights(unbroken.model), weights(second.model))


def test_a_loss_that_is_not_finite_stops_with_the_number_of_the_batch() -> None:  # fault E11
    run = trainer()
    for _ in range(2):
        run.advance()
    with torch.no_grad():
        run.model.decoder.head.bias[0] = float("nan")
    before = weights(run.model)
    with pytest.raises(TrainingError, match=r"not finite in batch 3 .*curve nan"):
        run.advance()
    np.testing.assert_equal(weights(run.model), before)


def test_a_gradient_that_is_not_finite_stops_too() -> None:  # fault E11
    run = trainer()
    run.model.decoder.head.weight.register_hook(lambda gradient: gradient * float("inf"))
    with pytest.raises(TrainingError, match="not finite in batch 1"):
        run.advance()


@pytest.mark.parametrize(
    ("params", "labels"),
    [
        (vectors("warm", 6), list(range(6))),  # one example per word
        (vectors("warm", 6), [0] * 6),  # one word
        (np.repeat(vectors("warm", 1), 6, axis=0), [0, 0, 0, 1, 1, 1]),  # constant columns
        (vectors("warm", 1), [NO_WORD]),  # a single row
    ],
    ids=["one-example-per-word", "one-word", "constant-columns", "one-row"],
)
def test_odd_tables_train_with_finite_losses(params: np.ndarray, labels: list[int]) -> None:  # fault E11
    run = trainer(labels, params)
    for _ in range(3):
        losses = run.advance()
        assert np.all(np.isfinite([losses.curve, losses.contrastive, losses.parameter]))


def test_the_learning_rate_rises_then_falls_to_a_hundredth() -> None:
    rates = [rate_at(step, 1_000) for step in range(1_001)]
    assert rates[0] == pytest.approx(0.01, rel=0.1)
    assert max(rates) == pytest.approx(0.97, abs=0.03)
    assert rates[-1] == pytest.approx(0.01, rel=1e-6)
    assert rates[150:] == sorted(rates[150:], reverse=True)


def test_weights_must_be_exactly_those_of_the_model() -> None:  # fault D12
    model = EqAutoencoder(SAFE_13, 4)
    good = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    load_weights(model, good)
    name = "decoder.head.bias"
    for bad, said in (
        ({n: t for n, t in good.items() if n != name}, "missing"),
        (good | {"../../x": torch.zeros(1)}, "not one of this model"),
        (good | {name: torch.zeros(14)}, "expected"),
        (good | {name: good[name].double()}, "float64"),
        (good | {name: torch.full((13,), float("nan"))}, "not finite"),
    ):
        with pytest.raises(TrainingError, match=said):
            load_weights(model, bad)


def test_deterministic_puts_torch_back_as_it_was() -> None:
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled(), torch.get_rng_state()
    with deterministic(1):
        assert torch.are_deterministic_algorithms_enabled()
        assert torch.get_num_threads() == 1
        torch.rand(5)
    assert torch.get_num_threads() == before[0]
    assert torch.are_deterministic_algorithms_enabled() == before[1]
    assert torch.equal(torch.get_rng_state(), before[2])
