"""REAPER's text: which ReaEQs there are in an FX chain or a project, on which track, and whether they play.

Blocks start with a line "<NAME ..." and end with ">". Before the block of an effect stands BYPASS, bypassed, offline; effects of a track
stand in TRACK / FXCHAIN, those of the master in MASTERFXLIST; a track's line FX 0 switches all of its effects off. Effects of items
(TAKEFX) and of the input (FXCHAIN_REC) are not those of a track.
Source: projects that REAPER 4 to 6 wrote. Not seen in a file: REAPER 7's containers (CONTAINER, bypassed as effects are) and PARALLEL.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from semeq_export.errors import PresetReadError

PLUGIN_ID = "1919247729"
TOKEN = re.compile("\"[^\"\r\n]*\"|'[^'\r\n]*'|`[^`\r\n]*`|[^\\s\"'`]+")
MASTER = "master"
_MAX_LINES = 500_000
_MAX_DEPTH = 64
_ABOUT_EFFECT = ("PRESETNAME ", "FLOATPOS ", "FLOAT ", "FXID ", "WAK ")


@dataclass(frozen=True, slots=True)
class Track:
    """A track of a project: its number from 1, 0 for the master, and its name."""

    number: int
    name: str

    def __str__(self) -> str:
        return MASTER if self.number == 0 else f"{self.number} {self.name}".strip()


@dataclass(frozen=True, slots=True)
class Effect:
    """A ReaEQ in lines: its BYPASS (its block where there is none), its block, the ">" of that, and what follows all that belongs to it.

    is_on: whether it plays. track: None in a chain. is_parallel: beside other effects, not after them.
    """

    before: int
    start: int
    end: int
    after: int
    is_on: bool
    track: Track | None
    is_parallel: bool


def is_reaeq(line: str) -> bool:
    """Whether a line opens the block of a ReaEQ."""
    text = line.strip()
    return text.startswith("<VST ") and ("ReaEQ (Cockos)" in text or f" {PLUGIN_ID}<" in text or f" {PLUGIN_ID} " in text)


def unquoted(text: str) -> str:
    """Return a text without the quotes around it."""
    return text[1:-1] if len(text) > 1 and text[0] in "\"'`" and text[-1] == text[0] else text


def effects_of(lines: Sequence[str]) -> tuple[Effect, ...]:
    """Return the ReaEQs of tracks and chains in the order of the text; raises PresetReadError where a block of one does not end."""
    if len(lines) > _MAX_LINES:
        raise PresetReadError(f"has more than {_MAX_LINES} lines")
    return tuple(_Scan(lines).effects())


class _Scan:
    """One pass over the lines; a stack of the blocks that are open, and whether what is in them plays."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = lines
        self._open: list[tuple[str, bool]] = []
        self._bypass: tuple[int, bool, bool] | None = None
        self._track = Track(0, MASTER)
        self._tracks = 0
        self._track_on = self._master_on = True

    def effects(self) -> Iterator[Effect]:
        at = 0
        while at < len(self._lines):
            text = self._lines[at].strip()
            if is_reaeq(text):
                found = self._effect(at)
                if found is not None:
                    yield found
                at = self._end(at) + 1
                continue
            if text.startswith("<"):
                self._opened(text[1:].split(maxsplit=1)[0] if text[1:].split() else "")
            elif text == ">":
                if self._open:
                    self._open.pop()
                self._bypass = None
            else:
                self._said(at, text)
            at += 1

    def _end(self, start: int) -> int:
        end = next((index for index in range(start + 1, len(self._lines)) if self._lines[index].strip() == ">"), None)
        if end is None:
            raise PresetReadError("the block of ReaEQ does not end with >", where=f"line {start + 1}")
        return end

    def _opened(self, word: str) -> None:
        if len(self._open) == _MAX_DEPTH:
            raise PresetReadError(f"is nested deeper than {_MAX_DEPTH} levels")
        if word == "TRACK":
            self._tracks += 1
            self._track, self._track_on = Track(self._tracks, ""), True
        is_on = (not self._open or self._open[-1][1]) and (self._bypass is None or self._bypass[1])
        if word == "FXCHAIN" and any(name == "TRACK" for name, _ in self._open):
            is_on = is_on and self._track_on
        if word == "MASTERFXLIST":
            self._track, is_on = Track(0, MASTER), is_on and self._master_on
        self._open.append((word, is_on))
        self._bypass = None

    def _said(self, at: int, text: str) -> None:
        word, _, rest = text.partition(" ")
        inside = self._open[-1][0] if self._open else ""
        if word == "BYPASS":
            self._bypass = (at, not any(number not in ("", "0") for number in rest.split()[:2]), False)
        elif word == "PARALLEL" and self._bypass is not None:
            self._bypass = (*self._bypass[:2], rest.strip() not in ("", "0"))
        elif word == "NAME" and inside == "TRACK":
            self._track = Track(self._track.number, unquoted(rest.strip()))
        elif word == "FX" and inside == "TRACK":
            self._track_on = rest.strip() != "0"
        elif word == "MASTER_FX" and inside == "REAPER_PROJECT":
            self._master_on = rest.strip() != "0"

    def _effect(self, start: int) -> Effect | None:
        end = self._end(start)
        bypass, self._bypass = self._bypass, None
        after = end + 1
        while after < len(self._lines) and f"{self._lines[after].strip()} ".startswith(_ABOUT_EFFECT):
            after += 1
        names = [name for name, _ in self._open]
        is_project = "REAPER_PROJECT" in names
        places = {"FXCHAIN", "MASTERFXLIST"} if is_project else {"FXCHAIN", "CONTAINER", ""}
        if {"TAKEFX", "FXCHAIN_REC", "ITEM"} & set(names) or (is_project and not places & set(names)):
            return None
        return Effect(
            before=start if bypass is None else bypass[0],
            start=start,
            end=end,
            after=after,
            is_on=(not self._open or self._open[-1][1]) and (bypass is None or bypass[1]),
            track=self._track if is_project else None,
            is_parallel=bypass is not None and bypass[2],
        )
