"""Audio files out, block by block in the source's own format: integers map k bits to k bits, so reading and writing back is exact."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn

import numpy as np
import soundfile

from semeq_export.arrays import Float64Array, FloatArray
from semeq_export.audio.formats import INTEGER_BITS, WAV_FAMILY, OutputFormat, output_format
from semeq_export.audio.header import aiff_clock_at
from semeq_export.audio.metadata import KEPT_BETWEEN, Metadata, put_metadata
from semeq_export.audio.ogg_serial import zero_serial
from semeq_export.audio.samples import BLOCK_SAMPLES, Audio, AudioInfo
from semeq_export.audio.sndfile import SequentialFile, reason_of
from semeq_export.audio.wav import PLAIN_SUBTYPES, WavChunks, WavFile, append_chunks
from semeq_export.eq.biquad import check_samples
from semeq_export.errors import AudioError, EnvironmentFailure, OutputError, environment_failure, printable
from semeq_export.files.atomic import atomic_file
from semeq_export.files.positioned import write_at

_SYSTEM_ERROR = 2  # libsndfile's SF_ERR_SYSTEM
_DITHER_SEED = 20_261_121
_NEVER_CLIPPED = 0.9
"""A peak below it stays within 8 bits, dither included."""


class AudioWriter:
    """An audio file being written, block by block; a context manager. The same blocks always give the same bytes.

    path: where the bytes go (a temporary name); name: the output's name for messages. tags: `AudioReader.tags` of the source, for all but
    WAV. wav_chunks: what a WAV is to hold besides its audio; metadata: what an AIFF or a FLAC is, where the source is one. Other containers
    have no place for either. dither: add triangular noise of one step either way before rounding to an integer format.
    Raises OutputError where the format cannot hold the rate or the channels, EnvironmentFailure where the system fails (disk full).
    """

    def __init__(
        self,
        path: Path,
        form: OutputFormat,
        sample_rate_hz: int,
        channels: int,
        *,
        name: str | os.PathLike[str] = "",
        tags: Mapping[str, str] | None = None,
        wav_chunks: WavChunks | None = None,
        metadata: Metadata | None = None,
        dither: bool = False,
    ) -> None:
        self._name, self._channels, self._form = name or path, channels, form
        self._bits = INTEGER_BITS.get(form.subtype)
        self._dither = np.random.default_rng(_DITHER_SEED) if dither else None
        self._wav: WavFile | None = None
        self._appended = wav_chunks if form.container in WAV_FAMILY else None
        is_same = metadata is not None and metadata.container == form.container and form.container in KEPT_BETWEEN
        self._metadata = metadata if is_same else None
        self._waiting: list[FloatArray] = []
        self._encoded_frames = 0
        self.frames = 0
        try:  # by descriptor: libsndfile takes no path that is not UTF-8
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0))
        except OSError as error:
            raise environment_failure(self._name, error) from error
        try:
            self._file: Any = self._open(sample_rate_hz, channels, wav_chunks)  # Any: soundfile has no types; None beside a WavFile
            if self._wav is None and self._metadata is None:
                self._tag(tags or {})
        except OSError as error:
            os.close(self._descriptor)
            raise environment_failure(self._name, error) from error
        except soundfile.LibsndfileError as error:
            try:
                if error.code == _SYSTEM_ERROR:
                    self._fail(error)
            finally:
                os.close(self._descriptor)
            what = f"{form.container} {form.subtype} cannot hold {channels} channels at {sample_rate_hz} Hz"
            raise OutputError(f"{printable(self._name)}: {what}: {reason_of(error)}") from error

    def _tag(self, tags: Mapping[str, str]) -> None:
        """Set what libsndfile can write into this container; it refuses some tags of some, and adds its own name to `software`."""
        for name, text in tags.items():
            if name != "software":
                with contextlib.suppress(soundfile.LibsndfileError):
                    setattr(self._file, name, text)

    def _open(self, sample_rate_hz: int, channels: int, wav_chunks: WavChunks | None) -> soundfile.SoundFile | None:
        form = self._form
        if form.container not in WAV_FAMILY or form.subtype not in PLAIN_SUBTYPES:
            return SequentialFile(self._descriptor, "w", sample_rate_hz, channels, form.subtype, format=form.container, closefd=False)
        self._appended = None
        self._wav = WavFile(self._descriptor, form.container, form.subtype, sample_rate_hz, channels, wav_chunks)
        return None

    def write(self, samples: FloatArray, peak: float | None = None) -> None:
        """Append a block (channels, n), float32 or float64; over full scale, integer formats clip. peak: the block's, where it is known.

        Raises AudioError on another shape or type, and on a sample that is not finite.
        """
        check_samples(samples, self._channels)
        if peak is None:
            peak = float(np.abs(samples).max(initial=0.0))
        if not math.isfinite(peak):
            raise AudioError(f"processing gave a sample that is not finite, after frame {self.frames}", printable(self._name))
        try:
            steps = np.ascontiguousarray(samples.T) if self._bits is None else self._steps(samples, self._bits)
            if self._wav is not None:
                self._wav.write(steps, may_clip=peak >= _NEVER_CLIPPED)
            else:
                self._encode(steps if self._bits is None else steps * 2.0 ** (1 - self._bits))
        except OSError as error:
            raise environment_failure(self._name, error) from error
        except (soundfile.LibsndfileError, AssertionError) as error:  # soundfile asserts that all frames were taken
            self._fail(error)
        self.frames += samples.shape[1]

    def _encode(self, interleaved: FloatArray, *, is_last: bool = False) -> None:
        """Hand samples to libsndfile in blocks of one size: Vorbis and Opus become other bytes where the blocks are others."""
        self._waiting.append(interleaved.copy())  # the caller may use its own again
        ready = self.frames + len(interleaved) - self._encoded_frames
        if not is_last:
            ready -= ready % BLOCK_SAMPLES
        if ready:
            waiting = np.concatenate(self._waiting)
            for start in range(0, ready, BLOCK_SAMPLES):
                self._file.write(waiting[start : min(start + BLOCK_SAMPLES, ready)])
            self._waiting = [waiting[ready:]]
            self._encoded_frames += ready

    def _steps(self, samples: FloatArray, bits: int) -> FloatArray:
        """Return samples (channels, n) as (n, channels) in whole steps of an integer format.

        libsndfile would round them down in WAV and AIFF, half a step of DC.
        """
        steps: Float64Array = np.ascontiguousarray(np.multiply(samples, 2.0 ** (bits - 1), dtype=np.float64).T)
        if self._dither is not None:  # drawn frame by frame, so that the block size changes nothing
            steps += np.subtract(*np.moveaxis(self._dither.random((*steps.shape, 2)), -1, 0))
        return np.rint(steps, out=steps)

    def close(self) -> None:
        """Finish the file and make sure that all of it is there; FLAC without a single frame is no file at all."""
        try:
            if self._wav is not None:
                self._wav.finish()
            else:
                self._encode(np.zeros((0, self._channels)), is_last=True)
                self._file.close()
            if self._appended is not None:
                append_chunks(self._descriptor, self._appended)
            elif self._form.container == "OGG":
                zero_serial(self._descriptor)
            elif self._form.container == "AIFF":
                with os.fdopen(os.dup(self._descriptor), "rb") as file:
                    clock = aiff_clock_at(file)
                if clock is not None:
                    write_at(self._descriptor, bytes(4), clock)
            if self._metadata is not None and self.frames:
                put_metadata(self._descriptor, self._metadata)
            if self.frames:
                os.lseek(self._descriptor, 0, os.SEEK_SET)
                with SequentialFile(self._descriptor, closefd=False) as written:
                    is_complete = written.frames >= self.frames
                if not is_complete:
                    self._fail(None)
        except (soundfile.LibsndfileError, AssertionError) as error:
            self._fail(error)
        except OverflowError as error:
            raise OutputError(f"{printable(self._name)}: {error}; give it the suffix .rf64") from error
        except OSError as error:
            raise environment_failure(self._name, error) from error
        finally:
            os.close(self._descriptor)

    def __enter__(self) -> AudioWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            self.close()
            return
        try:
            if self._wav is None:
                with contextlib.suppress(soundfile.LibsndfileError):  # the first error is the one to tell
                    self._file.close()
        finally:
            os.close(self._descriptor)

    def _fail(self, error: Exception | None) -> NoReturn:
        """Raise what the system says; libsndfile keeps no more than "System error"."""
        try:
            os.lseek(self._descriptor, 0, os.SEEK_END)
            os.write(self._descriptor, bytes(1 << 16))
            os.fsync(self._descriptor)
        except OSError as cause:
            raise environment_failure(self._name, cause) from cause
        raise EnvironmentFailure(f"{printable(self._name)}: could not be written") from error


def write_audio(
    path: str | os.PathLike[str],
    audio: Audio,
    *,
    like: AudioInfo | None = None,
    subtype: str | None = None,
    overwrite: bool = False,
) -> tuple[str, ...]:
    """Write a whole file or nothing; return one line for each difference from the format of `like` (see `output_format`).

    Samples over full scale are clipped by integer formats: measure first. Raises OutputError, AudioError and EnvironmentFailure.
    """
    form = output_format(path, like, subtype)
    if audio.sample_rate_hz != round(audio.sample_rate_hz):
        raise OutputError(f"{printable(path)}: sample_rate_hz {audio.sample_rate_hz} is not a whole number, as files need")
    with (
        atomic_file(path, overwrite=overwrite) as temporary,
        AudioWriter(temporary, form, int(audio.sample_rate_hz), audio.channels, name=path) as writer,
    ):
        writer.write(audio.samples)
    return form.warnings
