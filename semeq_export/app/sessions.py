"""Stems as one session for the DAW: a track for each, with its own EQ."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from semeq_export.app._engine import Intensity, Words, find_phrases, load_engine
from semeq_export.app._placement import place, stated_start_s
from semeq_export.app._recall import save_words
from semeq_export.audio.reader import open_audio
from semeq_export.eq.settings import EqSettings
from semeq_export.errors import IntentError, printable
from semeq_export.words.phrase import Phrase
from semeq_export.words.target import SemanticTarget
from semeq_host.stems.audio_names import find_audio
from semeq_host.stems.session_file import Session, StemRule
from semeq_presets.file_formats import dawproject_zip
from semeq_presets.file_formats.dawproject_zip import Stem

__all__ = ["SessionOptions", "SessionResult", "StemRule", "Track", "write_session"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionOptions:
    """Which stems, and words for them.

    audio: files, folders or patterns. output: FILE.dawproject. target: for the stems that no rule names, such as "warm:0.7,bright:0.3";
    without it they get no EQ. rules: of which the first that matches a file's name counts; only their target is looked at.
    intensity: of all words, -3..3 or "typical". guess: take doubtful guesses for words that nobody taught.
    Raises IntentError where neither a target nor a rule is given.
    """

    audio: Sequence[str | os.PathLike[str]]
    output: str | os.PathLike[str]
    target: str | None = None
    rules: tuple[StemRule, ...] = ()
    intensity: Intensity = 1.0
    overwrite: bool = False
    bundle: str | os.PathLike[str] | None = None
    guess: bool = False

    def __post_init__(self) -> None:
        if self.target is None and not self.rules:
            raise IntentError("nothing to do: give `target` or `rules`")


@dataclass(frozen=True, slots=True)
class Track:
    """One stem in the session. target: as it was written, None for a stem without a word. intensity: of its words, as a number.

    estimated: a word of it is a guess.
    """

    name: str
    path: Path
    target: str | None
    eq: EqSettings | None
    intensity: float | None = None
    estimated: bool = False

    def to_dict(self) -> dict[str, object]:
        """Return plain data for JSON."""
        eq = None if self.eq is None else self.eq.to_dict()
        document: dict[str, object] = {
            "track": self.name,
            "path": str(self.path),
            "target": self.target,
            "intensity": self.intensity,
            "eq": eq,
        }
        return document | ({"estimated": True} if self.estimated else {})


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionResult:
    """The tracks that were written. doubts: what speaks against the words. warnings: rules that match no file, links that lead nowhere.

    understood: what phrases were understood as, by their text. notes: which number "typical" stands for, and where clips start.
    """

    tracks: tuple[Track, ...]
    doubts: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    understood: Mapping[str, Phrase] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def write_session(options: SessionOptions) -> SessionResult:
    """Write stems as one DAWproject, the audio inside and an EQ on each track that has a word; return the tracks.

    The words and the bundle that resolved them stand beside the bands, which are what a DAW plays. Clips start where their files say,
    if all of them do (`bext` of a WAV).
    Raises AudioError, UnknownTermError, InvalidTargetError, BundleError, OutputError and EnvironmentFailure.
    """
    session = Session({}, options.rules)
    engine = load_engine(options.bundle, guess=options.guess)
    files, dangling = _without_dangling(find_audio(options.audio))
    stems: list[Stem] = []
    stated: dict[Path, float | None] = {}
    tracks: list[Track] = []
    used: list[SemanticTarget] = []
    notes: dict[str, None] = {}
    for path in files:
        rule = session.rule_for(path)
        word = options.target if rule is None or rule.values is None else str(rule.values["target"])
        asked = None if word is None else Words(word, options.intensity)
        words = None if asked is None else save_words(engine, asked.target(engine))
        notes |= {} if asked is None else dict.fromkeys(asked.notes(engine))
        eq = None if words is None else words.eq
        used += [] if words is None else [words.target]
        with open_audio(path) as reader:
            info, stated[path] = reader.info, stated_start_s(reader)
        stems.append(Stem(path.stem, path, eq, info.sample_rate_hz, info.channels, info.duration_s, words=words))
        tracks.append(
            Track(path.stem, path, word, eq, None if asked is None else asked.amount(engine), words is not None and words.estimated)
        )
    starts, lines = place(stated)
    stems = [replace(stem, start_s=starts[path]) for stem, path in zip(stems, files, strict=True)]
    doubts = engine.doubts(*used)
    understood = find_phrases(engine, (track.target for track in tracks if track.target is not None))
    dawproject_zip.write_session(options.output, stems, title=Path(options.output).stem, overwrite=options.overwrite)
    warnings = (*dangling, *session.unmatched(files))
    return SessionResult(tracks=tuple(tracks), doubts=tuple(doubts), warnings=warnings, understood=understood, notes=(*notes, *lines))


def _without_dangling(files: Sequence[Path]) -> tuple[list[Path], list[str]]:
    """Return the files without links that lead nowhere, and a line for each of these; all of them where there is nothing else."""
    dangling = [path for path in files if path.is_symlink() and not path.exists()]
    if len(dangling) == len(files):
        return list(files), []
    return [path for path in files if path not in dangling], [f"{printable(path)}: dangling link, left out" for path in dangling]
