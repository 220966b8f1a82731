"""How words are spelled and inflected: tokens of a text, spellings without accents, stems, comparatives and slips of the hand.

`semeq_export/web/src/phrases` does the same in a page; a test compares both.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Callable, Iterator
from typing import Literal

Language = Literal["en", "es"]
LANGUAGES: tuple[Language, ...] = ("en", "es")

NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?%?")

_TOKEN = re.compile(rf"[^\W\d_][\w@]*|{NUMBER.pattern}|\S")
_SILENT = frozenset("\"'()[]“”‘’«»¿¡*:")


def tokens_of(text: str) -> list[str]:
    """Return the words, numbers and marks of a text in lower case, without apostrophes and the hyphens inside words."""
    plain = unicodedata.normalize("NFC", text.casefold().replace("’", "'"))
    plain = re.sub(r"(?<=\w)'(?=\w)", "", plain)
    plain = re.sub(r"(?<=\w)-(?=[^\W\d])", " ", plain)
    return [token for token in _TOKEN.findall(plain) if token not in _SILENT]


def folded(token: str) -> str:
    """Return a word as the lexicon spells it, without accents: people leave them out."""
    return "".join(char for char in unicodedata.normalize("NFKD", token) if not unicodedata.combining(char))


def spelled(text: str) -> str:
    """Return a word or a run of words as the lexicon spells it."""
    return " ".join(map(folded, tokens_of(text)))


@functools.cache
def _stemmer(language: Language) -> Callable[[str], str]:
    import snowballstemmer  # only where somebody writes a phrase: it brings all its languages along, which takes 20 ms

    stem: Callable[[str], str] = snowballstemmer.stemmer({"en": "english", "es": "spanish"}[language]).stemWord
    return stem


@functools.lru_cache(maxsize=4_096)
def stem_of(word: str, language: Language) -> str:
    """Return what the inflections of a folded word have in common, the word itself where that is next to nothing."""
    stem = _stemmer(language)(word)
    return stem if len(stem) >= 3 else word  # shorter ones are the same for words that have nothing to do with each other


def adjectives(word: str) -> Iterator[str]:
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


def is_slip(typed: str, word: str) -> bool:
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
