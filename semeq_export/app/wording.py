"""A phrase in words with amounts: what was understood, and what speaks against it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from semeq_export.app._engine import find_phrases, load_engine

__all__ = ["PhraseOptions", "PhraseResult", "understand_phrase"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PhraseOptions:
    """A text such as "a bit warmer but not muddy". guess: take doubtful guesses for words that nobody taught."""

    text: str
    guess: bool = False
    bundle: str | os.PathLike[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PhraseResult:
    """What a text asks for. mix: amount by word; 1 is the word as people mean it, below 0 less of it. lines: what was understood, where the
    text does not say it itself, and doubts. is_estimated: a word of it is a guess.
    """

    mix: Mapping[str, float]
    lines: tuple[str, ...] = ()
    is_estimated: bool = False


def understand_phrase(options: PhraseOptions) -> PhraseResult:
    """Return what a text asks for; raises UnknownTermError, DoubtfulTermError, InvalidTargetError and BundleError."""
    engine = load_engine(options.bundle, guess=options.guess)
    phrase = engine.understand(options.text)
    said = [found.line for found in find_phrases(engine, [options.text]).values()]
    return PhraseResult(
        mix=dict(phrase.weights), lines=(*said, *engine.doubts(phrase.target())), is_estimated=bool(engine.guessed_words(phrase.target()))
    )
