"""The engine of a bundle, as every verb about words begins with it, and words as their users wrote them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

from semeq_export.bundle.loading import load_bundle
from semeq_export.engine import Engine
from semeq_export.eq.readable import rounded
from semeq_export.eq.settings import EqSettings
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


def load_engine(bundle: str | os.PathLike[str] | None = None, *, exact: bool = False) -> Engine:
    """Return the engine of a bundle, that of the factory's where none is named; raises as `load_bundle` does."""
    return Engine(load_bundle(bundle), exact=exact)


def as_written(engine: Engine, eq: EqSettings) -> EqSettings:
    """Return settings as a preset file holds them: in round numbers, unless the engine is exact."""
    return eq if engine.is_exact else rounded(eq)


def find_phrases(engine: Engine, texts: Iterable[str]) -> dict[str, Phrase]:
    """Return what texts were understood as, by text; what is in the exact syntax means what it says, and is left out."""
    found = {text: engine.understand(text) for text in dict.fromkeys(texts)}
    return {text: phrase for text, phrase in found.items() if not phrase.is_exact}
