"""What a configuration of Equalizer APO adds to each channel, line after line, and the EQs that come of it.

Names: L, R, C, LFE (SUB in old versions), RL, RR, SL, SR, RC, ALL in any case, and numbers from 1, in the order of 7.1. Channels that no
line names share what was added to all. A channel that Copy makes of itself keeps its EQ, with a gain; one that is made of others is no EQ.
Source: Equalizer APO, filters/ChannelFilter.cpp, ChannelFilterFactory.cpp, CopyFilterFactory.cpp, helpers/ChannelHelper.cpp.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from semeq_export.eq.channels import LEFT, POSITIONS, RIGHT, ChannelEqs
from semeq_export.eq.curve import Curve
from semeq_export.eq.settings import Band, EqSettings
from semeq_export.errors import PresetReadError
from semeq_export.units import amplitude_to_db
from semeq_presets.file_formats._apo_filter import Sound
from semeq_presets.file_formats._apo_numbers import leading_number
from semeq_presets.file_formats._fields import settings
from semeq_presets.file_formats._graphic_eq import added

REST = "rest"
"""All channels that no line names."""

REAR_CENTER = "RC"
_NAMES = dict(zip(("L", "R", "C", "LFE", "RL", "RR", "SL", "SR"), POSITIONS, strict=True)) | {"SUB": "lfe"}
APO_NAMES = {name: short for short, name in _NAMES.items() if short != "SUB"}
"""What our names of channels are called in a Channel line."""

MAX_BANDS = 1_000
_MAX_CHANNELS = 64


@dataclass(frozen=True, slots=True)
class Chain:
    """What a channel plays: that of a channel of the input, filtered. origin: its name; inverted: whether the polarity is turned."""

    origin: str
    sounds: tuple[Sound, ...] = ()


class Channels:
    """The chains of all channels, and which of them the next lines are for."""

    def __init__(self) -> None:
        self._chains: dict[str, Chain] = {LEFT: Chain(LEFT), RIGHT: Chain(RIGHT), REST: Chain(REST)}
        self._named: set[str] = set()
        self._selected: frozenset[str] | None = None
        self._bands = 0

    @property
    def selection(self) -> frozenset[str] | None:
        """The channels that lines are for, None for all."""
        return self._selected

    @selection.setter
    def selection(self, names: frozenset[str] | None) -> None:
        self._selected = names

    def select(self, parameters: str) -> list[str]:
        """Follow a Channel line; returns the words in it that are no channel."""
        names: set[str] = set()
        unknown = []
        words = parameters.upper().split(" ")
        for word in filter(None, words):
            name = self._name_of(word)
            if name is not None:
                names.add(self._known(name))
            elif word != "ALL":
                unknown.append(word)
        self._selected = None if "ALL" in words else frozenset(names)
        return unknown

    def _name_of(self, word: str) -> str | None:
        """Return our name of a channel, None where it is none."""
        digits = re.match(r"\d{1,3}", word)
        if digits is not None:
            number = int(digits[0])
            return None if not 1 <= number <= _MAX_CHANNELS else [*POSITIONS][number - 1] if number <= len(POSITIONS) else str(number)
        return _NAMES.get(word, word if word == REAR_CENTER or word in self._chains else None)

    def _known(self, name: str) -> str:
        """Return a name whose channel has a chain of its own from now on."""
        if name not in self._chains:
            self._chains[name] = replace(self._chains[REST], origin=name)
        self._named.add(name)
        return name

    def add(self, sounds: Sequence[Sound], where: str) -> None:
        """Add what a line says to the channels that are selected."""
        names = self._chains.keys() if self._selected is None else self._selected
        self._bands += len(sounds) * len(names)
        if self._bands > MAX_BANDS * 3:
            raise PresetReadError(f"more than {MAX_BANDS} bands", where=where)
        for name in names:
            chain = self._chains[name]
            self._chains[name] = replace(chain, sounds=(*chain.sounds, *sounds))

    def copy(self, parameters: str, where: str) -> list[str]:
        """Follow a Copy line, whose sums are all of the channels as they were; returns the channels whose polarity it turns.

        Raises PresetReadError where a channel becomes a mix of several, or silent.
        """
        results: dict[str, Chain] = {}
        turned = []
        for part in filter(None, parameters.split(" ")):
            target, equals, source = part.partition("=")
            if not (target and equals and source) or "=" in source:
                continue
            name = self._name_of(target.upper()) or target.upper()[:40]
            chain, factor = self._sum(part, source, where)
            gain_db = amplitude_to_db(abs(factor))
            results[name] = chain if abs(gain_db) < 1e-9 else replace(chain, sounds=(*chain.sounds, gain_db))
            if factor < 0.0:
                turned.append(name)
        if len(self._chains) + len(results) > _MAX_CHANNELS:
            raise PresetReadError(f"more than {_MAX_CHANNELS} channels", where=where)
        for name, chain in results.items():
            self._chains[self._known(name)] = chain
        return turned

    def _sum(self, part: str, source: str, where: str) -> tuple[Chain, float]:
        """Return the one chain that a sum of channels is made of, and its factor."""
        terms: list[tuple[Chain, float]] = []
        for summand in source.split("+"):
            factor, star, word = summand.rpartition("*")
            if not star and (word == "0" or "." in word):
                if leading_number(word, "factor", where) != 0.0:
                    raise PresetReadError(f"Copy makes a channel a constant ({part[:60]}), which no EQ is", where=where)
                continue
            amount = _factor(factor, where) if star else 1.0
            name = self._name_of(word.upper())
            chain = self._chains.get(name or "") or (replace(self._chains[REST], origin=name) if name else None)
            if chain is not None and amount != 0.0:
                terms.append((chain, amount))
        total = math.fsum(amount for _, amount in terms)
        if not terms or total == 0.0:
            raise PresetReadError(f"Copy silences a channel ({part[:60]}), which no EQ is", where=where)
        if any(chain != terms[0][0] for chain, _ in terms):
            raise PresetReadError(f"Copy mixes channels ({part[:60]}), which no EQ does", where=where)
        return terms[0][0], total

    def result(self) -> EqSettings | ChannelEqs:
        """Return one EQ where all channels that lines name are alike, else that of each; raises PresetReadError for crossed channels."""
        eqs = {name: self._eq(name) for name in self._chains if name in (LEFT, RIGHT, REST) or (name in self._named and _is_real(name))}
        rest = eqs.pop(REST)
        named = self._named & eqs.keys()
        if not named:
            return eqs[LEFT]
        others = {name: eqs.get(name, rest) for name in POSITIONS}
        wanted = {name: eq for name, eq in (others | eqs).items() if name in named or not eq.is_flat or eq.bands}
        if named <= {LEFT, RIGHT}:
            wanted = {name: eq for name, eq in wanted.items() if name in (LEFT, RIGHT)}
        both = [eqs[LEFT], eqs[RIGHT], *(eq for name, eq in (others | eqs).items() if not named <= {LEFT, RIGHT})]
        if all(eq == both[0] for eq in both) or not wanted:
            return both[0]
        return ChannelEqs(tuple(wanted.items()))

    def rear_center(self) -> tuple[EqSettings, EqSettings] | None:
        """Return the EQ of the rear centre and that of the channels without a name, None where they are one."""
        if REAR_CENTER not in self._named or self._chains[REAR_CENTER].sounds == self._chains[REST].sounds:
            return None
        return self._eq(REAR_CENTER), self._eq(REST)

    def _eq(self, name: str) -> EqSettings:
        chain = self._chains[name]
        if chain.origin != name:
            target, source = (APO_NAMES.get(one, one) for one in (name, chain.origin))
            raise PresetReadError(f"Copy makes channel {target} of {source}, which no EQ does")
        return eq_of(chain.sounds)


def eq_of(sounds: Iterable[Sound]) -> EqSettings:
    """Return sounds in a row as one EQ; raises PresetReadError for a preamp that no EQ has."""
    bands, preamp_db = [], 0.0
    curve: Curve | None = None
    for sound in sounds:
        if isinstance(sound, Band):
            bands.append(sound)
        elif isinstance(sound, Curve):
            curve = added(curve, sound)
        else:
            preamp_db += sound
    if len(bands) > MAX_BANDS:
        raise PresetReadError(f"more than {MAX_BANDS} bands")
    eq = settings(bands, preamp_db)
    return eq if curve is None else replace(eq, curve=curve)


def _factor(text: str, where: str) -> float:
    value = leading_number(text, "factor", where)
    return 10.0 ** (min(max(value, -300.0), 300.0) / 20.0) if len(text) > 2 and text[-2:].lower() == "db" else value


def _is_real(name: str) -> bool:
    return name in POSITIONS or name.isdigit()


def channel_line(names: Iterable[str]) -> str:
    """Return the line that selects channels."""
    return f"Channel: {' '.join(APO_NAMES.get(name, name) for name in names)}"


def grouped(eqs: ChannelEqs) -> Mapping[tuple[str, ...], EqSettings]:
    """Return the EQs with the names of the channels that share each."""
    groups: list[tuple[list[str], EqSettings]] = []
    for name, eq in eqs:
        same = next((names for names, held in groups if held == eq), None)
        if same is None:
            groups.append(([name], eq))
        else:
            same.append(name)
    return {tuple(names): eq for names, eq in groups}
