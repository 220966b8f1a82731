"""Stems from memory as one DAW session in memory: the way of `write_session`, for faces without files."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from semeq_export.app.rendering import Scratch, exact_text
from semeq_export.app.sessions import SessionOptions, StemRule, write_session
from semeq_export.audio.formats import AUDIO_SUFFIXES
from semeq_export.errors import AudioError, IntentError
from semeq_export.words.target import SemanticTarget

__all__ = ["SessionRenderOptions", "SessionRenderResult", "StemData", "render_session"]

_UNUSABLE = re.compile(r'^\.|[<>:"|?*]')
"""What some systems take for no part of a name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StemData:
    """One stem. name: of its file, after which its track is called. target: its words, None for no EQ."""

    name: str
    data: bytes
    target: SemanticTarget | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRenderOptions:
    """Which stems, in the order of their tracks. name: of the session. intensity, guess: as in `SessionOptions`.

    Raises IntentError where no stem has words, and where two have one name.
    """

    name: str
    stems: Sequence[StemData]
    intensity: float = 1.0
    guess: bool = False
    bundle: str | os.PathLike[str] | None = None

    def __post_init__(self) -> None:
        names = [_file_name(stem) for stem in self.stems]
        twice = next((name for name in names if [other.casefold() for other in names].count(name.casefold()) > 1), None)
        if twice is not None:
            raise IntentError(f"two stems are called {twice!r}")
        if not any(stem.target is not None for stem in self.stems):
            raise IntentError("no stem has a word")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SessionRenderResult:
    """A DAWproject with the audio inside. notes: what is to be known of words and files."""

    name: str
    data: bytes
    notes: tuple[str, ...]


def render_session(options: SessionRenderOptions, scratch: Scratch) -> SessionRenderResult:
    """Return stems as one session, an EQ on each track that has words; raises as `write_session` does."""
    with scratch.job(options.name) as folder:
        target = folder / "session" / f"{_UNUSABLE.sub('_', options.name)}.dawproject"
        target.parent.mkdir()
        audio = [folder / _file_name(stem) for stem in options.stems]
        for path, stem in zip(audio, options.stems, strict=True):
            path.write_bytes(stem.data)
        rules = tuple(
            StemRule(glob.escape(path.name), None if stem.target is None else {"target": exact_text(stem.target)})
            for path, stem in zip(audio, options.stems, strict=True)
        )
        made = write_session(
            SessionOptions(audio=audio, output=target, rules=rules, intensity=options.intensity, guess=options.guess, bundle=options.bundle)
        )
        notes = tuple(line.replace(f"{folder}{os.sep}", "") for line in (*made.doubts, *made.warnings, *made.notes))
        return SessionRenderResult(name=target.name, data=target.read_bytes(), notes=notes)


def _file_name(stem: StemData) -> str:
    """Return what a stem's file is called for as long as it lies on the disk; raises AudioError for an ending of no format."""
    if Path(stem.name).suffix.lower() not in AUDIO_SUFFIXES:
        raise AudioError("no audio format has this ending", stem.name)
    return _UNUSABLE.sub("_", Path(stem.name).name)
