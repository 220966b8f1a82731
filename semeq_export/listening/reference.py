"""What a sound is compared with: files, folders of stems, and stored references, one for each kind of source.

A stored reference is a small JSON file of the mean third-octave spectrum of some recordings; `references/` holds those that ship.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import msgspec
import numpy as np

from semeq_export.audio.formats import AUDIO_SUFFIXES
from semeq_export.audio.reader import open_audio
from semeq_export.errors import AudioError, EnvironmentFailure, environment_failure, printable
from semeq_export.files import strict_json
from semeq_export.files.atomic import write_atomic
from semeq_export.files.disk import read_regular
from semeq_export.listening.spectrum import BANDS_HZ, Spectrum, SpectrumMeter, mean_spectrum

GENERAL = "any"
"""The stored reference that is used where none is named."""

_SCHEMA = 1
_MAX_LEVEL_DB = 300.0


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """A spectrum to compare with and its name. is_stored: known by its mean only, as a kind of source, so no target to be met."""

    name: str
    spectrum: Spectrum
    is_stored: bool


class _ReferenceFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    schema: int
    name: str
    bands_hz: tuple[float, ...]
    level_db: tuple[float, ...]
    usable: tuple[bool, ...]
    seconds: float
    sources: tuple[str, ...]


def measure_file(
    path: str | os.PathLike[str], *, repair_nonfinite: bool = False, allow_hot: bool = False, salvage: bool = False
) -> Spectrum:
    """Return the spectrum of an audio file, read block by block; raises as `audio.open_audio` and `spectrum.SpectrumMeter` do."""
    with open_audio(path, repair_nonfinite=repair_nonfinite, allow_hot=allow_hot, salvage=salvage) as reader:
        meter = SpectrumMeter(reader.info.sample_rate_hz, reader.info.channels)
        for block in reader.blocks():
            meter.listen(block)
        return meter.spectrum()


def kinds() -> tuple[str, ...]:
    """Return the names of the stored references that ship, in alphabetical order."""
    return tuple(sorted(path.stem for path in _folder().glob("*.json")))


def stored_reference(kind: str = GENERAL) -> Reference:
    """Return a stored reference that ships; raises AudioError naming the kinds that there are."""
    if kind not in kinds():
        raise AudioError(f"unknown kind of source {kind!r}; there are {', '.join(kinds())}")
    return read_reference(_folder() / f"{kind}.json")


class ReferenceSource:
    """What a user names as reference: an audio file, a folder of them, a stored reference (JSON), or a kind that ships.

    A folder stands for the mean of its files, each at equal level, and without the file that is compared with it: the session's other
    stems. Each file is measured once. Raises AudioError and EnvironmentFailure.
    """

    def __init__(self, text: str | os.PathLike[str]) -> None:
        path = Path(text)
        self._folder: dict[Path, Spectrum] = {}
        self._name = printable(path.name or path)
        if not path.exists() and os.fspath(text) in kinds():
            self._single: Reference | None = stored_reference(os.fspath(text))
        elif path.suffix.lower() == ".json":
            self._single = read_reference(path)
        elif path.is_dir():
            self._single = None
            self._folder = {file: measure_file(file) for file in _audio_files(path)}
        else:
            if not path.exists() and not path.is_symlink() and not path.suffix:
                raise AudioError(f"no such file, and no kind of source ({', '.join(kinds())})", printable(path))
            spectrum = measure_file(path)
            if not spectrum.has_signal:
                raise AudioError(f"no signal in the reference: {spectrum.no_signal}", printable(path))
            self._single = Reference(self._name, spectrum, is_stored=False)

    def for_input(self, *paths: str | os.PathLike[str] | None) -> Reference:
        """Return the reference for one input, or for several heard together; AudioError where a folder holds nothing else to hear."""
        if self._single is not None:
            return self._single
        own = {Path(path).resolve() for path in paths if path is not None}
        others = [spectrum for file, spectrum in self._folder.items() if file.resolve() not in own]
        if not others:
            raise AudioError("no audio files in this folder besides the input", self._name)
        try:
            return Reference(self._name, mean_spectrum(others), is_stored=False)
        except AudioError as error:
            raise AudioError(error.why, self._name) from error


def load_reference(text: str | os.PathLike[str]) -> Reference:
    """Return what a user names as reference, for an input that is no part of it; see `ReferenceSource`."""
    return ReferenceSource(text).for_input()


def _audio_files(folder: Path) -> list[Path]:
    try:
        files = sorted(entry for entry in folder.iterdir() if entry.suffix.lower() in AUDIO_SUFFIXES and entry.is_file())
    except OSError as error:
        raise environment_failure(folder, error) from error
    if not files:
        raise AudioError("no audio files in this folder", printable(folder))
    return files


def read_reference(path: str | os.PathLike[str]) -> Reference:
    """Return a stored reference; raises AudioError where the file is none, EnvironmentFailure where the system refuses."""
    try:
        document = strict_json.loads(read_regular(path, AudioError, max_bytes=strict_json.MAX_BYTES))
        stored = msgspec.convert(document, _ReferenceFile)
    except (ValueError, msgspec.ValidationError) as error:
        if isinstance(error, AudioError | EnvironmentFailure):
            raise
        raise AudioError(f"no stored reference: {error}", printable(path)) from error
    level_db, usable = np.array(stored.level_db), np.array(stored.usable, dtype=np.bool_)
    if stored.schema != _SCHEMA:
        raise AudioError(f"stored reference of schema {stored.schema}, expected {_SCHEMA}", printable(path))
    if len(stored.bands_hz) != len(BANDS_HZ) or not np.allclose(stored.bands_hz, BANDS_HZ, rtol=1e-4):
        raise AudioError(f"stored reference of other bands, expected {len(BANDS_HZ)} from {BANDS_HZ[0]:g} Hz", printable(path))
    if level_db.shape != BANDS_HZ.shape or usable.shape != BANDS_HZ.shape or np.abs(level_db).max() > _MAX_LEVEL_DB or not usable.any():
        raise AudioError(f"stored reference without {len(BANDS_HZ)} levels within {_MAX_LEVEL_DB:g} dB", printable(path))
    return Reference(stored.name, Spectrum(level_db, usable, None, stored.seconds), is_stored=True)


def write_reference(
    path: str | os.PathLike[str],
    name: str,
    files: Sequence[str | os.PathLike[str]],
    spectra: Sequence[Spectrum],
    *,
    overwrite: bool = False,
) -> None:
    """Write the mean of spectra as a stored reference, with the names of the files; raises AudioError where none has a signal."""
    mean = mean_spectrum(list(spectra))
    document = {
        "schema": _SCHEMA,
        "name": name,
        "bands_hz": [round(float(hz), 3) for hz in BANDS_HZ],
        "level_db": [round(float(level), 2) for level in mean.level_free_db()],
        "usable": mean.usable.tolist(),
        "seconds": round(mean.seconds, 3),
        "sources": [printable(Path(file).name) for file in files],
    }
    write_atomic(path, strict_json.dumps(document), overwrite=overwrite)


def _folder() -> Path:
    return Path(str(resources.files("semeq_export"))) / "references"
