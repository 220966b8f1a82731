"""What people did for each word of a bundle: mean curves, their spread, and which words some settings are most like. evidence.json."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any, Literal

import msgspec
import numpy as np

from semeq_export.arrays import Float64Array, FloatArray
from semeq_export.eq.curve import correlation, level_free, log_grid, rms_db
from semeq_export.errors import BundleFormatError
from semeq_export.files import strict_json

N_POINTS = 32
"""Points of a curve on `log_grid(N_POINTS)`; every curve here is level-free."""

REGIONS: Mapping[str, tuple[float, float]] = {
    "bass": (20.0, 150.0),
    "low-mid": (150.0, 500.0),
    "mid": (500.0, 2_000.0),
    "presence": (2_000.0, 6_000.0),
    "treble": (6_000.0, 20_000.0),
}
"""Name -> Hz, from and below."""

MOVED_DB = 1.0
"""A person boosts or cuts a region if its mean is at least this far from the curve's own level."""

SYNONYM, OPPOSITE = 0.8, -0.5
"""Correlations of mean curves from which on two words mean the same, or the opposite."""

SHRINKAGE, TEMPER = 0.2, 1.5
"""Of the covariance towards an even one, and how much more than its share a word's number of people counts: neighbouring points of a
curve move together, so a distance over them says less than it seems. Chosen on left-out folds of SAFE."""

_INTERVAL_90 = 1.645
"""Standard deviations on either side of the mean that hold 90 % of a normal distribution."""

MAX_BYTES = 16_000_000
_MAX_POINTS = 20_000
_MAX_DB = 1_000.0
Place = Literal["pca", "tsne"]


@dataclass(frozen=True, slots=True, eq=False)
class WordEvidence:
    """What people did for one word.

    mean_db, spread_db: (32,) level-free mean and standard deviation of single people's curves. boosted, cut: share of people by region.
    rows: how many people. is_own: the word of a user, taught from presets. borrowed: share 0..1 of what tells mean_db from other words that
    words of like meaning gave, not its own people. error_db: (32,) standard deviation of mean_db. span_db: between the highest and the
    lowest point of the median person's curve. None where the bundle does not say.
    """

    mean_db: Float64Array
    spread_db: Float64Array
    boosted: Mapping[str, float]
    cut: Mapping[str, float]
    rows: int
    is_own: bool = False
    borrowed: float = 0.0
    error_db: Float64Array | None = None
    span_db: float | None = None

    @property
    def interval_db(self) -> float | None:
        """Half the width of the interval in which 90 % of true mean curves lie, rms over frequency; None where the bundle does not say."""
        return None if self.error_db is None else _INTERVAL_90 * rms_db(self.error_db)


@dataclass(frozen=True, slots=True)
class MapPoint:
    """One row of the 2-D maps: the word that the person typed, and its places, each axis in units of its own standard deviation."""

    word: str
    pca: tuple[float, float]
    tsne: tuple[float, float]


@dataclass(frozen=True, eq=False)
class Evidence:
    """The evidence of a bundle. words: by term. covariance: (32, 32) of people's curves around their word's mean, in dB squared."""

    words: Mapping[str, WordEvidence]
    covariance: Float64Array
    points: Sequence[MapPoint] = field(default=())

    @cached_property
    def _precision(self) -> Float64Array:
        size = len(self.covariance)
        even = float(np.trace(self.covariance)) / size * np.eye(size)
        return np.asarray(np.linalg.inv((1.0 - SHRINKAGE) * self.covariance + SHRINKAGE * even + 1e-9 * np.eye(size)), dtype=np.float64)

    def closest(self, curve_db: FloatArray, words: Iterable[str]) -> list[tuple[str, float, float]]:
        """Return (word, probability, distance in dB rms) for a curve (32,) on `log_grid(32)`, the likeliest word first.

        The probability is that of people who make such a curve typing this word rather than another of `words`: curves lie around their
        word's mean as all people's do, and a word that many typed is likelier. A user's own words count as much as the commonest.
        Words without evidence are left out.
        """
        chosen = [word for word in words if word in self.words]
        if not chosen:
            return []
        apart = level_free(curve_db) - np.array([self.words[word].mean_db for word in chosen])
        most = max(entry.rows for entry in self.words.values())
        rows = np.array([most if self.words[word].is_own else max(self.words[word].rows, 1) for word in chosen])
        score = -0.5 * np.einsum("ij,jk,ik->i", apart, self._precision, apart) + TEMPER * np.log(rows)
        share = np.exp(score - score.max())
        share /= share.sum()
        distance_db = np.sqrt(np.square(apart).mean(axis=1))
        return [(chosen[i], float(share[i]), float(distance_db[i])) for i in np.argsort(-score, kind="stable")]

    def related(self, word: str, words: Iterable[str]) -> list[tuple[str, float]]:
        """Return other words with the correlation of their mean curves with this word's, the most alike first, the opposite last."""
        mean_db = self.words[word].mean_db
        others = [(other, correlation(mean_db, self.words[other].mean_db)) for other in words if other != word and other in self.words]
        return sorted(others, key=lambda pair: (-pair[1], pair[0]))

    def correlations(self, words: Sequence[str]) -> Float64Array:
        """Return (n, n) correlations of the words' mean curves."""
        curves = level_free(np.array([self.words[word].mean_db for word in words]))
        unit = curves / np.maximum(np.linalg.norm(curves, axis=1, keepdims=True), 1e-12)
        result: Float64Array = np.clip(unit @ unit.T, -1.0, 1.0)
        return result

    def of(self, words: Iterable[str]) -> Evidence:
        """Return the evidence of some words only."""
        kept = {word: self.words[word] for word in words if word in self.words}
        return Evidence(kept, self.covariance, [point for point in self.points if point.word in kept])

    def to_json(self) -> bytes:
        """Return evidence.json: sorted keys, curves to 0.001 dB, byte-stable."""
        words = {name: _to_stored(entry) for name, entry in self.words.items()}
        points = [[point.word, *_round((*point.pca, *point.tsne))] for point in self.points]
        return strict_json.dumps({"covariance": [_round(row) for row in self.covariance], "points": points, "words": words})

    @classmethod
    def from_json(cls, data: bytes) -> Evidence:
        """Return the evidence of an evidence.json; raises BundleFormatError with what is wrong."""
        try:
            stored = msgspec.convert(strict_json.loads(data, max_bytes=MAX_BYTES), _StoredEvidence, strict=True)
        except ValueError as error:  # msgspec.ValidationError is one
            raise BundleFormatError(f"evidence.json: {error}") from error
        covariance = np.array(stored.covariance, dtype=np.float64)
        if not np.all(np.isfinite(covariance)) or np.linalg.eigvalsh(covariance).min() < -1e-3 * max(np.trace(covariance), 1e-9):
            raise BundleFormatError("evidence.json: covariance is none")
        words = {name: _from_stored(name, entry) for name, entry in stored.words.items()}
        points = [MapPoint(word, (a, b), (c, d)) for word, a, b, c, d in stored.points]
        return cls(words, (covariance + covariance.T) / 2.0, points)


_Curve = Annotated[list[float], msgspec.Meta(min_length=N_POINTS, max_length=N_POINTS)]
_Share = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]


class _StoredWord(msgspec.Struct, frozen=True):
    mean_db: _Curve
    spread_db: _Curve
    boosted: dict[str, _Share]
    cut: dict[str, _Share]
    rows: Annotated[int, msgspec.Meta(ge=0, le=10**9)]
    is_own: bool = False
    borrowed: _Share = 0.0
    error_db: _Curve | None = None
    span_db: Annotated[float, msgspec.Meta(ge=0.0, le=_MAX_DB)] | None = None


class _StoredEvidence(msgspec.Struct, frozen=True):
    words: Annotated[dict[str, _StoredWord], msgspec.Meta(max_length=5_000)]
    covariance: Annotated[list[_Curve], msgspec.Meta(min_length=N_POINTS, max_length=N_POINTS)]
    points: Annotated[list[tuple[str, float, float, float, float]], msgspec.Meta(max_length=_MAX_POINTS)] = []


def word_evidence(curves_db: FloatArray, *, is_own: bool = False) -> WordEvidence:
    """Return the evidence of people's curves (n, 32) on `log_grid(32)`; their level is taken out."""
    curves = level_free(np.atleast_2d(curves_db))
    freqs_hz = log_grid(N_POINTS)
    means = {name: curves[:, (freqs_hz >= low) & (freqs_hz <= high)].mean(axis=1) for name, (low, high) in REGIONS.items()}
    return WordEvidence(
        mean_db=curves.mean(axis=0),
        spread_db=curves.std(axis=0),
        boosted={name: float(np.mean(mean >= MOVED_DB)) for name, mean in means.items()},
        cut={name: float(np.mean(mean <= -MOVED_DB)) for name, mean in means.items()},
        rows=len(curves),
        is_own=is_own,
        span_db=float(np.median(np.ptp(curves, axis=1))),
    )


def _to_stored(entry: WordEvidence) -> dict[str, Any]:  # Any: JSON
    return {
        "mean_db": _round(entry.mean_db),
        "spread_db": _round(entry.spread_db),
        "boosted": {name: round(share, 3) for name, share in entry.boosted.items()},
        "cut": {name: round(share, 3) for name, share in entry.cut.items()},
        "rows": entry.rows,
        **({"is_own": True} if entry.is_own else {}),
        **({"borrowed": round(entry.borrowed, 3)} if entry.borrowed else {}),
        **({} if entry.error_db is None else {"error_db": _round(entry.error_db)}),
        **({} if entry.span_db is None else {"span_db": round(entry.span_db, 3)}),
    }


def _from_stored(name: str, entry: _StoredWord) -> WordEvidence:
    mean_db, spread_db = (np.array(curve, dtype=np.float64) for curve in (entry.mean_db, entry.spread_db))
    error_db = None if entry.error_db is None else np.array(entry.error_db, dtype=np.float64)
    deviations = (spread_db,) if error_db is None else (spread_db, error_db)
    if not (np.all(np.abs(mean_db) <= _MAX_DB) and all(np.all((one >= 0.0) & (one <= _MAX_DB)) for one in deviations)):
        raise BundleFormatError(f"evidence.json: {name[:60]!r}: a curve is not finite")
    if entry.boosted.keys() != REGIONS.keys() or entry.cut.keys() != REGIONS.keys():
        raise BundleFormatError(f"evidence.json: {name[:60]!r}: regions are not {', '.join(REGIONS)}")
    return WordEvidence(mean_db, spread_db, entry.boosted, entry.cut, entry.rows, entry.is_own, entry.borrowed, error_db, entry.span_db)


def _round(values: Iterable[float]) -> list[float]:
    return [round(float(value), 3) + 0.0 for value in values]
