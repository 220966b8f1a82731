"""The table of guesses: for each word of the lists that nobody taught, a curve, how sure it is, and where it comes from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from semeq_export.arrays import Float64Array
from semeq_export.eq.curve import level_free, rms_db
from semeq_export.errors import SemeqError, TrainingError
from semeq_export.files.atomic import write_atomic
from semeq_export.files.disk import read_regular
from semeq_export.words.guesses import Guess, Guesses
from semeq_export.words.phrases import understand
from semeq_export.words.terms import AGREED, CentroidBank
from semeq_training.data.cleaning import MIN_ROWS
from semeq_training.data.datasets import ExampleTable, load_examples
from semeq_training.data.vocabulary import curves_of
from semeq_training.guesses.charts import Chart, read_charts, read_sources, read_words
from semeq_training.guesses.meaning import embed, encoder_version
from semeq_training.guesses.process import CHART_ROWS, Nodes, Process, joined

FILE, CENTROIDS = "guesses.json", "centroids.json"
DOUBTFUL_FROM, MEDIUM_FROM, HIGH_FROM = 0.1, 0.2, 0.4
"""Confidences. Of words left out, a third point the wrong way below the first, and an eighth above the last: tests/records/unseen.json."""
NEAR = 3
_MAX_BANK_BYTES = 16_000_000


@dataclass(frozen=True, slots=True, eq=False)
class People:
    """What people did, by word and language. keys: (word, language). rows: for each its level-free curves (n, 32)."""

    keys: tuple[tuple[str, str], ...]
    rows: tuple[Float64Array, ...]

    @property
    def counts(self) -> Float64Array:
        """How many people (n,) used each."""
        return np.array([len(rows) for rows in self.rows], dtype=np.float64)

    @property
    def means_db(self) -> Float64Array:
        """(n, 32)."""
        return np.array([rows.mean(axis=0) for rows in self.rows])

    @property
    def strength_db(self) -> float:
        """The rms of a typical word: the median of those that MIN_ROWS people or more used."""
        return float(np.median([rms_db(rows.mean(axis=0)) for rows in self.rows if len(rows) >= MIN_ROWS] or [0.0]))


def people_of(table: ExampleTable) -> People:
    """Return the people of a table, in the order in which words first occur."""
    curves = curves_of(table)
    numbers: dict[tuple[str, str], list[int]] = defaultdict(list)
    for number, example in enumerate(table.examples):
        numbers[example.word, example.language].append(number)
    return People(tuple(numbers), tuple(curves[rows] for rows in numbers.values()))


def people_nodes(people: People, vectors: Float64Array) -> Nodes:
    """Return what people say as nodes; vectors: (n, 512) of the words of `people.keys`."""
    return Nodes(vectors, people.means_db, people.counts)


def chart_nodes(charts: Sequence[Chart], vectors: Float64Array, process: Process, strength_db: float) -> Nodes:
    """Return what charts say as nodes: a change of a typical word's strength from what all people do."""
    curves = np.array([chart.curve_db(strength_db) + process.mean_db for chart in charts])
    return Nodes(vectors, curves, np.full(len(charts), CHART_ROWS))


def write(run: Path, data: Path, *, cache: Path | None = None, overwrite: bool = False) -> Guesses:
    """Write RUN/guesses.json for the words of a complete run and return it; equal input gives equal bytes.

    data: folder of tables. cache: of fitted shapes. Raises TrainingError for what is no run, MissingExtraError without the extra "guess",
    OutputError where the file exists, and else as `load_examples` does.
    """
    data_of_bank = read_regular(Path(run) / CENTROIDS, TrainingError, max_bytes=_MAX_BANK_BYTES)
    guesses = build(load_examples(data, cache=cache), CentroidBank.from_json(data_of_bank))
    write_atomic(Path(run) / FILE, guesses.to_json(), overwrite=overwrite)
    return guesses


def build(table: ExampleTable, bank: CentroidBank) -> Guesses:
    """Return the guesses for the listed words that a bank does not have; raises TrainingError where no word is taught."""
    people, charts = people_of(table), read_charts()
    if people.strength_db == 0.0:
        raise TrainingError(f"no word has {MIN_ROWS} or more rows, so nothing can be guessed from")
    words = {word: languages for word, languages in read_words().items() if not _is_understood(word, bank)}
    taught = [term.name for term in bank.values() if term.agreement >= AGREED and not term.is_variant]
    texts = list(dict.fromkeys([*(word for word, _ in people.keys), *(chart.word for chart in charts), *words, *taught]))
    vector_of = dict(zip(texts, embed(texts), strict=True))

    def vectors(of: Sequence[str]) -> Float64Array:
        return np.array([vector_of[word] for word in of])

    process = Process.of_people(people.rows)
    nodes = joined(
        people_nodes(people, vectors([word for word, _ in people.keys])),
        chart_nodes(charts, vectors([chart.word for chart in charts]), process, people.strength_db),
    )
    found = process.predict(nodes, vectors(list(words)))
    alike = vectors(list(words)) @ vectors(taught).T
    guesses = {}
    for i, (word, languages) in enumerate(words.items()):
        nearest = np.argsort(-alike[i], kind="stable")[:NEAR]
        own = [chart for chart in charts if chart.word == word]
        guesses[word] = Guess(
            word=word,
            languages=tuple(languages),
            curve_db=_rounded(found.curves_db[i], people.strength_db),
            confidence=float(found.confidence[i]),
            rows=sum(len(rows) for (name, _), rows in zip(people.keys, people.rows, strict=True) if name == word),
            near=tuple((taught[k], float(np.clip(alike[i, k], 0.0, 1.0))) for k in nearest),
            bands=own[0].bands if own else (),
            sources=own[0].sources if own else (),
        )
    used = {key for guess in guesses.values() for key in guess.sources}
    sources = {key: source for key, source in read_sources().items() if key in used}
    return Guesses(guesses, DOUBTFUL_FROM, MEDIUM_FROM, HIGH_FROM, encoder_version(), sources)


def _is_understood(word: str, bank: CentroidBank) -> bool:
    """Whether a word is taught, or means a taught one by the grammar: cálido is warm."""
    try:
        understand(word, bank)
    except SemeqError:
        return False
    return True


def _rounded(curve_db: Float64Array, strength_db: float) -> Float64Array:
    """Return a guess as strong as a typical word, to 0.1 dB: what is shrunk in doubt would hardly be heard."""
    shape = level_free(curve_db)
    return np.round(shape * (strength_db / max(rms_db(shape), 1e-9)), 1)


def summary(guesses: Guesses) -> str:
    """Return how many words are how sure, by language."""
    counts: dict[str, dict[str, int]] = {}
    for guess in guesses.guesses.values():
        for language in guess.languages:
            by_level = counts.setdefault(language, {})
            level = guesses.level_of(guess)
            by_level[level] = by_level.get(level, 0) + 1
    order = ("high", "medium", "doubtful", "refused")
    return "; ".join(
        f"{language}: " + ", ".join(f"{counts[language][level]} {level}" for level in order if level in counts[language])
        for language in sorted(counts)
    )
