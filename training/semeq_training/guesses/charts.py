"""What is known of words beside people's settings, as data: engineers' published charts, and the words that a guess is made for."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any, Literal

import numpy as np

from semeq_export.arrays import Float64Array
from semeq_export.eq.curve import level_free, log_grid, rms_db
from semeq_export.files import strict_toml
from semeq_export.words.evidence import N_POINTS
from semeq_export.words.guesses import MAX_FREQ_HZ, MIN_FREQ_HZ, ChartBand, Source
from semeq_export.words.terms import normalise_term

Language = Literal["en", "es"]
LANGUAGES: tuple[Language, ...] = ("en", "es")
_EDGE_OCTAVES = 0.5
"""How wide a band's edge is, from nothing to all of it: charts give round numbers, and an EQ has no walls."""


@dataclass(frozen=True, slots=True)
class Chart:
    """What charts say of a word. sources: keys of `read_sources`."""

    word: str
    language: Language
    bands: tuple[ChartBand, ...]
    sources: tuple[str, ...]

    def curve_db(self, strength_db: float) -> Float64Array:
        """Return (32,) on `log_grid(32)`, level-free, of strength_db rms."""
        freqs = np.log2(log_grid(N_POINTS))
        curve = np.zeros(N_POINTS)
        for low_hz, high_hz, amount in self.bands:
            inside = np.ones(N_POINTS)
            if low_hz > MIN_FREQ_HZ:
                inside *= np.clip((freqs - np.log2(low_hz)) / _EDGE_OCTAVES + 0.5, 0.0, 1.0)
            if high_hz < MAX_FREQ_HZ:
                inside *= np.clip((np.log2(high_hz) - freqs) / _EDGE_OCTAVES + 0.5, 0.0, 1.0)
            curve += amount * inside
        shape = level_free(curve)
        return shape * (strength_db / max(rms_db(shape), 1e-9))


def read_charts() -> list[Chart]:
    """Return the charts of charts.toml, one for each word of each language, in the order of the file."""
    return [
        Chart(normalise_term(word), language, tuple(ChartBand(*map(float, band)) for band in entry["bands"]), tuple(entry["sources"]))
        for entry in _document("charts.toml")["chart"]
        for language in LANGUAGES
        for word in entry[language]
    ]


def read_sources() -> Mapping[str, Source]:
    """Return the published charts by their key."""
    return {key: Source(entry["title"], entry["url"]) for key, entry in _document("charts.toml")["source"].items()}


def read_words() -> Mapping[str, Sequence[Language]]:
    """Return the words of words.toml and charts.toml with their languages, in alphabetical order."""
    listed = {(normalise_term(word), language) for language in LANGUAGES for word in _document("words.toml")[language].split()}
    listed |= {(chart.word, chart.language) for chart in read_charts()}
    words: dict[str, list[Language]] = {}
    for word, language in sorted(listed):
        words.setdefault(word, []).append(language)
    return words


@functools.cache
def _document(name: str) -> dict[str, Any]:  # Any: TOML; the files are ours, and their tests read all of them
    return strict_toml.loads(resources.files("semeq_training.guesses").joinpath(name).read_bytes())
