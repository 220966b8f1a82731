"""Presets against the response that they should have: read by `semeq_presets`, rendered by `semeq_host`, which do not know each other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from semeq_export.eq.biquad import USABLE_NYQUIST
from semeq_export.eq.curve import Float64Array, log_grid, rms_db
from semeq_export.errors import MissingHostError, PresetReadError
from semeq_host.lab import hosts
from semeq_presets import Preset

BY_MATHS = "maths"
_POINTS = 1_000


@dataclass(frozen=True, slots=True, eq=False)
class Checked:
    """One preset, measured.

    host: name and version of what rendered it, "" where the format's maths stand in for a host, and then `why_no_host`. refusal: what the
    host said where it did not take the file; then there is no response. level_db: what was taken off where the level is free.
    freqs_hz, intended_db, measured_db: (n,).
    """

    path: Path
    preset: Preset
    sample_rate_hz: float
    freqs_hz: Float64Array
    intended_db: Float64Array
    measured_db: Float64Array | None
    host: str = ""
    why_no_host: str = ""
    refusal: str = ""
    level_db: float = 0.0

    @property
    def error_db(self) -> Float64Array:
        """The difference (n,) between measured and intended."""
        assert self.measured_db is not None
        return self.measured_db - self.intended_db

    def is_within(self, tolerance_db: float) -> bool:
        """Whether the host took the file and the response is nowhere further off than the tolerance."""
        return self.measured_db is not None and float(np.max(np.abs(self.error_db))) <= tolerance_db

    def figures(self) -> dict[str, float]:
        """Return the largest error with its frequency, and the root mean square over log frequency; nothing for a refused preset."""
        if self.measured_db is None:
            return {}
        worst = int(np.argmax(np.abs(self.error_db)))
        return {
            "max_error_db": abs(float(self.error_db[worst])),
            "max_error_at_hz": float(self.freqs_hz[worst]),
            "rms_error_db": rms_db(self.error_db),
        }


@dataclass(frozen=True, slots=True, eq=False)
class _Job:
    path: Path
    preset: Preset
    host: str | None
    sample_rate_hz: float


def check(
    presets: Sequence[tuple[Path, Preset]],
    intended: Preset | None = None,
    *,
    host: str | None = None,
    sample_rate_hz: float | None = None,
    plugin_file: Path | None = None,
    level_free: bool = False,
    on_start: Callable[[str], None] = lambda _text: None,
) -> list[Checked]:
    """Return each preset measured, 20 Hz..20 kHz or what the rate can carry.

    intended: what all of them should sound like; default: its own reading. host: a name of `semeq_host.lab.hosts`, or "maths"; the
    usual host of the format where it is installed, else maths, when left out. sample_rate_hz: that of each preset when left out.
    level_free: the difference in level does not count. on_start: told before each host starts.
    Raises MissingHostError where a named host is not installed, EnvironmentFailure where one crashes.
    """
    jobs = [
        _Job(path, preset, host if host is not None else hosts.default_host(preset.format), sample_rate_hz or preset.sample_rate_hz)
        for path, preset in presets
    ]
    outcomes: dict[int, tuple[Float64Array | None, str, str, str]] = {}
    for group in _groups(jobs):
        first = jobs[group[0]]
        freqs_hz = _freqs_hz(first.sample_rate_hz)
        if first.host in (None, BY_MATHS):
            why = _why_maths(first)
            for index in group:
                outcomes[index] = (_response_db(jobs[index].preset, freqs_hz, first.sample_rate_hz), "", why, "")
            continue
        on_start(f"{first.host}: {len(group)} preset{'s' if len(group) > 1 else ''} of {first.preset.format}")
        for index, outcome in zip(
            group, _rendered([jobs[index] for index in group], freqs_hz, plugin_file, named=host is not None), strict=True
        ):
            outcomes[index] = outcome
    return [_checked(job, *outcomes[index], intended, level_free) for index, job in enumerate(jobs)]


def _why_maths(job: _Job) -> str:
    if job.host is not None:
        return "asked for"
    slow = hosts.hosts_for(job.preset.format)
    if slow:
        return f"{job.preset.format} is measured in {' or '.join(slow)} only where asked for: --host"
    return f"no host that can be run here loads {job.preset.format}"


def _groups(jobs: Sequence[_Job]) -> Iterable[list[int]]:
    """Return the places of jobs that one start of a host can do together."""
    groups: dict[tuple[str | None, str, float], list[int]] = {}
    for index, job in enumerate(jobs):
        groups.setdefault((job.host, job.preset.format, job.sample_rate_hz), []).append(index)
    return groups.values()


def _rendered(
    jobs: Sequence[_Job], freqs_hz: Float64Array, plugin_file: Path | None, *, named: bool
) -> list[tuple[Float64Array | None, str, str, str]]:
    """Return (response, host, why there is no host, refusal) of jobs of one host, format and rate."""
    first = jobs[0]
    assert first.host is not None
    try:
        measurements = hosts.measure(
            first.host, first.preset.format, [job.path for job in jobs], first.sample_rate_hz, plugin_file=plugin_file
        )
    except MissingHostError as error:
        if named:
            raise
        return [(_response_db(job.preset, freqs_hz, job.sample_rate_hz), "", str(error), "") for job in jobs]
    except PresetReadError as error:
        if len(jobs) == 1:
            return [(None, first.host, "", str(error))]
        return [outcome for job in jobs for outcome in _rendered([job], freqs_hz, plugin_file, named=named)]  # which one is it?
    return [(measurement.response_db(freqs_hz)[0], measurement.host, "", "") for measurement in measurements]


def _checked(
    job: _Job, measured_db: Float64Array | None, host: str, why_no_host: str, refusal: str, intended: Preset | None, level_free: bool
) -> Checked:
    freqs_hz = _freqs_hz(job.sample_rate_hz)
    intended_db = _response_db(intended if intended is not None else job.preset, freqs_hz, job.sample_rate_hz)
    level_db = float(np.mean(measured_db - intended_db)) if level_free and measured_db is not None else 0.0
    held = measured_db - level_db if measured_db is not None else None
    return Checked(job.path, job.preset, job.sample_rate_hz, freqs_hz, intended_db, held, host, why_no_host, refusal, level_db)


def _freqs_hz(sample_rate_hz: float) -> Float64Array:
    return log_grid(_POINTS, 20.0, min(20_000.0, USABLE_NYQUIST * sample_rate_hz / 2))


def _response_db(preset: Preset, freqs_hz: Float64Array, sample_rate_hz: float) -> Float64Array:
    return replace(preset, sample_rate_hz=sample_rate_hz).response_db(freqs_hz)
