"""Training a model of curve codes: the decoder learns the settings for sums of words; rows come back by construction."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch

from semeq_export.arrays import Float64Array
from semeq_export.eq.curve import level_free
from semeq_training.data.sampling import NO_WORD
from semeq_training.fitting.blends import BlendSampler, Readability
from semeq_training.fitting.curve_model import CurveAutoencoder, code_grid
from semeq_training.fitting.loop import Losses, Trainer, rate_at
from semeq_training.fitting.losses import supervised_contrastive_loss
from semeq_training.torch_biquad import LayoutResponse

_LEVEL_WEIGHT = 0.02  # of the squared level in dB: a word changes the colour, not the loudness
_FIGHT_WEIGHT, _OUTSIDE_WEIGHT, _IDLE_WEIGHT = 0.3, 0.3, 0.08
_RAW_WEIGHT, _RAW_REACH = 0.1, 7.0  # a head that goes further leaves no room for the rest of a row
_RAMP_STEPS = 1_000  # curves first, then what is readable: the other way round the search ends in poor places
_MAX_SLOPE = 1.0
_SMALL = 1e-4


@dataclass(slots=True)
class CurveTrainer(Trainer):
    """A model of curve codes in training. Of its losses, `parameter` is what the bands cost a reader, after its weights."""

    _blends: BlendSampler = field(init=False)
    _response: LayoutResponse = field(init=False)
    _readability: Readability = field(init=False)

    def __post_init__(self) -> None:
        Trainer.__post_init__(self)
        assert isinstance(self.model, CurveAutoencoder)
        rows = _curves(self.layout_response(), self.params)
        words = np.array([rows[self.labels == label].mean(axis=0) for label in np.unique(self.labels[self.labels != NO_WORD])])
        self.model.start_from_curves(words if len(words) else rows)
        self._blends = BlendSampler(words if len(words) else rows, rows, batch_size=self.recipe.batch_size, seed=self.recipe.seed)
        self._response = self.layout_response()
        self._readability = Readability(self.layout)

    def layout_response(self) -> LayoutResponse:
        """Return the response on the frequencies of the codes."""
        return LayoutResponse(self.layout, code_grid())

    def advance(self) -> Losses:
        """Take one step; raises TrainingError with its number where a loss or a gradient is not finite."""
        recipe, number, model = self.recipe, self.step, self.model
        assert isinstance(model, CurveAutoencoder)
        assert model.projection is not None
        for group in self.optimiser.param_groups:
            group["lr"] = group["share"] * recipe.learning_rate * rate_at(number, recipe.steps)
        model.train()
        wanted = torch.from_numpy(self._blends.batch(number))
        raw = model.decoder.raw(model.z_of_curves(wanted))
        params = model.decoder.scale.to_physical(raw)
        bands = self._response.bands(params)
        found = bands.sum(dim=1)
        level = found.mean(dim=1, keepdim=True)
        square = torch.square(found - level - wanted).mean(dim=1)
        curve = (0.5 * torch.sqrt(square + _SMALL) + square).mean()  # every sum counts, and the worst ones more
        costs = self._readability(params, bands)
        ramp = min(1.0, number / _RAMP_STEPS)
        readable = ramp * (_FIGHT_WEIGHT * costs.fight + _IDLE_WEIGHT * costs.idle) + _OUTSIDE_WEIGHT * costs.outside
        batch = self._sampler.batch(number)
        rows = torch.from_numpy(batch.params.astype(np.float32))
        z = model.encoder(rows)
        code = torch.cat([z[:, : model.n_codes], torch.zeros_like(rows)], dim=1)
        far = torch.relu(raw.abs() - _RAW_REACH).mean() + torch.relu(model.decoder.raw(code).abs() - _RAW_REACH).mean()
        contrastive = supervised_contrastive_loss(model.directions(z), torch.from_numpy(batch.labels), recipe.temperature)
        loss = curve + _LEVEL_WEIGHT * torch.square(level).mean() + readable + _RAW_WEIGHT * far + recipe.contrastive_weight * contrastive
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), _MAX_SLOPE)
        losses = Losses(number + 1, curve.item(), contrastive.item(), readable.item())
        self._check(losses, loss)
        self.optimiser.step()
        self.step = number + 1
        return losses


def _curves(response: LayoutResponse, params: Float64Array) -> Float64Array:
    with torch.no_grad():
        return level_free(response(torch.from_numpy(params)).numpy())
