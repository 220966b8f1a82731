"""Files through the EQ: streamed in blocks, float64 inside, written in the source's own format, old or new but never half."""

from __future__ import annotations

import math
import os
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Protocol

import numpy as np

from semeq_export.adapt import Adaptation
from semeq_export.audio import AUDIO_SUFFIXES, BLOCK_SAMPLES, AudioInfo, AudioReader, AudioWriter, OutputFormat, open_audio, output_format
from semeq_export.biquad import EqFilter, RateFit, for_rate
from semeq_export.curve import FloatArray
from semeq_export.eq import EqSettings
from semeq_export.errors import AudioError, OutputError
from semeq_export.files import atomic_file, check_output, environment_failure, printable
from semeq_export.listening import Listening
from semeq_export.reference import measure_file
from semeq_export.units import amplitude_to_db, db_to_amplitude

TRIM_PEAK_DBFS = -0.1
MAX_BLOCK_SAMPLES = 65_536
_MAX_FLOAT32 = float(np.finfo(np.float32).max)
_SUBNORMAL = float(np.finfo(np.float32).tiny)  # smaller numbers slow down whatever plays the file

PeakGuard = Literal["trim", "refuse", "off"]
Progress = Callable[[int, int], None]


class Stage(Protocol):
    """Something after the EQ that changes the sound: as many samples out as in, but perhaps later. One file each."""

    warnings: tuple[str, ...]

    def process(self, samples: FloatArray) -> FloatArray:
        """Return what is ready, (channels, m) with m from 0 on."""

    def finish(self) -> Iterator[FloatArray]:
        """Give what is left."""


MakeStage = Callable[[AudioInfo], Stage]


@dataclass(frozen=True, slots=True)
class ProcessOptions:
    """How a file is processed.

    block_samples: 1..65536 per block. The result does not depend on it.
    subtype: libsndfile's name of the output's subtype; the source's where left out.
    peak_guard: what happens where an output that cannot hold samples over full scale would: "trim" lowers the whole file to a peak of
    -0.1 dBFS, "refuse" writes nothing, "off" clips. Float output keeps them whatever is chosen.
    repair_nonfinite: replace samples that are NaN or infinite by 0 instead of refusing the file.
    allow_hot: take peaks over +60 dBFS as they are instead of refusing the file. Stages take such samples for broken, so not with one.
    """

    block_samples: int = BLOCK_SAMPLES
    subtype: str | None = None
    peak_guard: PeakGuard = "trim"
    repair_nonfinite: bool = False
    allow_hot: bool = False
    overwrite: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.block_samples <= MAX_BLOCK_SAMPLES:
            raise AudioError(f"block_samples {self.block_samples} is outside 1..{MAX_BLOCK_SAMPLES}")


@dataclass(frozen=True, slots=True)
class ProcessReport:
    """What was done to one file.

    info: the source, and the output but for its container and subtype, which `output` has. eq: what was applied at this rate.
    peak_dbfs: sample peak of the output, None for silence. trim_db: 0 or less. is_copy: nothing to change, the file's bytes were copied.
    """

    source: Path
    destination: Path
    info: AudioInfo
    output: OutputFormat
    eq: EqSettings
    peak_dbfs: float | None
    trim_db: float
    repaired_samples: int
    is_copy: bool
    warnings: tuple[str, ...]


def process_file(
    source: str | os.PathLike[str],
    destination: str | os.PathLike[str],
    eq: EqSettings,
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
        raise AudioError("allow_hot is for the EQ alone: chains and --analysis rolling take samples over +60 dBFS for broken")
    check_output(destination, overwrite=options.overwrite, inputs=(source,))
    with open_audio(source, repair_nonfinite=options.repair_nonfinite, allow_hot=options.allow_hot) as reader:
        fitted = for_rate(eq, reader.info.sample_rate_hz)
        form = output_format(destination, reader.info, options.subtype)
        with atomic_file(destination, overwrite=options.overwrite) as temporary:
            job = _Job(reader, fitted, form, temporary, Path(destination), make_stage, options, progress)
            is_same_format = (form.container, form.subtype) == (reader.info.container, reader.info.subtype)
            is_copy = fitted.eq.is_flat and make_stage is None and is_same_format and job.copy()
            if not is_copy:
                job.render()
    return job.report(Path(source), is_copy=is_copy)


@dataclass(frozen=True, slots=True)
class ListenedReport:
    """What was heard in a file, the EQ that it led to, and what came of it (None after a chain, which has its own share in that)."""

    report: ProcessReport
    adaptation: Adaptation
    outcome: dict[str, float | None] | None

    def to_dict(self) -> dict[str, object]:
        """Return plain data for JSON, without the EQ."""
        return {"analysis": "whole", **self.adaptation.to_dict(), **(self.outcome or {})}


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
    check_output(destination, overwrite=options.overwrite, inputs=(source,))
    with open_audio(source, repair_nonfinite=options.repair_nonfinite, allow_hot=options.allow_hot) as reader:
        rate_hz = float(reader.info.sample_rate_hz)
    heard = measure_file(source, repair_nonfinite=options.repair_nonfinite, allow_hot=options.allow_hot)
    adaptation = listening.adapt(heard, rate_hz)
    report = process_file(source, destination, adaptation.eq, make_stage=make_stage, options=options, progress=progress)
    report = replace(report, warnings=(*adaptation.notes, *report.warnings))
    if make_stage is not None:
        return ListenedReport(report, adaptation, None)
    return ListenedReport(
        report, adaptation, listening.outcome(heard, measure_file(destination, allow_hot=options.allow_hot), adaptation, rate_hz)
    )


class _Job:
    """One file on its way: passes over it, and what they found."""

    def __init__(
        self,
        reader: AudioReader,
        fitted: RateFit,
        form: OutputFormat,
        temporary: Path,
        destination: Path,
        make_stage: MakeStage | None,
        options: ProcessOptions,
        progress: Progress | None,
    ) -> None:
        self._reader, self._eq, self._form, self._options = reader, fitted.eq, form, options
        self._temporary, self._destination, self._make_stage, self._progress = temporary, destination, make_stage, progress
        self._peak, self._gain = 0.0, 1.0
        self._warnings = [*reader.warnings, *fitted.warnings, *form.warnings]

    def copy(self) -> bool:
        """Check every sample, then copy the bytes; False where samples had to be repaired."""
        for block in self._decoded(passes=1):
            self._peak = max(self._peak, float(np.abs(block).max()))
        if self._reader.repaired_samples:
            return False
        self._reader.copy_to(self._temporary)
        return True

    def render(self) -> None:
        """Write the processed file; a second pass follows only where the first finds that the peak must be lowered."""
        is_guarded = self._form.clips and self._options.peak_guard != "off"
        self._write(stop_over_full_scale=is_guarded)
        if self._peak <= 1.0 or not self._form.clips:
            return
        over_db = amplitude_to_db(self._peak)
        if self._options.peak_guard == "off":
            self._warnings.append(f"peak {over_db:.2f} dB over full scale was clipped")
            return
        if self._options.peak_guard == "refuse":
            why = f"the result would peak {over_db:.2f} dB over full scale, which {self._form.subtype} cannot hold"
            raise AudioError(f"{why}; lower the intensity, trim, or write --subtype FLOAT", printable(self._destination))
        self._gain = db_to_amplitude(TRIM_PEAK_DBFS) / self._peak
        self._warnings.append(f"trimmed by {amplitude_to_db(self._gain):.2f} dB to a peak of {TRIM_PEAK_DBFS} dBFS")
        self._write(stop_over_full_scale=False)

    def report(self, source: Path, *, is_copy: bool) -> ProcessReport:
        repaired = self._reader.repaired_samples
        if repaired:
            self._warnings.append(f"{repaired} samples were not finite, replaced with 0")
        return ProcessReport(
            source=source,
            destination=self._destination,
            info=self._reader.info,
            output=self._form,
            eq=self._eq,
            peak_dbfs=amplitude_to_db(self._peak) if self._peak > 0.0 else None,
            trim_db=amplitude_to_db(self._gain),
            repaired_samples=repaired,
            is_copy=is_copy,
            warnings=tuple(dict.fromkeys(self._warnings)),
        )

    def _write(self, *, stop_over_full_scale: bool) -> None:
        """Write one pass at the present gain and measure its peak; from the first sample over full scale on, measure only if so asked."""
        info, self._peak = self._reader.info, 0.0
        with AudioWriter(self._temporary, self._form, info.sample_rate_hz, info.channels, name=self._destination) as writer:
            for block in self._processed():
                if self._gain != 1.0:
                    block = block * self._gain
                if block.shape[1] == 0:
                    continue
                if not math.isfinite(peak := float(np.abs(block).max())):
                    raise AudioError("processing gave a sample that is not finite", printable(self._destination))
                if self._form.subtype == "FLOAT" and peak > _MAX_FLOAT32:
                    raise AudioError(f"a peak of {amplitude_to_db(peak):+.0f} dBFS does not fit into FLOAT", printable(self._destination))
                self._peak = max(self._peak, peak)
                if not (stop_over_full_scale and self._peak > 1.0):
                    writer.write(block)

    def _processed(self) -> Iterator[FloatArray]:
        info = self._reader.info
        equaliser = EqFilter(self._eq, info.sample_rate_hz, info.channels)
        stage = self._make_stage(info) if self._make_stage is not None else None
        if stage is not None:
            self._warnings += stage.warnings
        for block in self._decoded(passes=1 if self._gain == 1.0 else 2):
            equalised = equaliser.process(block)
            if not equaliser.is_identity:
                equalised[np.abs(equalised) < _SUBNORMAL] = 0.0
            yield equalised if stage is None else stage.process(equalised)
        if stage is not None:
            yield from stage.finish()

    def _decoded(self, passes: int) -> Iterator[FloatArray]:
        total = self._reader.info.frames
        done = total * (passes - 1)
        for block in self._reader.blocks(self._options.block_samples):
            yield block
            done += block.shape[1]
            if self._progress is not None:
                self._progress(done, total * passes)


def find_audio(paths: Sequence[str | os.PathLike[str]]) -> list[Path]:
    """Return the files named, folders replaced by the audio files in them (by suffix, hidden files aside), in order of their names.

    Raises AudioError for a folder without any, EnvironmentFailure for one that cannot be read.
    """
    found: list[Path] = []
    for path in map(Path, paths):
        if not path.is_dir():
            found.append(path)
            continue
        try:
            names = sorted(item for item in path.iterdir() if item.suffix.lower() in AUDIO_SUFFIXES and not item.name.startswith("."))
        except OSError as error:
            raise environment_failure(path, error) from error
        if not names:
            raise AudioError("holds no audio files", path)
        found += names
    return found


def plan_outputs(
    sources: Sequence[str | os.PathLike[str]], output: str | os.PathLike[str], *, overwrite: bool = False
) -> list[tuple[Path, Path]]:
    """Return (source, destination) for each source, all checked before any is processed.

    output: a file for one source; a folder for several, or where it exists as one or ends in a slash. A missing folder is made, one level.
    Raises OutputError where two sources would have one destination (letter case and Unicode form aside), where a destination is a source,
    exists without `overwrite`, is a link or a folder; EnvironmentFailure where the folder cannot be made or written.
    """
    folder = Path(output)
    if len(sources) == 1 and not folder.is_dir() and not os.fspath(output).endswith(("/", os.sep)):
        pairs = [(Path(sources[0]), folder)]
    else:
        pairs = [(Path(source), folder / Path(source).name) for source in sources]
        taken: dict[str, Path] = {}
        for source, destination in pairs:
            key = unicodedata.normalize("NFC", destination.name).casefold()
            if key in taken:
                both = f"{printable(taken[key])} and {printable(source)}"
                raise OutputError(f"{printable(destination)}: would be the output of both {both}; process them into different folders")
            taken[key] = source
        _make_folder(folder)
    inputs = tuple(sources)
    for _, destination in pairs:
        check_output(destination, overwrite=overwrite, inputs=inputs)
    return pairs


def _make_folder(folder: Path) -> None:
    if folder.is_symlink() and not folder.exists():
        raise OutputError(f"{printable(folder)}: dangling link")
    try:
        folder.mkdir(exist_ok=True)
    except FileExistsError as error:
        raise OutputError(f"{printable(folder)}: is a file; several outputs need a folder") from error
    except FileNotFoundError as error:
        raise OutputError(f"{printable(folder)}: its folder {printable(folder.parent)} does not exist") from error
    except OSError as error:
        raise environment_failure(folder, error) from error
