"""Plain samples as WAV stores them, interleaved and the lowest byte first, to and from float64: exact, as libsndfile does it."""

from __future__ import annotations

import os
from types import TracebackType

import numpy as np

from semeq_export.arrays import Float64Array, FloatArray
from semeq_export.files.positioned import read_at

_INTEGER_BYTES = {"PCM_16": 2, "PCM_24": 3, "PCM_32": 4}
_FLOAT_BYTES = {"FLOAT": 4, "DOUBLE": 8}
SAMPLE_BYTES = _INTEGER_BYTES | _FLOAT_BYTES
"""What can be unpacked here, and how many bytes a sample of it takes."""
_UPPER_THREE_BYTES = ~0xFF


class PcmDecoder:
    """Reads plain samples of an open file in one go; a context manager.

    descriptor: of the file, which stays open as long as it is needed. offset: where the samples begin.
    """

    def __init__(self, descriptor: int, offset: int, subtype: str, channels: int) -> None:
        self._descriptor, self._offset, self._subtype, self._channels = descriptor, offset, subtype, channels
        self._data = bytearray(1)  # a byte before the samples, for `unpacked`

    def __enter__(self) -> PcmDecoder:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...

    def read(self, frames: int) -> Float64Array:
        """Return the next samples (channels, n), n less than asked for only at the end of the file. Raises OSError."""
        frame_bytes = SAMPLE_BYTES[self._subtype] * self._channels
        if len(self._data) != 1 + frames * frame_bytes:
            self._data = bytearray(1 + frames * frame_bytes)
        view, held = memoryview(self._data)[1:], 0
        while held < len(view) and (taken := _read_into(self._descriptor, view[held:], self._offset + held)):
            held += taken
        held -= held % frame_bytes
        self._offset += held
        return unpacked(self._data, held // frame_bytes, self._subtype, self._channels)


def unpacked(data: bytearray, frames: int, subtype: str, channels: int) -> Float64Array:
    """Return (channels, frames) in float64, 1.0 = full scale, of packed samples that begin at the second byte of the data."""
    samples = np.empty((channels, frames))
    width = SAMPLE_BYTES[subtype]
    if width != 3:
        kind = "f" if subtype in _FLOAT_BYTES else "i"
        plain = np.frombuffer(data, f"<{kind}{width}", frames * channels, offset=1).reshape(frames, channels).T
        np.multiply(plain, 1.0 if kind == "f" else 2.0 ** (1 - 8 * width), out=samples, dtype=np.float64)
        return samples
    for channel in range(channels):  # as 32 bits that begin a byte before each sample: the lowest is not of it
        wide = np.ndarray((frames,), "<i4", data, offset=3 * channel, strides=(3 * channels,))
        np.multiply(wide & _UPPER_THREE_BYTES, 2.0**-31, out=samples[channel], dtype=np.float64)
    return samples


def packed(steps: FloatArray, width: int) -> bytes:
    """Return whole numbers as `width` bytes each, 2 to 4."""
    if width != 3:
        return steps.astype(f"<i{width}").tobytes()
    wide = np.ascontiguousarray(steps, dtype="<i4").reshape(-1)
    data = bytearray(3 * wide.size)
    np.ndarray(wide.shape, "<u2", data, strides=(3,))[...] = wide.astype("<u2")  # from strides of 4, eight times as slow
    np.ndarray(wide.shape, np.uint8, data, offset=2, strides=(3,))[...] = wide.view(np.uint8)[2::4]
    return bytes(data)


def _read_into(descriptor: int, target: memoryview, offset: int) -> int:
    """Fill memory from an offset of a file on, and return how many bytes were there."""
    if hasattr(os, "preadv"):
        return os.preadv(descriptor, [target], offset)
    data = read_at(descriptor, len(target), offset)
    target[: len(data)] = data
    return len(data)
