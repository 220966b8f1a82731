"""Files through the EQ: streamed in blocks, float64 inside, written in the source's own format, old or new but never half."""

from __future__ import annotations

import contextlib
import itertools
import math
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np

from semeq_export.arrays import FloatArray
from semeq_export.audio.formats import INTEGER_BITS, WAV_FAMILY, OutputFormat, output_format
from semeq_export.audio.loudness import Loudness
from semeq_export.audio.reader import AudioReader, open_audio
from semeq_export.audio.samples import AudioInfo
from semeq_export.audio.speakers import layout_doubt, loudness_weights
from semeq_export.audio.true_peak import TruePeak
from semeq_export.audio.writer import AudioWriter
from semeq_export.eq.channels import Equaliser, for_rate_each
from semeq_export.eq.filter import EqFilter
from semeq_export.errors import AudioError, EnvironmentFailure, printable
from semeq_export.files.atomic import atomic_file
from semeq_export.files.disk import check_output, is_same_file
from semeq_export.listeners import Listening
from semeq_export.listening.dose import Adaptation
from semeq_export.listening.prior import compared
from semeq_export.listening.reference import measure_file
from semeq_export.units import amplitude_to_db, db_to_amplitude
from semeq_host.streams.process_options import TRIM_PEAK_DBTP, ProcessOptions, Progress
from semeq_host.streams.sample_queue import SampleQueue

_REPORTED_PEAK_DBTP = -1.0
_FILLERS = {"JUNK", "junk", "PAD", "FLLR"}
_MAX_KEPT_BYTES = 1 << 26  # a minute and a half of stereo at 48 kHz
_MAX_FLOAT32 = float(np.finfo(np.float32).max)
_SUBNORMAL = float(np.finfo(np.float32).tiny)  # smaller numbers slow down whatever plays the file


class Stage(Protocol):
    """Something after the EQ that changes the sound: as many samples out as in, but perhaps later. One file each."""

    warnings: tuple[str, ...]

    def process(self, samples: FloatArray) -> FloatArray:
        """Return what is ready, (channels, m) with m from 0 on."""

    def finish(self) -> Iterator[FloatArray]:
        """Yield what is left."""


MakeStage = Callable[[AudioInfo], Stage]


@dataclass(frozen=True, slots=True)
class ProcessReport:
    """What was done to one file.

    info: the source, and the output but for its container and subtype, which `output` has. eq: what was applied at this rate.
    peak_dbfs: sample peak of the output, None for silence. true_peak_dbtp: None below -1 dBTP and where no guard was needed or wanted.
    trim_db: 0 or less. delta_trim_db: what a delta knows nothing of: the trim of the result, which source and delta add up to before it.
    match_db: what brought the result to the source's loudness, or to the one asked for. tail_samples: what the output has more than the
    source.
    is_copy: nothing to change, the file's bytes were copied.
    """

    source: Path
    destination: Path
    info: AudioInfo
    output: OutputFormat
    eq: Equaliser
    peak_dbfs: float | None
    true_peak_dbtp: float | None
    trim_db: float
    delta_trim_db: float
    match_db: float
    tail_samples: int
    repaired_samples: int
    is_copy: bool
    warnings: tuple[str, ...]


def process_file(
    source: str | os.PathLike[str],
    destination: str | os.PathLike[str],
    eq: Equaliser,
    *,
    make_stage: MakeStage | None = None,
    options: ProcessOptions | None = None,
    progress: Progress | None = None,
) -> ProcessReport:
    """Write a file through the EQ and, after it, a stage such as a Pedalboard chain (`ChainSpec.stage`).

    Rate, channels, frames, container and subtype stay as they are, unless the destination's suffix or the options ask for others.
    Bands that the file's rate cannot hold are left out with a warning. A flat EQ without a stage copies the file once it has been checked.
    progress: called with the samples done and those to do. Raises AudioError, OutputError and EnvironmentFailure; the output's name then
    holds what it held before.
    """
    options = options or ProcessOptions()
    if options.allow_hot and make_stage is not None:
        raise AudioError("allow_hot is for the EQ alone: chains and `analysis` rolling take samples over +60 dBFS for broken")
    overwrite = _check_place(source, destination, options)
    with _opened(source, options) as reader:
        fitted, rate_warnings = for_rate_each(eq, reader.info.sample_rate_hz)
        form = output_format(destination, reader.info, options.subtype)
        _check_space(destination, form, reader.info)
        with atomic_file(destination, overwrite=overwrite) as temporary:
            job = _Job(Path(source), reader, fitted, rate_warnings, form, temporary, Path(destination), make_stage, options, progress)
            is_same_format = (form.container, form.subtype) == (reader.info.container, reader.info.subtype)
            is_gained = options.lufs is not None or options.gain_db not in (None, 0.0)
            adds = make_stage is not None or options.delta or is_gained or options.tail_s > 0.0 or reader.is_salvaged
            is_copy = fitted.is_flat and is_same_format and not adds and job.copy()
            if not is_copy:
                job.render()
    return job.report(is_copy=is_copy)


@dataclass(frozen=True, slots=True)
class ListenedReport:
    """What was heard in a file, the EQ that it led to, and what came of it: None after a chain, which has its share, and for a delta."""

    report: ProcessReport
    adaptation: Adaptation
    outcome: dict[str, float | None] | None

    def to_dict(self) -> dict[str, object]:
        """Return plain data for JSON, without the EQ."""
        return {"analysis": "whole", **self.adaptation.to_dict(), **(self.outcome or {})}

    def summary(self) -> str:
        """Return one line for people: what was there, what was added."""
        adaptation, outcome = self.adaptation, self.outcome or {}
        if adaptation.mode == "match":
            before_db, after_db = outcome.get("difference_before_db"), outcome.get("difference_after_db")
            reached = (
                f", {before_db:.1f} dB apart before, {after_db:.1f} dB after" if before_db is not None and after_db is not None else ""
            )
            return f"matched to {adaptation.reference}{reached}"
        had = "no signal" if adaptation.dose is None else compared(adaptation.dose, adaptation.reference)
        measured = outcome.get("dose_achieved")
        return f"{had}; {adaptation.gain:.2f} added" + ("" if measured is None else f", {measured:.2f} measured")


def process_listening(
    source: str | os.PathLike[str],
    destination: str | os.PathLike[str],
    listening: Listening,
    *,
    make_stage: MakeStage | None = None,
    options: ProcessOptions | None = None,
    progress: Progress | None = None,
) -> ListenedReport:
    """Listen to a whole file, write it through the EQ found for it, and listen to the result; see `process_file`."""
    options = options or ProcessOptions()
    _check_place(source, destination, options)
    with _opened(source, options) as reader:
        rate_hz = float(reader.info.sample_rate_hz)
    heard = measure_file(source, repair_nonfinite=options.repair_nonfinite, allow_hot=options.allow_hot, salvage=options.salvage)
    adaptation = listening.adapt(heard, rate_hz)
    report = process_file(source, destination, adaptation.eq, make_stage=make_stage, options=options, progress=progress)
    report = replace(report, warnings=(*adaptation.notes, *report.warnings))
    if make_stage is not None or options.delta:
        return ListenedReport(report, adaptation, None)
    return ListenedReport(
        report, adaptation, listening.outcome(heard, measure_file(destination, allow_hot=options.allow_hot), adaptation, rate_hz)
    )


def _opened(source: str | os.PathLike[str], options: ProcessOptions) -> contextlib.AbstractContextManager[AudioReader]:
    return open_audio(source, repair_nonfinite=options.repair_nonfinite, allow_hot=options.allow_hot, salvage=options.salvage)


def _check_space(destination: str | os.PathLike[str], form: OutputFormat, info: AudioInfo) -> None:
    """Raise where the samples alone are more than the disk has room for; formats that compress are found out by writing."""
    needed = info.frames * info.channels * form.sample_bytes
    free = shutil.disk_usage(Path(destination).parent).free
    if needed > free:
        raise EnvironmentFailure(f"{printable(destination)}: disk full: needs {needed} bytes, {free} are free")


def _check_place(source: str | os.PathLike[str], destination: str | os.PathLike[str], options: ProcessOptions) -> bool:
    """Check an output's name, as far as the options allow it; return whether it may replace what is there."""
    is_in_place = options.in_place and is_same_file(source, destination)
    overwrite = options.overwrite or is_in_place
    check_output(destination, overwrite=overwrite, inputs=() if is_in_place else (source,))
    return overwrite


class _Job:
    """One file on its way: passes over it, and what they found."""

    def __init__(
        self,
        source: Path,
        reader: AudioReader,
        fitted: Equaliser,
        rate_warnings: tuple[str, ...],
        form: OutputFormat,
        temporary: Path,
        destination: Path,
        make_stage: MakeStage | None,
        options: ProcessOptions,
        progress: Progress | None,
    ) -> None:
        self._source, self._reader, self._eq, self._form, self._options = source, reader, fitted, form, options
        self._temporary, self._destination, self._make_stage, self._progress = temporary, destination, make_stage, progress
        self._peak, self._true_peak, self._match, self._trim = 0.0, 0.0, 1.0, 1.0
        self._whole: TruePeak | None = None  # of the result, where only the change is written
        self._delta_trim = 1.0
        self._changes = make_stage is not None or options.delta or options.lufs is not None or not fitted.is_flat
        self._pass, self._frames = 0, reader.info.frames + round(options.tail_s * reader.info.sample_rate_hz)
        self._kept: list[FloatArray] = []  # blocks of a guarded pass from the first on that was not written, where that is of use
        self._written_blocks, self._repaired, self._concealed = 0, 0, 0
        self._warnings = [*reader.warnings, *rate_warnings, *form.warnings]

    def copy(self) -> bool:
        """Check every sample, then copy the bytes; False where samples had to be repaired."""
        for block in self._decoded():
            self._peak = max(self._peak, float(np.abs(block).max()))
        if self._reader.repaired_samples:
            return False
        self._concealed = self._reader.concealed_errors
        self._reader.copy_to(self._temporary)
        return True

    def render(self) -> None:
        """Write the processed file; a second pass follows only where the first finds that the peak must be lowered."""
        self._warn_of_what_is_lost()
        if self._options.match_loudness or self._options.lufs is not None:
            self._match = self._matching_gain()
        if self._options.gain_db is not None:
            self._trim = db_to_amplitude(self._options.gain_db)
        is_bounded = self._form.clips or self._options.lufs is not None
        is_guarded = is_bounded and self._options.peak_guard != "off" and self._options.gain_db is None
        if self._options.delta and self._form.clips and self._options.peak_guard == "trim":
            info = self._reader.info
            self._whole = TruePeak(info.sample_rate_hz, info.channels, floor=db_to_amplitude(_REPORTED_PEAK_DBTP))
        self._write(is_guarded=is_guarded)
        self._warn_of_trimmed_whole()
        if not ((is_guarded or self._form.clips) and self._is_over_full_scale):
            return
        reached = max(self._peak, self._true_peak)
        over_db = amplitude_to_db(reached)
        if not is_guarded:
            self._warnings.append(f"peak {over_db:.2f} dB over full scale was clipped")
            return
        if self._options.peak_guard == "refuse":
            why = f"the result would have a true peak of {over_db:+.2f} dBTP, which {self._form.subtype} cannot hold"
            raise AudioError(f"{why}; lower the intensity, trim, or write `subtype` FLOAT", printable(self._destination))
        self._trim = db_to_amplitude(TRIM_PEAK_DBTP) / reached
        trim_db = amplitude_to_db(self._trim)
        said = f"trimmed by {trim_db:.2f} dB to a true peak of {TRIM_PEAK_DBTP} dBTP"
        if self._options.lufs is not None:
            said = f"{-trim_db:.2f} LU under {self._options.lufs:g} LUFS: the true peak of {TRIM_PEAK_DBTP} dBTP allows no more"
        self._warnings.append(said)
        self._write(is_guarded=False)
        self._kept = []
        self._true_peak = reached * self._trim

    def _warn_of_trimmed_whole(self) -> None:
        """Say where source and delta do not add up to what is written without `delta`."""
        if self._whole is None:
            return
        self._whole.finish()
        if self._whole.amplitude > 1.0:
            self._delta_trim = db_to_amplitude(TRIM_PEAK_DBTP) / self._whole.amplitude
            self._warnings.append(f"source and delta add up to the result before its trim of {amplitude_to_db(self._delta_trim):.2f} dB")
        self._whole = None

    @property
    def _is_over_full_scale(self) -> bool:
        """Whether what was written so far is; between the samples only where anything changes: another container is no reason to trim."""
        return self._peak > 1.0 or (self._changes and self._true_peak > 1.0)

    def report(self, *, is_copy: bool) -> ProcessReport:
        repaired = self._repaired
        if repaired:
            self._warnings.append(f"{repaired} samples were not finite, replaced with 0")
        if self._concealed:
            self._warnings.append(f"damaged: the MP3 decoder went over {self._concealed} errors inside frames")
        is_known = self._true_peak >= db_to_amplitude(_REPORTED_PEAK_DBTP)
        return ProcessReport(
            source=self._source,
            destination=self._destination,
            info=self._reader.info,
            output=self._form,
            eq=self._eq,
            peak_dbfs=amplitude_to_db(self._peak) if self._peak > 0.0 else None,
            true_peak_dbtp=amplitude_to_db(self._true_peak) if is_known else None,
            trim_db=amplitude_to_db(self._trim),
            delta_trim_db=amplitude_to_db(self._delta_trim),
            match_db=amplitude_to_db(self._match),
            tail_samples=0 if is_copy else self._frames - self._reader.info.frames,
            repaired_samples=repaired,
            is_copy=is_copy,
            warnings=tuple(dict.fromkeys(self._warnings)),
        )

    def _write(self, *, is_guarded: bool) -> None:
        """Write one pass at the present gains and measure its peaks; once they are over full scale, a guarded pass only measures on."""
        reader, self._peak, self._true_peak = self._reader, 0.0, 0.0
        info = reader.info
        meter = TruePeak(info.sample_rate_hz, info.channels, floor=db_to_amplitude(_REPORTED_PEAK_DBTP)) if is_guarded else None
        writer = AudioWriter(
            self._temporary,
            self._form,
            info.sample_rate_hz,
            info.channels,
            name=self._destination,
            tags=reader.tags,
            wav_chunks=reader.wav_chunks,
            metadata=reader.metadata,
            dither=self._options.dither,
        )
        is_kept = is_guarded and self._can_keep
        with writer:
            for block in self._blocks():
                if not math.isfinite(peak := float(np.abs(block).max())):
                    raise AudioError("processing gave a sample that is not finite, nothing was written", printable(self._source))
                if self._form.subtype == "FLOAT" and peak > _MAX_FLOAT32:
                    raise AudioError(f"a peak of {amplitude_to_db(peak):+.0f} dBFS does not fit into FLOAT", printable(self._destination))
                self._peak = max(self._peak, peak)
                if meter is not None:
                    meter.feed(block, peak)
                    self._true_peak = meter.amplitude
                if meter is None or not self._is_over_full_scale:
                    writer.write(block, peak)
                    self._written_blocks += is_kept
                elif is_kept:
                    self._kept.append(block)
        if meter is not None:
            meter.finish()
            self._true_peak = meter.amplitude

    def _matching_gain(self) -> float:
        """Return the gain that brings the result to the loudness of the source or to the one asked for, from a pass over both."""
        info, lufs = self._reader.info, self._options.lufs
        before, after = (Loudness(info.sample_rate_hz, info.channels, loudness_weights(info)) for _ in range(2))
        self._warnings += [doubt] if (doubt := layout_doubt(info)) else []
        for block in self._processed(before.feed if lufs is None else None):
            after.feed(block)
        wanted = before.lufs if lufs is None else lufs
        if wanted is None or after.lufs is None:
            self._warnings.append("too quiet or too short to match the loudness: left as it is")
            return 1.0
        return db_to_amplitude(wanted - after.lufs)

    @property
    def _can_keep(self) -> bool:
        """Whether a second pass may find in memory what the first has made, from where it stopped writing."""
        held_bytes = self._frames * self._reader.info.channels * np.dtype(np.float64).itemsize
        return self._options.peak_guard == "trim" and self._make_stage is None and held_bytes <= _MAX_KEPT_BYTES

    def _blocks(self) -> Iterator[FloatArray]:
        """Yield what is to be written; of a second pass, from memory what the first one kept."""
        kept = self._kept
        if not kept:
            yield from self._result()
            return
        yield from itertools.islice(self._result(), self._written_blocks)
        self._pass += self._written_blocks == 0
        done = self._frames * self._pass - sum(block.shape[1] for block in kept)
        for block in kept:
            yield block * self._trim
            done += block.shape[1]
            self._tell(done)

    def _result(self) -> Iterator[FloatArray]:
        """Yield what is to be written, block by block: matched, less the source where only the change is wanted, trimmed."""
        dry = SampleQueue(self._reader.info.channels)
        for block in self._processed(dry.put if self._options.delta else None):
            if block.shape[1] == 0:
                continue
            if self._match != 1.0:
                block = block * self._match
            if self._whole is not None:
                self._whole.feed(block, float(np.abs(block).max()))
            if self._options.delta:
                block = block - dry.take(block.shape[1])
            yield block if self._trim == 1.0 else block * self._trim

    def _processed(self, on_source: Callable[[FloatArray], None] | None = None) -> Iterator[FloatArray]:
        info = self._reader.info
        equaliser = EqFilter(self._eq, info.sample_rate_hz, info.channels)
        stage = self._make_stage(info) if self._make_stage is not None else None
        if stage is not None:
            self._warnings += stage.warnings
        is_integer = stage is None and {info.subtype, self._form.subtype} <= INTEGER_BITS.keys()  # neither comes nor goes so small a number
        for block in self._decoded():
            if on_source is not None:
                on_source(block)
            equalised = equaliser.process(block)
            if not (equaliser.is_identity or is_integer):
                equalised[np.abs(equalised) < _SUBNORMAL] = 0.0
            yield equalised if stage is None else stage.process(equalised)
        if stage is not None:
            yield from stage.finish()
        self._repaired, self._concealed = self._reader.repaired_samples, self._reader.concealed_errors

    def _decoded(self) -> Iterator[FloatArray]:
        """Yield the source once more, and silence for the tail; progress counts all passes so far."""
        self._pass += 1
        done = self._frames * (self._pass - 1)
        tail = self._frames - self._reader.info.frames
        size = self._options.block_samples
        silence = (np.zeros((self._reader.info.channels, min(size, tail - start))) for start in range(0, tail, size))
        for block in itertools.chain(self._reader.blocks(size), silence):
            yield block
            done += block.shape[1]
            self._tell(done)

    def _tell(self, done: int) -> None:
        if self._progress is not None:
            self._progress(done, self._frames * self._pass)

    def _warn_of_what_is_lost(self) -> None:
        lost = self._reader.lost_in(self._form.container)
        if lost:
            is_same = self._form.container == self._reader.info.container
            why = f"not kept when {self._form.container} is written again" if is_same else f"{self._form.container} has no place for"
            self._warnings.append(f"{why}: {', '.join(lost)}" if is_same else f"{why} {', '.join(lost)}: not kept")
        chunks = self._reader.wav_chunks
        if chunks is None:
            return
        names = [name for name in chunks.names if name not in _FILLERS]
        if names and self._form.container not in WAV_FAMILY:
            self._warnings.append(f"{self._form.container} has no place for {', '.join(dict.fromkeys(names))}: not kept")
        if chunks.lost_bytes:
            self._warnings.append(f"{chunks.lost_bytes} bytes at the end are in no whole chunk: not kept")
