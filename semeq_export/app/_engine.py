"""The engine of a bundle, as every verb about words begins with it, and words as their users wrote them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

from semeq_export.bundle.loading import load_bundle
from semeq_export.engine import Engine
from semeq_export.words.phrase import Phrase
from semeq_export.words.target import SemanticTarget


@dataclass(frozen=True, slots=True)
class Words:
    """Words as they were written: warm:0.7,bright:0.3, or a phrase such as "a bit warmer but not muddy". intensity: of all of it."""

    text: str
    intensity: float = 1.0

    def target(self, engine: Engine) -> SemanticTarget:
        """Return what an engine understands them as; raises UnknownTermError and InvalidTargetError."""
        return engine.understand(self.text).target(self.intensity)


def load_engine(bundle: str | os.PathLike[str] | None = None, *, guess: bool = False) -> Engine:
    """Return the engine of a bundle, that of the factory's where none is named, with doubtful guesses where they are asked for.

    Raises as `load_bundle` does.
    """
    return Engine(load_bundle(bundle), guess=guess)


def find_phrases(engine: Engine, texts: Iterable[str]) -> dict[str, Phrase]:
    """Return what texts were understood as, by text, without those that mean what they say: exact syntax, no guesses."""
    found = {text: engine.understand(text) for text in dict.fromkeys(texts)}
    return {text: phrase for text, phrase in found.items() if phrase.guesses or not phrase.is_exact}
