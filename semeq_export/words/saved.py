"""Words as files keep them: with what they meant when they were saved, so that what was saved sounds the same under another bundle."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from semeq_export.eq.settings import EqSettings
from semeq_export.words.target import SemanticTarget

_RELATIVE, _GAIN_DB = 1e-5, 1e-4
"""By how much bands in a file may differ from those that words meant: what formats round, and nothing that can be heard."""


@dataclass(frozen=True, slots=True)
class SavedWords:
    """A target with what it meant when it was saved.

    eq: what was resolved, intensity included, as it is played. bundle_sha256: identity of the bundle that resolved it, see
    `Bundle.identity`. estimated: a word of it is a guess.
    """

    target: SemanticTarget
    eq: EqSettings
    bundle_sha256: str
    estimated: bool = False

    def is_played_by(self, eq: EqSettings | None) -> bool:
        """Whether settings are still what the words meant; their preamp does not count, nor what a format rounds."""
        if eq is None or [(band.kind, band.enabled) for band in eq.bands] != [(band.kind, band.enabled) for band in self.eq.bands]:
            return False
        return all(
            math.isclose(played.freq_hz, meant.freq_hz, rel_tol=_RELATIVE)
            and math.isclose(played.q, meant.q, rel_tol=_RELATIVE)
            and math.isclose(played.gain_db, meant.gain_db, rel_tol=0.0, abs_tol=_GAIN_DB)
            for played, meant in zip(eq.bands, self.eq.bands, strict=True)
        )

    def to_dict(self) -> dict[str, object]:
        """Return plain data for JSON."""
        return {
            "weights": [[word, weight] for word, weight in self.target.weights.items()],  # in order, by which names go
            "intensity": self.target.intensity,
            "eq": self.eq.to_dict(),
            "bundle_sha256": self.bundle_sha256,
            **({"estimated": True} if self.estimated else {}),
        }

    @classmethod
    def from_dict(cls, data: object) -> SavedWords:
        """Return what `to_dict` wrote; raises ValueError, of which InvalidEqError is one, naming what is missing, unknown or wrong."""
        stored = msgspec.convert(data, _Stored, strict=True)
        return cls(
            SemanticTarget(dict(stored.weights), stored.intensity), EqSettings.from_dict(stored.eq), stored.bundle_sha256, stored.estimated
        )


class _Stored(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    weights: list[tuple[str, float]]
    intensity: float
    eq: Mapping[str, object]
    bundle_sha256: str
    estimated: bool = False

    def __post_init__(self) -> None:
        if len(dict(self.weights)) != len(self.weights):
            raise ValueError("a word occurs twice")
        if len(self.bundle_sha256) != 64 or not set(self.bundle_sha256) <= set("0123456789abcdef"):
            raise ValueError("bundle_sha256 is not 64 hexadecimal digits")
