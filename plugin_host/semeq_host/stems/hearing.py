"""One dose of a word and one match for a group of stems, found by listening to their sum.

What an EQ does to a sum is the sum of what it does to the parts: stems of one EQ add up to the sum as it would be processed by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from semeq_export.audio.reader import open_audio
from semeq_export.eq.channels import from_plain, to_plain
from semeq_export.eq.settings import EqSettings
from semeq_export.errors import IntentError, SemeqError
from semeq_export.listening.dose import Adaptation
from semeq_host.stems.intent import Intent
from semeq_host.stems.job import StemJob
from semeq_host.stems.mix import MAX_TOGETHER, measure_mix_spectrum
from semeq_host.stems.resources import StemResources

_PLAIN = ("mode", "gain", "dose", "intensity", "reference", "is_clipped", "fit_error_db", "notes")


def heard_together(resources: StemResources, jobs: Sequence[StemJob]) -> list[StemJob]:
    """Return jobs of which those of one group, one intent and one rate have one EQ, found by listening to their sum.

    What cannot be read is left out, and fails by itself. Rolling analysis follows each file. Raises IntentError for too large a group, and
    for a group whose sum is asked for a loudness but has several rates; AudioError where a match has nothing to compare.
    """
    jobs = list(jobs)
    rates = {index: rate for index, job in enumerate(jobs) if job.group and (rate := _rate_hz(job)) is not None}
    _check_sums(jobs, rates)
    of_group: dict[str, list[int]] = {}
    for index, rate in rates.items():
        of_group.setdefault(jobs[index].group, []).append(rate)
    for index in rates:
        group_rates = of_group[jobs[index].group]
        if len(group_rates) <= MAX_TOGETHER and len(set(group_rates)) == 1:  # else there is no sum to keep as loud
            jobs[index] = jobs[index].as_loud()
    together: dict[tuple[str, Intent, int], list[int]] = {}
    for index, rate_hz in rates.items():
        if jobs[index].intent.analysis == "whole" and (jobs[index].intent.listens_to_words or jobs[index].intent.match is not None):
            together.setdefault((jobs[index].group, jobs[index].intent, rate_hz), []).append(index)
    for (_, intent, rate_hz), indices in together.items():
        sources = [jobs[index].source for index in indices]
        listening = resources.listening(intent, *sources)
        try:
            heard = measure_mix_spectrum(sources, jobs[indices[0]].options)
        except SemeqError as error:
            if isinstance(error, IntentError):
                raise
            continue  # not one of them can be read, as each will say
        assert listening is not None
        found = listening.adapt(heard, float(rate_hz))
        plain = msgspec.to_builtins(
            {"eq": to_plain(found.eq), **{name: getattr(found, name) for name in _PLAIN}},
            enc_hook=lambda value: value.item(),  # numpy's numbers
        )
        for index in indices:
            jobs[index] = replace(jobs[index], heard=plain)
    return jobs


def adaptation_of(heard: Mapping[str, Any]) -> Adaptation:
    """Return what `heard_together` found, from plain data."""
    eq = from_plain(heard["eq"])
    assert isinstance(eq, EqSettings)
    return Adaptation(eq, **{name: heard[name] for name in _PLAIN if name != "notes"}, notes=tuple(heard["notes"]))


def _rate_hz(job: StemJob) -> int | None:
    """Return a source's rate, None where it cannot be read."""
    try:
        with open_audio(job.source, salvage=job.options.salvage) as reader:
            return reader.info.sample_rate_hz
    except SemeqError:
        return None


def _check_sums(jobs: Sequence[StemJob], rates: Mapping[int, int]) -> None:
    """Raise where the sum of a group is wanted and there is none: it will be measured once all stems are written."""
    for group in dict.fromkeys(jobs[index].group for index in rates if jobs[index].wants_loudness):
        of_group = [rate for index, rate in rates.items() if jobs[index].group == group]
        if len(of_group) > MAX_TOGETHER:
            raise IntentError(
                f"{group}: {len(of_group)} stems, of which at most {MAX_TOGETHER} can be summed; make smaller groups, or `no-link`"
            )
        if len(set(of_group)) > 1:
            several = " and ".join(map(str, sorted(set(of_group))))
            raise IntentError(f"{group}: stems of {several} Hz have no sum to bring to a loudness; make other groups, or `no-link`")
