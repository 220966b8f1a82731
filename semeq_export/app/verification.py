"""Presets against the response that they should have: read by `semeq_presets`, rendered by `semeq_host`, which do not know each other."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from semeq_export.app._engine import Words, as_written, find_phrases, load_engine
from semeq_export.arrays import Float64Array
from semeq_export.eq.biquad import USABLE_NYQUIST
from semeq_export.eq.channels import ChannelEqs, position
from semeq_export.eq.curve import log_grid, rms_db
from semeq_export.eq.settings import EqSettings
from semeq_export.errors import MissingHostError, PresetReadError, printable
from semeq_export.files.disk import check_output
from semeq_export.units import check_sample_rate_hz
from semeq_export.words.phrase import Phrase
from semeq_export.words.target import SemanticTarget
from semeq_host.lab import hosts
from semeq_presets import Preset, get, read_file

__all__ = ["OWN_READING", "CheckedPreset", "VerifyOptions", "VerifyResult", "Words", "verify_presets"]

OWN_READING = "own reading"
BY_MATHS = "maths"
_POINTS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyOptions:
    """Which presets to measure, and against what.

    intended: words, which have no level, so that the level is free; or the file of another preset. Default: each file's own reading.
    guess: take doubtful guesses for words that nobody taught.
    label: what the picture calls it; as it is written where left out. from_format: id; by the content where left out. host: a name of
    `semeq_host.lab.hosts`, or "maths"; the usual host of each format where it is installed, else maths, where left out. plugin_file: the
    VST3 plug-in that .vstpreset files are of. sample_rate_hz: that of each preset where left out. tolerance_db: the largest error that
    passes. picture: of intended and measured; .svg, .png or .pdf.
    """

    paths: Sequence[str | os.PathLike[str]]
    intended: SemanticTarget | Words | str | os.PathLike[str] | None = None
    label: str = ""
    from_format: str | None = None
    host: str | None = None
    plugin_file: str | os.PathLike[str] | None = None
    sample_rate_hz: float | None = None
    tolerance_db: float = 0.2
    picture: str | os.PathLike[str] | None = None
    overwrite: bool = False
    bundle: str | os.PathLike[str] | None = None
    guess: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class CheckedPreset:
    """One preset, measured.

    host: name and version of what rendered it, "" where the format's maths stand in for a host, and then `why_no_host`. refusal: what the
    host said where it did not take the file; then there is no response. level_db: what was taken off where the level is free.
    freqs_hz, intended_db, measured_db: (n,). channel: where each has an EQ of its own.
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
    channel: str = ""

    @property
    def label(self) -> str:
        """The file's name, with the channel where each has its own EQ."""
        return f"{self.path.name}, {self.channel}" if self.channel else self.path.name

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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VerifyResult:
    """What was measured, preset by preset. is_within: whether all pass. doubts: what speaks against the words compared with.

    understood: what phrases were understood as, by their text. notes: which number "typical" stands for.
    """

    presets: tuple[CheckedPreset, ...]
    is_within: bool
    doubts: tuple[str, ...] = ()
    understood: Mapping[str, Phrase] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def verify_presets(options: VerifyOptions, on_start: Callable[[str], None] = lambda _text: None) -> VerifyResult:
    """Measure presets in the hosts that they are for, against the response that they should have, 20 Hz..20 kHz or what the rate can carry.

    Where no host can be run, the format's maths stand in, and the result says why. on_start: told before each host starts.
    Raises PresetError, UnknownTermError, InvalidTargetError, BundleError, OutputError, MissingHostError where a named host is not
    installed, and EnvironmentFailure where one crashes.
    """
    if options.sample_rate_hz is not None:
        check_sample_rate_hz(options.sample_rate_hz)
    if options.picture is not None:
        from semeq_export.plot.figures import picture_format

        picture_format(os.fspath(options.picture))
        check_output(options.picture, overwrite=options.overwrite, inputs=tuple(options.paths))
    jobs = [job for path in options.paths for job in _jobs(path, options)]
    intended, doubts, understood, notes = _intended(options)
    outcomes = _outcomes(jobs, options, on_start)
    is_level_free = isinstance(options.intended, SemanticTarget | Words)
    presets = tuple(_checked(job, outcomes[index], intended, is_level_free) for index, job in enumerate(jobs))
    if options.picture is not None:
        _draw(options.picture, presets, options.label or _label(options.intended), overwrite=options.overwrite)
    is_within = all(preset.is_within(options.tolerance_db) for preset in presets)
    return VerifyResult(presets=presets, is_within=is_within, doubts=doubts, understood=understood, notes=notes)


@dataclass(frozen=True, slots=True, eq=False)
class _Job:
    path: Path
    preset: Preset
    host: str | None
    sample_rate_hz: float
    channel: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class _Outcome:
    """What rendering a preset gave; the fields are those of `CheckedPreset`, the response without a level taken off."""

    response_db: Float64Array | None
    host: str = ""
    why_no_host: str = ""
    refusal: str = ""


def _jobs(path: str | os.PathLike[str], options: VerifyOptions) -> list[_Job]:
    """Return what is to be measured of a file: its EQ, or that of each channel; raises PresetReadError for mid and side."""
    preset = read_file(path, format=options.from_format)
    host = options.host if options.host is not None else _usual_host(preset)
    rate_hz = options.sample_rate_hz or preset.sample_rate_hz
    if isinstance(preset.eq, EqSettings):
        return [_Job(Path(path), preset, host, rate_hz)]
    if preset.eq.is_mid_side:
        raise PresetReadError("holds an EQ for mid and side, which is not measured", printable(path))
    return [_Job(Path(path), preset.of_channel(name), host, rate_hz, name) for name in preset.eq.names]


def _usual_host(preset: Preset) -> str | None:
    host = get(preset.format).info.default_host
    return host.name if host is not None else None


def _intended(options: VerifyOptions) -> tuple[Preset | None, tuple[str, ...], dict[str, Phrase], tuple[str, ...]]:
    """Return what all presets should sound like, None for their own readings, what speaks against its words, what phrases mean, notes."""
    if options.intended is None:
        return None, (), {}, ()
    if not isinstance(options.intended, SemanticTarget | Words):
        return read_file(options.intended), (), {}, ()
    engine = load_engine(options.bundle, guess=options.guess)
    if isinstance(options.intended, SemanticTarget):
        return Preset(as_written(engine, engine.eq_for(options.intended))), tuple(engine.doubts(options.intended)), {}, ()
    words, target = options.intended, options.intended.target(engine)
    understood = find_phrases(engine, [words.text])
    return Preset(as_written(engine, engine.eq_for(target))), tuple(engine.doubts(target)), understood, words.notes(engine)


def _label(intended: SemanticTarget | Words | str | os.PathLike[str] | None) -> str:
    if isinstance(intended, Words):
        return intended.text
    return OWN_READING if intended is None else str(intended) if isinstance(intended, SemanticTarget) else os.fspath(intended)


def _outcomes(jobs: Sequence[_Job], options: VerifyOptions, on_start: Callable[[str], None]) -> dict[int, _Outcome]:
    """Return what rendering gave, by the places of the jobs; each host is started once for a format and rate."""
    plugin_file = None if options.plugin_file is None else Path(options.plugin_file)
    outcomes: dict[int, _Outcome] = {}
    for group in _groups(jobs):
        chosen = [jobs[index] for index in group]
        first = chosen[0]
        if first.host in (None, BY_MATHS):
            found = [_by_maths(job) for job in chosen]
        else:
            on_start(f"{first.host}: {len(group)} preset{'s' if len(group) > 1 else ''} of {first.preset.format}")
            found = _rendered(chosen, plugin_file, is_named=options.host is not None)
        outcomes.update(zip(group, found, strict=True))
    return outcomes


def _groups(jobs: Sequence[_Job]) -> Iterable[list[int]]:
    """Return the places of jobs that one start of a host can do together."""
    groups: dict[tuple[str | None, str, float], list[int]] = {}
    for index, job in enumerate(jobs):
        groups.setdefault((job.host, job.preset.format, job.sample_rate_hz), []).append(index)
    return groups.values()


def _by_maths(job: _Job) -> _Outcome:
    response_db = _response_db(job.preset, job.sample_rate_hz)
    if job.host is not None:
        return _Outcome(response_db, why_no_host="asked for")
    slow = [host.name for host in get(job.preset.format).info.measured_in]
    if slow:
        return _Outcome(response_db, why_no_host=f"{job.preset.format} is measured in {' or '.join(slow)} only where asked for: `host`")
    return _Outcome(response_db, why_no_host=f"no host that can be run here loads {job.preset.format}")


def _rendered(jobs: Sequence[_Job], plugin_file: Path | None, *, is_named: bool) -> list[_Outcome]:
    """Return the outcomes of jobs of one host, format and rate. is_named: no other way will do."""
    first = jobs[0]
    assert first.host is not None
    try:
        kind = get(first.preset.format).info.measuring_host(first.host).loads
        measurements = hosts.measure(first.host, kind, [job.path for job in jobs], first.sample_rate_hz, plugin_file=plugin_file)
    except MissingHostError as error:
        if is_named:
            raise
        return [_Outcome(_response_db(job.preset, job.sample_rate_hz), why_no_host=str(error)) for job in jobs]
    except PresetReadError as error:
        if len(jobs) == 1:
            return [_Outcome(None, first.host, refusal=str(error))]
        return [outcome for job in jobs for outcome in _rendered([job], plugin_file, is_named=is_named)]  # which one is it?
    freqs_hz = _freqs_hz(first.sample_rate_hz)
    rows = [position(job.channel) if job.channel else 0 for job in jobs]
    return [_Outcome(one.response_db(freqs_hz)[row], one.host) for one, row in zip(measurements, rows, strict=True)]


def _checked(job: _Job, outcome: _Outcome, intended: Preset | None, is_level_free: bool) -> CheckedPreset:
    wanted = job.preset if intended is None else intended
    if job.channel and isinstance(wanted.eq, ChannelEqs):
        wanted = wanted.of_channel(job.channel)
    intended_db = _response_db(wanted, job.sample_rate_hz)
    measured_db = outcome.response_db
    level_db = float(np.mean(measured_db - intended_db)) if is_level_free and measured_db is not None else 0.0
    return CheckedPreset(
        job.path,
        job.preset,
        job.sample_rate_hz,
        _freqs_hz(job.sample_rate_hz),
        intended_db,
        measured_db - level_db if measured_db is not None else None,
        outcome.host,
        outcome.why_no_host,
        outcome.refusal,
        level_db,
        job.channel,
    )


def _freqs_hz(sample_rate_hz: float) -> Float64Array:
    return log_grid(_POINTS, 20.0, min(20_000.0, USABLE_NYQUIST * sample_rate_hz / 2))


def _response_db(preset: Preset, sample_rate_hz: float) -> Float64Array:
    return replace(preset, sample_rate_hz=sample_rate_hz).response_db(_freqs_hz(sample_rate_hz))


def _draw(picture: str | os.PathLike[str], presets: Sequence[CheckedPreset], intended: str, *, overwrite: bool) -> None:
    from semeq_export.plot import figures

    cells = []
    for one in presets:
        traces = [figures.Trace(f"intended: {intended}", one.freqs_hz, one.intended_db)]
        if one.measured_db is not None:
            how = f"in {one.host}" if one.host else "by the format's maths"
            traces.append(figures.Trace(how, one.freqs_hz, one.measured_db))
        cells.append(figures.Cell(printable(one.label), tuple(traces)))
    figures.save(figures.contact_sheet(cells), os.fspath(picture), overwrite=overwrite)
