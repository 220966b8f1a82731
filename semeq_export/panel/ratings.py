"""MUSHRA: who is left out after BS.1534-3, medians, and which conditions differ.

The unit is the listener: scores of one condition are averaged over a listener's sources first, since two sources of one person are not two
people. Medians have exact intervals; tested conditions are compared by Friedman's test, and two by two by Wilcoxon's signed ranks with
Holm's correction, the hidden reference among them.

Source: Recommendation ITU-R BS.1534-3 (10/2015), Annex 1, 4.1.2 (post-screening) and 9 (statistical analysis).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
from scipy import stats

from semeq_export.arrays import Float64Array
from semeq_export.panel.gathered import PanelData, Rating
from semeq_export.panel.intervals import counted, detectable_difference, holm, median_interval, signed_rank_p, smallest_panel

HIGH = 90.0
MAX_SHARE = 0.15
ITEM_SHARE = 0.25
ENOUGH = 20
"""Listeners that BS.1534-3 calls often sufficient."""
_MID_ANCHOR = "anchor70"


@dataclass(frozen=True, slots=True)
class Excluded:
    """A listener whose scores do not count, and why."""

    listener: str
    why: str


@dataclass(frozen=True, slots=True)
class Median:
    """The median score of a condition over listeners. source: "" for all sources together. low, high: 95 %, None below six listeners."""

    condition: str
    source: str
    n: int
    median: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Friedman:
    """Whether the tested conditions differ at all. agreement: Kendall's W, 0 (none) to 1 (all rank alike)."""

    conditions: tuple[str, ...]
    n: int
    statistic: float
    p: float
    agreement: float


@dataclass(frozen=True, slots=True)
class Difference:
    """Two conditions compared by the listeners who scored both. median: of the differences, first less second."""

    first: str
    second: str
    n: int
    median: float
    p: float
    p_holm: float


@dataclass(frozen=True, slots=True)
class RatingResult:
    """What scores say. scores: of each condition, the mean score of each listener who counts."""

    excluded: tuple[Excluded, ...]
    n: int
    medians: tuple[Median, ...]
    friedman: Friedman | None
    differences: tuple[Difference, ...]
    scores: dict[str, tuple[float, ...]]
    notes: tuple[str, ...]


def screened(data: PanelData) -> tuple[Excluded, ...]:
    """Return the listeners that BS.1534-3's post-screening leaves out.

    Those who score the hidden reference below 90 in more than 15 % of the trials, or the mid-range anchor over 90 in more than 15 %. A
    source whose mid anchor more than a quarter of the listeners score over 90 was hardly degraded by it, and does not count for the second.
    """
    references = [rating for rating in data.ratings if data.roles.get(rating.condition) == "unprocessed"]
    anchors = [rating for rating in data.ratings if rating.condition == _MID_ANCHOR]
    items = dict.fromkeys(rating.source for rating in anchors)
    mild = [source for source in items if _share([rating for rating in anchors if rating.source == source], above=True) > ITEM_SHARE]
    counted = [rating for rating in anchors if rating.source not in mild]
    excluded = []
    for listener in data.listeners:
        low = _share([rating for rating in references if rating.listener == listener], above=False)
        high = _share([rating for rating in counted if rating.listener == listener], above=True)
        reasons = [f"hidden reference below {HIGH:g} in {low:.0%} of trials"] if low > MAX_SHARE else []
        reasons += [f"7 kHz anchor over {HIGH:g} in {high:.0%} of trials"] if high > MAX_SHARE else []
        if reasons:
            excluded.append(Excluded(listener, " and ".join(reasons)))
    return tuple(excluded)


def _share(ratings: Sequence[Rating], *, above: bool) -> float:
    hits = sum(rating.score > HIGH if above else rating.score < HIGH for rating in ratings)
    return hits / len(ratings) if ratings else 0.0


def analyse_ratings(data: PanelData, *, screen: bool = True) -> RatingResult:
    """Return what the scores of a panel say; see the module for how."""
    excluded = screened(data) if screen else ()
    out = {one.listener for one in excluded}
    kept = [rating for rating in data.ratings if rating.listener not in out]
    table = _means(kept)
    listeners = list(dict.fromkeys(rating.listener for rating in kept))
    conditions = [name for name in data.roles if name in table]
    medians = [_median(name, "", np.array(list(table[name].values()))) for name in conditions]
    sources = list(dict.fromkeys(rating.source for rating in kept))
    if len(sources) > 1:
        for source, name in itertools.product(sources, conditions):
            of_source = _means([rating for rating in kept if rating.source == source]).get(name, {})
            if of_source:
                medians.append(_median(name, source, np.array(list(of_source.values()))))
    compared = [name for name in conditions if data.roles[name] != "anchor"]
    tested = [name for name in conditions if data.roles[name] == "tested"]
    differences = _differences(table, compared)
    notes = _notes(table, compared, len(listeners), differences)
    if screen and not any(role == "unprocessed" for name, role in data.roles.items() if name in table):
        notes.append("no hidden reference among the scores: nobody could be screened by it")
    return RatingResult(
        excluded=excluded,
        n=len(listeners),
        medians=tuple(medians),
        friedman=_friedman(table, tested),
        differences=tuple(differences),
        scores={name: tuple(table[name].values()) for name in conditions},
        notes=tuple(notes),
    )


def _means(ratings: Sequence[Rating]) -> dict[str, dict[str, float]]:
    """Return condition -> listener -> mean score."""
    held: dict[str, dict[str, list[float]]] = {}
    for rating in ratings:
        held.setdefault(rating.condition, {}).setdefault(rating.listener, []).append(rating.score)
    return {name: {who: fmean(scores) for who, scores in of.items()} for name, of in held.items()}


def _median(condition: str, source: str, values: Float64Array) -> Median:
    low, high = median_interval(values) or (None, None)
    return Median(condition, source, len(values), float(np.median(values)), low, high)


def _both(table: Mapping[str, Mapping[str, float]], names: Sequence[str]) -> Float64Array:
    """Return (conditions, listeners) of those who scored all of the conditions."""
    whole = [who for who in table[names[0]] if all(who in table[name] for name in names)]
    return np.array([[table[name][who] for who in whole] for name in names])


def _friedman(table: Mapping[str, Mapping[str, float]], names: Sequence[str]) -> Friedman | None:
    if len(names) < 3:
        return None
    scores = _both(table, names)
    n = scores.shape[1]
    if n < 2 or np.all(scores == scores[:1]):
        return None
    statistic, p = (float(value) for value in stats.friedmanchisquare(*scores))
    return Friedman(tuple(names), n, statistic, p, statistic / (n * (len(names) - 1)))


def _differences(table: Mapping[str, Mapping[str, float]], names: Sequence[str]) -> list[Difference]:
    found = []
    for first, second in itertools.combinations(names, 2):
        scores = _both(table, (first, second))
        difference = scores[0] - scores[1] if scores.size else np.zeros(0)
        found.append((first, second, difference, signed_rank_p(difference)))
    adjusted = holm([p for *_, p in found])
    return [
        Difference(first, second, len(difference), float(np.median(difference)) if len(difference) else 0.0, p, p_holm)
        for (first, second, difference, p), p_holm in zip(found, adjusted, strict=True)
    ]


def _notes(table: Mapping[str, Mapping[str, float]], compared: Sequence[str], n: int, differences: Sequence[Difference]) -> list[str]:
    """Return what a panel of this size can and cannot find."""
    pairs, notes = len(differences), []
    if n < ENOUGH:
        notes.append(f"{counted(n, 'listener')}; BS.1534-3 calls {ENOUGH} often sufficient")
    if n < 6:
        notes.append("below 6 listeners a median has no 95 % interval")
    both = [_both(table, pair) for pair in itertools.combinations(compared, 2)]
    spreads = [float(np.std(scores[0] - scores[1], ddof=1)) for scores in both if scores.shape[1] > 1]
    if pairs and n < smallest_panel(pairs):
        notes.append(f"with {pairs} comparisons no difference can be significant below {smallest_panel(pairs)} listeners")
    elif spreads:
        smallest = detectable_difference(n, float(np.median(spreads)), pairs)
        notes.append(f"power: a difference of {smallest:.1f} points would be found in 8 of 10 panels of {n} like this one")
    return notes
