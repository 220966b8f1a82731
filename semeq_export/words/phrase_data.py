"""What a page needs to read phrases as `words.phrases` does and to mix them as `words.mixing` does, as compact data for JSON.

`semeq_export/web/src/phrases/data.ts` has the same layout as types:

    schema        1
    words         [name, flags, what a user should know of it where there is something]; flags: 1 usual, 2 weak
    curves        of each word, in steps of 0.001 dB, see `packed`
    guesses       [word, languages, level, near, shares, rows, bands], the surest first; only the first four of one that is refused.
                  languages: 1 English, 2 Spanish; level: 0..3; near: places in `words`, or names that are not there; shares: of 1/100
    guess_curves  of each guess that is not refused, on the grid of guesses.json, in steps of 0.1 dB
    lexicon       [kind, language, yields, entries], in the order in which they count; entries: key, value, key, value ..., or keys
                  alone where the kind says it all. Values: places in `words`, lists of them, amounts, or the kind of a join
    fault, virtue of the grammar
    examples      phrases that are understood
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

import numpy as np

from semeq_export.arrays import Float64Array
from semeq_export.errors import SemeqError
from semeq_export.words.guesses import Guesses
from semeq_export.words.lexicon import Kind, Row, grammar, rows_of, surest_first
from semeq_export.words.mixing import CURVE_DIGITS
from semeq_export.words.phrases import PhraseReader
from semeq_export.words.terms import CentroidBank

SCHEMA = 1

_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_LEVELS = ("refused", "doubtful", "medium", "high")
_WITHOUT_VALUE: tuple[Kind, ...] = ("noun", "filler", "wish", "state", "enough")
_USUAL, _WEAK = 1, 2
_GUESS_STEPS_PER_DB = 10.0

_Value: TypeAlias = str | int | float | list[int]


def phrase_data(
    bank: CentroidBank, guesses: Guesses, curve_of: Callable[[str], Float64Array], doubt_of: Callable[[str], str]
) -> dict[str, object]:
    """Return the data, the same for the same words and guesses.

    curve_of: a word's curve as `words.mixing.mix` takes it. doubt_of: what a user should know of a word, "" for nothing. Guesses' curves
    are taken to 0.1 dB, as guesses.json holds them.
    """
    places = {name: place for place, name in enumerate(bank)}
    ordered = surest_first(guesses)
    known = [guesses[word].curve_db * _GUESS_STEPS_PER_DB for word in ordered if guesses.level_of(guesses[word]) != "refused"]
    return {
        "schema": SCHEMA,
        "words": [_word(bank, name, doubt_of(name)) for name in bank],
        "curves": "".join(packed(curve_of(name) * 10.0**CURVE_DIGITS) for name in bank),
        "guesses": [_guess(guesses, word, places) for word in ordered],
        "guess_curves": "".join(map(packed, known)),
        "lexicon": _lexicon(bank, places),
        **{kind: sorted(grammar()["kind"][kind]) for kind in ("fault", "virtue")},
        "examples": _examples(bank, guesses),
    }


def packed(values: Iterable[float]) -> str:
    """Return numbers, rounded to whole ones, as text: differences, each in digits of base 64 that hold five bits, the lowest first.

    The lowest bit is the sign, the sixth of a digit says that one more follows (Base64 VLQ of source maps, ECMA-426).
    """
    whole = np.rint(np.asarray(list(values))).astype(int).tolist()
    return "".join(_digits(value - before) for before, value in itertools.pairwise([0, *whole]))


def _digits(number: int) -> str:
    rest, digits = abs(number) << 1 | (number < 0), []
    while rest > 31:
        digits.append(_DIGITS[rest & 31 | 32])
        rest >>= 5
    return "".join([*digits, _DIGITS[rest]])


def _word(bank: CentroidBank, name: str, doubt: str) -> list[str | int]:
    flags = _USUAL * bank.is_usual(name) + _WEAK * bank.is_weak(name)
    return [name, flags, doubt] if doubt else [name, flags]


def _guess(guesses: Guesses, word: str, places: Mapping[str, int]) -> list[object]:
    guess = guesses[word]
    languages = sum({"en": 1, "es": 2}[language] for language in guess.languages)
    near = [places.get(name, name) for name, _ in guess.near]
    level = _LEVELS.index(guesses.level_of(guess))
    if level == 0:
        return [word, languages, level, near]
    shares = [round(100.0 * round(share, 2)) for _, share in guess.near]
    return [word, languages, level, near, shares, guess.rows, ", ".join(band.text for band in guess.bands)]


def _lexicon(bank: CentroidBank, places: Mapping[str, int]) -> list[list[object]]:
    groups = itertools.groupby(rows_of(bank), key=lambda row: (row.entry.kind, row.language or "", int(row.yields)))
    return [[*what, list(itertools.chain.from_iterable(_row(row, bank, places) for row in rows))] for what, rows in groups]


def _row(row: Row, bank: CentroidBank, places: Mapping[str, int]) -> tuple[_Value, ...]:
    """Return key and value of an entry; those near are the ones that a message names."""
    entry = row.entry
    if entry.kind in _WITHOUT_VALUE:
        return (row.key,)
    if entry.kind == "near":
        return row.key, [places[name] for name in entry.names if name in bank and bank.is_usual(name)]
    if entry.kind == "join":
        return row.key, entry.names[0]
    return row.key, places[entry.word] if entry.word else entry.value


def _examples(bank: CentroidBank, guesses: Guesses) -> list[str]:
    reader, found = PhraseReader(bank, guesses), []
    for by_language in grammar()["example"].values():
        for phrase in itertools.chain.from_iterable(by_language.values()):
            try:
                reader.understand(phrase)
            except SemeqError:
                continue
            found.append(phrase)
    return list(dict.fromkeys(found))
