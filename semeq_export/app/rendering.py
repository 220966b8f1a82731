"""One audio file from memory to memory, through the EQ of words or of settings: the way of `process_stems`, for faces without files."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from semeq_export.app._stems import Nobody
from semeq_export.app.presets import PresetOptions, write_presets
from semeq_export.app.processing import StemsOptions, plan_stems, process_stems
from semeq_export.audio.formats import AUDIO_SUFFIXES
from semeq_export.audio.loudness import Loudness
from semeq_export.audio.reader import open_audio
from semeq_export.audio.speakers import loudness_weights
from semeq_export.eq.settings import EqSettings
from semeq_export.errors import AudioError, EnvironmentFailure, SemeqError, environment_failure
from semeq_export.words.target import SemanticTarget
from semeq_host.stems.batch import Event
from semeq_host.stems.entry import FailedEntry, ProcessedEntry
from semeq_host.streams.process_options import ProcessOptions

__all__ = ["RenderOptions", "RenderResult", "Scratch", "render_audio"]

MAX_SECONDS = 3_600.0
"""Of one file: a compressed one of a few megabytes may hold days."""

_PREFIX = "semeq-studio"


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderOptions:
    """What to render. name: of the file, for its format and for messages; it names nothing on the disk. data: the whole file.

    eq: words or settings. intensity: of words. how: see `ProcessOptions`. guess: take doubtful guesses for words that nobody taught.
    """

    name: str
    data: bytes
    eq: SemanticTarget | EqSettings
    how: ProcessOptions = field(default_factory=ProcessOptions)
    guess: bool = False
    bundle: str | os.PathLike[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RenderResult:
    """The rendered file, in the format of the source. lufs_before, lufs_after: integrated loudness, None where nothing is heard.

    notes: what is to be known of the words and of the file.
    """

    name: str
    data: bytes
    notes: tuple[str, ...]
    lufs_before: float | None
    lufs_after: float | None


class Scratch:
    """A folder for temporary files of this process, gone when it is closed; what a killed one has left goes when the next is made."""

    def __init__(self) -> None:
        place = Path(tempfile.gettempdir())
        _remove_leftovers(place)
        try:
            self.folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}-{os.getpid()}-"))
        except OSError as error:
            raise environment_failure(place, error) from error

    @contextlib.contextmanager
    def job(self, name: str) -> Iterator[Path]:
        """Yield a folder for one piece of work on what is called `name`; raises EnvironmentFailure where the system fails."""
        try:
            folder = Path(tempfile.mkdtemp(dir=self.folder))
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)
        except SemeqError:
            raise
        except OSError as error:
            raise environment_failure(name, error) from error

    def close(self) -> None:
        """Remove the folder and all that is in it."""
        shutil.rmtree(self.folder, ignore_errors=True)


def render_audio(options: RenderOptions, scratch: Scratch, keep_on: Callable[[], None] = lambda: None) -> RenderResult:
    """Return a file as `process_stems` makes it. keep_on: called often as it goes; what it raises ends the work.

    Raises AudioError, UnknownTermError, InvalidTargetError, BundleError and EnvironmentFailure; messages name the file as `options` does.
    """
    suffix = Path(options.name).suffix.lower()
    if suffix not in AUDIO_SUFFIXES:
        raise AudioError(f"no audio format has the ending {suffix!r}; use {', '.join(sorted(AUDIO_SUFFIXES))}", options.name)
    with scratch.job(options.name) as folder:
        source, target = folder / f"source{suffix}", folder / f"result{suffix}"
        try:
            source.write_bytes(options.data)
            notes = _process(options, source, target, keep_on)
            before, after = (_lufs(path, options.how, keep_on) for path in (source, target))
            data = target.read_bytes()
        except SemeqError as error:
            text = str(error)
            if str(folder) not in text:
                raise
            raise _renamed(error, _named(text, options, source, target)) from error
    return RenderResult(
        name=f"{Path(options.name).stem}-semeq{suffix}",
        data=data,
        notes=tuple(_named(note, options, source, target) for note in notes),
        lufs_before=before,
        lufs_after=after,
    )


class _Watching(Nobody):
    def __init__(self, keep_on: Callable[[], None]) -> None:
        self._keep_on = keep_on

    def see(self, event: Event) -> None:
        self._keep_on()


def _process(options: RenderOptions, source: Path, target: Path, keep_on: Callable[[], None]) -> Sequence[str]:
    """Process one file to the other, and return what is to be known of it."""
    plain = StemsOptions(audio=[source], output=target, how=options.how, workers=0, bundle=options.bundle, guess=options.guess)
    if isinstance(options.eq, SemanticTarget):
        asked = replace(plain, target=exact_text(options.eq), intensity=options.eq.intensity)
    else:
        preset = source.with_name("eq.semeq.json")
        write_presets(PresetOptions(target=options.eq, output=preset, preamp="none"))
        asked = replace(plain, preset=str(preset))
    (planned,) = plan_stems(asked).stems
    if planned.seconds is not None and planned.seconds > MAX_SECONDS:
        hours = f"{planned.seconds / 3_600.0:.1f} hours"
        raise AudioError(f"holds {hours}, over the limit of {MAX_SECONDS / 3_600.0:g}; use semeq-export process", options.name)
    result = process_stems(asked, _Watching(keep_on))
    entry = result.stems[0].entry
    if isinstance(entry, FailedEntry):
        raise AudioError(entry.error) if entry.exit_code == AudioError.exit_code else EnvironmentFailure(entry.error)
    warnings = entry.warnings if isinstance(entry, ProcessedEntry) else ()
    return (*result.doubts, *result.warnings, *warnings)


def exact_text(target: SemanticTarget) -> str:
    """Return the words of a target in the exact syntax, with all digits of their weights."""
    return ",".join(f"{word}:{weight!r}" for word, weight in target.weights.items())


def _lufs(path: Path, how: ProcessOptions, keep_on: Callable[[], None]) -> float | None:
    with open_audio(path, repair_nonfinite=how.repair_nonfinite, allow_hot=how.allow_hot, salvage=how.salvage) as reader:
        loudness = Loudness(reader.info.sample_rate_hz, reader.info.channels, loudness_weights(reader.info))
        for block in reader.blocks():
            keep_on()
            loudness.feed(block)
        return loudness.lufs


def _named(text: str, options: RenderOptions, source: Path, target: Path) -> str:
    """Return a message in which the files are called what their user calls them."""
    return text.replace(str(source), options.name).replace(str(target), options.name)


def _renamed(error: SemeqError, text: str) -> SemeqError:
    return EnvironmentFailure(text) if error.exit_code == EnvironmentFailure.exit_code else AudioError(text)


def _remove_leftovers(place: Path) -> None:
    """Remove the folders of this user's processes that have ended; on Windows, where asking for a process would end it, they stay."""
    for folder in place.glob(f"{_PREFIX}-*-*") if os.name != "nt" else ():
        number = folder.name.split("-")[2]
        with contextlib.suppress(OSError):  # another start removes it, too
            seen = folder.lstat()
            if stat.S_ISDIR(seen.st_mode) and seen.st_uid == os.getuid() and number.isdecimal() and _has_ended(int(number)):
                shutil.rmtree(folder, ignore_errors=True)


def _has_ended(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    return False
