"""What is asked for: words with weights and an intensity, such as "warm:0.7,bright:0.3"."""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from semeq_export.errors import InvalidTargetError
from semeq_export.words.terms import LESS, normalise_term

MIN_INTENSITY, MAX_INTENSITY = -3.0, 3.0
MIN_WEIGHT, MAX_WEIGHT = 1e-6, 10.0
"""Sizes of a word's weight, either way; 1 is the word as people mean it, and less than MIN_WEIGHT of it is nothing."""

_SHOWN_CHARS = 60


@dataclass(frozen=True, slots=True)
class SemanticTarget:
    """What is asked for: words with weights, and how much.

    weights: word -> weight, -10..10, not 0. What is asked for is the sum of the words' curves in dB, each times its weight: 1 is the word
    as people mean it, 0.5 half of it, below 0 its opposite.
    intensity: -3..3, of the sum; 0 = flat, 2 = exaggerated, negative = the opposite. Raises InvalidTargetError.
    """

    weights: Mapping[str, float]
    intensity: float = 1.0

    def __post_init__(self) -> None:
        if not self.weights:
            raise InvalidTargetError("a target needs at least one word, such as warm or warm:0.7,bright:0.3")
        for name, number in (
            ("intensity", self.intensity),
            *((f"weight of {_shown(word)}", weight) for word, weight in self.weights.items()),
        ):
            if not isinstance(number, numbers.Real):
                raise InvalidTargetError(f"{name} {number!r:.60} is not a number")
        for word, weight in self.weights.items():
            if not math.isfinite(weight) or weight == 0:
                raise InvalidTargetError(f"weight {weight:g} of {_shown(word)} is not a number other than 0")
            if not MIN_WEIGHT <= abs(weight) <= MAX_WEIGHT:
                limits = f"{-MAX_WEIGHT:g}..{MAX_WEIGHT:g}"
                raise InvalidTargetError(
                    f"weight {weight:g} of {_shown(word)} is 0 or outside {limits}; 1 is the word itself, 0.7 is 70 % of it"
                )
        if not MIN_INTENSITY <= self.intensity <= MAX_INTENSITY:
            raise InvalidTargetError(f"intensity {self.intensity:g} is outside {MIN_INTENSITY:g}..{MAX_INTENSITY:g}")
        object.__setattr__(self, "weights", MappingProxyType({word: float(weight) for word, weight in self.weights.items()}))
        object.__setattr__(self, "intensity", float(self.intensity))

    def __hash__(self) -> int:
        return hash((frozenset(self.weights.items()), self.intensity))

    @classmethod
    def parse(cls, text: str, intensity: float = 1.0) -> SemanticTarget:
        """Return the target of "warm", "warm:0.7,bright:0.3" or "warm,less harsh"; raises InvalidTargetError.

        A word without a weight counts 1; where no word has one, those that add share 1, so "warm,bright" is half of each.
        "less" (Spanish "menos") before a word turns its weight around. `Engine.understand` takes less of a word away with more care.
        """
        weights: dict[str, float] = {}
        for part in text.split(","):
            word, separator, number = part.partition(":")
            name = normalise_term(word)
            less, _, rest = name.partition(" ")
            sign, name = (-1.0, rest) if rest and less in LESS else (1.0, name)
            if not name:
                raise InvalidTargetError(f"no word in {_shown(part)} of target {_shown(text)}")
            try:
                weight = sign * (float(number) if separator else 1.0)
            except ValueError as error:
                raise InvalidTargetError(f"weight {_shown(number)} of {_shown(name)} is not a number") from error
            if name in weights:
                raise InvalidTargetError(f"{_shown(name)} occurs twice in target {_shown(text)}")
            weights[name] = weight
        if ":" not in text:
            adding = sum(weight > 0 for weight in weights.values())
            weights = {name: weight / adding if weight > 0 else weight for name, weight in weights.items()}
        return cls(weights, intensity)

    def __str__(self) -> str:
        if list(self.weights.values()) == [1.0]:
            return next(iter(self.weights))
        return ",".join(f"{word}:{weight:g}" for word, weight in self.weights.items())


def _shown(text: str) -> str:
    """Return what somebody wrote as a message quotes it: its beginning, where it is no line."""
    return repr(text.strip()[:_SHOWN_CHARS])
