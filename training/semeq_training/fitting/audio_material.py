"""Audio to train the audio encoder on: pink noise, noise of random long-term spectra, and real files, as powers in fine bands.

An EQ multiplies the power of a narrow band by its gain there: windows of 83 ms are longer than its filters ring. So material is analysed
once, in 224 bands of an eighth of a third of an octave, and each training step applies its EQs as 224 gains: a thousandth of the cost of
rendering. Against `semeq_export.eq.biquad` rendered and analysed, long-term third-octave bands from 50 Hz on differ by less than
0.1 dB in the mean (a test measures it); below, where a band is narrower than a window resolves, by more. The evaluation renders.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from semeq_export.arrays import Float64Array, FloatArray
from semeq_export.audio.formats import AUDIO_SUFFIXES
from semeq_export.audio.reader import read_audio
from semeq_export.audio.samples import Audio, resample, to_mono
from semeq_export.bundle.hearing import windows_of
from semeq_export.errors import AudioError, TrainingError, environment_failure, printable
from semeq_export.listening.spectrum import BANDS_HZ
from semeq_training.audio_models import FINE, SAMPLE_RATE_HZ, WINDOW_SAMPLES, ThirdOctaves, band_edges_hz
from semeq_training.data.synthesis import modulated, pink_noise, random_colour_db

Kind = Literal["pink", "coloured", "real"]
KINDS: tuple[Kind, ...] = ("pink", "coloured", "real")

FINE_HZ: Float64Array = np.sqrt(band_edges_hz(FINE)[1:] * band_edges_hz(FINE)[:-1])
"""(224,) centres of the fine bands."""

BANDS_FROM_50_HZ = BANDS_HZ >= 50.0
"""(28,) the third-octave bands that a window resolves."""

PITCHES = (1.0, 0.92, 1.09)
"""Real files are heard at these speeds: as they are, and about a semitone and a half lower and higher."""

MIN_SECONDS = 3.0
_MAX_SECONDS = 120.0
_WINDOWS_PER_NOISE = 4
_LEVEL_DB = (-60.0, 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """Windows of one source. group: sources that belong together share it. powers: (n, 47, 224) float32, n >= 2."""

    name: str
    group: str
    kind: Kind
    powers: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class RealFile:
    """A real file: the first two minutes, mono, 48 kHz. sha256: of the whole file."""

    name: str
    group: str
    audio: Audio
    sha256: str


def group_of(name: str) -> str:
    """Return the source of a file: its name up to the first underscore. One session's stems, or one site's demos, are one source."""
    return Path(name).stem.partition("_")[0].lower()


def read_real_files(folder: Path, note: Callable[[str], None]) -> list[RealFile]:
    """Return the audio files of a folder, in order of name; what has not 3 s of sound is left out with a note.

    Raises TrainingError where none is left, AudioError for a file that cannot be read, EnvironmentFailure where the system refuses.
    """
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in AUDIO_SUFFIXES and path.is_file())
    except (FileNotFoundError, NotADirectoryError) as error:
        raise TrainingError(f"{printable(folder)}: no such folder of audio files") from error
    except OSError as error:
        raise environment_failure(folder, error) from error
    files = []
    for path in paths:
        audio = read_audio(path)
        mono = to_mono(audio.samples[:, : int(_MAX_SECONDS * audio.sample_rate_hz)])
        try:
            audio = _at_48k(mono, audio.sample_rate_hz)
            if len(_windows(audio)) < 2:
                raise AudioError(f"there are not {MIN_SECONDS:g} s of sound in it")
        except AudioError as error:
            note(f"{printable(path.name)}: left out, {error.why}")
            continue
        files.append(RealFile(path.name, group_of(path.name), audio, hashlib.sha256(path.read_bytes()).hexdigest()))
    if not files:
        raise TrainingError(f"{printable(folder)}: no audio file with {MIN_SECONDS:g} s of sound")
    return files


def real_sources(files: Sequence[RealFile], seed: int) -> list[Source]:
    """Return each file as a source for each of the PITCHES, its windows at random levels."""
    sources = []
    for file in files:
        for pitch in PITCHES:
            audio = file.audio if pitch == 1.0 else _at_48k(file.audio.samples[0], SAMPLE_RATE_HZ * pitch)
            windows = _windows(audio)
            if len(windows) >= 2:
                rng = np.random.default_rng([seed, 3, int(file.sha256[:8], 16), round(100 * pitch)])
                sources.append(Source(file.name, file.group, "real", analysed(_at_random_levels(windows, rng))))
    return sources


def noise_sources(count: int, kind: Literal["pink", "coloured"], seed: int) -> list[Source]:
    """Return sources of pink noise, or of noise with a random long-term spectrum each, every second of which swells and fades."""
    sources = []
    for number in range(count):
        rng = np.random.default_rng([seed, KINDS.index(kind), number])
        colour_db = None if kind == "pink" else random_colour_db(rng)
        windows = []
        for _ in range(_WINDOWS_PER_NOISE):
            noise = pink_noise(WINDOW_SAMPLES, SAMPLE_RATE_HZ, rng, colour_db=colour_db)
            windows.append(modulated(noise, SAMPLE_RATE_HZ, rng) if kind == "coloured" and number % 2 else noise)
        name = f"{kind}-{number}"
        sources.append(Source(name, name, kind, analysed(_at_random_levels(np.array(windows), rng))))
    return sources


def analysed(windows: FloatArray) -> NDArray[np.float32]:
    """Return the powers (n, 47, 224) in fine bands of windows (n, 96000)."""
    front_end = ThirdOctaves(FINE)
    with torch.no_grad():
        rows = [front_end(row[None]) for row in torch.from_numpy(windows.astype(np.float32))]
    powers: NDArray[np.float32] = torch.cat(rows).numpy()
    return powers


def _at_48k(mono: FloatArray, sample_rate_hz: float) -> Audio:
    return resample(Audio(mono[np.newaxis].astype(np.float32), sample_rate_hz), float(SAMPLE_RATE_HZ))


def _windows(audio: Audio) -> NDArray[np.float32]:
    return windows_of(audio, SAMPLE_RATE_HZ, WINDOW_SAMPLES)


def _at_random_levels(windows: FloatArray, rng: np.random.Generator) -> FloatArray:
    peaks = np.abs(windows).max(axis=1, keepdims=True)
    return np.asarray(windows / peaks * 10.0 ** (rng.uniform(*_LEVEL_DB, (len(windows), 1)) / 20.0))
