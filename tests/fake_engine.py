"""An engine of two words for tests that need an EQ of a word but no model."""

from __future__ import annotations

from semeq_export.eq.settings import Band, BandKind, EqSettings
from semeq_export.errors import UnknownTermError
from semeq_export.words.phrase import Phrase
from semeq_export.words.target import SemanticTarget

WARM = EqSettings(
    (
        Band(BandKind.LOW_SHELF, 150.0, 4.0, 0.71),
        Band(BandKind.PEAK, 400.0, 2.0, 0.8),
        Band(BandKind.PEAK, 1_200.0, -1.5, 1.2),
        Band(BandKind.PEAK, 4_000.0, -3.0, 0.9),
        Band(BandKind.HIGH_SHELF, 6_500.0, -4.5, 0.71),
    )
)
BRIGHT = WARM.scaled(-1.2)


class FakeEngine:
    """Knows warm and bright; scales their gains by the intensity."""

    def eq_for(self, target: SemanticTarget | str) -> EqSettings:
        wanted = SemanticTarget.parse(target) if isinstance(target, str) else target
        word = str(wanted)
        known = {"warm": WARM, "bright": BRIGHT}
        if word not in known:
            raise UnknownTermError(word, ["warm"])
        return known[word].scaled(wanted.intensity)

    def understand(self, text: str) -> Phrase:
        return Phrase(SemanticTarget.parse(text).weights, is_exact=True)

    def guessed_words(self, target: SemanticTarget) -> list[str]:
        return []

    def doubts(self, *targets: SemanticTarget | str) -> list[str]:
        return []
