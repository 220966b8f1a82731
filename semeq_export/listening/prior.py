"""What sources of a kind are like and how they vary: mean and covariance of third octaves, from few recordings and published spectra.

A few recordings say little about a covariance, so they are joined with what is known before (a normal-inverse-Wishart prior; A. Gelman et
al., Bayesian Data Analysis, 3rd ed., 3.6): the published mean counts as much as three recordings, the usual spread as much as ten. What
more is heard outweighs both. The spread that comes out is that of the next source: the mean itself is not known better than its sources
allow.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from importlib import resources

import msgspec
import numpy as np

from semeq_export.arrays import Float64Array
from semeq_export.listening.spectrum import BANDS_HZ, BoolArray, Spectrum

GENERAL = "any"
"""The kind of a source of which nothing is known."""

_MANY = {"mix": "mixes", "voice": "voices", "bass": "basses", "guitar": "guitars", GENERAL: "recordings"}

_N_BANDS = len(BANDS_HZ)
_USUAL_AT_HZ = (31.25, 125.0, 250.0, 1_000.0, 4_000.0, 16_000.0)
_ALIKE_BANDS, _OWN_SHARE = 8.0, 0.1  # deviations are alike over some octaves, and a tenth of their variance is each band's own
_PUBLISHED_WEIGHT, _SPREAD_WEIGHT = 3.0, 10.0  # in recordings: songs and rooms differ more than the means of studies do
_LEARNED_WEIGHT = 1.0  # of the mean of all kinds, where somebody's own files say what a kind is


@dataclass(frozen=True, slots=True, eq=False)
class Deviations:
    """Count, mean and scatter of vectors, one after another, in one pass (B. P. Welford, Technometrics 4, 1962).

    count: vectors. held: (28,) in how many of them each band was known; an unknown one is 0. mean: (28,). scatter: (28, 28), the sum of the
    outer products around the mean.
    """

    count: int
    held: Float64Array
    mean: Float64Array
    scatter: Float64Array

    @classmethod
    def none(cls) -> Deviations:
        """Return those of no vector."""
        return cls(0, np.zeros(_N_BANDS), np.zeros(_N_BANDS), np.zeros((_N_BANDS, _N_BANDS)))

    def add(self, vector: Float64Array, known: BoolArray) -> Deviations:
        """Return these and one more vector (28,), known in some bands (28,)."""
        value = np.where(known, vector, 0.0)
        mean = self.mean + (value - self.mean) / (self.count + 1)
        return Deviations(self.count + 1, self.held + known, mean, self.scatter + np.outer(value - self.mean, value - mean))


@dataclass(frozen=True, slots=True, eq=False)
class Prior:
    """What the next source of a kind is expected to be like.

    name: of the kind. spectrum: mean, its covariance and the bands that it knows. deviations: of the recordings from `base_db` (28,), the
    mean before any was heard. sources: the names of the recordings and of the published spectra.
    """

    name: str
    spectrum: Spectrum
    deviations: Deviations
    sources: tuple[str, ...]


def join(name: str, base: Spectrum, weight: float, deviations: Deviations, seconds: float, sources: tuple[str, ...]) -> Prior:
    """Return what is known of a kind from a base, which has a covariance and counts as `weight` recordings, and deviations from it."""
    assert base.covariance_db2 is not None
    n = deviations.count
    mean_db = base.band_db + n * deviations.mean / (deviations.held + weight)
    apart = weight * n / (weight + n) * np.outer(deviations.mean, deviations.mean)
    covariance_db2 = (_SPREAD_WEIGHT * base.covariance_db2 + deviations.scatter + apart) / (_SPREAD_WEIGHT + n) * (1.0 + 1.0 / (weight + n))
    usable = base.usable if n == 0 else base.usable & (2.0 * deviations.held >= n)
    return Prior(name, Spectrum(mean_db, usable, None, seconds, covariance_db2=covariance_db2), deviations, sources)


def deviation(sound: Spectrum, base: Spectrum) -> tuple[Float64Array, BoolArray]:
    """Return by how many dB a sound differs from a base (28,), levels made equal, and the bands (28,) in which that is known."""
    known = sound.usable & base.usable
    apart = sound.band_db - base.band_db
    return np.where(known, apart - level_db(apart, known, base), 0.0), known


def level_db(apart_db: Float64Array, known: BoolArray, base: Spectrum) -> float:
    """Return the overall level in a difference (28,): its least-variance estimate over the known bands."""
    assert base.covariance_db2 is not None
    of_level = np.linalg.inv(base.covariance_db2[np.ix_(known, known)]).sum(axis=1)
    return float(of_level @ apart_db[known] / of_level.sum())


def learned(name: str, deviations: Deviations, seconds: float, sources: tuple[str, ...]) -> Prior:
    """Return what somebody's own files say of a kind. deviations: from the mean of all kinds, by `deviation`."""
    return join(name, prior_of(GENERAL).spectrum, _LEARNED_WEIGHT, deviations, seconds, sources)


class _Published(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    title: str
    url: str
    level_db: tuple[float, ...]


class _Kind(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    published: tuple[str, ...]
    usual_db: tuple[float, ...]
    limits_hz: tuple[float, float]


class _Recording(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    kind: str
    seconds: float
    level_db: tuple[float, ...]
    source: str = ""

    def spectrum(self) -> Spectrum:
        missing = _N_BANDS - len(self.level_db)
        levels = np.array((*self.level_db, *[self.level_db[-1]] * missing))
        return Spectrum(levels, np.arange(_N_BANDS) < len(self.level_db), None, self.seconds)


class _Sources(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    published: dict[str, _Published]
    kinds: dict[str, _Kind]
    recordings: tuple[_Recording, ...]


@functools.cache
def _sources() -> _Sources:
    text = resources.files("semeq_export").joinpath("references", "sources.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), _Sources)


def many_of(name: str) -> str:
    """Return the sources that a reference stands for, for people: "mixes", "recordings"; another reference's name as it is."""
    return _MANY.get(name, name)


def compared(dose: float, name: str) -> str:
    """Return in words how much more or less of a word a sound has than a reference, by the reference's name."""
    return f"{abs(dose):.2f} doses {'less' if dose < -0.005 else 'more'} than {many_of(name)}"


def kinds_of_sources() -> tuple[str, ...]:
    """Return the kinds of which something was published, without "any"."""
    return tuple(_sources().kinds)


def source_of(recording: str) -> str:
    """Return what a recording is a part of: stems of one song are one source."""
    return next((entry.source or entry.name for entry in _sources().recordings if entry.name == recording), recording)


@functools.cache
def prior_of(kind: str, without: frozenset[str] = frozenset()) -> Prior:
    """Return what is known of a kind, or of "any", without some sources (`source_of`): so it can be tried on sounds it has not heard."""
    if kind == GENERAL:
        return _any_kind(without)
    stored = _sources()
    entry = stored.kinds[kind]
    published = [np.array(stored.published[name].level_db) for name in entry.published]
    base_db = np.mean([levels - levels.mean() for levels in published], axis=0)
    inside = (entry.limits_hz[0] <= BANDS_HZ) & (entry.limits_hz[1] >= BANDS_HZ / 1.001)
    base = Spectrum(base_db, np.ones(_N_BANDS, dtype=np.bool_), None, 0.0, covariance_db2=_usual_covariance(entry.usual_db))
    heard = [one for one in stored.recordings if one.kind == kind and source_of(one.name) not in without]
    deviations = Deviations.none()
    for recording in heard:
        deviations = deviations.add(*deviation(recording.spectrum(), base))
    names = (*(recording.name for recording in heard), *(stored.published[name].title for name in entry.published))
    joined = join(kind, base, _PUBLISHED_WEIGHT, deviations, sum(recording.seconds for recording in heard), names)
    return replace(joined, spectrum=replace(joined.spectrum, usable=inside))


def mixture_of(shares: Mapping[str, float], without: frozenset[str] = frozenset()) -> Spectrum:
    """Return what is known of a source that is of each kind with a probability: mean and covariance of the mixture, in all bands."""
    parts = [prior_of(kind, without).spectrum for kind in shares]
    weights = np.array(list(shares.values()))
    means_db = np.array([part.band_db - part.band_db.mean() for part in parts])
    mean_db = weights @ means_db
    apart = means_db - mean_db
    within = np.tensordot(weights, np.array([_covariance(part) for part in parts]), axes=1)
    covariance_db2 = within + (weights[:, np.newaxis] * apart).T @ apart
    seconds = sum(part.seconds for part in parts)
    return Spectrum(mean_db, np.ones(_N_BANDS, dtype=np.bool_), None, seconds, covariance_db2=covariance_db2)


def _any_kind(without: frozenset[str]) -> Prior:
    kinds = kinds_of_sources()
    spectrum = mixture_of(dict.fromkeys(kinds, 1.0 / len(kinds)), without)
    sources = tuple(dict.fromkeys(name for kind in kinds for name in prior_of(kind, without).sources))
    return Prior(GENERAL, spectrum, Deviations.none(), sources)


def _covariance(kind: Spectrum) -> Float64Array:
    assert kind.covariance_db2 is not None
    return kind.covariance_db2


def _usual_covariance(usual_db: Iterable[float]) -> Float64Array:
    spread_db = np.interp(np.log(BANDS_HZ), np.log(_USUAL_AT_HZ), tuple(usual_db))
    steps = np.abs(np.subtract.outer(np.arange(_N_BANDS), np.arange(_N_BANDS)))
    alike = (1.0 - _OWN_SHARE) * np.exp(-steps / _ALIKE_BANDS) + _OWN_SHARE * np.eye(_N_BANDS)
    return np.asarray(np.outer(spread_db, spread_db) * alike, dtype=np.float64)
