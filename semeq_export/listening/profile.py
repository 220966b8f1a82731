"""What a sound is like in words: doses of each against a reference, over the whole and over time, and what to try."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from semeq_export.arrays import Float64Array
from semeq_export.eq.curve import correlation
from semeq_export.listening.dose import Difference, difference
from semeq_export.listening.reference import Reference
from semeq_export.listening.spectrum import Spectrum

CONTEXT_S, STEP_S = 2.0, 0.5
"""Doses over time are those of the last two seconds, every half second."""

_WORTH_SAYING = 0.5  # doses
_SAME_WORD = 0.9  # correlation of two words' curves from which on they are one suggestion


@dataclass(frozen=True, slots=True)
class ProfileEntry:
    """One word.

    dose: how many doses of it the sound has more than the reference. similarity: of the difference to the word's curve, -1..1, in the
    measure that the doses are taken in; words are ranked by it. spread: standard deviation of the dose over time.
    """

    word: str
    dose: float
    similarity: float
    spread: float


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """What a sound is like.

    entries: the closest words, most similar first; empty where `no_signal` says why nothing can be said. suggestions: sentences for people.
    times_s: (m,) ends of the spans of 2 s; doses_over_time: word -> (m,) for the words of `entries`.
    """

    entries: tuple[ProfileEntry, ...]
    reference: str
    suggestions: tuple[str, ...]
    times_s: Float64Array
    doses_over_time: Mapping[str, Float64Array]
    no_signal: str = ""

    def to_dict(self) -> dict[str, object]:
        """Return plain data for JSON."""
        words = [{"word": e.word, "dose": e.dose, "similarity": e.similarity, "spread": e.spread} for e in self.entries]
        over_time = {"times_s": self.times_s.tolist(), "doses": {word: doses.tolist() for word, doses in self.doses_over_time.items()}}
        return {
            "reference": self.reference,
            "no_signal": self.no_signal or None,
            "words": words,
            "suggestions": list(self.suggestions),
            "over_time": over_time,
        }


def profile_of(heard: Spectrum, reference: Reference, terms_db: Mapping[str, Float64Array], top: int, *, advise: Sequence[str]) -> Profile:
    """Return the words that are closest to how a sound differs from a reference.

    terms_db: word -> (28,) response of its EQ. advise: the words that may be suggested. top: how many entries, 1 or more.
    """
    contrast = difference(heard, reference.spectrum)
    if contrast is None:
        why = heard.no_signal or reference.spectrum.no_signal or "this audio and the reference share no part of the spectrum"
        return Profile((), reference.name, (f"no signal: {why}",), np.zeros(0), {}, why)
    similarity = {word: contrast.similarity(term_db) for word, term_db in terms_db.items()}
    ranked = sorted(terms_db, key=lambda word: -similarity[word])
    chosen = ranked[: max(1, top)]
    times_s, spans = _spans(heard)
    over_time = {word: _over_time(contrast, spans, terms_db[word]) for word in chosen}
    entries = tuple(
        ProfileEntry(word, contrast.dose(terms_db[word]), similarity[word], float(np.std(over_time[word])) if len(spans) else 0.0)
        for word in chosen
    )
    return Profile(entries, reference.name, _advice(contrast, terms_db, similarity, advise), times_s, over_time)


def _spans(heard: Spectrum) -> tuple[Float64Array, list[Float64Array]]:
    """Return the ends (m,) in s of spans of 2 s, and for each by how many dB (28,) its windows differ from all in the mean."""
    windows = heard.windows
    if windows is None:
        return np.zeros(0), []
    ends, spans = [], []
    for end_s in np.arange(min(CONTEXT_S, heard.seconds), heard.seconds + 1e-9, STEP_S):
        first, last = np.searchsorted(windows.times_s, (end_s - CONTEXT_S, end_s))
        if last > first:
            ends.append(end_s)
            spans.append(np.average(windows.band_db[first:last], axis=0, weights=windows.weights[first:last]) - windows.mean_db)
    return np.array(ends), spans


def _over_time(contrast: Difference, spans: Sequence[Float64Array], term_db: Float64Array) -> Float64Array:
    """Return the doses (m,) of the spans, around the dose of the whole."""
    whole = contrast.dose(term_db)
    return np.array([whole + contrast.doses_of(apart_db, term_db) for apart_db in spans])


def _advice(
    contrast: Difference, terms_db: Mapping[str, Float64Array], similarity: Mapping[str, float], advise: Sequence[str]
) -> tuple[str, ...]:
    """Return one or two sentences: what there is a lot of, and words that lead the other way."""
    known = [word for word in advise if word in terms_db]
    if not known:
        return ()
    most = max(known, key=lambda word: similarity[word])
    dose = contrast.dose(terms_db[most])
    away: list[str] = []
    for word in sorted(known, key=lambda word: similarity[word]):
        if similarity[word] >= 0 or len(away) == 2:
            break
        if all(correlation(terms_db[word][contrast.usable], terms_db[other][contrast.usable]) < _SAME_WORD for other in away):
            away.append(word)
    what = f"already {dose:.1f} doses of {most}" if dose >= _WORTH_SAYING else "close to the reference: no word stands out"
    return (f"{what}; try {' or '.join(away)}" if away else what,)
