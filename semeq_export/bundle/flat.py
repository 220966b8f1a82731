"""decoder.semeq: the decoder's weights in one flat file that a C++ plug-in reads in one pass, without any library.

Everything is little-endian; offsets count from the start of the file; sections follow each other in this order:

    offset 0   header, 64 bytes
        0   8 bytes   magic 89 53 45 4D 45 51 0D 0A ("\\x89SEMEQ\\r\\n": text-mode transfer damages it visibly)
        8   u32       version, 1
        12  u32       CRC-32 (zlib's) of all bytes from offset 16 to the end
        16  u32       file size in bytes
        20  u32       latent_dim
        24  u32       n_slots
        28  u32       n_layers
        32  f32       epsilon of all layer norms
        36  28 bytes  zero
    slots, 16 bytes each: one band of the layout
        0   u32       kind: 0 low shelf, 1 peak, 2 high shelf
        4   u32       1 where Q is a free parameter, 0 where it is fixed
        8   f64       the fixed Q, 0 where it is free
    parameters, 24 bytes each, slot after slot: gain (dB), frequency (Hz), and Q where it is free
        0   u32       scale: 0 linear, 1 log
        4   u32       zero
        8   f64       minimum
        16  f64       maximum
    layers, 32 bytes each
        0   u32       kind: 1 dense, 2 residual
        4   u32       n_in
        8   u32       n_hidden (0 for dense)
        12  u32       n_out
        16  u32       dense: activation, 0 none, 1 ReLU, 2 tanh; residual: 1 with a projected skip, 0 with the input itself
        20  12 bytes  zero
    tensors, float32, each at the next multiple of 64 with zeros between, in the order of the layers:
        dense     weight (n_out, n_in) row-major, bias (n_out)
        residual  weight1 (n_hidden, n_in), bias1, norm1 gain, norm1 offset (n_hidden each),
                  weight2 (n_out, n_hidden), bias2, norm2 gain, norm2 offset (n_out each),
                  and with a projected skip: weight (n_out, n_in), bias (n_out)
    end of file, padded with zeros to a multiple of 64

    dense:     y = activation(W x + b)
    residual:  y = relu(norm2(W2 relu(norm1(W1 x + b1)) + b2) + skip(x))
    norm:      (x - mean) / sqrt(variance + epsilon) * gain + offset, variance without Bessel's correction
    output u of the last layer, one number per parameter:
               linear scale: minimum + (maximum - minimum) * sigmoid(u)
               log scale:    minimum * (maximum / minimum) ** sigmoid(u)
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from semeq_export.arrays import Float64Array, FloatArray
from semeq_export.eq.settings import BandKind, EqLayout
from semeq_export.errors import BundleFormatError

MAGIC = b"\x89SEMEQ\r\n"
VERSION = 1
ALIGNMENT = 64
MAX_BYTES = 64_000_000
MAX_WIDTH = 8_192
MAX_LAYERS = 64
MAX_SLOTS = 64

_HEADER = struct.Struct("<8sIIIIIIf28x")
_SLOT = struct.Struct("<IId")
_PARAM = struct.Struct("<IIdd")
_LAYER = struct.Struct("<IIIII12x")
_KINDS = (BandKind.LOW_SHELF, BandKind.PEAK, BandKind.HIGH_SHELF)
_SCALES: tuple[Literal["linear"], Literal["log"]] = ("linear", "log")
_ACTIVATIONS: tuple[Literal["none"], Literal["relu"], Literal["tanh"]] = ("none", "relu", "tanh")
_DENSE, _RESIDUAL = 1, 2

Float32Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Dense:
    """activation(W x + b). weight: (n_out, n_in) as torch holds it; bias: (n_out,)."""

    weight: Float32Array
    bias: Float32Array
    activation: Literal["none", "relu", "tanh"] = "none"


@dataclass(frozen=True, slots=True, eq=False)
class Norm:
    """A layer norm over one vector; gain and offset: (n,)."""

    gain: Float32Array
    offset: Float32Array


@dataclass(frozen=True, slots=True, eq=False)
class Residual:
    """relu(norm2(second(relu(norm1(first(x))))) + skip(x)); skip is x itself where None. The activations of the parts are "none"."""

    first: Dense
    norm1: Norm
    second: Dense
    norm2: Norm
    skip: Dense | None = None


Layer = Dense | Residual


def pack(layers: Sequence[Layer], layout: EqLayout, *, norm_epsilon: float = 1e-5) -> bytes:
    """Return the flat file of a decoder whose last layer gives one number per parameter of the layout, before its range is applied.

    Weights are converted to float32. Raises BundleFormatError where shapes do not follow each other or a number is not finite.
    """
    records, tensors = [], []
    for layer in layers:
        record, parts = _describe(layer)
        records.append(record)
        tensors += parts
    slots = [(_KINDS.index(slot.kind), slot.q) for slot in layout.slots]
    body = b"".join(
        [
            *(_SLOT.pack(kind, 0, float(q)) if isinstance(q, float | int) else _SLOT.pack(kind, 1, 0.0) for kind, q in slots),
            *(_PARAM.pack(_SCALES.index(spec.scale), 0, spec.minimum, spec.maximum) for spec in layout.params),
            *(_LAYER.pack(*record) for record in records),
        ]
    )
    latent_dim = records[0][1] if records else 0
    blob = bytearray(_HEADER.size) + body
    for tensor in tensors:
        blob += bytes(-len(blob) % ALIGNMENT) + tensor.astype("<f4").tobytes()
    blob += bytes(-len(blob) % ALIGNMENT)
    _HEADER.pack_into(blob, 0, MAGIC, VERSION, 0, len(blob), latent_dim, len(layout.slots), len(records), norm_epsilon)
    struct.pack_into("<I", blob, 12, zlib.crc32(memoryview(blob)[16:]))
    data = bytes(blob)
    unpack(data)
    return data


@dataclass(frozen=True, slots=True)
class FlatSlot:
    """A band of the file's layout; q is None where it is a free parameter."""

    kind: BandKind
    q: float | None


@dataclass(frozen=True, slots=True)
class FlatParam:
    """The range of one output and the scale on which it is even."""

    scale: Literal["linear", "log"]
    minimum: float
    maximum: float


@dataclass(frozen=True, slots=True, eq=False)
class FlatDecoder:
    """A decoder read from a flat file; computes in float64, so that it is the reference the other runtimes are compared with."""

    latent_dim: int
    slots: tuple[FlatSlot, ...]
    params: tuple[FlatParam, ...]
    layers: tuple[Layer, ...]
    norm_epsilon: float

    def __call__(self, z: FloatArray) -> Float64Array:
        """Return (n_params,) in dB, Hz and Q of a latent vector (latent_dim,); raises BundleFormatError on another shape."""
        x = np.asarray(z, dtype=np.float64)
        if x.shape != (self.latent_dim,):
            raise BundleFormatError(f"latent vector has shape {x.shape}, expected ({self.latent_dim},)")
        for layer in self.layers:
            x = _dense(layer, x) if isinstance(layer, Dense) else self._residual(layer, x)
        return np.array([_to_range(param, float(value)) for param, value in zip(self.params, x, strict=True)])

    def matches(self, layout: EqLayout) -> bool:
        """Whether the file's slots and ranges are those of a layout."""
        slots = tuple(FlatSlot(slot.kind, float(slot.q) if isinstance(slot.q, float | int) else None) for slot in layout.slots)
        params = tuple(FlatParam(spec.scale, spec.minimum, spec.maximum) for spec in layout.params)
        return self.slots == slots and self.params == params

    def _residual(self, layer: Residual, x: Float64Array) -> Float64Array:
        hidden = np.maximum(_norm(layer.norm1, _dense(layer.first, x), self.norm_epsilon), 0.0)
        skip = x if layer.skip is None else _dense(layer.skip, x)
        return np.maximum(_norm(layer.norm2, _dense(layer.second, hidden), self.norm_epsilon) + skip, 0.0)


def unpack(data: bytes) -> FlatDecoder:
    """Return the decoder of a flat file; raises BundleFormatError naming the offset for anything that the layout above does not allow."""
    if len(data) < _HEADER.size:
        raise _error(0, f"{len(data)} bytes are too few for a header of {_HEADER.size}")
    magic, version, checksum, size, latent_dim, n_slots, n_layers, epsilon = _HEADER.unpack_from(data)
    if magic != MAGIC:
        raise _error(0, "no flat weights file (wrong magic)")
    if version != VERSION:
        raise _error(8, f"version {version}, this one reads {VERSION}")
    if size != len(data) or size > MAX_BYTES:
        raise _error(16, f"file size {size} differs from {len(data)} or is over {MAX_BYTES}")
    if zlib.crc32(memoryview(data)[16:]) != checksum:
        raise _error(12, "CRC-32 does not match: the file is damaged")
    _check_range(20, "latent_dim", latent_dim, MAX_WIDTH)
    _check_range(24, "n_slots", n_slots, MAX_SLOTS)
    _check_range(28, "n_layers", n_layers, MAX_LAYERS)
    if not 0.0 < epsilon <= 1.0 or any(data[36 : _HEADER.size]):
        raise _error(32, f"norm epsilon {epsilon} is outside 0..1, or reserved bytes are not zero")
    reader = _Reader(data, _HEADER.size)
    slots = tuple(_read_slot(reader) for _ in range(n_slots))
    n_params = sum(3 if slot.q is None else 2 for slot in slots)
    params = tuple(_read_param(reader) for _ in range(n_params))
    records = [_read_layer_record(reader) for _ in range(n_layers)]
    layers, width = [], latent_dim
    for offset, kind, n_in, n_hidden, n_out, flag in records:
        if n_in != width:
            raise _error(offset + 4, f"layer takes {n_in} numbers, the one before gives {width}")
        layers.append(
            _read_dense(reader, n_in, n_out, _ACTIVATIONS[flag]) if kind == _DENSE else _read_residual(reader, n_in, n_hidden, n_out, flag)
        )
        width = n_out
    if width != n_params:
        raise _error(24, f"last layer gives {width} numbers, the slots have {n_params} parameters")
    reader.pad()
    if reader.offset != len(data):
        raise _error(reader.offset, f"{len(data) - reader.offset} bytes too many")
    return FlatDecoder(latent_dim, slots, params, tuple(layers), epsilon)


def _error(offset: int, why: str) -> BundleFormatError:
    return BundleFormatError(f"decoder.semeq: offset {offset:#x}: {why}")


def _check_range(offset: int, name: str, value: int, maximum: int) -> None:
    if not 1 <= value <= maximum:
        raise _error(offset, f"{name} {value} is outside 1..{maximum}")


class _Reader:
    def __init__(self, data: bytes, offset: int) -> None:
        self.data, self.offset = data, offset

    def unpack(self, layout: struct.Struct) -> tuple[int, tuple[int, ...]]:
        start = self.offset
        if start + layout.size > len(self.data):
            raise _error(start, "file ends inside a table")
        self.offset += layout.size
        return start, layout.unpack_from(self.data, start)

    def pad(self) -> None:
        end = self.offset + -self.offset % ALIGNMENT
        if end > len(self.data) or any(self.data[self.offset : end]):
            raise _error(self.offset, "padding is missing or not zero")
        self.offset = end

    def tensor(self, *shape: int) -> Float32Array:
        self.pad()
        count = math.prod(shape)
        if self.offset + 4 * count > len(self.data):
            raise _error(self.offset, f"file ends inside a tensor of {count} numbers")
        values = np.frombuffer(self.data, dtype="<f4", count=count, offset=self.offset).reshape(shape)
        if not np.isfinite(values).all():
            raise _error(self.offset, "a weight is not finite")
        self.offset += 4 * count
        return values


def _read_slot(reader: _Reader) -> FlatSlot:
    offset, (kind, is_free, q) = reader.unpack(_SLOT)
    if kind >= len(_KINDS) or is_free > 1 or not (q == 0.0 if is_free else 0.0 < q <= 1_000.0):
        raise _error(offset, f"no band kind {kind}, or Q {q} does not fit")
    return FlatSlot(_KINDS[kind], None if is_free else float(q))


def _read_param(reader: _Reader) -> FlatParam:
    offset, (scale, reserved, minimum, maximum) = reader.unpack(_PARAM)
    sound = math.isfinite(minimum) and math.isfinite(maximum) and minimum < maximum
    if scale >= len(_SCALES) or reserved or not sound or (scale == 1 and minimum <= 0):
        raise _error(offset, f"no parameter range: scale {scale}, {minimum}..{maximum}")
    return FlatParam(_SCALES[scale], float(minimum), float(maximum))


def _read_layer_record(reader: _Reader) -> tuple[int, int, int, int, int, int]:
    offset, (kind, n_in, n_hidden, n_out, flag) = reader.unpack(_LAYER)
    if any(reader.data[offset + 20 : offset + _LAYER.size]):
        raise _error(offset + 20, "reserved bytes are not zero")
    _check_range(offset + 4, "n_in", n_in, MAX_WIDTH)
    _check_range(offset + 12, "n_out", n_out, MAX_WIDTH)
    if kind == _DENSE:
        if n_hidden or flag >= len(_ACTIVATIONS):
            raise _error(offset + 8, f"dense layer with n_hidden {n_hidden}, activation {flag}")
    elif kind == _RESIDUAL:
        _check_range(offset + 8, "n_hidden", n_hidden, MAX_WIDTH)
        if flag > 1 or (flag == 0 and n_in != n_out):
            raise _error(offset + 16, f"residual layer {n_in} to {n_out} with skip {flag}")
    else:
        raise _error(offset, f"no layer kind {kind}")
    return offset, kind, n_in, n_hidden, n_out, flag


def _read_dense(reader: _Reader, n_in: int, n_out: int, activation: Literal["none", "relu", "tanh"] = "none") -> Dense:
    return Dense(reader.tensor(n_out, n_in), reader.tensor(n_out), activation)


def _read_residual(reader: _Reader, n_in: int, n_hidden: int, n_out: int, projected: int) -> Residual:
    first, norm1 = _read_dense(reader, n_in, n_hidden), Norm(reader.tensor(n_hidden), reader.tensor(n_hidden))
    second, norm2 = _read_dense(reader, n_hidden, n_out), Norm(reader.tensor(n_out), reader.tensor(n_out))
    return Residual(first, norm1, second, norm2, _read_dense(reader, n_in, n_out) if projected else None)


def _describe(layer: Layer) -> tuple[tuple[int, int, int, int, int], list[FloatArray]]:
    """Return a layer's record and its tensors in file order, with the shapes checked that the record does not repeat."""
    if isinstance(layer, Dense):
        n_out, n_in = np.shape(layer.weight)
        return (_DENSE, n_in, 0, n_out, _ACTIVATIONS.index(layer.activation)), list(_tensors(layer, None, n_in, n_out))
    n_hidden, n_in = np.shape(layer.first.weight)
    n_out = np.shape(layer.second.weight)[0]
    tensors = [*_tensors(layer.first, layer.norm1, n_in, n_hidden), *_tensors(layer.second, layer.norm2, n_hidden, n_out)]
    if layer.skip is not None:
        tensors += _tensors(layer.skip, None, n_in, n_out)
    if any(part is not None and part.activation != "none" for part in (layer.first, layer.second, layer.skip)):
        raise BundleFormatError("the parts of a residual layer have no activation of their own")
    return (_RESIDUAL, n_in, n_hidden, n_out, int(layer.skip is not None)), tensors


def _tensors(dense: Dense, norm: Norm | None, n_in: int, n_out: int) -> Iterator[FloatArray]:
    vectors: Iterable[FloatArray] = (dense.bias,) if norm is None else (dense.bias, norm.gain, norm.offset)
    for tensor, shape in [(dense.weight, (n_out, n_in)), *((vector, (n_out,)) for vector in vectors)]:
        if np.shape(tensor) != shape:
            raise BundleFormatError(f"a tensor of the decoder has shape {np.shape(tensor)}, expected {shape}")
        yield np.asarray(tensor)


def _dense(layer: Dense, x: Float64Array) -> Float64Array:
    y = layer.weight.astype(np.float64) @ x + layer.bias
    if layer.activation == "relu":
        return np.maximum(y, 0.0)
    return np.tanh(y) if layer.activation == "tanh" else y


def _norm(norm: Norm, x: Float64Array, epsilon: float) -> Float64Array:
    result: Float64Array = (x - x.mean()) / np.sqrt(x.var() + epsilon) * norm.gain + norm.offset
    return result


def _to_range(param: FlatParam, value: float) -> float:
    position = 0.5 + 0.5 * math.tanh(0.5 * value)  # the sigmoid, without its overflow
    if param.scale == "linear":
        return param.minimum + (param.maximum - param.minimum) * position
    return float(param.minimum * (param.maximum / param.minimum) ** position)
