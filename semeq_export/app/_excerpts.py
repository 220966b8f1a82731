"""Excerpts of audio files for listening tests: read block by block, found where it is loud, at one rate."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from semeq_export.arrays import Float64Array
from semeq_export.audio.reader import AudioReader, open_audio
from semeq_export.audio.samples import Audio, resample
from semeq_export.errors import AudioError, printable
from semeq_export.panel.stimuli import RATE_HZ, LoudestPart

PREROLL_S = 1.0
"""What filters hear before an excerpt begins, so that they sound as they do in the middle of the music."""
SHORTEST_S = 1.0
_MAX_CHANNELS = 2


@dataclass(frozen=True, slots=True, eq=False)
class Excerpt:
    """A part of a file at 48 kHz. samples: (channels, n), beginning `preroll` samples before the part."""

    name: str
    file: str
    start_s: float
    seconds: float
    samples: Float64Array
    preroll: int

    def cut(self, processed: Float64Array) -> Float64Array:
        """Return what of processed samples (channels, n) is the part."""
        return processed[:, self.preroll : self.preroll + round(self.seconds * RATE_HZ)]


def read_excerpt(path: str | os.PathLike[str], name: str, start_s: float | None, seconds: float) -> Excerpt:
    """Return an excerpt of a file, shorter where the file ends; without a start, the loudest stretch.

    Raises AudioError for what cannot be read, more than two channels, and less than one second.
    """
    with open_audio(path) as reader:
        info = reader.info
        if info.channels > _MAX_CHANNELS:
            raise AudioError(f"{info.channels} channels; listening tests are for mono and stereo", printable(path))
        begin_s = _loudest(reader, seconds) if start_s is None else start_s
        held_s = min(seconds, int((info.duration_s - begin_s) * 100.0) / 100.0)
        if held_s < SHORTEST_S:
            raise AudioError(f"{max(info.duration_s - begin_s, 0.0):.2f} s from {begin_s:g} s on, expected at least 1 s", printable(path))
        lead_s = min(PREROLL_S, begin_s)
        samples = _between(reader, round((begin_s - lead_s) * info.sample_rate_hz), round((begin_s + held_s) * info.sample_rate_hz))
        audio = resample(Audio(samples, info.sample_rate_hz), RATE_HZ)
    missing = round((lead_s + held_s) * RATE_HZ) - audio.frames  # a sample or two where rates do not divide
    held = np.pad(audio.samples.astype(np.float64), ((0, 0), (0, max(missing, 0))))
    return Excerpt(name, Path(path).name, begin_s, held_s, held, round(lead_s * RATE_HZ))


def _loudest(reader: AudioReader, seconds: float) -> float:
    finder = LoudestPart(reader.info.sample_rate_hz, reader.info.channels)
    for block in reader.blocks():
        finder.feed(block)
    return finder.start_s(seconds)


def _between(reader: AudioReader, first: int, end: int) -> Float64Array:
    """Return the frames first..end of a file; it is read to its end, so that damage is found."""
    parts, at = [], 0
    for block in reader.blocks():
        if at < end and at + block.shape[1] > first:
            parts.append(block[:, max(first - at, 0) : end - at])
        at += block.shape[1]
    return np.concatenate(parts, axis=1)
