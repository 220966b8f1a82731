"""One gain for a group of stems: the smallest trim that any of them needs, or what brings their sum to a loudness.

The gain is found once each stem is written as if it were alone. Only stems that were written at another gain are written once more, from
their sources. What was found is in the entries, so that a run that goes on later finds the same, and corrects what it must.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
from msgspec import UNSET

from semeq_export.audio.formats import output_format
from semeq_export.units import amplitude_to_db, db_to_amplitude
from semeq_host.stems.entry import ProcessedEntry
from semeq_host.stems.job import StemJob
from semeq_host.stems.pool import Finished
from semeq_host.streams.process_options import TRIM_PEAK_DBTP

_SAME_LUFS_DB, _SAME_DB = 0.01, 1e-9
"""A loudness that is measured again, on outputs at other gains, is the same but for their rounding: a gain so near is kept. Gains are the
same but for the rounding of decibels."""


class Linking:
    """Results of a batch on their way: those of a group wait for each other, and some are made once more at the group's gain."""

    def __init__(self, jobs: Sequence[StemJob]) -> None:
        self._jobs = jobs
        self._left: dict[str, set[int]] = {}
        for index, job in enumerate(jobs):
            if job.group:
                self._left.setdefault(job.group, set()).add(index)
        self._members = {group: sorted(indices) for group, indices in self._left.items()}
        self._events: dict[int, Finished] = {}
        self._before: dict[int, ProcessedEntry] = {}
        self._missed_db: dict[str, float] = {}
        self._match_db: dict[str, float] = {}
        self.corrections: dict[int, StemJob] = {}
        """Jobs that are to be done once more, by index, once all have been done."""

    def see(self, event: Finished) -> Iterator[Finished]:
        """Take the result of a job and yield those that are final now, perhaps of other jobs of its group."""
        group = self._jobs[event.index].group
        if not group:
            yield event
            return
        self._events[event.index] = event
        self._left[group].discard(event.index)
        if self._left[group]:
            return
        if group not in self._match_db:
            self._settle(group)
            if self._left[group]:
                return
        for index in self._members[group]:
            yield self._final(group, self._events.pop(index))

    def _settle(self, group: str) -> None:
        """Find the gain of a group whose stems are all written, and which of them have another."""
        entries = {index: entry for index in self._members[group] if isinstance(entry := self._events[index].entry, ProcessedEntry)}
        self._before |= entries
        self._match_db[group] = 0.0
        applied_db = {index: entry.trim_db + entry.match_db for index, entry in entries.items()}
        if not entries:
            return
        if any(self._jobs[index].wants_loudness for index in entries):
            gain_db = self._loudness_gain_db(group, entries, applied_db)
            gain_db = min((one for one in applied_db.values() if abs(one - gain_db) <= _SAME_LUFS_DB), default=gain_db)
        else:
            gain_db = min(entry.trim_db if entry.own_trim_db is UNSET else entry.own_trim_db for entry in entries.values())
        for index, one_db in applied_db.items():
            if abs(one_db - gain_db) > _SAME_DB:
                self.corrections[index] = replace(self._jobs[index], gain_db=gain_db).again()
                self._left[group].add(index)

    def _loudness_gain_db(self, group: str, entries: Mapping[int, ProcessedEntry], applied_db: Mapping[int, float]) -> float:
        """Return what brings the sum of a group to its loudness, as far as no true peak of the sum or of a stem is over full scale."""
        from semeq_host.stems.mix import measure_mix_level  # not before: whoever plans does not listen

        options = self._jobs[min(entries)].options
        gains = [db_to_amplitude(-applied_db[index]) for index in entries]
        after = measure_mix_level([Path(entry.output) for entry in entries.values()], gains, options)
        wanted = options.lufs
        if wanted is None:
            wanted = measure_mix_level([self._jobs[index].source for index in entries], [1.0] * len(entries), options).lufs
        match_db = 0.0 if wanted is None or after.lufs is None else wanted - after.lufs
        self._match_db[group] = match_db
        is_bounded = options.lufs is not None or any(output_format(entry.output, subtype=entry.subtype).clips for entry in entries.values())
        over_db = amplitude_to_db(after.peak) + match_db if after.peak > 0.0 else -math.inf
        is_over = is_bounded and options.peak_guard != "off" and over_db > -_SAME_LUFS_DB
        self._missed_db[group] = over_db - TRIM_PEAK_DBTP if is_over else 0.0
        return match_db - self._missed_db[group]

    def _final(self, group: str, event: Finished) -> Finished:
        """Return a result with what is to be known of its group."""
        entry, before = event.entry, self._before.get(event.index)
        if not isinstance(entry, ProcessedEntry) or before is None or entry.resumed:
            return event
        own_db = before.trim_db if before.own_trim_db is UNSET else before.own_trim_db
        entry = msgspec.structs.replace(entry, group=group, own_trim_db=own_db)
        gain_db = entry.trim_db + entry.match_db
        warnings = list(entry.warnings)
        if self._match_db[group]:
            missed_db = self._missed_db[group]
            entry = msgspec.structs.replace(entry, match_db=gain_db + missed_db, trim_db=-missed_db, match_missed_db=missed_db)
            if missed_db and event.index == min(set(self._members[group]) & self._before.keys()):
                warnings.append(f"{missed_db:.2f} LU quieter than asked for, with its group {group!r}: the true peak allows no more")
        elif abs(gain_db - own_db) > _SAME_DB:
            warnings.append(f"trimmed by {gain_db:.2f} dB with its group {group!r}")
        if before.true_peak_dbtp is not None and entry.true_peak_dbtp is None:
            entry = msgspec.structs.replace(entry, true_peak_dbtp=before.true_peak_dbtp - before.trim_db - before.match_db + gain_db)
        return replace(event, entry=msgspec.structs.replace(entry, warnings=tuple(warnings)))
