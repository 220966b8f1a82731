"""Pairwise choices: how often one condition was chosen over another, and Bradley-Terry strengths of all of them on one scale.

A strength is log odds: the odds that i is chosen over j are exp(strength i - strength j). Every pair that was compared gets half a choice
for each side beside its answers, so that a strength stays finite where everybody agreed; it draws all towards equal. A listener's answers
are not independent, so intervals are the wider of two: of the model, and of how listeners differ (sandwich over listeners, Student's t).
Pairs are tested by exact sign flips over listeners, with Holm's correction over the whole test.

Sources: R. A. Bradley, M. E. Terry, Biometrika 39 (1952), Rank analysis of incomplete block designs; J. B. S. Haldane, Ann. Hum. Genet. 20
(1956) (the half choice); S. L. Zeger, K.-Y. Liang, Biometrics 42 (1986) (variance from groups that are not independent within).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
from scipy import stats
from scipy.sparse.csgraph import connected_components
from scipy.special import expit

from semeq_export.arrays import Float64Array
from semeq_export.panel.gathered import Choice, PanelData
from semeq_export.panel.intervals import ALPHA, holm, listeners_for, share_interval, sign_flip_p, sign_power, smallest_panel

HALF = 0.5
LIKELY_SHARE = 0.75
_STEPS = 100


@dataclass(frozen=True, slots=True)
class PairShare:
    """How often one condition was chosen over another, mean over listeners. low, high: 95 %, exact for one answer each, else wider."""

    question: str
    first: str
    second: str
    listeners: int
    answers: int
    undecided: int
    share: float
    low: float
    high: float
    p: float
    p_holm: float


@dataclass(frozen=True, slots=True)
class Strength:
    """A condition's Bradley-Terry strength in log odds over the unprocessed sound (over the mean where there is none).

    low, high: 95 %, for each condition by itself. share: how often it would be chosen over that.
    """

    question: str
    condition: str
    log_odds: float
    low: float
    high: float
    share: float


@dataclass(frozen=True, slots=True)
class PairResult:
    """What choices say. over: what strengths are relative to."""

    n: int
    pairs: tuple[PairShare, ...]
    strengths: tuple[Strength, ...]
    over: str
    notes: tuple[str, ...]


def analyse_pairs(data: PanelData) -> PairResult:
    """Return what the choices of a panel say, question by question; see the module for how."""
    rows: list[PairShare] = []
    strengths: list[Strength] = []
    notes: list[str] = []
    over = next((name for name, role in data.roles.items() if role == "unprocessed"), "")
    for question in dict.fromkeys(choice.question for choice in data.choices):
        of_question = [choice for choice in data.choices if choice.question == question]
        names = [name for name in data.roles if any(name in choice.pair for choice in of_question)]
        rows += _shares(question, of_question, names)
        apart = _groups(of_question, names)
        if len(apart) > 1:
            groups = " | ".join(", ".join(group) for group in apart)
            notes.append(f"{question} no common scale: these groups were never compared with each other: {groups}".lstrip())
        elif len(names) > 1:
            strengths += _strengths(question, of_question, names, over)
    adjusted = holm([row.p for row in rows])
    tested = tuple(_with_holm(row, p) for row, p in zip(rows, adjusted, strict=True))
    n = len(data.listeners)
    return PairResult(n, tested, tuple(strengths), over or "the mean", (*notes, *_size_notes(n, tested)))


def _with_holm(row: PairShare, p_holm: float) -> PairShare:
    return PairShare(
        row.question, row.first, row.second, row.listeners, row.answers, row.undecided, row.share, row.low, row.high, row.p, p_holm
    )


def _shares(question: str, choices: Sequence[Choice], names: Sequence[str]) -> list[PairShare]:
    rows = []
    for second, first in itertools.combinations(names, 2):  # the unprocessed sound comes first in names, and second here
        of_pair = [choice for choice in choices if set(choice.pair) == {first, second}]
        if not of_pair:
            continue
        by_listener: dict[str, list[float]] = {}
        for choice in of_pair:
            by_listener.setdefault(choice.listener, []).append(HALF if choice.chosen is None else float(choice.chosen == first))
        totals = [round(2.0 * sum(answer - HALF for answer in answers)) for answers in by_listener.values()]
        if len(by_listener) == 1:  # of one listener: each answer by itself
            totals = [round(2.0 * (answer - HALF)) for answers in by_listener.values() for answer in answers]
            units = [answer for answers in by_listener.values() for answer in answers]
        else:
            units = [fmean(answers) for answers in by_listener.values()]
        share, undecided = fmean(units), sum(choice.chosen is None for choice in of_pair)
        low, high = share_interval(share * len(units), len(units))
        p = sign_flip_p(totals)
        rows.append(PairShare(question, first, second, len(by_listener), len(of_pair), undecided, share, low, high, p, p))
    return rows


def _groups(choices: Sequence[Choice], names: Sequence[str]) -> list[list[str]]:
    """Return conditions in groups between which nothing was compared; one group where all hang together."""
    adjacency = np.zeros((len(names), len(names)))
    for choice in choices:
        adjacency[names.index(choice.pair[0]), names.index(choice.pair[1])] = 1.0
    count, labels = connected_components(adjacency, directed=False)
    return [[name for name, label in zip(names, labels, strict=True) if label == group] for group in range(count)]


def _strengths(question: str, choices: Sequence[Choice], names: Sequence[str], over: str) -> list[Strength]:
    """Return strengths with intervals; the conditions hang together."""
    by_listener: dict[str, Float64Array] = {}
    for choice in choices:
        wins = by_listener.setdefault(choice.listener, np.zeros((len(names), len(names))))
        one, other = names.index(choice.pair[0]), names.index(choice.pair[1])
        won = HALF if choice.chosen is None else float(choice.chosen == choice.pair[0])
        wins[one, other] += won
        wins[other, one] += 1.0 - won
    stacked = np.array(list(by_listener.values()))
    log_odds, covariances = fit(stacked)
    contrast = np.eye(len(names)) - 1.0 / len(names)
    if over in names:
        contrast = np.eye(len(names))
        contrast[:, names.index(over)] -= 1.0
    estimate = contrast @ log_odds
    quantiles = (float(stats.norm.isf(ALPHA / 2.0)), float(stats.t.isf(ALPHA / 2.0, max(len(stacked) - 1, 1))))
    reaches = [
        quantile * np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", contrast, covariance, contrast), 0.0))
        for quantile, covariance in zip(quantiles, covariances, strict=False)  # of one listener, the model's alone
    ]
    reach = np.max(reaches, axis=0)
    return [
        Strength(question, name, float(value), float(value - far), float(value + far), float(expit(value)))
        for name, value, far in zip(names, estimate, reach, strict=True)
        if name != over
    ]


def fit(wins: Float64Array) -> tuple[Float64Array, list[Float64Array]]:
    """Return strengths (k,) that sum to 0, and their covariance (k, k) by the model and, of several listeners, by how they differ.

    wins: (listeners, k, k), how often a listener chose row over column. Newton's method; the likelihood with half a choice for each side of
    each compared pair has one maximum.
    """
    k = wins.shape[1]
    total = wins.sum(axis=0)
    total = total + HALF * ((total + total.T) > 0)
    log_odds = np.zeros(k)
    for _ in range(_STEPS):
        gradient, information = _slopes(total, log_odds)
        step = np.linalg.pinv(information) @ gradient
        log_odds = log_odds + step * min(1.0, 2.0 / max(float(np.abs(step).max()), 1e-300))
        if float(np.abs(step).max()) < 1e-10:
            break
    bread = np.asarray(np.linalg.pinv(_slopes(total, log_odds)[1]), dtype=np.float64)
    if len(wins) < 2:
        return log_odds, [bread]
    scores = np.array([_slopes(of_one, log_odds)[0] for of_one in wins])
    meat = scores.T @ scores * (len(wins) / (len(wins) - 1.0))
    return log_odds, [bread, bread @ meat @ bread]


def _slopes(wins: Float64Array, log_odds: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Return gradient (k,) and information (k, k) of the log likelihood of wins (k, k)."""
    counts = wins + wins.T
    expected = expit(log_odds[:, np.newaxis] - log_odds[np.newaxis])
    gradient = (wins - counts * expected).sum(axis=1)
    weights = counts * expected * (1.0 - expected)
    return gradient, np.diag(weights.sum(axis=1)) - weights


def _size_notes(n: int, rows: Sequence[PairShare]) -> list[str]:
    comparisons = len(rows)
    if n == 1:
        return ["answers of one listener: they say nothing about other people"]
    needed = listeners_for(LIKELY_SHARE, comparisons=comparisons)
    found = sign_power(n, LIKELY_SHARE, ALPHA / comparisons)
    many = f"{comparisons} comparisons" if comparisons > 1 else "one comparison"
    notes = [
        f"power: if {LIKELY_SHARE:.0%} of people were for one side, {found:.0%} of panels of {n} would show it ({many}, one answer each); "
        f"80 % takes {needed} listeners"
    ]
    if n < smallest_panel(comparisons):
        notes.insert(0, f"with {many} nothing can be significant below {smallest_panel(comparisons)} listeners")
    return notes
