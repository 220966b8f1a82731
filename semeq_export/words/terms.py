"""Words as data: terms with the size of their evidence, and the bank that holds them."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from semeq_export.errors import BundleFormatError, UnknownTermError
from semeq_export.files import strict_json

MAX_TERM_CHARS = 64
MAX_TERMS = 5_000
MAX_TYPICAL_INTENSITY, MAX_EXAMPLES = 100.0, 2**31 - 1
AGREED = 0.1
"""Agreement of people below which a word is no description: it is weak, and used only where it is asked for by name."""

DEFAULT_LANGUAGE = "en"
"""Of words where nobody names one or a language: lists, pictures, libraries."""

LESS = frozenset({"less", "menos"})
"""What turns the weight of the word after it around; so no word begins with it."""

OWN = "own presets"
"""What `sources` calls the presets from which users teach words of their own."""

Sort = Literal["name", "examples", "agreement"]
"""What words are listed by: in alphabetical order, or those with most people or most agreement first."""

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
    def surety(self) -> float:
        """How surely the mean of its examples is known, 0..1: the share of that mean's variance that people have in common.

        n a / (1 + (n - 1) a) of n examples that agree by a (C. Spearman and W. Brown, British Journal of Psychology 3, 1910); 1.0 of a
        user's own word.
        """
        shared = self.examples * max(self.agreement, 0.0)
        return 1.0 if self.is_own else shared / max(shared + 1.0 - max(self.agreement, 0.0), 1e-9)

    @property
    def is_variant(self) -> bool:
        """Whether it is a word of some people only, such as warm@metal: those who worked on metal."""
        return "@" in self.name

    @property
    def is_own(self) -> bool:
        """Whether a user taught it."""
        return OWN in self.sources

    def __str__(self) -> str:
        """Return one line: the word and the evidence for it, "warm (en): 521 people's settings, agreement 0.25"."""
        return f"{self.name} ({self.language}): {self.examples} people's settings, agreement {self.agreement:.2f}"

    def __repr__(self) -> str:
        return f"<Term {self}>"

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
    """The words of a bundle by name, all of one latent size, in alphabetical order. Raises BundleFormatError if empty or mixed.

    is_measured: whether the agreements are people's; where they may be nobody's, no word is weak.
    """

    def __init__(self, terms: Iterable[Term], *, is_measured: bool = True) -> None:
        self._is_measured = is_measured
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

    def usual_words(self, language: str | None = None) -> list[str]:
        """Return the words for where nobody names one: neither weak nor of some people only; a user's own always.

        The one rule for lists, pictures, libraries, advice and suggestions. language: None is all; a user's own words are of any.
        """
        return [name for name in self._terms if self.is_usual(name, language)]

    def is_usual(self, name: str, language: str | None = None) -> bool:
        """Whether a word is one of `usual_words`; raises UnknownTermError."""
        term = self[name]
        return term.is_own or (language in (None, term.language) and not (self.is_weak(name) or term.is_variant))

    def is_weak(self, name: str) -> bool:
        """Whether people do not agree on a word, as far as they were asked; raises UnknownTermError."""
        return self._is_measured and self[name].is_weak

    def listed(self, sort: Sort = "examples", *, language: str | None = None, with_weak: bool = False) -> list[Term]:
        """Return the `usual_words` as terms, those with the most first; with_weak: all words of the language instead."""
        chosen = [
            term for name, term in self._terms.items() if self.is_usual(name, language) or (with_weak and language in (None, term.language))
        ]
        by = {"name": (0, 0), "examples": (1, 0), "agreement": (0, 1)}[sort]
        return sorted(chosen, key=lambda term: (-by[0] * term.examples, -by[1] * term.agreement, term.name))

    def left_out(self, language: str | None = None) -> list[str]:
        """Return a line for each reason for which `usual_words` leaves words out."""
        rest = [term for term in self._terms.values() if not self.is_usual(term.name, language)]
        reasons = {
            "weak, or of some people only; ask for them by name": sum(language in (None, term.language) for term in rest),
            "of other languages; `language` says of which": sum(self.is_usual(term.name) for term in rest),
        }
        return [f"{count} word{'' if count == 1 else 's'} left out: {why}" for why, count in reasons.items() if count]

    def suggest(self, name: str, top: int = 3) -> list[str]:
        """Return usual words spelled like this one, closest first, with an @ those of some people too; of several in one, their blend."""
        import difflib  # only where a word is unknown

        parts = name.replace("+", " ").replace(" and ", " ").split() if len(name) <= MAX_TERM_CHARS else []
        if len(parts) > 1 and all(part in self for part in parts):
            return [",".join(dict.fromkeys(self[part].name for part in parts))]
        known = [word for word in self._terms if not self.is_weak(word)] if "@" in name else self.usual_words()
        return difflib.get_close_matches(normalise_term(name)[:MAX_TERM_CHARS], known, n=top, cutoff=0.6)

    def to_json(self) -> bytes:
        """Return the bank as JSON with sorted keys and shortest exact floats: byte-stable."""
        return strict_json.dumps({"terms": {name: _term_to_dict(term) for name, term in self._terms.items()}})

    @classmethod
    def from_json(cls, data: bytes, *, is_measured: bool = True) -> CentroidBank:
        """Return the bank of a centroids.json; raises BundleFormatError with the place that is wrong."""
        try:
            document = strict_json.loads(data, max_bytes=16_000_000)
            stored = msgspec.convert(document, _StoredBank, strict=True)
        except ValueError as error:  # msgspec.ValidationError is one
            raise BundleFormatError(f"centroids.json: {error}") from error
        terms = (Term(name=name, **msgspec.structs.asdict(term)) for name, term in stored.terms.items())
        return cls(terms, is_measured=is_measured)


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
