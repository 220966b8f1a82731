"""What blends of words are worth, and what a musician reads of the bands: for any bundle.

    python tests/bench/blends_report.py [BUNDLE] [--record FILE]

Blends: rms in dB of the level-free response of decode(sum of w z) from the sum of w times the decoded words' curves, 30 Hz-16 kHz at
48 kHz: all pairs of agreed words at three shares, 1,000 threes, 1,000 pairs with a negative weight; `half` is a word at half its z.
Bands: how many words hold bands of opposite sign that take 1 dB or more from each other at some frequency, bands under 0.5 dB, shelves
at odd places.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from pathlib import Path

import numpy as np

from semeq_export.arrays import Float64Array
from semeq_export.bundle.loading import Bundle, load_bundle
from semeq_export.eq.biquad import response_db
from semeq_export.eq.curve import level_free, log_grid
from semeq_export.eq.settings import BandKind, EqSettings

GRID = log_grid(96, 30.0, 16_000.0)
RATE_HZ = 48_000.0
SHARES = (0.25, 0.5, 0.75)
FIGHT_DB, IDLE_DB = 1.0, 0.5


def agreed(bundle: Bundle) -> list[str]:
    return [name for name, term in bundle.centroids.items() if not (term.is_weak or term.is_variant)]


def decode(bundle: Bundle, z: Float64Array) -> EqSettings:
    return bundle.manifest.layout.from_vector(bundle.decoder(z.astype(np.float32)))


def curve(eq: EqSettings) -> Float64Array:
    return level_free(response_db(eq, GRID, RATE_HZ))


def blends(bundle: Bundle, names: list[str]) -> dict[str, list[float]]:
    z = np.array([bundle.centroids[name].z for name in names], dtype=np.float64)
    own = np.array([curve(decode(bundle, row)) for row in z])
    rng = np.random.default_rng(1)
    weights: dict[str, list[Float64Array]] = {"pairs": [], "threes": [], "less": []}
    for a, b in itertools.combinations(range(len(names)), 2):
        for share in SHARES:
            weights["pairs"].append(_row(len(names), {a: share, b: 1 - share}))
    for _ in range(1_000):
        a, b, c = rng.choice(len(names), 3, replace=False)
        weights["threes"].append(_row(len(names), dict(zip((a, b, c), rng.dirichlet(np.ones(3)), strict=True))))
        weights["less"].append(_row(len(names), {a: 1.0, b: -rng.uniform(0.1, 0.5)}))
    return {
        kind: [float(np.sqrt(np.mean(np.square(curve(decode(bundle, row @ z)) - row @ own)))) for row in rows]
        for kind, rows in weights.items()
    }


def audit(bundle: Bundle, names: list[str]) -> dict[str, int]:
    fighting = idle = odd = 0
    for name in names:
        bands = decode(bundle, np.array(bundle.centroids[name].z)).bands
        curves = [response_db(EqSettings((band,)), GRID, RATE_HZ) for band in bands]
        fighting += any(np.any((a * b < 0) & (np.minimum(np.abs(a), np.abs(b)) >= FIGHT_DB)) for a, b in itertools.combinations(curves, 2))
        idle += sum(0 < abs(band.gain_db) < IDLE_DB for band in bands)
        odd += sum(
            (band.kind is BandKind.LOW_SHELF and not 60 <= band.freq_hz <= 600)
            or (band.kind is BandKind.HIGH_SHELF and not 1_500 <= band.freq_hz <= 14_000)
            for band in bands
            if abs(band.gain_db) >= IDLE_DB
        )
    return {"words": len(names), "words_with_fighting_bands": fighting, "bands_under_half_db": idle, "shelves_at_odd_places": odd}


def halves(bundle: Bundle, names: list[str]) -> list[float]:
    z = [np.array(bundle.centroids[name].z) for name in names]
    return [float(np.sqrt(np.mean(np.square(curve(decode(bundle, row / 2)) - curve(decode(bundle, row)) / 2)))) for row in z]


def _row(n: int, weights: dict[int, float]) -> Float64Array:
    row = np.zeros(n)
    row[list(weights)] = list(weights.values())
    return row


def _figures(errors: list[float]) -> dict[str, float]:
    return {"median_db": float(np.median(errors)), "p95_db": float(np.quantile(errors, 0.95)), "max_db": max(errors)}


def report(bundle: Bundle) -> dict[str, object]:
    names = agreed(bundle)
    return {kind: _figures(errors) for kind, errors in blends(bundle, names).items()} | {
        "half": _figures(halves(bundle, names)),
        "bands": audit(bundle, names),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", nargs="?", type=Path)
    parser.add_argument("--record", type=Path)
    arguments = parser.parse_args()
    text = json.dumps(report(load_bundle(arguments.bundle)), indent=2)
    sys.stdout.write(text + "\n")
    if arguments.record is not None:
        arguments.record.write_text(text + "\n", encoding="utf-8")
