"""The numbers that words have for plug-in hosts, which store numbers: a number once given stays its word's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from semeq_export.words.terms import Term

_LANGUAGES = ("en", "es")


def word_order(bank: Mapping[str, Term], former: Sequence[str] = ()) -> tuple[str, ...]:
    """Return words in the order of their numbers, the first has 1: those of a former order, then what the bank has besides them.

    The latter begins with words that people agree on, English before Spanish before others; then come words of some people only, then
    weak ones; alphabetical within each. A former word that the bank lacks keeps its number.
    """
    known = frozenset(former)
    return (*former, *sorted((name for name in bank if name not in known), key=lambda name: _rank(bank[name])))


def _rank(term: Term) -> tuple[bool, bool, int, str]:
    language = _LANGUAGES.index(term.language) if term.language in _LANGUAGES else len(_LANGUAGES)
    return term.is_weak and not term.is_own, term.is_variant, language, term.name
