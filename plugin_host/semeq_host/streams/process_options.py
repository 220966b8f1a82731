"""How files are processed, as plain data that travels to other processes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

from semeq_export.audio.samples import BLOCK_SAMPLES
from semeq_export.errors import AudioError, OutputError

MAX_BLOCK_SAMPLES = 65_536
MAX_TAIL_S = 600.0

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
    delta: bool = False
    tail_s: float = 0.0
    in_place: bool = False
    overwrite: bool = False

    def __post_init__(self) -> None:
        if not 0.0 <= self.tail_s <= MAX_TAIL_S:
            raise AudioError(f"tail_s {self.tail_s:g} is outside 0..{MAX_TAIL_S:g}")
        if self.peak_guard not in get_args(PeakGuard):
            raise AudioError(f"peak_guard {self.peak_guard!r} is not {', '.join(get_args(PeakGuard))}")
        for name in ("delta", "salvage"):
            if self.in_place and getattr(self, name):
                raise OutputError(f"`{name}` in place would destroy what may be the only copy; give another folder")
        if not 1 <= self.block_samples <= MAX_BLOCK_SAMPLES:
            raise AudioError(f"block_samples {self.block_samples} is outside 1..{MAX_BLOCK_SAMPLES}")
