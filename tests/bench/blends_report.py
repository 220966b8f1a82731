"""What blends of words are worth in each runtime, and what a musician reads of the bands: for any bundle.

    python tests/bench/blends_report.py [BUNDLE] [--runtime onnx|torchscript|cpp|readable|all] [--record FILE]

Blends: rms in dB of the level-free response of a sum of words, as the engine and `Stream::set_mix` make it, from the sum of w times the
decoded words' curves, 30 Hz-16 kHz at 48 kHz: all pairs of agreed words at three shares, 1,000 threes, 1,000 pairs with a negative
weight; `half` is a word at weight 0.5. `readable` are the few bands of `Engine.eq_for`, against sums of such bands' curves.
Floor: what the best fit of the layout's bands misses the same sums by, of 200 drawn from each kind.
Bands: how many words hold bands of opposite sign that take 1 dB or more from each other at some frequency, bands under 0.5 dB, shelves
at odd places.
TorchScript runs only here, for bundles of our own: it can run code.
"""

from __future__ import annotations

import argparse
import io
import itertools
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from semeq_export.arrays import Float64Array
from semeq_export.bench.native import native_mixer
from semeq_export.bundle.inference import Decoder
from semeq_export.bundle.loading import Bundle, load_bundle
from semeq_export.bundle.manifest import GraphSpec
from semeq_export.engine import Engine
from semeq_export.eq.biquad import response_db
from semeq_export.eq.curve import level_free, log_grid
from semeq_export.eq.fit import fit_eq
from semeq_export.eq.settings import BandKind, EqSettings
from semeq_export.words.target import SemanticTarget

GRID = log_grid(96, 30.0, 16_000.0)
RATE_HZ = 48_000.0
SHARES = (0.25, 0.5, 0.75)
FIGHT_DB, IDLE_DB = 1.0, 0.5
RUNTIMES = ("onnx", "torchscript", "cpp", "readable")
FLOOR_SUMS = 200

Mix = Callable[[Mapping[str, float]], EqSettings]


class Script:
    """A graph as TorchScript, in the place of an ONNX one."""

    def __init__(self, data: bytes, spec: GraphSpec) -> None:
        import torch

        self.data, self.spec, self._torch = data, spec, torch
        self._module = torch.jit.load(io.BytesIO(data)).eval()

    def run(self, values: np.ndarray) -> np.ndarray:
        with self._torch.no_grad():
            return self._module(self._torch.from_numpy(values)).numpy()


@contextmanager
def mixer(bundle: Bundle, runtime: str) -> Iterator[Mix]:
    """Yield words with weights -> settings, as a runtime has them."""
    if runtime == "cpp":
        if bundle.manifest.blend is None:
            sys.exit("blends_report: a bundle without exact sums is mixed by shares in semeq.hpp, so there is nothing to compare")
        with native_mixer(bundle) as mix:
            yield mix
        return
    if runtime == "torchscript":
        spec = replace(bundle.manifest.decoder, file="decoder.pt")
        bundle = replace(bundle, decoder=Decoder(bundle.files["decoder.pt"], spec, bundle.manifest.layout, Script))  # type: ignore[arg-type]
    engine = Engine(bundle, exact=runtime != "readable")
    yield lambda weights: engine.eq_for(SemanticTarget(weights))


def agreed(bundle: Bundle) -> list[str]:
    return bundle.centroids.usual_words(None)


def decode(bundle: Bundle, z: Float64Array) -> EqSettings:
    return bundle.manifest.layout.from_vector(bundle.decoder(z.astype(np.float32)))


def curve(eq: EqSettings) -> Float64Array:
    return level_free(response_db(eq, GRID, RATE_HZ))


def sums(n: int) -> dict[str, list[dict[int, float]]]:
    """The sums that are asked for, by kind: weights by the number of an agreed word, of which there are n."""
    rng = np.random.default_rng(1)
    asked: dict[str, list[dict[int, float]]] = {"pairs": [], "threes": [], "less": []}
    for a, b in itertools.combinations(range(n), 2):
        asked["pairs"] += [{a: share, b: 1 - share} for share in SHARES]
    for _ in range(1_000):
        a, b, c = rng.choice(n, 3, replace=False).tolist()
        asked["threes"].append(dict(zip((a, b, c), rng.dirichlet(np.ones(3)).tolist(), strict=True)))
        asked["less"].append({a: 1.0, b: -rng.uniform(0.1, 0.5)})
    return asked | {"half": [{word: 0.5} for word in range(n)]}


def misses(mix: Mix, names: list[str], asked: dict[str, list[dict[int, float]]]) -> dict[str, dict[str, float]]:
    """By how much a runtime misses sums of the curves of the same runtime's words."""
    own = np.array([curve(mix({name: 1.0})) for name in names])
    found = {
        kind: [rms(curve(mix({names[word]: weight for word, weight in row.items()})) - wanted(own, row)) for row in rows]
        for kind, rows in asked.items()
    }
    return {kind: _figures(errors) for kind, errors in found.items()}


def floors(bundle: Bundle, names: list[str], asked: dict[str, list[dict[int, float]]]) -> dict[str, dict[str, float]]:
    """By how much the best bands of the layout miss them."""
    own = np.array([curve(decode(bundle, np.array(bundle.centroids[name].z))) for name in names])
    rng = np.random.default_rng(2)
    result = {}
    for kind, rows in asked.items():
        drawn = rng.choice(len(rows), min(FLOOR_SUMS, len(rows)), replace=False)
        goals = [wanted(own, rows[index]) for index in drawn]
        fitted = [fit_eq(goal, GRID, bundle.manifest.layout, RATE_HZ, level_free=True).eq for goal in goals]
        result[kind] = _figures([rms(curve(eq) - goal) for eq, goal in zip(fitted, goals, strict=True)])
    return result


def wanted(own: Float64Array, row: dict[int, float]) -> Float64Array:
    return np.asarray(np.array(list(row.values())) @ own[list(row)])


def rms(difference: Float64Array) -> float:
    return float(np.sqrt(np.mean(np.square(difference))))


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


def _figures(errors: list[float]) -> dict[str, float]:
    return {"median_db": float(np.median(errors)), "p95_db": float(np.quantile(errors, 0.95)), "max_db": max(errors)}


def report(bundle: Bundle, runtimes: tuple[str, ...]) -> dict[str, object]:
    names = agreed(bundle)
    asked = sums(len(names))
    result: dict[str, object] = {}
    for runtime in runtimes:
        with mixer(bundle, runtime) as mix:
            result[runtime] = misses(mix, names, asked)
    return result | {"floor": floors(bundle, names, asked), "bands": audit(bundle, names)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", nargs="?", type=Path)
    parser.add_argument("--runtime", choices=(*RUNTIMES, "all"), default="onnx")
    parser.add_argument("--record", type=Path)
    arguments = parser.parse_args()
    runtimes = RUNTIMES if arguments.runtime == "all" else (arguments.runtime,)
    text = json.dumps(report(load_bundle(arguments.bundle), runtimes), indent=2)
    sys.stdout.write(text + "\n")
    if arguments.record is not None:
        arguments.record.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
