"""A sheet of a run's stems, before and after: sources and outputs are measured once more, whoever processed them, and drawn row by row."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from semeq_export.arrays import Float64Array
from semeq_export.audio.loudness import Loudness
from semeq_export.audio.reader import open_audio
from semeq_export.audio.samples import AudioInfo
from semeq_export.audio.speakers import loudness_weights
from semeq_export.audio.true_peak import TruePeak
from semeq_export.eq.channels import from_plain
from semeq_export.eq.settings import EqSettings
from semeq_export.errors import IntentError, OutputError, SemeqError, printable
from semeq_export.files.atomic import write_atomic
from semeq_export.files.disk import check_output
from semeq_export.listening.spectrum import SpectrumMeter
from semeq_export.plot.figures import Trace, eq_trace
from semeq_export.plot.stem_sheet import StemRow, StemSound, sheet_html, sheet_pdf
from semeq_export.units import amplitude_to_db
from semeq_host.stems.entry import DoneEntry, Entry, FailedEntry, ProcessedEntry
from semeq_host.stems.mix import MAX_TOGETHER, measure_mix
from semeq_host.streams.process_options import ProcessOptions

_KINDS = {".html": sheet_html, ".htm": sheet_html, ".pdf": sheet_pdf}


def check_sheet(path: Path, how: ProcessOptions, output: Path) -> None:
    """Raise what would fail once all stems are done: another suffix than .html or .pdf, a name that is taken, sources that will be gone.

    output: where the stems go; the sheet may lie in a folder there that is yet to be made.
    """
    if path.suffix.lower() not in _KINDS:
        raise OutputError(f"{printable(path)}: a sheet is written as .html or .pdf")
    if how.in_place:
        raise IntentError("`sheet` compares with the sources, which `in_place` replaces")
    if path.parent.exists() or output not in (path.parent, *path.parent.parents):
        check_output(path, overwrite=how.overwrite)


def write_sheet(path: Path, entries: Sequence[Entry], how: ProcessOptions) -> None:
    """Write the sheet of the stems of a run, in the format of its suffix; what can no longer be read is said in its row."""
    names = [Path(entry.path) for entry in entries]
    folders = {name.parent for name in names}
    shown = [name.name if len(folders) == 1 else str(name) for name in names]
    rows = _sum_row(entries, how) + [_row(entry, name, how) for entry, name in zip(entries, shown, strict=True)]
    failed = sum(isinstance(entry, FailedEntry) for entry in entries)
    title = f"{len(entries)} stems, before and after" + (f"; {failed} could not be processed" if failed else "")
    write_atomic(path, _KINDS[path.suffix.lower()](rows, title), overwrite=how.overwrite)


def _row(entry: Entry, name: str, how: ProcessOptions) -> StemRow:
    name = printable(name)
    if not isinstance(entry, DoneEntry):
        return StemRow(name, remarks=(printable(entry.error) if isinstance(entry, FailedEntry) else "",))
    try:
        before, after = measure_stem(entry.path, how), measure_stem(entry.output, ProcessOptions(allow_hot=True))
    except SemeqError as error:
        return StemRow(name, remarks=(str(error),))
    if not isinstance(entry, ProcessedEntry):
        return StemRow(name, (), before, after, remarks=entry.warnings)
    remarks = tuple(line for line in entry.warnings if not line.startswith("trimmed by"))  # which is what was done
    return StemRow(name, _done(entry), before, after, _eqs(entry), remarks)


def measure_stem(path: str, how: ProcessOptions) -> StemSound:
    """Return what a sheet says of one file, from one pass over it; raises as `open_audio` does."""
    with open_audio(path, repair_nonfinite=how.repair_nonfinite, allow_hot=how.allow_hot, salvage=how.salvage) as reader:
        return _measure(reader.info, reader.blocks())


def _measure(info: AudioInfo, blocks: Iterator[Float64Array]) -> StemSound:
    loudness = Loudness(info.sample_rate_hz, info.channels, loudness_weights(info))
    meter, spectrum = TruePeak(info.sample_rate_hz, info.channels), SpectrumMeter(info.sample_rate_hz, info.channels)
    peak, squares, frames = 0.0, 0.0, 0
    for block in blocks:
        loudness.feed(block)
        meter.feed(block)
        spectrum.listen(block)
        peak = max(peak, float(np.abs(block).max()))
        squares += float(np.square(block).sum())
        frames += block.shape[1]
    meter.finish()
    crest_db = amplitude_to_db(peak / math.sqrt(squares / (frames * info.channels))) if squares > 0.0 else None
    true_peak_dbtp = amplitude_to_db(meter.amplitude) if meter.amplitude > 0.0 else None
    return StemSound(loudness.lufs, true_peak_dbtp, crest_db, spectrum.spectrum())


def _sum_row(entries: Sequence[Entry], how: ProcessOptions) -> list[StemRow]:
    """Return the row of the mix that the stems are, none where they are not one: a single stem, several rates, or nothing but changes."""
    done = [entry for entry in entries if isinstance(entry, ProcessedEntry)]
    if not 1 < len(done) <= MAX_TOGETHER or len({entry.sample_rate_hz for entry in done}) > 1 or how.delta:
        return []
    try:
        before = measure_mix([Path(entry.path) for entry in done], how, _measure)
        after = measure_mix([Path(entry.output) for entry in done], ProcessOptions(allow_hot=True), _measure)
    except SemeqError:
        return []  # as the rows say
    return [StemRow("all of them, summed", (), before, after)]


def _done(entry: ProcessedEntry) -> tuple[str, ...]:
    """Return what was done, in words and dB."""
    words = entry.target or (None if entry.preset is None else Path(entry.preset).name)
    lines = [words + (f", {entry.intensity:g} times" if entry.intensity not in (None, 1.0) else "")] if words else []
    lines += [entry.summary] if entry.summary else []
    lines += [f"chain {Path(entry.chain).name}"] if entry.chain else []
    lines += [f"linked: {entry.group}"] if isinstance(entry.group, str) else []
    gains = (("loudness", entry.match_db), ("trim", entry.trim_db))
    lines += [f"{what} {gain_db:+.2f} dB" for what, gain_db in gains if abs(gain_db) >= 0.005]
    return tuple(printable(line) for line in lines)


def _eqs(entry: ProcessedEntry) -> tuple[Trace, ...]:
    if entry.eq is None:
        return ()
    eq = from_plain(entry.eq)
    parts = [("EQ", eq)] if isinstance(eq, EqSettings) else list(eq.eqs)
    return tuple(eq_trace(name, part, entry.sample_rate_hz, markers=False)[0] for name, part in parts)
