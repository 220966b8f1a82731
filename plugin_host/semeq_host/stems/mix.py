"""The sum of stems, played together: its spectrum, so that one dose can be found for all of them, its loudness and its peaks."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from semeq_export.arrays import Float64Array
from semeq_export.audio.loudness import Loudness
from semeq_export.audio.reader import AudioReader, open_audio
from semeq_export.audio.samples import BLOCK_SAMPLES, AudioInfo
from semeq_export.audio.speakers import loudness_weights
from semeq_export.audio.true_peak import TruePeak
from semeq_export.errors import IntentError, SemeqError
from semeq_export.listening.spectrum import Spectrum, SpectrumMeter
from semeq_host.streams.process_options import ProcessOptions

T = TypeVar("T")

MAX_TOGETHER = 500
"""Files that are open at once: systems allow 1,024 by default."""


class _BrokenError(Exception):
    """A stem cannot be read on."""

    def __init__(self, index: int, why: SemeqError) -> None:
        super().__init__(index)
        self.index, self.why = index, why


@dataclass(frozen=True, slots=True)
class MixLevel:
    """How loud a sum is. lufs: None where it is too quiet or too short. peak: the largest true peak of the sum and its stems."""

    lufs: float | None
    peak: float


def measure_mix(paths: Sequence[Path], options: ProcessOptions, measure: Callable[[AudioInfo, Iterator[Float64Array]], T]) -> T:
    """Return what is measured of the sum of stems of one rate; what cannot be read is left out. measure: gets the widest and the blocks.

    Raises IntentError for more stems than can be open at once, and what the last one raises where none can be read.
    """
    return _without_broken(paths, [1.0] * len(paths), options, lambda readers, gains: measure(_widest(readers), _sums(readers, gains)))


def measure_mix_spectrum(paths: Sequence[Path], options: ProcessOptions) -> Spectrum:
    """Return the spectrum of the sum of stems; see `measure_mix`."""

    def measure(info: AudioInfo, blocks: Iterator[Float64Array]) -> Spectrum:
        meter = SpectrumMeter(info.sample_rate_hz, info.channels)
        for block in blocks:
            meter.listen(block)
        return meter.spectrum()

    return measure_mix(paths, options, measure)


def measure_mix_level(paths: Sequence[Path], gains: Sequence[float], options: ProcessOptions) -> MixLevel:
    """Return how loud the sum of stems is, each times its gain; see `measure_mix`."""

    def measure(readers: Sequence[AudioReader], gains: Sequence[float]) -> MixLevel:
        widest = _widest(readers)
        rate_hz = widest.sample_rate_hz
        loudness = Loudness(rate_hz, widest.channels, loudness_weights(widest))
        peaks = [TruePeak(rate_hz, reader.info.channels) for reader in readers]
        whole = TruePeak(rate_hz, widest.channels)
        for block in _sums(readers, gains, lambda index, part: peaks[index].feed(part)):
            loudness.feed(block)
            whole.feed(block)
        for meter in (whole, *peaks):
            meter.finish()
        return MixLevel(loudness.lufs, max(meter.amplitude for meter in (whole, *peaks)))

    return _without_broken(paths, gains, options, measure)


def _without_broken(
    paths: Sequence[Path],
    gains: Sequence[float],
    options: ProcessOptions,
    measure: Callable[[Sequence[AudioReader], Sequence[float]], T],
) -> T:
    """Return what is measured of all stems that can be read to their end."""
    if len(paths) > MAX_TOGETHER:
        raise IntentError(
            f"a group of {len(paths)} stems cannot be heard together, at most {MAX_TOGETHER} can; make smaller groups, or `no-link`"
        )
    left = list(zip(paths, gains, strict=True))
    while True:
        with contextlib.ExitStack() as stack:
            readers: list[AudioReader] = []
            for index, (path, _) in enumerate(left):
                try:
                    readers.append(stack.enter_context(_opened(path, options)))
                except SemeqError:
                    if len(left) == 1:
                        raise
                    del left[index]
                    break
            if len(readers) < len(left):
                continue
            try:
                return measure(readers, [gain for _, gain in left])
            except _BrokenError as error:
                if len(left) == 1:
                    raise error.why from None
                del left[error.index]


def _widest(readers: Sequence[AudioReader]) -> AudioInfo:
    """Return what a sum is: the first stem of the most channels."""
    return max((reader.info for reader in readers), key=lambda info: info.channels)


def _opened(path: Path, options: ProcessOptions) -> contextlib.AbstractContextManager[AudioReader]:
    return open_audio(path, repair_nonfinite=options.repair_nonfinite, allow_hot=options.allow_hot, salvage=options.salvage)


def _sums(
    readers: Sequence[AudioReader], gains: Sequence[float], on_part: Callable[[int, Float64Array], None] | None = None
) -> Iterator[Float64Array]:
    """Yield the sum block by block, (channels, n), as many channels as the widest has; a mono stem goes to all, a short one ends early."""
    channels = _widest(readers).channels
    for parts in itertools.zip_longest(*(_checked(reader, index) for index, reader in enumerate(readers))):
        total = np.zeros((channels, max(part.shape[1] for part in parts if part is not None)))
        for index, part in enumerate(parts):
            if part is None:
                continue
            part = part * gains[index]
            if on_part is not None:
                on_part(index, part)
            total[: channels if part.shape[0] == 1 else part.shape[0], : part.shape[1]] += part
        yield total


def _checked(reader: AudioReader, index: int) -> Iterator[Float64Array]:
    try:
        yield from reader.blocks(BLOCK_SAMPLES)
    except SemeqError as error:
        raise _BrokenError(index, error) from error
