"""One hour of stereo through AdaptiveEq: thread time per block, memory, open files, equality of any blocks. Exit code 3 on a miss.

Two passes over the same hour, once in blocks of 512 and once in blocks of many sizes, with a change asked for every few seconds of audio;
the outputs are compared by hash. Reaction time: from a jump of the input's colour until the gain has done 90 % of its way.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from bench.check_bars import machine  # noqa: E402  # run as a script, from anywhere

from semeq_export.bundle.loading import load_bundle  # noqa: E402
from semeq_export.engine import Engine  # noqa: E402
from semeq_export.eq.filter import apply  # noqa: E402
from semeq_export.words.target import SemanticTarget  # noqa: E402
from semeq_host.streams.stream import AdaptiveEq  # noqa: E402

RATE_HZ = 44_100
BLOCK = 512
CHANGE_EVERY = 5 * RATE_HZ // BLOCK * BLOCK  # samples; a frame starts there
LIMITS = {"p99_us": 1_000.0, "p999_us": 5_800.0, "growth_mb": 1.0, "descriptor_growth": 0}


def material() -> np.ndarray:
    """Ten seconds of noise that changes its colour and its level, repeated as views; float32."""
    rng, engine = np.random.default_rng(90), Engine(load_bundle())
    words = ["warm", "bright", "warm", "bright", "warm"]
    parts = [apply(engine.eq_for(SemanticTarget.parse(word, 1.5)), rng.standard_normal((2, 2 * RATE_HZ)) * 0.05, RATE_HZ) for word in words]
    joined = np.concatenate(parts, axis=1) * (1.0 + 0.8 * np.sin(np.arange(10 * RATE_HZ) * 2 * np.pi / RATE_HZ / 1.7))
    return joined.astype(np.float32)


def pieces(total: int, sizes: list[int]) -> Iterator[tuple[int, int]]:
    """Give the starts and ends of blocks of these sizes in turn, cut where a change is asked for."""
    start = turn = 0
    while start < total:
        end = min(start + sizes[turn % len(sizes)], total, (start // CHANGE_EVERY + 1) * CHANGE_EVERY)
        yield start, end
        start, turn = end, turn + 1


def run(loop: np.ndarray, total: int, sizes: list[int]) -> tuple[str, np.ndarray, dict[str, float]]:
    """Stream `total` samples; return the hash of the output, the thread time of each block in us, and memory and files over time."""
    live = AdaptiveEq(Engine(load_bundle()), "warm", sample_rate_hz=RATE_HZ)
    digest, length = hashlib.sha256(), loop.shape[1]
    times_us = np.full(sum(1 for _ in pieces(total, sizes)), np.nan)  # written now, so that it does not seem to grow
    usage: dict[str, float] = {}
    for index, (start, end) in enumerate(pieces(total, sizes)):
        if start % CHANGE_EVERY == 0:
            turn = start // CHANGE_EVERY
            live.target = SemanticTarget.parse(("warm", "bright", "warm:0.7,bright:0.3")[turn % 3], (1.0, 0.5, -1.0, 2.0)[turn % 4])
        at = start % length
        block = loop[:, at : at + end - start]
        if block.shape[1] < end - start:
            block = np.concatenate([block, loop[:, : end - start - block.shape[1]]], axis=1)
        began = time.thread_time_ns()
        out = live.process(block)
        times_us[index] = (time.thread_time_ns() - began) / 1e3
        digest.update(np.ascontiguousarray(out.T).tobytes())  # sample by sample, so that it does not depend on the blocks
        if "rss_minute_mb" not in usage and start > 60 * RATE_HZ:
            usage |= {"rss_minute_mb": rss_mb(), "descriptors_minute": descriptors()}
    return digest.hexdigest(), times_us, usage | {"rss_end_mb": rss_mb(), "descriptors_end": descriptors()}


def reaction_ms(context_s: float) -> float:
    """Return the time from a jump of the input's colour until the gain has done 90 % of its way, the fade included."""
    rng, engine = np.random.default_rng(91), Engine(load_bundle())
    noise = rng.standard_normal((2, 12 * RATE_HZ)) * 0.05
    word = engine.eq_for("warm")
    jump = 6 * RATE_HZ
    samples = np.concatenate([noise[:, :jump], apply(word, noise[:, jump:], RATE_HZ)], axis=1)
    heard: list[tuple[float, float]] = []
    live = AdaptiveEq(engine, "warm", sample_rate_hz=RATE_HZ, context_s=context_s, on_update=lambda t, _, gain: heard.append((t, gain)))
    for start in range(0, samples.shape[1], BLOCK):
        live.process(samples[:, start : start + BLOCK])
    before = next(gain for at, gain in reversed(heard) if at <= 6.0)
    after = heard[-1][1]
    done = next(at for at, gain in heard if at > 6.0 and abs(gain - before) >= 0.9 * abs(after - before))
    return (done - 6.0) * 1e3 + 30.0


def rss_mb() -> float:
    """Return the memory that this process holds now, in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def descriptors() -> int:
    """Return how many files this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", type=Path, required=True, help="JSON file to write")
    parser.add_argument("--seconds", type=int, default=3_600, help="length of the audio")
    options = parser.parse_args()
    loop, total = material(), options.seconds * RATE_HZ
    began = time.perf_counter()
    digest, times_us, usage = run(loop, total, [BLOCK])
    wall_s = time.perf_counter() - began
    other, _, _ = run(loop, total, [1, 4_096, 333, 64, 2_048, 10_000, 7])
    p50, p99, p999 = (float(value) for value in np.percentile(times_us[1:], (50, 99, 99.9)))
    results = {
        "audio_s": options.seconds,
        "blocks": len(times_us),
        "block_samples": BLOCK,
        "sample_rate_hz": RATE_HZ,
        "first_us": float(times_us[0]),
        "p50_us": p50,
        "p99_us": p99,
        "p999_us": p999,
        "max_us": float(times_us[1:].max()),
        "times_real_time": options.seconds / wall_s,
        "growth_mb": usage["rss_end_mb"] - usage["rss_minute_mb"],
        "descriptor_growth": usage["descriptors_end"] - usage["descriptors_minute"],
        "same_bits_in_other_blocks": digest == other,
        "reaction_ms": {f"{context_s:g}": round(reaction_ms(context_s)) for context_s in (0.5, 1.0, 2.0)},
        "latency_samples": 0,
    }
    missed = [name for name, limit in LIMITS.items() if float(str(results[name])) > limit]
    missed += [] if results["same_bits_in_other_blocks"] else ["same_bits_in_other_blocks"]
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=HERE, check=True, capture_output=True, text=True).stdout.strip()
    weights = load_bundle().manifest.training.weights_sha256
    document = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": machine(),
        "commit": commit,
        "weights_sha256": weights,
        "limits": LIMITS,
        "results": results,
    }
    options.record.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    sys.stdout.write(json.dumps(results, indent=1) + "\n" + (f"MISSED {', '.join(missed)}\n" if missed else "all met\n"))
    return 3 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
