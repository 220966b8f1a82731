"""All words of a bundle at once: what is known of each, and a map of where they lie. For faces that show them, such as a page."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from semeq_export.app._engine import load_engine
from semeq_export.app.phrases import page_phrases
from semeq_export.bundle.loading import Bundle
from semeq_export.bundle.store import EVIDENCE
from semeq_export.engine import HEARD_HZ, N_HEARD
from semeq_export.eq.curve import log_grid
from semeq_export.words.evidence import OPPOSITE, Evidence
from semeq_export.words.places import WordMap, word_map
from semeq_export.words.terms import DEFAULT_LANGUAGE, Term

__all__ = ["KnownWord", "VocabularyOptions", "VocabularyResult", "describe_vocabulary"]


@dataclass(frozen=True, slots=True, kw_only=True)
class VocabularyOptions:
    """Of which bundle; the factory's where left out."""

    bundle: str | os.PathLike[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownWord:
    """A word with its evidence.

    is_usual: it is for where nobody names one, see `CentroidBank.usual_words`. opposite: the usual word of its language whose mean curve is
    most unlike its own, None where none is an opposite or the bundle does not say. typical: the intensity at which it does what people's
    settings do. doubts: what speaks against it, "" for nothing.
    """

    term: Term
    is_usual: bool
    opposite: str | None
    typical: float
    doubts: str

    def to_dict(self) -> dict[str, object]:
        """Return plain data for JSON."""
        return {
            "word": self.term.name,
            "language": self.term.language,
            "agreed": self.is_usual,
            "agreement": round(self.term.agreement, 2),
            "rows": self.term.examples,
            "opposite": self.opposite,
            "typical": self.typical,
            "doubts": self.doubts,
        }


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VocabularyResult:
    """All words of a bundle, those with most people first, and the map of their curves where people hear them.

    phrases: data with which a page reads phrases, see `words.phrase_data`.
    """

    bundle: Bundle
    words: tuple[KnownWord, ...]
    places: WordMap
    phrases: Mapping[str, object]


def describe_vocabulary(options: VocabularyOptions) -> VocabularyResult:
    """Return what is known of all words of a bundle, and where they lie; raises BundleError."""
    engine = load_engine(options.bundle, exact=True)
    bundle, freqs_hz = engine.bundle, log_grid(N_HEARD, *HEARD_HZ)
    bank = bundle.centroids
    evidence = bundle.evidence if EVIDENCE in bundle.files else None
    words = tuple(
        KnownWord(
            term=term,
            is_usual=bank.is_usual(term.name),
            opposite=None if evidence is None else _opposite(evidence, term.name, bundle.usual_words(term.language)),
            typical=engine.typical_gesture(term.name),
            doubts="; ".join(bundle.doubts([term.name])),
        )
        for term in bank.listed(with_weak=True)
    )
    curves_db = {word: engine.curve_for(word, freqs_hz) for word in bank}
    opposites = [] if evidence is None else _opposites(evidence, bundle.usual_words(DEFAULT_LANGUAGE))
    rows = {word: term.examples for word, term in bank.items()}
    places = word_map(curves_db, freqs_hz, opposites, rows)
    return VocabularyResult(bundle=bundle, words=words, places=places, phrases=page_phrases(engine))


def _opposite(evidence: Evidence, word: str, among: Iterable[str]) -> str | None:
    if word not in evidence.words:
        return None
    other, correlation = min(evidence.related(word, among), key=lambda pair: pair[1], default=("", 0.0))
    return other if correlation < OPPOSITE else None


def _opposites(evidence: Evidence, words: Iterable[str]) -> list[tuple[str, str]]:
    known = [word for word in words if word in evidence.words]
    found = evidence.correlations(known)
    return [(a, b) for i, a in enumerate(known) for j, b in enumerate(known[:i]) if found[i, j] < OPPOSITE]
