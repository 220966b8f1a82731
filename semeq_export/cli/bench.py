"""semeq-export bench: times of this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from semeq_export.cli import _shared

if TYPE_CHECKING:
    from semeq_export.app.benchmarks import Native
    from semeq_export.bench.latency import Benchmark, Timing


@click.command(epilog="Example: semeq-export bench --native --full --figure latency.svg")
@click.option(
    "--block-size", "block_sizes", type=click.IntRange(1, 65_536), multiple=True, default=(128, 512), show_default=True, metavar="N",
    help="Samples per block of the EQ. Repeatable.",
)  # fmt: skip
@click.option(
    "--sample-rate", "sample_rates_hz", type=float, multiple=True, default=(48_000.0,), show_default=True, metavar="HZ",
    help="Rate of the audio. Repeatable.",
)  # fmt: skip
@click.option("--full", is_flag=True, help="Blocks of 32 to 2048 samples at 44.1, 48, 96 and 192 kHz.")
@click.option("--native", is_flag=True, help="Compile semeq.hpp here and time it too (needs a C++ compiler).")
@click.option(
    "--seconds", type=click.FloatRange(0.01, 3_600.0), default=5.0, show_default=True, help="Length of the audio for each block size."
)
@click.option(
    "--max-p99-ms",
    type=click.FloatRange(min=0.0, min_open=True),
    metavar="F",
    help="End with 3 if decoding or a block needs more time.",
)
@click.option("--figure", metavar="FILE", help="Draw times and deadlines of the blocks: .svg, .png or .pdf.")
@_shared.force_option
@_shared.bundle_option
@_shared.output_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    full: bool,
    figure: str | None,
    force: bool,
    bundle_path: str | None,
    as_json: bool,
    quiet: bool,
    **given: Any,  # Any: what else `BenchOptions` holds, under its own names
) -> None:
    """Measure latency on this machine: decoder, audio encoder, words, analysis, engine, and the EQ per audio block.

    Nothing is dropped; the first call stands apart. Computing time (of the wall clock, and of the thread), latency in samples and deadlines
    are different things: all are shown.
    """
    from semeq_export.app import benchmarks

    given |= {"block_sizes": benchmarks.ALL_SIZES, "sample_rates_hz": benchmarks.ALL_RATES_HZ} if full else {}
    result = benchmarks.measure_latency(benchmarks.BenchOptions(figure=figure, overwrite=force, bundle=bundle_path, **given))
    if as_json:
        _shared.print_json(result.to_dict())
    else:
        _print(result.measured, result.native)
    if figure is not None:
        _shared.note(f"wrote {_shared.one_line(figure)}", quiet=quiet)
    if not result.is_within:
        _shared.note(f"p99 is {result.worst_p99_ms:.3f} ms, over the limit of {result.max_p99_ms:g} ms", quiet=quiet)
    ctx.exit(_shared.EXIT_OK if result.is_within else _shared.EXIT_NO)


def _print(result: Benchmark, compiled: Native | None) -> None:
    rows: list[tuple[str, Timing]] = [
        ("decode", result.decode),
        ("bare InferenceSession.run", result.bare_run),
        ("reading the weights once", result.bandwidth_loop),
        ("term lookup", result.terms_lookup),
        ("eq_for, a new word", result.eq_for_first_word),
        ("eq_for, asked again", result.eq_for_again),
        ("analysis hop", result.analysis_hop),
        *([("audio encoder, one window", result.encode_audio)] if result.encode_audio is not None else []),
        *((f"EQ block {block.block_size} @ {block.sample_rate_hz:g}", block.timing) for block in result.eq_blocks),
    ]
    click.echo(", ".join(f"{name} {value}" for name, value in result.machine.items()))
    click.echo(f"bundle {result.bundle}; start {result.start_ms:.0f} ms, memory {result.peak_memory_mb:.0f} MB; times in microseconds")
    _print_head()
    for name, t in rows:
        wall = (t.first_us, t.p50_us, t.p95_us, t.p99_us, t.p99_9_us, t.max_us)
        _print_row(name, t.calls, wall, (t.thread_p50_us, t.thread_p99_us))
    click.echo(
        f"decode takes {result.decode_ratio:.2f} times the bare run, the bare run {result.decode_over_bandwidth:.2f} times the reading"
    )
    for block in result.eq_blocks:
        click.echo(
            f"block of {block.block_size} at {block.sample_rate_hz:g} Hz, {block.channels} channels: deadline {block.deadline_us:.0f} us, "
            f"{block.misses} of {block.timing.calls} missed, latency {block.latency_samples} samples, "
            f"{block.times_real_time:.0f} x real time"
        )
    if compiled is not None:
        _print_native(compiled)


def _print_native(compiled: Native) -> None:
    click.echo(
        f"semeq.hpp, compiled here: load {compiled['load_ms']:.1f} ms, memory {compiled['memory_mb']:.1f} MB, AVX2 {compiled['avx2']}"
    )
    _print_head()
    parts = [("decode", compiled["decode"]), ("reading the weights once", compiled["bandwidth_loop"])]
    for block in compiled["blocks"]:
        name = f"block {block['block_size']} @ {block['sample_rate_hz']:g}"
        if not block["listening"]:
            parts.append((name, block["block"]))
        elif "with_analysis" in block:
            parts.append((f"{name}, analysis", block["with_analysis"]))
    for name, part in parts:
        wall = part["wall"]
        numbers = (part["first_us"], wall["p50_us"], wall["p95_us"], wall["p99_us"], wall["p99.9_us"], wall["max_us"])
        _print_row(name, part["calls"], numbers, (part["thread"]["p50_us"], part["thread"]["p99_us"]))
    ours_us, theirs_us = (compiled["from_python_by_turns"][f"{name}_p50_us"] for name in ("decode", "onnxruntime"))
    misses = sum(block["misses"] for block in compiled["blocks"])
    over = compiled["decode_over_bandwidth"]
    click.echo(f"decode takes {over:.2f} times the reading; {misses} misses")
    click.echo(
        f"called from Python by turns, thread p50: decode {ours_us:.2f} us, "
        f"onnx runtime {theirs_us:.2f} us, {theirs_us / ours_us:.2f} times as long"
    )


def _print_head() -> None:
    names = ("first", "p50", "p95", "p99", "p99.9", "max")
    click.echo(f"{'':26} {'calls':>7}" + "".join(f"{name:>9}" for name in names) + "   thread p50      p99")


def _print_row(name: str, calls: int, wall: tuple[float, ...], thread: tuple[float, float]) -> None:
    click.echo(f"{name:26} {calls:7d}" + "".join(f"{value:9.2f}" for value in wall) + f"  {thread[0]:11.2f}{thread[1]:9.2f}")
