"""What is wanted of one stem: a word, a preset or a reference, how much of it, a chain. Plain data that travels to other processes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from semeq_export.errors import IntentError
from semeq_export.listening.match import MAX_MATCH_LIMIT_DB

MAX_INTENSITY = 3.0


@dataclass(frozen=True, slots=True)
class Intent:
    """What is wanted of one stem; the fields are named as the options of `semeq-export process`.

    target: words. preset: name of a preset file, whose EQ is in `eq`, as plain data of `semeq_export.eq.channels.to_plain`; an `eq` alone
    is what it is. match: a reference to follow. match_amount: how much of the way, 0..1, instead of an intensity. match_limit_db: see
    `semeq_export.listening.match.match_eq`. intensity: None is 1, or what a chain states; "typical" as far as people turn the words, "auto"
    as much of them as the sound needs. reference: what adaptive words are compared with. chain: a TOML file that runs after the EQ, or
    alone.
    Raises IntentError for what contradicts itself or asks for nothing.
    """

    target: str | None = None
    preset: str | None = None
    match: str | None = None
    match_amount: float | None = None
    match_limit_db: float | None = None
    intensity: float | Literal["auto", "typical"] | None = None
    mode: Literal["static", "adaptive"] = "static"
    analysis: Literal["whole", "rolling"] = "whole"
    reference: str | None = None
    refine: bool = False
    chain: str | None = None
    eq: dict[str, Any] | None = field(default=None, hash=False)

    def __post_init__(self) -> None:
        named = [
            option for option, value in (("`target`", self.target), ("`preset`", self.preset), ("`match`", self.match)) if value is not None
        ]
        if len(named) > 1:
            raise IntentError(f"give {' or '.join(named)}, not both")
        if not named and self.chain is None and self.eq is None:
            raise IntentError("nothing to do: give `target` TEXT, `preset` FILE, `match` REF or `chain` TOML")
        if not named and self.intensity is not None:
            raise IntentError("`intensity` needs `target`, `preset` or `match`; a chain states its own")
        self._check_match()
        if isinstance(self.intensity, (int, float)) and not abs(self.intensity) <= MAX_INTENSITY:
            raise IntentError(f"intensity {self.intensity:g} is outside {-MAX_INTENSITY:g}..{MAX_INTENSITY:g}")
        if self.intensity == "typical" and self.target is None:
            raise IntentError("`intensity` typical needs `target` TEXT")
        if self.listens_to_words and self.target is None:
            raise IntentError("`mode` adaptive and `intensity` auto need `target` TEXT")
        if (self.reference is not None or self.refine) and not self.listens_to_words:
            lonely = "`refine`" if self.reference is None else "`reference`"
            raise IntentError(f"{lonely} needs `mode` adaptive or `intensity` auto")
        if self.analysis == "rolling" and (not self.listens_to_words or self.refine):
            raise IntentError("`analysis` rolling needs `mode` adaptive or `intensity` auto, without `refine`")

    def _check_match(self) -> None:
        for name, value in (("match_amount", self.match_amount), ("match_limit_db", self.match_limit_db)):
            if value is not None and self.match is None:
                raise IntentError(f"`{name}` needs `match` REF")
        if self.match_amount is not None and not 0.0 <= self.match_amount <= 1.0:
            raise IntentError(f"`match_amount` {self.match_amount:g} is outside 0..1")
        if self.match_limit_db is not None and not 0.0 < self.match_limit_db <= MAX_MATCH_LIMIT_DB:
            raise IntentError(f"`match_limit_db` {self.match_limit_db:g} is not above 0 and up to {MAX_MATCH_LIMIT_DB:g}")
        if self.match_amount is not None and self.intensity is not None:
            raise IntentError("give `match_amount` or `intensity`, not both")

    @property
    def listens_to_words(self) -> bool:
        """Whether the dose of the word follows the sound."""
        return self.mode == "adaptive" or self.intensity == "auto"

    @property
    def amount(self) -> float:
        """The intensity as a number; 1 where it is to be found, or not stated."""
        if self.match_amount is not None:
            return self.match_amount
        return 1.0 if self.intensity is None or isinstance(self.intensity, str) else self.intensity

    def summary(self) -> str:
        """Return one line for people."""
        parts = [self.target or self.preset or (f"like {self.match}" if self.match is not None else "")]
        amount = self.intensity if self.match_amount is None else self.match_amount
        parts.append("" if amount is None else str(amount))
        parts.append(f"adaptive{'' if self.reference is None else f' to {self.reference}'}" if self.listens_to_words else "")
        parts.append("" if self.chain is None else f"chain {self.chain}")
        return ", ".join(part for part in parts if part)

    def wishes(self) -> dict[str, object]:
        """Return the fields that are not the default, without what a preset holds: what was asked for, to be compared and said."""
        usual = Intent(target="")  # which nobody asks for
        named = {name: value for name, value in self.to_dict().items() if name != "eq" and value not in (None, getattr(usual, name))}
        return {name: value for name, value in named.items() if (name, value) != ("intensity", 1.0)}

    def to_dict(self) -> dict[str, object]:
        """Return plain data for JSON."""
        data: dict[str, object] = msgspec.to_builtins(self)
        return data

    @classmethod
    def from_dict(cls, data: Mapping[str, object]) -> Intent:
        """Return the intent that `to_dict` wrote. Raises IntentError naming the field that is unknown or of a wrong type."""
        check_values(data)
        try:
            return msgspec.convert(data, cls)
        except msgspec.ValidationError as error:
            raise error.__cause__ if isinstance(error.__cause__, IntentError) else IntentError(str(error)) from None


def check_values(values: Mapping[str, object]) -> None:
    """Raise IntentError for a field that does not exist, or a value that it cannot have whatever the others are."""
    for name, value in values.items():
        if name not in _TYPES:
            raise IntentError(f"unknown key {name!r}; there are {', '.join(sorted(_TYPES.keys() - {'eq'}))}")
        if not _TYPES[name](value):
            raise IntentError(f"`{name}` is empty" if value == "" else f"{name} {value!r} is not usable here")


def _is_text(value: object) -> bool:
    return value is None or (isinstance(value, str) and bool(value))


def _is_number(value: object) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value))


def _is_intensity(value: object) -> bool:
    return value in ("auto", "typical") or _is_number(value)


_TYPES: dict[str, Callable[[object], bool]] = {
    **dict.fromkeys(("target", "preset", "match", "reference", "chain"), _is_text),
    **dict.fromkeys(("match_amount", "match_limit_db"), _is_number),
    "intensity": _is_intensity,
    "mode": lambda value: value in ("static", "adaptive"),
    "analysis": lambda value: value in ("whole", "rolling"),
    "refine": lambda value: isinstance(value, bool),
    "eq": lambda value: value is None or isinstance(value, Mapping),
}
