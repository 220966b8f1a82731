"""Stems through the EQ of words, presets or references, and through chains: what would be done, or file after file as it is done."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec

from semeq_export.errors import AudioError, IntentError, printable
from semeq_export.files import strict_json
from semeq_export.files.atomic import spool, write_atomic
from semeq_export.files.disk import check_output, resolve_links
from semeq_host.stems.audio_names import survey
from semeq_host.stems.batch import Batch, Event, look_at, plan_batch
from semeq_host.stems.entry import FailedEntry
from semeq_host.stems.pool import Crew, Finished, Working
from semeq_host.stems.session_file import Session, StemRule, read_session_file
from semeq_host.streams.process_options import ProcessOptions

if TYPE_CHECKING:
    from semeq_export.app.stem_presets import PresetWriter, StemPreset
    from semeq_export.eq.channels import Equaliser
    from semeq_export.words.phrase import Phrase
    from semeq_host.stems.cluster import Cluster
    from semeq_host.stems.entry import Entry
    from semeq_host.stems.job import StemJob
    from semeq_host.stems.resources import StemResources
    from semeq_presets import Choice

__all__ = [
    "PlannedStem",
    "ProcessedStem",
    "StemsOptions",
    "StemsPlan",
    "StemsResult",
    "Watcher",
    "is_folder",
    "plan_stems",
    "process_stems",
]

STREAM_NAME = "standard input"
_DAWPROJECT = "dawproject"
_MAX_REPORT_BYTES = 1 << 28
_PLAIN = ProcessOptions()
_WISHES = ("target", "preset", "match", "intensity", "mode", "analysis", "reference", "chain")


@dataclass(frozen=True, slots=True, kw_only=True)
class StemsOptions:
    """Which stems, what is wanted of them, and how they are processed.

    audio: files, folders and patterns, with `recursive` all that folders hold, at any depth, whose results go into the same folders below
    the output; or stream: file descriptor of a pipe that gives one file, and then `output` is the name of a file.
    target ... chain: as the fields of `semeq_host.stems.intent.Intent`, for stems that no rule names. session: a TOML file with rules and
    defaults. rules: they come before those of the session. how: options for each file. follow: where an output's name is a link, write
    what it leads to. export_preset: format of the EQ beside each output; "dawproject" makes one session of all. resume: skip what an
    earlier run finished. workers: processes, 0 for none; as many as there are cores where left out. dask: address of a cluster that sees
    the files. report: where the result is written as JSON. renew: of presets that keep words, what they mean in the bundle, not what they
    meant when they were saved. guess: take doubtful guesses for words that nobody taught. choice: of presets that hold
    several EQs.
    Raises IntentError for what contradicts itself.
    """

    audio: Sequence[str | os.PathLike[str]] = ()
    recursive: bool = False
    stream: int | None = None
    output: str | os.PathLike[str] = "processed/"
    target: str | None = None
    preset: str | None = None
    match: str | None = None
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
    report: str | os.PathLike[str] | None = None
    renew: bool = False
    bundle: str | os.PathLike[str] | None = None
    guess: bool = False
    choice: Choice | None = None

    def __post_init__(self) -> None:
        if (self.stream is not None) == bool(self.audio):
            raise IntentError("nothing to process: neither audio files nor a stream" if self.stream is None else "a stream and audio files")
        if self.stream is not None and (is_folder(self.output) or self.export_preset == _DAWPROJECT):
            raise IntentError("a stream is one file: its output is no folder and no DAW session")


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

    understood: what phrases were understood as, by their text.
    """

    stems: tuple[ProcessedStem, ...]
    doubts: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    understood: Mapping[str, Phrase] = field(default_factory=dict)

    def to_dict(self) -> dict[str, object]:
        """Return plain data for JSON."""
        return _document(self)


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


class _Nobody:
    """Whoever only waits for the result."""

    def note(self, line: str) -> None: ...

    def begin(self, jobs: Sequence[StemJob]) -> None: ...

    def see(self, event: Event) -> None: ...

    def finish(self, stem: ProcessedStem) -> None: ...


def is_folder(output: str | os.PathLike[str]) -> bool:
    """Whether an output is the name of a folder, which may not exist yet."""
    return Path(output).is_dir() or os.fspath(output).endswith(("/", os.sep))


def plan_stems(options: StemsOptions, watcher: Watcher | None = None) -> StemsPlan:
    """Return what `process_stems` would do, in order, and what the headers say against it. Nothing is written; a stream is read.

    Raises as `process_stems` does where that would end before the first file.
    """
    with _prepared(options, watcher or _Nobody(), dry_run=True) as ready:
        stems = []
        for index, job in enumerate(ready.batch.jobs):
            looked = look_at(job)
            stems.append(PlannedStem(job.source, job, looked.seconds, index in ready.batch.skipped, looked.warning))
        stems += [PlannedStem(path, None) for path in ready.files if ready.session.intent_for(path) is None]
        return StemsPlan(stems=tuple(stems), doubts=ready.doubts, warnings=ready.warnings, understood=ready.understood)


def process_stems(
    options: StemsOptions, watcher: Watcher | None = None, *, edit_report: Callable[[object], object] = lambda document: document
) -> StemsResult:
    """Process stems; a file that fails does not stop the others, and its part of the result says why.

    All names are checked before the first file is read. edit_report: changes the document of the report before it is written, such as the
    names that its messages use.
    Raises IntentError, AudioError, PresetError, ChainError, UnknownTermError, InvalidTargetError, BundleError, OutputError and
    EnvironmentFailure for what would fail for every file.
    """
    watcher = watcher or _Nobody()
    with _prepared(options, watcher, dry_run=False) as ready:
        ready.make_folder()
        watcher.begin(ready.batch.jobs)
        stems = []
        for entry in _in_order(ready, watcher):
            stems.append(_finished(entry, ready.presets, from_stream=options.stream is not None))
            watcher.finish(stems[-1])
    if ready.presets is not None:
        ready.presets.finish([stem.entry for stem in stems])
    result = StemsResult(stems=tuple(stems), doubts=ready.doubts, warnings=ready.warnings, understood=ready.understood)
    if options.report is not None:
        write_atomic(Path(options.report), strict_json.dumps(edit_report(result.to_dict())), overwrite=not ready.is_report_new)
    return result


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ready:
    """A batch, checked, with all that it needs. crew: None where this process does the work. make_folder: of the outputs."""

    files: list[Path]
    session: Session
    batch: Batch
    resources: StemResources
    crew: Crew | Cluster | None
    presets: PresetWriter | None
    is_report_new: bool
    doubts: tuple[str, ...]
    warnings: tuple[str, ...]
    understood: Mapping[str, Phrase]
    make_folder: Callable[[], object]


@contextlib.contextmanager
def _prepared(options: StemsOptions, watcher: Watcher, *, dry_run: bool) -> Iterator[_Ready]:
    """Return a batch with its workers running, everything checked that would fail for all files."""
    bundle = None if options.bundle is None else os.fspath(options.bundle)
    output, how, resume = os.fspath(options.output), options.how, options.resume
    session = _session(options)
    with contextlib.ExitStack() as stack:
        audio = options.audio if options.stream is None else [stack.enter_context(_spooled(options.stream, options))]
        found = survey(audio, recursive=options.recursive, output=None if how.in_place else output)
        files = list(found.files)
        opening = _Opening(bundle, options.renew, options.choice)
        plan_again = functools.partial(
            plan_batch,
            files,
            session,
            output,
            how,
            read_preset=functools.cache(opening),
            below=found.below,
            follow=options.follow,
            resume=resume,
        )
        plan = plan_again(make_folder=False)
        warnings = [*found.lines(), *session.unmatched(files), *opening.warnings]
        for line in warnings:
            watcher.note(line)
        crew = None if dry_run else stack.enter_context(_crew(plan, options, bundle))
        from semeq_export.app._engine import find_phrases, load_engine  # these take a while, and the workers start meanwhile
        from semeq_export.app._stem_words import check_intents, find_words, resolve_intensities
        from semeq_host.stems.resources import StemResources

        resources = StemResources(load_engine=lambda: load_engine(bundle, guess=options.guess))
        check_intents(resources, plan, session)
        words = find_words(resources, plan)
        understood = find_phrases(resources.engine, (one.text for one in words)) if words else {}
        doubts = resources.engine.doubts(*(one.target(resources.engine) for one in words)) if words else []
        plan, notes = resolve_intensities(resources, plan)
        for line in (*(phrase.line for phrase in understood.values()), *notes, *doubts):
            watcher.note(line)
        batch = Batch(plan, bundle, resume=resume, journal=len(plan) > 1 or resume or how.in_place)
        for outputs, what in (
            (batch.of_other_bundles, "another bundle"),
            (batch.of_other_options, "other options, files or another version"),
        ):
            if outputs:
                warnings.append(f"{len(outputs)} of {len(plan)} outputs were made with {what}; they are made again")
                watcher.note(warnings[-1])
        yield _Ready(
            files=files,
            session=session,
            batch=batch,
            resources=resources,
            crew=crew,
            presets=_preset_writer(options.export_preset, batch, resources, bundle),
            is_report_new=options.report is None or _check_report(Path(options.report), Path(output), options),
            doubts=tuple(doubts),
            warnings=tuple(warnings),
            understood=understood,
            make_folder=plan_again,
        )


def _session(options: StemsOptions) -> Session:
    """Return what is wanted of each stem, by the session file and the options."""
    session = Session({}) if options.session is None else read_session_file(options.session)
    values = {name: getattr(options, name) for name in _WISHES} | {"refine": options.refine or None}
    return session.overridden(values, options.rules)


@contextlib.contextmanager
def _spooled(stream: int, options: StemsOptions) -> Iterator[Path]:
    """Return a temporary file with what comes through a pipe: audio files are read from their end too."""
    output = resolve_links(options.output) if options.follow else options.output
    with spool(stream, output, overwrite=options.how.overwrite) as path:
        if path.stat().st_size == 0:
            raise AudioError("empty", STREAM_NAME)
        yield path


def _finished(entry: Entry, presets: PresetWriter | None, *, from_stream: bool) -> ProcessedStem:
    """Return a finished file with its preset, if there is one; of a stream, the temporary file is called what it is."""
    if from_stream:
        if isinstance(entry, FailedEntry):
            entry = msgspec.structs.replace(entry, error=entry.error.replace(printable(entry.path), STREAM_NAME))
        entry = msgspec.structs.replace(entry, path=STREAM_NAME)
    if presets is None:
        return ProcessedStem(entry)
    return ProcessedStem(entry, exports_presets=True, preset=presets.write(entry))


class _Opening:
    """Opens presets for their bands. warnings: what is to be known of their words."""

    def __init__(self, bundle: str | None, renew: bool, choice: Choice | None) -> None:
        self._bundle, self._renew, self._choice = bundle, renew, choice
        self.warnings: list[str] = []

    def __call__(self, path: str) -> Equaliser:
        from semeq_presets import Choice, read_file

        preset = read_file(path, choice=self._choice or Choice())
        if preset.words is not None or self._renew:
            from semeq_export.app._recall import recall  # as few presets keep words, and it brings the engine along

            recalled = recall(preset, path, self._bundle, renew=self._renew)
            self.warnings += [recalled.line] if recalled.line else []
            preset = recalled.preset
        return preset.eq


def _crew(plan: Sequence[StemJob], options: StemsOptions, bundle: str | None) -> Crew | Cluster | contextlib.nullcontext[None]:
    """Return the worker processes or the cluster; None where this process does the work.

    One file is worth a process only with a chain: plug-ins may crash.
    """
    if options.dask is not None:
        from semeq_host.stems.cluster import Cluster

        return Cluster(options.dask, bundle)
    is_alone = len(plan) == 1 and plan[0].intent.chain is None
    if options.workers == 0 or (options.workers is None and is_alone):
        return contextlib.nullcontext()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return Crew(min(options.workers or cores, len(plan)), bundle)


def _preset_writer(format_id: str | None, batch: Batch, resources: StemResources, bundle: str | None) -> PresetWriter | None:
    """Return what writes presets; all preset formats together take a while to import."""
    if format_id is None:
        return None
    from semeq_export.app.stem_presets import preset_writer, words_in
    from semeq_export.words.names import host_name

    texts = dict.fromkeys(job.intent.target for job in batch.jobs if job.intent.target is not None)
    titles = {text: host_name(resources.engine.understand(text).target()) for text in texts}
    return preset_writer(format_id, batch, titles, words_in(resources, bundle))


def _check_report(path: Path, output: Path, options: StemsOptions) -> bool:
    """Check the name of a report; return whether it is free. A run that goes on may replace a report, and nothing else."""
    if path.parent == output and not output.exists():
        return True  # the folder is made with the first output
    is_report = False
    if options.resume and path.is_file():
        with contextlib.suppress(ValueError, OSError):
            document = strict_json.loads(path.read_bytes(), max_bytes=_MAX_REPORT_BYTES)
            is_report = isinstance(document, Mapping) and "files" in document
    check_output(path, overwrite=options.how.overwrite or is_report)
    return not path.exists()


def _in_order(ready: _Ready, watcher: Watcher) -> Iterator[Entry]:
    """Run a batch, and return its entries in the order of the plan, each as soon as those before it are there."""
    waiting: dict[int, Entry] = {}
    next_index = 0
    events = ready.batch.run(
        resources=ready.resources if ready.crew is None else None,
        crew=ready.crew,
        progress=lambda done, total: watcher.see(Working(len(waiting) + next_index, done, total)),
    )
    with contextlib.closing(events):
        for event in events:
            watcher.see(event)
            if isinstance(event, Finished):
                waiting[event.index] = event.entry
            while next_index in waiting:
                yield waiting.pop(next_index)
                next_index += 1
