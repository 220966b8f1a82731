"""One Pedalboard plug-in in a stream: any block sizes, a latency that is measured and declared, and no sample that is not finite."""

from __future__ import annotations

import numpy as np
from pedalboard import Plugin

from semeq_export.arrays import FloatArray
from semeq_export.eq.biquad import check_samples
from semeq_export.errors import ChainError
from semeq_export.listening.spectrum import FRAME_SAMPLES
from semeq_host.chains.board_stage import BLOCK_SAMPLES
from semeq_host.streams.stream import MAX_PEAK

_MAX_DELAY_S = 10.0
_PROBE_BLOCKS = 16
_SPARE_SAMPLES = 16  # the delay of resampling plug-ins wanders by a few samples
_SAME = 1e-4  # of the peak: outputs this close are the same


class PluginStage:
    """A plug-in run block by block, float32 inside; output in the type of the input.

    Pedalboard 0.9.26 takes the longer axis of a block for the samples, so a block must have more samples than channels: shorter ones wait
    for others, which costs a latency of as many samples as there are channels (none in mono). It forgets a plug-in's state when a block is
    longer than all since its reset, so every plug-in first runs 4,096 samples of silence, and never more at once. Where a plug-in reports a
    delay it gives shorter blocks at first, so the delay is measured; where that depends on the block size (MP3, GSM, resampling), the
    plug-in runs in blocks of 4,096, which adds as much latency.

    A sample that is not finite, or over +60 dBFS, is taken out before the plug-in hears it, with the rest of its 512-sample frame
    (`muted_frames`). Where a plug-in makes such samples itself, they are silence and the plug-in starts anew (`restarts`).
    Raises ChainError where the plug-in does not keep the channels, gives only silence in blocks, or delays by more than 10 s.
    """

    def __init__(self, plugin: Plugin, sample_rate_hz: float, channels: int) -> None:
        self.plugin, self._sample_rate_hz, self.channels = plugin, sample_rate_hz, channels
        self.name = type(plugin).__name__
        self._least_samples = 1 if channels == 1 else channels + 1  # that Pedalboard reads as they are meant
        self._block_samples, self.latency_samples = self._measured()
        self.reset()

    def reset(self) -> None:
        """Forget everything heard so far."""
        self._ready = self._silence(self.latency_samples - self._start())
        self._waiting = self._silence(0)
        self._position = self._muted_until = 0
        self.unusable_samples = self.muted_frames = self.restarts = 0

    def process(self, samples: FloatArray) -> FloatArray:
        """Return the block (channels, n), n from 0 on, `latency_samples` late. Raises ChainError where the plug-in refuses."""
        check_samples(samples, self.channels)
        clean = self._clean(samples)
        self._waiting = np.concatenate([self._waiting, clean], axis=1)
        waiting = self._waiting.shape[1]
        whole = waiting - waiting % self._block_samples if self._block_samples else waiting * (waiting >= self._least_samples)
        given, is_whole = self._in_pieces(self._waiting[:, :whole])
        self._waiting = self._waiting[:, whole:]
        self._ready = np.concatenate([self._ready, given], axis=1)
        if not is_whole:  # what was inside is lost: silence takes its place
            missing = self.latency_samples + samples.shape[1] - self._waiting.shape[1] - self._start()
            self._ready = self._silence(missing)
        out, self._ready = self._ready[:, : samples.shape[1]], self._ready[:, samples.shape[1] :]
        if out.shape[1] < samples.shape[1]:
            raise ChainError(f"{self.name} holds back more than the {self.latency_samples} samples that were measured")
        return out.astype(samples.dtype)

    def _clean(self, samples: FloatArray) -> FloatArray:
        """Return the samples as float32, silent from an unusable one to the end of its frame."""
        start, self._position = self._position, self._position + samples.shape[1]
        is_bad = ~(np.abs(samples) <= MAX_PEAK).all(axis=0)
        if not is_bad.any() and start >= self._muted_until:
            return samples.astype(np.float32)
        clean = np.where(is_bad, 0.0, samples).astype(np.float32)
        self.unusable_samples += int(np.count_nonzero(~(np.abs(samples) <= MAX_PEAK)))
        clean[:, : max(0, self._muted_until - start)] = 0.0
        for place in (start + np.flatnonzero(is_bad)).tolist():
            if place >= self._muted_until:
                self.muted_frames += 1
                self._muted_until = place - place % FRAME_SAMPLES + FRAME_SAMPLES
                clean[:, place - start : self._muted_until - start] = 0.0
        return clean

    def _in_pieces(self, samples: FloatArray) -> tuple[FloatArray, bool]:
        """Return what comes out and True, or nothing and False where it was not finite."""
        outs = [self._silence(0)]
        start, total = 0, samples.shape[1]
        while start < total:
            # halves of the longest block, so that no piece is left over that is too short
            size = self._block_samples or (total - start if total - start <= BLOCK_SAMPLES else BLOCK_SAMPLES // 2)
            piece, start = samples[:, start : start + size], start + size
            out = self._run(piece)
            if not np.isfinite(out).all():
                self.restarts += 1
                return self._silence(0), False
            outs.append(out)
        return np.concatenate(outs, axis=1), True

    def _run(self, block: FloatArray) -> FloatArray:
        """Run 1..4,096 samples and return what comes out, 0 samples or more."""
        try:
            out: FloatArray = self.plugin.process(block, self._sample_rate_hz, reset=False)
        except (ValueError, RuntimeError) as error:
            raise ChainError(f"{self.name} cannot process this: {' '.join(str(error).split())[:200]}") from error
        if out.size == 0:
            return self._silence(0)
        if out.shape[0] != self.channels:
            raise ChainError(f"{self.name} made {out.shape[0]} channels of {self.channels}")
        return out

    def _start(self) -> int:
        """Start the plug-in anew, let it hear silence until something comes out, and return how many samples it holds back then."""
        self.plugin.reset()
        fed = given = 0
        while given == 0:
            if fed > _MAX_DELAY_S * self._sample_rate_hz:
                raise ChainError(f"{self.name} gave nothing back for {_MAX_DELAY_S:g} s")
            given += self._run(self._silence(BLOCK_SAMPLES)).shape[1]
            fed += BLOCK_SAMPLES
        return fed - given

    def _measured(self) -> tuple[int, int]:
        """Return the block size that the plug-in must have, 0 for any, and the latency in samples that comes of it."""
        if self._start() == 0:
            return 0, self._least_samples - 1
        noise = np.random.default_rng(0).uniform(-0.1, 0.1, (self.channels, BLOCK_SAMPLES)).astype(np.float32)
        whole, held_back = self._probe(noise, [BLOCK_SAMPLES])
        small, held_back_too = self._probe(noise, [512, 64, 333, self._least_samples])
        self._check_sounds(noise, whole)
        common = min(whole.shape[1], small.shape[1])
        apart, peak = np.abs(whole[:, :common] - small[:, :common]).max(initial=0.0), np.abs(whole).max(initial=0.0)
        if len(held_back | held_back_too) == 1 and apart <= _SAME * peak:
            return 0, max(held_back) + self._least_samples - 1
        return BLOCK_SAMPLES, max(held_back) + _SPARE_SAMPLES + BLOCK_SAMPLES - 1

    def _probe(self, noise: FloatArray, sizes: list[int]) -> tuple[FloatArray, set[int]]:
        """Return what comes out for noise in blocks of these sizes in turn, and the numbers of samples held back after each."""
        outs, turn, fed, held_back = [], 0, 0, [self._start()]
        while fed < _PROBE_BLOCKS * BLOCK_SAMPLES:
            size = sizes[turn % len(sizes)]
            outs.append(self._run(np.take(noise, range(fed, fed + size), axis=1, mode="wrap")))
            held_back.append(held_back[-1] + size - outs[-1].shape[1])
            turn, fed = turn + 1, fed + size
        return np.concatenate(outs, axis=1), set(held_back)

    def _check_sounds(self, noise: FloatArray, in_blocks: FloatArray) -> None:
        """Raise ChainError where a plug-in that sounds in one call is silent in blocks, as PitchShift of Pedalboard 0.9.26 is."""
        if in_blocks.any():
            return
        long = np.tile(noise, (1, -(-int(_MAX_DELAY_S / 2 * self._sample_rate_hz) // BLOCK_SAMPLES)))
        if self.plugin.process(long, self._sample_rate_hz, reset=True).any():
            raise ChainError(f"{self.name} gives only silence when it runs in blocks, a fault of this Pedalboard; it cannot be streamed")

    def _silence(self, samples: int) -> FloatArray:
        return np.zeros((self.channels, samples), dtype=np.float32)
