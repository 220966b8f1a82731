"""Containers and subtypes that are written, by libsndfile's names, and which of them holds a source without loss."""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import soundfile

from semeq_export.audio.samples import LOSSY_SUBTYPES, AudioInfo
from semeq_export.errors import OutputError, printable

_RIFF_LIMIT_BYTES = 2**32 - 2**26
CONTAINERS = {
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
AUDIO_SUFFIXES = frozenset(CONTAINERS)
"""Endings of the files that can be read and written, lower case, with the dot."""
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
_FLOATING = ("FLOAT", "DOUBLE")
INTEGER_BITS = {"PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32}
_SAMPLE_BYTES = {"FLOAT": 4, "DOUBLE": 8} | {name: bits // 8 for name, bits in INTEGER_BITS.items()}


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
    container = CONTAINERS.get(suffix)
    if container is None:
        hint = "" if suffix else "; the name of a folder ends in /"
        raise OutputError(f"{name}: unknown audio suffix {suffix!r}; use one of {' '.join(sorted(CONTAINERS))}{hint}")
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


@functools.cache
def _writable_subtypes(container: str) -> tuple[str, ...]:
    """Subtypes that libsndfile writes. It lists MP3 in WAV without writing it, and 1.2.2 corrupts memory while writing 24-bit ALAC."""
    listed: Sequence[str] = list(soundfile.available_subtypes(container))
    return tuple(s for s in listed if not s.startswith("ALAC") and (container == "MP3" or not s.startswith("MPEG")))


def _closest_subtype(wanted: str, writable: tuple[str, ...], suffix: str) -> str:
    if suffix == ".opus" and "OPUS" in writable:
        return "OPUS"
    fallbacks = ("PCM_24",) if wanted in LOSSY_SUBTYPES else _HELD_BY.get(wanted, ("PCM_16",))
    best = ("PCM_24", "VORBIS", "MPEG_LAYER_III")  # where nothing holds it without loss
    return next(s for s in (wanted, *fallbacks, *best, *writable) if s in writable)


def _bytes_per_sample(subtype: str) -> int:
    return _SAMPLE_BYTES.get(subtype, 1)
