"""What each word or run of words is in a phrase: the grammar of phrases.toml joined with a vocabulary, and guesses behind them."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from typing import Any, Literal, NamedTuple

from semeq_export.errors import UnknownTermError
from semeq_export.files import strict_toml
from semeq_export.words.forms import LANGUAGES, Language, adjectives, folded, is_slip, spelled, stem_of
from semeq_export.words.guesses import Guesses
from semeq_export.words.terms import CentroidBank

_MAX_WORDS_OF_A_KEY = 4
_MIN_STEM = 4  # of a guess: shorter ones are those of other languages' words
_ISH, _ISIMO = 0.5, 1.25

Kind = Literal[
    "word", "region", "cure", "amount", "direction", "excess", "join", "enough", "filler", "wish", "state", "noun", "near", "guess"
]


@dataclass(frozen=True, slots=True)
class Entry:
    """What a run of words is. word: of the vocabulary, for "word", "region" and "cure"; of the guesses. value: of an amount or direction.

    names: the kind of a join, or of what is "near" the words that are. is_comparative: "warmer" says more by itself.
    """

    kind: Kind
    word: str = ""
    value: float = 1.0
    names: tuple[str, ...] = ()
    is_comparative: bool = False


class Row(NamedTuple):
    """An entry of the lexicon. key: spelled as the lexicon does. language: in which its inflections are found too, None for none.

    yields: whether it leaves an entry of the same key in place; else the later one counts.
    """

    key: str
    entry: Entry
    language: Language | None = None
    yields: bool = False


@functools.cache
def grammar() -> dict[str, Any]:  # Any: TOML; the file is ours, and its tests read all of it
    """Return phrases.toml."""
    return strict_toml.loads(resources.files("semeq_export.words").joinpath("phrases.toml").read_bytes())


def rows_of(bank: CentroidBank) -> Iterator[Row]:
    """Yield the grammar with a vocabulary in the order in which it counts: the grammar's own words over the vocabulary's."""
    rules, words = grammar(), grammar()["words"]
    for language in LANGUAGES:
        yield from _rows(rules["near"][language], lambda names: Entry("near", names=tuple(names)), language)
        yield from _rows(dict.fromkeys(words[f"noun_{language}"]), lambda _: Entry("noun"), language)
        yield from _rows(rules["same"][language], functools.partial(_taught, bank, "word"), language)
    for kind in ("filler", "wish", "state", "enough"):
        yield from _rows(dict.fromkeys(words[kind]), functools.partial(_of_kind, kind))
    yield from _rows(rules["form"], functools.partial(_taught, bank, "word"))
    for name, term in bank.items():
        yield Row(spelled(name), Entry("word", name), "es" if term.language == "es" else "en")
    yield from _rows(rules["cure"], functools.partial(_taught, bank, "cure"))
    yield from _rows(rules["region"], functools.partial(_taught, bank, "region"))
    yield from _rows(rules["amount"], lambda value: Entry("amount", value=value))
    yield from _rows(rules["direction"], lambda value: Entry("direction", value=value))
    yield from _rows(rules["excess"], lambda value: Entry("excess", value=value))
    yield from _rows(rules["join"], lambda name: Entry("join", names=(name,)))
    for language in LANGUAGES:
        yield from _rows(rules["verb"][language], lambda value: Entry("direction", value=value), language, yields=True)


def _rows(
    table: Mapping[str, Any], entry_of: Callable[[Any], Entry | None], language: Language | None = None, *, yields: bool = False
) -> Iterator[Row]:
    for key, value in table.items():
        entry = entry_of(value)
        if entry is not None:
            yield Row(spelled(key), entry, language, yields)


def _of_kind(kind: Kind, _: object) -> Entry:
    return Entry(kind)


def _taught(bank: CentroidBank, kind: Kind, names: str | Sequence[str]) -> Entry | None:
    """Return the entry of the first of some words that the vocabulary has; one that people agree on goes before a weak one."""
    known = [bank[name] for name in ([names] if isinstance(names, str) else names) if name in bank]
    found = min(known, key=lambda term: bank.is_weak(term.name), default=None)
    return None if found is None else Entry(kind, found.name)


class Lexicon:
    """The grammar with a vocabulary, then the guesses. Exact forms win over inflected ones, the grammar over the vocabulary."""

    def __init__(self, bank: CentroidBank, guesses: Guesses) -> None:
        self.bank = bank
        self.guesses = guesses
        self.fault, self.virtue = (frozenset(grammar()["kind"][kind]) for kind in ("fault", "virtue"))
        self._exact: dict[str, Entry] = {}
        self._stems: dict[Language, dict[str, Entry]] = {"en": {}, "es": {}}
        for row in rows_of(bank):
            if not row.yields or row.key not in self._exact:
                self._exact[row.key] = row.entry
            if row.language is not None and " " not in row.key and "@" not in row.key:
                self._stems[row.language][stem_of(row.key, row.language)] = row.entry

    def longest(self, tokens: Sequence[str], start: int) -> tuple[Entry | None, int]:
        """Return what begins at a folded token and how many tokens it takes; None for a single one that is nothing known."""
        for count in range(min(_MAX_WORDS_OF_A_KEY, len(tokens) - start), 0, -1):
            key = " ".join(tokens[start : start + count])
            entry = self._exact.get(key)
            if entry is None or entry.kind == "near":
                entry = guess_index(self.guesses).exact.get(key, entry)
            if entry is not None:
                return entry, count
        entry = self._inflected(tokens[start])
        if entry is None or entry.kind == "near":
            entry = guess_index(self.guesses).inflected(tokens[start]) or entry
        return entry, 1

    def _inflected(self, token: str) -> Entry | None:
        for form in adjectives(token):
            entry = self._exact.get(form)
            if entry is not None and entry.kind in ("word", "near"):
                return replace(entry, is_comparative=True)
        for language in LANGUAGES:
            entry = self._stems[language].get(stem_of(token, language))
            if entry is not None:
                return entry
        for ending, share in (("ish", _ISH), ("isim[oa]s?", _ISIMO)):
            root = re.fullmatch(rf"(\w{{3,}}){ending}", token)
            for form in () if root is None else (root[1], f"{root[1]}o", f"{root[1]}e"):
                entry = self._exact.get(form)
                if entry is not None and entry.kind == "word":
                    return replace(entry, value=share)
        return None

    def check_guess(self, said: str, entry: Entry, *, doubtful: bool) -> None:
        """Raise for a guess that is refused, or has to be asked for and is not, naming it as it was said."""
        if self.guesses.usable(entry.word, doubtful=doubtful) is None:
            raise self.unknown(said, self._exact.get(folded(entry.word)) or _nearest(self.guesses, entry.word))

    def unknown(self, token: str, entry: Entry | None) -> UnknownTermError:
        """Return the error that names a word, with the words nearest in meaning, else those that a slip of spelling makes of it."""
        near = [name for name in (entry.names if entry is not None else ()) if name in self.bank and self.bank.is_usual(name)]
        if near:
            return UnknownTermError(token, near, by_meaning=True)
        typed = (folded(token), *adjectives(folded(token)))
        known = (key for key, found in self._exact.items() if found.kind == "word" and key.isalpha() and self.bank.is_usual(found.word))
        return UnknownTermError(token, [key for key in known if any(is_slip(form, key) for form in typed)][:3])


def _nearest(guesses: Guesses, word: str) -> Entry:
    return Entry("near", names=tuple(near for near, _ in guesses[word].near))


@dataclass(frozen=True, slots=True)
class GuessIndex:
    """Guesses by their folded spelling, and by the stem of each language."""

    exact: Mapping[str, Entry]
    stems: Mapping[Language, Mapping[str, Entry]]

    def inflected(self, token: str) -> Entry | None:
        """Return the guess that a token is a form of."""
        for form in adjectives(token):
            if form in self.exact:
                return replace(self.exact[form], is_comparative=True)
        stems = ((language, stem_of(token, language)) for language in LANGUAGES)
        found = (self.stems[language].get(stem) for language, stem in stems if len(stem) >= _MIN_STEM)
        return next((entry for entry in found if entry is not None), None)


@functools.lru_cache(maxsize=4)
def guess_index(guesses: Guesses) -> GuessIndex:
    """Return the index of guesses; the surer one stands for a spelling or a stem that two share."""
    exact: dict[str, Entry] = {}
    stems: dict[Language, dict[str, Entry]] = {"en": {}, "es": {}}
    for word in surest_first(guesses):
        key = spelled(word)
        entry = exact.setdefault(key, Entry("guess", word))
        for language in LANGUAGES if " " not in key else ():
            if language in guesses[word].languages:
                stems[language].setdefault(stem_of(key, language), entry)
    return GuessIndex(exact, stems)


def surest_first(guesses: Guesses) -> list[str]:
    """Return the guessed words, the surest first, alphabetical where equally sure."""
    return sorted(guesses.guesses, key=lambda word: (-guesses[word].confidence, word))
