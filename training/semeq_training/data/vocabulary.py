"""Which terms a bundle gets, from whose rows, and the evidence for each.

| term | rows | when |
| --- | --- | --- |
| `warm` | all of a word in one language | five or more (`min_rows`) |
| `harsh` | those of one data set | both hold three or more, their mean curves correlate below 0.5, and it predicts people better |
| `harsh@safe`, `harsh@socialeq` | those of each data set | the same words |
| `warm@metal` | SAFE rows of one genre or instrument | ten or more |

Two meanings of one word (`split_gains`) are measured and not made into terms: on these data none beats the null.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE

from semeq_export.arrays import Float64Array
from semeq_export.eq.biquad import response_db
from semeq_export.eq.curve import correlation, level_free, log_grid, rms_db
from semeq_export.eq.settings import SAFE_13
from semeq_export.words.evidence import N_POINTS, Evidence, MapPoint, word_evidence
from semeq_training.data.borrowing import Estimate, borrowed_means, plain_mean
from semeq_training.data.cleaning import VARIANTS
from semeq_training.data.datasets import EqExample, ExampleTable, WordCount
from semeq_training.data.word_places import MIN_PEOPLE, places_of

MIN_EACH, MIN_CONTEXT = 3, 10
DISAGREE = 0.5
"""Two data sets mean different things by a word where the correlation of its mean curves is below this."""

FEW_ROWS = 10
"""A term with fewer borrows from words of like meaning; with more, the plain mean predicts left-out people as well."""

_RATE_HZ = 48_000.0
_FOLDS, _NULL_DRAWS, _MORE_DRAWS = 5, 200, 4_000
_COMPONENTS = 6
_LEVEL = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """A term to be made. rows: (n,) row numbers. note: what a user should know, "" for nothing."""

    name: str
    language: str
    rows: NDArray[np.intp]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A word about which the data sets differ. rmse_db: of each set's mean curve against held-out people of both."""

    word: str
    rows: Mapping[str, int]
    correlation: float
    rmse_db: Mapping[str, float]

    @property
    def better(self) -> str:
        """The data set whose mean curve predicts people better."""
        return min(self.rmse_db, key=lambda dataset: (self.rmse_db[dataset], dataset))


def rows_of(table: ExampleTable, word: WordCount) -> NDArray[np.intp]:
    """Return the row numbers (n,) of a word in its language."""
    return np.flatnonzero([example.word == word.word and example.language == word.language for example in table.examples])


def entries(table: ExampleTable, min_rows: int) -> list[Entry]:
    """Return the terms that a table gives, the words with most rows first, each followed by its variants."""
    curves = curves_of(table)
    found: list[Entry] = []
    for word in table.usable_words(min_rows):
        rows = rows_of(table, word)
        disagreement = _disagreement(table, word, rows, curves)
        if disagreement is None:
            found.append(Entry(word.word, word.language, rows))
        else:
            by_set = _by_dataset(table, rows)
            errors = ", ".join(f"{dataset} {error:.1f} dB" for dataset, error in disagreement.rmse_db.items())
            better = disagreement.better
            note = f"the data sets disagree (correlation {disagreement.correlation:.2f}); this is {better}'s, which predicts people better"
            note += f" ({errors})"
            found.append(Entry(word.word, word.language, by_set[better], note))
            found += [Entry(f"{word.word}@{name}", word.language, part, f"{name} rows only") for name, part in by_set.items()]
        contexts: dict[str, list[int]] = defaultdict(list)
        for row in rows.tolist():
            for context in contexts_of(table.examples[row]):
                contexts[context].append(row)
        for context, part in sorted(contexts.items()):
            if len(part) >= MIN_CONTEXT:
                found.append(Entry(f"{word.word}@{context}", word.language, np.array(part), f"people who worked on {context}"))
    return found


def contexts_of(example: EqExample) -> set[str]:
    """Return the genre and instrument of a row as one word each, numbers of clips taken off: "metal3" is metal."""
    texts = (example.genre, example.instrument)
    plain = (re.sub(r"[\s_-]*\d+$", "", " ".join(text.casefold().split())) for text in texts)
    return {text for text in plain if re.fullmatch(r"[a-z][a-z ]{1,30}", text)}


def disagreements(table: ExampleTable, min_rows: int) -> list[Disagreement]:
    """Return the words about which the data sets differ."""
    curves = curves_of(table)
    found = (_disagreement(table, word, rows_of(table, word), curves) for word in table.usable_words(min_rows))
    return [entry for entry in found if entry is not None]


def curves_of(table: ExampleTable) -> Float64Array:
    """Return level-free curves (n_rows, 32) of rows."""
    grid = log_grid(N_POINTS)
    return level_free(
        np.array([response_db(SAFE_13.from_vector(vector), grid, _RATE_HZ) for vector in table.vectors]).reshape(-1, N_POINTS)
    )


def _by_dataset(table: ExampleTable, rows: NDArray[np.intp]) -> dict[str, NDArray[np.intp]]:
    datasets = np.array([table.examples[row].dataset for row in rows])
    return {name: rows[datasets == name] for name in sorted(set(datasets.tolist()))}


def _disagreement(table: ExampleTable, word: WordCount, rows: NDArray[np.intp], curves: Float64Array) -> Disagreement | None:
    by_set = _by_dataset(table, rows)
    if len(by_set) < 2 or min(len(part) for part in by_set.values()) < MIN_EACH:
        return None
    one, other = (curves[part].mean(axis=0) for part in by_set.values())
    alike = correlation(one, other)
    if alike >= DISAGREE:
        return None
    errors = {name: _predicts(curves, part, rows) for name, part in by_set.items()}
    return Disagreement(word.word, {name: len(part) for name, part in by_set.items()}, alike, errors)


def _predicts(curves: Float64Array, part: NDArray[np.intp], people: NDArray[np.intp]) -> float:
    """Return the RMSE in dB with which the mean of some rows predicts people, each left out of the mean that predicts them."""
    total = curves[part].sum(axis=0)
    inside = np.isin(people, part)
    means = (total - np.where(inside[:, np.newaxis], curves[people], 0.0)) / (len(part) - inside)[:, np.newaxis]
    return rms_db(curves[people] - means)


def estimates_of(table: ExampleTable, curves: Float64Array, terms: Sequence[Entry]) -> list[Estimate]:
    """Return what each term's mean curve is taken to be, from level-free curves (n_rows, n_freqs) of the table's rows.

    The mean of its rows; where they are fewer than FEW_ROWS, what `borrowing` makes of them and of all words that MIN_PEOPLE used.
    A term of some people only, such as harsh@safe, stands in the place of its word, and borrows nothing from the other people's rows of it.
    """
    rows_of_words = {word.word: rows_of(table, word) for word in table.usable_words(MIN_PEOPLE)}
    of_words = _borrowed(curves, rows_of_words)
    estimates = []
    for term in terms:
        word = term.name.partition("@")[0]
        if len(term.rows) >= FEW_ROWS:
            known = None
        elif word in rows_of_words and np.array_equal(rows_of_words[word], term.rows):
            known = of_words.get(word)
        else:
            known = _borrowed(curves, {**rows_of_words, word: term.rows}).get(word)
        estimates.append(known or plain_mean(curves[term.rows]))
    return estimates


def _borrowed(curves: Float64Array, rows_of_words: Mapping[str, NDArray[np.intp]]) -> dict[str, Estimate]:
    found = borrowed_means([curves[rows] for rows in rows_of_words.values()], places_of(rows_of_words))
    return dict(zip(rows_of_words, found, strict=True)) if found is not None else {}


def evidence_of(table: ExampleTable, terms: Sequence[Entry], *, seed: int) -> Evidence:
    """Return the evidence for terms, with maps of all rows of their words."""
    curves = curves_of(table)
    words = {
        entry.name: replace(word_evidence(curves[entry.rows]), mean_db=known.curve_db, error_db=known.sd_db, borrowed=known.borrowed)
        for entry, known in zip(terms, estimates_of(table, curves, terms), strict=True)
    }
    plain = [entry for entry in terms if "@" not in entry.name]
    used = np.concatenate([entry.rows for entry in plain])
    within = np.concatenate([curves[entry.rows] - curves[entry.rows].mean(axis=0) for entry in plain])
    covariance = within.T @ within / max(len(within) - len(plain), 1)
    names = [entry.name for entry in plain for _ in entry.rows]
    return Evidence(words, covariance, _points(curves[used], names, seed))


def _points(curves: Float64Array, names: Sequence[str], seed: int) -> list[MapPoint]:
    if len(curves) < _COMPONENTS + 4:
        return []
    components = PCA(_COMPONENTS, svd_solver="full").fit_transform(curves)
    components *= np.where(np.abs(components).max(axis=0) == components.max(axis=0), 1.0, -1.0)  # a sign is no property of an axis
    perplexity = min(30.0, (len(curves) - 1) / 3)
    tsne = TSNE(2, perplexity=perplexity, init=components[:, :2] / components[:, 0].std() * 1e-4, random_state=seed, max_iter=500)
    near = tsne.fit_transform(components)
    flat = [part / np.maximum(part.std(axis=0), 1e-9) for part in (components[:, :2], near)]
    return [MapPoint(name, (a[0], a[1]), (b[0], b[1])) for name, a, b in zip(names, flat[0].tolist(), flat[1].tolist(), strict=True)]


@dataclass(frozen=True, slots=True)
class SplitGain:
    """What two meanings instead of one would gain for a word, and what they gain where there is one.

    gain, random_gain: share of the squared error on held-out rows that goes away with the closer of two mean curves, of a k-means split
    and of a random one. null_gain: mean gain of k-means on rows drawn around one meaning with the same spread. p: share of those draws
    that gain as much; p_corrected: times the words that are left in the order of p (Holm).
    """

    word: str
    rows: int
    gain: float
    random_gain: float
    null_gain: float
    p: float
    p_corrected: float = 1.0


def split_gains(
    table: ExampleTable, min_rows: int = 10, *, seed: int = 1, draws: int = _NULL_DRAWS, more: int = _MORE_DRAWS
) -> list[SplitGain]:
    """Return, for each word with min_rows rows, whether two meanings predict held-out people better than chance would; smallest p first.

    more: draws for words whose p is small after the first ones.
    """
    curves = curves_of(table)
    found = []
    for number, word in enumerate(table.usable_words(min_rows)):
        rows = curves[rows_of(table, word)]
        rng = np.random.default_rng([seed, number])
        gain = _split_gain(rows, rng, by_chance=False)
        chance = float(np.mean([_split_gain(rows, rng, by_chance=True) for _ in range(20)]))
        null = [_split_gain(_one_meaning(rows, rng), rng, by_chance=False) for _ in range(draws)]
        if np.mean(np.array(null) >= gain) <= 0.05 and more > draws:
            null += [_split_gain(_one_meaning(rows, rng), rng, by_chance=False) for _ in range(more - draws)]
        p = (1 + np.count_nonzero(np.array(null) >= gain)) / (1 + len(null))
        found.append(SplitGain(word.word, len(rows), gain, chance, float(np.mean(null)), float(p)))
    found.sort(key=lambda entry: (entry.p, entry.word))
    corrected, least = [], 0.0
    for place, entry in enumerate(found):
        least = max(least, min(1.0, entry.p * (len(found) - place)))
        corrected.append(SplitGain(entry.word, entry.rows, entry.gain, entry.random_gain, entry.null_gain, entry.p, least))
    return corrected


def _one_meaning(rows: Float64Array, rng: np.random.Generator) -> Float64Array:
    """Return as many rows around one mean, with the same covariance."""
    centred = rows - rows.mean(axis=0)
    drawn: Float64Array = rows.mean(axis=0) + rng.standard_normal((len(rows), len(rows))) @ centred / np.sqrt(len(rows))
    return drawn


def _split_gain(rows: Float64Array, rng: np.random.Generator, *, by_chance: bool) -> float:
    fold = rng.permutation(len(rows)) % _FOLDS
    one = two = 0.0
    for number in range(_FOLDS):
        seen, unseen = rows[fold != number], rows[fold == number]
        part = rng.permutation(len(seen)) % 2 if by_chance else _two_means(seen, rng)
        means = np.array([seen[part == side].mean(axis=0) if np.any(part == side) else seen.mean(axis=0) for side in (0, 1)])
        one += float(np.square(unseen - seen.mean(axis=0)).sum())
        two += float(np.square(unseen[:, np.newaxis] - means).sum(axis=2).min(axis=1).sum())
    return 1.0 - two / max(one, 1e-12)


def _two_means(rows: Float64Array, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return the best of three 2-means splits; scikit-learn's own costs ten times as much for so few rows."""
    best, least = np.zeros(len(rows), dtype=np.int64), np.inf
    for _ in range(3):
        means = rows[rng.choice(len(rows), 2, replace=False)]
        part = np.full(len(rows), -1)
        for _ in range(30):
            distance = np.square(rows[:, np.newaxis] - means).sum(axis=2)
            closer = distance.argmin(axis=1)
            if np.array_equal(closer, part):
                break
            part = closer
            means = np.array([rows[part == side].mean(axis=0) if np.any(part == side) else means[side] for side in (0, 1)])
        inertia = float(distance.min(axis=1).sum())
        if inertia < least:
            best, least = part.astype(np.int64), inertia
    return best


def text(table: ExampleTable, min_rows: int, gains: Sequence[SplitGain], merged: Mapping[tuple[str, str], int]) -> str:
    """Return what made the vocabulary as plain tables: merged spellings, words that the data sets disagree about, two meanings or one.

    merged: how many rows each (language, spelling) handed to its word, as `cleaning.clean` counts them.
    """
    lines = ["spellings and inflections counted under another word", f"  {'spelling':24}  {'word':20}  lang   rows"]
    for (language, spelling), rows in sorted(merged.items(), key=lambda item: (VARIANTS[item[0]], item[0][1])):
        lines.append(f"  {spelling:24}  {VARIANTS[language, spelling]:20}  {language}    {rows:5d}")
    lines += ["", "words that the data sets disagree about, and the RMSE in dB of each set's mean curve against held-out people of both"]
    for entry in disagreements(table, min_rows):
        errors = ", ".join(f"{name} {error:.2f} ({entry.rows[name]} rows)" for name, error in entry.rmse_db.items())
        lines.append(f"  {entry.word:20}  correlation {entry.correlation:+.2f}: {errors}; {entry.better} is the default")
    lines += ["", "two meanings or one: share of the squared error on held-out rows that goes away with the closer of two curves"]
    lines += [f"  {'word':20}   rows  k-means   random  one meaning       p  corrected"]
    for gain in gains:
        lines.append(
            f"  {gain.word:20}  {gain.rows:5d}  {gain.gain:7.3f}  {gain.random_gain:7.3f}  {gain.null_gain:11.3f}  {gain.p:6.4f}"
            f"  {gain.p_corrected:9.3f}"
        )
    split = [gain.word for gain in gains if gain.p_corrected <= _LEVEL]
    lines.append(f"  more than one meaning at {_LEVEL:g}, corrected over {len(gains)} words: {', '.join(split) or 'none'}")
    return "\n".join(lines) + "\n"
