"""What a musician reads of `readable`: few bands that stay close and do not fight, over words, blends and what is taken away.

    python tests/bench/bands_report.py [BUNDLE] [--hosts] [--record FILE]

words: all agreed words; blends: 300 random pairs at random shares; less: 300 words from which part of another is taken. Distances are rms
in dB, level-free, 30 Hz-16 kHz at 48 kHz, from the decoder's own bands. fights: the most that two bands of opposite sign take from each
other at a frequency, 20 Hz-20 kHz; 1 dB or more counts. odd_shelves: low ones outside 60-600 Hz, high ones outside 1.5-14 kHz. level: of
the bands without a preamp, as mean over log frequency, and as power of pink noise. ms: processor time of a call on one core, decoding
left out. rounding: what the digits of a preset file (`rounded`) add. steps: 60 pairs crossed in 65 steps; rms between neighbours, of the
decoder's bands and of the readable ones. hosts, with --hosts: all words as rounded presets, measured in LSP (by liblilv) and FFmpeg.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import semeq_presets as presets
from semeq_export.arrays import Float64Array
from semeq_export.bundle.loading import Bundle, load_bundle
from semeq_export.eq.biquad import response_db
from semeq_export.eq.curve import level_free, log_grid
from semeq_export.eq.readable import FREQ_RANGES_HZ, MAX_FIGHT_DB, MIN_GAIN_DB, readable, rounded
from semeq_export.eq.settings import BandKind, EqSettings
from semeq_host.lab import hosts
from semeq_presets import Preset

GRID = log_grid(256, 30.0, 16_000.0)
WIDE_GRID = log_grid(512)
RATE_HZ = 48_000.0
DRAWN = 300


def agreed(bundle: Bundle) -> list[str]:
    return [name for name, term in bundle.centroids.items() if not (term.is_weak or term.is_variant)]


def decode(bundle: Bundle, z: Float64Array) -> EqSettings:
    return bundle.manifest.layout.from_vector(bundle.decoder(z.astype(np.float32)))


def curve(eq: EqSettings) -> Float64Array:
    return response_db(eq, GRID, RATE_HZ)


def distance(one: EqSettings, other: EqSettings) -> float:
    return float(level_free(curve(one) - curve(other)).std())


def fights(eq: EqSettings) -> float:
    curves = [response_db(EqSettings((band,)), WIDE_GRID, RATE_HZ) for band in eq.bands]
    taken = [np.where(a * b < 0, np.minimum(np.abs(a), np.abs(b)), 0.0).max() for a, b in itertools.combinations(curves, 2)]
    return float(max(taken, default=0.0))


def is_odd(kind: BandKind, freq_hz: float) -> bool:
    low, high = FREQ_RANGES_HZ[kind]
    return kind is not BandKind.PEAK and not low <= freq_hz <= high


def latents(bundle: Bundle) -> dict[str, Float64Array]:
    z = np.array([bundle.centroids[name].z for name in agreed(bundle)], dtype=np.float64)
    rng = np.random.default_rng(12)

    def pairs() -> tuple[Float64Array, Float64Array]:
        drawn = np.array([rng.choice(len(z), 2, replace=False) for _ in range(DRAWN)])
        return z[drawn[:, 0]], z[drawn[:, 1]]

    (a, b), (c, d) = pairs(), pairs()
    share, part = rng.uniform(0.1, 0.9, (DRAWN, 1)), rng.uniform(0.1, 0.6, (DRAWN, 1))
    return {"words": z, "blends": share * a + (1 - share) * b, "less": c - part * d}


def figures(values: list[float]) -> dict[str, float]:
    quantiles = {"median": 0.5, "p90": 0.9, "max": 1.0}
    return {name: round(float(np.quantile(values, share)), 3) for name, share in quantiles.items()}


def times_ms(ideal: list[EqSettings], bundle: Bundle) -> list[float]:
    times = []
    for eq in ideal:
        rounds = []
        for _ in range(3):  # the least of three: others use the machine
            begun = time.process_time()
            readable(eq, bundle.manifest.layout)
            rounds.append((time.process_time() - begun) * 1e3)
        times.append(min(rounds))
    return times


def judge(bundle: Bundle, z: Float64Array) -> dict[str, object]:
    ideal = [decode(bundle, row) for row in z]
    few = [readable(eq, bundle.manifest.layout) for eq in ideal]
    bare = [EqSettings(eq.bands) for eq in few]
    off = [distance(a, b) for a, b in zip(ideal, few, strict=True)]
    files = [rounded(eq) for eq in few]
    added = [distance(a, b) - own for a, b, own in zip(ideal, files, off, strict=True)]
    bands = [band for eq in few for band in eq.bands]
    qs = [band.q for band in bands if band.kind is BandKind.PEAK]
    return {
        "count": len(few),
        "bands": {str(n): sum(len(eq.bands) == n for eq in few) for n in range(5)},
        "rms_db": figures(off),
        "share_under_0.3_db": round(float(np.mean(np.array(off) <= 0.3)), 3),
        "largest_deviation_db": figures([float(np.abs(level_free(curve(a) - curve(b))).max()) for a, b in zip(ideal, few, strict=True)]),
        "bands_under_half_db": sum(abs(band.gain_db) < MIN_GAIN_DB for band in bands),
        "odd_shelves": sum(is_odd(band.kind, band.freq_hz) for band in bands),
        "fighting": sum(fights(eq) >= MAX_FIGHT_DB for eq in few),
        "fighting_as_decoded": sum(fights(eq) >= MAX_FIGHT_DB for eq in ideal),
        "most_taken_db": round(max(map(fights, few)), 3),
        "q": [round(min(qs), 2), round(max(qs), 2)],
        "level_db": figures([abs(float(curve(eq).mean())) for eq in bare]),
        "pink_level_db": figures([abs(float(10 * np.log10(np.mean(10 ** (curve(eq) / 10))))) for eq in bare]),
        "with_a_preamp": sum(eq.preamp_db != 0.0 for eq in few),
        "rounding_adds_db": figures(added),
        "rounded_rms_db": figures([distance(a, b) for a, b in zip(ideal, files, strict=True)]),
        "rounded_fighting": sum(fights(eq) >= MAX_FIGHT_DB for eq in files),
        "ms": figures(times_ms(ideal, bundle)),
    }


def steps(bundle: Bundle) -> dict[str, object]:
    z = latents(bundle)["words"]
    rng = np.random.default_rng(13)
    ideal_db, few_db = [], []
    for _ in range(60):
        a, b = z[rng.choice(len(z), 2, replace=False)]
        path = [decode(bundle, (1 - share) * a + share * b) for share in np.linspace(0, 1, 65)]
        ideal_db += [distance(one, other) for one, other in itertools.pairwise(path)]
        few_db += [distance(one, other) for one, other in itertools.pairwise([readable(eq, bundle.manifest.layout) for eq in path])]
    return {"as_decoded_db": figures(ideal_db), "readable_db": figures(few_db)}


def in_hosts(bundle: Bundle) -> dict[str, object]:
    ideal = {name: decode(bundle, np.array(bundle.centroids[name].z)) for name in agreed(bundle)}
    found: dict[str, object] = {}
    for format_id, host in (("lsp-x16-lv2", "liblilv"), ("ffmpeg", "ffmpeg")):
        info = presets.get(format_id).info
        with tempfile.TemporaryDirectory() as folder:
            paths = [Path(folder) / f"{number}{info.suffixes[0]}" for number in range(len(ideal))]
            for path, eq in zip(paths, ideal.values(), strict=True):
                short = rounded(readable(eq, bundle.manifest.layout))
                given, _ = presets.with_preamp(Preset(short, name=path.stem, sample_rate_hz=RATE_HZ), info, "auto")
                presets.write_file(path, given, format=format_id)
            heard = hosts.measure(host, info.measuring_host(host).loads, paths, RATE_HZ)
        off = [float(level_free(one.response_db(GRID)[0] - curve(eq)).std()) for one, eq in zip(heard, ideal.values(), strict=True)]
        found[heard[0].host] = figures(off)
    return found


def report(bundle: Bundle) -> dict[str, object]:
    readable(decode(bundle, latents(bundle)["words"][0]), bundle.manifest.layout)  # tables are made once
    return {kind: judge(bundle, z) for kind, z in latents(bundle).items()} | {"steps": steps(bundle)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", nargs="?", type=Path)
    parser.add_argument("--hosts", action="store_true")
    parser.add_argument("--record", type=Path)
    arguments = parser.parse_args()
    given = load_bundle(arguments.bundle)
    text = json.dumps(report(given) | ({"hosts": in_hosts(given)} if arguments.hosts else {}), indent=1)
    sys.stdout.write(text + "\n")
    if arguments.record is not None:
        arguments.record.write_text(text + "\n", encoding="utf-8")
