"""Phrases such as "a bit warmer but not muddy" as words with weights, in English and Spanish; the rules are data, in phrases.toml.

    amount x direction x word    slightly (0.5) less (-1) muddy = muddy -0.5
    joins                        "and" passes a direction on to a word of the same kind, "or" always, a comma and "but" start anew

Everything that is understood can be echoed, words that say what the sound is of are named as left out, and the rest is refused: a word
that nobody taught is never replaced by one that is only near, and a guess of what it means is named as one.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import resources
from typing import TYPE_CHECKING, Any, Literal

from semeq_export.errors import InvalidTargetError, UnknownTermError
from semeq_export.files import strict_toml
from semeq_export.words.guesses import NO_GUESSES, Guesses
from semeq_export.words.phrase import Phrase, exact_phrase
from semeq_export.words.terms import CentroidBank

if TYPE_CHECKING:
    from collections.abc import Callable

Language = Literal["en", "es"]
_LANGUAGES: tuple[Language, ...] = ("en", "es")
_MAX_WORDS_OF_A_KEY = 4
_KEPT = 0.5
"""Weight of what is not to be lost: "without losing warmth"."""
_NOT_TOO = -0.5
_MIN_STEM = 4  # of a guess: shorter ones are those of other languages' words
_ISH, _ISIMO = 0.5, 1.25

_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?%?")
_TOKEN = re.compile(rf"[^\W\d_][\w@]*|{_NUMBER.pattern}|\S")
_SILENT = frozenset("\"'()[]“”‘’«»¿¡*:")


def understand(text: str, bank: CentroidBank, guesses: Guesses = NO_GUESSES, *, doubtful: bool = False) -> Phrase:
    """Return what a single text asks for; see `PhraseReader.understand`."""
    return PhraseReader(bank, guesses).understand(text, doubtful=doubtful)


class PhraseReader:
    """Reads texts for the words of one bank, and guesses for those that nobody taught; to join the grammar with them takes a while."""

    def __init__(self, bank: CentroidBank, guesses: Guesses = NO_GUESSES) -> None:
        self._bank, self._guesses, self._lexicon = bank, guesses, _Lexicon(_grammar(), bank, guesses)

    def understand(self, text: str, *, doubtful: bool = False) -> Phrase:
        """Return what a text asks for: the exact syntax means what it always did, all else is read as a phrase.

        doubtful: whether doubtful guesses are asked for.
        Raises UnknownTermError with the words nearest in meaning, or in spelling for what looks like a slip; DoubtfulTermError for a guess
        that has to be asked for; and InvalidTargetError.
        """
        exact = exact_phrase(text, self._bank, self._guesses, doubtful=doubtful)
        return exact if exact is not None else _Reader(text, self._lexicon, doubtful=doubtful).read()


# The lexicon: what each word or run of words is.


Kind = Literal[
    "word", "region", "cure", "amount", "direction", "excess", "join", "enough", "filler", "wish", "state", "noun", "near", "guess"
]


@dataclass(frozen=True, slots=True)
class _Entry:
    """What a run of words is. word: of the vocabulary, for "word", "region" and "cure"; of the guesses. value: of an amount or direction.

    names: the kind of a join, or of what is "near" the words that are. is_comparative: "warmer" says more by itself.
    """

    kind: Kind
    word: str = ""
    value: float = 1.0
    names: tuple[str, ...] = ()
    is_comparative: bool = False


class _Lexicon:
    """The grammar with a vocabulary, then the guesses. Exact forms win over inflected ones, the grammar over the vocabulary."""

    def __init__(self, grammar: Mapping[str, Any], bank: CentroidBank, guesses: Guesses) -> None:  # Any: TOML
        self.bank = bank
        self.guesses = guesses
        self.fault, self.virtue = (frozenset(grammar["kind"][kind]) for kind in ("fault", "virtue"))
        self._exact: dict[str, _Entry] = {}
        self._stems: dict[Language, dict[str, _Entry]] = {"en": {}, "es": {}}
        for language in _LANGUAGES:
            self._add(grammar["near"][language], lambda names: _Entry("near", names=tuple(names)), language)
            self._add(dict.fromkeys(grammar["words"][f"noun_{language}"]), lambda _: _Entry("noun"), language)
            self._add(grammar["same"][language], lambda names: self._taught("word", names), language)
        for kind in ("filler", "wish", "state"):
            self._add(dict.fromkeys(grammar["words"][kind]), functools.partial(_word_of_kind, kind))
        self._add(dict.fromkeys(grammar["words"]["enough"]), lambda _: _Entry("enough"))
        self._add(grammar["form"], lambda names: self._taught("word", names))
        for name, term in bank.items():
            self._add({name: name}, lambda names: self._taught("word", names), "es" if term.language == "es" else "en")
        self._add(grammar["cure"], lambda names: self._taught("cure", names))
        self._add(grammar["region"], lambda names: self._taught("region", names))
        self._add(grammar["amount"], lambda value: _Entry("amount", value=value))
        self._add(grammar["direction"], lambda value: _Entry("direction", value=value))
        self._add(grammar["excess"], lambda value: _Entry("excess", value=value))
        self._add(grammar["join"], lambda name: _Entry("join", names=(name,)))
        for language in _LANGUAGES:
            self._add(grammar["verb"][language], lambda value: _Entry("direction", value=value), language, over=False)

    def _add(
        self, table: Mapping[str, Any], entry_of: Callable[[Any], _Entry | None], language: Language | None = None, *, over: bool = True
    ) -> None:
        for key, value in table.items():
            entry = entry_of(value)
            if entry is None:
                continue
            spelled = " ".join(map(_folded, _tokens(key)))
            if over or spelled not in self._exact:
                self._exact[spelled] = entry
            if language is not None and " " not in spelled and "@" not in spelled:
                self._stems[language][_stem(spelled, language)] = entry

    def _taught(self, kind: Kind, names: str | Sequence[str]) -> _Entry | None:
        """Return the entry of the first of some words that the vocabulary has; one that people agree on goes before a weak one."""
        known = [self.bank[name] for name in ([names] if isinstance(names, str) else names) if name in self.bank]
        found = min(known, key=lambda term: self.bank.is_weak(term.name), default=None)
        return None if found is None else _Entry(kind, found.name)

    def longest(self, tokens: Sequence[str], start: int) -> tuple[_Entry | None, int]:
        """Return what begins at a folded token and how many tokens it takes; None for a single one that is nothing known."""
        for count in range(min(_MAX_WORDS_OF_A_KEY, len(tokens) - start), 0, -1):
            key = " ".join(tokens[start : start + count])
            entry = self._exact.get(key)
            if entry is None or entry.kind == "near":
                entry = _guess_index(self.guesses).exact.get(key, entry)
            if entry is not None:
                return entry, count
        entry = self._inflected(tokens[start])
        if entry is None or entry.kind == "near":
            entry = _guess_index(self.guesses).inflected(tokens[start]) or entry
        return entry, 1

    def _inflected(self, token: str) -> _Entry | None:
        for form in _adjectives(token):
            entry = self._exact.get(form)
            if entry is not None and entry.kind in ("word", "near"):
                return replace(entry, is_comparative=True)
        for language in _LANGUAGES:
            entry = self._stems[language].get(_stem(token, language))
            if entry is not None:
                return entry
        for ending, share in (("ish", _ISH), ("isim[oa]s?", _ISIMO)):
            root = re.fullmatch(rf"(\w{{3,}}){ending}", token)
            for form in () if root is None else (root[1], f"{root[1]}o", f"{root[1]}e"):
                entry = self._exact.get(form)
                if entry is not None and entry.kind == "word":
                    return replace(entry, value=share)
        return None

    def check_guess(self, said: str, entry: _Entry, *, doubtful: bool) -> None:
        """Raise for a guess that is refused, or has to be asked for and is not, naming it as it was said."""
        if self.guesses.usable(entry.word, doubtful=doubtful) is None:
            raise self.unknown(said, self._exact.get(_folded(entry.word)) or _nearest(self.guesses, entry.word))

    def unknown(self, token: str, entry: _Entry | None) -> UnknownTermError:
        """Return the error that names a word, with the words nearest in meaning, else those that a slip of spelling makes of it."""
        near = [name for name in (entry.names if entry is not None else ()) if name in self.bank and self.bank.is_usual(name)]
        if near:
            return UnknownTermError(token, near, by_meaning=True)
        typed = (_folded(token), *_adjectives(_folded(token)))
        known = (key for key, found in self._exact.items() if found.kind == "word" and key.isalpha() and self.bank.is_usual(found.word))
        return UnknownTermError(token, [key for key in known if any(_is_slip(form, key) for form in typed)][:3])


def _word_of_kind(kind: Kind, _: object) -> _Entry:
    return _Entry(kind)


@dataclass(frozen=True, slots=True)
class _GuessIndex:
    """Guesses by their folded spelling, and by the stem of each language."""

    exact: Mapping[str, _Entry]
    stems: Mapping[Language, Mapping[str, _Entry]]

    def inflected(self, token: str) -> _Entry | None:
        """Return the guess that a token is a form of."""
        for form in _adjectives(token):
            if form in self.exact:
                return replace(self.exact[form], is_comparative=True)
        stems = ((language, _stem(token, language)) for language in _LANGUAGES)
        found = (self.stems[language].get(stem) for language, stem in stems if len(stem) >= _MIN_STEM)
        return next((entry for entry in found if entry is not None), None)


@functools.lru_cache(maxsize=4)
def _guess_index(guesses: Guesses) -> _GuessIndex:
    """Return the index of guesses; the surer one stands for a stem that two share."""
    exact: dict[str, _Entry] = {}
    stems: dict[Language, dict[str, _Entry]] = {"en": {}, "es": {}}
    for word, guess in sorted(guesses.guesses.items(), key=lambda item: (-item[1].confidence, item[0])):
        spelled = " ".join(map(_folded, _tokens(word)))
        entry = exact.setdefault(spelled, _Entry("guess", word))
        for language in _LANGUAGES if " " not in spelled else ():
            if language in guess.languages:
                stems[language].setdefault(_stem(spelled, language), entry)
    return _GuessIndex(exact, stems)


def _nearest(guesses: Guesses, word: str) -> _Entry:
    return _Entry("near", names=tuple(near for near, _ in guesses[word].near))


@functools.cache
def _grammar() -> dict[str, Any]:  # Any: TOML; the file is ours, and its tests read all of it
    return strict_toml.loads(resources.files("semeq_export.words").joinpath("phrases.toml").read_bytes())


@functools.cache
def _stemmer(language: Language) -> Callable[[str], str]:
    import snowballstemmer  # only where somebody writes a phrase: it brings all its languages along, which takes 20 ms

    stem: Callable[[str], str] = snowballstemmer.stemmer({"en": "english", "es": "spanish"}[language]).stemWord
    return stem


@functools.lru_cache(maxsize=4_096)
def _stem(word: str, language: Language) -> str:
    stem = _stemmer(language)(word)
    return stem if len(stem) >= 3 else word  # shorter ones are the same for words that have nothing to do with each other


def _adjectives(word: str) -> Iterator[str]:
    """Yield what a comparative or superlative may be of: the endings that WordNet's morphy detaches, and doubled consonants."""
    for ending in ("er", "est"):
        root = word.removesuffix(ending)
        if root != word and len(root) >= 2:
            yield root
            yield f"{root}e"
            if root.endswith("i"):
                yield f"{root[:-1]}y"
            if root[-1] == root[-2]:
                yield root[:-1]


def _tokens(text: str) -> list[str]:
    """Return the words, numbers and marks of a text in lower case, without apostrophes and the hyphens inside words."""
    plain = unicodedata.normalize("NFC", text.casefold().replace("’", "'"))
    plain = re.sub(r"(?<=\w)'(?=\w)", "", plain)
    plain = re.sub(r"(?<=\w)-(?=[^\W\d])", " ", plain)
    return [token for token in _TOKEN.findall(plain) if token not in _SILENT]


def _folded(token: str) -> str:
    """Return a word as the lexicon spells it, without accents: people leave them out."""
    return "".join(char for char in unicodedata.normalize("NFKD", token) if not unicodedata.combining(char))


def _is_slip(typed: str, word: str) -> bool:
    """Whether one slip of the hand makes one word of the other: a letter left out, doubled or swapped, or another one in a long word."""
    if typed == word or len(word) < 4 or abs(len(typed) - len(word)) > 1:
        return False
    short, long = sorted((typed, word), key=len)
    if len(short) < len(long):
        return any(long[:i] + long[i + 1 :] == short for i in range(len(long)))
    differ = [i for i in range(len(word)) if typed[i] != word[i]]
    if len(differ) == 2:
        i, k = differ
        return k == i + 1 and (typed[i], typed[k]) == (word[k], word[i])
    return len(differ) == 1 and len(word) >= 6


# The reader: one pass over the words, clause by clause.


@dataclass(slots=True)
class _Item:
    """A word that was found. said: how it is written. is_plain: nothing says more or less of it. has_excess: "too" does.
    is_cure: it takes away a fault that follows. is_numbered: the number after it is its weight."""

    word: str
    said: str
    direction: float
    amount: float
    is_plain: bool
    is_region: bool
    has_excess: bool = False
    is_cure: bool = False
    is_numbered: bool = False

    @property
    def weight(self) -> float:
        return round(self.direction * self.amount, 3)


@dataclass(slots=True)
class _Reader:
    """Reads one phrase. direction, amount: said, and not yet used; joint: what stands between the last word and the next.
    doubtful: whether doubtful guesses are asked for."""

    text: str
    lexicon: _Lexicon
    items: list[_Item] = field(default_factory=list)
    clause: int = 0  # where in `items` the present clause begins
    ignored: list[str] = field(default_factory=list)
    direction: float | None = None
    has_excess: bool = False
    amount: float | None = None
    joint: str = ""
    doubtful: bool = False
    is_share: bool = False  # the amount is one in percent, which the word gets whatever stands beside it
    states: bool = False  # "is" or "sounds" was said in this clause, and no wish before: a fault that follows is too much
    wishes: bool = False

    def read(self) -> Phrase:
        """Return the phrase; raises UnknownTermError and InvalidTargetError."""
        tokens = _tokens(self.text)
        folded, at = [_folded(token) for token in tokens], 0
        while at < len(tokens):
            entry, count = self.lexicon.longest(folded, at)
            self._take(" ".join(tokens[at : at + count]), entry)
            at += count
        self._end_clause()
        if not self.items:
            raise InvalidTargetError(f"no word about sound in {self.text.strip()[:60]!r}")
        weights: dict[str, float] = {}
        for item in self.items:
            if item.word in weights:
                raise InvalidTargetError(f"{item.word!r} occurs twice in {self.text.strip()[:60]!r}")
            if item.weight == 0.0:
                raise InvalidTargetError(f"weight 0 of {item.word!r} is not a number other than 0")
            weights[item.word] = item.weight
        guesses = tuple(word for word in weights if word not in self.lexicon.bank)
        is_exact = all(item.is_numbered for item in self.items)
        return Phrase(weights, tuple(dict.fromkeys(self.ignored)), is_exact=is_exact, guesses=guesses)

    def _take(self, said: str, entry: _Entry | None) -> None:
        if entry is None or entry.kind == "near":
            if not self._take_number(said):
                raise self.lexicon.unknown(said, entry)
        elif entry.kind == "amount":
            self.amount = entry.value
        elif entry.kind in ("direction", "excess"):
            self._turn(entry.value, is_excess=entry.kind == "excess")
        elif entry.kind == "join":
            self._join(entry.names[0])
        elif entry.kind == "noun":
            self.ignored.append(said)
        elif entry.kind == "wish":
            self.wishes = True
        elif entry.kind == "state":
            self.states = not self.wishes
        elif entry.kind == "enough":
            self._end_with_enough(said)
        elif entry.kind in ("word", "region", "cure", "guess"):
            if entry.kind == "guess":
                self.lexicon.check_guess(said, entry, doubtful=self.doubtful)
            self._find(said, entry)

    def _take_number(self, said: str) -> bool:
        """Use a number: a share in percent is an amount, one after a word is its weight. Returns whether it is one."""
        if _NUMBER.fullmatch(said) is None:
            return False
        number = float(said.rstrip("%"))
        if said.endswith("%"):
            self.amount, self.is_share = number / 100.0, True
        elif self.items and self.joint == "" and self.direction is None and self.amount is None and number != 0.0:
            last, sign = self.items[-1], 1.0 if number > 0 else -1.0
            last.direction, last.amount = (sign, abs(number)) if last.is_plain else (last.direction * sign, last.amount * abs(number))
            last.is_plain, last.is_numbered = False, True
        else:
            return False
        return True

    def _turn(self, value: float, *, is_excess: bool) -> None:
        """Take a direction together with one that nothing has followed yet."""
        if self.direction is None or self.direction > 0 or self.has_excess:
            self.direction, self.has_excess = value, is_excess
        elif is_excess:
            self.direction, self.has_excess = _NOT_TOO, True
        elif value < 0:
            self.direction = _KEPT

    def _end_with_enough(self, said: str) -> None:
        """Ask for more of the last word: "not warm enough" does."""
        if not self.items:
            raise self.lexicon.unknown(said, None)
        self.items[-1].direction, self.items[-1].is_plain = 1.0, False

    def _join(self, joint: str) -> None:
        if joint in ("but", "comma") or self.direction is None:
            self._end_clause()
        self.joint = "or" if joint == "nor" else joint
        if joint == "nor":
            self.direction, self.has_excess = -1.0, False

    def _end_clause(self) -> None:
        """Give an amount that nothing follows to the last word, refuse a "less" that nothing follows, and drop regions described."""
        here = self.items[self.clause :]
        if self.direction is not None and self.direction < 0:
            raise InvalidTargetError(f"it is not said of what there is to be less in {self.text.strip()[:60]!r}")
        if self.amount is not None and here:
            here[-1].amount *= self.amount
        if any(not item.is_region for item in here):
            described = [item for item in here if item.is_region and item.is_plain]
            self.ignored += [item.said for item in described]
            self.items[self.clause :] = [item for item in here if item not in described]
        self.clause, self.direction, self.has_excess, self.amount, self.states = len(self.items), None, False, None, False

    def _find(self, said: str, entry: _Entry) -> None:
        """Add a word with the direction and amount that were said of it, or those of the word before it."""
        last = self.items[-1] if self.items else None
        is_plain = self.direction is None and self.amount is None and not entry.is_comparative
        direction, amount = (1.0 if value is None else value for value in (self.direction, self.amount))
        item = _Item(
            entry.word, said, direction, amount, is_plain, entry.kind == "region", self.has_excess, entry.kind == "cure", self.is_share
        )
        if self.states and self.direction is None and not entry.is_comparative and item.word in self.lexicon.fault:
            item.direction, item.has_excess, item.is_plain = -1.0, True, False
            is_plain = False
        if last is not None and last.is_cure and is_plain and self.joint == "" and item.word in self.lexicon.fault:
            item.direction, item.amount, item.is_plain = -1.0, last.amount, False  # "smooth out the harshness"
            self.items.remove(last)
        elif is_plain and last is not None and not (item.is_region and self.joint == ""):
            self._pass_on(last, item)
        item.amount *= entry.value
        self.items.append(item)
        self.direction, self.has_excess, self.amount, self.is_share, self.joint = None, False, None, False, ""

    def _pass_on(self, last: _Item, item: _Item) -> None:
        """Let a word of which nothing is said share what is said of the one before it, where they are joined that way."""
        if self.joint == "but":
            return
        both_faults = {last.word, item.word} <= self.lexicon.fault
        if self.joint == "comma":
            if last.direction < 0 and both_faults:
                item.direction, item.amount, item.has_excess = last.direction, last.amount, last.has_excess
            return
        if last.direction < 0 and not last.has_excess and self.joint != "or" and self._kind(last.word) != self._kind(item.word):
            less, more = f"less {last.word}, less {item.word}", f"less {last.word}, {item.word}"
            raise InvalidTargetError(f"{self.text.strip()[:60]!r} can mean {less!r} or {more!r}; say which")
        item.direction, item.amount, item.has_excess = last.direction, last.amount, last.has_excess

    def _kind(self, word: str) -> str:
        return "fault" if word in self.lexicon.fault else "virtue" if word in self.lexicon.virtue else ""
