"""The differentiable twin of `semeq_export.eq.biquad`: from parameter vectors to response curves in dB.

A digital cookbook filter is its analogue prototype at a warped frequency. With t = (tan(w/2) / tan(w0/2))^2 and A = 10^(gain_db/40):

    peak        |H|^2 = ((1 - t)^2 + t A^2/Q^2) / ((1 - t)^2 + t/(A^2 Q^2))
    low shelf   |H|^2 = A^2 ((A - t)^2 + t A/Q^2) / ((1 - A t)^2 + t A/Q^2)
    high shelf  the low shelf with 1/t for t

This is the cookbook's sin^2(w/2) form with the common factor cos^2(w/2) cos^2(w0/2) divided out. Nothing in it cancels at low frequencies,
so float32 is enough: the expanded polynomial loses 14 dB there.
Source: R. Bristow-Johnson, Audio EQ Cookbook, https://www.w3.org/TR/audio-eq-cookbook/.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from semeq_export.arrays import FloatArray
from semeq_export.eq.settings import BandKind, BandSlot, EqLayout, ParamSpec

TRAINING_RATE_HZ = 48_000.0
"""The sample rate at which training compares curves; every frequency of a layout must lie below half of it."""


class LayoutResponse(torch.nn.Module):
    """Maps vectors of a layout (..., n_params), in dB, Hz and Q, to responses (..., n_freqs) in dB.

    freqs_hz: (n_freqs,) above 0 and below half the sample rate. Works in the type of its input, float32 or float64.
    """

    _log_tan: Tensor

    def __init__(self, layout: EqLayout, freqs_hz: FloatArray, sample_rate_hz: float = TRAINING_RATE_HZ) -> None:
        super().__init__()
        self._half_turn = math.pi / sample_rate_hz
        log_tan = torch.log(torch.tan(torch.as_tensor(freqs_hz, dtype=torch.float64) * self._half_turn))
        self.register_buffer("_log_tan", log_tan, persistent=False)
        starts = [sum(len(slot.params) for slot in layout.slots[:index]) for index in range(len(layout.slots))]
        placed = list(zip(starts, layout.slots, strict=True))
        self._peaks = _Bands([(start, slot) for start, slot in placed if slot.kind is BandKind.PEAK])
        self._shelves = _Bands([(start, slot) for start, slot in placed if slot.kind is not BandKind.PEAK])

    def forward(self, params: Tensor) -> Tensor:
        """Return the response of all bands in series; gradients reach every parameter."""
        return self.bands(params).sum(dim=-2)

    def bands(self, params: Tensor) -> Tensor:
        """Return the response of each band (..., n_bands, n_freqs), peaks first, then shelves."""
        log_tan = self._log_tan.to(params.dtype)
        a, log_t, q = self._peaks(params, log_tan, self._half_turn)
        t, a_squared = torch.exp(log_t), torch.square(a)
        distance, damping = torch.square(1.0 - t), t / torch.square(q)
        peaks = torch.log((distance + damping * a_squared) / (distance + damping / a_squared))
        a, log_t, q = self._shelves(params, log_tan, self._half_turn)
        t = torch.exp(self._shelves.sign * log_t)
        damping = t * a / torch.square(q)
        shelves = torch.log((torch.square(a - t) + damping) / (torch.square(1.0 - a * t) + damping)) + 2.0 * torch.log(a)
        return (10.0 / math.log(10.0)) * torch.cat([peaks, shelves], dim=-2)


class _Bands(torch.nn.Module):
    """Where the numbers of some bands stand in a vector. sign: (n, 1), 1 for a low shelf, -1 for a high shelf."""

    _at: Tensor
    _q_at: Tensor
    _free_q: Tensor
    _fixed_q: Tensor
    sign: Tensor

    def __init__(self, slots: list[tuple[int, BandSlot]]) -> None:
        super().__init__()
        free = [isinstance(slot.q, ParamSpec) for _, slot in slots]
        fixed = [1.0 if isinstance(slot.q, ParamSpec) else float(slot.q) for _, slot in slots]
        at = torch.tensor([start for start, _ in slots], dtype=torch.int64)
        self.register_buffer("_at", at, persistent=False)
        self.register_buffer("_q_at", at + 2 * torch.tensor(free, dtype=torch.int64), persistent=False)
        self.register_buffer("_free_q", torch.tensor(free, dtype=torch.bool), persistent=False)
        self.register_buffer("_fixed_q", torch.tensor(fixed, dtype=torch.float64), persistent=False)
        signs = [[-1.0 if slot.kind is BandKind.HIGH_SHELF else 1.0] for _, slot in slots]
        self.register_buffer("sign", torch.tensor(signs).reshape(-1, 1), persistent=False)

    def forward(self, params: Tensor, log_tan: Tensor, half_turn: float) -> tuple[Tensor, Tensor, Tensor]:
        """Return A (..., n, 1), log t (..., n, n_freqs) and Q (..., n, 1) of vectors (..., n_params)."""
        a = torch.exp(params[..., self._at] * (math.log(10.0) / 40.0))
        log_t = 2.0 * (log_tan - torch.log(torch.tan(params[..., self._at + 1] * half_turn)).unsqueeze(-1))
        q = torch.where(self._free_q, params[..., self._q_at], self._fixed_q.to(params.dtype))
        return a.unsqueeze(-1), log_t, q.unsqueeze(-1)
