"""Phrases for those who show what they came to: the mix of words, how it was understood, and the data with which a page does the same."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from semeq_export.app._engine import load_engine
from semeq_export.engine import Engine
from semeq_export.words.phrase_data import phrase_data


@dataclass(frozen=True, slots=True, kw_only=True)
class PhraseOptions:
    """A text such as "a bit warmer but not muddy". guess: take doubtful guesses for words that nobody taught."""

    text: str
    guess: bool = False
    bundle: str | os.PathLike[str] | None = None


@dataclass(frozen=True, slots=True)
class ReadPhrase:
    """What a text asks for. mix: word -> amount, as a target's weights. says: how it was understood, and what a user should know of its
    words, line by line. estimated: whether a word of it is a guess."""

    mix: Mapping[str, float]
    says: tuple[str, ...]
    estimated: bool


def understand_phrase(options: PhraseOptions) -> ReadPhrase:
    """Return what a text asks for in the words of a bundle; raises BundleError, and as `read_phrase` does."""
    return read_phrase(load_engine(options.bundle, guess=options.guess), options.text)


def read_phrase(engine: Engine, text: str) -> ReadPhrase:
    """Return what an engine understands a text as; raises UnknownTermError, DoubtfulTermError and InvalidTargetError."""
    phrase = engine.understand(text)
    mix = phrase.target().weights
    says = [phrase.line] if phrase.guesses or not phrase.is_exact else []
    says += engine.doubts_of_words(mix)
    return ReadPhrase(mix, tuple(says), bool(phrase.guesses))


def page_phrases(engine: Engine) -> dict[str, object]:
    """Return the data, for JSON, with which `readPhrase` of `semeq_export/web/src/phrases` reads phrases as `read_phrase` does."""
    bundle = engine.bundle
    return phrase_data(bundle.centroids, bundle.guesses, engine.heard_curve, lambda word: "".join(bundle.doubts([word])))
