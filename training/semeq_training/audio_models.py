"""The audio encoder: from a mono waveform of 2 s to z, with its third-octave front end in the graph.

    audio (batch, 96000) -> peak 1 -> 47 frames, Hann, DFT -> powers of 28 third-octave bands -> dB, level-free
      long-term spectrum (28) ----------------------------------------- linear ---+
      frames (47, 28) -> body: depthwise-separable CNN or Transformer -> pooled --+-> tanh -> z

The DFT is two matrix products (4,000 = 50 x 80): with all else in the graph 0.8 ms through ONNX Runtime on one thread, where the STFT
operator alone takes 2.8 ms for as long a window, and needs an operator that bundles do not allow. Everything is relative to the peak and to
the mean level: z does not know how loud the audio is.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from semeq_export.listening.spectrum import BAND_EDGES_HZ, BANDS_HZ

SAMPLE_RATE_HZ, WINDOW_SAMPLES = 48_000, 96_000
N_BANDS = len(BANDS_HZ)
FINE = 8
"""Fine bands in a third of an octave: an EQ is as good as even inside one (training renders there, see `audio_material`)."""

_HOP = 2_000
_ROWS, _COLUMNS = 50, 80  # of the DFT: frame = _ROWS x _COLUMNS samples = two hops
N_FRAMES = WINDOW_SAMPLES // _HOP - 1
_FLOOR = 1e-8  # of the total power: what lies 80 dB below it is not heard
_GATE = 1e-2  # of the mean power of frames: quieter ones count less and less
_TINY, _SILENCE = 1e-20, 1e-30  # bounds, not summands: the exporter drops what it takes for a sum with nothing
_DB = 10.0 / math.log(10.0)
_SPECTRUM_SCALE_DB, _FRAME_SCALE_DB = 10.0, 20.0
_CODE_SCALE = 0.1  # that of the EQ model's codes (`models`), so that one step moves z a little

Architecture = Literal["separable", "transformer"]


class ThirdOctaves(nn.Module):
    """(batch, 96000) at 48 kHz -> powers (batch, 47, n) of n bands, relative to the square of the peak. No weights to learn."""

    first: Tensor
    twist_real: Tensor
    twist_imag: Tensor
    second: Tensor
    taper: Tensor
    bands: Tensor

    def __init__(self, per_band: int = 1) -> None:
        super().__init__()
        n = _ROWS * _COLUMNS
        # X[k1 + R k2] = sum_c W_C^(c k2) W_N^(c k1) sum_r W_R^(r k1) x[r C + c] (Cooley and Tukey); columns k2 < C/2 hold every k < N/2
        rows, columns = np.arange(_ROWS), np.arange(_COLUMNS)
        first = np.exp(-2j * np.pi * np.outer(rows, rows) / _ROWS)
        twist = np.exp(-2j * np.pi * np.outer(rows, columns) / n)
        second = np.exp(-2j * np.pi * np.outer(columns, columns[: _COLUMNS // 2]) / _COLUMNS)
        taper = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(n) / n)
        taper *= np.sqrt(2.0 / (n * np.sum(taper * taper)))  # Parseval: the bins add up to the mean square
        self._constant("first", np.concatenate([first.real, first.imag]))
        self._constant("twist_real", twist.real)
        self._constant("twist_imag", twist.imag)
        self._constant("second", np.block([[second.real, second.imag], [-second.imag, second.real]]))
        self._constant("taper", taper.reshape(_ROWS, _COLUMNS))
        self._constant("bands", _band_matrix(per_band)[_bin_order()])

    def forward(self, audio: Tensor) -> Tensor:
        """Return the powers."""
        peak = audio.abs().amax(dim=1, keepdim=True)
        hops = (audio / peak.clamp(min=_SILENCE)).reshape(-1, N_FRAMES + 1, _ROWS // 2, _COLUMNS)
        frames = torch.cat([hops[:, :-1], hops[:, 1:]], dim=2) * self.taper
        half = torch.matmul(self.first, frames)
        real, imag = half[:, :, :_ROWS], half[:, :, _ROWS:]
        twisted = torch.cat([real * self.twist_real - imag * self.twist_imag, real * self.twist_imag + imag * self.twist_real], dim=3)
        bins = torch.matmul(twisted, self.second)
        power = torch.square(bins[..., : _COLUMNS // 2]) + torch.square(bins[..., _COLUMNS // 2 :])
        return torch.matmul(power.reshape(-1, N_FRAMES, _ROWS * _COLUMNS // 2), self.bands)

    def _constant(self, name: str, values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> None:
        self.register_buffer(name, torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32)), persistent=False)


def _bin_order() -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return (2000,) which bin each power stands for: row k1, column k2 -> k1 + 50 k2."""
    return (np.arange(_ROWS)[:, np.newaxis] + _ROWS * np.arange(_COLUMNS // 2)).ravel()


def band_edges_hz(per_band: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return (28 per_band + 1,) borders of equal parts of the third-octave bands."""
    return np.asarray(BAND_EDGES_HZ[0] * 2.0 ** (np.arange(N_BANDS * per_band + 1) / (3.0 * per_band)))


def _band_matrix(per_band: int) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Return (2000, 28 per_band) which share of each bin belongs to which band; bin k covers k - 0.5 .. k + 0.5."""
    n = _ROWS * _COLUMNS
    edges = band_edges_hz(per_band) * n / SAMPLE_RATE_HZ
    bins = np.arange(n // 2)[:, np.newaxis]
    shares = np.clip(np.minimum(edges[1:], bins + 0.5) - np.maximum(edges[:-1], bins - 0.5), 0.0, None)
    return np.asarray(shares)


class SeparableBody(nn.Module):
    """Frames (batch, frames, 28) -> the same with `width` channels: depthwise convolutions over time, pointwise ones over channels.

    Source: F. Chollet, Xception, CVPR 2017. All bands meet in every pointwise step: an EQ changes them together.
    """

    def __init__(self, width: int, layers: int) -> None:
        super().__init__()
        self.stem = nn.Linear(N_BANDS, width)
        self.depthwise = nn.ModuleList(nn.Conv1d(width, width, 5, padding=2, groups=width) for _ in range(layers))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(layers))
        self.pointwise = nn.ModuleList(nn.Linear(width, width) for _ in range(layers))

    def forward(self, frames: Tensor) -> Tensor:
        """Return the channels."""
        values: Tensor = self.stem(frames)
        for depthwise, norm, pointwise in zip(self.depthwise, self.norms, self.pointwise, strict=True):
            mixed = depthwise(values.transpose(1, 2)).transpose(1, 2)
            values = values + pointwise(torch.relu(norm(mixed)))
        return values


class TransformerBody(nn.Module):
    """Frames (batch, frames, 28) -> the same with `width` channels: self-attention over time, without positions (order means nothing)."""

    HEADS = 4

    def __init__(self, width: int, layers: int) -> None:
        super().__init__()
        self.width = width
        self.stem = nn.Linear(N_BANDS, width)
        self.attention_norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(layers))
        self.keys = nn.ModuleList(nn.Linear(width, 3 * width) for _ in range(layers))
        self.mixing = nn.ModuleList(nn.Linear(width, width) for _ in range(layers))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(layers))
        self.wide = nn.ModuleList(nn.Linear(width, 2 * width) for _ in range(layers))
        self.narrow = nn.ModuleList(nn.Linear(2 * width, width) for _ in range(layers))

    def forward(self, frames: Tensor) -> Tensor:
        """Return the channels."""
        values: Tensor = self.stem(frames)
        parts = zip(self.attention_norms, self.keys, self.mixing, self.norms, self.wide, self.narrow, strict=True)
        for attention_norm, keys, mixing, norm, wide, narrow in parts:
            values = values + mixing(self._attend(keys(attention_norm(values))))
            values = values + narrow(torch.relu(wide(norm(values))))
        return values

    def _attend(self, packed: Tensor) -> Tensor:
        split = packed.reshape(-1, N_FRAMES, 3 * self.HEADS, self.width // self.HEADS).transpose(1, 2)
        query, key, value = split[:, : self.HEADS], split[:, self.HEADS : 2 * self.HEADS], split[:, 2 * self.HEADS :]
        shares = torch.softmax(torch.matmul(query, key.transpose(2, 3)) / math.sqrt(self.width / self.HEADS), dim=3)
        return torch.matmul(shares, value).transpose(1, 2).reshape(-1, N_FRAMES, self.width)


class AudioEncoder(nn.Module):
    """Mono audio (batch, 96000) at 48 kHz -> z (batch, latent_dim) in -1..1, whatever its level.

    Starts as the constant `flat`, the code of no EQ, and grows two parts: a linear map of the long-term spectrum, and what the body hears.
    """

    flat: Tensor

    def __init__(self, architecture: Architecture, latent_dim: int, width: int, layers: int) -> None:
        super().__init__()
        self.register_buffer("flat", torch.zeros(latent_dim))
        self.front_end = ThirdOctaves()
        self.body = SeparableBody(width, layers) if architecture == "separable" else TransformerBody(width, layers)
        self.spectrum = nn.Linear(N_BANDS, latent_dim)
        nn.init.zeros_(self.spectrum.weight)
        nn.init.zeros_(self.spectrum.bias)
        self.hidden = nn.Linear(width + N_BANDS, 2 * width)
        self.head = nn.Linear(2 * width, latent_dim, bias=False)
        nn.init.zeros_(self.head.weight)

    def forward(self, audio: Tensor) -> Tensor:
        """Return z."""
        return self.encode_powers(self.front_end(audio))

    def encode_powers(self, powers: Tensor) -> Tensor:
        """Return z of band powers (batch, 47, 28), as the front end gives them."""
        mean = powers.mean(dim=1)
        floor = (_FLOOR * mean.sum(dim=1, keepdim=True)).clamp(min=_TINY)
        long_term = _DB * torch.log(mean + floor)
        level = long_term.mean(dim=1, keepdim=True)
        spectrum = (long_term - level) / _SPECTRUM_SCALE_DB
        frames = (_DB * torch.log(powers + floor.unsqueeze(1)) - level.unsqueeze(1)) / _FRAME_SCALE_DB
        loudness = powers.sum(dim=2, keepdim=True)
        gate = loudness / (loudness + _GATE * loudness.mean(dim=1, keepdim=True)).clamp(min=_TINY)
        pooled = (self.body(frames) * gate).sum(dim=1) / gate.sum(dim=1).clamp(min=_TINY)
        inner = torch.relu(self.hidden(torch.cat([pooled, spectrum], dim=1)))
        return torch.tanh(torch.atanh(self.flat) + _CODE_SCALE * (self.spectrum(spectrum) + self.head(inner)))
