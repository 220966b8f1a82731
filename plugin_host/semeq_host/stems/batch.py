"""Batches of stems: a plan, checked before anything is written, what is left of it, and results as they come, wherever they are made."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import warnings
from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from semeq_export.audio.formats import output_format
from semeq_export.audio.reader import open_audio
from semeq_export.eq.channels import Equaliser, to_plain
from semeq_export.errors import IntentError, OutputError, SemeqError, printable
from semeq_export.files.disk import check_output, resolve_links
from semeq_host.stems.audio_names import find_audio, plan_outputs
from semeq_host.stems.cluster import Cluster
from semeq_host.stems.entry import DoneEntry, hung
from semeq_host.stems.grouping import groups_of
from semeq_host.stems.job import StemJob, sha256_of
from semeq_host.stems.journal import Claim, Done, Journal
from semeq_host.stems.linking import Linking
from semeq_host.stems.pool import Crew, Finished, Working
from semeq_host.stems.session_file import Session
from semeq_host.streams.process_options import ProcessOptions, Progress

if TYPE_CHECKING:
    from semeq_host.stems.resources import StemResources

Event = Working | Finished

_NAMED_WISHES = 3
_IN_ENTRIES = ("target", "preset", "chain")
_NOT_IN_KEY = ("overwrite", "block_samples", "gain_db")
"""Options that do not change an output."""


@dataclass(frozen=True, slots=True)
class StemPreview:
    """What is known of a file before it is processed. warning: why it will fail, as far as its header says."""

    job: StemJob
    seconds: float
    warning: str = ""


def plan_batch(
    audio: Sequence[str | os.PathLike[str]],
    session: Session,
    output: str,
    options: ProcessOptions,
    *,
    read_preset: Callable[[str], Equaliser],
    below: Mapping[Path, Path] | None = None,
    follow: bool = False,
    resume: bool = False,
    make_folder: bool = True,
    link: bool | None = None,
) -> list[StemJob]:
    """Return what is to be done, names checked: no two outputs of one name, none of them an input, each able to hold the subtype.

    audio: files, folders and patterns. read_preset: gives the bands of a preset file, which is read once. below: folders inside of the
    output's for some of them. follow: where an output's name is a link, write what it leads to. resume: outputs may exist; what is left of
    them is for `Batch` to say. Nothing is made but the folder.
    link: see `groups_of`; in place, nothing is linked, as a replaced source cannot be written once more; nor are matched changes.
    Raises IntentError, AudioError, OutputError and EnvironmentFailure.
    """
    if options.in_place and link:
        raise IntentError("`link` needs the sources until all stems are written: give another folder than `in_place` does")
    is_matched_change = options.delta and options.match_loudness
    if is_matched_change and link:
        raise IntentError("`match_loudness` of linked stems brings their sum to a loudness, which a `delta` is no part of")
    chosen = [(path, intent) for path in find_audio(audio) if (intent := session.intent_for(path)) is not None]
    sources = [path for path, _ in chosen]
    if options.in_place:
        pairs = [(path, resolve_links(path) if follow else path) for path in sources]
        twice = [path for path, count in Counter(map(os.path.realpath, sources)).items() if count > 1]
        if twice:
            raise OutputError(f"{printable(twice[0])}: is named twice; in place it would be processed twice")
    else:
        inner = {path: folder for path, folder in (below or {}).items() if path in sources}
        overwrite = options.overwrite or resume
        pairs = plan_outputs(sources, output, below=inner, overwrite=overwrite, follow=follow, make_folder=make_folder)
    for destination in () if options.subtype is None else (destination for _, destination in pairs):
        output_format(destination, subtype=options.subtype)
    bands = cache(read_preset)
    groups = groups_of(sources, session, False if options.in_place or is_matched_change else link)
    intents = [intent if intent.preset is None else replace(intent, eq=to_plain(bands(intent.preset))) for _, intent in chosen]
    jobs = [
        StemJob(source, destination, intent, options, group=group)
        for (source, destination), intent, group in zip(pairs, intents, groups, strict=True)
    ]
    return [job if job.group else job.as_loud() for job in jobs]


def look_at(job: StemJob) -> StemPreview:
    """Return what a file's header says of it, for a plan that people read and for the time that is left."""
    try:
        with open_audio(job.source, salvage=job.options.salvage) as reader:
            return StemPreview(job, reader.info.duration_s)
    except SemeqError as error:
        return StemPreview(job, 0.0, str(error))


class Batch:
    """Jobs with the journal that says what was done of them before. given_up: chains whose plug-ins hang, and how long that was watched.

    resume: skip what is finished already, its source, everything that decides it and the output itself unchanged. Outputs that an earlier
    run had begun to make are made anew. Raises OutputError where an output exists that is not the earlier run's, or was changed since.
    """

    def __init__(
        self,
        jobs: Sequence[StemJob],
        bundle_path: str | None,
        *,
        resume: bool = False,
        journal: bool = True,
        given_up: Mapping[str, float] | None = None,
    ) -> None:
        self.jobs = list(jobs)
        self._given_up = given_up or {}
        self._bundle_path, self._resume = bundle_path, resume
        self._keys = _Keys(bundle_path)
        folders = {job.destination.parent for job in jobs} if journal else set()
        self._journals = {folder: Journal(folder) for folder in folders}
        self.current = 0
        """Index of the job that this process is at, where it does the work: the one whose progress is told."""
        self.skipped: dict[int, DoneEntry] = {}
        """Entries of the jobs that need not be done, by index."""
        self.of_other_bundles: list[Path] = []
        """Outputs of an earlier run that are made again because another bundle said what their words mean."""
        self.of_other_options: list[Path] = []
        """Outputs of an earlier run that are made again because options, files that they name or the version were others."""
        self._of_other_wishes: list[tuple[StemJob, Done]] = []
        if resume:
            for index, job in enumerate(self.jobs):
                entry = self._finished_before(job)
                if entry is not None:
                    self.skipped[index] = msgspec.structs.replace(entry, resumed=True)
                elif not job.options.in_place and job.destination.exists():
                    self.jobs[index] = job.again()
            self._refuse_other_wishes()
        for index, job in enumerate(self.jobs):
            if index not in self.skipped and job.options.in_place:
                self.jobs[index] = replace(job, in_place_sha256=self._before(job))

    def run(
        self,
        *,
        resources: StemResources | None = None,
        crew: Crew | Cluster | None = None,
        progress: Progress | None = None,
        studio: StemResources | None = None,
    ) -> Generator[Event, None, None]:
        """Do what is left and yield what happens, skipped jobs first; each job finishes exactly once.

        One of two does it. resources: this process, which tells `progress` how far each job is. crew: worker processes, or a Dask cluster
        that sees the same files under the same names. studio: the old name of `resources`. Close the iterator to stop early.
        """
        if studio is not None:
            warnings.warn("`studio` is now called `resources`; the old name goes with 0.2", DeprecationWarning, stacklevel=2)
            resources = studio
        chains = {index: job.intent.chain for index, job in enumerate(self.jobs) if job.intent.chain in self._given_up}
        hopeless = {index: hung(self.jobs[index], self._given_up[chain]) for index, chain in chains.items() if chain is not None}
        left = [index for index in range(len(self.jobs)) if index not in self.skipped and index not in hopeless]
        self._claim(left)
        linking = Linking(self.jobs)
        for index, given_up in hopeless.items():
            if index not in self.skipped:
                yield from linking.see(Finished(index, given_up))
        for index, entry in self.skipped.items():
            yield from linking.see(Finished(index, entry))
        left = left or self._correct(linking)
        while left:
            with contextlib.closing(self._work(left, resources, crew, progress)) as events:
                for event in events:
                    if isinstance(event, Working):
                        yield event
                        continue
                    for final in linking.see(event):
                        if final.entry is not event.entry:
                            self._note(final)
                        yield final
            left = self._correct(linking)

    def _correct(self, linking: Linking) -> list[int]:
        """Take over the jobs that are to be done once more; return their indices."""
        left = sorted(linking.corrections)
        for index in left:
            self.jobs[index] = linking.corrections.pop(index)
        return left

    def _work(
        self, left: Sequence[int], resources: StemResources | None, crew: Crew | Cluster | None, progress: Progress | None
    ) -> Generator[Event, None, None]:
        """Do some of the jobs, write down what was done, and yield what happens."""
        jobs = [self.jobs[index] for index in left]
        if resources is not None:
            events: Generator[Event, None, None] = self._work_here(left, resources, progress)
        else:
            assert crew is not None
            events = crew.run(jobs)
        with contextlib.closing(events):
            for event in events:
                event = replace(event, index=left[event.index])
                if isinstance(event, Finished):
                    self._note(event)
                yield event

    def _work_here(self, left: Sequence[int], resources: StemResources, progress: Progress | None) -> Generator[Finished, None, None]:
        from semeq_host.stems.stem import run_stem  # not before: whoever plans does not filter

        for place, self.current in enumerate(left):
            yield Finished(place, run_stem(resources, self.jobs[self.current], progress))

    def is_ours(self, index: int) -> bool:
        """Whether what lies at a job's names may be replaced: an earlier run made it, or the options say so."""
        return index in self.skipped or self.jobs[index].options.overwrite

    def _before(self, job: StemJob) -> str | None:
        """Return the hash of a source before anything was done to it: now, or when an interrupted run with the same wishes began.

        Raises OutputError for a file that an earlier run has replaced: to filter it once more is seldom meant and cannot be undone.
        """
        journal, name, now = self._journals.get(job.destination.parent), job.destination.name, _sha256_or_none(job.source)
        claim = None if journal is None else journal.claims.get(name)
        if journal is None or claim is None or claim.source_sha256 is None:
            return now
        done = journal.done.get(name)
        if self._resume and done is None and self._is_of(job, claim):
            return claim.source_sha256
        is_replaced = now != claim.source_sha256 if done is None else now == done.entry.output_sha256
        if is_replaced and not job.options.overwrite:
            raise OutputError(
                f"{printable(job.destination)}: was processed in place before; `resume` skips what is done, `overwrite` processes it again"
            )
        return now

    def _claim(self, left: Sequence[int]) -> None:
        for folder, journal in self._journals.items():
            jobs = [self.jobs[index] for index in left if self.jobs[index].destination.parent == folder]
            journal.claim((job.destination.name, Claim(self._keys.of(job), job.in_place_sha256, self._keys.bundle_of(job))) for job in jobs)

    def _note(self, event: Finished) -> None:
        job = self.jobs[event.index]
        if isinstance(event.entry, DoneEntry) and self._journals:
            done = Done(self._keys.of(job), event.entry, self._keys.bundle_of(job), job.intent.wishes())
            self._journals[job.destination.parent].finish(job.destination.name, done)

    def _finished_before(self, job: StemJob) -> DoneEntry | None:
        """Return the entry of a job that is done, None where it is to be done; raise where that would destroy what is not ours."""
        journal = self._journals.get(job.destination.parent)
        if journal is None or not job.destination.exists():
            return None
        name = job.destination.name
        done, claim = journal.done.get(name), journal.claims.get(name)
        if done is not None:
            is_output_ours = sha256_of(job.destination) == done.entry.output_sha256
            if is_output_ours and self._is_of(job, done) and (job.options.in_place or sha256_of(job.source) == done.entry.source_sha256):
                return done.entry
            if is_output_ours or job.options.overwrite:
                if not job.options.overwrite and not job.options.in_place and not _has_same_wishes(job, done):
                    self._of_other_wishes.append((job, done))  # in place, `_before` says what is to be said
                self.of_other_bundles += [] if self._is_same_bundle(job, done) else [job.destination]
                self.of_other_options += [] if done.key == self._keys.of(job) else [job.destination]
                return None
            raise OutputError(f"{printable(job.destination)}: was changed after it was made; use `overwrite` to replace it")
        if claim is not None and self._is_of(job, claim):
            return None
        if not job.options.in_place:
            check_output(job.destination, overwrite=job.options.overwrite)
        return None

    def _refuse_other_wishes(self) -> None:
        """Raise where finished results would be replaced by results of other wishes."""
        found = self._of_other_wishes
        if not found:
            return
        made = Counter(_in_words(_wishes_of(done)) for _, done in found)
        said = [f"{what} ({count})" if len(made) > 1 else what for what, count in made.most_common(_NAMED_WISHES)]
        said += [f"{len(made) - _NAMED_WISHES} other wishes"] if len(made) > _NAMED_WISHES else []
        first, count = found[0][0], len(found)
        what = "is a finished result" if count == 1 else f"and {count - 1} more are finished results"
        why = f"made with {', '.join(said)}, not {_in_words(first.intent.wishes())}"
        hint = f"use `overwrite` to replace {'it' if count == 1 else 'them'}"
        raise OutputError(f"{printable(first.destination)} {what} {why}; {hint}")

    def _is_of(self, job: StemJob, noted: Claim | Done) -> bool:
        """Whether a journal's line is of this job and not of other wishes; another bundle makes other wishes of the same words."""
        return noted.key == self._keys.of(job) and self._is_same_bundle(job, noted)

    def _is_same_bundle(self, job: StemJob, noted: Claim | Done) -> bool:
        return noted.bundle_sha256 in (None, self._keys.bundle_of(job))


class _Keys:
    """Hashes of what decides outputs; files are read once."""

    def __init__(self, bundle_path: str | None) -> None:
        self._bundle_path, self._version = bundle_path, version("semeq-export")
        self._content: dict[str, str] = {}
        self._chain_files: dict[str, list[str]] = {}
        self._chains_with_words: dict[str, bool] = {}

    def of(self, job: StemJob) -> str:
        intent = job.intent
        options = {name: value for name, value in dataclasses.asdict(job.options).items() if name not in _NOT_IN_KEY}
        names = [name for name in (self._bundle_path, intent.chain, intent.match, intent.reference) if name is not None]
        names += [] if intent.chain is None else self._files_of_chain(intent.chain)
        document: dict[str, object] = {
            "version": self._version,
            "intent": intent.to_dict(),
            "options": options,
            "files": [self._hash(name) for name in names],
        }
        if job.group:
            document["heard_together"] = job.heard
        return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()

    def bundle_of(self, job: StemJob) -> str | None:
        """Return the identity of the bundle that says what a job's words mean, None where it has none."""
        return self._identity if job.intent.target is not None or self._has_words(job.intent.chain) else None

    @cached_property
    def _identity(self) -> str:
        from semeq_export.bundle.loading import read_identity  # not before: workers start as soon as a plan is there

        return read_identity(self._bundle_path)

    def _has_words(self, chain: str | None) -> bool:
        if chain is None:
            return False
        from semeq_host.chains.chain_file import read_chain  # loads Pedalboard

        if chain not in self._chains_with_words:
            self._chains_with_words[chain] = read_chain(chain).needs_engine
        return self._chains_with_words[chain]

    def _files_of_chain(self, name: str) -> list[str]:
        """Return what a chain names: impulse responses and plug-ins."""
        from semeq_host.chains.chain_file import read_chain  # loads Pedalboard

        if name not in self._chain_files:
            self._chain_files[name] = [str(path) for path in read_chain(name).files]
        return self._chain_files[name]

    def _hash(self, name: str) -> str:
        """Return the hash of a file, or of every file in a folder, which plug-ins may be; names of stored references have none."""
        if name not in self._content:
            path = Path(name)
            files = sorted(path.rglob("*")) if path.is_dir() else [path] if path.exists() else []
            self._content[name] = name + "".join(f" {file.relative_to(path)} {sha256_of(file)}" for file in files if file.is_file())
        return self._content[name]


def _has_same_wishes(job: StemJob, done: Done) -> bool:
    """Whether a result was asked for as a job is, though options, files or the version may have changed.

    Of journals of earlier versions, only what entries of reports say is compared.
    """
    now = job.intent.wishes()
    return now == done.wishes if done.wishes is not None else {name: now[name] for name in _IN_ENTRIES if name in now} == _wishes_of(done)


def _wishes_of(done: Done) -> dict[str, object]:
    if done.wishes is not None:
        return done.wishes
    return {name: value for name in _IN_ENTRIES if (value := getattr(done.entry, name, None)) is not None}


def _in_words(wishes: Mapping[str, object]) -> str:
    """Return wishes for people: the word first, then the rest by its names."""
    named = [name.replace("_", " ") if value is True else f"{name} {value}" for name, value in wishes.items() if name != "target"]
    return printable(", ".join([str(wishes["target"]), *named] if "target" in wishes else named)) or "no EQ"


def _sha256_or_none(path: Path) -> str | None:
    """Return the hash of a file; None for one that cannot be read, which its entry will say."""
    try:
        return sha256_of(path)
    except SemeqError:
        return None
