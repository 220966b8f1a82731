"""Encoder, decoder and projection. The graphs take and give physical units: dB, Hz and Q in the layout's vector order."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from semeq_export.eq import EqLayout

_GAIN_END, _LOG_END = 2e-4, 1e-3
"""How close to the ends of its range a value is told apart: 0.005 dB of 24, and 0.4 % of a frequency. Closer, float32 would differ between
runtimes by more than their tolerance."""

ENCODER_WIDTHS = (128, 256, 128)
NECK_WIDTH = 64
PROJECTION_WIDTH = 128


class ResidualBlock(nn.Module):
    """Linear, LayerNorm, ReLU, Dropout, Linear, LayerNorm, plus the projected input, ReLU. (..., n_in) -> (..., n_out)."""

    def __init__(self, n_in: int, n_out: int, dropout: float) -> None:
        super().__init__()
        self.first = nn.Linear(n_in, n_out)
        self.first_norm = nn.LayerNorm(n_out)
        self.dropout = nn.Dropout(dropout)
        self.second = nn.Linear(n_out, n_out)
        self.second_norm = nn.LayerNorm(n_out)
        self.skip = nn.Linear(n_in, n_out)

    def forward(self, values: Tensor) -> Tensor:
        """Return the block's output."""
        inner = self.dropout(torch.relu(self.first_norm(self.first(values))))
        return torch.relu(self.second_norm(self.second(inner)) + self.skip(values))


class LayoutScale(nn.Module):
    """The layout's declared ranges as numbers of a graph: physical values to 0..1 and back.

    Frequencies and Qs are even on a log scale, gains on a linear one. The ranges are the device's, not the data's: those shrink to the
    dense middle.
    """

    is_log: Tensor
    low: Tensor
    span: Tensor
    minimum: Tensor
    maximum: Tensor
    end: Tensor
    is_gain: Tensor
    gain_of: Tensor
    gain_reach: Tensor

    def __init__(self, layout: EqLayout) -> None:
        super().__init__()
        is_log = [spec.scale == "log" for spec in layout.params]
        low = [math.log(spec.minimum) if log else spec.minimum for spec, log in zip(layout.params, is_log, strict=True)]
        high = [math.log(spec.maximum) if log else spec.maximum for spec, log in zip(layout.params, is_log, strict=True)]
        self.register_buffer("is_log", torch.tensor(is_log), persistent=False)
        self.register_buffer("low", torch.tensor(low, dtype=torch.float32), persistent=False)
        self.register_buffer("span", torch.tensor(high, dtype=torch.float32) - torch.tensor(low, dtype=torch.float32), persistent=False)
        # float32 rounding of exp(log(20000)) may pass the end of the range; these are the outermost float32 values inside it
        self.register_buffer("minimum", torch.from_numpy(_inside(layout.minimum, upwards=True)), persistent=False)
        self.register_buffer("maximum", torch.from_numpy(_inside(layout.maximum, upwards=False)), persistent=False)
        ends = [_LOG_END if log else _GAIN_END for log in is_log]
        self.register_buffer("end", torch.tensor(ends, dtype=torch.float32), persistent=False)
        gain_of = [layout.params.index(slot.gain_db) for slot in layout.slots for _ in slot.params]
        reach = [max(abs(spec.minimum), abs(spec.maximum)) for spec in layout.params]
        self.register_buffer("is_gain", torch.tensor([spec.unit == "dB" for spec in layout.params]), persistent=False)
        self.register_buffer("gain_of", torch.tensor(gain_of), persistent=False)
        self.register_buffer("gain_reach", torch.tensor(reach, dtype=torch.float32)[gain_of], persistent=False)

    def importance(self, params: Tensor) -> Tensor:
        """Return how much each value (..., n_params) matters, 0..1: gains always, frequency and Q as far as their band is used."""
        return torch.where(self.is_gain, torch.ones_like(params), params[..., self.gain_of].abs() / self.gain_reach)

    def to_unit(self, params: Tensor) -> Tensor:
        """Return physical values (..., n_params) on the 0..1 scale of their ranges."""
        bounded = torch.minimum(torch.maximum(params, self.minimum), self.maximum)
        logged = torch.log(torch.where(self.is_log, bounded, torch.ones_like(bounded)))
        return (torch.where(self.is_log, logged, bounded) - self.low) / self.span

    def to_raw(self, params: Tensor) -> Tensor:
        """Return what a head would have to give for physical values (..., n_params): the inverse of `to_physical`, held at its ends.

        Distances from both ends are measured on their own: one minus the other would lose digits near an end.
        """
        bounded = torch.minimum(torch.maximum(params, self.minimum), self.maximum)
        one = torch.ones_like(bounded)
        up = torch.log(torch.where(self.is_log, bounded / self.minimum, one))
        down = torch.log(torch.where(self.is_log, self.maximum / bounded, one))
        below = torch.where(self.is_log, up, bounded - self.minimum) / self.span
        above = torch.where(self.is_log, down, self.maximum - bounded) / self.span
        return torch.log(torch.maximum(below, self.end)) - torch.log(torch.maximum(above, self.end))

    def to_physical(self, raw: Tensor) -> Tensor:
        """Return physical values (..., n_params), inside their ranges, of a head's raw output: a sigmoid on each range.

        For a gain of -g..g dB the sigmoid is g tanh(raw / 2).
        """
        even = self.low + self.span * torch.sigmoid(raw)
        params = torch.where(self.is_log, torch.exp(torch.where(self.is_log, even, torch.zeros_like(even))), even)
        return torch.minimum(torch.maximum(params, self.minimum), self.maximum)


class EqEncoder(nn.Module):
    """EQ parameters (..., n_params) in dB, Hz and Q -> z (..., latent_dim) in -1..1.

    The input is stretched by the inverse of the decoder's sigmoids: on that scale, giving back what came in is a linear map.
    """

    def __init__(self, layout: EqLayout, latent_dim: int, dropout: float) -> None:
        super().__init__()
        self.scale = LayoutScale(layout)
        widths = (len(layout.params), *ENCODER_WIDTHS)
        self.blocks = nn.Sequential(*(ResidualBlock(a, b, dropout) for a, b in pairwise(widths)))
        self.neck = nn.Linear(widths[-1], NECK_WIDTH)
        self.latent = nn.Linear(NECK_WIDTH, latent_dim)

    def forward(self, params: Tensor) -> Tensor:
        """Return z."""
        return torch.tanh(self.latent(self.neck(self.blocks(self.scale.to_raw(params)))))


class EqDecoder(nn.Module):
    """z (..., latent_dim) in -1..1 -> EQ parameters (..., n_params) in dB, Hz and Q, inside the layout's ranges.

    The peaks come in any order of frequency: order carries no meaning.
    """

    def __init__(self, layout: EqLayout, latent_dim: int, dropout: float) -> None:
        super().__init__()
        widths = (NECK_WIDTH, *reversed(ENCODER_WIDTHS))
        self.neck = nn.Linear(latent_dim, NECK_WIDTH)
        self.blocks = nn.Sequential(*(ResidualBlock(a, b, dropout) for a, b in pairwise(widths)))
        self.head = nn.Linear(widths[-1], len(layout.params))
        self.scale = LayoutScale(layout)

    def forward(self, z: Tensor) -> Tensor:
        """Return the parameters."""
        return self.scale.to_physical(self.head(self.blocks(self.neck(z))))


class EqAutoencoder(nn.Module):
    """Encoder, decoder, and the projection that only the contrastive loss sees."""

    def __init__(self, layout: EqLayout, latent_dim: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.layout = layout
        self.latent_dim = latent_dim
        self.encoder = EqEncoder(layout, latent_dim, dropout)
        self.decoder = EqDecoder(layout, latent_dim, dropout)
        self.projection = nn.Linear(latent_dim, PROJECTION_WIDTH, bias=False)
        _start_as_linear_map(self)

    def linear_parameters(self) -> list[nn.Parameter]:
        """Return the weights that make up the linear map which a fresh model starts as: necks, skips, latent and head."""
        encoder, decoder = self.encoder, self.decoder
        skips = [block.skip for block in (*encoder.blocks, *decoder.blocks) if isinstance(block, ResidualBlock)]
        return [weight for part in (encoder.neck, encoder.latent, decoder.neck, decoder.head, *skips) for weight in part.parameters()]

    def forward(self, params: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return z (..., latent_dim), the decoded parameters (..., n_params) and the unit-length projection (..., 128)."""
        z = self.encoder(params)
        return z, self.decoder(z), nn.functional.normalize(self.projection(z), dim=-1)


def _inside(bounds: np.ndarray[tuple[int], np.dtype[np.float64]], *, upwards: bool) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    rounded = bounds.astype(np.float32)
    outside = rounded < bounds if upwards else rounded > bounds
    return np.where(outside, np.nextafter(rounded, np.float32(np.inf if upwards else -np.inf)), rounded).astype(np.float32)


_CODE_SCALE = 0.1  # small enough that tanh is nearly straight


@torch.no_grad()
def _start_as_linear_map(model: EqAutoencoder) -> None:
    """Make the fresh model decode what it encodes, as far as latent_dim allows; training then bends what is a linear map at first.

    The first latent numbers hold the parameters; those to spare start large and unread, free for what tells words apart.
    The skips are orthogonal and mirrored (each row beside its negative), so that ReLU loses nothing; the inner paths start at 0 through
    the gain of their last norm. Measured on the real data: 32-D decodes held-out rows to 0.03 dB
    before the first step; torch's own start is at 0.7 dB after a thousand.
    Sources: D. Balduzzi et al., The Shattered Gradients Problem, ICML 2017 (looks-linear initialisation); P. Goyal et al., Accurate, Large
    Minibatch SGD, 2017, section 5.1 (zero gamma).
    """
    encoder, decoder = model.encoder, model.decoder
    to_neck = _orthogonal(NECK_WIDTH, encoder.neck.in_features // 2)
    _set_linear(encoder.neck, torch.cat([to_neck, -to_neck], dim=1))
    encoding = to_neck @ _mirror_skips(encoder.blocks)
    n_params = encoding.shape[1]
    spare = model.latent_dim - n_params
    code = torch.eye(model.latent_dim, n_params) if spare > 0 else _orthogonal(model.latent_dim, n_params)
    weight = _CODE_SCALE * code @ torch.linalg.pinv(encoding)
    if spare > 0:
        weight[n_params:] = _orthogonal(spare, NECK_WIDTH)
    _set_linear(encoder.latent, weight)
    reading = _orthogonal(NECK_WIDTH, n_params) @ torch.linalg.pinv(code)
    _set_linear(decoder.neck, reading)
    decoding = _mirror_skips(decoder.blocks) @ reading
    head = torch.linalg.pinv(decoding @ code) / _CODE_SCALE
    _set_linear(decoder.head, torch.cat([head, -head], dim=1))
    nn.init.orthogonal_(model.projection.weight)


def _mirror_skips(blocks: nn.Sequential) -> Tensor:
    """Set the skips of a chain of blocks and return the linear map from its input to the first half of its output."""
    chain: Tensor | None = None
    for block in blocks:
        assert isinstance(block, ResidualBlock)
        n_in = block.skip.in_features if chain is None else block.skip.in_features // 2
        core = _orthogonal(block.skip.out_features // 2, n_in)
        from_mirrored = core if chain is None else torch.cat([core, -core], dim=1)
        _set_linear(block.skip, torch.cat([from_mirrored, -from_mirrored], dim=0))
        block.second_norm.weight.zero_()
        chain = core if chain is None else core @ chain
    assert chain is not None
    return chain


def _orthogonal(n_out: int, n_in: int) -> Tensor:
    return nn.init.orthogonal_(torch.empty(n_out, n_in))


def _set_linear(linear: nn.Linear, weight: Tensor) -> None:
    linear.weight.copy_(weight)
    linear.bias.zero_()
