"""What a text was understood to ask for; a text in the exact syntax is read here, without the grammar of phrases."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from semeq_export.errors import DoubtfulTermError, InvalidTargetError, SemeqError
from semeq_export.words.guesses import NO_GUESSES, Guesses
from semeq_export.words.target import SemanticTarget
from semeq_export.words.terms import CentroidBank

MAX_PHRASE_CHARS = 300


@dataclass(frozen=True, slots=True)
class Phrase:
    """What a text was understood to ask for.

    weights: word of the vocabulary -> weight, in the order of the text. ignored: words that say what the sound is of, not how it is.
    is_exact: the text gives the weights itself, such as warm:0.7,bright:0.3, or is one word.
    guesses: the words of it that nobody taught.
    """

    weights: Mapping[str, float]
    ignored: tuple[str, ...] = ()
    is_exact: bool = False
    guesses: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "weights", MappingProxyType(dict(self.weights)))

    def __hash__(self) -> int:
        return hash((tuple(self.weights.items()), self.ignored, self.is_exact))

    @property
    def understood(self) -> str:
        """What was understood, for people: "warm 0.5, muddy -0.7"; understood again, it means the same."""
        return ", ".join(f"{word} {weight:g}" for word, weight in self.weights.items())

    @property
    def line(self) -> str:
        """The line that says what was understood, what was left out, and that nothing but less of words is their opposite."""
        left_out = f"; left out: {', '.join(self.ignored)}" if self.ignored else ""
        opposite = "" if self._adds else f"; the opposite of {' and '.join(self.weights)}"
        guessed = f"; only guessed: {', '.join(self.guesses)}" if self.guesses else ""
        return f"understood: {self.understood}{opposite}{left_out}{guessed}"

    def to_dict(self) -> dict[str, object]:
        """Return plain data for JSON."""
        return {"weights": dict(self.weights), "left_out": list(self.ignored), **({"estimated": True} if self.guesses else {})}

    @property
    def _adds(self) -> bool:
        return any(weight > 0 for weight in self.weights.values())

    def target(self, intensity: float = 1.0) -> SemanticTarget:
        """Return the target; raises InvalidTargetError for a weight or an intensity out of range."""
        return SemanticTarget(self.weights, intensity)


def exact_phrase(text: str, bank: CentroidBank, guesses: Guesses = NO_GUESSES, *, doubtful: bool = False) -> Phrase | None:
    """Return what a text in the exact syntax says, None where it has to be read as a phrase.

    Without numbers, what is said of each word is 1 or, for less of it, -1. doubtful: whether doubtful guesses are asked for.
    Raises UnknownTermError and InvalidTargetError for what is written as no phrase is, and DoubtfulTermError.
    """
    try:
        exact = SemanticTarget.parse(text).weights
        guessed = {word for word in exact if word not in bank and guesses.usable(word, doubtful=doubtful) is not None}
        named = {word if word in guessed else bank[word].name: weight for word, weight in exact.items()}
    except DoubtfulTermError:
        raise
    except SemeqError as error:
        if ":" in text:
            raise
        if len(text) > MAX_PHRASE_CHARS:
            raise InvalidTargetError(f"a phrase of {len(text)} characters is longer than {MAX_PHRASE_CHARS}") from error
        return None
    if len(named) != len(exact):
        return None
    found = tuple(word for word in named if word in guessed)
    if ":" in text or list(named.values()) == [1.0]:
        return Phrase(named, is_exact=True, guesses=found)
    return Phrase({word: math.copysign(1.0, weight) for word, weight in named.items()}, guesses=found)
