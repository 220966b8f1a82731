"""What is said of one stem once it is done or given up: an entry of the report, and of the journal beside the outputs.

Keys and values are those of the files on disk, so that journals of earlier runs can be read. A key whose field is UNSET is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from semeq_export.errors import printable

if TYPE_CHECKING:
    from semeq_export.errors import SemeqError
    from semeq_host.stems.job import StemJob


class HeardWhole(Struct, frozen=True, kw_only=True, tag_field="analysis", tag="whole", omit_defaults=True, forbid_unknown_fields=True):
    """What was heard in a whole file, what was asked for, and what was measured in the result. Doses as in `semeq_export.listening.dose`.

    dose_achieved, dose_error (achieved less asked): of words. difference_before_db, difference_after_db: to a reference that was followed.
    UNSET after a chain, and for a delta.
    """

    mode: str
    reference: str
    dose_before: float | None
    dose_asked: float | None
    intensity: float
    is_clipped: bool
    fit_error_db: float | None
    notes: tuple[str, ...]
    dose_achieved: float | UnsetType | None = UNSET
    dose_error: float | UnsetType | None = UNSET
    difference_before_db: float | UnsetType | None = UNSET
    difference_after_db: float | UnsetType | None = UNSET


class HeardRolling(Struct, frozen=True, kw_only=True, tag_field="analysis", tag="rolling", forbid_unknown_fields=True):
    """What a stream would have heard of a file as it played: medians and extremes over time, None where nothing was known."""

    mode: str
    reference: str
    intensity: float
    context_s: float
    dose_before: float | None
    dose_before_min: float | None
    dose_before_max: float | None
    dose_asked: float | None
    dose_asked_min: float | None
    dose_asked_max: float | None
    dose_achieved: float | None


class _StemEntry(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What every entry says. path: the source."""

    path: str

    def to_dict(self) -> dict[str, object]:
        """Return plain data for JSON. A name that is not UTF-8 keeps its bytes as lone surrogates."""
        data: dict[str, object] = msgspec.to_builtins(self, enc_hook=float)  # numpy's numbers
        return data


class FailedEntry(_StemEntry, frozen=True, kw_only=True):
    """A stem that could not be processed. code, exit_code: those of the error."""

    output: None
    error: str
    code: str
    exit_code: int


class DoneEntry(_StemEntry, frozen=True, kw_only=True):
    """A stem whose output is there. resumed: it was there before this run. source_sha256: UNSET where the source is known no more."""

    output: str
    output_sha256: str
    warnings: tuple[str, ...]
    source_sha256: str | UnsetType = UNSET
    resumed: bool = False


class ProcessedEntry(DoneEntry, frozen=True, kw_only=True):
    """A stem with all that is known of it; see `ProcessReport`.

    eq: plain data of `semeq_export.eq.channels.to_plain`, None where it changed over time. intensity: None for a chain alone.
    match_missed_db: how much quieter than asked for. group: whose gain trim_db and match_db are; own_trim_db: what this stem alone needed.
    """

    adaptation: HeardWhole | HeardRolling | None
    summary: str | None
    seconds: float
    sample_rate_hz: int
    channels: int
    frames: int
    tail_samples: int
    format: str
    subtype: str
    eq: dict[str, Any] | None
    target: str | None
    preset: str | None
    chain: str | None
    intensity: float | None
    peak_dbfs: float | None
    true_peak_dbtp: float | None
    trim_db: float
    match_db: float
    delta_trim_db: float
    match_missed_db: float
    repaired_samples: int
    is_copy: bool
    taken_s: float
    times_real_time: float | None
    group: str | UnsetType = UNSET
    own_trim_db: float | UnsetType = UNSET


Entry = DoneEntry | FailedEntry


def read_entry(data: Mapping[str, object]) -> Entry:
    """Return the entry that `to_dict` wrote; raises ValueError where it is none."""
    return msgspec.convert(data, FailedEntry) if "error" in data else read_done(data)


def read_done(data: Mapping[str, object]) -> DoneEntry:
    """Return the entry of an output; of one that another version wrote with other keys, what any version knows."""
    try:
        return msgspec.convert(data, ProcessedEntry)
    except msgspec.ValidationError:
        return msgspec.convert(data, DoneEntry)


def failed(job: StemJob, error: SemeqError) -> FailedEntry:
    """Return the entry of a file that could not be processed."""
    return FailedEntry(path=str(job.source), output=None, error=str(error), code=error.code, exit_code=error.exit_code)


def crashed(job: StemJob, why: str) -> FailedEntry:
    """Return the entry of a file that took its worker along."""
    return FailedEntry(path=str(job.source), output=None, error=f"{printable(job.source)}: {why}", code="crashed", exit_code=2)


def hung(job: StemJob, timeout_s: float) -> FailedEntry:
    """Return the entry of a file that was given up because a plug-in of its chain did nothing any more."""
    why = f"{printable(job.intent.chain or '')}: a plug-in did nothing for {timeout_s:g} s (`plugin_timeout`): given up"
    return FailedEntry(path=str(job.source), output=None, error=f"{printable(job.source)}: {why}", code="plugin-timeout", exit_code=2)


def not_done(job: StemJob) -> FailedEntry:
    """Return the entry of a file that a run did not come to."""
    why = "not done: the run was interrupted"
    return FailedEntry(path=str(job.source), output=None, error=f"{printable(job.source)}: {why}", code="interrupted", exit_code=1)
