"""What a sound is like: what stands out, in dB, and words for it, with doubt; over the whole and over time; and what to try."""

from __future__ import annotations

import functools
import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources

import msgspec
import numpy as np

from semeq_export.arrays import Float64Array
from semeq_export.eq.curve import correlation
from semeq_export.errors import printable
from semeq_export.listening.dose import Difference, believed_dose, difference
from semeq_export.listening.kind import Recognised
from semeq_export.listening.prior import many_of
from semeq_export.listening.reference import Reference, kinds
from semeq_export.listening.region import UNUSUAL_SPREADS, Region, beyond, regions
from semeq_export.listening.spectrum import Spectrum

CONTEXT_S, STEP_S = 2.0, 0.5
"""Doses over time are those of the last two seconds, every half second."""

MAX_DOSE = 3.0
"""More of a word nobody does: doses are said within these."""

_HEARD_ERROR = 0.4  # doses, of one part of a performance against another: tests/records/listening.json
_WORTH_SAYING, _WORTH_SAYING_DB = 0.5, 1.0  # doses and dB, against a sound that was heard
_INTERVAL_90 = 1.645
_MOVE_DB = (1.0, 6.0)
_MOVE_DOSES = 1.5
_FITTING_SHARE = 0.5
_SHOWN_CHARS, _SHOWN_WORDS = 160, 5


class SpeechRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """speech.toml."""

    least_rows: int
    least_agreement: float
    least_odds: float
    opposite: float


@functools.cache
def speech_rules() -> SpeechRules:
    """Return the rules by which words are spoken of sounds."""
    text = resources.files("semeq_export").joinpath("listening", "speech.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), SpeechRules)


@dataclass(frozen=True, slots=True, eq=False)
class Vocabulary:
    """The words that may be said. curves_db: word -> (28,) response of its EQ. surety: word -> how surely that is known, 0..1.

    is_asked: somebody named them, so all are told, however little there is of them.
    """

    curves_db: Mapping[str, Float64Array]
    surety: Mapping[str, float]
    is_asked: bool = False

    def are_opposite(self, word: str, other: str) -> bool:
        """Whether a sound cannot be both."""
        return correlation(self.curves_db[word], self.curves_db[other]) <= speech_rules().opposite


@dataclass(frozen=True, slots=True)
class ProfileEntry:
    """One word.

    dose: how many doses of it the sound has more than the reference, as far as that is to be believed, within -3..3. low, high: where it
    lies in nine of ten cases. odds: how many times likelier the sound is with the word than without, its logarithm times the word's surety.
    similarity: of the difference to the word's curve, -1..1. spread: standard deviation of the dose over time.
    """

    word: str
    dose: float
    low: float
    high: float
    odds: float
    similarity: float
    spread: float

    @property
    def amount(self) -> str:
        """Return the dose and where it lies, for people; what is beyond the scale is said to be."""
        if self.dose >= MAX_DOSE:
            return f"over {MAX_DOSE:+g} doses ({self.low:+.1f} at least)"
        return f"{self.dose:+.1f} doses ({self.low:+.1f} to {self.high:+.1f})"


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """What a sound is like.

    headline: one sentence. entries: the words that are likely enough, the likeliest first; empty where `no_signal` says why nothing can be
    said, and where nothing stands out. kind: what the sound was taken for; None where the reference was given. doubt: why the reference
    does not carry a conclusion, "" where it does. stands_out: the octave that is furthest off, None where none is. suggestions: moves with
    their size. times_s: (m,) ends of the spans of 2 s; doses_over_time: word -> (m,) for the words of `entries`.
    """

    headline: str
    entries: tuple[ProfileEntry, ...]
    reference: str
    suggestions: tuple[str, ...] = ()
    kind: Recognised | None = None
    doubt: str = ""
    stands_out: Region | None = None
    times_s: Float64Array = field(default_factory=lambda: np.zeros(0))
    doses_over_time: Mapping[str, Float64Array] = field(default_factory=dict)
    no_signal: str = ""

    def __str__(self) -> str:
        """Return one line: the headline, and the words with their doses."""
        words = ", ".join(f"{entry.word} {entry.dose:+.1f}" for entry in self.entries[:_SHOWN_WORDS])
        return f"{printable(self.headline[:_SHOWN_CHARS])}{f' ({words})' if words else ''}"

    def __repr__(self) -> str:
        return f"<Profile {self}>"

    def lines(self) -> list[str]:
        """Return what is said for people: what the sound was compared with, or why that is a guess; the headline; words; moves."""
        taken = "" if self.kind is None else f"taken for {self.kind.line}"
        width = max((len(entry.word) for entry in self.entries), default=0)
        words = [f"{e.word:{width}}  {e.amount}  spread {e.spread:.1f} over time" for e in self.entries]
        moves = [", ".join(self.suggestions)] if self.suggestions else []
        return [self.doubt or taken or f"against {self.reference}", self.headline, *words, *moves]

    def to_dict(self) -> dict[str, object]:
        """Return plain data for JSON."""
        out = self.stands_out
        words = [
            {"word": e.word, "dose": e.dose, "low": e.low, "high": e.high, "odds": e.odds, "similarity": e.similarity, "spread": e.spread}
            for e in self.entries
        ]
        over_time = {"times_s": self.times_s.tolist(), "doses": {word: doses.tolist() for word, doses in self.doses_over_time.items()}}
        return {
            "headline": self.headline,
            "reference": self.reference,
            "kind": None if self.kind is None else dict(self.kind.shares),
            "doubt": self.doubt or None,
            "no_signal": self.no_signal or None,
            "stands_out": None if out is None else {"at": out.name, "apart_db": out.apart_db, "usual_db": out.usual_db},
            "words": words,
            "suggestions": list(self.suggestions),
            "over_time": over_time,
        }


def profile_of(heard: Spectrum, reference: Reference, words: Vocabulary, top: int, *, kind: Recognised | None = None) -> Profile:
    """Return what stands out of a sound against a reference, and the words for it. top: how many words, 1 or more.

    kind: what the sound was taken for, where that chose the reference.
    """
    heard = heard.carried()
    contrast = difference(heard, reference.spectrum)
    if contrast is None:
        why = heard.no_signal or reference.spectrum.no_signal or "this audio and the reference share no part of the spectrum"
        return Profile(f"no signal: {why}", (), reference.name, kind=kind, no_signal=why)
    measured = {word: _Measured.of(contrast, curve_db, reference) for word, curve_db in words.curves_db.items()}
    chosen = _chosen(measured, words, reference, max(1, top))
    times_s, spans = _spans(heard)
    over_time = {word: measured[word].over_time(contrast, spans, words.curves_db[word]) for word in chosen}
    entries = tuple(measured[word].entry(word, words, over_time[word]) for word in chosen)
    octave = _standing_out(heard, reference)
    told = [word for word in chosen if measured[word].dose >= _WORTH_SAYING] if words.is_asked else chosen
    return Profile(
        _headline(octave, told, measured, words, reference),
        entries,
        reference.name,
        _suggestions(octave, told, measured, words),
        kind,
        _doubt(reference, kind),
        octave,
        times_s,
        over_time,
    )


@dataclass(frozen=True, slots=True)
class _Measured:
    """A word against a difference. dose: believed. trust: of the measured dose, how much is believed. spreads: of p among sources."""

    dose: float
    error: float
    trust: float
    spreads: float
    log_odds: float
    similarity: float

    @classmethod
    def of(cls, contrast: Difference, curve_db: Float64Array, reference: Reference) -> _Measured:
        p, spread = contrast.dose(curve_db), contrast.spread(curve_db)
        if not math.isfinite(spread):
            return cls(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
        error = spread if reference.is_stored else _HEARD_ERROR
        trust = believed_dose(1.0, error)
        apart = p / spread
        log_odds = 0.5 * (math.log1p(-believed_dose(1.0, spread)) + apart * apart * believed_dose(1.0, spread))
        dose = float(np.clip(trust * p, -MAX_DOSE, MAX_DOSE))
        return cls(dose, math.sqrt(trust) * error, trust, apart, log_odds, contrast.similarity(curve_db))

    def over_time(self, contrast: Difference, spans: Sequence[Float64Array], curve_db: Float64Array) -> Float64Array:
        """Return the doses (m,) of the spans, around the dose of the whole."""
        doses = [self.dose + self.trust * contrast.doses_of(apart_db, curve_db) for apart_db in spans]
        return np.asarray(np.clip(doses, -MAX_DOSE, MAX_DOSE), dtype=np.float64)

    def entry(self, word: str, words: Vocabulary, over_time: Float64Array) -> ProfileEntry:
        half = _INTERVAL_90 * self.error
        odds = math.exp(min(words.surety[word] * self.log_odds, 700.0))
        spread = float(np.std(over_time)) if len(over_time) else 0.0
        low, high = max(-MAX_DOSE, self.dose - half), min(MAX_DOSE, self.dose + half)
        return ProfileEntry(word, self.dose, low, high, odds, self.similarity, spread)


def _chosen(measured: Mapping[str, _Measured], words: Vocabulary, reference: Reference, top: int) -> list[str]:
    """Return the words that are told, the likeliest first."""
    if words.is_asked:
        return sorted(measured, key=lambda word: -measured[word].similarity)[:top]
    least = math.log(speech_rules().least_odds)
    ranked = sorted(measured, key=lambda word: -words.surety[word] * measured[word].similarity)
    chosen: list[str] = []
    for word in ranked:
        one = measured[word]
        is_likely = words.surety[word] * one.log_odds >= least if reference.is_stored else one.dose >= _WORTH_SAYING
        if one.dose > 0.0 and is_likely and not any(words.are_opposite(word, other) for other in chosen):
            chosen.append(word)
    return chosen[:top]


def _standing_out(heard: Spectrum, reference: Reference) -> Region | None:
    found = regions(heard, reference.spectrum)
    if not found:
        return None
    first = found[0]
    is_odd = abs(first.apart_db) >= _WORTH_SAYING_DB if first.usual_db is None else abs(first.spreads) >= UNUSUAL_SPREADS
    return first if is_odd else None


def _headline(
    octave: Region | None, told: Sequence[str], measured: Mapping[str, _Measured], words: Vocabulary, reference: Reference
) -> str:
    """Return one sentence: what stands out, beyond how many sources, and the words for it."""
    others = f"{many_of(reference.name)} have" if reference.is_stored and reference.name in kinds() else f"{reference.name} has"
    if octave is None and not told:
        return f"nothing stands out against what {others}"
    if octave is None:
        share = beyond(measured[told[0]].spreads) if reference.is_stored else ""
        return f"more {', '.join(told[:2])} than what {others}" + (f", beyond {share} of them" if share else "")
    where = f"{octave.name} is {abs(octave.apart_db):.0f} dB {'above' if octave.apart_db > 0 else 'below'} what {others}"
    share = beyond(octave.spreads)
    fitting = _names_of(octave, told, measured, words)
    return where + (f", beyond {share} of them" if share else "") + (f": {', '.join(fitting)}" if fitting else "")


def _names_of(octave: Region, told: Sequence[str], measured: Mapping[str, _Measured], words: Vocabulary) -> list[str]:
    """Return two words at most for an octave that stands out: of those that are told, else of those that are rather likely than not.

    A word is for an octave where it does the same there, and at least half as much as anywhere.
    """

    def share(word: str) -> float:
        shape = _shape(words.curves_db[word])
        return float(math.copysign(1.0, octave.apart_db) * shape[octave.band] / max(np.abs(shape).max(), 1e-9))

    fitting = [word for word in told if share(word) > 0.0]
    if not fitting and not words.is_asked:
        likely = [word for word, one in measured.items() if one.dose > 0.0 and one.log_odds > 0.0 and share(word) >= _FITTING_SHARE]
        for word in sorted(likely, key=lambda word: -words.surety[word] * measured[word].similarity):
            if not any(words.are_opposite(word, other) for other in (*told, *fitting)):
                fitting.append(word)
    return fitting[:2]


def _shape(curve_db: Float64Array) -> Float64Array:
    return np.asarray(curve_db - curve_db.mean(), dtype=np.float64)


def _doubt(reference: Reference, kind: Recognised | None) -> str:
    """Return why a reference does not carry a conclusion, "" where it does."""
    if kind is not None and not kind.is_clear:
        return kind.doubt
    if reference.is_stored and reference.spectrum.covariance_db2 is None:
        return "this reference is a mean without a spread: what is unusual is a guess"
    return ""


def _suggestions(octave: Region | None, told: Sequence[str], measured: Mapping[str, _Measured], words: Vocabulary) -> tuple[str, ...]:
    """Return one or two moves with their size: one in dB, and a word that leads away from the likeliest."""
    moves = []
    if octave is not None and octave.excess_db >= _MOVE_DB[0]:
        size_db = round(2.0 * min(octave.excess_db, _MOVE_DB[1])) / 2.0
        moves.append(f"{'cut' if octave.apart_db > 0 else 'lift'} {octave.name} by {size_db:g} dB, an octave wide")
    if told:
        away = [word for word in words.curves_db if words.are_opposite(word, told[0]) and measured[word].dose < 0.0]
        best = max(away, key=lambda word: words.surety[word] * -measured[word].similarity, default=None)
        if best is not None:
            moves.append(f"{'or ' if moves else ''}try {best} at {min(-measured[best].dose, _MOVE_DOSES):.1f}")
    return tuple(moves)


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
