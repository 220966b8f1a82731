"""The EQ of each processed stem as a preset beside its output, or of all stems as one session for the DAW."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Protocol

from semeq_export.app._placement import place, stated_start_s
from semeq_export.audio.reader import open_audio
from semeq_export.bundle.loading import read_identity
from semeq_export.eq.channels import Equaliser, from_plain
from semeq_export.eq.settings import EqSettings
from semeq_export.errors import AudioError, OutputError, printable
from semeq_export.files.disk import check_output
from semeq_export.words.saved import SavedWords
from semeq_host.stems.batch import Batch
from semeq_host.stems.entry import Entry, ProcessedEntry
from semeq_host.stems.resources import StemResources
from semeq_presets import FormatInfo, Note, Preset, get, write_file
from semeq_presets.file_formats.dawproject_zip import Stem, write_session
from semeq_presets.shelf.registry import check_place

DAWPROJECT = "dawproject"


@dataclass(frozen=True, slots=True)
class StemPreset:
    """The preset of a finished file, and what its format could not hold exactly."""

    path: Path
    notes: tuple[Note, ...] = ()


class PresetWriter(Protocol):
    """What writes presets as files are finished."""

    def write(self, entry: Entry) -> StemPreset | None:
        """Write the preset of a finished file; return None where it has none."""

    def finish(self, entries: Sequence[Entry]) -> None:
        """Write what is made of all files together."""


class WordsOf(Protocol):
    """Who knows what the words of a finished file meant."""

    def __call__(self, target: str, intensity: float) -> SavedWords:
        """Return them, for static words."""


def words_in(resources: StemResources, bundle: str | None) -> WordsOf:
    """Return who knows what words mean in a bundle, each asked once."""

    @cache
    def words_of(target: str, intensity: float) -> SavedWords:
        wanted = resources.engine.understand(target).target(intensity)
        engine = resources.engine
        return SavedWords(wanted, engine.eq_for(wanted), read_identity(bundle), bool(engine.guessed_words(wanted)))

    return words_of


def preset_writer(format_id: str, batch: Batch, titles: Mapping[str, str], words_of: WordsOf) -> PresetWriter | None:
    """Return what writes presets of a format, their names checked; None where there is nothing to do. titles: of targets, for people.

    Raises UnknownFormatError, OutputError where two would have one name or one exists that is not of an earlier run.
    """
    if not batch.jobs:
        return None
    return _OneSession(batch, words_of) if format_id == DAWPROJECT else _BesideEach(get(format_id).info, batch, titles, words_of)


def _saved(entry: ProcessedEntry, words_of: WordsOf) -> SavedWords | None:
    """Return the words of a file whose EQ they are: one that listened has another."""
    if entry.target is None or entry.intensity is None or entry.adaptation is not None:
        return None
    words = words_of(entry.target, entry.intensity)
    eq = _eq(entry)
    return words if isinstance(eq, EqSettings) and words.is_played_by(eq) else None


def _eq(entry: ProcessedEntry) -> Equaliser:
    assert entry.eq is not None
    return from_plain(entry.eq)


def _one(entry: ProcessedEntry) -> EqSettings:
    """Return the EQ of a track; raises PresetWriteError where its channels differ."""
    return Preset(_eq(entry)).single


def _start_s(entry: ProcessedEntry) -> float | None:
    """Return where the source of a finished file says that it starts; nothing for one of which only a part could be read."""
    try:
        with open_audio(entry.path) as reader:
            return stated_start_s(reader)
    except AudioError:
        return None


class _BesideEach:
    def __init__(self, info: FormatInfo, batch: Batch, titles: Mapping[str, str], words_of: WordsOf) -> None:
        self._info, self._titles, self._words_of = info, titles, words_of
        self._ours = {job.destination for index, job in enumerate(batch.jobs) if batch.is_ours(index)}
        taken: dict[str, Path] = {}
        for job in batch.jobs:
            place = self._place(job.destination)
            key = unicodedata.normalize("NFC", str(place)).casefold()
            if key in taken:
                raise OutputError(f"{printable(place)}: would be the preset of both {printable(taken[key])} and {printable(job.source)}")
            taken[key] = job.source
            if place.parent.is_dir():
                check_place(place, info, overwrite=job.destination in self._ours)

    def write(self, entry: Entry) -> StemPreset | None:
        if not isinstance(entry, ProcessedEntry) or entry.eq is None:
            return None
        output = Path(entry.output)
        place = self._place(output)
        words = _saved(entry, self._words_of)
        preset = Preset(_eq(entry), name=self._name(entry), sample_rate_hz=float(entry.sample_rate_hz), words=words)
        written = write_file(place, preset, format=self._info.id, overwrite=output in self._ours)
        return StemPreset(place, written.notes)

    def finish(self, entries: Sequence[Entry]) -> None:
        return

    def _name(self, entry: ProcessedEntry) -> str:
        what = Path(entry.preset or "").stem if entry.target is None else self._titles.get(entry.target, entry.target)
        return " ".join(part for part in (Path(entry.path).stem, what) if part)

    def _place(self, output: Path) -> Path:
        return output.with_name(output.stem + self._info.suffixes[0])


class _OneSession:
    def __init__(self, batch: Batch, words_of: WordsOf) -> None:
        self._words_of = words_of
        folder = Path(os.path.commonpath([job.destination.parent for job in batch.jobs]))
        self._path = folder / f"{folder.resolve().name or 'session'}.dawproject"
        self._overwrite = any(batch.is_ours(index) for index in range(len(batch.jobs)))
        if folder.is_dir():
            check_output(self._path, overwrite=self._overwrite)

    def write(self, entry: Entry) -> StemPreset | None:
        return StemPreset(self._path) if isinstance(entry, ProcessedEntry) and entry.eq is not None else None

    def finish(self, entries: Sequence[Entry]) -> None:
        """Write the sources as tracks, each with its EQ as a device: what the outputs hold, still to be changed."""
        done = [entry for entry in entries if isinstance(entry, ProcessedEntry) and entry.eq is not None]
        starts, _ = place({Path(entry.path): _start_s(entry) for entry in done})
        stems = [
            Stem(
                Path(entry.path).stem,
                Path(entry.path),
                _one(entry),
                entry.sample_rate_hz,
                entry.channels,
                entry.seconds,
                words=_saved(entry, self._words_of),
                start_s=starts[Path(entry.path)],
            )
            for entry in done
        ]
        if stems:
            write_session(self._path, stems, title=self._path.stem, overwrite=self._overwrite)
