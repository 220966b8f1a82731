"""What a sound is compared with: files, folders of stems, and stored references, one for each kind of source.

A stored reference is a small JSON file of what sources of a kind are like, mean and covariance of their third-octave spectra (schema 2),
or of a mean alone (schema 1). `references/` holds those that ship, made by `prior`. One that was learned from somebody's own files also
holds what is needed to go on learning.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import msgspec
import numpy as np

from semeq_export.arrays import Float64Array
from semeq_export.audio.formats import AUDIO_SUFFIXES
from semeq_export.audio.reader import open_audio
from semeq_export.errors import AudioError, EnvironmentFailure, environment_failure, printable
from semeq_export.files import strict_json
from semeq_export.files.atomic import write_atomic
from semeq_export.files.disk import read_regular
from semeq_export.listening.prior import GENERAL, Deviations, Prior, deviation, learned, prior_of
from semeq_export.listening.spectrum import BANDS_HZ, Spectrum, SpectrumMeter, mean_spectrum

_SCHEMA = 2
_N_BANDS = len(BANDS_HZ)
_TRIANGLE = np.tril_indices(_N_BANDS)
_MAX_LEVEL_DB, _MAX_VARIANCE_DB2 = 300.0, 1e5
_MAX_COUNT = 2**31


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """A spectrum to compare with and its name. is_stored: a kind of source and no sound that was heard, so no target to be met.

    count: how many recordings a stored one is made of.
    """

    name: str
    spectrum: Spectrum
    is_stored: bool
    count: int = 0


class _Learned(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    held: tuple[int, ...]
    mean_db: tuple[float, ...]
    scatter_db2: tuple[float, ...]


class _ReferenceFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    schema: int
    name: str
    bands_hz: tuple[float, ...]
    level_db: tuple[float, ...]
    usable: tuple[bool, ...]
    seconds: float
    sources: tuple[str, ...]
    covariance_db2: tuple[float, ...] = ()
    count: int = 0
    learned: _Learned | None = None


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
            self._folder = {file: measure_file(file) for file in audio_files(path)}
        else:
            if not path.exists() and not path.is_symlink() and not path.suffix:
                near = difflib.get_close_matches(path.name.lower(), kinds(), 1)
                hint = f"; did you mean {near[0]}?" if near else ""
                raise AudioError(f"no such file, and no kind of source ({', '.join(kinds())}){hint}", printable(path))
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


def audio_files(folder: Path) -> list[Path]:
    """Return the audio files of a folder by name; raises AudioError where there are none."""
    try:
        files = sorted(entry for entry in folder.iterdir() if entry.suffix.lower() in AUDIO_SUFFIXES and entry.is_file())
    except OSError as error:
        raise environment_failure(folder, error) from error
    if not files:
        raise AudioError("no audio files in this folder", printable(folder))
    return files


def read_reference(path: str | os.PathLike[str]) -> Reference:
    """Return a stored reference; raises AudioError where the file is none, EnvironmentFailure where the system refuses."""
    stored = _read(path)
    level_db, usable = np.array(stored.level_db), np.array(stored.usable, dtype=np.bool_)
    covariance_db2 = _square(stored.covariance_db2) if stored.schema == _SCHEMA else None
    spectrum = Spectrum(level_db, usable, None, stored.seconds, covariance_db2=covariance_db2)
    return Reference(stored.name, spectrum, is_stored=True, count=stored.count)


def _read(path: str | os.PathLike[str]) -> _ReferenceFile:
    try:
        document = strict_json.loads(read_regular(path, AudioError, max_bytes=strict_json.MAX_BYTES))
        stored = msgspec.convert(document, _ReferenceFile)
    except (ValueError, msgspec.ValidationError) as error:
        if isinstance(error, AudioError | EnvironmentFailure):
            raise
        raise AudioError(f"no stored reference: {error}", printable(path)) from error
    why = _what_is_wrong(stored)
    if why:
        raise AudioError(f"stored reference {why}", printable(path))
    return stored


def _what_is_wrong(stored: _ReferenceFile) -> str:
    """Return what a stored reference may not be or lack, "" where it is sound."""
    level_db = np.array(stored.level_db)
    if stored.schema not in (1, _SCHEMA):
        return f"of schema {stored.schema}, expected {_SCHEMA}"
    if len(stored.bands_hz) != _N_BANDS or not np.allclose(stored.bands_hz, BANDS_HZ, rtol=1e-4):
        return f"of other bands, expected {_N_BANDS} from {BANDS_HZ[0]:g} Hz"
    if len(level_db) != _N_BANDS or len(stored.usable) != _N_BANDS or np.abs(level_db).max() > _MAX_LEVEL_DB or not any(stored.usable):
        return f"without {_N_BANDS} levels within {_MAX_LEVEL_DB:g} dB"
    if stored.schema == 1:
        return "of schema 1 with more than a mean" if stored.covariance_db2 or stored.learned else ""
    if len(stored.covariance_db2) != len(_TRIANGLE[0]) or np.abs(stored.covariance_db2).max() > _MAX_VARIANCE_DB2:
        return f"without the {len(_TRIANGLE[0])} numbers of a covariance"
    if np.linalg.eigvalsh(_square(stored.covariance_db2)).min() < 1e-3:
        return "whose covariance is none"
    if stored.learned is not None and {len(stored.learned.held), len(stored.learned.mean_db)} != {_N_BANDS}:
        return "that cannot be learned on"
    if stored.learned is not None and len(stored.learned.scatter_db2) != len(_TRIANGLE[0]):
        return "that cannot be learned on"
    return "" if 0 <= stored.count <= _MAX_COUNT else "of an impossible count"


def _square(triangle: Sequence[float]) -> Float64Array:
    """Return the symmetric matrix (28, 28) of its lower triangle, row by row."""
    matrix = np.zeros((_N_BANDS, _N_BANDS))
    matrix[_TRIANGLE] = triangle
    return matrix + np.tril(matrix, -1).T


class Learner:
    """Learns what somebody's own sources are like, file after file; a stored reference is the state, so it can go on another day.

    path: of the stored reference, read where it exists and was learned. Raises AudioError for another one, unless it is to be replaced.
    """

    def __init__(self, path: str | os.PathLike[str], *, anew: bool = False) -> None:
        self._path, self._name = Path(path), printable(Path(path).stem)
        self._deviations, self._seconds = Deviations.none(), 0.0
        self.sources: list[str] = []
        if anew or not self._path.exists():
            return
        stored = _read(self._path)
        if stored.learned is None:
            raise AudioError("a stored reference that was not learned; `overwrite` replaces it", printable(path))
        self.sources, self._seconds = list(stored.sources), stored.seconds
        held, mean_db = np.array(stored.learned.held, dtype=np.float64), np.array(stored.learned.mean_db)
        self._deviations = Deviations(stored.count, held, mean_db, _square(stored.learned.scatter_db2))

    def hear(self, name: str, sound: Spectrum) -> None:
        """Learn from one file; raises AudioError where it has no signal."""
        if not sound.has_signal:
            raise AudioError(f"nothing to learn: {sound.no_signal}", name)
        self._deviations = self._deviations.add(*deviation(sound, prior_of(GENERAL).spectrum))
        self._seconds += sound.seconds
        self.sources.append(name)

    def save(self) -> None:
        """Write what was learned so far."""
        known = self._deviations
        prior = learned(self._name, known, self._seconds, tuple(self.sources))
        state = {
            "held": [int(count) for count in known.held],
            "mean_db": _rounded(known.mean, 6),
            "scatter_db2": _rounded(known.scatter[_TRIANGLE], 6),
        }
        write_atomic(self._path, strict_json.dumps({**_document(prior), "learned": state}), overwrite=True)


def write_prior(path: str | os.PathLike[str], prior: Prior, *, overwrite: bool = False) -> None:
    """Write what is known of a kind as a stored reference."""
    write_atomic(path, strict_json.dumps(_document(prior)), overwrite=overwrite)


def _document(prior: Prior) -> dict[str, object]:
    assert prior.spectrum.covariance_db2 is not None
    return {
        "schema": _SCHEMA,
        "name": prior.name,
        "bands_hz": _rounded(BANDS_HZ, 3),
        "level_db": _rounded(prior.spectrum.level_free_db(), 2),
        "usable": prior.spectrum.usable.tolist(),
        "covariance_db2": _rounded(prior.spectrum.covariance_db2[_TRIANGLE], 2),
        "seconds": round(prior.spectrum.seconds, 3),
        "count": prior.deviations.count,
        "sources": list(prior.sources),
    }


def _rounded(values: Float64Array, digits: int) -> list[float]:
    return [round(float(value), digits) for value in values]


def _folder() -> Path:
    return Path(str(resources.files("semeq_export"))) / "references"
