"""What a host shows for words with weights: Warm, Warm 70 / Bright 30, Warm, less muddy."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from semeq_export.words.target import SemanticTarget

MAX_NAME_CHARS = 40
"""Wider names are cut in the lists of most hosts."""

_MIN_CHARS = 8


def host_name(target: SemanticTarget, max_chars: int = MAX_NAME_CHARS) -> str:
    """Return the name of a target for people: words with their shares, what there is less of, and how much where it is not 100 %.

    How much of words that only add, or only take away, is the sum of their weights; where they do both, one makes up for the other.
    A name that would be longer than max_chars (at least 8) goes without shares, then without its last words, which are counted:
    "Warm and 2 more".
    """
    return next(name for name in _names(target, max(max_chars, _MIN_CHARS)) if len(name) <= max(max_chars, _MIN_CHARS))


def _names(target: SemanticTarget, max_chars: int) -> Iterator[str]:
    """Yield names, the most telling first; the last one fits."""
    sign = -1.0 if target.intensity < 0 else 1.0
    signs = {math.copysign(1.0, weight) for weight in target.weights.values()}
    whole = sum(map(abs, target.weights.values())) if len(signs) == 1 else 1.0
    share = round(100.0 * abs(target.intensity) * whole)
    weights = {word: sign * weight for word, weight in target.weights.items()}
    more = {_shown(word): weight for word, weight in weights.items() if weight > 0}
    less = [f"less {_shown(word)}" for word, weight in weights.items() if weight < 0]
    # weights are rounded to 1 %; "less muddy" is how people say a part of its opposite, and the whole
    is_plain = share in (range(99, 102) if more else range(50, 102))
    amount = "" if is_plain else f" at {share}%"
    plain = [word.capitalize() for word in more]
    for kept in (_with_shares(more), plain):
        yield _capital(", ".join(filter(None, [" / ".join(kept), *less]))) + amount
    for count in range(len(plain) + len(less) - 1, 0, -1):
        parts = [" / ".join(plain[:count]), *less[: max(0, count - len(plain))]]
        yield f"{_capital(', '.join(filter(None, parts)))} and {len(plain) + len(less) - count} more{amount}"
    yield _capital([*plain, *less][0])[: max_chars - 1].rstrip() + "…"


def _with_shares(weights: Mapping[str, float]) -> list[str]:
    """Return the words with their shares in whole percent, which sum to 100; without them where they are equal."""
    if len(set(weights.values())) <= 1:
        return [word.capitalize() for word in weights]
    total = sum(weights.values())
    exact = {word: 100.0 * weight / total for word, weight in weights.items()}
    whole = {word: int(share) for word, share in exact.items()}
    by_rest = sorted(exact, key=lambda word: whole[word] - exact[word])
    for word in by_rest[: 100 - sum(whole.values())]:
        whole[word] += 1
    return [f"{word.capitalize()} {share}" for word, share in whole.items()]


def _shown(word: str) -> str:
    """Return a word as people write it: warm (metal) for warm@metal."""
    name, at, some = word.partition("@")
    return f"{name} ({some})" if at else name


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
