"""Speed bars of semeq.hpp, ONNX Runtime timed in the same process by turns: best of three, thread time. Exit code 3 where one is missed.

For the ratio both are called from Python with bound memory, and the cost of the call counts for both.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from check_bars import machine

from semeq_export.bench.latency import time_decoders
from semeq_export.bench.native import measure_native, native_decoder
from semeq_export.bundle.loading import Bundle, load_bundle

RUNS = 3


def one_run(bundle: Bundle) -> dict[str, float]:
    """Return the figures that the bars are about."""
    with native_decoder(bundle) as decode:
        ours, theirs = time_decoders(bundle, decode)
    native = measure_native(bundle, seconds=0.5)
    (block,) = (b for b in native["blocks"] if (b["block_size"], b["sample_rate_hz"], b["listening"]) == (128, 48_000, False))
    return {
        "decode_us": native["decode"]["thread"]["p50_us"],
        "decode_from_python_us": ours.thread_p50_us,
        "onnxruntime_us": theirs.thread_p50_us,
        "onnxruntime_over_decode": theirs.thread_p50_us / ours.thread_p50_us,
        "decode_over_bandwidth": native["decode_over_bandwidth"],
        "word_change_us": native["word_change"]["thread"]["p50_us"],
        "block_128_at_48_khz_us": block["block"]["thread"]["p50_us"],
        **{f"transform_at_{rate_hz}_hz_us": p50_us for rate_hz, p50_us in _transforms(native["blocks"]).items()},
    }


def _transforms(blocks: list[dict[str, Any]]) -> dict[int, float]:  # Any: JSON
    """Return, by rate, the p50 of the 128-sample block in which a listening stream transforms."""
    listening = [block for block in blocks if block["listening"] and block["block_size"] == 128]
    return {int(block["sample_rate_hz"]): block["with_analysis"]["thread"]["p50_us"] for block in listening}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle", nargs="?", type=Path)
    parser.add_argument("--record", type=Path)
    options = parser.parse_args()
    bundle = load_bundle(options.bundle)
    runs = [one_run(bundle) for _ in range(RUNS)]
    ratio = max(run["onnxruntime_over_decode"] for run in runs)
    bandwidth = min(run["decode_over_bandwidth"] for run in runs)
    change_us = min(run["word_change_us"] for run in runs)
    block_us = min(run["block_128_at_48_khz_us"] for run in runs)
    bars = {
        "decode": {"what": "ONNX Runtime over semeq.hpp, p50", "ratio": round(ratio, 3), "min_ratio": 1.5, "met": ratio >= 1.5},
        "memory": {"what": "decode over reading the weights", "ratio": round(bandwidth, 3), "max_ratio": 2.5, "met": bandwidth <= 2.5},
        "word": {
            "what": "a mix of three words",
            "measured_us": round(change_us, 3),
            "max_us": 100.0,
            "met": change_us <= 100.0,
        },
        "block": {"what": "128 samples, 5 bands, stereo", "measured_us": round(block_us, 3), "max_us": 2.0, "met": block_us <= 2.0},
    }
    sha256 = bundle.manifest.files["decoder.semeq"].sha256
    record = {"bars": bars, "runs": runs, "machine": machine(), "date": time.strftime("%Y-%m-%d"), "decoder_sha256": sha256}
    text = json.dumps(record, indent=1, sort_keys=True) + "\n"
    if options.record:
        options.record.write_text(text, encoding="utf-8")
    sys.stdout.write(text)
    return 0 if all(bar["met"] for bar in bars.values()) else 3


if __name__ == "__main__":
    sys.exit(main())
