"""ABX: whether a difference is heard at all, by exact binomial tests against guessing.

Answers of all listeners together test that nobody hears it: under that all are guesses, and independent whoever made them. A listener's own
answers test that this one does not. Both one-sided, with Holm's correction over conditions and over listeners.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scipy import stats

from semeq_export.panel.gathered import Abx, PanelData
from semeq_export.panel.intervals import ALPHA, binomial_power, counted, holm, needed_correct, share_interval

LIKELY_SHARE = 0.75


@dataclass(frozen=True, slots=True)
class Detection:
    """How many answers were right. condition, listener: "" for all of them. low, high: 95 % of the share. needed: for p below 0.05."""

    condition: str
    listener: str
    n: int
    correct: int
    share: float
    low: float
    high: float
    p: float
    p_holm: float
    needed: int | None


@dataclass(frozen=True, slots=True)
class AbxResult:
    """What answers say: of each condition by all listeners, of each listener about all conditions."""

    n: int
    conditions: tuple[Detection, ...]
    listeners: tuple[Detection, ...]
    notes: tuple[str, ...]


def analyse_abx(data: PanelData) -> AbxResult:
    """Return what a panel's answers in ABX say; answers of "undecided" do not count."""
    decided = [answer for answer in data.abx if answer.correct is not None]
    names = list(dict.fromkeys(answer.condition for answer in decided))
    people = list(dict.fromkeys(answer.listener for answer in decided))
    by_condition = _family([(name, "", [answer for answer in decided if answer.condition == name]) for name in names])
    by_listener = _family([("", who, [answer for answer in decided if answer.listener == who]) for who in people])
    undecided = len(data.abx) - len(decided)
    notes = [f"left out: {counted(undecided, 'undecided answer')}"] if undecided else []
    for row in by_condition:
        power = binomial_power(row.n, LIKELY_SHARE, ALPHA / len(by_condition))
        found = f"found in {power:.0%} of tests of {counted(row.n, 'answer')}"
        notes.append(f"power, {row.condition}: listeners who are right in {LIKELY_SHARE:.0%} of trials are {found}")
    return AbxResult(len(people), tuple(by_condition), tuple(by_listener), tuple(notes))


def _family(groups: Sequence[tuple[str, str, Sequence[Abx]]]) -> list[Detection]:
    counts = [(len(answers), sum(bool(answer.correct) for answer in answers)) for *_, answers in groups]
    p_values = [float(stats.binomtest(correct, n, 0.5, alternative="greater").pvalue) for n, correct in counts]
    return [
        Detection(name, who, n, correct, correct / n, *share_interval(correct, n), p, p_holm, needed_correct(n))
        for (name, who, _), (n, correct), p, p_holm in zip(groups, counts, p_values, holm(p_values), strict=True)
    ]
