"""The training loop: one model, one set of rows, a number of steps. The same inputs give the same bits, stopped and resumed or not."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from semeq_export.arrays import Float64Array
from semeq_export.eq.curve import log_grid
from semeq_export.eq.settings import EqLayout
from semeq_export.errors import TrainingError
from semeq_training.data.recipe import Recipe
from semeq_training.data.sampling import Sampler
from semeq_training.fitting.curve_model import CurveAutoencoder
from semeq_training.fitting.losses import curve_loss, parameter_loss, supervised_contrastive_loss
from semeq_training.models import EqAutoencoder
from semeq_training.torch_biquad import LayoutResponse

N_FREQS = 64
_WARM_UP_STEPS = 100
_LAST_RATE = 0.01  # of the learning rate, at the end of the cosine


@dataclass(frozen=True, slots=True)
class Losses:
    """What one step found: the curve loss (dB, Huber), the contrastive loss (nats) and the parameter loss, each before its weight."""

    step: int
    curve: float
    contrastive: float
    parameter: float


@dataclass(slots=True)
class Trainer:
    """A model in training on rows of a layout. params: (n_rows, n_params). labels: (n_rows,), NO_WORD for rows without a usable word.

    Steps count from 0; `step` is the next one. State lives in the model and the optimiser only: batches, dropout and learning rate follow
    from seed and step.
    """

    recipe: Recipe
    layout: EqLayout
    params: Float64Array
    labels: NDArray[np.int64]
    step: int = 0
    model: EqAutoencoder = field(init=False)
    optimiser: torch.optim.Adam = field(init=False)
    _sampler: Sampler = field(init=False)
    _response: LayoutResponse = field(init=False)

    def __post_init__(self) -> None:
        recipe = self.recipe
        torch.manual_seed(recipe.seed)
        self.model = new_model(recipe, self.layout)
        if recipe.encoder == "curve":
            self.model.start_from_curves(self.params)
        linear = self.model.linear_parameters()
        inner = [weight for weight in self.model.parameters() if all(weight is not other for other in linear)]
        groups = [{"params": inner, "share": 1.0}, {"params": linear, "share": recipe.linear_rate}]
        self.optimiser = torch.optim.Adam(groups, lr=recipe.learning_rate, betas=(0.9, 0.99), fused=True)
        self._sampler = Sampler(
            self.params,
            self.labels,
            self.layout,
            batch_size=recipe.batch_size,
            rows_per_word=recipe.rows_per_word,
            mixed_share=recipe.mixed_share,
            varied_share=recipe.varied_share,
            seed=recipe.seed,
        )
        self._response = LayoutResponse(self.layout, log_grid(N_FREQS))

    def advance(self) -> Losses:
        """Take one step; raises TrainingError with its number where a loss or a gradient is not finite."""
        recipe, number = self.recipe, self.step
        batch = self._sampler.batch(number)
        params = torch.from_numpy(batch.params.astype(np.float32))
        torch.manual_seed((recipe.seed << 24) + number)  # dropout
        for group in self.optimiser.param_groups:
            group["lr"] = group["share"] * recipe.learning_rate * rate_at(number, recipe.steps)
        self.model.train()
        _, decoded, projections = self.model(params)
        curve = curve_loss(self._response(decoded), self._response(params))
        parameter = parameter_loss(self.model.decoder.scale, decoded, params)
        contrastive = supervised_contrastive_loss(projections, torch.from_numpy(batch.labels), recipe.temperature)
        loss = curve + recipe.parameter_weight * parameter + recipe.contrastive_weight * contrastive
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        losses = Losses(number + 1, curve.item(), contrastive.item(), parameter.item())
        self._check(losses, loss)
        self.optimiser.step()
        self.step = number + 1
        return losses

    def state(self) -> dict[str, Tensor]:
        """Return everything that the next step depends on, by name: weights and the optimiser's moments."""
        return training_state(self.model, self.optimiser)

    def restore(self, tensors: dict[str, Tensor], step: int) -> None:
        """Continue from what `state` gave after `step` steps; raises TrainingError where names or shapes are not this model's."""
        restore_state(self.model, self.optimiser, tensors, step)
        self.step = step

    def _check(self, losses: Losses, loss: Tensor) -> None:
        if not is_finite(self.model, loss):
            found = f"curve {losses.curve:g}, contrastive {losses.contrastive:g}, parameter {losses.parameter:g}"
            raise TrainingError(f"loss or gradient is not finite in batch {losses.step} ({found}); lower learning_rate or check the data")


def training_state(model: nn.Module, optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return weights and the optimiser's moments by name."""
    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    for name, weight in model.named_parameters():
        for moment, value in optimiser.state[weight].items():
            tensors[f"optimiser.{name}.{moment}"] = value
    return tensors


def restore_state(model: nn.Module, optimiser: torch.optim.Optimizer, tensors: dict[str, Tensor], step: int) -> None:
    """Put back what `training_state` gave after `step` steps; raises TrainingError where names or shapes are not this model's."""
    load_weights(model, {name.removeprefix("model."): tensor for name, tensor in tensors.items() if name.startswith("model.")})
    if step == 0:
        return
    for name, weight in model.named_parameters():
        moments = {moment: tensors.get(f"optimiser.{name}.{moment}") for moment in ("step", "exp_avg", "exp_avg_sq")}
        if any(value is None for value in moments.values()):
            raise TrainingError(f"checkpoint lacks the optimiser's state of {name}; start without `resume`")
        optimiser.state[weight] = moments


def is_finite(model: nn.Module, loss: Tensor) -> bool:
    """Whether a loss and all its gradients are finite: one number instead of forty checks, each of which would cost as much as a layer."""
    slope = torch.nn.utils.get_total_norm([weight.grad for weight in model.parameters() if weight.grad is not None])
    return math.isfinite(loss.item()) and math.isfinite(slope.item())


def new_model(recipe: Recipe, layout: EqLayout) -> EqAutoencoder:
    """Return a fresh model of a recipe, from torch's random state."""
    if recipe.encoder == "codes":
        return CurveAutoencoder(layout, recipe.latent_dim)
    return EqAutoencoder(layout, recipe.latent_dim, recipe.dropout, recipe.encoder, word_path=recipe.word_path)


def rate_at(step: int, steps: int) -> float:
    """Return the learning rate of a step as a share of the recipe's: a short linear rise, then half a cosine down to 1 %."""
    rise = min(1.0, (step + 1) / _WARM_UP_STEPS)
    return rise * (_LAST_RATE + (1.0 - _LAST_RATE) * 0.5 * (1.0 + math.cos(math.pi * min(1.0, step / steps))))


def load_weights(model: nn.Module, weights: dict[str, Tensor]) -> None:
    """Put weights into a model; raises TrainingError unless names, shapes and types are exactly its own and every number is finite."""
    wanted = model.state_dict()
    for name in sorted(wanted.keys() | weights.keys()):
        if name not in weights or name not in wanted:
            raise TrainingError(f"weights: tensor {name[:100]!r} is {'missing' if name in wanted else 'not one of this model'}")
        if weights[name].shape != wanted[name].shape or weights[name].dtype != wanted[name].dtype:
            found, expected = (f"{tuple(t.shape)} {t.dtype}" for t in (weights[name], wanted[name]))
            raise TrainingError(f"weights: tensor {name!r} is {found}, expected {expected}")
        if not bool(torch.isfinite(weights[name]).all()):
            raise TrainingError(f"weights: tensor {name!r} holds numbers that are not finite")
    model.load_state_dict(weights)


@contextmanager
def deterministic(threads: int) -> Iterator[None]:
    """Run torch with a fixed thread count, deterministic algorithms only, and the global random state put back afterwards."""
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled(), torch.get_rng_state()
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        torch.use_deterministic_algorithms(before[1])
        torch.set_rng_state(before[2])
