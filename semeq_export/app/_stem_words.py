"""The words of a batch: checked before anything runs, and with numbers for what was said of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from semeq_export.app._engine import Words
from semeq_export.errors import IntentError, InvalidTargetError, UnknownTermError
from semeq_host.stems.job import StemJob
from semeq_host.stems.resources import StemResources
from semeq_host.stems.session_file import Session


def check_intents(resources: StemResources, plan: Sequence[StemJob], session: Session) -> None:
    """Raise what would fail for every file of an intent; what is wrong with a word names where it was written."""
    for intent, source in {job.intent: job.source for job in reversed(plan)}.items():
        try:
            resources.prepare(intent)
        except (InvalidTargetError, UnknownTermError) as error:
            place = session.place_of_word(source)
            if not place:
                raise
            raise IntentError(f"{place}: {error}") from error


def resolve_intensities(resources: StemResources, plan: Sequence[StemJob]) -> tuple[list[StemJob], list[str]]:
    """Return jobs whose intensities are numbers, as journals and reports are to hold, and which number "typical" stands for."""
    jobs = [replace(job, intent=resources.resolved(job.intent)) for job in plan]
    pairs = ((before.intent, after.intent) for before, after in zip(plan, jobs, strict=True))
    return jobs, list(dict.fromkeys(f"{a.target}: typical is intensity {a.amount:g}" for b, a in pairs if b.intensity == "typical"))


def find_words(resources: StemResources, plan: Sequence[StemJob]) -> list[Words]:
    """Return the words of a run, those of its chains too, each once."""
    words = [Words(job.intent.target, job.intent.amount) for job in plan if job.intent.target is not None]
    for chain in dict.fromkeys(job.intent.chain for job in plan if job.intent.chain is not None):
        words += [Words(one.text, one.intensity) for one in resources.chain(chain).words]
    return list(dict.fromkeys(words))
