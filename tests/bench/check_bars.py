"""Run the benchmarks three times, compare each with its peer and its bar, and write the record. Exit code 3 where a bar is missed."""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

HERE = Path(__file__).resolve().parent
RUNS = 3


def medians_s(names: list[str]) -> dict[str, float]:
    """Return the median times of one run of these benchmarks."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:xdist",
            HERE,
            "--benchmark-enable",
            "--benchmark-only",
            "-k",
            " or ".join(names),
        ]
        subprocess.run([*command, f"--benchmark-json={report}"], check=True, stdout=sys.stderr)
        return {entry["name"]: entry["stats"]["median"] for entry in json.loads(report.read_text())["benchmarks"]}


def judge(bars: dict[str, dict[str, object]], runs: list[dict[str, float]]) -> dict[str, dict[str, object]]:
    """Return each bar with its best ratio to its peer, its best time, or how many times faster than real time, and that run's medians.

    Raises KeyError where a bar names no benchmark.
    """
    result: dict[str, dict[str, object]] = {}
    for name, bar in bars.items():
        measured = str(bar["measured"])
        if "max_s" in bar:
            best_s = min(run[measured] for run in runs)
            met = best_s <= float(str(bar["max_s"]))
            result[name] = {"what": bar["what"], "measured_s": best_s, "max_s": bar["max_s"], "met": met}
            continue
        if "min_times_real_time" in bar:
            best = min(runs, key=lambda run: run[measured])
            times = float(str(bar["audio_s"])) / best[measured]
            met = times >= float(str(bar["min_times_real_time"]))
            result[name] = {"what": bar["what"], "measured_s": best[measured], "times_real_time": round(times, 1), "met": met}
            result[name] |= {key: bar[key] for key in ("audio_s", "min_times_real_time")}
            if "peer" in bar:
                peer_s = best[str(bar["peer"])]
                result[name] |= {"peer_s": peer_s, "ratio": round(best[measured] / peer_s, 3)}
            continue
        peer = str(bar["peer"])
        best = min(runs, key=lambda run: run[measured] / run[peer])
        ratio = best[measured] / best[peer]
        result[name] = {
            "what": bar["what"],
            "measured_s": best[measured],
            "peer_s": best[peer],
            "ratio": round(ratio, 3),
            "max_ratio": bar["max_ratio"],
            "met": ratio <= float(str(bar["max_ratio"])),
        }
    return result


def machine() -> str:
    """Return the processor's name and the number of cores, nothing that tells whose machine it is."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        model = platform.machine()
    return f"{model}, {os.cpu_count()} cores, Python {platform.python_version()}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", type=Path, required=True, help="JSON file to write")
    parser.add_argument("--only", nargs="+", metavar="BAR", help="measure these bars alone; the record keeps what it has of the others")
    options = parser.parse_args()
    record = options.record
    bars = tomllib.loads((HERE / "bars.toml").read_text(encoding="utf-8"))
    chosen = {name: bars[name] for name in options.only or bars}
    names = [str(bar[key]) for bar in chosen.values() for key in ("measured", "peer") if key in bar]
    results = judge(chosen, [medians_s(names) for _ in range(RUNS)])
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=HERE, check=True, capture_output=True, text=True).stdout.strip()
    manifest = HERE.parent.parent / "semeq_export" / "factory" / "default.semeq" / "manifest.json"
    made = {"date": datetime.datetime.now(datetime.UTC).date().isoformat(), "machine": machine(), "commit": commit}
    kept = json.loads(record.read_text(encoding="utf-8"))["bars"] if options.only else {}
    document = {
        "weights_sha256": json.loads(manifest.read_text(encoding="utf-8"))["training"]["weights_sha256"],
        "runs": RUNS,
        "bars": kept | {name: result | made for name, result in results.items()},
    }
    record.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    for name, result in results.items():
        if "max_s" in result:
            value = f"{result['measured_s']:.3g} s (at most {result['max_s']} s)"
        elif "min_times_real_time" in result:
            ratio = f", {result['ratio']} times the peer's time" if "ratio" in result else ""
            value = f"{result['times_real_time']} times real time (at least {result['min_times_real_time']}){ratio}"
        else:
            value = f"{result['ratio']} (at most {result['max_ratio']})"
        sys.stdout.write(f"{'met   ' if result['met'] else 'MISSED'} {name}: {value} - {result['what']}\n")
    return 0 if all(result["met"] for result in results.values()) else 3


if __name__ == "__main__":
    sys.exit(main())
