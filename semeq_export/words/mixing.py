"""How much of each word a phrase comes to: words share what is added, and what is taken away spares what was asked for.

    asked for     P = sum of w c over the words that add, their weights scaled so that they sum to the largest of them
    taken away    a share m of another word's curve n, of which P may hold a part: r P, with r = <n, P> / <P, P>
    result        (1 + r m) P - m n = P - m (n - r P)

so the dose of P, the least-squares factor of the result on P, stays 1, and only the part of n that P does not ask for falls.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from semeq_export.arrays import Float64Array

TAKEN_AWAY = 0.6
"""Share of a word's curve that "less" of it takes away, at most: a whole one would be its full opposite, which nobody asked for."""

_MAX_TAKEN_RMS = 0.75  # what is taken away beside P stays below this part of it, or it would be heard as the word itself
_MAX_RAISED, _MIN_KEPT = 0.35, 0.5  # how much of P is added to make up for its part of n, and left where n is the opposite of P


CURVE_DIGITS = 3
"""Of the dB of curves that are mixed: every face, whatever decodes its words, then weighs the same numbers."""


def mix(said: Mapping[str, float], curve_of: Callable[[str], Float64Array]) -> dict[str, float]:
    """Return the weights of words, rounded to 0.01, that do what was said of them.

    said: word -> amount, of either sign, not 0; "less" as people say it is -1. curve_of: a word's level-free curve (n,) in dB, to
    CURVE_DIGITS. Words that are only taken away share as words that are only added do. Weights never come out as 0.
    """
    adds, takes = ({word: amount for word, amount in said.items() if sign * amount > 0} for sign in (1.0, -1.0))
    if not takes:
        return _rounded(_shared(adds))
    if not adds:
        return _rounded({word: TAKEN_AWAY * amount for word, amount in _shared(takes).items()})
    shares = _shared(adds)
    wanted = np.sum([weight * curve_of(word) for word, weight in shares.items()], axis=0)
    power = float(wanted @ wanted)
    if power == 0.0:
        return _rounded(shares | _shared(takes))
    whole = sum(shares.values())
    raised, taken = 1.0, {}
    for word, amount in _shared(takes).items():
        curve = curve_of(word)
        common = float(curve @ wanted) / power
        beside = math.sqrt(float(np.square(curve - common * wanted).sum()) / power)
        most = [TAKEN_AWAY * -amount * whole, _MAX_TAKEN_RMS / max(beside, 1e-9)]
        if common > 0:
            most.append(_MAX_RAISED / common)
        share = min(most)
        taken[word] = -share
        raised += common * share
    kept = max(raised, _MIN_KEPT)
    return _rounded({word: kept * shares[word] if word in shares else taken[word] for word in said})


def _shared(amounts: Mapping[str, float]) -> dict[str, float]:
    """Return amounts of one sign scaled so that they sum to the largest of them: warm and bright is half of each."""
    share = max(map(abs, amounts.values())) / sum(map(abs, amounts.values()))
    return {word: share * amount for word, amount in amounts.items()}


def _rounded(weights: Mapping[str, float]) -> dict[str, float]:
    """Return weights to 0.01; first to 1e-9, so that where one lies between two of them the order of a sum does not decide."""
    return {word: round(round(weight, 9), 2) or math.copysign(0.01, weight) for word, weight in weights.items()}
