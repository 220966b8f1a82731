"""One EQ for each channel: what presets hold that treat left and right, or mid and side, differently. Data and responses; no files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from semeq_export.arrays import Float64Array, FloatArray
from semeq_export.eq.biquad import RateFit, for_rate, response_db
from semeq_export.eq.picture import eq_svg
from semeq_export.eq.settings import EqSettings
from semeq_export.errors import InvalidEqError

LEFT, RIGHT, MID, SIDE = "left", "right", "mid", "side"
POSITIONS: Mapping[str, int] = {LEFT: 0, RIGHT: 1, "center": 2, "lfe": 3, "rear_left": 4, "rear_right": 5, "side_left": 6, "side_right": 7}
"""Where a channel's samples stand in audio, in the order of WAV files. Channels of other names are called by their number, from "1"."""

MAX_CHANNEL_EQS = 64
_MAX_NAME_CHARS = 60


@dataclass(frozen=True, slots=True)
class ChannelEqs:
    """An EQ for each of several channels; channels without one stay as they are.

    eqs: (name, EQ) of each channel: left, right and the others of `POSITIONS`, or mid and side, or numbers from "1".
    Raises InvalidEqError for no channel, a name that occurs twice or is none, or mid and side beside others.
    """

    eqs: tuple[tuple[str, EqSettings], ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "eqs", tuple((name, eq) for name, eq in self.eqs))
        names = self.names
        if not 1 <= len(names) <= MAX_CHANNEL_EQS:
            raise InvalidEqError("channels", len(names), f"not 1..{MAX_CHANNEL_EQS}")
        for name, eq in self.eqs:
            if not (
                name in POSITIONS or name in (MID, SIDE) or (name.isascii() and name.isdigit() and 1 <= int(name[:4]) <= MAX_CHANNEL_EQS)
            ):
                raise InvalidEqError(
                    "channel", repr(name)[:_MAX_NAME_CHARS], f"not one of {', '.join(POSITIONS)}, mid, side or a number from 1"
                )
            if not isinstance(eq, EqSettings):
                raise InvalidEqError(f"channel {name}", repr(eq)[:60], "not an EQ")
        places = [position(name) for name in names if name not in (MID, SIDE)]
        if len(set(names)) != len(names) or len(set(places)) != len(places):
            raise InvalidEqError("channels", ", ".join(names), "naming a channel twice")
        if places and self.is_mid_side:
            raise InvalidEqError("channels", ", ".join(names), "mid or side beside others")

    def __str__(self) -> str:
        """Return one line: the EQs of two channels at most, each as `EqSettings` says it."""
        more = len(self.eqs) - 2
        rest = [f"{more} more channel{'' if more == 1 else 's'}"] if more > 0 else []
        return "; ".join([*(f"{name}: {eq}" for name, eq in self.eqs[:2]), *rest])

    def __repr__(self) -> str:
        return f"<ChannelEqs {self}>"

    def _repr_svg_(self) -> str:
        """Return the responses as a picture, which notebooks show."""
        return eq_svg(self.eqs, str(self))

    @property
    def names(self) -> tuple[str, ...]:
        """The channels that have an EQ."""
        return tuple(name for name, _ in self.eqs)

    @property
    def is_mid_side(self) -> bool:
        """Whether the channels are the half sum and the half difference of left and right."""
        return MID in self.names or SIDE in self.names

    @property
    def is_flat(self) -> bool:
        """Whether nothing is changed in any channel."""
        return all(eq.is_flat for _, eq in self.eqs)

    def __iter__(self) -> Iterator[tuple[str, EqSettings]]:
        return iter(self.eqs)

    def __getitem__(self, name: str) -> EqSettings:
        """Return the EQ of a channel; raises InvalidEqError with the channels that there are."""
        for known, eq in self.eqs:
            if known == name:
                return eq
        raise InvalidEqError("channel", repr(name)[:_MAX_NAME_CHARS], f"not one of {', '.join(self.names)}")

    def for_rate(self, sample_rate_hz: float) -> tuple[ChannelEqs, tuple[str, ...]]:
        """Return the EQs as a sample rate can hold them, and one line for each band that it cannot; see `biquad.for_rate`."""
        fits: list[tuple[str, RateFit]] = [(name, for_rate(eq, sample_rate_hz)) for name, eq in self.eqs]
        warnings = tuple(f"{name}: {line}" for name, fit in fits for line in fit.warnings)
        return ChannelEqs(tuple((name, fit.eq) for name, fit in fits)), warnings

    def difference_db(self, freqs_hz: FloatArray, sample_rate_hz: float) -> tuple[float, float]:
        """Return the largest difference between two channels' responses in dB, and the frequency in Hz where it is."""
        responses: Float64Array = np.array([response_db(eq, freqs_hz, sample_rate_hz) for _, eq in self.for_rate(sample_rate_hz)[0]])
        spread = np.ptp(responses, axis=0)
        worst = int(np.argmax(spread))
        return float(spread[worst]), float(freqs_hz[worst])

    def to_dict(self) -> dict[str, object]:
        """Return plain data for JSON."""
        return {name: eq.to_dict() for name, eq in self.eqs}

    @classmethod
    def from_dict(cls, data: object) -> ChannelEqs:
        """Return what `to_dict` wrote; raises InvalidEqError naming the channel and field that is missing or wrong."""
        if not isinstance(data, Mapping):
            raise InvalidEqError("channels", repr(data)[:60], "not an object")
        eqs = []
        for name, held in data.items():
            try:
                eqs.append((str(name), EqSettings.from_dict(held)))
            except InvalidEqError as error:
                raise InvalidEqError(f"{str(name)[:20]!r} {error.field}", error.value, error.bound) from error
        return cls(tuple(eqs))


Equaliser = EqSettings | ChannelEqs
"""One EQ for all channels, or one for each."""


def each(eq: Equaliser, change: Callable[[EqSettings], EqSettings]) -> Equaliser:
    """Return an equaliser with every EQ of it changed."""
    return change(eq) if isinstance(eq, EqSettings) else ChannelEqs(tuple((name, change(held)) for name, held in eq))


def for_rate_each(eq: Equaliser, sample_rate_hz: float) -> tuple[Equaliser, tuple[str, ...]]:
    """Return what of an equaliser a sample rate can hold, and one line for each band that it cannot; see `biquad.for_rate`."""
    if isinstance(eq, ChannelEqs):
        return eq.for_rate(sample_rate_hz)
    fit = for_rate(eq, sample_rate_hz)
    return fit.eq, fit.warnings


def to_plain(eq: Equaliser) -> dict[str, object]:
    """Return plain data for JSON: an EQ's own, or {"channels": that of each}."""
    return eq.to_dict() if isinstance(eq, EqSettings) else {"channels": eq.to_dict()}


def from_plain(data: Mapping[str, object]) -> Equaliser:
    """Return the equaliser that `to_plain` wrote; raises InvalidEqError."""
    return ChannelEqs.from_dict(data["channels"]) if "channels" in data else EqSettings.from_dict(data)


def position(name: str) -> int:
    """Return where a channel's samples stand in audio, from 0; mid and side have no place."""
    return POSITIONS[name] if name in POSITIONS else int(name) - 1
