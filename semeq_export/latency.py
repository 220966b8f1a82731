"""Time of calls and of audio blocks: percentiles with nothing dropped, the first call apart, missed deadlines counted."""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from semeq_export.biquad import EqFilter
from semeq_export.bundle import Bundle
from semeq_export.eq import EqSettings
from semeq_export.units import check_sample_rate_hz

DECODE_CALLS = 3_000
LOOKUP_CALLS = 3_000
ENCODE_CALLS = 200
CHANNELS = 2
MIN_BLOCKS = 20


@dataclass(frozen=True, slots=True)
class Timing:
    """Wall-clock times of equal calls in microseconds. The first call is in first_us only; max_us is the slowest of all others."""

    calls: int
    first_us: float
    p50_us: float
    p95_us: float
    p99_us: float
    max_us: float


@dataclass(frozen=True, slots=True)
class BlockTiming:
    """Times of the EQ's blocks against the time that a block lasts. misses: blocks that took longer, the first one included."""

    block_size: int
    sample_rate_hz: float
    channels: int
    deadline_us: float
    misses: int
    latency_samples: int
    times_real_time: float
    timing: Timing


@dataclass(frozen=True, slots=True)
class Benchmark:
    """What `benchmark` measured.

    encode_audio: the audio encoder on one window, None where the bundle has none. decode_ratio: median decode through our Python
    over median bare InferenceSession.run, same run.
    """

    machine: dict[str, str | int]
    bundle: str
    decode: Timing
    bare_run: Timing
    decode_ratio: float
    encode_audio: Timing | None
    terms_lookup: Timing
    eq_for_first_word: Timing
    eq_for_again: Timing
    eq_blocks: tuple[BlockTiming, ...]

    @property
    def worst_p99_ms(self) -> float:
        """The largest 99th percentile of what a plug-in would do while it runs: decoding, and the EQ's blocks."""
        return max(self.decode.p99_us, *(block.timing.p99_us for block in self.eq_blocks)) / 1e3

    def to_dict(self) -> dict[str, object]:
        """Return plain data for JSON."""
        return {**asdict(self), "worst_p99_ms": self.worst_p99_ms}


def summarise(durations_ns: Sequence[int]) -> Timing:
    """Return the summary of durations in call order, at least two of them."""
    later = np.asarray(durations_ns[1:], dtype=np.float64) / 1e3
    p50, p95, p99 = (float(value) for value in np.percentile(later, (50, 95, 99)))
    return Timing(len(durations_ns), durations_ns[0] / 1e3, p50, p95, p99, float(later.max()))


def time_calls(function: Callable[[int], object], calls: int) -> Timing:
    """Return the times of function(0), function(1), ... calls times, in order, the garbage collector as it is."""
    return summarise(_durations_ns(function, range(calls)))


def time_blocks(eq: EqSettings, block_size: int, sample_rate_hz: float, seconds: float) -> BlockTiming:
    """Return the times of our float64 EQ over stereo noise, block after block, for `seconds` of audio (20 blocks at least)."""
    rate = check_sample_rate_hz(sample_rate_hz)
    blocks = max(MIN_BLOCKS, round(seconds * rate / block_size))
    noise = np.random.default_rng(0).standard_normal((CHANNELS, block_size)).astype(np.float32) * np.float32(0.1)
    stage = EqFilter(eq, rate, CHANNELS)
    durations = _durations_ns(lambda _: stage.process(noise), range(blocks))
    deadline_us = block_size / rate * 1e6
    return BlockTiming(
        block_size=block_size,
        sample_rate_hz=rate,
        channels=CHANNELS,
        deadline_us=deadline_us,
        misses=sum(duration > deadline_us * 1e3 for duration in durations),
        latency_samples=0,  # recursive filters without look-ahead
        times_real_time=deadline_us * blocks * 1e3 / sum(durations),
        timing=summarise(durations),
    )


def benchmark(
    bundle: Bundle,
    make_eq_for: Callable[[], Callable[[str], EqSettings]],
    *,
    block_sizes: Sequence[int] = (128, 512),
    sample_rate_hz: float = 48_000.0,
    seconds: float = 5.0,
) -> Benchmark:
    """Return decode, lookup, engine and EQ-block times on this machine.

    make_eq_for: gives an `Engine.eq_for` that has decoded nothing yet. seconds: length of the audio behind each block size.
    """
    words = list(bundle.centroids)
    decode, bare = _decode_and_bare(bundle)
    eq_for = make_eq_for()
    first_words = time_calls(lambda i: eq_for(words[i % len(words)]), max(2, len(words)))
    return Benchmark(
        machine=machine(),
        bundle=f"{bundle.manifest.name} {bundle.manifest.version}",
        decode=decode,
        bare_run=bare,
        decode_ratio=decode.p50_us / bare.p50_us,
        encode_audio=_encode_audio(bundle),
        terms_lookup=time_calls(lambda i: bundle.centroids[words[i % len(words)]], LOOKUP_CALLS),
        eq_for_first_word=first_words,
        eq_for_again=time_calls(lambda i: eq_for(words[i % len(words)]), LOOKUP_CALLS),
        eq_blocks=tuple(time_blocks(eq_for(words[0]), size, sample_rate_hz, seconds) for size in block_sizes),
    )


def _decode_and_bare(bundle: Bundle) -> tuple[Timing, Timing]:
    """Return decoding through our Python and bare InferenceSession.run, by turns: whatever else the machine does falls on both."""
    latents = np.array([term.z for term in bundle.centroids.values()], dtype=np.float32)
    graph, rows = bundle.decoder.graph, latents[:, np.newaxis]
    name, count = graph.spec.input, len(latents)
    decode_ns = _durations_ns(lambda i: bundle.decoder(latents[i]), [0])  # makes the session
    session = graph.session
    bare_ns = _durations_ns(lambda i: session.run(None, {name: rows[i]}), [0])
    for index in range(DECODE_CALLS):
        decode_ns += _durations_ns(lambda i: bundle.decoder(latents[i]), [index % count])
        bare_ns += _durations_ns(lambda i: session.run(None, {name: rows[i]}), [index % count])
    return summarise(decode_ns), summarise(bare_ns)


def _encode_audio(bundle: Bundle) -> Timing | None:
    encoder = bundle.encoder
    if encoder is None:
        return None
    noise = np.random.default_rng(0).standard_normal((8, encoder.window_samples)).astype(np.float32) * np.float32(0.1)
    return time_calls(lambda i: encoder(noise[i % len(noise)]), ENCODE_CALLS)


def machine() -> dict[str, str | int]:
    """Return what a figure depends on: processor, cores, system, and the versions of Python and the libraries that were timed."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count() or 0,
        "system": f"{platform.system()} {platform.machine()}",
        "python": sys.version.split()[0],
        **{name: _version(name) for name in ("numpy", "scipy", "onnxruntime", "semeq-export")},
    }


def _durations_ns(function: Callable[[int], object], indices: Iterable[int]) -> list[int]:
    clock, durations = time.perf_counter_ns, []
    for index in indices:
        start = clock()
        function(index)
        durations.append(clock() - start)
    return durations


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # not Linux
        return platform.processor() or "unknown"
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or "unknown")


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:  # run from a bare checkout
        return "not installed"
