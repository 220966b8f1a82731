"""How files are processed, as plain data that travels to other processes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

from semeq_export.audio.samples import BLOCK_SAMPLES
from semeq_export.errors import AudioError, OutputError

MAX_BLOCK_SAMPLES = 65_536
MAX_TAIL_S = 600.0
MIN_LUFS = -70.0
TRIM_PEAK_DBTP = -0.1
"""What is over full scale goes down to here."""

PeakGuard = Literal["trim", "refuse", "off"]
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class ProcessOptions:
    """How a file is processed.

    block_samples: 1..65536 per block. The result does not depend on it.
    subtype: libsndfile's name of the output's subtype; the source's where left out.
    peak_guard: what happens where the true peak of an output that cannot hold samples over full scale is over it: "trim" lowers the whole
    file to a true peak of -0.1 dBTP, "refuse" writes nothing, "off" clips. Float output keeps them whatever is chosen.
    repair_nonfinite: replace samples that are NaN or infinite by 0 instead of refusing the file. salvage: see `open_audio`.
    allow_hot: take peaks over +60 dBFS as they are instead of refusing the file. Stages take such samples for broken, so not with one.
    dither: add triangular noise of +-1 step before rounding to an integer format.
    match_loudness: bring the result back to the integrated loudness of the source, for honest comparison.
    lufs: bring the result to this integrated loudness, -70..0 LUFS, in any format as loud as its true peak allows (unless that is "off").
    gain_db: write the result at this gain, whatever its peak: what was found for a whole group of stems.
    delta: write what was changed, the result less the source, instead of the result.
    tail_s: seconds of what still sounds after the source's end, 0..600; the output is longer by as much.
    in_place: the destination may be the source, which is replaced when the result is complete.
    """

    block_samples: int = BLOCK_SAMPLES
    subtype: str | None = None
    peak_guard: PeakGuard = "trim"
    repair_nonfinite: bool = False
    allow_hot: bool = False
    salvage: bool = False
    dither: bool = False
    match_loudness: bool = False
    lufs: float | None = None
    gain_db: float | None = None
    delta: bool = False
    tail_s: float = 0.0
    in_place: bool = False
    overwrite: bool = False

    def __post_init__(self) -> None:
        if not 0.0 <= self.tail_s <= MAX_TAIL_S:
            raise AudioError(f"tail_s {self.tail_s:g} is outside 0..{MAX_TAIL_S:g}")
        if self.lufs is not None and not MIN_LUFS <= self.lufs <= 0.0:
            raise AudioError(f"lufs {self.lufs:g} is outside {MIN_LUFS:g}..0")
        if self.lufs is not None and (self.match_loudness or self.delta):
            raise AudioError(f"give `lufs` or `{'match_loudness' if self.match_loudness else 'delta'}`, not both")
        if self.lufs is not None and self.peak_guard == "refuse":
            raise AudioError("`lufs` is as loud as the true peak allows: give `peak_guard` trim or off")
        if self.peak_guard not in get_args(PeakGuard):
            raise AudioError(f"peak_guard {self.peak_guard!r} is not {', '.join(get_args(PeakGuard))}")
        for name in ("delta", "salvage"):
            if self.in_place and getattr(self, name):
                raise OutputError(f"`{name}` in place would destroy what may be the only copy; give another folder")
        if not 1 <= self.block_samples <= MAX_BLOCK_SAMPLES:
            raise AudioError(f"block_samples {self.block_samples} is outside 1..{MAX_BLOCK_SAMPLES}")
