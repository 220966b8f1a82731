"""Audio files in, by libsndfile alone: read block by block with every sample checked."""

from __future__ import annotations

import contextlib
import functools
import math
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from semeq_export.arrays import Float64Array
from semeq_export.audio.decoder_messages import catch_messages
from semeq_export.audio.file_view import WHOLE, FileView
from semeq_export.audio.formats import CONTAINERS, INTEGER_BITS, WAV_FAMILY
from semeq_export.audio.header import HEAD_BYTES, Announcement, looks_like, read_announcement
from semeq_export.audio.metadata import lost_between, read_metadata
from semeq_export.audio.pcm import SAMPLE_BYTES, PcmDecoder
from semeq_export.audio.samples import BLOCK_SAMPLES, MAX_PEAK_DBFS, Audio, AudioInfo
from semeq_export.audio.sndfile import SequentialFile, reason_of
from semeq_export.audio.wav import read_chunks
from semeq_export.eq.biquad import MAX_CHANNELS
from semeq_export.errors import AudioError, environment_failure, printable
from semeq_export.files.disk import open_regular
from semeq_export.units import check_sample_rate_hz, db_to_amplitude

_MAX_CARRIED_BYTES = 2**26 - 2**20
"""What is left of 4 GiB for everything in a WAV that is not audio."""
_UNKNOWN_FRAMES = 2**62  # libsndfile says 2^63-1 where a stream states no length
_FORMAT_NOT_RECOGNISED = 1  # libsndfile's SF_ERR_UNRECOGNISED_FORMAT
_READ = ("WAV", "WAVEX", "RF64", "W64", "AIFF", "CAF", "AU", "NIST", "FLAC", "OGG", "MP3")
"""Containers whose lengths are checked; libsndfile knows more, and reads what is left of them as if that were all."""
_RIFF = (b"RIFF", b"RIFX", b"RF64")
"""How a WAV begins, an MP3 in one too, of which the decoder sees only the MP3."""
_MORE_THAN_24_BITS = ("PCM_32", "DOUBLE", "ALAC_32")


class _MpegStream(SequentialFile):
    """An MP3 that is read; libmpg123 goes on where a frame is damaged, and says so on standard error alone."""

    concealed = 0

    def __init__(self, *arguments: Any, **named: Any) -> None:  # Any: as soundfile takes them
        with catch_messages():
            super().__init__(*arguments, **named)

    def read(self, *arguments: Any, **named: Any) -> Any:  # Any: as soundfile takes and gives them
        with catch_messages() as messages:
            samples = super().read(*arguments, **named)
        self.concealed += sum("error" in message for message in messages)
        return samples


class AudioReader:
    """An open audio file. Made by `open_audio`."""

    def __init__(self, descriptor: int, path: str | os.PathLike[str], *, repair_nonfinite: bool, allow_hot: bool, salvage: bool) -> None:
        self._descriptor, self._name, self._repair, self._salvage = descriptor, printable(path), repair_nonfinite, salvage
        self._pcm: Callable[[], PcmDecoder] | None = None
        self._limit = math.inf if allow_hot else db_to_amplitude(MAX_PEAK_DBFS)
        self.repaired_samples = 0
        """Samples that were not finite and became 0, in the last full pass."""
        self.concealed_errors = 0
        """Damage inside an MP3 that its decoder went over, in the last full pass."""
        warnings: list[str] = []
        with os.fdopen(os.dup(descriptor), "rb") as file:
            head = file.read(HEAD_BYTES)
            announced = read_announcement(file)
        self._view, self._is_mpeg = announced.view, announced.is_mpeg
        warnings += self._check_announcement(announced)
        self.info = self._read_info(head, announced)
        self.is_salvaged = bool(warnings) and salvage
        """Whether there was anything to salvage: the file is not whole."""
        if salvage:
            held = self._count_held()
            if held == 0:
                raise self._error("nothing to salvage: no audio can be decoded")
            if held != self.info.frames < _UNKNOWN_FRAMES:
                warnings.append(f"salvaged {held} frames of {self.info.frames}")
                self.is_salvaged = True
            self.info = replace(self.info, frames=held)
        elif self.info.frames >= _UNKNOWN_FRAMES:
            counted = sum(block.shape[1] for block in self.blocks())
            self.info = replace(self.info, frames=counted)
        if announced.is_open:
            warnings.append(f"the header states no length; found {self.info.frames} frames")
        suffix_container = CONTAINERS.get(Path(path).suffix.lower())
        if suffix_container is not None and not _same_family(suffix_container, self.info.container):
            warnings.append(f"is {self.info.container} by content, whatever its suffix {Path(path).suffix} says")
        self.wav_chunks = read_chunks(descriptor, audio_at=announced.audio_at)
        """What a WAV holds besides its audio, for the writer of another WAV."""
        if self.wav_chunks is not None:
            self.info = replace(self.info, channel_mask=self.wav_chunks.channel_mask)
        if self.wav_chunks is not None and self.wav_chunks.total_bytes > _MAX_CARRIED_BYTES:
            raise self._error(f"{self.wav_chunks.total_bytes} bytes of other chunks than audio, expected at most {_MAX_CARRIED_BYTES}")
        self.metadata = read_metadata(descriptor, self.info.container, audio_at=announced.audio_at)
        """What other files hold besides their audio, for the writer of another of the same container."""
        if self.metadata.total_bytes > _MAX_CARRIED_BYTES:
            raise self._error(f"{self.metadata.total_bytes} bytes of metadata, expected at most {_MAX_CARRIED_BYTES}")
        self.warnings = tuple(warnings)
        self._pcm = None if announced.view != WHOLE or warnings else self._plain_decoder()

    def _plain_decoder(self) -> Callable[[], PcmDecoder] | None:
        """Return what reads a WAV's plain samples in a third of the time that libsndfile takes; None where that is for libsndfile to do."""
        info, chunks = self.info, self.wav_chunks
        if chunks is None or chunks.audio is None or info.container not in WAV_FAMILY or info.subtype not in SAMPLE_BYTES or self._salvage:
            return None
        frame_bytes = SAMPLE_BYTES[info.subtype] * info.channels
        if int.from_bytes(chunks.fmt[12:14], "little") != frame_bytes or chunks.audio.size // frame_bytes != info.frames:
            return None
        return functools.partial(PcmDecoder, self._descriptor, chunks.audio.offset, info.subtype, info.channels)

    def lost_in(self, container: str) -> list[str]:
        """Return the names of what a file of a container will not hold of this one, chunks of a WAV aside."""
        return [] if self.wav_chunks is not None else lost_between(self.metadata, self.tags, container)

    def blocks(self, block_samples: int = BLOCK_SAMPLES) -> Iterator[Float64Array]:
        """Decode the file from its start as float64 (channels, n), n = block_samples but for the last block.

        Each call is a new pass over the same file; finish one before the next. Raises AudioError on damage, on fewer frames than announced,
        on a sample that is not finite (naming channel and time; unless repaired) and on a peak over +60 dBFS (unless allowed).
        """
        frames = self.repaired_samples = 0
        with self._decoder() if self._pcm is None else self._pcm() as decoder:
            while frames < self.info.frames:
                block = self._decode(decoder, min(block_samples, self.info.frames - frames), frames)
                if not block.shape[1]:
                    break
                if self.info.subtype not in INTEGER_BITS:  # those are finite, and not over full scale
                    block = self._checked(block, frames)
                frames += block.shape[1]
                yield block
            if frames == self.info.frames and not (self._salvage or isinstance(decoder, PcmDecoder)) and _has_more(decoder):
                raise self._error(f"header says {frames} frames, file holds more; `salvage` reads them all")
            self.concealed_errors = getattr(decoder, "concealed", 0)
        if frames < self.info.frames < _UNKNOWN_FRAMES:
            raise self._error(f"truncated: header says {self.info.frames} frames, file holds {frames}; `salvage` keeps them")

    def _decode(self, decoder: soundfile.SoundFile | PcmDecoder, count: int, frames: int) -> Float64Array:
        """Return the next samples (channels, n), n = 0 at the end. frames: how many came before."""
        try:
            if isinstance(decoder, PcmDecoder):
                return decoder.read(count)
            return np.ascontiguousarray(decoder.read(count, dtype="float64", always_2d=True).T)
        except soundfile.LibsndfileError as error:
            why = f"damaged or truncated: header says {self.info.frames} frames, the decoder stopped after {frames}"
            raise self._error(f"{why} ({reason_of(error)}); `salvage` keeps what comes before") from error
        except OSError as error:
            raise environment_failure(self._name, error) from error

    def _checked(self, block: Float64Array, frames: int) -> Float64Array:
        """Return a block without samples that are not finite; raise where they are not to be repaired, or where it is no audio."""
        if not np.isfinite(peak := np.abs(block).max()):
            block = self._replace_nonfinite(block, frames)
            peak = np.abs(block).max()
        if peak > self._limit:
            why = f"peak of {20 * np.log10(peak):+.0f} dBFS is over {MAX_PEAK_DBFS:+g}: not audio, or damaged"
            raise self._error(f"{why}; `allow_hot` takes it as it is")
        return block

    def copy_to(self, path: Path) -> None:
        """Write the file's bytes, as they are, to another name."""
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        with os.fdopen(os.dup(self._descriptor), "rb") as source, path.open("wb") as target:
            while data := source.read(1 << 20):
                target.write(data)

    def _error(self, why: str) -> AudioError:
        return AudioError(why, self._name)

    def _decoder(self) -> soundfile.SoundFile:
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        stream = _MpegStream if self._is_mpeg else SequentialFile
        return stream(self._descriptor if self._view == WHOLE else FileView(self._descriptor, self._view), closefd=False)

    def _check_announcement(self, announced: Announcement) -> list[str]:
        """Return what was salvaged, in words; raise what cannot be or is not to be."""
        if announced.unreadable:
            raise self._error(f"cannot be read: {announced.unreadable}")
        if announced.fault and not self._salvage:
            raise self._error(f"{announced.fault}; `salvage` keeps what is there")
        return [f"{announced.fault}; kept what is there"] * bool(announced.fault) + list(announced.warnings)

    def _count_held(self) -> int:
        """Return how many frames can be decoded before the end or the first damage, to the frame."""
        frames, block_samples = 0, BLOCK_SAMPLES
        while block_samples:
            with self._decoder() as decoder:
                try:
                    skipped = 0
                    while skipped < frames:
                        skipped += len(decoder.read(min(BLOCK_SAMPLES, frames - skipped), dtype="float32", always_2d=True))
                    while count := len(decoder.read(block_samples, dtype="float32", always_2d=True)):
                        frames += count
                    return frames
                except soundfile.LibsndfileError:  # somewhere in the last block: closer, until a single frame fails
                    block_samples //= 16
        return frames

    def _read_info(self, head: bytes, announced: Announcement) -> AudioInfo:
        try:
            with self._decoder() as decoder:
                self.tags: dict[str, str] = decoder.copy_metadata()
                """Title, artist and so on as libsndfile knows them, for the writer of a file without WAV chunks."""
                frames = announced.frames or decoder.frames
                container = "WAV" if self._is_mpeg and head[:4] in _RIFF else decoder.format
                info = AudioInfo(decoder.samplerate, decoder.channels, frames, container, decoder.subtype)
        except soundfile.LibsndfileError as error:
            if error.code == _FORMAT_NOT_RECOGNISED:
                guess = looks_like(head)
                what = f"it looks like {guess}" if guess else "libsndfile knows no such format"
                raise self._error(f"not an audio file: {what}") from error
            raise self._error(f"cannot be read: {reason_of(error)}") from error
        if info.container not in _READ:
            raise self._error(f"{info.container} is not read; convert it to one of {', '.join(_READ)} first")
        if not 1 <= info.channels <= MAX_CHANNELS:
            raise self._error(f"{info.channels} channels, expected 1..{MAX_CHANNELS}")
        try:
            check_sample_rate_hz(info.sample_rate_hz)
        except AudioError as error:
            raise self._error(error.why) from error
        if info.frames <= 0:
            raise self._error("no audio: the file holds 0 frames")
        return info

    def _replace_nonfinite(self, block: Float64Array, first_frame: int) -> Float64Array:
        bad = ~np.isfinite(block)
        if not self._repair:
            frame = int(bad.any(axis=0).argmax())
            channel = int(bad[:, frame].argmax())
            where = f"channel {channel + 1} at {(first_frame + frame) / self.info.sample_rate_hz:.6f} s (frame {first_frame + frame})"
            raise self._error(f"sample of {where} is {block[channel, frame]}, not a finite number; `repair_nonfinite` replaces it with 0")
        self.repaired_samples += int(bad.sum())
        return np.where(bad, 0.0, block)


@contextlib.contextmanager
def open_audio(
    path: str | os.PathLike[str], *, repair_nonfinite: bool = False, allow_hot: bool = False, salvage: bool = False
) -> Iterator[AudioReader]:
    """Yield a reader of an audio file, decoded by content whatever its suffix. allow_hot: peaks may be over +60 dBFS.

    salvage: of a file that is cut short, damaged or was never finished, read the part before the damage, with a warning.

    Raises AudioError for what is no regular file, no audio, cut short by its own header, without frames, of more than 64 channels or of a
    rate outside 8 kHz..384 kHz; EnvironmentFailure where the system refuses. Nothing is decoded yet, unless to salvage it.
    """
    descriptor = open_regular(path, AudioError)
    try:
        yield AudioReader(descriptor, path, repair_nonfinite=repair_nonfinite, allow_hot=allow_hot, salvage=salvage)
    finally:
        os.close(descriptor)


def read_audio(path: str | os.PathLike[str], *, repair_nonfinite: bool = False) -> Audio:
    """Return a whole file: float64 where it holds more than 24 bits, else float32, which is exact.

    Raises as `open_audio` and `AudioReader.blocks` do.
    """
    with open_audio(path, repair_nonfinite=repair_nonfinite) as reader:
        dtype = np.float64 if reader.info.subtype in _MORE_THAN_24_BITS else np.float32
        blocks = [block.astype(dtype) for block in reader.blocks()]
        return Audio(np.concatenate(blocks, axis=1), reader.info.sample_rate_hz)


def _same_family(a: str, b: str) -> bool:
    return a == b or (a in WAV_FAMILY and b in WAV_FAMILY)


def _has_more(decoder: soundfile.SoundFile) -> bool:
    """Whether more audio follows; what is no audio, such as a tag, is none."""
    try:
        return len(decoder.read(1, dtype="float64", always_2d=True)) > 0
    except soundfile.LibsndfileError:
        return False
