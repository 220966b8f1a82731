"""Audio files in and out, by libsndfile alone: read block by block with every sample checked, written in the source's own format.

Samples are (channels, n), full scale 1.0. Integer formats map k bits to k bits: reading and writing back is bit-exact.
"""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn

import numpy as np
import soundfile
from numpy.typing import NDArray

from semeq_export.audio_header import HEAD_BYTES, Announcement, aiff_clock_at, looks_like, read_announcement
from semeq_export.biquad import MAX_CHANNELS, check_samples
from semeq_export.curve import Float64Array, FloatArray
from semeq_export.decoder_messages import caught_messages
from semeq_export.errors import AudioError, EnvironmentFailure, OutputError
from semeq_export.file_view import WHOLE, FileView
from semeq_export.files import atomic_file, environment_failure, open_regular, printable
from semeq_export.metadata import KEPT_BETWEEN, Metadata, lost_between, put_metadata, read_metadata
from semeq_export.ogg_serial import zero_serial
from semeq_export.positioned import write_at
from semeq_export.units import check_sample_rate_hz, db_to_amplitude
from semeq_export.wav_file import PLAIN_SUBTYPES, WavChunks, WavFile, append_chunks, read_chunks

BLOCK_SAMPLES = 16_384
MAX_PEAK_DBFS = 60.0
"""Louder is no audio: a damaged float file, or one whose byte order is wrong."""

_RIFF_LIMIT_BYTES = 2**32 - 2**26
_MAX_CARRIED_BYTES = 2**26 - 2**20
"""What is left of 4 GiB for everything in a WAV that is not audio."""
_UNKNOWN_FRAMES = 2**62  # libsndfile says 2^63-1 where a stream states no length
_FORMAT_NOT_RECOGNISED, _SYSTEM_ERROR = 1, 2  # libsndfile's SF_ERR_*

_SUFFIXES = {
    ".wav": "WAV",
    ".wave": "WAV",
    ".bwf": "WAV",
    ".rf64": "RF64",
    ".w64": "W64",
    ".aif": "AIFF",
    ".aiff": "AIFF",
    ".aifc": "AIFF",
    ".caf": "CAF",
    ".au": "AU",
    ".snd": "AU",
    ".flac": "FLAC",
    ".ogg": "OGG",
    ".oga": "OGG",
    ".opus": "OGG",
    ".mp3": "MP3",
}

AUDIO_SUFFIXES = frozenset(_SUFFIXES)
"""Endings of the files that can be read and written, lower case, with the dot."""
_READ = ("WAV", "WAVEX", "RF64", "W64", "AIFF", "CAF", "AU", "NIST", "FLAC", "OGG", "MP3")
"""Containers whose lengths are checked; libsndfile knows more, and reads what is left of them as if that were all."""
WAV_FAMILY = ("WAV", "WAVEX", "RF64")
"""Containers that are RIFF, and keep each other's chunks."""

_HELD_BY = {  # what holds a subtype without loss where a container lacks it; anything else (telephone codecs) decodes to 16 bits
    "PCM_S8": ("PCM_U8", "PCM_16"),
    "PCM_U8": ("PCM_S8", "PCM_16"),
    "PCM_24": (),
    "PCM_32": (),
    "FLOAT": (),
    "DOUBLE": (),
    "ALAC_20": ("PCM_24",),
    "ALAC_24": ("PCM_24",),
    "ALAC_32": ("PCM_32",),
    "DWVW_24": ("PCM_24",),
}
_LOSSY = ("VORBIS", "OPUS", "MPEG_LAYER_I", "MPEG_LAYER_II", "MPEG_LAYER_III")
_FLOATING = ("FLOAT", "DOUBLE")
_INTEGER_BITS = {"PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32}
_SAMPLE_BYTES = {"FLOAT": 4, "DOUBLE": 8} | {name: bits // 8 for name, bits in _INTEGER_BITS.items()}
_DITHER_SEED = 20_261_121
_MORE_THAN_24_BITS = ("PCM_32", "DOUBLE", "ALAC_32")


@dataclass(frozen=True, slots=True)
class AudioInfo:
    """What a file is. container and subtype are libsndfile's names: "WAV", "FLAC" ... and "PCM_16", "FLOAT", "VORBIS" ..."""

    sample_rate_hz: int
    channels: int
    frames: int
    container: str
    subtype: str

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.frames / self.sample_rate_hz

    @property
    def is_lossy(self) -> bool:
        """Whether writing the same samples again would change them."""
        return self.subtype in _LOSSY


@dataclass(frozen=True, slots=True, eq=False)
class Audio:
    """Samples (channels, n), float32 or float64, at a rate of 8 kHz..384 kHz. Raises AudioError for anything else."""

    samples: FloatArray
    sample_rate_hz: float

    def __post_init__(self) -> None:
        check_samples(self.samples)
        check_sample_rate_hz(self.sample_rate_hz)

    @property
    def channels(self) -> int:
        """Number of channels."""
        return int(self.samples.shape[0])

    @property
    def frames(self) -> int:
        """Number of samples in each channel."""
        return int(self.samples.shape[1])


class _Stream(soundfile.SoundFile):  # type: ignore[misc]  # soundfile has no types
    """A sound file that is read or written in one go.

    soundfile seeks after every block where it can; that costs FLAC and MP3 five times the decoding, and hides a decoder's error behind
    one about seeking.
    """

    def seekable(self) -> bool:
        return False


class _MpegStream(_Stream):
    """An MP3 that is read; libmpg123 goes on where a frame is damaged, and says so on standard error alone."""

    concealed = 0

    def __init__(self, *arguments: Any, **named: Any) -> None:  # Any: as soundfile takes them
        with caught_messages():
            super().__init__(*arguments, **named)

    def read(self, *arguments: Any, **named: Any) -> Any:  # Any: as soundfile takes and gives them
        with caught_messages() as messages:
            samples = super().read(*arguments, **named)
        self.concealed += sum("error" in message for message in messages)
        return samples


class AudioReader:
    """An open audio file. Made by `open_audio`."""

    def __init__(self, descriptor: int, path: str | os.PathLike[str], *, repair_nonfinite: bool, allow_hot: bool, salvage: bool) -> None:
        self._descriptor, self._name, self._repair, self._salvage = descriptor, printable(path), repair_nonfinite, salvage
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
        suffix_container = _SUFFIXES.get(Path(path).suffix.lower())
        if suffix_container is not None and not _same_family(suffix_container, self.info.container):
            warnings.append(f"is {self.info.container} by content, whatever its suffix {Path(path).suffix} says")
        self.wav_chunks = read_chunks(descriptor, audio_at=announced.audio_at)
        """What a WAV holds besides its audio, for the writer of another WAV."""
        if self.wav_chunks is not None and self.wav_chunks.total_bytes > _MAX_CARRIED_BYTES:
            raise self._error(f"{self.wav_chunks.total_bytes} bytes of other chunks than audio, expected at most {_MAX_CARRIED_BYTES}")
        self.metadata = read_metadata(descriptor, self.info.container, audio_at=announced.audio_at)
        """What other files hold besides their audio, for the writer of another of the same container."""
        if self.metadata.total_bytes > _MAX_CARRIED_BYTES:
            raise self._error(f"{self.metadata.total_bytes} bytes of metadata, expected at most {_MAX_CARRIED_BYTES}")
        self.warnings = tuple(warnings)

    def lost_in(self, container: str) -> list[str]:
        """Return the names of what a file of a container will not hold of this one, chunks of a WAV aside."""
        return [] if self.wav_chunks is not None else lost_between(self.metadata, self.tags, container)

    def blocks(self, block_samples: int = BLOCK_SAMPLES) -> Iterator[Float64Array]:
        """Decode the file from its start as float64 (channels, n), n = block_samples but for the last block.

        Each call is a new pass over the same file; finish one before the next. Raises AudioError on damage, on fewer frames than announced,
        on a sample that is not finite (naming channel and time; unless repaired) and on a peak over +60 dBFS (unless allowed).
        """
        frames = self.repaired_samples = 0
        with self._decoder() as decoder:
            while frames < self.info.frames:
                try:
                    interleaved = decoder.read(min(block_samples, self.info.frames - frames), dtype="float64", always_2d=True)
                except soundfile.LibsndfileError as error:
                    why = f"damaged or truncated: header says {self.info.frames} frames, the decoder stopped after {frames}"
                    raise self._error(f"{why} ({_reason(error)}); --salvage keeps what comes before") from error
                if not len(interleaved):
                    break
                block: Float64Array = np.ascontiguousarray(interleaved.T)
                if not np.isfinite(peak := np.abs(block).max()):
                    block = self._repaired(block, frames)
                    peak = np.abs(block).max()
                if peak > self._limit:
                    why = f"peak of {20 * np.log10(peak):+.0f} dBFS is over {MAX_PEAK_DBFS:+g}: not audio, or damaged"
                    raise self._error(f"{why}; --allow-hot takes it as it is")
                frames += block.shape[1]
                yield block
            if frames == self.info.frames and not self._salvage and _has_more(decoder):
                raise self._error(f"header says {frames} frames, file holds more; --salvage reads them all")
            self.concealed_errors = getattr(decoder, "concealed", 0)
        if frames < self.info.frames < _UNKNOWN_FRAMES:
            raise self._error(f"truncated: header says {self.info.frames} frames, file holds {frames}; --salvage keeps them")

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
        stream = _MpegStream if self._is_mpeg else _Stream
        return stream(self._descriptor if self._view == WHOLE else FileView(self._descriptor, self._view), closefd=False)

    def _check_announcement(self, announced: Announcement) -> list[str]:
        """Return what was salvaged, in words; raise what cannot be or is not to be."""
        if announced.unreadable:
            raise self._error(f"cannot be read: {announced.unreadable}")
        if announced.fault and not self._salvage:
            raise self._error(f"{announced.fault}; --salvage keeps what is there")
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
                info = AudioInfo(decoder.samplerate, decoder.channels, frames, decoder.format, decoder.subtype)
        except soundfile.LibsndfileError as error:
            if error.code == _FORMAT_NOT_RECOGNISED:
                guess = looks_like(head)
                what = f"it looks like {guess}" if guess else "libsndfile knows no such format"
                raise self._error(f"not an audio file: {what}") from error
            raise self._error(f"cannot be read: {_reason(error)}") from error
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

    def _repaired(self, block: Float64Array, first_frame: int) -> Float64Array:
        bad = ~np.isfinite(block)
        if not self._repair:
            frame = int(bad.any(axis=0).argmax())
            channel = int(bad[:, frame].argmax())
            where = f"channel {channel + 1} at {(first_frame + frame) / self.info.sample_rate_hz:.6f} s (frame {first_frame + frame})"
            raise self._error(f"sample of {where} is {block[channel, frame]}, not a finite number; --repair-nonfinite replaces it with 0")
        self.repaired_samples += int(bad.sum())
        return np.where(bad, 0.0, block)


@contextlib.contextmanager
def open_audio(
    path: str | os.PathLike[str], *, repair_nonfinite: bool = False, allow_hot: bool = False, salvage: bool = False
) -> Iterator[AudioReader]:
    """Give a reader of an audio file, decoded by content whatever its suffix. allow_hot: peaks may be over +60 dBFS.

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


@dataclass(frozen=True, slots=True)
class OutputFormat:
    """Container and subtype to write, and one line for each difference from the source."""

    container: str
    subtype: str
    warnings: tuple[str, ...] = ()

    @property
    def clips(self) -> bool:
        """Whether samples over full scale are lost (or will be, in most players, for lossy codecs)."""
        return self.subtype not in _FLOATING

    @property
    def sample_bytes(self) -> int:
        """How many bytes a sample takes; 0 where that depends on the sound."""
        return 0 if self.container in ("FLAC", "OGG", "MP3") else _SAMPLE_BYTES.get(self.subtype, 0)


def output_format(path: str | os.PathLike[str], like: AudioInfo | None = None, subtype: str | None = None) -> OutputFormat:
    """Return the format for an output name: the container from its suffix, the source's subtype where that container can hold it.

    Otherwise the closest subtype that loses nothing, or the container's best, with a warning. `subtype` overrides the choice. Without a
    source: 24-bit, or what the container has. WAV becomes RF64 where the samples need 4 GiB or more.
    Raises OutputError for a suffix or a subtype that cannot be written.
    """
    name, suffix = printable(path), Path(path).suffix.lower()
    container = _SUFFIXES.get(suffix)
    if container is None:
        raise OutputError(f"{name}: unknown audio suffix {suffix!r}; use one of {' '.join(sorted(_SUFFIXES))}")
    if like is not None and container in WAV_FAMILY and like.container in WAV_FAMILY:
        container = like.container if container == "WAV" else container
    writable = _writable_subtypes(container)
    warnings: list[str] = []
    if subtype is not None:
        chosen = subtype.upper()
        if chosen not in writable:
            raise OutputError(f"{name}: {container} cannot hold subtype {subtype}; it can hold {' '.join(writable)}")
    else:
        chosen = _closest_subtype(like.subtype if like is not None else "PCM_24", writable, suffix)
        if like is not None and chosen != like.subtype:
            warnings.append(f"{container} is not written as {like.subtype}, used {chosen}")
    if container in ("WAV", "WAVEX") and like is not None and like.frames * like.channels * _bytes_per_sample(chosen) > _RIFF_LIMIT_BYTES:
        container = "RF64"
        warnings.append("over 4 GiB, which WAV cannot hold: written as RF64")
    return OutputFormat(container, chosen, tuple(warnings))


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
        self._bits = _INTEGER_BITS.get(form.subtype)
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
            raise OutputError(f"{printable(self._name)}: {what}: {_reason(error)}") from error

    def _tag(self, tags: Mapping[str, str]) -> None:
        """Set what libsndfile can write into this container; it refuses some tags of some, and adds its own name to `software`."""
        for name, text in tags.items():
            if name != "software":
                with contextlib.suppress(soundfile.LibsndfileError):
                    setattr(self._file, name, text)

    def _open(self, sample_rate_hz: int, channels: int, wav_chunks: WavChunks | None) -> soundfile.SoundFile | None:
        form = self._form
        if form.container not in WAV_FAMILY or form.subtype not in PLAIN_SUBTYPES:
            return _Stream(self._descriptor, "w", sample_rate_hz, channels, form.subtype, format=form.container, closefd=False)
        self._appended = None
        self._wav = WavFile(self._descriptor, form.container, form.subtype, sample_rate_hz, channels, wav_chunks)
        return None

    def write(self, samples: FloatArray) -> None:
        """Append a block (channels, n), float32 or float64; over full scale, integer formats clip.

        Raises AudioError on another shape or type, and on a sample that is not finite.
        """
        check_samples(samples, self._channels)
        if not np.isfinite(samples).all():
            raise AudioError(f"processing gave a sample that is not finite, after frame {self.frames}", printable(self._name))
        try:
            interleaved = np.ascontiguousarray(samples.T)
            steps = interleaved if self._bits is None else self._steps(interleaved, self._bits)
            if self._wav is not None:
                self._wav.write(steps)
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

    def _steps(self, interleaved: FloatArray, bits: int) -> FloatArray:
        """Return samples in whole steps of an integer format: libsndfile would round them down in WAV and AIFF, half a step of DC."""
        steps: Float64Array = np.multiply(interleaved, 2.0 ** (bits - 1), dtype=np.float64)
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
                with _Stream(self._descriptor, closefd=False) as written:
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


def resample(audio: Audio, sample_rate_hz: float) -> Audio:
    """Return the audio at another rate (soxr, very high quality, linear phase, no shift); the same object where the rate is the same."""
    rate = check_sample_rate_hz(sample_rate_hz)
    if rate == audio.sample_rate_hz:
        return audio
    import soxr  # type: ignore[import-untyped]

    samples = soxr.resample(np.ascontiguousarray(audio.samples.T), audio.sample_rate_hz, rate, quality="VHQ")
    return Audio(np.ascontiguousarray(samples.T), rate)


def to_mono(samples: FloatArray) -> FloatArray:
    """Return (n,), the mean of the channels of (channels, n), in the type that came in."""
    check_samples(samples)
    mono: NDArray[np.floating[Any]] = samples.mean(axis=0)  # Any: float32 or float64
    return mono


def _same_family(a: str, b: str) -> bool:
    return a == b or (a in WAV_FAMILY and b in WAV_FAMILY)


def _writable_subtypes(container: str) -> tuple[str, ...]:
    """Subtypes that libsndfile writes. It lists MP3 in WAV without writing it, and 1.2.2 corrupts memory while writing 24-bit ALAC."""
    listed: Sequence[str] = list(soundfile.available_subtypes(container))
    return tuple(s for s in listed if not s.startswith("ALAC") and (container == "MP3" or not s.startswith("MPEG")))


def _closest_subtype(wanted: str, writable: tuple[str, ...], suffix: str) -> str:
    if suffix == ".opus" and "OPUS" in writable:
        return "OPUS"
    fallbacks = ("PCM_24",) if wanted in _LOSSY else _HELD_BY.get(wanted, ("PCM_16",))
    best = ("PCM_24", "VORBIS", "MPEG_LAYER_III")  # where nothing holds it without loss
    return next(s for s in (wanted, *fallbacks, *best, *writable) if s in writable)


def _bytes_per_sample(subtype: str) -> int:
    return _SAMPLE_BYTES.get(subtype, 1)


def _has_more(decoder: soundfile.SoundFile) -> bool:
    """Whether more audio follows; what is no audio, such as a tag, is none."""
    try:
        return len(decoder.read(1, dtype="float64", always_2d=True)) > 0
    except soundfile.LibsndfileError:
        return False


def _reason(error: soundfile.LibsndfileError) -> str:
    text = " ".join(str(error.error_string).split()).removeprefix("Error : ").rstrip(".")
    if "SF_INFO struct incomplete" in text:
        return "its header states no sample rate, no channels or no format"
    return (text[:1].lower() + text[1:]) or "libsndfile gives no reason"
