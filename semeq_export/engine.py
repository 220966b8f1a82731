"""The one place that turns words into EQ settings, with the knowledge of a bundle."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from semeq_export.arrays import Float64Array, FloatArray
from semeq_export.bundle.blending import decode_sum, decoded_share
from semeq_export.bundle.loading import Bundle
from semeq_export.bundle.store import EVIDENCE
from semeq_export.eq.biquad import audible_db, for_rate, response_db
from semeq_export.eq.curve import level_free, log_grid, rms_db
from semeq_export.eq.readable import readable
from semeq_export.eq.settings import EqSettings
from semeq_export.errors import BundleFormatError, InvalidEqError, InvalidTargetError, UnknownTermError
from semeq_export.words.evidence import N_POINTS, Evidence, WordEvidence
from semeq_export.words.guesses import Guesses
from semeq_export.words.mixing import CURVE_DIGITS, mix
from semeq_export.words.morph import departures_db, rms_of_each, steps_db
from semeq_export.words.phrase import Phrase, exact_phrase
from semeq_export.words.target import MAX_INTENSITY, SemanticTarget
from semeq_export.words.terms import DEFAULT_LANGUAGE, Sort, Term, normalise_term

if TYPE_CHECKING:  # who only asks for words loads nothing that listens: that takes as long as all the rest together
    from semeq_export.listening.dose import Adaptation
    from semeq_export.listening.profile import Profile, Vocabulary
    from semeq_export.listening.reference import Reference
    from semeq_export.listening.sounds import Sound
    from semeq_export.words.phrases import PhraseReader

FIT_RATE_HZ = 48_000.0
"""Rate at which curves are summed and fitted; the settings that come out hold for any rate."""

HEARD_HZ, N_HEARD = (30.0, 16_000.0), 96
"""Where the doses of words in a phrase are weighed, and by how many points."""

_CACHED_TARGETS = 1_024
_WORTH_SAYING_DB = 0.5
_NO_SPAN_DB = 0.1  # a word that does less is nothing to be turned up


@dataclass(frozen=True, slots=True)
class MorphPath:
    """A way between two words. steps_db: rms difference of each settings' level-free curve to the next. departures_db: how far each lies
    off the straight line between both ends' curves."""

    eqs: tuple[EqSettings, ...]
    steps_db: tuple[float, ...]
    departures_db: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class _FullIntensity:
    """What a target decodes to at intensity 1: settings as they were decoded, by how much their gains are to be multiplied, and by how many
    dB rms that misses the sum of the words' curves."""

    decoded: EqSettings
    size: float
    miss_db: float

    @property
    def eq(self) -> EqSettings:
        """The settings; raises InvalidEqError where a gain leaves its range."""
        return self.decoded.scaled(self.size)


class Engine:
    """Words to EQ. Equal targets give equal settings; what a target decodes to is kept, so asking again decodes nothing."""

    def __init__(self, bundle: Bundle, *, exact: bool = False, guess: bool = False) -> None:
        """exact: settings are the decoder's own bands, as `semeq.hpp` plays them; else the few bands that say the same to a reader.

        guess: take doubtful guesses for words that nobody taught, and not only the surer ones.
        """
        self.bundle, self.is_exact, self._takes_doubtful = bundle, exact, guess
        self._decode_cache: dict[tuple[tuple[str, float], ...], _FullIntensity] = {}
        self._curves: dict[str, Float64Array] = {}

    def __repr__(self) -> str:
        return f"<Engine of {self.bundle}, {'bands of the decoder' if self.is_exact else 'readable bands'}>"

    def words(
        self, containing: str = "", *, sort: Sort = "examples", language: str | None = DEFAULT_LANGUAGE, with_weak: bool = False
    ) -> list[Term]:
        """Return the words that people agree on with the evidence for each, those with most people first (`CentroidBank.listed`).

        containing: part of the word. language: "en", "es"; None for words of both. with_weak: also words that people do not agree on.
        """
        found = self.bundle.centroids.listed(sort, language=language, with_weak=with_weak)
        return [term for term in found if normalise_term(containing) in term.name]

    @cached_property
    def exact(self) -> Engine:
        """The engine of the same bundle whose settings are the decoder's own bands."""
        return self if self.is_exact else Engine(self.bundle, exact=True, guess=self._takes_doubtful)

    def eq_for(self, target: SemanticTarget | str) -> EqSettings:
        """Return the settings of a target, all gains multiplied by its intensity; at 0 exactly flat.

        They follow the sum of the words' curves in dB, each times its weight. The sum is decoded once, where the sizes of its weights sum
        to 1 at least and to the bundle's `blend.max_weight` at most; what it is larger or smaller than that goes into the gains.
        Raises UnknownTermError, InvalidTargetError, and InvalidEqError where a gain comes out of -60..60 dB.
        """
        wanted = self._wanted(target)
        full = self._decode_target(wanted)
        return full.decoded.scaled(full.size * wanted.intensity)

    def understand(self, text: str) -> Phrase:
        """Return what a text asks for, "a bit warmer but not muddy" too; every method that takes a target as text reads it that way.

        Where the text does not give the weights itself, words that are added share, and what is taken away spares them (`words.mixing`).
        Words that nobody taught are understood as guesses where those are sure enough, and named in `Phrase.guesses`.
        Raises UnknownTermError, DoubtfulTermError for a guess that this engine does not take, and InvalidTargetError.
        """
        said = self._said(text)
        return said if said.is_exact else replace(said, weights=mix(said.weights, self.heard_curve))

    def _said(self, text: str) -> Phrase:
        with contextlib.suppress(UnknownTermError):  # a word with a weight may be a guess
            exact = exact_phrase(text, self.bundle.centroids)
            if exact is not None:
                return exact
        return self._phrases.understand(text, doubtful=self._takes_doubtful)

    @cached_property
    def _phrases(self) -> PhraseReader:
        from semeq_export.words.phrases import PhraseReader  # only where somebody writes a phrase: its grammar takes a while to load

        return PhraseReader(self.bundle.centroids, self._guesses)

    @cached_property
    def _guesses(self) -> Guesses:
        return self.bundle.guesses

    def guessed_words(self, target: SemanticTarget | str) -> list[str]:
        """Return the words of a target that are guesses: what is made of it is an estimate. Raises UnknownTermError."""
        return [word for word in self._resolve_words(self._wanted(target).weights) if word not in self.bundle.centroids]

    def check_taught(self, target: SemanticTarget) -> None:
        """Raise InvalidTargetError for a target with a guess: what listens takes only what people did. Raises UnknownTermError."""
        guessed = self.guessed_words(target)
        if guessed:
            raise InvalidTargetError(f"nobody taught {guessed[0]!r}, so nobody knows how far people turn it or how much of it a sound has")

    def _wanted(self, target: SemanticTarget | str) -> SemanticTarget:
        return self.understand(target).target() if isinstance(target, str) else target

    def doubts(self, *targets: SemanticTarget | str) -> list[str]:
        """Return what a user should know of targets: one line for each word, and for each target, that there is something to say of.

        People do not agree on a word, or the data sets disagree about it; or the layout's bands cannot do what the weights ask for.
        Raises UnknownTermError and InvalidTargetError.
        """
        wanted = [self._wanted(target) for target in targets]
        words = dict.fromkeys(word for target in wanted for word in self._resolve_words(target.weights))
        lines = self.doubts_of_words(words)
        for text, miss_db in {str(target): self._decode_target(target).miss_db for target in wanted}.items():
            if miss_db > _WORTH_SAYING_DB:
                lines.append(f"{text}: no bands of this layout do that; the closest are {miss_db:.1f} dB rms off")
        return lines

    def doubts_of_words(self, words: Collection[str]) -> list[str]:
        """Return the lines of `doubts` for words alone, those that are taught before guesses. Raises UnknownTermError."""
        taught, guessed = ([word for word in words if (word in self.bundle.centroids) is known] for known in (True, False))
        return self.bundle.doubts(taught) + [self._guesses.line(word) for word in guessed]

    def curve_for(self, target: SemanticTarget | str, freqs_hz: FloatArray, sample_rate_hz: float = FIT_RATE_HZ) -> Float64Array:
        """Return the response (n,) in dB of a target's settings at freqs_hz (n,); bands that the rate cannot hold are left out."""
        return response_db(for_rate(self.eq_for(target), sample_rate_hz).eq, freqs_hz, sample_rate_hz)

    def morph(self, start: str, end: str, share: float) -> EqSettings:
        """Return the settings on the way from one word to another, share 0..1 of it: those of `start:1-share,end:share`.

        Raises UnknownTermError, and InvalidTargetError for a share outside 0..1.
        """
        if not 0.0 <= share <= 1.0:
            raise InvalidTargetError(f"share {share:g} of a morph is outside 0..1")
        bank = self.bundle.centroids
        ends = ((bank[start].name, 1.0 - share), (bank[end].name, share))
        if ends[0][0] == ends[1][0]:
            return self.eq_for(SemanticTarget({ends[0][0]: 1.0}))
        return self.eq_for(SemanticTarget({word: weight for word, weight in ends if weight > 0}))

    def morph_path(self, start: str, end: str, steps: int = 11) -> MorphPath:
        """Return the way from one word to another in equal steps. Raises as `morph` does, and for fewer than 2 steps."""
        if steps < 2:
            raise InvalidTargetError(f"a morph of {steps} steps goes nowhere")
        eqs = tuple(self.morph(start, end, share) for share in np.linspace(0.0, 1.0, steps).tolist())
        curves = np.array([_heard_curve(eq) for eq in eqs])
        return MorphPath(eqs, tuple(steps_db(curves).tolist()), tuple(departures_db(curves).tolist()))

    def terms_of(self, eq: EqSettings, top: int = 5, *, language: str | None = DEFAULT_LANGUAGE) -> list[tuple[str, float, float]]:
        """Return (word, probability, distance in dB rms) of the words that people would most likely type for some settings.

        Of `Bundle.usual_words`. Preamp and overall level do not count. Raises BundleFormatError where the bundle has no evidence.
        """
        freqs_hz = log_grid(N_POINTS)
        curve_db = audible_db(replace(eq, preamp_db=0.0), freqs_hz, FIT_RATE_HZ)
        return self._evidence.closest(curve_db, self.bundle.usual_words(language))[:top]

    @cached_property
    def _evidence(self) -> Evidence:
        return self.bundle.evidence

    def adapt(
        self,
        target: SemanticTarget | str,
        audio: Sound,
        reference: Reference | Sound | None = None,
        *,
        mode: Literal["target", "soft"] | None = None,
        refine: bool = False,
        sample_rate_hz: float | None = None,
    ) -> Adaptation:
        """Return the settings of a target for one sound: less of it where the sound has it already, more where it has the opposite.

        audio: the sound, or its spectrum (then sample_rate_hz is that of the sound, 48 kHz where left out). reference: another sound or its
        spectrum, such as another part of the same source, or a `Reference`; where left out, what sources are like that the sound is taken
        for, see `profile`.
        mode: "target" aims at a dose above the reference and is the default with a sound to compare with; "soft", the default with a
        stored reference, adds what is missing as far as that can be known. refine: solve for the bands once more, where this sound has
        its power.
        Without a signal, the settings are those of `eq_for`, mode is "static", and a note says why.
        Raises as `eq_for` does, AudioError, and InvalidTargetError for a word that nobody taught.
        """
        from semeq_export.listening.sounds import adapted

        wanted = self._wanted(target)
        self.check_taught(wanted)
        term, layout = self._decode_target(wanted).eq, self.bundle.manifest.layout
        return adapted(term, wanted.intensity, audio, reference, layout, mode=mode, refine=refine, sample_rate_hz=sample_rate_hz)

    def term_bands_db(self, target: SemanticTarget | str, sample_rate_hz: float = FIT_RATE_HZ) -> Float64Array:
        """Return (28,) by how many dB one dose of a target changes the bands `spectrum.BANDS_HZ`; its intensity is left out."""
        from semeq_export.listening.dose import band_response_db

        wanted = self._wanted(target)
        self.check_taught(wanted)
        return band_response_db(self._decode_target(wanted).eq, sample_rate_hz)

    def suggest_intensity(self, target: SemanticTarget | str, audio: Sound, reference: Reference | Sound | None = None) -> float:
        """Return the intensity at which `eq_for` does for this sound what people typically do with the words: 0..3.

        The words' typical intensity, times how much more or less of it this sound needs (see `adapt`); without a signal, the former alone.
        """
        wanted = self._wanted(target)
        typical = self.typical_intensity(wanted)
        adaptation = self.adapt(SemanticTarget(wanted.weights, typical), audio, reference)
        return float(np.clip(adaptation.gain, 0.0, MAX_INTENSITY))

    def typical_intensity(self, target: SemanticTarget | str) -> float:
        """Return how strongly the median person does a target, 0..3: the mean over its words, by the weights of those that add, if any.

        Raises UnknownTermError and InvalidTargetError, also for a word that nobody taught.
        """
        wanted = self._wanted(target)
        self.check_taught(wanted)
        known = self._resolve_words(wanted.weights)
        weights = {word: weight for word, weight in known.items() if weight > 0} or known
        mean = sum(self.bundle.centroids[word].typical_intensity * weight for word, weight in weights.items()) / sum(weights.values())
        return float(np.clip(mean, 0.0, MAX_INTENSITY))

    def typical_gesture(self, target: SemanticTarget | str) -> float:
        """Return by how much a target has to be turned up to span what the median person's settings for its words do: 0..3, to 0.01.

        What a person does spans more dB from the highest to the lowest point than a word, in which what people do apart from each other has
        cancelled out. The mean over the words that add, if any, by their weights; their typical intensity where the bundle has no spans.
        """
        wanted = self._wanted(target)
        self.check_taught(wanted)
        known = self._evidence.words if EVIDENCE in self.bundle.files else {}
        words = self._resolve_words(wanted.weights)
        weights = {word: weight for word, weight in words.items() if weight > 0} or words
        mean = sum(self._gesture(word, known.get(word)) * weight for word, weight in weights.items()) / sum(weights.values())
        return round(min(mean, MAX_INTENSITY / max(abs(wanted.intensity), 1.0)), 2)

    def span_db(self, target: SemanticTarget | str) -> float:
        """Return by how many dB the highest point of a target's response lies over its lowest."""
        return float(np.ptp(self.curve_for(target, log_grid(N_POINTS))))

    def _gesture(self, word: str, people: WordEvidence | None) -> float:
        span_db = self.span_db(SemanticTarget({word: 1.0}))
        if people is None or people.span_db is None or span_db < _NO_SPAN_DB:
            return self.bundle.centroids[word].typical_intensity
        return people.span_db / span_db

    def profile(
        self,
        audio: Sound,
        top: int = 5,
        reference: Reference | Sound | None = None,
        *,
        words: Sequence[str] | None = None,
    ) -> Profile:
        """Return what stands out of a sound against a reference, and the words for it, with doses over the whole and over time.

        reference: where left out, the kind that the sound is taken for, or all kinds, by their probabilities, where that is unclear.
        words: those to choose from, all of which are told; where left out, `spoken_words`, as far as they are likely.
        Silence and very short audio give a profile without words. Raises UnknownTermError and AudioError.
        """
        from semeq_export.listening.sounds import profiled

        return profiled(audio, reference, self.vocabulary(words), top)

    def vocabulary(self, words: Sequence[str] | None = None) -> Vocabulary:
        """Return words that may be said of sounds, with their curves: those named, or `spoken_words`. Raises UnknownTermError."""
        from semeq_export.listening.profile import Vocabulary

        bank = self.bundle.centroids
        chosen = self.spoken_words() if words is None else [bank[word].name for word in words]
        curves_db = {word: self.term_bands_db(SemanticTarget({word: 1.0})) for word in chosen}
        return Vocabulary(curves_db, {word: bank[word].surety for word in chosen}, is_asked=words is not None)

    def spoken_words(self) -> list[str]:
        """Return the words that are said of sounds where nobody names any: those with evidence enough, and a user's own.

        All usual English words, or all words, where a bundle has none.
        """
        from semeq_export.listening.profile import speech_rules

        bank, rules = self.bundle.centroids, speech_rules()
        usual = self.bundle.usual_words(DEFAULT_LANGUAGE)
        sure = [
            word
            for word in usual
            if bank[word].is_own or (bank[word].examples >= rules.least_rows and bank[word].agreement >= rules.least_agreement)
        ]
        return sure or usual or list(bank)

    def encode(self, eq: EqSettings) -> NDArray[np.float32]:
        """Return z (latent_dim,) of any settings: their bands where the layout can hold them, else the closest fit. No preamp.

        Raises BundleFormatError if the bundle has no EQ encoder.
        """
        encoder = self.bundle.eq_encoder
        if encoder is None:
            raise BundleFormatError(f"bundle {self.bundle.manifest.name} has no EQ encoder, so settings cannot be compared with words")
        return encoder(self._vector_of(eq))

    def nearest_terms(self, eq: EqSettings, top: int = 5, *, language: str | None = None) -> list[tuple[str, float]]:
        """Return the words that sound most like some settings with their distances in dB rms, closest first; of `Bundle.usual_words`.

        Over log frequency, overall levels left out: two words may lie close in the latent and do opposite things.
        """
        words, curves_db = self._usual_curves
        distances = rms_of_each(curves_db - level_free(_whole_curve(eq)))
        nearest = [(words[i], float(distances[i])) for i in np.argsort(distances, kind="stable")]
        return [near for near in nearest if self.bundle.centroids.is_usual(near[0], language)][:top]

    @cached_property
    def _usual_curves(self) -> tuple[list[str], Float64Array]:
        """The usual words, and their level-free curves (n, n_freqs)."""
        words = self.bundle.usual_words()
        return words, np.array([level_free(_whole_curve(self.eq_for(word))) for word in words]).reshape(len(words), -1)

    def _vector_of(self, eq: EqSettings) -> Float64Array:
        """Return the layout's vector (n_params,) closest to some settings without their preamp."""
        layout = self.bundle.manifest.layout
        enabled = tuple(band for band in eq.bands if band.enabled)
        for bands in (enabled, eq.active_bands):  # idle bands first: in them, each band stays in the slot that it came from
            with contextlib.suppress(InvalidEqError):
                return layout.to_vector(EqSettings(bands))
        freqs_hz = log_grid()
        curve_db = response_db(for_rate(EqSettings(enabled), FIT_RATE_HZ).eq, freqs_hz, FIT_RATE_HZ)
        return layout.to_vector(EqSettings(self._fit(curve_db, freqs_hz, level_free=True).bands))

    def _decode_target(self, target: SemanticTarget) -> _FullIntensity:
        """Return what a target decodes to."""
        weights = self._resolve_words(target.weights)
        key = tuple(sorted(weights.items()))
        found = self._decode_cache.get(key)
        if found is None:
            found = self._decode(dict(key))
            if len(self._decode_cache) >= _CACHED_TARGETS:
                self._decode_cache.clear()
            self._decode_cache[key] = found
        return found

    def _resolve_words(self, weights: Mapping[str, float]) -> dict[str, float]:
        known = {self._known_name(word): weight for word, weight in weights.items()}
        if len(known) != len(weights):
            raise InvalidTargetError(f"a word occurs twice in {', '.join(weights)}")
        return known

    def _known_name(self, word: str) -> str:
        """Return the name of a word that is taught, or guessed well enough for this engine."""
        bank = self.bundle.centroids
        name = normalise_term(word)
        if word in bank or self._guesses.usable(name, doubtful=self._takes_doubtful) is None:
            return bank[word].name
        return name

    def _decode(self, weights: Mapping[str, float]) -> _FullIntensity:
        share = decoded_share(weights, self.bundle.manifest.blend)
        parts = {word: share * weight for word, weight in weights.items()}
        eq = self._decode_sum(parts)
        meant = np.sum([part * self.heard_curve(word) for word, part in parts.items()], axis=0)
        miss_db = rms_db(_heard_curve(eq) - meant) / abs(share)
        return _FullIntensity(eq if self.is_exact else readable(eq, self.bundle.manifest.layout), 1.0 / share, miss_db)

    def _decode_sum(self, parts: Mapping[str, float]) -> EqSettings:
        """Return the settings for a sum of words: the decoder's, or a fit of its curve where one is a guess or sums cannot be decoded."""
        is_taught = all(word in self.bundle.centroids for word in parts)
        if is_taught and (len(parts) == 1 or self.bundle.manifest.blend is not None):
            return decode_sum(self.bundle, parts)
        grid = log_grid()
        curve_db = np.sum([part * self._response_of(word, grid) for word, part in parts.items()], axis=0)
        return self._fit(curve_db, grid)

    def _fit(self, curve_db: Float64Array, freqs_hz: Float64Array, *, level_free: bool = False) -> EqSettings:
        """Return the layout's bands that are closest to a curve (n,)."""
        from semeq_export.eq.fit import fit_eq  # for guesses, and bundles whose sums are not decoded

        return fit_eq(curve_db, freqs_hz, self.bundle.manifest.layout, FIT_RATE_HZ, level_free=level_free).eq

    def _response_of(self, word: str, freqs_hz: Float64Array) -> Float64Array:
        """Return a word's response (n,) in dB at freqs_hz (n,), that of a guess level-free."""
        if word in self.bundle.centroids:
            return response_db(decode_sum(self.bundle, {word: 1.0}), freqs_hz, FIT_RATE_HZ)
        return np.interp(np.log(freqs_hz), np.log(log_grid(N_POINTS)), self._guesses[word].curve_db)

    def heard_curve(self, word: str) -> Float64Array:
        """Return a taught or guessed word's level-free curve (96,) in dB where people hear it, to 0.001 dB, as phrases weigh it."""
        if word not in self._curves:
            self._curves[word] = np.round(level_free(self._response_of(word, log_grid(N_HEARD, *HEARD_HZ))), CURVE_DIGITS)
        return self._curves[word]


def _heard_curve(eq: EqSettings) -> Float64Array:
    return level_free(response_db(eq, log_grid(N_HEARD, *HEARD_HZ), FIT_RATE_HZ))


def _whole_curve(eq: EqSettings) -> Float64Array:
    return response_db(for_rate(eq, FIT_RATE_HZ).eq, log_grid(), FIT_RATE_HZ)
