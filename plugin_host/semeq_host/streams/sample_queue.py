"""Samples that wait for others: put in blocks of any size, taken in blocks of any other."""

from __future__ import annotations

from collections import deque

import numpy as np

from semeq_export.arrays import FloatArray


class SampleQueue:
    """First in, first out, (channels, n)."""

    def __init__(self, channels: int) -> None:
        self._channels = channels
        self._blocks: deque[FloatArray] = deque()

    def put(self, block: FloatArray) -> None:
        """Append samples; the array must not change afterwards."""
        self._blocks.append(block)

    def take(self, count: int) -> FloatArray:
        """Return the next samples, (channels, count). Raises IndexError where fewer wait."""
        parts: list[FloatArray] = [np.zeros((self._channels, 0))]
        while count:
            block = self._blocks.popleft()
            parts.append(block[:, :count])
            if block.shape[1] > count:
                self._blocks.appendleft(block[:, count:])
            count -= parts[-1].shape[1]
        return np.concatenate(parts, axis=1)
