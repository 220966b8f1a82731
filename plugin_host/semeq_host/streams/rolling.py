"""Files as a stream would process them: the dose follows the file as it plays, from what was heard of it so far."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from semeq_export.arrays import Float64Array, FloatArray
from semeq_export.audio.samples import AudioInfo
from semeq_export.eq.settings import EqSettings
from semeq_export.listening.dose import band_response_db, doses_between
from semeq_export.listening.prior import compared
from semeq_export.listening.reference import Reference, measure_file, stored_reference
from semeq_export.words.target import SemanticTarget
from semeq_host.streams.analysis import CONTEXT_S
from semeq_host.streams.offline import MakeStage, ProcessReport, Stage, process_file
from semeq_host.streams.process_options import ProcessOptions, Progress
from semeq_host.streams.source import EqSource
from semeq_host.streams.stream import AdaptiveEq, AlignedStage, StreamMode


@dataclass(frozen=True, slots=True, eq=False)
class RollingReport:
    """What `process_rolling` did.

    times_s, doses, gains: (n,) for each analysis its time in the file, the doses that the input had (NaN until they were known) and those
    that the EQ added. dose_achieved: doses between the spectra of the whole file before and after; None after a chain, or without a signal.
    """

    report: ProcessReport
    mode: StreamMode
    reference: str
    intensity: float
    context_s: float
    times_s: Float64Array
    doses: Float64Array
    gains: Float64Array
    dose_achieved: float | None

    def to_dict(self) -> dict[str, object]:
        """Return plain data for JSON: medians and extremes over time, None where nothing was known."""
        known = self.doses[np.isfinite(self.doses)]
        return {
            "analysis": "rolling",
            "mode": self.mode,
            "reference": self.reference,
            "intensity": self.intensity,
            "context_s": self.context_s,
            **_spread("dose_before", known),
            **_spread("dose_asked", self.gains),
            "dose_achieved": self.dose_achieved,
        }

    def summary(self) -> str:
        """Return one line for people: what was there, what was added."""
        known = self.doses[np.isfinite(self.doses)]
        had = f"{compared(float(np.median(known)), self.reference)} in the median" if known.size else "no signal"
        added = (
            f"{np.median(self.gains):.2f} added ({self.gains.min():.2f} to {self.gains.max():.2f})"
            if self.gains.size
            else "the word as it is"
        )
        return f"{had}; {added}" + ("" if self.dose_achieved is None else f", {self.dose_achieved:.2f} measured")


def process_rolling(
    source: str | os.PathLike[str],
    destination: str | os.PathLike[str],
    engine: EqSource,
    target: SemanticTarget,
    *,
    reference: Reference | None = None,
    mode: StreamMode | None = None,
    context_s: float = CONTEXT_S,
    make_stage: MakeStage | None = None,
    options: ProcessOptions | None = None,
    progress: Progress | None = None,
) -> RollingReport:
    """Write a file as `AdaptiveEq` streams it, then through a stage such as a chain; see `process_file`.

    Raises as those do.
    """
    against = stored_reference() if reference is None else reference
    heard: list[tuple[float, float | None, float]] = []
    used: list[AdaptiveEq] = []

    def make(info: AudioInfo) -> Stage:
        heard.clear()  # a second pass, to lower the level, starts anew
        eq = AdaptiveEq(
            engine,
            target,
            sample_rate_hz=info.sample_rate_hz,
            channels=info.channels,
            reference=against,
            mode=mode,
            context_s=context_s,
            on_update=lambda *update: heard.append(update),
        )
        used[:] = [eq]
        return AlignedStage(eq) if make_stage is None else InSeries(AlignedStage(eq), make_stage(info))

    report = process_file(source, destination, EqSettings(), make_stage=make, options=options, progress=progress)
    (eq,) = used
    achieved = None
    if make_stage is None and not (options is not None and (options.delta or options.in_place)):
        term_db = band_response_db(engine.eq_for(SemanticTarget(target.weights)), eq.sample_rate_hz)
        used_options = options or ProcessOptions()
        before = measure_file(source, repair_nonfinite=used_options.repair_nonfinite, salvage=used_options.salvage)
        achieved = doses_between(before, measure_file(destination), term_db)
    return RollingReport(
        report=report,
        mode=eq.mode,
        reference=against.name,
        intensity=target.intensity,
        context_s=eq.context_s,
        times_s=np.array([time_s for time_s, _, _ in heard]),
        doses=np.array([np.nan if dose is None else dose for _, dose, _ in heard], dtype=np.float64),
        gains=np.array([gain for _, _, gain in heard]),
        dose_achieved=achieved,
    )


class InSeries:
    """Two stages, one after the other."""

    def __init__(self, first: Stage, second: Stage) -> None:
        self._first, self._second = first, second
        self.warnings = (*first.warnings, *second.warnings)

    def process(self, samples: FloatArray) -> FloatArray:
        """Return what is ready, (channels, m) with m from 0 on."""
        return self._second.process(self._first.process(samples))

    def finish(self) -> Iterator[FloatArray]:
        """Yield what is left."""
        for samples in self._first.finish():
            yield self._second.process(samples)
        yield from self._second.finish()


def _spread(name: str, values: Float64Array) -> dict[str, float | None]:
    if not values.size:
        return {name: None, f"{name}_min": None, f"{name}_max": None}
    return {name: float(np.median(values)), f"{name}_min": float(values.min()), f"{name}_max": float(values.max())}
