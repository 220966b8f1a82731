"""Whether words of few rows borrow well: mean curves against people who were left out, plain means beside Empirical Bayes.

Run: PYTHONPATH=tests/bench python tests/bench/rare_words_report.py DATA [--record FILE]   (about five minutes on one core)

Words of five rows or more: cross-validation over people, repeated; rows of one source are left out together (the data name SAFE's people
by fold only). A word's figure is its mean over all rows that were left out, RMSE the root of its mean square; intervals are of a bootstrap
over words. Words of two to four rows: each row is left out, and predicted from those of other sources and like words, or from like
words alone.
"""

from __future__ import annotations

import argparse
import datetime
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from check_bars import machine
from numpy.typing import NDArray

from semeq_export.arrays import Float64Array
from semeq_training.data.borrowing import borrowed_means, plain_mean
from semeq_training.data.datasets import ExampleTable, load_examples
from semeq_training.data.vocabulary import FEW_ROWS, curves_of, rows_of
from semeq_training.data.word_places import MIN_PEOPLE, places_of

FOLDS, DRAWS, MIN_ROWS = 5, 4_000, 5
BINS = {"5-9": (5, 9), "10-29": (10, 29), "30+": (30, 10**9)}
Curves = Mapping[str, Float64Array | None]
Rows = dict[str, NDArray[np.intp]]


def plain(curves: Float64Array, rows: Rows) -> Curves:
    """Return each word's mean curve."""
    return {word: plain_mean(curves[part]).curve_db if len(part) else None for word, part in rows.items()}


def borrowing(curves: Float64Array, rows: Rows, *, has_places: bool = True) -> Curves:
    """Return each word's estimate from all of these words."""
    places = places_of(rows) if has_places else np.full((len(rows), 1), np.nan)
    found = borrowed_means([curves[part] for part in rows.values()], places)
    assert found is not None
    return {word: estimate.curve_db for word, estimate in zip(rows, found, strict=True)}


def scores(guess_db: Float64Array, people_db: Float64Array) -> Float64Array:
    """Return correlation and mean square error in dB squared of one curve with each person's: (n_people, 2)."""
    norms = np.linalg.norm(people_db, axis=1) * np.linalg.norm(guess_db)
    return np.column_stack([people_db @ guess_db / np.maximum(norms, 1e-12), np.square(people_db - guess_db).mean(axis=1)])


def of_word(found: Float64Array) -> Float64Array:
    """Return the mean correlation and the RMSE in dB (2,) of `scores` (n, 2)."""
    correlation, square = found.mean(axis=0)
    return np.array([correlation, np.sqrt(square)])


def cross_validated(table: ExampleTable, curves: Float64Array, repeats: int) -> dict[str, dict[str, Float64Array]]:
    """Return by estimator and word of MIN_ROWS or more the correlation and RMSE with people who were left out: (2,)."""
    rows = {word.word: rows_of(table, word) for word in table.usable_words(MIN_PEOPLE)}
    often = {word: part for word, part in rows.items() if len(part) >= MIN_ROWS}
    sources = np.array([example.source for example in table.examples])
    names = np.unique(sources)
    is_safe = np.char.startswith(names, "safe/")
    estimators: dict[str, tuple[Rows, Callable[[Float64Array, Rows], Curves]]] = {
        "plain mean": (often, plain),
        "borrowing": (rows, borrowing),
        "borrowing, from words of 5 rows or more alone": (often, borrowing),
        "borrowing, no likeness of words": (rows, lambda curves, rows: borrowing(curves, rows, has_places=False)),
    }
    found: dict[str, dict[str, list[Float64Array]]] = {name: {word: [] for word in often} for name in estimators}
    for repeat in range(repeats):
        rng = np.random.default_rng([1, repeat])
        fold_of = dict(zip(names[is_safe], np.arange(is_safe.sum()) % FOLDS, strict=True))
        fold_of |= dict(zip(names[~is_safe], rng.permutation((~is_safe).sum()) % FOLDS, strict=True))
        folds = np.array([fold_of[source] for source in sources])
        for fold in range(FOLDS):
            for name, (words, estimate) in estimators.items():
                made = estimate(curves, {word: part[folds[part] != fold] for word, part in words.items()})
                for word, part in often.items():
                    unseen = part[folds[part] == fold]
                    curve = made[word]
                    if len(unseen) and len(unseen) < len(part) and curve is not None:
                        found[name][word].append(scores(curve, curves[unseen]))
    return {name: {word: of_word(np.concatenate(parts)) for word, parts in by_word.items() if parts} for name, by_word in found.items()}


def compared(one: Float64Array, other: Float64Array) -> dict[str, object]:
    """Return the means over words of two estimators' figures (n_words,) and of their differences, with the bootstrap's 95 %."""
    difference = other - one
    rng = np.random.default_rng(2)
    drawn = difference[rng.integers(0, len(difference), (DRAWS, len(difference)))].mean(axis=1)
    interval = np.percentile(drawn, [2.5, 97.5])
    return {
        "words": len(one),
        "before": round(float(one.mean()), 3),
        "after": round(float(other.mean()), 3),
        "delta": round(float(difference.mean()), 3),
        "interval_95": [round(float(value), 3) for value in interval],
    }


def both(one: Mapping[str, Float64Array], other: Mapping[str, Float64Array], words: Sequence[str]) -> dict[str, object]:
    """Return `compared` of correlation and RMSE over some words."""
    first, second = (np.array([figures[word] for word in words]) for figures in (one, other))
    return {name: compared(first[:, i], second[:, i]) for i, name in enumerate(("correlation", "rmse_db"))}


def frequent_words(table: ExampleTable, curves: Float64Array, repeats: int) -> dict[str, object]:
    """Return what borrowing does for words of MIN_ROWS rows or more, by number of rows, and over all words as it is used."""
    figures = cross_validated(table, curves, repeats)
    base = figures.pop("plain mean")
    counts = {word.word: word.rows for word in table.usable_words(MIN_ROWS)}
    document: dict[str, object] = {}
    for name, ours in figures.items():
        by_rows = {key: [word for word in base if low <= counts[word] <= high] for key, (low, high) in BINS.items()}
        document[name] = {"all": both(base, ours, list(base)), **{key: both(base, ours, words) for key, words in by_rows.items()}}
    used = {word: figures["borrowing"][word] if counts[word] < FEW_ROWS else base[word] for word in base}
    return {"by_estimator": document, f"as used, under {FEW_ROWS} rows": both(base, used, list(base))}


def rare_words(table: ExampleTable, curves: Float64Array) -> dict[str, object]:
    """Return whether one to three rows of a word and its likes beat a guess from its likes alone, by rules that would let words in."""
    rows = {word.word: rows_of(table, word) for word in table.usable_words(MIN_PEOPLE)}
    sources = np.array([example.source for example in table.examples])
    few = [word for word, part in rows.items() if len(part) < MIN_ROWS]
    found: dict[str, dict[str, list[tuple[Float64Array, Float64Array]]]] = {}
    for word in few:
        part = rows[word]
        guess = borrowing(curves, {**rows, word: part[:0]})[word]
        assert guess is not None
        for row in part:
            rest = part[sources[part] != sources[row]]
            if not len(rest):
                continue
            estimate = borrowing(curves, {**rows, word: rest})[word]
            assert estimate is not None
            for rule in _rules(curves[rest], guess):
                pair = scores(guess, curves[[row]]), scores(estimate, curves[[row]])
                found.setdefault(rule, {}).setdefault(word, []).append(pair)
    document = {}
    for rule, words in sorted(found.items()):
        guessed, ours = ({word: of_word(np.concatenate([pair[i] for pair in pairs])) for word, pairs in words.items()} for i in (0, 1))
        document[rule] = both(guessed, ours, list(words))
    return document


def _rules(rest_db: Float64Array, guess_db: Float64Array) -> set[str]:
    """Return which rules would let in a word of these rows; the row that was left out has no say."""
    found = {"all", f"{len(rest_db)} own rows"}
    with_guess = scores(guess_db, rest_db.mean(axis=0)[np.newaxis])[0, 0]
    found.add("the mean is like the guess, over 0.3" if with_guess > 0.3 else "the mean is unlike the guess")
    if len(rest_db) > 1:
        unit = rest_db / np.maximum(np.linalg.norm(rest_db, axis=1, keepdims=True), 1e-12)
        agreement = (unit @ unit.T)[np.triu_indices(len(unit), 1)].mean()
        found.add("people agree, over 0.3" if agreement > 0.3 else "people do not agree")
    return found


def line(name: str, entry: Mapping[str, Any]) -> str:  # Any: JSON
    """Return one line for people."""
    parts = [f"{name:50} {entry['correlation']['words']:4d} words"]
    for figure, unit in (("correlation", ""), ("rmse_db", " dB")):
        one = entry[figure]
        low, high = one["interval_95"]
        parts.append(f"{figure} {one['before']:.3f} -> {one['after']:.3f}{unit}: {one['delta']:+.3f} [{low:+.3f}, {high:+.3f}]")
    return "  ".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--cache", type=Path, help="folder of fitted shapes")
    parser.add_argument("--record", type=Path)
    options = parser.parse_args()
    table = load_examples(options.data, cache=options.cache)
    curves = curves_of(table)
    frequent, rare = frequent_words(table, curves, options.repeats), rare_words(table, curves)
    document = {
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "repeats": options.repeats,
        "folds": FOLDS,
        "five_or_more_rows": frequent,
        "two_to_four_rows_against_a_guess": rare,
    }
    for name, by_rows in frequent["by_estimator"].items():  # type: ignore[attr-defined]
        for key, entry in by_rows.items():
            print(line(f"{name}: {key}", entry))  # noqa: T201 - a command
    used = next(key for key in frequent if key.startswith("as used"))
    print(line(used, frequent[used]))  # type: ignore[arg-type]  # noqa: T201 - a command
    for rule, entry in rare.items():
        print(line(f"2-4 rows, guess -> borrowing: {rule}", entry))  # type: ignore[arg-type]  # noqa: T201 - a command
    if options.record is not None:
        options.record.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
