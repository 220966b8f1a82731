"""Damage a bundle in seeded ways and load it, in Python and in C++: our error or a sound answer, never a crash, a hang or 500 MB.

Half of the cases have hashes that fit the damage, so that what lies behind them is reached. Prints one JSON document; with --record it also
says on which machine. `--hostile` names the kit's compiled hostile-file test (tests/hostile.cpp), which does the same to semeq.hpp.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import re
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import bundles
import numpy as np

from semeq_export.bundle import flat, graphs, store, validate
from semeq_export.bundle.loading import check_files, load_bundle, write_bundle
from semeq_export.errors import BundleError

SLOW_S = 10.0
PIECES = (b"", b"null", b"NaN", b"1e999", b"[[[[", b'"\\ud800"', b"../x", b"\x00" * 64, b"\xff" * 64, b"{}", b"PK\x03\x04", b"9" * 40)


def damaged(data: bytes, rng: random.Random) -> bytes:
    """Return data with one kind of damage."""
    if not data:
        return b"\x00"
    place, other = rng.randrange(len(data)), rng.randrange(len(data))
    size = rng.randrange(1, 100)
    return [
        lambda: data[:place] + bytes([data[place] ^ 1 << rng.randrange(8)]) + data[place + 1 :],
        lambda: data[:place],
        lambda: data + rng.randbytes(size),
        lambda: data[:place] + data[place + size :],
        lambda: data[:place] + data[other : other + size] + data[place:],
        lambda: data[:place] + rng.randbytes(size) + data[place + size :],
        lambda: data[:place] + rng.choice(PIECES) + data[place:],
        lambda: rng.choice([b"", b"<html>", b"version https://git-lfs.github.com/spec/v1\n", rng.randbytes(300)]),
    ][rng.randrange(8)]()


def attack(count: int, seed: int) -> dict[str, object]:
    """Return how many of `count` damaged bundles were refused and how many were sound, the slowest one, and what went wrong."""
    content = bundles.files()
    sealed = bundles.sealed(content)
    rng = random.Random(seed)
    result = {"cases": count, "refused": 0, "sound": 0, "wrong": []}
    slowest_s = 0.0
    with tempfile.TemporaryDirectory() as scratch:
        for case in range(count):
            start = time.perf_counter()
            place = Path(scratch) / f"{case}.semeq"
            try:
                _one(content, sealed, place, rng)
                result["sound"] += 1  # type: ignore[operator]
            except BundleError as error:
                result["refused"] += 1  # type: ignore[operator]
                if "\n" in str(error) or not str(error):
                    result["wrong"].append(f"case {case}: message {str(error)[:100]!r}")  # type: ignore[attr-defined]
            except Exception as error:
                result["wrong"].append(f"case {case}: {type(error).__name__}: {str(error)[:100]}")  # type: ignore[attr-defined]
            elapsed_s = time.perf_counter() - start
            slowest_s = max(slowest_s, elapsed_s)
            if elapsed_s > SLOW_S:
                result["wrong"].append(f"case {case}: took {elapsed_s:.1f} s")  # type: ignore[attr-defined]
    return result | {"slowest_s": round(slowest_s, 3), "peak_memory_mb": _peak_memory_mb()}


def _one(content: dict[str, bytes], sealed: dict[str, bytes], place: Path, rng: random.Random) -> None:
    """Load one damaged bundle as a stranger's would be; raises BundleError where it is refused."""
    kind = rng.randrange(4)
    if kind == 0:  # a folder with one file damaged or lost, hashes as they were
        name = rng.choice(sorted(sealed))
        for file, data in sealed.items():
            if file == name and rng.random() < 0.1:
                continue
            (place / file).parent.mkdir(parents=True, exist_ok=True)
            (place / file).write_bytes(damaged(data, rng) if file == name else data)
        bundle = load_bundle(place)
    elif kind == 1:  # a damaged zip
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", rng.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])) as archive:
            for file, data in sealed.items():
                archive.writestr(file, data)
        place.write_bytes(damaged(buffer.getvalue(), rng))
        bundle = load_bundle(place)
    elif kind == 2:  # a damaged file under a hash that fits
        name = rng.choice(sorted(content))
        write_bundle(place, bundles.manifest(), content | {name: damaged(content[name], rng)})
        bundle = load_bundle(place)
    else:  # the manifest alone
        bundle = check_files(sealed | {store.MANIFEST: damaged(sealed[store.MANIFEST], rng)}, place)
        graphs.check_graphs(bundle.manifest, bundle.files)
    if "decoder.semeq" in bundle.files:
        flat.unpack(bundle.files["decoder.semeq"])
    validate.require_sound(bundle)
    assert np.isfinite(bundle.decoder(np.zeros(bundle.manifest.latent_dim))).all()


def _peak_memory_mb() -> int:
    """Return this program's own peak. getrusage would count what its parent held when it started it."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return round(int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1e3)  # type: ignore[index]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--hostile", nargs=3, metavar=("PROGRAM", "MODEL", "REFERENCES"))
    parser.add_argument("--record", type=Path)
    options = parser.parse_args()
    report: dict[str, object] = {"python": attack(options.count, options.seed)}
    is_good = not report["python"]["wrong"] and report["python"]["peak_memory_mb"] < 500  # type: ignore[index,operator]
    if options.hostile:
        start = time.perf_counter()
        done = subprocess.run([*options.hostile, str(options.count), str(options.seed)], capture_output=True, timeout=600)
        native = json.loads(done.stdout.splitlines()[-1])
        peak_mb = round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e3)
        report["cpp"] = native | {"seconds": round(time.perf_counter() - start, 1), "peak_memory_mb": peak_mb}
        is_good = is_good and done.returncode == 0 and peak_mb < 500
    text = json.dumps(report, indent=1, sort_keys=True) + "\n"
    if options.record:
        from check_bars import machine

        report |= {"machine": machine(), "date": time.strftime("%Y-%m-%d")}
        options.record.write_text(json.dumps(report, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    sys.stdout.write(text)
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
