"""People's EQ settings with the word they typed, of both data sets, as vectors of one layout."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from semeq_export.arrays import Float64Array
from semeq_export.eq.settings import SAFE_13
from semeq_export.errors import DataError, environment_failure, printable
from semeq_training.data.cleaning import MIN_ROWS, RULES, CleanRow, clean
from semeq_training.data.shapes import SOCIALEQ_SCALE_DB, fit_shapes
from semeq_training.data.tables import DatasetName, Table, read_table

_TABLE_NAME = re.compile(r".*\.csv|eq.*\.parquet", re.IGNORECASE)


@dataclass(frozen=True, slots=True, eq=False)
class EqExample:
    """One person's EQ with their word, cleaned.

    id: "safe:<n>" or "socialeq:<n>". word: as banks spell it, variants merged. language: "en" or "es". fold: 0..4, and source: rows of one
    source share a fold. genre, instrument: as typed, "" where not given. vector: (13,) of SAFE_13, peaks in order of frequency.
    fit_rms_db: how far the vector's level-free response is from the shape that the person made; 0 for SAFE, whose vectors are the original.
    ratings_consistency: SocialEQ only.
    """

    id: str
    word: str
    language: str
    dataset: DatasetName
    fold: int
    source: str
    genre: str
    instrument: str
    vector: Float64Array
    fit_rms_db: float
    ratings_consistency: float | None


class WordCount(NamedTuple):
    """A word of one language and its number of rows."""

    word: str
    language: str
    rows: int


@dataclass(frozen=True, eq=False)
class ExampleTable:
    """Examples and, in the same order, their arrays.

    counts: by data set, how many rows were read, skipped as faulty, dropped by each rule and kept. skipped: one line for each skipped row.
    """

    examples: tuple[EqExample, ...]
    counts: Mapping[str, Mapping[str, int]]
    skipped: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.examples)

    @cached_property
    def vectors(self) -> Float64Array:
        """(n, 13) in dB, Hz and Q, in the order of SAFE_13."""
        return np.array([example.vector for example in self.examples]).reshape(len(self), len(SAFE_13.params))

    @cached_property
    def folds(self) -> NDArray[np.int64]:
        """(n,) 0..4."""
        return np.array([example.fold for example in self.examples], dtype=np.int64)

    @cached_property
    def fit_rms_db(self) -> Float64Array:
        """(n,) in dB."""
        return np.array([example.fit_rms_db for example in self.examples], dtype=np.float64)

    @property
    def dropped(self) -> Mapping[str, int]:
        """By rule of `cleaning`, how many rows of all data sets it dropped; rules that dropped none are left out."""
        rules: Counter[str] = Counter()
        for counts in self.counts.values():
            rules.update({rule: counts.get(rule, 0) for rule in RULES})
        return +rules

    def select(self, mask: NDArray[np.bool_]) -> ExampleTable:
        """Return the examples where mask (n,) is true; the counts stay those of the reading."""
        chosen = tuple(example for example, wanted in zip(self.examples, mask, strict=True) if wanted)
        return ExampleTable(chosen, self.counts, self.skipped)

    def usable_words(self, min_rows: int = MIN_ROWS) -> list[WordCount]:
        """Return the words with enough rows, most rows first; a spelling that is usable in two languages counts in the one with more."""
        counted = Counter((example.word, example.language) for example in self.examples)
        words = sorted(
            (WordCount(word, language, n) for (word, language), n in counted.items()), key=lambda w: (-w.rows, w.word, w.language)
        )
        first: dict[str, WordCount] = {}
        for word in words:
            if word.rows >= min_rows:
                first.setdefault(word.word, word)
        return list(first.values())


def read_tables(folder: Path, *, skip_bad_rows: bool = False) -> list[Table]:
    """Return the tables of a folder: its *.csv and eq*.parquet files and those of its folder `data`, one table for each data set.

    Raises DataError where there is none, two of one data set, or one of an unknown layout; else as `read_table` does.
    """
    folder = Path(folder)
    name = printable(folder)
    if not folder.is_dir():
        raise DataError(f"{'is a file, give the folder that holds it' if folder.exists() else 'no such folder'}", name)
    try:
        places = [place for place in (folder, folder / "data") if place.is_dir()]
        files = [file for place in places for file in sorted(place.iterdir()) if _TABLE_NAME.fullmatch(file.name)]
    except OSError as error:
        raise environment_failure(folder, error) from error
    tables: dict[str, Table] = {}
    for file in files:
        table = read_table(file, skip_bad_rows=skip_bad_rows)
        if table.dataset in tables:
            other = printable(tables[table.dataset].path.name)
            raise DataError(f"holds the {table.dataset} data twice, in {other} and {printable(file.name)}; keep one", name)
        tables[table.dataset] = table
    if not tables:
        raise DataError("holds no table of EQ data (*.csv or eq*.parquet); get them with: semeq-export train fetch", name)
    return [tables[dataset] for dataset in ("safe", "socialeq") if dataset in tables]


def load_examples(
    folder: Path,
    *,
    socialeq_scale_db: float = SOCIALEQ_SCALE_DB,
    cache: Path | None = None,
    skip_bad_rows: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> ExampleTable:
    """Return all usable examples of a folder that holds SAFE, SocialEQ or both, in any layout that `tables` reads.

    The tables are the folder's *.csv and eq*.parquet files and those of its folder `data`, one for each data set.
    Reads, cleans (see `cleaning`) and fits each SocialEQ shape, times socialeq_scale_db, with five bands (see `shapes`). SAFE rows come
    first, then SocialEQ, each in the order of its table. cache: a folder where fitted shapes are kept between calls.
    progress: called with (shapes fitted, shapes in all).
    Raises DataError for a table that is not what it claims to be, EnvironmentFailure where the disk fails.
    """
    tables = read_tables(folder, skip_bad_rows=skip_bad_rows)
    cleaned = clean(row for table in tables for row in table.rows)
    examples = [_example(row, row.raw.values, 0.0) for row in cleaned.rows if row.raw.dataset == "safe"]
    shaped = [row for row in cleaned.rows if row.raw.dataset == "socialeq"]
    if shaped:
        fits = fit_shapes(np.array([row.raw.values for row in shaped]), socialeq_scale_db, cache=cache, progress=progress)
        examples += [_example(*fitted) for fitted in zip(shaped, fits.vectors, fits.rms_error_db.tolist(), strict=True)]
    counts: dict[str, dict[str, int]] = {}
    for table in tables:
        kept = sum(row.raw.dataset == table.dataset for row in cleaned.rows)
        read = len(table.rows) + len(table.skipped)
        counts[table.dataset] = {"read": read, "skipped": len(table.skipped), **cleaned.dropped[table.dataset], "kept": kept}
    return ExampleTable(tuple(examples), counts, tuple(line for table in tables for line in table.skipped))


def _example(row: CleanRow, vector: Float64Array, fit_rms_db: float) -> EqExample:
    raw = row.raw
    return EqExample(
        id=raw.id,
        word=row.word,
        language=raw.language,
        dataset=raw.dataset,
        fold=raw.fold,
        source=raw.source,
        genre=raw.genre,
        instrument=raw.instrument,
        vector=vector,
        fit_rms_db=fit_rms_db,
        ratings_consistency=raw.ratings_consistency,
    )
