"""What is asked for when stems are processed, what would be done, what was done, and who watches it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from semeq_export.errors import IntentError
from semeq_host.stems.entry import FailedEntry
from semeq_host.stems.pool import MAX_PLUGIN_TIMEOUT_S, PLUGIN_TIMEOUT_S
from semeq_host.stems.session_file import StemRule
from semeq_host.streams.process_options import ProcessOptions

if TYPE_CHECKING:
    from semeq_export.app.stem_presets import StemPreset
    from semeq_export.words.phrase import Phrase
    from semeq_host.stems.batch import Event
    from semeq_host.stems.entry import Entry
    from semeq_host.stems.job import StemJob
    from semeq_presets import Choice

STREAM_NAME = "standard input"
DAWPROJECT = "dawproject"
_PLAIN = ProcessOptions()


@dataclass(frozen=True, slots=True, kw_only=True)
class StemsOptions:
    """Which stems, what is wanted of them, and how they are processed.

    audio: files, folders and patterns, with `recursive` all that folders hold, at any depth, whose results go into the same folders below
    the output; or stream: file descriptor of a pipe that gives one file, and then `output` is the name of a file.
    target ... chain: as the fields of `semeq_host.stems.intent.Intent`, for stems that no rule names. session: a TOML file with rules and
    defaults. rules: they come before those of the session. how: options for each file. follow: where an output's name is a link, write
    what it leads to. export_preset: format of the EQ beside each output; "dawproject" makes one session of all. resume: skip what an
    earlier run finished. workers: processes, 0 for none, but plug-ins from files always run in one; as many as there are cores where left
    out. dask: address of a cluster that sees the files. plugin_timeout_s: how long plug-ins of a chain may do nothing before their file
    is given up, not on a cluster. report: where the result is written as JSON. renew: of presets that keep words, what they mean in the
    bundle, not what they meant when they were saved. guess: take doubtful guesses for words that nobody taught. choice: of presets that
    hold several EQs. link: True, all stems are one group; False, none; None, those that belong together, as `groups_of` says.
    sheet: .html or .pdf of the stems before and after.
    Raises IntentError for what contradicts itself.
    """

    audio: Sequence[str | os.PathLike[str]] = ()
    recursive: bool = False
    stream: int | None = None
    output: str | os.PathLike[str] = "processed/"
    target: str | None = None
    preset: str | None = None
    match: str | None = None
    match_amount: float | None = None
    match_limit_db: float | None = None
    intensity: float | str | None = None
    mode: str | None = None
    analysis: str | None = None
    reference: str | None = None
    refine: bool = False
    chain: str | None = None
    session: str | os.PathLike[str] | None = None
    rules: tuple[StemRule, ...] = ()
    how: ProcessOptions = _PLAIN
    follow: bool = False
    export_preset: str | None = None
    resume: bool = False
    workers: int | None = None
    dask: str | None = None
    plugin_timeout_s: float = PLUGIN_TIMEOUT_S
    report: str | os.PathLike[str] | None = None
    renew: bool = False
    bundle: str | os.PathLike[str] | None = None
    guess: bool = False
    choice: Choice | None = None
    link: bool | None = None
    sheet: str | os.PathLike[str] | None = None

    def __post_init__(self) -> None:
        if (self.stream is not None) == bool(self.audio):
            raise IntentError("nothing to process: neither audio files nor a stream" if self.stream is None else "a stream and audio files")
        if self.stream is not None and (is_folder(self.output) or self.export_preset == DAWPROJECT):
            raise IntentError("a stream is one file: its output is no folder and no DAW session")
        if not 0.0 < self.plugin_timeout_s <= MAX_PLUGIN_TIMEOUT_S:
            raise IntentError(f"`plugin_timeout` {self.plugin_timeout_s:g} is outside 0..{MAX_PLUGIN_TIMEOUT_S:g} s")


@dataclass(frozen=True, slots=True)
class PlannedStem:
    """What would be done with one file. job: None for a file that the session leaves out. error: why it would fail, by its header."""

    source: Path
    job: StemJob | None
    seconds: float | None = None
    is_done: bool = False
    error: str = ""

    def to_dict(self) -> dict[str, object]:
        """Return plain data for JSON."""
        return {
            "path": str(self.source),
            "output": None if self.job is None else str(self.job.destination),
            "intent": None if self.job is None else self.job.intent.to_dict(),
            "group": (None if self.job is None else self.job.group) or None,
            "seconds": self.seconds,
            "is_done": self.is_done,
            "is_left_out": self.job is None,
            "error": self.error or None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class StemsPlan:
    """What would be done, in order. The other fields are those of `StemsResult`."""

    stems: tuple[PlannedStem, ...]
    doubts: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    understood: Mapping[str, Phrase] = field(default_factory=dict)

    def to_dict(self) -> dict[str, object]:
        """Return plain data for JSON."""
        return {"dry_run": True, **_document(self)}


@dataclass(frozen=True, slots=True)
class ProcessedStem:
    """One file that was processed, or could not be. exports_presets: whether presets were asked for. preset: the file's, if it has one."""

    entry: Entry
    exports_presets: bool = False
    preset: StemPreset | None = None

    def to_dict(self) -> dict[str, object]:
        """Return plain data for JSON."""
        exported = {"exported_preset": None if self.preset is None else str(self.preset.path)} if self.exports_presets else {}
        return {**self.entry.to_dict(), **exported}


@dataclass(frozen=True, slots=True, kw_only=True)
class StemsResult:
    """What was done, in the order of the plan. doubts: what speaks against the words. warnings: subfolders and links that are left out,
    rules that match no file, words of presets that mean something else in the bundle, and outputs that another bundle made.

    understood: what phrases were understood as, by their text. is_interrupted: the run ended before all was done; what was not done is
    among the stems as failed.
    """

    stems: tuple[ProcessedStem, ...]
    doubts: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    understood: Mapping[str, Phrase] = field(default_factory=dict)
    is_interrupted: bool = False

    @property
    def exit_code(self) -> int:
        """What a command ends with: of one file that failed, its own; 1 where any of several did, 0 where none did."""
        failed = [stem.entry.exit_code for stem in self.stems if isinstance(stem.entry, FailedEntry)]
        return failed[0] if failed and len(self.stems) == 1 else int(bool(failed))

    def to_dict(self) -> dict[str, object]:
        """Return plain data for JSON."""
        return _document(self) | ({"interrupted": True} if self.is_interrupted else {})


def _document(result: StemsPlan | StemsResult) -> dict[str, object]:
    return {
        "doubts": list(result.doubts),
        "understood": {text: phrase.to_dict() for text, phrase in result.understood.items()},
        "warnings": list(result.warnings),
        "files": [stem.to_dict() for stem in result.stems],
    }


class Watcher(Protocol):
    """Whoever wants to know what happens while it happens; all of it is in the result, too."""

    def note(self, line: str) -> None:
        """Take note of what was understood, of a doubt or a warning about the whole batch."""

    def begin(self, jobs: Sequence[StemJob]) -> None:
        """Take note of what is about to be done."""

    def see(self, event: Event) -> None:
        """Take note of an event."""

    def finish(self, stem: ProcessedStem) -> None:
        """Take note of a file that is finished, in the order of the plan."""


class Nobody:
    """Whoever only waits for the result."""

    def note(self, line: str) -> None: ...

    def begin(self, jobs: Sequence[StemJob]) -> None: ...

    def see(self, event: Event) -> None: ...

    def finish(self, stem: ProcessedStem) -> None: ...


def is_folder(output: str | os.PathLike[str]) -> bool:
    """Whether an output is the name of a folder, which may not exist yet."""
    return Path(output).is_dir() or os.fspath(output).endswith(("/", os.sep))
