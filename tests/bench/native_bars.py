"""Speed bars of semeq.hpp, ONNX Runtime timed in the same run: best of three, thread time. Exit code 3 where one is missed.

ONNX Runtime is called from Python with bound memory, which is as close to its C interface as Python comes.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
import onnxruntime
from check_bars import machine

from semeq_export.bundle import Bundle, load_bundle
from semeq_export.latency import time_calls
from semeq_export.native import measure_native

RUNS = 3
CALLS = 5_000


def ort_p50_us(bundle: Bundle) -> float:
    """Return the median thread time of one decode in ONNX Runtime, input and output bound."""
    graph = bundle.decoder.graph
    binding = graph.session.io_binding()
    binding.bind_cpu_input(graph.spec.input, np.zeros(graph.spec.input_shape, np.float32))
    result = onnxruntime.OrtValue.ortvalue_from_numpy(np.zeros(graph.spec.output_shape, np.float32))
    binding.bind_ortvalue_output(graph.spec.output, result)
    return time_calls(lambda _: graph.session.run_with_iobinding(binding), CALLS).thread_p50_us


def one_run(bundle: Bundle) -> dict[str, float]:
    """Return the figures that the bars are about."""
    ort_us, native = ort_p50_us(bundle), measure_native(bundle, seconds=0.5)
    (block,) = (b for b in native["blocks"] if (b["block_size"], b["sample_rate_hz"], b["listening"]) == (128, 48_000, False))
    decode_us = native["decode"]["thread"]["p50_us"]
    return {
        "decode_us": decode_us,
        "onnxruntime_us": ort_us,
        "onnxruntime_over_decode": ort_us / decode_us,
        "decode_over_bandwidth": native["decode_over_bandwidth"],
        "block_128_at_48_khz_us": block["block"]["thread"]["p50_us"],
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", type=Path)
    options = parser.parse_args()
    bundle = load_bundle()
    runs = [one_run(bundle) for _ in range(RUNS)]
    ratio = max(run["onnxruntime_over_decode"] for run in runs)
    bandwidth = min(run["decode_over_bandwidth"] for run in runs)
    block_us = min(run["block_128_at_48_khz_us"] for run in runs)
    bars = {
        "decode": {"what": "ONNX Runtime over semeq.hpp, p50", "ratio": round(ratio, 3), "min_ratio": 1.5, "met": ratio >= 1.5},
        "memory": {"what": "decode over reading the weights", "ratio": round(bandwidth, 3), "max_ratio": 2.5, "met": bandwidth <= 2.5},
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
