"""Stems through the EQ of words, presets or references, and through chains: what would be done, or file after file as it is done."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from semeq_export.app._stem_batch import Ready, prepared
from semeq_export.app._stems import (
    STREAM_NAME,
    Nobody,
    PlannedStem,
    ProcessedStem,
    StemsOptions,
    StemsPlan,
    StemsResult,
    Watcher,
    is_folder,
)
from semeq_export.errors import SemeqError, printable
from semeq_export.files import strict_json
from semeq_export.files.atomic import write_atomic
from semeq_host.stems.batch import look_at
from semeq_host.stems.entry import FailedEntry, not_done
from semeq_host.stems.pool import Finished, Working

if TYPE_CHECKING:
    from semeq_export.app.stem_presets import PresetWriter
    from semeq_host.stems.entry import Entry

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


def plan_stems(options: StemsOptions, watcher: Watcher | None = None) -> StemsPlan:
    """Return what `process_stems` would do, in order, and what the headers say against it. Nothing is written; a stream is read.

    Raises as `process_stems` does where that would end before the first file.
    """
    with prepared(options, watcher or Nobody(), dry_run=True) as ready:
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

    All names are checked before the first file is read, and the folders of the outputs are held as long as it takes. The report is written
    too where an interrupt or an error ends the run. edit_report: changes its document before it is written, such as the names that its
    messages use.
    Raises IntentError, AudioError, PresetError, ChainError, UnknownTermError, InvalidTargetError, BundleError, OutputError and
    EnvironmentFailure for what would fail for every file.
    """
    watcher = watcher or Nobody()
    progress = _Progress()
    try:
        with prepared(options, watcher, dry_run=False) as ready:
            progress.ready = ready
            ready.make_folder()
            watcher.begin(ready.batch.jobs)
            for entry in _in_order(ready, watcher, progress.waiting):
                progress.stems.append(_finished(entry, ready.presets, from_stream=options.stream is not None))
                watcher.finish(progress.stems[-1])
    except BaseException:
        with contextlib.suppress(SemeqError):  # the first error is the one to tell
            _report(options, progress.interrupted(), progress.ready, edit_report)
        raise
    stems = progress.stems
    if ready.presets is not None:
        ready.presets.finish([stem.entry for stem in stems])
    result = StemsResult(stems=tuple(stems), doubts=ready.doubts, warnings=ready.warnings, understood=ready.understood)
    if options.sheet is not None:
        from semeq_export.app.stem_sheet import write_sheet  # loads matplotlib

        write_sheet(Path(options.sheet), [stem.entry for stem in stems], options.how)
    _report(options, result, ready, edit_report)
    return result


class _Progress:
    """What is known of a run when it ends before its end. waiting: entries of files that come after others in the plan."""

    def __init__(self) -> None:
        self.ready: Ready | None = None
        self.stems: list[ProcessedStem] = []
        self.waiting: dict[int, Entry] = {}

    def interrupted(self) -> StemsResult:
        """Return what was done, and what was not."""
        if self.ready is None:
            return StemsResult(stems=(), is_interrupted=True)
        done = len(self.stems)
        left = [self.waiting.get(index) or not_done(job) for index, job in enumerate(self.ready.batch.jobs) if index >= done]
        return StemsResult(
            stems=(*self.stems, *map(ProcessedStem, left)),
            doubts=self.ready.doubts,
            warnings=self.ready.warnings,
            understood=self.ready.understood,
            is_interrupted=True,
        )


def _report(options: StemsOptions, result: StemsResult, ready: Ready | None, edit: Callable[[object], object]) -> None:
    """Write the report where one is wanted, and where its name was found to be free."""
    if options.report is not None and ready is not None:
        write_atomic(Path(options.report), strict_json.dumps(edit(result.to_dict())), overwrite=not ready.is_report_new)


def _finished(entry: Entry, presets: PresetWriter | None, *, from_stream: bool) -> ProcessedStem:
    """Return a finished file with its preset, if there is one; of a stream, the temporary file is called what it is."""
    if from_stream:
        if isinstance(entry, FailedEntry):
            entry = msgspec.structs.replace(entry, error=entry.error.replace(printable(entry.path), STREAM_NAME))
        entry = msgspec.structs.replace(entry, path=STREAM_NAME)
    if presets is None:
        return ProcessedStem(entry)
    return ProcessedStem(entry, exports_presets=True, preset=presets.write(entry))


def _in_order(ready: Ready, watcher: Watcher, waiting: dict[int, Entry]) -> Iterator[Entry]:
    """Run a batch, and return its entries in the order of the plan, each as soon as those before it are there. waiting: for others."""
    next_index, batch = 0, ready.batch
    events = batch.run(
        resources=ready.resources if ready.crew is None else None,
        crew=ready.crew,
        progress=lambda done, total: watcher.see(Working(batch.current, done, total)),
    )
    with contextlib.closing(events):
        for event in events:
            watcher.see(event)
            if isinstance(event, Finished):
                waiting[event.index] = event.entry
            while next_index in waiting:
                yield waiting.pop(next_index)
                next_index += 1
