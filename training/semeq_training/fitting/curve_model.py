"""An autoencoder whose codes are linear in dB: what sums of words mean is decided by the encoder, and the decoder learns to follow.

z is in two parts. The first numbers are a linear map of the response curve without its level, so the code of a sum of curves is the
sum of their codes. The last n_params numbers say how a setting differs, on the scale of the decoder's head, from the one that the
decoder makes of its curve alone; they are 0 for words. So `decode(sum of w z)` is the setting for `sum of w curves`, for weights of
either sign, and rows come back as they are.

The decoder has the same layers as every other (`EqDecoder`): some channels of each are kept for the second part and pass it on
unchanged, since ReLU(x) - ReLU(-x) = x; gradients do not reach them.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn

from semeq_export.arrays import Float64Array
from semeq_export.eq.curve import log_grid
from semeq_export.eq.settings import EqLayout
from semeq_training.models import CURVE_POINTS, PROJECTION_WIDTH, EqAutoencoder, EqDecoder, ResidualBlock
from semeq_training.torch_biquad import LayoutResponse

REST_SCALE = 20.0
"""Raw output of the decoder's head for a rest of 1; the ends of the layout's ranges are 8.5 from their middle."""

CODE_SHARE = 0.25
"""Standard deviation of the words' codes along each axis; a code ends at -1 and 1."""


class CurveEncoder(nn.Module):
    """EQ parameters (..., n_params) in dB, Hz and Q -> z (..., latent_dim) in -1..1. Shares its weights with the decoder that it asks."""

    def __init__(self, layout: EqLayout, codes: nn.Linear, decoder: EqDecoder) -> None:
        super().__init__()
        self.response = LayoutResponse(layout, log_grid(CURVE_POINTS, 25.0, 18_000.0))
        self.codes, self.decoder = codes, decoder
        self.n_params = len(layout.params)

    def forward(self, params: Tensor) -> Tensor:
        """Return z."""
        curve: Tensor = self.response(params)
        code = self.of_curves(curve - curve.mean(dim=-1, keepdim=True))
        alone = torch.cat([code, torch.zeros_like(params)], dim=-1)
        rest = (self.decoder.scale.to_raw(params) - self.decoder.raw(alone)) / REST_SCALE
        return torch.cat([code, rest.clamp(-1.0, 1.0)], dim=-1)

    def of_curves(self, curves_db: Tensor) -> Tensor:
        """Return the codes (..., n_codes) of level-free curves (..., 48) in dB."""
        return torch.clamp(self.codes(curves_db), -1.0, 1.0)


class CurveAutoencoder(EqAutoencoder):
    """The autoencoder with curve codes; `start_from_curves` sets its axes. Raises ValueError where latent_dim leaves no room for codes."""

    def __init__(self, layout: EqLayout, latent_dim: int) -> None:
        nn.Module.__init__(self)
        if latent_dim <= len(layout.params):
            raise ValueError(f"curve codes need more than {len(layout.params)} latent numbers, found {latent_dim}")
        self.layout, self.latent_dim = layout, latent_dim
        self.n_codes = latent_dim - len(layout.params)
        self.codes = nn.Linear(CURVE_POINTS, self.n_codes, bias=False)
        self.decoder = EqDecoder(layout, latent_dim, 0.0)
        self.projection = nn.Linear(latent_dim, PROJECTION_WIDTH, bias=False)
        nn.init.orthogonal_(self.projection.weight)
        _reserve_rest(self.decoder, self.n_codes)
        self.response = LayoutResponse(layout, log_grid(CURVE_POINTS, 25.0, 18_000.0))

    @property
    def encoder(self) -> CurveEncoder:  # type: ignore[override]  # the others have weights of their own
        """The encoder: the codes, and this decoder."""
        return CurveEncoder(self.layout, self.codes, self.decoder)

    def linear_parameters(self) -> list[nn.Parameter]:
        """Return the weights of the codes' axes."""
        return list(self.codes.parameters())

    def z_of_curves(self, curves_db: Tensor) -> Tensor:
        """Return z (..., latent_dim) of level-free curves (..., 48) on `code_grid()`: no rest, so the decoder chooses the bands."""
        code = self.encoder.of_curves(curves_db)
        return torch.cat([code, code.new_zeros(*code.shape[:-1], len(self.layout.params))], dim=-1)

    @torch.no_grad()
    def start_from_curves(self, curves_db: Float64Array) -> None:
        """Set the axes to the principal components of level-free curves (n, 48), each with `CODE_SHARE` as its standard deviation."""
        _, spread, axes = np.linalg.svd(curves_db, full_matrices=False)
        n = min(self.n_codes, len(axes))
        deviation = np.maximum(spread[:n] / math.sqrt(len(curves_db)), 1e-3)
        weight = torch.zeros_like(self.codes.weight)
        weight[:n] = torch.from_numpy((CODE_SHARE * axes[:n] / deviation[:, np.newaxis]).astype(np.float32))
        self.codes.weight.copy_(weight)


def code_grid() -> Float64Array:
    """Return (48,) frequencies in Hz of the curves that codes are made of."""
    return log_grid(CURVE_POINTS, 25.0, 18_000.0)


@torch.no_grad()
def _reserve_rest(decoder: EqDecoder, n_codes: int) -> None:
    """Keep the last 2 n_params channels of every layer for the rest of z, and let no gradient change them."""
    n_params = decoder.head.out_features
    _fix(decoder.neck.weight, rows=2 * n_params, columns=n_params)
    decoder.neck.weight[-2 * n_params : -n_params, n_codes:] = torch.eye(n_params)
    decoder.neck.weight[-n_params:, n_codes:] = -torch.eye(n_params)
    _fix(decoder.neck.bias, rows=2 * n_params)
    for block in decoder.blocks:
        assert isinstance(block, ResidualBlock)
        _fix(block.first.weight, columns=2 * n_params)
        _fix(block.second_norm.weight, rows=2 * n_params)
        _fix(block.second_norm.bias, rows=2 * n_params)
        _fix(block.skip.weight, rows=2 * n_params, columns=2 * n_params)
        block.skip.weight[-2 * n_params :, -2 * n_params :] = torch.eye(2 * n_params)
        _fix(block.skip.bias, rows=2 * n_params)
    _fix(decoder.head.weight, columns=2 * n_params)
    decoder.head.weight[:, -2 * n_params : -n_params] = REST_SCALE * torch.eye(n_params)
    decoder.head.weight[:, -n_params:] = -REST_SCALE * torch.eye(n_params)


def _fix(weight: Tensor, *, rows: int = 0, columns: int = 0) -> None:
    """Set the last rows and the last columns of a weight to 0, and keep gradients from them."""
    mask = torch.ones_like(weight)
    if rows:
        mask[-rows:] = 0.0
    if columns:
        mask[:, -columns:] = 0.0
    weight.mul_(mask)
    weight.register_hook(lambda slope: slope * mask)  # type: ignore[no-untyped-call]
