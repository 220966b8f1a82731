"""Times of this machine: how long a bundle's parts take, from Python and compiled."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from semeq_export.bench import native
from semeq_export.bench.latency import Benchmark, benchmark, time_decoders
from semeq_export.bundle.loading import Bundle, load_bundle
from semeq_export.engine import Engine
from semeq_export.files.disk import check_output

__all__ = ["ALL_RATES_HZ", "ALL_SIZES", "BenchOptions", "BenchResult", "Native", "measure_latency"]

ALL_SIZES = (32, 64, 128, 256, 512, 1_024, 2_048)
ALL_RATES_HZ = (44_100.0, 48_000.0, 96_000.0, 192_000.0)
Native = Mapping[str, Any]  # Any: a JSON document, which the compiled program prints
_DEADLINE_RATE_HZ = 48_000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchOptions:
    """What to measure.

    block_sizes: samples per block of the EQ, at each of sample_rates_hz. native: compile semeq.hpp here and time it too. seconds: length of
    the audio for each block size. max_p99_ms: the limit for decoding and each block. figure: of times and deadlines; .svg, .png or .pdf.
    """

    block_sizes: Sequence[int] = (128, 512)
    sample_rates_hz: Sequence[float] = (48_000.0,)
    native: bool = False
    seconds: float = 5.0
    max_p99_ms: float | None = None
    figure: str | os.PathLike[str] | None = None
    overwrite: bool = False
    bundle: str | os.PathLike[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchResult:
    """What was measured. native: of semeq.hpp. worst_p99_ms: the largest 99th percentile of what has a limit."""

    measured: Benchmark
    native: Native | None
    worst_p99_ms: float
    max_p99_ms: float | None

    @property
    def is_within(self) -> bool:
        """Whether everything is within the limit."""
        return self.max_p99_ms is None or self.worst_p99_ms <= self.max_p99_ms

    def to_dict(self) -> dict[str, object]:
        """Return plain data for JSON."""
        limits = {"worst_p99_ms": self.worst_p99_ms, "max_p99_ms": self.max_p99_ms, "is_within_limit": self.is_within}
        return {**self.measured.to_dict(), "native": self.native, **limits}


def measure_latency(options: BenchOptions) -> BenchResult:
    """Return the times of decoder, audio encoder, words, analysis, engine, and the EQ per audio block; nothing is dropped.

    Raises BundleError, OutputError and EnvironmentFailure, also where no compiler is here.
    """
    if options.figure is not None:
        from semeq_export.plot.figures import picture_format

        picture_format(os.fspath(options.figure))
        check_output(options.figure, overwrite=options.overwrite, inputs=())
    bundle = load_bundle(options.bundle)
    measured = benchmark(
        bundle,
        lambda: Engine(bundle).eq_for,
        block_sizes=options.block_sizes,
        sample_rates_hz=options.sample_rates_hz,
        seconds=options.seconds,
    )
    compiled = _measure_native(bundle) if options.native else None
    worst_p99_ms = max(measured.worst_p99_ms, *_native_p99_ms(compiled)) if compiled is not None else measured.worst_p99_ms
    if options.figure is not None:
        _draw(measured, compiled, options.figure, overwrite=options.overwrite)
    return BenchResult(measured=measured, native=compiled, worst_p99_ms=worst_p99_ms, max_p99_ms=options.max_p99_ms)


def _measure_native(bundle: Bundle) -> Native:
    with native.native_decoder(bundle) as decode:
        ours, theirs = time_decoders(bundle, decode)
    by_turns = {"decode_p50_us": ours.thread_p50_us, "onnxruntime_p50_us": theirs.thread_p50_us}
    return {**native.measure_native(bundle), "from_python_by_turns": by_turns}


def _native_p99_ms(compiled: Native) -> list[float]:
    """Return the 99th percentiles of what a plug-in does while it runs; thread time, as other programs are not its fault."""
    parts = [compiled["decode"], *(block[name] for block in compiled["blocks"] for name in ("block", "with_analysis") if name in block)]
    return [part["thread"]["p99_us"] / 1e3 for part in parts]


def _draw(measured: Benchmark, compiled: Native | None, path: str | os.PathLike[str], *, overwrite: bool) -> None:
    from semeq_export.plot import figures

    series: dict[str, dict[int, float]] = {}
    deadlines_us: dict[int, float] = {}
    for block in measured.eq_blocks:
        series.setdefault(f"Python, {block.sample_rate_hz:g} Hz", {})[block.block_size] = block.timing.thread_p99_us
        deadlines_us[block.block_size] = block.block_size / _DEADLINE_RATE_HZ * 1e6
    for one in compiled["blocks"] if compiled is not None else ():
        if one["sample_rate_hz"] == _DEADLINE_RATE_HZ:
            what = "listening" if one["listening"] else "static"
            slowest = one.get("with_analysis", one["block"])
            series.setdefault(f"semeq.hpp, {what}", {})[one["block_size"]] = slowest["thread"]["p99_us"]
            deadlines_us[one["block_size"]] = one["deadline_us"]
    figure = figures.latency_figure(series, dict(sorted(deadlines_us.items())), title="time per block, deadline at 48 kHz")
    figures.save(figure, os.fspath(path), overwrite=overwrite)
