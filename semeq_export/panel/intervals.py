"""Exact intervals and tests of small samples, corrections for many tests, and what a panel of a size can find.

Sources: H. A. David, H. N. Nagaraja, Order Statistics (2003), 7.1 (intervals of a median from order statistics); C. J. Clopper,
E. S. Pearson, Biometrika 26 (1934); S. Holm, Scand. J. Statistics 6 (1979), A simple sequentially rejective multiple test procedure.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

import numpy as np
from scipy import special, stats

from semeq_export.arrays import Float64Array

LEVEL = 0.95
ALPHA = 1.0 - LEVEL
_EXACT_UP_TO = 100


def counted(n: int, noun: str) -> str:
    """Return "1 listener", "2 listeners"."""
    return f"{n} {noun}{'' if n == 1 else 's'}"


def median_interval(values: Float64Array) -> tuple[float, float] | None:
    """Return the order statistics between which the median of the population lies with 95 % or more, whatever its shape.

    values: (n,). None below six values, of which not even the extremes are so sure.
    """
    n = len(values)
    below = int(stats.binom.ppf(ALPHA / 2.0, n, 0.5))
    while below > 0 and 2.0 * stats.binom.cdf(below - 1, n, 0.5) > ALPHA:
        below -= 1
    if below == 0:
        return None
    ordered = np.sort(values)
    return float(ordered[below - 1]), float(ordered[n - below])


def share_interval(successes: float, n: int) -> tuple[float, float]:
    """Return the Clopper-Pearson interval of a share, 95 %.

    successes: may be a sum of n shares of 0..1; that varies less than as many single answers, and the interval is wider than it need be.
    """
    low = float(special.betaincinv(successes, n - successes + 1.0, ALPHA / 2.0)) if successes > 0.0 else 0.0
    high = float(special.betainccinv(successes + 1.0, n - successes, ALPHA / 2.0)) if successes < n else 1.0
    return low, high


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p values adjusted by Holm's step-down method: below 0.05 means significant, with at most 5 % of panels wrong anywhere."""
    order = np.argsort(np.asarray(p_values), kind="stable")
    adjusted, worst = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(order.tolist()):
        worst = max(worst, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = worst
    return adjusted


def sign_flip_p(totals: Sequence[int]) -> float:
    """Return the exact two-sided p of a sum of whole numbers, if each might as well have had the other sign.

    totals: of each listener, answers for one side less those for the other. Where each gave one answer it is the binomial test.
    """
    sizes = [abs(total) for total in totals if total]
    middle = sum(sizes)
    chances = np.zeros(2 * middle + 1)
    chances[middle] = 1.0
    for size in sizes:
        moved = np.zeros_like(chances)
        moved[size:] += chances[:-size]
        moved[:-size] += chances[size:]
        chances = moved / 2.0
    reached = abs(sum(totals))
    return min(1.0, float(chances[: middle - reached + 1].sum() + chances[middle + max(reached, 1) :].sum()))


def signed_rank_p(differences: Float64Array) -> float:
    """Return the exact two-sided p of Wilcoxon's signed ranks, given the ties that there are; differences of 0 are left out.

    F. Wilcoxon, Biometrics Bulletin 1 (1945). 1 where nothing differs. Over 100 differences by scipy's normal approximation.
    """
    held = differences[differences != 0.0]
    if not len(held):
        return 1.0
    if len(held) > _EXACT_UP_TO:
        return float(stats.wilcoxon(held, method="auto").pvalue)
    doubled = np.rint(2.0 * stats.rankdata(np.abs(held)) * np.sign(held)).astype(np.int64)  # midranks are halves
    return sign_flip_p(doubled.tolist())


def binomial_power(n: int, share: float, alpha: float = ALPHA) -> float:
    """Return how often n answers, right by this share, pass a one-sided exact test against guessing at one half."""
    needed = needed_correct(n, alpha)
    return 0.0 if needed is None else float(stats.binom.sf(needed - 1, n, share))


def needed_correct(n: int, alpha: float = ALPHA) -> int | None:
    """Return how many of n answers must be right to pass the one-sided test against one half; None where even all are too few."""
    needed = int(stats.binom.isf(alpha, n, 0.5)) + 1
    return needed if needed <= n else None


def sign_power(n: int, share: float, alpha: float = ALPHA) -> float:
    """Return how often n listeners, of whom this share is for one side, pass a two-sided exact sign test."""
    needed = needed_correct(n, alpha / 2.0)
    return 0.0 if needed is None else float(stats.binom.sf(needed - 1, n, share) + stats.binom.cdf(n - needed, n, share))


def smallest_panel(comparisons: int) -> int:
    """Return how many listeners a two-sided sign or signed-rank test needs at least, to be able to pass Holm's first step at all."""
    return 1 + math.ceil(math.log2(max(comparisons, 1) / ALPHA))


@cache
def listeners_for(share: float, power: float = 0.8, comparisons: int = 1) -> int:
    """Return how many listeners are needed to find, in this share of panels, that this share of people is for one side (> 0.5)."""
    n = smallest_panel(comparisons)
    while sign_power(n, share, ALPHA / comparisons) < power and n < 10_000:
        n += 1
    return n


def detectable_difference(n: int, spread: float, comparisons: int) -> float:
    """Return the mean difference that a signed-rank test finds in 8 of 10 panels, for differences of this standard deviation.

    Normal approximation with the test's efficiency of 3/pi against the t test; Bonferroni's level, which is Holm's first.
    """
    z = float(stats.norm.isf(ALPHA / comparisons / 2.0) + stats.norm.isf(0.2))
    return z * spread / math.sqrt(n * 3.0 / math.pi)
