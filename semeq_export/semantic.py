"""Words as data: terms with their evidence, the bank that holds them, and targets such as "warm:0.7,bright:0.3"."""

from __future__ import annotations

import difflib
import math
import numbers
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import msgspec
import numpy as np
from numpy.typing import NDArray

from semeq_export import strict_json
from semeq_export.errors import BundleFormatError, InvalidTargetError, UnknownTermError

MIN_INTENSITY, MAX_INTENSITY = -3.0, 3.0
MAX_TERM_CHARS = 64
MAX_TERMS = 5_000
MAX_TYPICAL_INTENSITY, MAX_EXAMPLES = 100.0, 2**31 - 1
AGREED = 0.1
"""Agreement of people below which a word is no description: it is weak, and used only where it is asked for by name."""

LESS = frozenset({"less", "menos"})
"""What turns the weight of the word after it around; so no word begins with it."""

OWN = "own presets"
"""What `sources` calls the presets from which users teach words of their own."""

_MAX_NOTE_CHARS = 300


def normalise_term(text: str) -> str:
    """Return a word as banks spell it: Unicode NFC, lower case, trimmed, runs of spaces joined."""
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


@dataclass(frozen=True, slots=True)
class Term:
    """One word with its place in the latent space and the evidence for it.

    z: (latent_dim,) in -1..1. language: "en" or "es". examples: number of people's settings behind it, by source in `sources`.
    agreement: mean correlation of pairs of its examples' level-free curves; 0 = people disagree.
    typical_intensity: how strongly the median contributor does it, in units of this term. note: what a user should know, "" for nothing.
    """

    name: str
    z: tuple[float, ...]
    language: str
    examples: int
    agreement: float
    typical_intensity: float
    sources: Mapping[str, int] = field(default_factory=dict)
    note: str = ""

    @property
    def is_weak(self) -> bool:
        """Whether people do not agree on it."""
        return self.agreement < AGREED

    @property
    def is_variant(self) -> bool:
        """Whether it is a word of some people only, such as warm@metal: those who worked on metal."""
        return "@" in self.name

    @property
    def is_own(self) -> bool:
        """Whether a user taught it."""
        return OWN in self.sources

    def __post_init__(self) -> None:
        if self.name != normalise_term(self.name) or not 0 < len(self.name) <= MAX_TERM_CHARS:
            raise BundleFormatError(f"term {self.name[:60]!r} is not a lower-case word of 1..{MAX_TERM_CHARS} characters")
        if self.name.partition(" ")[0] in LESS:
            raise BundleFormatError(f"term {self.name!r} begins with {self.name.partition(' ')[0]!r}, which stands for a weight below 0")
        if not self.name.isprintable() or re.search(r"[/\\:,]", self.name):
            raise BundleFormatError(f"term {self.name[:60]!r} holds a character that no word has")
        if not all(math.isfinite(v) and abs(v) <= 1.0 for v in self.z):
            raise BundleFormatError(f"term {self.name!r}: z is outside -1..1")
        for field_name, value, bounds in (
            ("agreement", self.agreement, (-1.0, 1.0)),
            ("typical_intensity", self.typical_intensity, (0.0, MAX_TYPICAL_INTENSITY)),
            *(("number of examples", count, (0, MAX_EXAMPLES)) for count in (self.examples, *self.sources.values())),
        ):
            if not bounds[0] <= value <= bounds[1]:
                raise BundleFormatError(f"term {self.name!r}: {field_name} {value:g} is outside {bounds[0]:g}..{bounds[1]}")
        for field_name, text in (("language", self.language), *(("source", source) for source in self.sources)):
            if not (0 < len(text) <= MAX_TERM_CHARS and text.isprintable()):
                raise BundleFormatError(f"term {self.name!r}: {field_name} {text[:60]!r} is not 1..{MAX_TERM_CHARS} printable characters")
        if len(self.note) > _MAX_NOTE_CHARS or (self.note and not self.note.isprintable()):
            raise BundleFormatError(f"term {self.name!r}: note is not one printable line of at most {_MAX_NOTE_CHARS} characters")


class CentroidBank(Mapping[str, Term]):
    """The words of a bundle by name, all of one latent size, in alphabetical order. Raises BundleFormatError if empty or mixed."""

    def __init__(self, terms: Iterable[Term]) -> None:
        ordered = sorted(terms, key=lambda term: term.name)
        self._terms = {term.name: term for term in ordered}
        if not 0 < len(ordered) <= MAX_TERMS or len(self._terms) != len(ordered):
            raise BundleFormatError(f"a centroid bank holds 1..{MAX_TERMS} terms of different names, found {len(ordered)}")
        self.latent_dim = len(ordered[0].z)
        if any(len(term.z) != self.latent_dim for term in ordered):
            raise BundleFormatError("terms of a centroid bank differ in latent size")

    def __getitem__(self, name: str) -> Term:
        """Return a term by name, in any spelling of case and spaces; raises UnknownTermError with suggestions."""
        term = self._terms.get(name) or self._terms.get(normalise_term(name))
        if term is None:
            raise UnknownTermError(name, self.suggest(name))
        return term

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and (name in self._terms or normalise_term(name) in self._terms)

    def __iter__(self) -> Iterator[str]:
        return iter(self._terms)

    def __len__(self) -> int:
        return len(self._terms)

    def suggest(self, name: str, top: int = 3) -> list[str]:
        """Return known words spelled like this one, closest first; of several in one, their blend."""
        parts = name.replace("+", " ").replace(" and ", " ").split()
        if len(parts) > 1 and all(part in self for part in parts):
            return [",".join(self[part].name for part in parts)]
        return difflib.get_close_matches(normalise_term(name)[:MAX_TERM_CHARS], self._terms, n=top, cutoff=0.6)

    def blend(self, weights: Mapping[str, float]) -> NDArray[np.float32]:
        """Return the weighted mean (latent_dim,) of the words' latent vectors; weights are positive, any sum.

        Raises UnknownTermError, and InvalidTargetError where no weight is positive or one is not.
        """
        if not weights or any(not math.isfinite(w) or w <= 0 for w in weights.values()):
            raise InvalidTargetError("a blend needs one or more words, all with weights above 0")
        vectors = np.array([self[name].z for name in weights])
        shares = np.array(list(weights.values()))
        return np.asarray(shares @ vectors / shares.sum(), dtype=np.float32)

    def to_json(self) -> bytes:
        """Return the bank as JSON with sorted keys and shortest exact floats: byte-stable."""
        return strict_json.dumps({"terms": {name: _term_to_dict(term) for name, term in self._terms.items()}})

    @classmethod
    def from_json(cls, data: bytes) -> CentroidBank:
        """Return the bank of a centroids.json; raises BundleFormatError with the place that is wrong."""
        try:
            document = strict_json.loads(data, max_bytes=16_000_000)
            stored = msgspec.convert(document, _StoredBank, strict=True)
        except ValueError as error:  # msgspec.ValidationError is one
            raise BundleFormatError(f"centroids.json: {error}") from error
        return cls(Term(name=name, **msgspec.structs.asdict(term)) for name, term in stored.terms.items())


class _StoredTerm(msgspec.Struct, frozen=True, forbid_unknown_fields=False):
    z: tuple[float, ...]
    language: str
    examples: int
    agreement: float
    typical_intensity: float
    sources: dict[str, int] = {}
    note: str = ""


class _StoredBank(msgspec.Struct, frozen=True):
    terms: dict[str, _StoredTerm]


def _term_to_dict(term: Term) -> dict[str, object]:
    return {
        "z": list(term.z),
        "language": term.language,
        "examples": term.examples,
        "agreement": term.agreement,
        "typical_intensity": term.typical_intensity,
        "sources": dict(term.sources),
        **({"note": term.note} if term.note else {}),
    }


@dataclass(frozen=True, slots=True)
class SemanticTarget:
    """What is asked for: words with weights, and how much.

    weights: word -> weight, finite, not 0; positive ones are blended in the latent, a negative one ("less harsh") subtracts that
    word's dB curve.
    intensity: -3..3; 0 = flat, 1 = the term, 2 = exaggerated, negative = the opposite. Raises InvalidTargetError.
    """

    weights: Mapping[str, float]
    intensity: float = 1.0

    def __post_init__(self) -> None:
        if not self.weights:
            raise InvalidTargetError("a target needs at least one word, such as warm or warm:0.7,bright:0.3")
        for name, number in (("intensity", self.intensity), *((f"weight of {word!r}", weight) for word, weight in self.weights.items())):
            if not isinstance(number, numbers.Real):
                raise InvalidTargetError(f"{name} {number!r:.60} is not a number")
        for word, weight in self.weights.items():
            if not math.isfinite(weight) or weight == 0 or abs(weight) > 1e6:
                raise InvalidTargetError(f"weight {weight:g} of {word!r} is not a number other than 0")
        if not any(weight > 0 for weight in self.weights.values()):
            raise InvalidTargetError("a target needs one word with a weight above 0; for less of a word alone use a negative intensity")
        if not MIN_INTENSITY <= self.intensity <= MAX_INTENSITY:
            raise InvalidTargetError(f"intensity {self.intensity:g} is outside {MIN_INTENSITY:g}..{MAX_INTENSITY:g}")
        object.__setattr__(self, "weights", MappingProxyType({word: float(weight) for word, weight in self.weights.items()}))
        object.__setattr__(self, "intensity", float(self.intensity))

    def __hash__(self) -> int:
        return hash((frozenset(self.weights.items()), self.intensity))

    @classmethod
    def parse(cls, text: str, intensity: float = 1.0) -> SemanticTarget:
        """Return the target of "warm", "warm:0.7,bright:0.3" or "warm,less harsh"; raises InvalidTargetError.

        A word without a weight counts 1. "less" (Spanish "menos") before a word turns its weight around.
        """
        weights: dict[str, float] = {}
        for part in text.split(","):
            word, separator, number = part.partition(":")
            name = normalise_term(word)
            less, _, rest = name.partition(" ")
            sign, name = (-1.0, rest) if rest and less in LESS else (1.0, name)
            if not name:
                raise InvalidTargetError(f"no word in {part.strip()!r} of target {text!r}")
            try:
                weight = sign * (float(number) if separator else 1.0)
            except ValueError as error:
                raise InvalidTargetError(f"weight {number.strip()!r} of {name!r} is not a number") from error
            if name in weights:
                raise InvalidTargetError(f"{name!r} occurs twice in target {text!r}")
            weights[name] = weight
        return cls(weights, intensity)

    def __str__(self) -> str:
        if len(self.weights) == 1:
            return next(iter(self.weights))
        return ",".join(f"{word}:{weight:g}" for word, weight in self.weights.items())
