"""Time of calls and of audio blocks: percentiles with nothing dropped, the first call apart, missed deadlines counted."""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from semeq_export.arrays import Float64Array
from semeq_export.bundle.loading import Bundle, check_files
from semeq_export.bundle.onnx_runtime import onnx_runtime
from semeq_export.eq.filter import EqFilter
from semeq_export.eq.settings import EqSettings
from semeq_export.listening.spectrum import analysis_grid, spectrum_of
from semeq_export.units import check_sample_rate_hz

DECODE_CALLS = 3_000
LOOKUP_CALLS = 3_000
HOP_CALLS = 300
ENCODE_CALLS = 200
CHANNELS = 2
CONTEXT_S = 2.0
MIN_BLOCKS = 20


@dataclass(frozen=True, slots=True)
class Timing:
    """Times of equal calls in microseconds: of the wall clock, and of the thread's own processor time (thread_*).

    The first call is in first_us only; max_us is the slowest of all others. Thread time says what the code costs, wall time what else the
    machine did meanwhile.
    """

    calls: int
    first_us: float
    p50_us: float
    p95_us: float
    p99_us: float
    p99_9_us: float
    max_us: float
    thread_p50_us: float
    thread_p95_us: float
    thread_p99_us: float
    thread_p99_9_us: float
    thread_max_us: float


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

    decode_ratio: median decode through our Python over median bare InferenceSession.run, same run. bandwidth_loop: reading as many bytes
    as the decoder has weights, once; decode_over_bandwidth: medians of bare_run over it. analysis_hop: one window of a stream that listens,
    and the spectrum of the last two seconds. encode_audio: the audio encoder on one window, None where the bundle has none. start_ms:
    checking the bundle's files, and the first decode. peak_memory_mb: of this process so far.
    """

    machine: dict[str, str | int]
    bundle: str
    start_ms: float
    peak_memory_mb: float
    decode: Timing
    bare_run: Timing
    decode_ratio: float
    bandwidth_loop: Timing
    decode_over_bandwidth: float
    encode_audio: Timing | None
    analysis_hop: Timing
    terms_lookup: Timing
    eq_for_first_word: Timing
    eq_for_again: Timing
    eq_blocks: tuple[BlockTiming, ...]

    @property
    def worst_p99_ms(self) -> float:
        """The largest 99th percentile of what a plug-in would do while it runs: decoding, and the EQ's blocks.

        Of thread time: on a shared machine the wall clock says more about the neighbours, by milliseconds.
        """
        return max(self.decode.thread_p99_us, *(block.timing.thread_p99_us for block in self.eq_blocks)) / 1e3

    def to_dict(self) -> dict[str, object]:
        """Return plain data for JSON."""
        return {**asdict(self), "worst_p99_ms": self.worst_p99_ms}


@dataclass(slots=True)
class _Durations:
    """Of calls, in their order, in nanoseconds."""

    wall_ns: list[int] = field(default_factory=list)
    thread_ns: list[int] = field(default_factory=list)

    def add(self, function: Callable[[int], object], indices: Iterable[int]) -> None:
        clock, thread_clock = time.perf_counter_ns, time.thread_time_ns
        for index in indices:
            thread_start = thread_clock()
            start = clock()
            function(index)
            self.wall_ns.append(clock() - start)
            self.thread_ns.append(thread_clock() - thread_start)

    def timing(self) -> Timing:
        return summarise(self.wall_ns, self.thread_ns)


def summarise(wall_ns: Sequence[int], thread_ns: Sequence[int]) -> Timing:
    """Return the summary of durations in call order, at least two of them."""
    wall, thread = (np.asarray(values[1:], dtype=np.float64) / 1e3 for values in (wall_ns, thread_ns))
    numbers = [float(value) for values in (wall, thread) for value in (*np.percentile(values, (50, 95, 99, 99.9)), values.max())]
    return Timing(len(wall_ns), wall_ns[0] / 1e3, *numbers)


def time_calls(function: Callable[[int], object], calls: int) -> Timing:
    """Return the times of function(0), function(1), ... calls times, in order, the garbage collector as it is."""
    return _time(function, calls).timing()


def time_blocks(eq: EqSettings, block_size: int, sample_rate_hz: float, seconds: float) -> BlockTiming:
    """Return the times of our float64 EQ over stereo noise, block after block, for `seconds` of audio (20 blocks at least)."""
    rate = check_sample_rate_hz(sample_rate_hz)
    blocks = max(MIN_BLOCKS, round(seconds * rate / block_size))
    noise = np.random.default_rng(0).standard_normal((CHANNELS, block_size)).astype(np.float32) * np.float32(0.1)
    stage = EqFilter(eq, rate, CHANNELS)
    durations = _time(lambda _: stage.process(noise), blocks)
    deadline_us = block_size / rate * 1e6
    return BlockTiming(
        block_size=block_size,
        sample_rate_hz=rate,
        channels=CHANNELS,
        deadline_us=deadline_us,
        misses=sum(duration > deadline_us * 1e3 for duration in durations.wall_ns),
        latency_samples=0,  # recursive filters without look-ahead
        times_real_time=deadline_us * blocks * 1e3 / sum(durations.wall_ns),
        timing=durations.timing(),
    )


def benchmark(
    bundle: Bundle,
    make_eq_for: Callable[[], Callable[[str], EqSettings]],
    *,
    block_sizes: Sequence[int] = (128, 512),
    sample_rates_hz: Sequence[float] = (48_000.0,),
    seconds: float = 5.0,
) -> Benchmark:
    """Return decode, lookup, engine, analysis and EQ-block times on this machine.

    make_eq_for: gives an `Engine.eq_for` that has decoded nothing yet. seconds: length of the audio behind each block size.
    """
    words = list(bundle.centroids)
    rates = [check_sample_rate_hz(rate) for rate in sample_rates_hz]
    start_ms = _start_ms(bundle)
    decode, bare, bandwidth = _decode_and_bare(bundle)
    eq_for = make_eq_for()
    first_words = time_calls(lambda i: eq_for(words[i % len(words)]), max(2, len(words)))
    return Benchmark(
        machine=machine(),
        bundle=f"{bundle.manifest.name} {bundle.manifest.version}",
        start_ms=start_ms,
        peak_memory_mb=peak_memory_mb(),
        decode=decode,
        bare_run=bare,
        decode_ratio=decode.p50_us / bare.p50_us,
        bandwidth_loop=bandwidth,
        decode_over_bandwidth=bare.p50_us / bandwidth.p50_us,
        encode_audio=_encode_audio(bundle),
        analysis_hop=_analysis_hop(rates[0]),
        terms_lookup=time_calls(lambda i: bundle.centroids[words[i % len(words)]], LOOKUP_CALLS),
        eq_for_first_word=first_words,
        eq_for_again=time_calls(lambda i: eq_for(words[i % len(words)]), LOOKUP_CALLS),
        eq_blocks=tuple(time_blocks(eq_for(words[0]), size, rate, seconds) for rate in rates for size in block_sizes),
    )


def _decode_and_bare(bundle: Bundle) -> tuple[Timing, Timing, Timing]:
    """Return decoding through our Python, bare InferenceSession.run, and reading the weights once, by turns: what else happens hits all."""
    latents = np.array([term.z for term in bundle.centroids.values()], dtype=np.float32)
    graph, rows = bundle.decoder.graph, latents[:, np.newaxis]
    name, count = graph.spec.input, len(latents)
    weights = np.ones(max(1, len(graph.data) // 4), dtype=np.float32)
    session = graph.session
    functions = (
        lambda i: bundle.decoder(latents[i]),
        lambda i: session.run(None, {name: rows[i]}),
        lambda i: weights.max(),  # of numpy's ways to read an array once, the one that waits for nothing but memory
    )
    decode, bare, bandwidth = _by_turns(functions, DECODE_CALLS + 1, count)
    return decode, bare, bandwidth


def time_decoders(
    bundle: Bundle, decode: Callable[[NDArray[np.float32], Float64Array], object], calls: int = 5_000
) -> tuple[Timing, Timing]:
    """Return the times of another decoder and of ONNX Runtime, by turns over the bundle's words in this process.

    decode: z (latent_dim,) into params (n_params,). Memory is bound for both, and the cost of the call from Python counts for both.
    """
    latents = np.array([term.z for term in bundle.centroids.values()], dtype=np.float32)
    graph, params = bundle.decoder.graph, np.zeros(len(bundle.manifest.layout.params))
    inputs, result = (
        np.zeros(graph.spec.input_shape, np.float32),
        onnx_runtime().OrtValue.ortvalue_from_numpy(np.zeros(graph.spec.output_shape, np.float32)),
    )
    binding, session = graph.session.io_binding(), graph.session
    binding.bind_cpu_input(graph.spec.input, inputs)
    binding.bind_ortvalue_output(graph.spec.output, result)
    ours, theirs = _by_turns((lambda i: decode(latents[i], params), lambda i: session.run_with_iobinding(binding)), calls, len(latents))
    return ours, theirs


def _by_turns(functions: Sequence[Callable[[int], object]], calls: int, count: int) -> list[Timing]:
    """Return the times of functions that are called by turns with 0, 1, ... modulo count: what else happens hits all."""
    durations = [_Durations() for _ in functions]
    for index in range(calls):
        for function, held in zip(functions, durations, strict=True):
            held.add(function, [index % count])
    return [held.timing() for held in durations]


def _start_ms(bundle: Bundle) -> float:
    """Return how long it takes from the bundle's files to the first answer of its decoder."""
    start = time.perf_counter_ns()
    fresh = check_files(bundle.files, bundle.path)
    fresh.decoder(np.zeros(bundle.manifest.latent_dim, dtype=np.float32))
    return (time.perf_counter_ns() - start) / 1e6


def _encode_audio(bundle: Bundle) -> Timing | None:
    encoder = bundle.encoder
    if encoder is None:
        return None
    noise = np.random.default_rng(0).standard_normal((8, encoder.window_samples)).astype(np.float32) * np.float32(0.1)
    return time_calls(lambda i: encoder(noise[i % len(noise)]), ENCODE_CALLS)


def _analysis_hop(sample_rate_hz: float) -> Timing:
    """Return what a listening stream does every 43 ms: the bands of one window, and the spectrum of the windows of two seconds."""
    grid = analysis_grid(sample_rate_hz)
    window = np.random.default_rng(0).standard_normal((CHANNELS, grid.window_samples)).astype(np.float32) * np.float32(0.1)
    held = max(1, int((CONTEXT_S * sample_rate_hz - grid.window_samples) // grid.hop_samples + 1))
    powers = np.tile(grid.band_powers(window), (held, 1))

    def hop(index: int) -> None:
        powers[index % held] = grid.band_powers(window)
        spectrum_of(powers, np.arange(held, dtype=np.float64), grid.in_range, CONTEXT_S, keep_windows=False)

    return time_calls(hop, HOP_CALLS)


def peak_memory_mb() -> float:
    """Return the most memory that this process has held so far, in MB; 0.0 where the system does not say."""
    try:
        import resource  # not on Windows
    except ImportError:
        return 0.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak / 1e3


def _time(function: Callable[[int], object], calls: int) -> _Durations:
    durations = _Durations()
    durations.add(function, range(calls))
    return durations


def machine() -> dict[str, str | int]:
    """Return what a figure depends on: processor, cores, system, and the versions of Python and the libraries that were timed."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count() or 0,
        "system": f"{platform.system()} {platform.machine()}",
        "python": sys.version.split()[0],
        **{name: _version(name) for name in ("numpy", "scipy", "onnxruntime", "semeq-export")},
    }


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
