"""semeq-export bench: times of this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from semeq_export.cli import _shared

if TYPE_CHECKING:
    from semeq_export.latency import Benchmark, Timing


@click.command(epilog="Example: semeq-export bench --block-size 128 --max-p99-ms 1")
@click.option(
    "--block-size", "block_sizes", type=click.IntRange(1, 65_536), multiple=True, default=(128, 512), show_default=True, metavar="N",
    help="Samples per block of the EQ. Repeatable.",
)  # fmt: skip
@click.option("--sample-rate", "sample_rate_hz", type=float, default=48_000.0, show_default=True, metavar="HZ", help="Rate of the audio.")
@click.option(
    "--seconds", type=click.FloatRange(0.01, 3_600.0), default=5.0, show_default=True, help="Length of the audio for each block size."
)
@click.option(
    "--max-p99-ms", type=click.FloatRange(min=0.0, min_open=True), metavar="F", help="End with 3 if decoding or a block is slower."
)
@_shared.bundle_option
@_shared.output_options
@click.pass_context
def command(
    ctx: click.Context,
    block_sizes: tuple[int, ...],
    sample_rate_hz: float,
    seconds: float,
    max_p99_ms: float | None,
    bundle_path: str | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Measure latency on this machine: decoder, audio encoder, words, engine, and the EQ per audio block.

    Nothing is dropped; the first call stands apart. Computing time, latency in samples and deadlines are different things: all three
    are shown.
    """
    from semeq_export.bundle import load_bundle
    from semeq_export.engine import Engine
    from semeq_export.latency import benchmark

    bundle = load_bundle(bundle_path)
    result = benchmark(bundle, lambda: Engine(bundle).eq_for, block_sizes=block_sizes, sample_rate_hz=sample_rate_hz, seconds=seconds)
    is_within = max_p99_ms is None or result.worst_p99_ms <= max_p99_ms
    if as_json:
        _shared.print_json({**result.to_dict(), "max_p99_ms": max_p99_ms, "is_within_limit": is_within})
    else:
        _print(result)
    if not is_within:
        _shared.note(f"p99 is {result.worst_p99_ms:.3f} ms, over the limit of {max_p99_ms:g} ms", quiet=quiet)
    ctx.exit(_shared.EXIT_OK if is_within else _shared.EXIT_NO)


def _print(result: Benchmark) -> None:
    rows: list[tuple[str, Timing]] = [
        ("decode", result.decode),
        ("bare InferenceSession.run", result.bare_run),
        *([("audio encoder, one window", result.encode_audio)] if result.encode_audio is not None else []),
        ("term lookup", result.terms_lookup),
        ("eq_for, a new word", result.eq_for_first_word),
        ("eq_for, asked again", result.eq_for_again),
        *((f"EQ block of {block.block_size}", block.timing) for block in result.eq_blocks),
    ]
    click.echo(", ".join(f"{name} {value}" for name, value in result.machine.items()))
    click.echo(f"bundle {result.bundle}; times in microseconds")
    click.echo(f"{'':26}  {'calls':>7}  {'first':>9}  {'p50':>8}  {'p95':>8}  {'p99':>8}  {'max':>9}")
    for name, t in rows:
        numbers = f"{t.first_us:9.1f}  {t.p50_us:8.2f}  {t.p95_us:8.2f}  {t.p99_us:8.2f}  {t.max_us:9.1f}"
        click.echo(f"{name:26}  {t.calls:7d}  {numbers}")
    click.echo(f"decode takes {result.decode_ratio:.2f} times the bare run (medians)")
    for block in result.eq_blocks:
        click.echo(
            f"block of {block.block_size} at {block.sample_rate_hz:g} Hz, {block.channels} channels: deadline {block.deadline_us:.0f} us, "
            f"{block.misses} of {block.timing.calls} missed, latency {block.latency_samples} samples, "
            f"{block.times_real_time:.0f} x real time"
        )
