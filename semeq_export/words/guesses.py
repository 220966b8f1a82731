"""Guesses for words that nobody taught, each with where it comes from and how sure it is: guesses.json. A guess is never a term."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal, NamedTuple

import msgspec
import numpy as np

from semeq_export.arrays import Float64Array
from semeq_export.errors import BundleFormatError, DoubtfulTermError
from semeq_export.files import strict_json
from semeq_export.words.evidence import N_POINTS
from semeq_export.words.terms import MAX_TERM_CHARS, normalise_term

MAX_BYTES = 400_000
"""What plug-ins read whole."""
MIN_FREQ_HZ, MAX_FREQ_HZ = 20.0, 20_000.0
MAX_CURVE_DB = 30.0

_MAX_WORDS, _MAX_NEAR, _MAX_BANDS, _MAX_SOURCES, _MAX_TEXT_CHARS = 3_000, 8, 8, 100, 200
_LEVEL_STEP_DB = 0.06  # half of the last digit, and a little more

Level = Literal["refused", "doubtful", "medium", "high"]


class ChartBand(NamedTuple):
    """What a chart says: amount, -1..1, of more between two frequencies; 20 and 20000 Hz are the ends of hearing."""

    low_hz: float
    high_hz: float
    amount: float

    @property
    def text(self) -> str:
        """The band for people: "6-15 kHz", "less below 150 Hz"."""
        less = "less " if self.amount < 0 else ""
        if self.low_hz <= MIN_FREQ_HZ:
            return f"{less}below {_hz(self.high_hz)}"
        if self.high_hz >= MAX_FREQ_HZ:
            return f"{less}above {_hz(self.low_hz)}"
        low, high = _hz(self.low_hz), _hz(self.high_hz)
        same_unit = low.split()[1] == high.split()[1]
        return f"{less}{low.split()[0] if same_unit else low}-{high}"


class Source(NamedTuple):
    """A published chart or glossary."""

    title: str
    url: str


@dataclass(frozen=True, slots=True, eq=False)
class Guess:
    """What a word that nobody taught may mean.

    languages: of "en" and "es". curve_db: (32,) on `log_grid(32)`, level-free, as strong as a typical word. confidence: 0..1, calibrated
    by `Guesses.level_of`. rows: people who used it, fewer than make a term. near: taught words with how alike they are used (cosine of
    their sentence vectors), most alike first. bands: what charts say, none where there is no chart. sources: keys of `Guesses.sources`.
    """

    word: str
    languages: tuple[str, ...]
    curve_db: Float64Array
    confidence: float
    rows: int = 0
    near: tuple[tuple[str, float], ...] = ()
    bands: tuple[ChartBand, ...] = ()
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Guesses:
    """The guesses of a bundle by word.

    doubtful_from, medium_from, high_from: confidences, ascending, that divide what is refused, what has to be asked for, and what is
    understood. encoder: by what meanings were compared. sources: the published charts by key.
    """

    guesses: Mapping[str, Guess]
    doubtful_from: float
    medium_from: float
    high_from: float
    encoder: str = ""
    sources: Mapping[str, Source] = field(default_factory=dict)

    def __getitem__(self, word: str) -> Guess:
        return self.guesses[word]

    def __contains__(self, word: object) -> bool:
        return word in self.guesses

    def usable(self, word: str, *, doubtful: bool) -> Guess | None:
        """Return the guess for a word, None where there is none or it is refused.

        doubtful: whether doubtful ones are asked for; else they raise DoubtfulTermError.
        """
        guess = self.guesses.get(word)
        level = "refused" if guess is None else self.level_of(guess)
        if guess is None or level == "refused":
            return None
        if level == "doubtful" and not doubtful:
            raise DoubtfulTermError(word, [near for near, _ in guess.near])
        return guess

    def level_of(self, guess: Guess) -> Level:
        """Return how sure a guess is: refused, doubtful (used only where it is asked for), medium or high.

        One that neither a person nor a chart speaks for is doubtful at best: it may be no word for sound at all.
        """
        if guess.confidence < self.doubtful_from:
            return "refused"
        if guess.confidence < self.medium_from or not (guess.rows or guess.bands):
            return "doubtful"
        return "medium" if guess.confidence < self.high_from else "high"

    def line(self, word: str) -> str:
        """Return what a user should know of a guess.

        sparkle: nobody taught it; nearest by use: bright .61, light .61; charts: 6-15 kHz; confidence medium
        """
        guess = self[word]
        people = f"{guess.rows} {'person' if guess.rows == 1 else 'people'} used it, too few to teach it"
        parts = [people if guess.rows else "nobody taught it"]
        if guess.near:
            parts.append("nearest by use: " + ", ".join(f"{near} {_share(share)}" for near, share in guess.near))
        if guess.bands:
            parts.append("charts: " + ", ".join(band.text for band in guess.bands))
        return f"{word}: {'; '.join(parts)}; confidence {self.level_of(guess)}"

    def to_dict(self, word: str) -> dict[str, object]:
        """Return a guess as plain data for JSON."""
        guess = self[word]
        return {
            "estimated": True,
            "confidence": guess.confidence,
            "level": self.level_of(guess),
            "rows": guess.rows,
            "near": [[near, share] for near, share in guess.near],
            "chart": [list(band) for band in guess.bands],
            "sources": [self.sources[key].url for key in guess.sources],
        }

    def to_json(self) -> bytes:
        """Return guesses.json: sorted keys, curves to 0.1 dB, byte-stable; raises BundleFormatError where it is too large."""
        stored = {
            "levels": {"doubtful": self.doubtful_from, "medium": self.medium_from, "high": self.high_from},
            "encoder": self.encoder,
            "sources": {key: source._asdict() for key, source in self.sources.items()},
            "words": {word: _to_stored(guess) for word, guess in self.guesses.items()},
        }
        data = (strict_json.text(stored, indent=0) + "\n").encode("utf-8")
        if len(data) > MAX_BYTES:
            raise BundleFormatError(f"guesses.json: {len(data)} bytes, more than {MAX_BYTES}")
        return data

    @classmethod
    def from_json(cls, data: bytes) -> Guesses:
        """Return the guesses of a guesses.json; raises BundleFormatError with what is wrong."""
        try:
            stored = msgspec.convert(strict_json.loads(data, max_bytes=MAX_BYTES), _StoredGuesses, strict=True)
        except ValueError as error:  # msgspec.ValidationError is one
            raise BundleFormatError(f"guesses.json: {error}") from error
        levels = stored.levels
        if not 0.0 < levels.doubtful <= levels.medium <= levels.high <= 1.0:
            raise BundleFormatError("guesses.json: levels do not ascend in 0..1")
        sources = {key: Source(entry.title, entry.url) for key, entry in stored.sources.items()}
        guesses = {word: _from_stored(word, entry, sources) for word, entry in stored.words.items()}
        return cls(guesses, levels.doubtful, levels.medium, levels.high, stored.encoder, sources)


NO_GUESSES = Guesses({}, 1.0, 1.0, 1.0)
"""Those of a bundle that has none."""

_Share = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=_MAX_TEXT_CHARS)]


class _StoredLevels(msgspec.Struct, frozen=True):
    doubtful: _Share
    medium: _Share
    high: _Share


class _StoredSource(msgspec.Struct, frozen=True):
    title: _Text
    url: _Text


class _StoredGuess(msgspec.Struct, frozen=True):
    languages: Annotated[list[Literal["en", "es"]], msgspec.Meta(min_length=1, max_length=2)]
    curve_db: Annotated[list[float], msgspec.Meta(min_length=N_POINTS, max_length=N_POINTS)]
    confidence: _Share
    rows: Annotated[int, msgspec.Meta(ge=0, le=10**9)] = 0
    near: Annotated[list[tuple[str, _Share]], msgspec.Meta(max_length=_MAX_NEAR)] = []
    chart: Annotated[list[tuple[float, float, float]], msgspec.Meta(max_length=_MAX_BANDS)] = []
    sources: Annotated[list[str], msgspec.Meta(max_length=_MAX_SOURCES)] = []


class _StoredGuesses(msgspec.Struct, frozen=True):
    levels: _StoredLevels
    encoder: _Text
    sources: Annotated[dict[str, _StoredSource], msgspec.Meta(max_length=_MAX_SOURCES)]
    words: Annotated[dict[str, _StoredGuess], msgspec.Meta(max_length=_MAX_WORDS)]


def _to_stored(guess: Guess) -> dict[str, object]:
    return {
        "languages": list(guess.languages),
        "curve_db": [round(float(value), 1) + 0.0 for value in guess.curve_db],
        "confidence": round(guess.confidence, 3),
        **({"rows": guess.rows} if guess.rows else {}),
        **({"near": [[word, round(share, 2)] for word, share in guess.near]} if guess.near else {}),
        **({"chart": [list(band) for band in guess.bands], "sources": list(guess.sources)} if guess.bands else {}),
    }


def _from_stored(word: str, entry: _StoredGuess, sources: Mapping[str, Source]) -> Guess:
    where = f"guesses.json: {word[:60]!r}"
    if word != normalise_term(word) or not 0 < len(word) <= MAX_TERM_CHARS or not word.isprintable() or set("/\\:,@") & set(word):
        raise BundleFormatError(f"{where} is not a lower-case word of 1..{MAX_TERM_CHARS} characters")
    curve_db = np.array(entry.curve_db, dtype=np.float64)
    if not np.all(np.abs(curve_db) <= MAX_CURVE_DB):
        raise BundleFormatError(f"{where}: the curve is outside -{MAX_CURVE_DB:g}..{MAX_CURVE_DB:g} dB")
    if abs(float(curve_db.mean())) > _LEVEL_STEP_DB:
        raise BundleFormatError(f"{where}: the curve has a level, {curve_db.mean():.2f} dB")
    if len(set(entry.languages)) != len(entry.languages):
        raise BundleFormatError(f"{where}: a language occurs twice")
    for low_hz, high_hz, amount in entry.chart:
        if not (MIN_FREQ_HZ <= low_hz < high_hz <= MAX_FREQ_HZ and 0.0 < abs(amount) <= 1.0):
            raise BundleFormatError(f"{where}: chart band {low_hz:g}, {high_hz:g}, {amount:g} is none")
    unknown = [key for key in entry.sources if key not in sources]
    if unknown or bool(entry.chart) != bool(entry.sources):
        raise BundleFormatError(f"{where}: {f'no source {unknown[0][:60]!r}' if unknown else 'a chart and its sources go together'}")
    bands = tuple(ChartBand(*band) for band in entry.chart)
    return Guess(
        word, tuple(entry.languages), curve_db, entry.confidence, entry.rows, tuple(_near(where, entry.near)), bands, tuple(entry.sources)
    )


def _near(where: str, near: Sequence[tuple[str, float]]) -> Iterator[tuple[str, float]]:
    for word, share in near:
        if word != normalise_term(word) or not 0 < len(word) <= MAX_TERM_CHARS or not word.isprintable():
            raise BundleFormatError(f"{where}: near word {word[:60]!r} is none")
        yield word, share


def _hz(freq_hz: float) -> str:
    return f"{freq_hz / 1_000:g} kHz" if freq_hz >= 1_000 else f"{freq_hz:g} Hz"


def _share(share: float) -> str:
    return f"{share:.2f}".removeprefix("0")
