"""Words: the evidence for each, what a preset is like, words of one's own, and the way from one to another."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from semeq_export.app._engine import find_phrases, load_engine
from semeq_export.arrays import Float64Array
from semeq_export.bundle.loading import Bundle, load_bundle, write_bundle
from semeq_export.bundle.store import EVIDENCE
from semeq_export.engine import Engine, MorphPath
from semeq_export.eq.curve import log_grid
from semeq_export.eq.settings import EqSettings
from semeq_export.errors import InvalidTargetError, OutputError, environment_failure, printable
from semeq_export.teach import settings_of, teach
from semeq_export.words.evidence import N_POINTS, OPPOSITE, SYNONYM
from semeq_export.words.phrase import Phrase
from semeq_export.words.terms import DEFAULT_LANGUAGE, Sort, Term
from semeq_presets import Choice, read_file

__all__ = [
    "AddTermOptions", "AddTermResult", "MorphOptions", "MorphResult", "People", "PresetTerm", "PresetTermsOptions", "PresetTermsResult",
    "TermOptions", "TermResult", "TermsOptions", "TermsResult", "add_term", "find_terms_of_preset", "list_terms", "morph_terms",
    "show_term", "term_document",
]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class TermsOptions:
    """Which words of a bundle: those that people agree on, see `CentroidBank.usual_words`.

    sort: the most comes first. language: "en", "es"; None for words of both. with_weak: all words of the language, those that are weak or
    of some people only too. pictures: a folder to draw the usual words into.
    """

    sort: Sort = "examples"
    language: str | None = DEFAULT_LANGUAGE
    with_weak: bool = False
    pictures: str | os.PathLike[str] | None = None
    overwrite: bool = False
    bundle: str | os.PathLike[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TermsResult:
    """The words, in order. notes: which were left out, and how to get them."""

    terms: tuple[Term, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TermOptions:
    """One word of a bundle, in any form: brightness is bright. language: of words like it, None for all; its own where left out."""

    word: str
    language: str | None = ""
    bundle: str | os.PathLike[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class People:
    """What people did for a word.

    synonyms, opposites: words with the correlations of their curves. boosted, cut: shares of people, 0..1, by region. mean_db, spread_db:
    (n,) over freqs_hz; None where the bundle has no evidence for the word. borrowed: share 0..1 of the mean curve that words of like
    meaning gave. interval_db: half the width of its 90 % interval, rms. span_db: from the highest to the lowest point of the median
    person's curve. None where the bundle does not say.
    """

    synonyms: tuple[tuple[str, float], ...] = ()
    opposites: tuple[tuple[str, float], ...] = ()
    boosted: Mapping[str, float] = field(default_factory=dict)
    cut: Mapping[str, float] = field(default_factory=dict)
    mean_db: Float64Array | None = None
    spread_db: Float64Array | None = None
    borrowed: float = 0.0
    interval_db: float | None = None
    span_db: float | None = None

    def to_dict(self) -> dict[str, object]:
        """Return plain data for JSON."""
        document: dict[str, object] = {
            "synonyms": [{"term": name, "correlation": value} for name, value in self.synonyms],
            "opposites": [{"term": name, "correlation": value} for name, value in self.opposites],
            "boosted": dict(self.boosted),
            "cut": dict(self.cut),
            "borrowed": self.borrowed,
            "interval_db": self.interval_db,
            "span_db": self.span_db,
        }
        if self.mean_db is not None and self.spread_db is not None:
            document |= {"freqs_hz": self.freqs_hz.tolist(), "mean_db": self.mean_db.tolist(), "spread_db": self.spread_db.tolist()}
        return document

    @property
    def freqs_hz(self) -> Float64Array:
        """The frequencies (n,) of the curves."""
        return log_grid(N_POINTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class TermResult:
    """A word and its EQ. nearest: words that sound most like it, with their distances in dB rms. people: None without evidence.

    understood: what a form of it, or a phrase, was understood as, by its text. span_db: from the highest to the lowest point of its EQ.
    typical_gesture: the intensity at which it spans what people's settings do, see `Engine.typical_gesture`.
    """

    term: Term
    eq: EqSettings
    span_db: float
    typical_gesture: float
    nearest: tuple[tuple[str, float], ...]
    people: People | None
    understood: Mapping[str, Phrase] = field(default_factory=dict)

    def to_dict(self) -> dict[str, object]:
        """Return plain data for JSON."""
        nearest = [{"term": name, "distance_db": distance_db} for name, distance_db in self.nearest]
        people = {} if self.people is None else {"people": self.people.to_dict()}
        understood = {text: phrase.to_dict() for text, phrase in self.understood.items()}
        strength = {"span_db": self.span_db, "typical_gesture": self.typical_gesture}
        words = {"nearest_terms": nearest, "understood": understood}
        return {**term_document(self.term), **strength, "eq": self.eq.to_dict(), **words, **people}


@dataclass(frozen=True, slots=True, kw_only=True)
class PresetTermsOptions:
    """Words for a preset. from_format: id; by the content where left out. language: "en", "es"; None for words of both."""

    preset: str | os.PathLike[str]
    from_format: str | None = None
    choice: Choice = field(default_factory=Choice)
    language: str | None = DEFAULT_LANGUAGE
    top: int = 5
    bundle: str | os.PathLike[str] | None = None


@dataclass(frozen=True, slots=True)
class PresetTerm:
    """A word that people might type for a preset. probability: 0..1. distance_db: rms, between the preset and the word's mean curve."""

    term: str
    probability: float
    distance_db: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PresetTermsResult:
    """The words, the most likely first. format: id of the preset's."""

    terms: tuple[PresetTerm, ...]
    format: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AddTermOptions:
    """A word to be learned from presets of any format, three or more. output: the bundle to write. overwrite: the bundle, and the word."""

    word: str
    presets: Sequence[str | os.PathLike[str]]
    output: str | os.PathLike[str]
    language: str = "en"
    overwrite: bool = False
    bundle: str | os.PathLike[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AddTermResult:
    """The new word. error_db: rms, between its EQ and the mean curve of the presets."""

    term: Term
    error_db: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MorphOptions:
    """Two words, in any form. steps: how many settings, both words included."""

    start: str
    end: str
    steps: int = 11
    bundle: str | os.PathLike[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MorphResult:
    """The way from word to word. doubts: what speaks against them. understood: what forms of them were understood as, by their text."""

    path: MorphPath
    doubts: tuple[str, ...] = ()
    understood: Mapping[str, Phrase] = field(default_factory=dict)

    def to_dict(self) -> dict[str, object]:
        """Return plain data for JSON."""
        steps_db, departures_db = list(self.path.steps_db), list(self.path.departures_db)
        return {
            "doubts": list(self.doubts),
            "understood": {text: phrase.to_dict() for text, phrase in self.understood.items()},
            "steps_db": steps_db,
            "departures_db": departures_db,
            "eqs": [eq.to_dict() for eq in self.path.eqs],
        }


def list_terms(options: TermsOptions) -> TermsResult:
    """Return words with the evidence for each, and draw them where that is asked for.

    Raises BundleError, OutputError and EnvironmentFailure.
    """
    bundle = load_bundle(options.bundle)
    bank, language = bundle.centroids, options.language
    if options.pictures is not None:
        _draw(bundle, Path(options.pictures), language, overwrite=options.overwrite)
    chosen = bank.listed(options.sort, language=language, with_weak=options.with_weak)
    return TermsResult(terms=tuple(chosen), notes=() if options.with_weak else tuple(bank.left_out(language)))


def show_term(options: TermOptions) -> TermResult:
    """Return the EQ of a word, what people did for it, and the words nearest to it.

    Raises UnknownTermError, BundleError, and InvalidTargetError for several words at once.
    """
    bundle = load_bundle(options.bundle)
    engine = Engine(bundle)
    phrase = engine.understand(options.word)
    named = list(phrase.weights)
    if len(named) > 1:
        raise InvalidTargetError(f"{options.word!r} is of several words; show them one by one: {', '.join(named)}")
    if phrase.guesses:
        raise InvalidTargetError(f"{bundle.guesses.line(named[0])}; a guess is no term")
    term = bundle.centroids[named[0]]
    eq = engine.eq_for(term.name)
    language = term.language if options.language == "" else options.language
    nearest = [near for near in engine.nearest_terms(eq, 6, language=language) if near[0] != term.name][:5]
    people = _people(bundle, term, language) if EVIDENCE in bundle.files else None
    understood = find_phrases(engine, [options.word])
    return TermResult(
        term=term,
        eq=eq,
        span_db=engine.span_db(term.name),
        typical_gesture=engine.typical_gesture(term.name),
        nearest=tuple(nearest),
        people=people,
        understood=understood,
    )


def find_terms_of_preset(options: PresetTermsOptions) -> PresetTermsResult:
    """Return the words that people would most likely type for a preset; raises PresetError and BundleError."""
    preset = read_file(options.preset, format=options.from_format, choice=options.choice)
    found = load_engine(options.bundle).terms_of(settings_of(preset.eq), options.top, language=options.language)
    return PresetTermsResult(terms=tuple(PresetTerm(*one) for one in found), format=preset.format)


def add_term(options: AddTermOptions) -> AddTermResult:
    """Write a bundle that knows one word more; raises PresetError, InvalidTargetError, BundleError, OutputError and EnvironmentFailure."""
    presets = [read_file(preset) for preset in options.presets]
    bundle = load_bundle(options.bundle)
    settings = [settings_of(preset.eq) for preset in presets]
    taught, files = teach(bundle, options.word, settings, language=options.language, overwrite=options.overwrite)
    write_bundle(options.output, bundle.manifest, files, overwrite=options.overwrite)
    return AddTermResult(term=taught.term, error_db=taught.error_db)


def morph_terms(options: MorphOptions) -> MorphResult:
    """Return the way from one word to another in equal steps of weight.

    Raises UnknownTermError, BundleError, and InvalidTargetError for what is more or less than a word.
    """
    engine = load_engine(options.bundle)
    start, end = (_end_of_morph(engine, text) for text in (options.start, options.end))
    return MorphResult(
        path=engine.morph_path(start, end, options.steps),
        doubts=tuple(engine.doubts(start, end)),
        understood=find_phrases(engine, (options.start, options.end)),
    )


def _end_of_morph(engine: Engine, text: str) -> str:
    """Return the word that a text is a form of."""
    phrase = engine.understand(text)
    (word, weight), *others = phrase.weights.items()
    if others or weight != 1.0:
        raise InvalidTargetError(f"{text!r} is understood as {phrase.understood}; a morph goes from a word to a word")
    return word


def term_document(term: Term) -> dict[str, object]:
    """Return the evidence for a word as plain data for JSON."""
    return {
        "term": term.name,
        "language": term.language,
        "examples": term.examples,
        "sources": dict(term.sources),
        "agreement": term.agreement,
        "typical_intensity": term.typical_intensity,
        "is_weak": term.is_weak,
        "note": term.note,
    }


def _people(bundle: Bundle, term: Term, language: str | None) -> People:
    evidence = bundle.evidence
    if term.name not in evidence.words:
        return People()
    entry = evidence.words[term.name]
    related = evidence.related(term.name, bundle.usual_words(language))
    return People(
        synonyms=tuple((name, value) for name, value in related if value > SYNONYM)[:5],
        opposites=tuple((name, value) for name, value in reversed(related) if value < OPPOSITE)[:3],
        boosted=entry.boosted,
        cut=entry.cut,
        mean_db=entry.mean_db,
        spread_db=entry.spread_db,
        borrowed=entry.borrowed,
        interval_db=entry.interval_db,
        span_db=entry.span_db,
    )


def _draw(bundle: Bundle, folder: Path, language: str | None, *, overwrite: bool) -> None:
    """Draw curves, regions, likeness and maps of the usual words into a folder, which is made if missing."""
    from semeq_export.plot import figures
    from semeq_export.plot import terms as term_figures

    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{printable(folder)}: is not a folder")
    drawn = term_figures.figures(bundle.centroids, bundle.evidence, language)
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise environment_failure(folder, error) from error
    for name, figure in drawn.items():
        figures.save(figure, folder / f"{name}.png", overwrite=overwrite)
