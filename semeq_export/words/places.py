"""A map of words: where the curves of all of them lie on the two axes along which they differ most, and what these axes are called."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from semeq_export.arrays import Float64Array
from semeq_export.eq.curve import correlation, level_free
from semeq_export.words.evidence import REGIONS

N_AXES = 2

_ALONG = 0.9
"""Cosine between the difference of two opposites and an axis from which on they name it."""

_VOWELS = re.compile("[aeiouy]+")
_DOUBLED = re.compile("[^aeiou][aeiou][^aeiouwxy]")


@dataclass(frozen=True, slots=True)
class Axis:
    """What grows along an axis: `low` at its negative end, `high` at the other; and its share 0..1 of the variance of all curves."""

    low: str
    high: str
    share: float


@dataclass(frozen=True, slots=True)
class WordMap:
    """Words as points. A distance of 1 is 1 dB rms between the curves, as far as the two axes show it; flat: where no EQ at all lies."""

    axes: tuple[Axis, Axis]
    points: Mapping[str, tuple[float, float]]
    flat: tuple[float, float]


def word_map(
    curves_db: Mapping[str, Float64Array], freqs_hz: Float64Array, opposites: Iterable[tuple[str, str]], rows: Mapping[str, int]
) -> WordMap:
    """Return the map of words by the principal axes of their curves.

    curves_db: (n,) by word at freqs_hz (n,), even over log frequency; their level is taken out. opposites: pairs of words that may name an
    axis. rows: how many people stand behind each of them. An axis is named by the pair along it that most people stand behind, in
    comparatives ("warmer", "brighter"); without one, by the regions that it raises at either end. The end with more treble is the positive
    one. Axes along which nothing differs have a share of 0.
    """
    words = list(curves_db)
    curves = level_free(np.array([curves_db[word] for word in words]))
    mean = curves.mean(axis=0)
    _, sizes, found = np.linalg.svd(np.vstack([curves - mean, np.zeros((N_AXES, len(freqs_hz)))]), full_matrices=False)
    power = np.square(sizes)
    share = power / power.sum() if power.sum() > 1e-12 else np.zeros_like(power)
    treble = np.log(freqs_hz) - np.log(freqs_hz).mean()
    directions = [axis if float(axis @ treble) >= 0.0 else -axis for axis in found[:N_AXES]]
    places = np.array([(curves - mean) @ axis for axis in directions]).T / np.sqrt(len(freqs_hz))
    flat = [float(-mean @ axis / np.sqrt(len(freqs_hz))) for axis in directions]
    by_word = dict(zip(words, curves, strict=True))
    pairs = sorted({tuple(sorted(pair)) for pair in opposites})
    axes: list[Axis] = []
    for axis, part in zip(directions, share.tolist(), strict=False):
        free = [(a, b) for a, b in pairs if not {_more(a), _more(b)} & {name for one in axes for name in (one.low, one.high)}]
        low, high = _named(axis, by_word, free, rows) or _by_regions(axis, freqs_hz)
        axes.append(Axis(low, high, round(part, 3)))
    points = {word: (_short(x), _short(y)) for word, (x, y) in zip(words, places.tolist(), strict=True)}
    return WordMap((axes[0], axes[1]), points, (_short(flat[0]), _short(flat[1])))


def _named(
    axis: Float64Array, curves_db: Mapping[str, Float64Array], pairs: Sequence[tuple[str, str]], rows: Mapping[str, int]
) -> tuple[str, str] | None:
    """Return the comparatives of the two opposites that lie along an axis, those with most people first; None where none do."""
    along = [(correlation(curves_db[high] - curves_db[low], axis), low, high) for low, high in pairs]
    found = [(min(rows[low], rows[high]), abs(cosine), cosine, low, high) for cosine, low, high in along if abs(cosine) >= _ALONG]
    if not found:
        return None
    *_, cosine, low, high = max(found)
    return (_more(low), _more(high)) if cosine > 0 else (_more(high), _more(low))


def _by_regions(axis: Float64Array, freqs_hz: Float64Array) -> tuple[str, str]:
    """Return which region each end of an axis raises most."""
    inside = {name: (freqs_hz >= low) & (freqs_hz < high) for name, (low, high) in REGIONS.items()}
    means = {name: float(axis[where].mean()) for name, where in inside.items() if where.any()}
    return f"more {min(means, key=lambda name: means[name])}", f"more {max(means, key=lambda name: means[name])}"


def _more(word: str) -> str:
    """Return the comparative of an English adjective by the usual rules: -er for one syllable or a final y, else "more"."""
    syllables = len(_VOWELS.findall(word.removesuffix("e")))
    if not word.isascii() or not word.isalpha():
        return f"more {word}"
    if syllables <= 2 and word.endswith("y") and word[-2:-1] not in "aeiou":
        return f"{word[:-1]}ier"
    if syllables != 1:
        return f"more {word}"
    if word.endswith("e"):
        return f"{word}r"
    return f"{word}{word[-1]}er" if _DOUBLED.fullmatch(word[-3:]) else f"{word}er"


def _short(value: float) -> float:
    return round(value, 3) + 0.0
