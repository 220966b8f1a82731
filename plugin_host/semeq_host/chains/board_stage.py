"""A Pedalboard run over a file block by block, with the delay of its plug-ins taken out: as many samples out as in, in the same place."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from pedalboard import (  # type: ignore[attr-defined]  # Pedalboard is re-exported without saying so
    Pedalboard,
    PitchShift,
    Plugin,
    PluginContainer,
)

from semeq_export.arrays import FloatArray
from semeq_export.eq.biquad import check_samples
from semeq_export.errors import ChainError

BLOCK_SAMPLES = 4_096
"""The one block size that chains run at, whatever comes in. Pedalboard guesses which axis of an array holds the channels (the shorter one),
forgets its state when a block is longer than all before, and misplaces the output of resampling plug-ins in blocks of 128."""
_MAX_DELAY_S = 60.0


class ChainStage:
    """A Pedalboard as a stage of `process_file`; float32 inside, for one file only.

    Pedalboard drops the first samples of plug-ins that report a delay and returns shorter blocks instead, so feeding silence at the end
    brings the rest: the output is aligned with the input to the sample, as far as the plug-ins report their delay.
    """

    def __init__(self, board: Pedalboard, sample_rate_hz: float, channels: int, *, warnings: tuple[str, ...] = ()) -> None:
        self._board, self._sample_rate_hz, self._channels = board, sample_rate_hz, channels
        self._waiting: FloatArray = np.zeros((channels, 0), dtype=np.float32)
        self._taken = self._given = 0
        self.warnings = warnings
        if any(isinstance(plugin, PitchShift) for plugin in _members(board)):
            raise ChainError("PitchShift gives only silence when it runs in blocks, a fault of this Pedalboard; take it out of the chain")
        board.reset()

    def process(self, samples: FloatArray) -> FloatArray:
        """Take any number of samples (channels, n) and return what the chain has ready, 0 or more, float32. Raises ChainError."""
        check_samples(samples, self._channels)
        self._taken += samples.shape[1]
        self._waiting = np.concatenate([self._waiting, samples.astype(np.float32)], axis=1)
        ready = [np.zeros((self._channels, 0), dtype=np.float32)]
        while self._waiting.shape[1] >= BLOCK_SAMPLES:
            ready.append(self._run(self._waiting[:, :BLOCK_SAMPLES]))
            self._waiting = self._waiting[:, BLOCK_SAMPLES:]
        return np.concatenate(ready, axis=1)

    def finish(self) -> Iterator[FloatArray]:
        """Yield the samples that are still inside the chain. Raises ChainError where it holds back more than a minute."""
        fed = self._taken
        block = np.pad(self._waiting, ((0, 0), (0, BLOCK_SAMPLES - self._waiting.shape[1])))
        while self._given < self._taken:
            if fed > self._taken + _MAX_DELAY_S * self._sample_rate_hz:
                raise ChainError(f"the chain returned {self._given} of {self._taken} samples: it delays by more than {_MAX_DELAY_S:g} s")
            yield self._run(block)
            fed += BLOCK_SAMPLES
            block = np.zeros_like(block)

    def _run(self, block: FloatArray) -> FloatArray:
        try:
            out: FloatArray = self._board.process(block, self._sample_rate_hz, reset=False)
        except (ValueError, RuntimeError) as error:
            raise ChainError(f"the chain cannot process this: {' '.join(str(error).split())[:200]}") from error
        if out.shape[0] != self._channels:
            raise ChainError(f"the chain made {out.shape[0]} channels of {self._channels}")
        out = out[:, : self._taken - self._given]
        self._given += out.shape[1]
        return out


def _members(plugin: Plugin) -> Iterator[Plugin]:
    yield plugin
    if isinstance(plugin, PluginContainer):
        for inner in plugin:
            yield from _members(inner)
