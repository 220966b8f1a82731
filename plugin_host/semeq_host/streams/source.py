"""What the sound side needs of an engine, and how a target with its intensity is changed live."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from semeq_export.eq.settings import EqSettings
from semeq_export.words.phrase import Phrase
from semeq_export.words.target import SemanticTarget


class EqSource(Protocol):
    """What turns words into an EQ: `semeq_export.Engine`, or anything with these methods; the second one is for chain files."""

    def eq_for(self, target: SemanticTarget | str) -> EqSettings:
        """Return the EQ of a target, its intensity included."""

    def understand(self, text: str) -> Phrase:
        """Return what a text asks for."""


def as_target(engine: EqSource, target: SemanticTarget | str, kept_intensity: float, intensity: float | None = None) -> SemanticTarget:
    """Return a target, a text as the engine understands it, at `intensity`, or where that is None at `kept_intensity`."""
    wanted = kept_intensity if intensity is None else intensity
    return engine.understand(target).target(wanted) if isinstance(target, str) else replace(target, intensity=wanted)
