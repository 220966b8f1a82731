"""The training loop of the audio encoder: pairs of windows of one source, one of them through an EQ that is to be heard.

What an EQ did cannot be known from one window, so the encoder is asked for differences: z = flat + z(with EQ) - z(without) is to be the
code that the frozen EQ encoder gives to the EQ, and the frozen decoder is to make the EQ's curve of it. Pink noise needs no second window:
there z(with EQ) itself is to be that code, which ties the codes to pink as what colour is measured from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from semeq_export.arrays import Float64Array
from semeq_export.errors import TrainingError
from semeq_export.listening.spectrum import BANDS_HZ
from semeq_training.audio_models import FINE, N_BANDS, N_FRAMES, AudioEncoder
from semeq_training.data.recipe import EncoderRecipe
from semeq_training.data.sampling import Sampler
from semeq_training.data.synthesis import random_colour_db
from semeq_training.fitting.audio_material import FINE_HZ, KINDS, Kind, Source
from semeq_training.fitting.loop import is_finite, rate_at, restore_state, training_state
from semeq_training.fitting.losses import supervised_contrastive_loss
from semeq_training.models import EqAutoencoder
from semeq_training.torch_biquad import LayoutResponse

_ROWS_PER_WORD = 4
_MIXED_EQS = 0.25
_KNEE_DB = 3.0
_HEARD = 1e-7  # of the total power: bands with less in them tell nothing
_LINEAR_SHARE, _BODY_SHARE = 1.0, 0.2
_BOUND = 0.05  # weight of z's distance from its middle, where tanh still answers
_MAX_Z = 0.9999
_COLOUR_SHARE = 0.9  # of a random colour's 7..9 dB, at most


@dataclass(frozen=True, slots=True)
class AudioLosses:
    """What one step found: curve losses (dB, Huber) of pairs and of pink noise alone, alignment and contrastive loss, before weighting."""

    step: int
    curve: float
    pink: float
    alignment: float
    contrastive: float


@dataclass(slots=True)
class AudioTrainer:
    """An audio encoder in training. params, labels: EQs and their words, as for `loop.Trainer`. sources: noise, and real ones if any.

    Steps count from 0 and follow from seed and step, whether or not the run was resumed.
    """

    recipe: EncoderRecipe
    teacher: EqAutoencoder
    params: Float64Array
    labels: NDArray[np.int64]
    sources: Sequence[Source]
    steps: int
    step: int = 0
    model: AudioEncoder = field(init=False)
    optimiser: torch.optim.Adam = field(init=False)
    _by_kind: dict[Kind, list[Source]] = field(init=False)
    _eqs: Sampler = field(init=False)
    _common: Sampler = field(init=False)
    _fine: LayoutResponse = field(init=False)
    _bands: LayoutResponse = field(init=False)

    def __post_init__(self) -> None:
        recipe, teacher = self.recipe, self.teacher
        teacher.eval().requires_grad_(False)
        torch.manual_seed(recipe.seed)
        self.model = AudioEncoder(recipe.architecture, teacher.latent_dim, recipe.width, recipe.layers)
        self.model.flat.copy_(flat_code(teacher, self.params))
        linear = list(self.model.spectrum.parameters())
        body = [weight for weight in self.model.parameters() if all(weight is not other for other in linear)]
        groups = [{"params": linear, "share": _LINEAR_SHARE}, {"params": body, "share": _BODY_SHARE}]
        self.optimiser = torch.optim.Adam(groups, lr=recipe.learning_rate, betas=(0.9, 0.99), fused=True)
        self._by_kind = {kind: [source for source in self.sources if source.kind == kind] for kind in KINDS}
        self._eqs, self._common = (
            Sampler(
                self.params,
                self.labels,
                teacher.layout,
                batch_size=recipe.batch_size,
                rows_per_word=_ROWS_PER_WORD,
                mixed_share=_MIXED_EQS,
                seed=recipe.seed + offset,
            )
            for offset in (0, 1)
        )
        self._fine, self._bands = LayoutResponse(teacher.layout, FINE_HZ), LayoutResponse(teacher.layout, BANDS_HZ)

    def advance(self) -> AudioLosses:
        """Take one step; raises TrainingError with its number where a loss or a gradient is not finite."""
        recipe, number, n = self.recipe, self.step, self.recipe.batch_size
        rng = np.random.default_rng([recipe.seed, 11, number])
        batch = self._eqs.batch(number)
        order = rng.permutation(n)  # the batch has its groups of words at the end
        params, labels = self._weakened(batch.params[order], rng), torch.from_numpy(batch.labels[order])
        kinds = self._kinds(rng)
        powers = self._powers(kinds, params, number, rng)
        for group in self.optimiser.param_groups:
            group["lr"] = group["share"] * recipe.learning_rate * rate_at(number, self.steps)
        self.model.train()
        z = self.model.encode_powers(powers)
        with_eq, without = z[:n], z[n:]
        between = self.model.flat + with_eq - without
        wanted_db, code = self._bands(params), self.teacher.encoder(params)
        usable = _usable(powers[:n]) * _usable(powers[n:])
        is_pink = torch.from_numpy((kinds == 0).astype(np.float32))[:, None]
        curve = _curve_loss(self._decoded_db(between), wanted_db, usable)
        pink = _curve_loss(self._decoded_db(with_eq), wanted_db, usable * is_pink)
        alignment = torch.square(between - code).mean() + (is_pink * torch.square(with_eq - code)).mean()
        contrastive = supervised_contrastive_loss(self.teacher.directions(between), labels, recipe.temperature)
        away = torch.square(torch.atanh(z.clamp(-_MAX_Z, _MAX_Z)) - torch.atanh(self.model.flat)).mean()
        loss = curve + recipe.pink_weight * pink + recipe.alignment_weight * alignment
        loss = loss + recipe.contrastive_weight * contrastive + _BOUND * away
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        losses = AudioLosses(number + 1, curve.item(), pink.item(), alignment.item(), contrastive.item())
        if not is_finite(self.model, loss):
            raise TrainingError(f"loss or gradient is not finite in batch {losses.step} (curve {losses.curve:g}); lower learning_rate")
        self.optimiser.step()
        self.step = number + 1
        return losses

    def state(self) -> dict[str, Tensor]:
        """Return everything that the next step depends on, by name."""
        return training_state(self.model, self.optimiser)

    def restore(self, tensors: dict[str, Tensor], step: int) -> None:
        """Continue from what `state` gave after `step` steps; raises TrainingError where names or shapes are not this model's."""
        restore_state(self.model, self.optimiser, tensors, step)
        self.step = step

    def _decoded_db(self, z: Tensor) -> Tensor:
        curves: Tensor = self._bands(self.teacher.decoder(z))
        return curves

    def _weakened(self, params: Float64Array, rng: np.random.Generator) -> Tensor:
        """Return EQs of which some have smaller gains: doses well below a person's are to be heard as well."""
        n = len(params)
        amount = np.where(rng.random((n, 1)) < self.recipe.scaled_share, rng.uniform(0.2, 1.0, (n, 1)), 1.0)
        is_gain = np.array([spec.unit == "dB" for spec in self.teacher.layout.params])
        return torch.from_numpy(np.where(is_gain, amount * params, params).astype(np.float32))

    def _kinds(self, rng: np.random.Generator) -> NDArray[np.int64]:
        recipe = self.recipe
        shares = [recipe.pink_share, recipe.coloured_share, 1.0 - recipe.pink_share - recipe.coloured_share]
        if not self._by_kind["real"]:
            shares = [recipe.pink_share, 1.0 - recipe.pink_share, 0.0]
        return np.searchsorted(np.cumsum(shares[:-1]), rng.random(recipe.batch_size), side="right")

    def _powers(self, kinds: NDArray[np.int64], params: Tensor, number: int, rng: np.random.Generator) -> Tensor:
        """Return band powers (2 batch, 47, 28): windows with the EQ, then windows of the same sources without."""
        recipe, n = self.recipe, self.recipe.batch_size
        windows = np.empty((2, n, N_FRAMES, len(FINE_HZ)), dtype=np.float32)
        colours_db = np.zeros((n, N_BANDS))
        for row, kind in enumerate(kinds.tolist()):
            sources = self._by_kind[KINDS[kind]]
            windows[:, row] = _two_windows(sources, rng)
            if kind == 2 and rng.random() < recipe.mix_share:
                windows[:, row] += 10.0 ** rng.uniform(-1.5, 1.0) * _two_windows(sources, rng)
            if kind > 0 and rng.random() < recipe.colour_share:
                colours_db[row] = rng.uniform(0.0, _COLOUR_SHARE) * random_colour_db(rng)
        shared = (kinds > 0) & (rng.random(n) < recipe.common_share)
        fine_colours = np.array([np.interp(np.log(FINE_HZ), np.log(BANDS_HZ), row) for row in colours_db])
        common = torch.from_numpy(self._common.batch(number).params.astype(np.float32))
        both_db = (
            torch.from_numpy(fine_colours.astype(np.float32)) + self._fine(common) * torch.from_numpy(shared.astype(np.float32))[:, None]
        )
        gains_db = torch.stack([self._fine(params) + both_db, both_db])
        fine = torch.from_numpy(windows) * torch.pow(10.0, gains_db / 10.0)[:, :, None, :]
        return fine.reshape(2 * n, N_FRAMES, N_BANDS, FINE).sum(dim=-1)


def flat_code(teacher: EqAutoencoder, params: Float64Array) -> Tensor:
    """Return (latent_dim,) the mean code of EQs (n, n_params) with all gains at 0: the bands where people have them, doing nothing."""
    is_gain = np.array([spec.unit == "dB" for spec in teacher.layout.params])
    idle = torch.from_numpy(np.where(is_gain, 0.0, params).astype(np.float32))
    with torch.no_grad():
        code: Tensor = teacher.encoder(idle).mean(dim=0).clamp(-0.99, 0.99)
    return code


def _two_windows(sources: Sequence[Source], rng: np.random.Generator) -> NDArray[np.float32]:
    powers = sources[int(rng.integers(len(sources)))].powers
    return np.asarray(powers[rng.choice(len(powers), 2, replace=False)])


def _usable(powers: Tensor) -> Tensor:
    """Return (n, 28) 1 where a window (n, 47, 28) has power, 0 elsewhere."""
    mean = powers.mean(dim=1)
    return (mean > _HEARD * mean.sum(dim=1, keepdim=True)).float()


def _curve_loss(found_db: Tensor, wanted_db: Tensor, weight: Tensor) -> Tensor:
    """Return the Huber loss of level-free curves (n, 28) where weight (n, 28) is 1."""
    error = found_db - wanted_db
    error = error - (error * weight).sum(dim=1, keepdim=True) / weight.sum(dim=1, keepdim=True).clamp(min=1.0)
    loss = torch.nn.functional.huber_loss(error, torch.zeros_like(error), delta=_KNEE_DB, reduction="none")
    return (loss * weight).sum() / weight.sum().clamp(min=1.0)
