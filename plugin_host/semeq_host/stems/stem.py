"""One stem of a batch: from a job to its entry of the report. What every worker does, wherever it runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import msgspec

from semeq_export.arrays import FloatArray
from semeq_export.audio.samples import AudioInfo
from semeq_export.eq.channels import to_plain
from semeq_export.errors import ChainError, SemeqError, printable
from semeq_export.listeners import WordListening
from semeq_host.stems.entry import DoneEntry, Entry, HeardRolling, HeardWhole, ProcessedEntry, failed
from semeq_host.stems.hearing import adaptation_of
from semeq_host.stems.intent import Intent
from semeq_host.stems.job import StemJob, sha256_of
from semeq_host.stems.resources import StemResources
from semeq_host.streams.offline import ListenedReport, MakeStage, ProcessReport, Stage, process_file, process_listening
from semeq_host.streams.process_options import Progress
from semeq_host.streams.rolling import RollingReport, process_rolling

Watch = Callable[[bool], None]
"""Is told that plug-ins of a chain are at work, again after each block, and when they are no more."""


def run_stem(resources: StemResources, job: StemJob, progress: Progress | None = None, watch: Watch | None = None) -> Entry:
    """Process a file and return its entry; an error of ours becomes one, everything else is raised."""
    started = time.perf_counter()
    try:
        source_sha256 = sha256_of(job.source)
        if job.in_place_sha256 not in (None, source_sha256):
            return _replaced_before(job, source_sha256)
        report, listened = _process(resources, job, progress, watch)
        warnings = (*report.warnings, *_hints(resources, job.intent), *_misses(job, report))
        sha256 = (source_sha256, sha256_of(job.destination))
    except SemeqError as error:
        if isinstance(error, ChainError) and error.path is None and job.intent.chain is not None:
            error = ChainError(f"{printable(job.intent.chain)}: {error.why}", printable(job.source))
        return failed(job, error)
    return _entry(job, report, listened, warnings, sha256, time.perf_counter() - started)


def _process(
    resources: StemResources, job: StemJob, progress: Progress | None, watch: Watch | None
) -> tuple[ProcessReport, ListenedReport | RollingReport | None]:
    intent = job.intent
    stage: MakeStage | None = None
    if intent.chain is not None:
        chain = resources.chain(intent.chain)
        stage = chain.stage(resources.engine if chain.needs_engine else None)
        stage = stage if watch is None else _watched(stage, watch)
    if job.heard is not None:
        adaptation = adaptation_of(job.heard)
        report = process_file(job.source, job.destination, adaptation.eq, make_stage=stage, options=job.how, progress=progress)
        return replace(report, warnings=(*adaptation.notes, *report.warnings)), ListenedReport(report, adaptation, None)
    listening = resources.listening(intent, job.source)
    if listening is None:
        eq = resources.eq_for(intent)
        report = process_file(job.source, job.destination, eq, make_stage=stage, options=job.how, progress=progress)
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
            options=job.how,
            progress=progress,
        )
    else:
        listened = process_listening(job.source, job.destination, listening, make_stage=stage, options=job.how, progress=progress)
    return listened.report, listened


def _watched(make_stage: MakeStage, watch: Watch) -> MakeStage:
    """Return stages that tell when their plug-ins are at work."""

    def make(info: AudioInfo) -> Stage:
        watch(True)
        return _WatchedStage(make_stage(info), watch)

    return make


class _WatchedStage:
    def __init__(self, stage: Stage, watch: Watch) -> None:
        self._stage, self._watch = stage, watch
        self.warnings = stage.warnings

    def process(self, samples: FloatArray) -> FloatArray:
        out = self._stage.process(samples)
        self._watch(True)
        return out

    def finish(self) -> Iterator[FloatArray]:
        for block in self._stage.finish():
            self._watch(True)
            yield block
        self._watch(False)


def _hints(resources: StemResources, intent: Intent) -> list[str]:
    """Return what was done as asked, but hardly meant."""
    if intent.target is not None and intent.chain is not None and resources.chain(intent.chain).needs_engine:
        return ["the chain has a SemanticEq of its own: the words of `target` and those of the chain both apply"]
    return []


def _misses(job: StemJob, report: ProcessReport) -> list[str]:
    """Return what the options promise and the peak guard undid."""
    missed_db = _loudness_missed_db(job, report)
    is_said = missed_db == 0.0 or job.how.lufs is not None  # by the report
    return [] if is_said else [f"quieter than the source by {missed_db:.2f} dB: the loudness was matched before the trim"]


def _loudness_missed_db(job: StemJob, report: ProcessReport) -> float:
    """Return by how many dB a result is quieter than asked for, 0 where nothing was asked or nothing trimmed."""
    is_asked = job.how.match_loudness or job.how.lufs is not None
    return abs(report.trim_db) if is_asked and report.match_db and not job.options.delta else 0.0


def _replaced_before(job: StemJob, output_sha256: str) -> DoneEntry:
    """Return the entry of a source that was replaced just before an interrupt: another time would be once too often."""
    why = "was replaced before the run was interrupted; what was done to it was not written down"
    return DoneEntry(path=str(job.source), output=str(job.destination), output_sha256=output_sha256, warnings=(why,))


def _entry(
    job: StemJob,
    report: ProcessReport,
    listened: ListenedReport | RollingReport | None,
    warnings: tuple[str, ...],
    sha256: tuple[str, str],
    taken_s: float,
) -> ProcessedEntry:
    """Return the entry of a file that was processed. sha256: of the source and of the output."""
    intent = job.intent
    adaptation = None if listened is None else _heard(listened)
    has_words = intent.target is not None or intent.preset is not None or intent.match is not None
    return ProcessedEntry(
        path=str(report.source),
        output=str(report.destination),
        source_sha256=sha256[0],
        output_sha256=sha256[1],
        warnings=warnings,
        adaptation=adaptation,
        summary=None if listened is None else listened.summary(),
        seconds=report.info.duration_s,
        sample_rate_hz=report.info.sample_rate_hz,
        channels=report.info.channels,
        frames=report.info.frames,
        tail_samples=report.tail_samples,
        format=report.output.container,
        subtype=report.output.subtype,
        eq=None if isinstance(adaptation, HeardRolling) else to_plain(report.eq),
        target=intent.target,
        preset=intent.preset,
        chain=intent.chain,
        intensity=(intent.amount if has_words else None) if adaptation is None else adaptation.intensity,
        peak_dbfs=report.peak_dbfs,
        true_peak_dbtp=report.true_peak_dbtp,
        trim_db=report.trim_db,
        match_db=report.match_db,
        delta_trim_db=report.delta_trim_db,
        match_missed_db=_loudness_missed_db(job, report),
        repaired_samples=report.repaired_samples,
        is_copy=report.is_copy,
        taken_s=round(taken_s, 3),
        times_real_time=round(report.info.duration_s / taken_s, 1) if taken_s > 0 else None,
    )


def _heard(listened: ListenedReport | RollingReport) -> HeardWhole | HeardRolling:
    heard: HeardWhole | HeardRolling = msgspec.convert(
        msgspec.to_builtins(listened.to_dict(), enc_hook=float),  # numpy's numbers
        HeardWhole | HeardRolling,
    )
    return heard
