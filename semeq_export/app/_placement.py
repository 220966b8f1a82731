"""Where stems stand in a session: at the time that each of them states, or all at the start of the song."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from semeq_export.audio.reader import AudioReader

_MAX_START_S = 48 * 3_600.0
"""Times count from midnight; what is later than a night of recording is none."""


def stated_start_s(reader: AudioReader) -> float | None:
    """Return where a file says that it starts, in seconds (`bext` of a WAV); None where it says nothing, or nothing that can be."""
    samples = None if reader.wav_chunks is None else reader.wav_chunks.time_reference
    start_s = None if samples is None else samples / reader.info.sample_rate_hz
    return start_s if start_s is not None and start_s < _MAX_START_S else None


def place(stated: Mapping[Path, float | None]) -> tuple[Mapping[Path, float], Sequence[str]]:
    """Return where each file starts, in seconds, and what is to be known of it: as stated if all state it, else all at 0."""
    starts = {path: start_s for path, start_s in stated.items() if start_s is not None}
    if len(starts) == len(stated) and any(starts.values()):
        first_s = min(starts.values())
        return starts, [f"clips are placed by the times in their bext chunks, the first at {_clock(first_s)}"]
    if any(starts.values()):
        why = f"{len(stated) - len(starts)} of {len(stated)} files state no time (bext): all clips start at 0"
        return dict.fromkeys(stated, 0.0), [why]
    return dict.fromkeys(stated, 0.0), []


def _clock(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60.0)
    return f"{int(minutes) // 60}:{int(minutes) % 60:02}:{rest:06.3f}"
