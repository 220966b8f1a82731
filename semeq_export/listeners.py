"""EQ that listens, for one file after another: what is asked, the settings for what is heard, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from semeq_export.engine import Engine
from semeq_export.listening.dose import Adaptation, doses_between
from semeq_export.listening.match import MATCH_LIMIT_DB, match_eq, match_left_db
from semeq_export.listening.reference import Reference
from semeq_export.listening.spectrum import Spectrum
from semeq_export.words.target import SemanticTarget


class Listening(Protocol):
    """A way to find the EQ of a sound by listening to it."""

    def adapt(self, heard: Spectrum, sample_rate_hz: float) -> Adaptation:
        """Return the settings for a sound."""

    def outcome(self, before: Spectrum, after: Spectrum, adaptation: Adaptation, sample_rate_hz: float) -> dict[str, float | None]:
        """Return what was reached, from the spectra before and after: plain numbers with their units in their names."""


@dataclass(frozen=True, slots=True, eq=False)
class WordListening:
    """Words in the dose that a sound needs. reference: None is the stored one. refine: see `Engine.adapt`.

    Where the intensity is to be found too, make the target with `with_typical_intensity`.
    """

    engine: Engine
    target: SemanticTarget
    reference: Reference | None = None
    refine: bool = False

    def adapt(self, heard: Spectrum, sample_rate_hz: float) -> Adaptation:
        """Return the settings for a sound; those of the word as it is where there is no signal."""
        return self.engine.adapt(self.target, heard, self.reference, refine=self.refine, sample_rate_hz=sample_rate_hz)

    def outcome(self, before: Spectrum, after: Spectrum, adaptation: Adaptation, sample_rate_hz: float) -> dict[str, float | None]:
        """Return the doses that were added, as measured on the result, and by how much that misses what was asked."""
        added = doses_between(before, after, self.engine.term_bands_db(self.target, sample_rate_hz))
        return {"dose_achieved": added, "dose_error": None if added is None else added - adaptation.gain}


@dataclass(frozen=True, slots=True, eq=False)
class MatchListening:
    """A reference to follow, without a word. intensity: 1 = all the way. limit_db: see `match_eq`."""

    reference: Reference
    intensity: float = 1.0
    limit_db: float = MATCH_LIMIT_DB

    def adapt(self, heard: Spectrum, sample_rate_hz: float) -> Adaptation:
        """Return the settings for a sound; raises AudioError where there is nothing to compare."""
        return match_eq(heard, self.reference, self.intensity, sample_rate_hz, limit_db=self.limit_db)

    def outcome(self, before: Spectrum, after: Spectrum, adaptation: Adaptation, sample_rate_hz: float) -> dict[str, float | None]:
        """Return how far the smoothed spectrum was from the reference's, and how far it still is, in dB rms."""
        left_db = [match_left_db(spectrum, self.reference) for spectrum in (before, after)]
        return {"difference_before_db": left_db[0], "difference_after_db": left_db[1]}


def with_typical_intensity(engine: Engine, target: SemanticTarget) -> SemanticTarget:
    """Return the target at the intensity at which people typically do its words, times its own."""
    return SemanticTarget(target.weights, target.intensity * engine.typical_intensity(target))
