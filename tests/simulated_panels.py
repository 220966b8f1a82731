"""Simulated listeners whose preferences are known, and panels of them: what the analysis of a listening test must find, and must not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from semeq_export.panel.abx import AbxResult, analyse_abx
from semeq_export.panel.gathered import Abx, Choice, PanelData, Rating
from semeq_export.panel.pairs import PairResult, analyse_pairs
from semeq_export.panel.ratings import RatingResult, analyse_ratings

QUESTION = "Which is warmer?"


def mushra_panel(
    rng: np.random.Generator,
    means: Mapping[str, float],
    *,
    listeners: int,
    sources: int = 3,
    careless: int = 0,
    person_sd: float = 8.0,
    taste_sd: float = 6.0,
    noise_sd: float = 8.0,
) -> PanelData:
    """Return scores of listeners around the conditions' means, clipped to 0..100 and rounded as sliders do.

    person_sd: how listeners differ in strictness; taste_sd: in what they think of each condition; noise_sd: from trial to trial.
    careless: listeners, the last ones, who score everything at random.
    """
    roles = {"reference": "unprocessed", **dict.fromkeys(means, "tested"), "anchor35": "anchor", "anchor70": "anchor"}
    ratings = []
    for person in range(listeners):
        is_careless = person >= listeners - careless
        strict, taste = rng.normal(0.0, person_sd), {name: rng.normal(0.0, taste_sd) for name in means}
        for source in range(sources):
            for name in roles:
                if is_careless:
                    score = rng.uniform(0.0, 100.0)
                elif name in means:
                    score = means[name] + strict + taste[name] + rng.normal(0.0, noise_sd)
                else:
                    score = {"reference": 99.0, "anchor35": 15.0, "anchor70": 45.0}[name] + rng.normal(0.0, 3.0)
                held = float(np.clip(np.rint(score), 0.0, 100.0))
                ratings.append(Rating(f"p{person}", f"t{source}", f"s{source}", name, held))
    return PanelData("mushra", "", roles, ratings=tuple(ratings))


def pairs_panel(
    rng: np.random.Generator,
    strengths: Mapping[str, float],
    *,
    listeners: int,
    sources: int = 1,
    taste_sd: float = 0.0,
    undecided: float = 0.0,
) -> PanelData:
    """Return choices between all pairs by Bradley and Terry's model, each listener's strengths a little of one's own."""
    names = list(strengths)
    roles = {name: "unprocessed" if index == 0 else "tested" for index, name in enumerate(names)}
    choices = []
    for person in range(listeners):
        own = {name: strengths[name] + rng.normal(0.0, taste_sd) for name in names}
        for source in range(sources):
            for i, one in enumerate(names):
                for other in names[i + 1 :]:
                    is_first = rng.random() < 1.0 / (1.0 + np.exp(own[other] - own[one]))
                    chosen = None if rng.random() < undecided else one if is_first else other
                    choices.append(Choice(f"p{person}", QUESTION, f"s{source}", (one, other), chosen))
    return PanelData("pairs", "", roles, choices=tuple(choices))


def abx_panel(rng: np.random.Generator, heard: Mapping[str, float], *, listeners: int, trials: int) -> PanelData:
    """Return answers of listeners who hear a condition in this share of trials, and guess in the others."""
    abx = [
        Abx(f"p{person}", "s0", name, bool(rng.random() < share + (1.0 - share) / 2.0))
        for person in range(listeners)
        for name, share in heard.items()
        for _ in range(trials)
    ]
    return PanelData("abx", "", {"unprocessed": "unprocessed", **dict.fromkeys(heard, "tested")}, abx=tuple(abx))


def mushra_finds(data: PanelData) -> tuple[bool, set[frozenset[str]], RatingResult]:
    """Return whether Friedman's test finds anything, and which tested pairs are found to differ."""
    result = analyse_ratings(data)
    tested = {name for name, role in data.roles.items() if role == "tested"}
    pairs = {frozenset((d.first, d.second)) for d in result.differences if d.p_holm < 0.05 and {d.first, d.second} <= tested}
    return result.friedman is not None and result.friedman.p < 0.05, pairs, result


def pairs_find(data: PanelData) -> tuple[set[frozenset[str]], PairResult]:
    """Return which pairs are found to differ."""
    result = analyse_pairs(data)
    return {frozenset((row.first, row.second)) for row in result.pairs if row.p_holm < 0.05}, result


def abx_finds(data: PanelData) -> tuple[set[str], set[str], AbxResult]:
    """Return the conditions that are found to be heard, and the listeners who are found to hear."""
    result = analyse_abx(data)
    conditions = {row.condition for row in result.conditions if row.p_holm < 0.05}
    return conditions, {row.listener for row in result.listeners if row.p_holm < 0.05}, result


def share(flags: Sequence[bool]) -> float:
    """Return how many of them are true."""
    return sum(flags) / len(flags)
