"""A batch of stems, made ready: everything checked that would fail for all files, workers running, folders held."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from semeq_export.app._stems import STREAM_NAME, StemsOptions, Watcher, is_folder
from semeq_export.errors import AudioError
from semeq_export.files import strict_json
from semeq_export.files.atomic import spool
from semeq_export.files.disk import check_output, resolve_links
from semeq_host.stems.audio_names import FoundAudio, survey
from semeq_host.stems.batch import Batch, plan_batch
from semeq_host.stems.grouping import groups_of
from semeq_host.stems.lock import check_unlocked, locked
from semeq_host.stems.pool import Crew
from semeq_host.stems.session_file import Session, read_session_file

if TYPE_CHECKING:
    from semeq_export.app.stem_presets import PresetWriter
    from semeq_export.eq.channels import Equaliser
    from semeq_export.words.phrase import Phrase
    from semeq_host.stems.cluster import Cluster
    from semeq_host.stems.job import StemJob
    from semeq_host.stems.resources import StemResources
    from semeq_presets import Choice

_MAX_REPORT_BYTES = 1 << 28
_WISHES = ("target", "preset", "match", "match_amount", "match_limit_db", "intensity", "mode", "analysis", "reference", "chain")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """A batch, checked, with all that it needs. crew: None where this process does the work. make_folder: of the outputs, and hold it."""

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
def prepared(options: StemsOptions, watcher: Watcher, *, dry_run: bool) -> Iterator[Ready]:
    """Return a batch with its workers running, everything checked that would fail for all files."""
    bundle = None if options.bundle is None else os.fspath(options.bundle)
    output, how, resume = os.fspath(options.output), options.how, options.resume
    session = _session(options)
    if options.sheet is not None:
        from semeq_export.app.stem_sheet import check_sheet

        check_sheet(Path(options.sheet), how, Path(output))
    with contextlib.ExitStack() as stack:
        audio = options.audio if options.stream is None else [stack.enter_context(_spooled(options.stream, options))]
        found = survey(audio, recursive=options.recursive, output=None if how.in_place else output)
        files = list(found.files)
        opening = _Opening(bundle, options.renew, options.choice)
        plan_again = functools.partial(_planned, options, session, found, functools.cache(opening))
        plan = plan_again(make_folder=False)
        warnings = [*found.lines(), *session.unmatched(files), *opening.warnings]
        warnings += _unlinked(plan, session) if how.in_place and options.link is None else []
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
        hung = {} if dry_run else _check_chains(resources, plan, crew)
        keeps_journal = len(plan) > 1 or resume or how.in_place
        lock = _Lock(stack, plan, is_whole=keeps_journal or is_folder(output), dry_run=dry_run)
        warnings += lock.take(watcher)
        plan = _heard(resources, plan) if resume or not dry_run else plan
        batch = Batch(plan, bundle, resume=resume, journal=keeps_journal, given_up=hung)
        warnings += _made_again(batch, watcher)
        yield Ready(
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
            make_folder=lambda: [*plan_again(), *lock.take(watcher)],
        )


def _planned(
    options: StemsOptions, session: Session, found: FoundAudio, read_preset: Callable[[str], Equaliser], *, make_folder: bool = True
) -> list[StemJob]:
    """Return what is to be done, as `plan_batch` does."""
    return plan_batch(
        found.files,
        session,
        os.fspath(options.output),
        options.how,
        read_preset=read_preset,
        below=found.below,
        follow=options.follow,
        resume=options.resume,
        make_folder=make_folder,
        link=options.link,
    )


def _unlinked(plan: Sequence[StemJob], session: Session) -> list[str]:
    """Return what is to be known where stems that belong together are processed in place."""
    is_linked = any(groups_of([job.source for job in plan], session))
    return ["in place, stems are not linked: each has a trim and a dose of its own"] if is_linked else []


def _heard(resources: StemResources, plan: list[StemJob]) -> list[StemJob]:
    """Return the jobs with what was found by listening to their groups, which decides whether a result of an earlier run is the same."""
    if not any(job.group for job in plan):
        return plan
    from semeq_host.stems.hearing import heard_together  # only what is linked

    return heard_together(resources, plan)


def _made_again(batch: Batch, watcher: Watcher) -> list[str]:
    """Return and tell how many outputs of an earlier run are made again, and why."""
    reasons = ((batch.of_other_bundles, "another bundle"), (batch.of_other_options, "other options, files or another version"))
    total = len(batch.jobs)
    lines = [f"{len(outputs)} of {total} outputs were made with {what}; they are made again" for outputs, what in reasons if outputs]
    for line in lines:
        watcher.note(line)
    return lines


class _Lock:
    """Holds the folders of a plan's outputs as soon as they are there. is_whole: or else only sees that nobody else does."""

    def __init__(self, stack: contextlib.ExitStack, plan: Sequence[StemJob], *, is_whole: bool, dry_run: bool) -> None:
        self._stack, self._is_whole = stack, is_whole
        self._left = set() if dry_run else {job.destination.parent for job in plan}

    def take(self, watcher: Watcher) -> list[str]:
        """Hold what exists and is not held yet; return and tell what a killed run had left. Raises OutputError where another run works."""
        there = [folder for folder in self._left if folder.is_dir()]
        self._left -= set(there)
        if not self._is_whole:
            for folder in there:
                check_unlocked(folder)
            return []
        lines = self._stack.enter_context(locked(there))
        for line in lines:
            watcher.note(line)
        return lines


def _check_chains(resources: StemResources, plan: Sequence[StemJob], crew: Crew | Cluster | None) -> Mapping[str, float]:
    """Load once what chains need from files, plug-ins and impulse responses; return the chains that hang, as `Crew.check_chains` does."""
    named = dict.fromkeys(job.intent.chain for job in plan if job.intent.chain is not None)
    chains = [chain for chain in named if resources.chain(chain).files]
    if crew is not None:
        return crew.check_chains(chains)
    for chain in chains:
        resources.chain(chain).check_files()
    return {}


def _session(options: StemsOptions) -> Session:
    """Return what is wanted of each stem, by the session file and the options."""
    session = Session({}) if options.session is None else read_session_file(options.session)
    values = {name: getattr(options, name) for name in _WISHES} | {"refine": options.refine or None}
    session = session.overridden(values, options.rules)
    return session if options.how.lufs is None else session.with_flat()


@contextlib.contextmanager
def _spooled(stream: int, options: StemsOptions) -> Iterator[Path]:
    """Return a temporary file with what comes through a pipe: audio files are read from their end too."""
    output = resolve_links(options.output) if options.follow else options.output
    with spool(stream, output, overwrite=options.how.overwrite) as path:
        if path.stat().st_size == 0:
            raise AudioError("empty", STREAM_NAME)
        yield path


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

    One file is worth a process only with a chain: plug-ins may crash, and hang. Those that come from files always get one.
    """
    if options.dask is not None:
        from semeq_host.stems.cluster import Cluster

        return Cluster(options.dask, bundle)
    is_alone = len(plan) == 1 and plan[0].intent.chain is None
    if (options.workers == 0 and not _has_plugins(plan)) or (options.workers is None and is_alone):
        return contextlib.nullcontext()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    workers = cores if options.workers is None else max(1, options.workers)
    return Crew(min(workers, len(plan)), bundle, plugin_timeout_s=options.plugin_timeout_s)


def _has_plugins(plan: Sequence[StemJob]) -> bool:
    """Whether a chain loads a plug-in from a file, which may hang or crash the process that it runs in."""
    chains = dict.fromkeys(job.intent.chain for job in plan if job.intent.chain is not None)
    if not chains:
        return False
    from semeq_host.chains.chain_file import read_chain  # loads Pedalboard

    return any(read_chain(chain).has_plugin_files for chain in chains)


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
