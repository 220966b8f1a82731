"""What a reader would try first: methods that the model has to beat, measured on the same held-out rows.

Each gives curves for held-out rows from training rows only. `beta-VAE` is in FlowEQ's manner: parameters on 0..1, linear in Hz and Q, one
hidden layer, the error of parameters and a little of the divergence.
Source: C. J. Steinmetz, flowEQ (2019), https://github.com/csteinmetz1/flowEQ.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from semeq_export.arrays import Float64Array
from semeq_export.eq.curve import log_grid
from semeq_export.eq.settings import EqLayout
from semeq_training.data.datasets import ExampleTable
from semeq_training.models import LayoutScale
from semeq_training.torch_biquad import LayoutResponse

PCA_SIZES = (3, 5, 8)
VAE_SIZES = (2, 3, 8)
_VAE_WIDTH, _VAE_BATCH, _VAE_RATE, _VAE_BETA = 1_024, 64, 1e-3, 1e-3


def baseline_errors_db(layout: EqLayout, train: ExampleTable, held: ExampleTable, *, seed: int, vae_steps: int) -> dict[str, Float64Array]:
    """Return, by method, (n,) mean absolute differences in dB between held-out rows' responses and what the method makes of them."""
    response = LayoutResponse(layout, log_grid(240))
    seen, curves = _curves(response, train.vectors), _curves(response, held.vectors)
    keys = np.array([f"{example.word}\0{example.language}" for example in train.examples])
    wanted = [f"{example.word}\0{example.language}" for example in held.examples]
    scale = LayoutScale(layout)
    unit, unseen = (_unit(scale, table.vectors) for table in (train, held))
    guesses = {
        "flat": np.zeros_like(curves),
        "word's mean curve": _of_word(seen, keys, wanted),
        "word's mean parameters": _from_unit(response, scale, _of_word(unit, keys, wanted)),
        "nearest row by curve": seen[_nearest(seen, curves)],
    }
    for size in PCA_SIZES:
        guesses[f"PCA-{size} of parameters"] = _from_unit(response, scale, _principal(unit, unseen, size))
    guesses["PCA-8 of curves, no settings"] = _principal(seen, curves, 8)
    for size in VAE_SIZES:
        guesses[f"beta-VAE, {size} numbers"] = _curves(response, _vae(layout, train.vectors, held.vectors, size, seed, vae_steps))
    return {name: np.abs(guess - curves).mean(axis=1) for name, guess in guesses.items()}


def _curves(response: LayoutResponse, vectors: Float64Array) -> Float64Array:
    with torch.no_grad():
        curves: Float64Array = response(torch.from_numpy(vectors)).numpy()
    return curves


def _unit(scale: LayoutScale, vectors: Float64Array) -> Float64Array:
    unit: NDArray[np.float32] = scale.to_unit(torch.from_numpy(vectors.astype(np.float32))).numpy()
    return unit.astype(np.float64)


def _from_unit(response: LayoutResponse, scale: LayoutScale, unit: Float64Array) -> Float64Array:
    even = scale.low + scale.span * torch.from_numpy(np.clip(unit, 0.0, 1.0).astype(np.float32))
    params = torch.where(scale.is_log, torch.exp(torch.where(scale.is_log, even, torch.zeros_like(even))), even)
    bounded = torch.minimum(torch.maximum(params, scale.minimum), scale.maximum)
    return _curves(response, bounded.double().numpy())


def _of_word(rows: Float64Array, keys: NDArray[np.str_], wanted: list[str]) -> Float64Array:
    means = {key: rows[keys == key].mean(axis=0) for key in np.unique(keys).tolist()}
    anything = rows.mean(axis=0)
    return np.array([means.get(key, anything) for key in wanted])


def _nearest(seen: Float64Array, unseen: Float64Array) -> NDArray[np.intp]:
    distances = np.square(unseen).sum(axis=1)[:, np.newaxis] - 2.0 * unseen @ seen.T + np.square(seen).sum(axis=1)
    closest: NDArray[np.intp] = np.argmin(distances, axis=1)
    return closest


def _principal(seen: Float64Array, unseen: Float64Array, size: int) -> Float64Array:
    mean = seen.mean(axis=0)
    axes = np.linalg.svd(seen - mean, full_matrices=False)[2][:size]
    guess: Float64Array = mean + (unseen - mean) @ axes.T @ axes
    return guess


class _Vae(nn.Module):
    def __init__(self, n_params: int, size: int) -> None:
        super().__init__()
        self.size = size
        self.into = nn.Sequential(nn.Linear(n_params, _VAE_WIDTH), nn.ReLU(), nn.Linear(_VAE_WIDTH, 2 * size))
        self.out = nn.Sequential(nn.Linear(size, _VAE_WIDTH), nn.ReLU(), nn.Linear(_VAE_WIDTH, n_params), nn.Sigmoid())

    def forward(self, unit: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_variance = self.into(unit).split(self.size, dim=-1)
        noise = torch.randn_like(mean) * torch.exp(0.5 * log_variance) if self.training else 0.0
        divergence = -0.5 * (1.0 + log_variance - torch.square(mean) - torch.exp(log_variance)).sum(dim=-1).mean()
        return self.out(mean + noise), divergence


def _vae(layout: EqLayout, seen: Float64Array, unseen: Float64Array, size: int, seed: int, steps: int) -> Float64Array:
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    span = layout.maximum - layout.minimum
    unit, wanted = (torch.from_numpy(((rows - layout.minimum) / span).astype(np.float32)) for rows in (seen, unseen))
    model = _Vae(len(layout.params), size)
    optimiser = torch.optim.Adam(model.parameters(), lr=_VAE_RATE)
    for _ in range(steps):
        batch = unit[rng.integers(len(unit), size=_VAE_BATCH)]
        decoded, divergence = model(batch)
        loss = torch.square(decoded - batch).sum(dim=-1).mean() + _VAE_BETA * divergence
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    model.eval()
    with torch.no_grad():
        decoded = model(wanted)[0].double().numpy()
    return layout.clip(layout.minimum + span * decoded)
