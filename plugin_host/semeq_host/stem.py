"""One stem of a batch: from a job to its entry of the report, both plain data. What every worker does, wherever it runs."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from semeq_export.bundle import load_bundle
from semeq_export.engine import Engine
from semeq_export.eq import EqSettings
from semeq_export.errors import AudioError, SemeqError
from semeq_export.files import environment_failure, open_regular
from semeq_export.listening import Listening, MatchListening, WordListening, with_typical_intensity
from semeq_export.reference import ReferenceSource
from semeq_export.semantic import SemanticTarget
from semeq_host.chain_file import ChainSpec, read_chain
from semeq_host.intent import Intent
from semeq_host.offline import ListenedReport, MakeStage, ProcessOptions, ProcessReport, Progress, process_file, process_listening
from semeq_host.rolling import RollingReport, process_rolling

Entry = dict[str, object]
"""One file's part of the report: plain data for JSON."""

_HASHED_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class StemJob:
    """One file to process. in_place_sha256: of a source that its result replaces, before anything was done to it."""

    source: Path
    destination: Path
    intent: Intent
    options: ProcessOptions
    in_place_sha256: str | None = None

    def again(self) -> StemJob:
        """Return the job for another try: its name was free when the batch began, so what is there now came from an earlier try."""
        return replace(self, options=replace(self.options, overwrite=True))

    def to_dict(self) -> dict[str, object]:
        """Return plain data for JSON. A name that is not UTF-8 keeps its bytes as lone surrogates."""
        return {
            "source": str(self.source),
            "destination": str(self.destination),
            "intent": self.intent.to_dict(),
            "options": dataclasses.asdict(self.options),
            "in_place_sha256": self.in_place_sha256,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, object]) -> StemJob:
        """Return the job that `to_dict` wrote."""
        intent, options, sha256 = data["intent"], data["options"], data["in_place_sha256"]
        assert isinstance(intent, Mapping)
        assert isinstance(options, Mapping)
        source, destination = Path(str(data["source"])), Path(str(data["destination"]))
        return cls(source, destination, Intent.from_dict(intent), ProcessOptions(**options), None if sha256 is None else str(sha256))


class Studio:
    """What processes stems: the engine and the chains and references that they name, each loaded once.

    bundle_path: None is the factory bundle. load_engine: instead of it.
    """

    def __init__(self, bundle_path: str | None = None, *, load_engine: Callable[[], Engine] | None = None) -> None:
        self._load_engine = load_engine or (lambda: Engine(load_bundle(bundle_path)))
        self._chains: dict[str, ChainSpec] = {}
        self._references: dict[str, ReferenceSource] = {}

    @cached_property
    def engine(self) -> Engine:
        """The engine; the bundle is loaded only where words occur."""
        return self._load_engine()

    def prepare(self, intent: Intent) -> None:
        """Raise what would fail for every file: an unknown word, a chain that cannot be read, a reference without signal."""
        if intent.target is not None:
            self.engine.eq_for(SemanticTarget.parse(intent.target, intent.amount))
        if intent.chain is not None and self._chain(intent.chain).needs_engine:
            self.engine  # noqa: B018 - loads the bundle
        for text in (intent.match, intent.reference):
            if text is not None:
                self._reference(text)

    def run(self, job: StemJob, progress: Progress | None = None) -> Entry:
        """Process a file and return its entry; an error of ours becomes one, everything else is raised."""
        started = time.perf_counter()
        try:
            source_sha256 = sha256_of(job.source)
            if job.in_place_sha256 not in (None, source_sha256):
                return _replaced_before(job, source_sha256)
            report, listened = self._process(job, progress)
            entry = _done(job, report, listened)
            entry["source_sha256"] = source_sha256
            entry["output_sha256"] = sha256_of(job.destination)
        except SemeqError as error:
            return failed(job, error)
        taken = time.perf_counter() - started
        entry["taken_s"] = round(taken, 3)
        entry["times_real_time"] = round(report.info.duration_s / taken, 1) if taken > 0 else None
        return entry

    def _process(self, job: StemJob, progress: Progress | None) -> tuple[ProcessReport, ListenedReport | RollingReport | None]:
        intent = job.intent
        stage: MakeStage | None = None
        if intent.chain is not None:
            chain = self._chain(intent.chain)
            stage = chain.stage(self.engine if chain.needs_engine else None)
        listening = self._listening(intent, job.source)
        if listening is None:
            eq = self._eq(intent)
            report = process_file(job.source, job.destination, eq, make_stage=stage, options=job.options, progress=progress)
            return report, None
        listened: ListenedReport | RollingReport
        if intent.analysis == "rolling" and isinstance(listening, WordListening):
            listened = process_rolling(
                job.source,
                job.destination,
                listening.engine,
                listening.target,
                reference=listening.reference,
                make_stage=stage,
                options=job.options,
                progress=progress,
            )
        else:
            listened = process_listening(job.source, job.destination, listening, make_stage=stage, options=job.options, progress=progress)
        return listened.report, listened

    def _eq(self, intent: Intent) -> EqSettings:
        if intent.eq is not None:
            return intent.eq.scaled(intent.amount)
        return EqSettings() if intent.target is None else self.engine.eq_for(SemanticTarget.parse(intent.target, intent.amount))

    def _listening(self, intent: Intent, source: Path) -> Listening | None:
        """Return how to listen to a file, None where its sound does not matter; a folder as reference leaves out the file itself."""
        if intent.match is not None:
            return MatchListening(self._reference(intent.match).for_input(source), intent.amount)
        if not intent.listens_to_words or intent.target is None:
            return None
        wanted = SemanticTarget.parse(intent.target, intent.amount)
        if intent.intensity == "auto":
            wanted = with_typical_intensity(self.engine, wanted)
        reference = None if intent.reference is None else self._reference(intent.reference).for_input(source)
        return WordListening(self.engine, wanted, reference, intent.refine)

    def _chain(self, path: str) -> ChainSpec:
        if path not in self._chains:
            self._chains[path] = read_chain(path)
        return self._chains[path]

    def _reference(self, text: str) -> ReferenceSource:
        if text not in self._references:
            self._references[text] = ReferenceSource(text)
        return self._references[text]


def sha256_of(path: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of a regular file in hexadecimal; raises AudioError and EnvironmentFailure."""
    digest = hashlib.sha256()
    with os.fdopen(open_regular(path, AudioError), "rb") as file:
        try:
            while data := file.read(_HASHED_BYTES):
                digest.update(data)
        except OSError as error:
            raise environment_failure(path, error) from error
    return digest.hexdigest()


def failed(job: StemJob, error: SemeqError) -> Entry:
    """Return the entry of a file that could not be processed."""
    return {"path": str(job.source), "output": None, "error": str(error), "code": error.code, "exit_code": error.exit_code}


def _replaced_before(job: StemJob, output_sha256: str) -> Entry:
    """Return the entry of a source that was replaced just before an interrupt: another time would be once too often."""
    return {
        "path": str(job.source),
        "output": str(job.destination),
        "output_sha256": output_sha256,
        "warnings": ["was replaced before the run was interrupted; what was done to it was not written down"],
    }


def _done(job: StemJob, report: ProcessReport, listened: ListenedReport | RollingReport | None) -> Entry:
    adaptation = None if listened is None else listened.to_dict()
    intent = job.intent
    has_words = intent.target is not None or intent.preset is not None or intent.match is not None
    return {
        "adaptation": adaptation,
        "summary": None if listened is None else listened.summary(),
        "path": str(report.source),
        "output": str(report.destination),
        "seconds": report.info.duration_s,
        "sample_rate_hz": report.info.sample_rate_hz,
        "channels": report.info.channels,
        "frames": report.info.frames,
        "tail_samples": report.tail_samples,
        "format": report.output.container,
        "subtype": report.output.subtype,
        "eq": None if adaptation is not None and adaptation["analysis"] == "rolling" else report.eq.to_dict(),
        "target": intent.target,
        "preset": intent.preset,
        "chain": intent.chain,
        "intensity": (intent.amount if has_words else None) if adaptation is None else adaptation["intensity"],
        "peak_dbfs": report.peak_dbfs,
        "true_peak_dbtp": report.true_peak_dbtp,
        "trim_db": report.trim_db,
        "match_db": report.match_db,
        "repaired_samples": report.repaired_samples,
        "is_copy": report.is_copy,
        "warnings": list(report.warnings),
    }
