"""Who hears what in which order: trials, and balanced forms of a test.

A *trial* asks one question about one source: which of two sounds (pairs), which of two a third one equals (ABX), how good each of several
is against a reference (MUSHRA). A *form* is the order in which one listener gets the trials and the sounds within them. Forms come in
twos: the second has every pair the other way round, so that an even number of listeners hears each order equally often.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from semeq_export.errors import IntentError

Kind = Literal["pairs", "mushra", "abx"]
Compare = Literal["all", "unprocessed"]

UNPROCESSED, REFERENCE = "unprocessed", "reference"
ANCHORS_HZ = {"anchor35": 3_500.0, "anchor70": 7_000.0}
"""Cut-off of each low-passed anchor, ITU-R BS.1534-3; the names are webMUSHRA's."""
MAX_IN_TRIAL = 12
"""Sounds in one MUSHRA trial, hidden reference and anchors included: ITU-R BS.1534-3."""
N_FORMS = 16
MAX_TRIALS = 400
_VOWELS = "aeiouy"


@dataclass(frozen=True, slots=True)
class Trial:
    """A question about versions of one source. conditions: in pairs and ABX two; in MUSHRA those to be rated, anchors included."""

    source: str
    question: str
    conditions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Showing:
    """A trial as one listener gets it. order: conditions from left to right. hidden: in ABX, which of them X is, else ""."""

    trial: int
    order: tuple[str, ...]
    hidden: str = ""


Form = tuple[Showing, ...]


def pair_trials(
    sources: Sequence[str], conditions: Sequence[str], questions: Sequence[str], compare: Compare, repeats: int
) -> tuple[Trial, ...]:
    """Return the trials of a pairwise test: of each source all pairs of conditions, or each against the first, all of it `repeats` times.

    conditions: the first is the unprocessed sound. questions: one for all, or one for each condition but the first, which then is asked
    where that condition meets the unprocessed sound. Raises IntentError for a question for each of conditions that meet each other.
    """
    if compare == "all" and len(questions) > 1:
        raise IntentError("all pairs need one question for all of them: give `ask`, or `compare` unprocessed for a question of each word")
    pairs = list(itertools.combinations(conditions, 2)) if compare == "all" else [(conditions[0], other) for other in conditions[1:]]
    asked = dict(zip(conditions[1:], itertools.cycle(questions)))
    trials = [Trial(source, asked[pair[1]], pair) for _ in range(repeats) for source in sources for pair in pairs]
    return _bounded(trials)


def abx_trials(sources: Sequence[str], conditions: Sequence[str], question: str, repeats: int) -> tuple[Trial, ...]:
    """Return the trials of an ABX test: each condition but the first against the first, with each source, `repeats` times."""
    trials = [Trial(s, question, (conditions[0], other)) for _ in range(repeats) for s in sources for other in conditions[1:]]
    return _bounded(trials)


def mushra_trials(sources: Sequence[str], conditions: Sequence[str], question: str, repeats: int) -> tuple[Trial, ...]:
    """Return the trials of a MUSHRA test: each source with the hidden reference, the conditions and both anchors, `repeats` times.

    conditions: without the unprocessed sound, which is the reference. Raises IntentError for more than 12 sounds in a trial.
    """
    shown = (REFERENCE, *conditions, *ANCHORS_HZ)
    if len(shown) > MAX_IN_TRIAL:
        raise IntentError(f"{len(shown)} sounds in a trial, hidden reference and anchors included; BS.1534-3 allows {MAX_IN_TRIAL}")
    return _bounded([Trial(source, question, shown) for _ in range(repeats) for source in sources])


def _bounded(trials: list[Trial]) -> tuple[Trial, ...]:
    if len(trials) > MAX_TRIALS:
        raise IntentError(f"{len(trials)} trials, expected at most {MAX_TRIALS}: take fewer sources, words or repeats")
    return tuple(trials)


def forms(kind: Kind, trials: Sequence[Trial], seed: int) -> tuple[Form, ...]:
    """Return 16 orders of the trials and of the sounds in them; equal seeds give equal forms.

    Pairs: within a form each condition stands first about as often as second. ABX: X is either of the two equally often (within one).
    """
    made: list[Form] = []
    for number in range(0, N_FORMS, 2):
        rng = np.random.default_rng((seed, number))
        form = _mushra_form(trials, rng) if kind == "mushra" else _two_sided_form(kind, trials, rng)
        made += [form, tuple(_mirrored(showing) for showing in form)]
    return tuple(made)


def _mushra_form(trials: Sequence[Trial], rng: np.random.Generator) -> Form:
    return tuple(
        Showing(int(index), tuple(trials[index].conditions[place] for place in rng.permutation(len(trials[index].conditions))))
        for index in rng.permutation(len(trials))
    )


def _two_sided_form(kind: Kind, trials: Sequence[Trial], rng: np.random.Generator) -> Form:
    """Return a form in which the showings of a pair go either way, and X is either sound, equally often, in an order that is drawn."""
    names = list(dict.fromkeys(name for trial in trials for name in trial.conditions))
    turn, ways = int(rng.integers(2)), {}
    for pair in dict.fromkeys(trial.conditions for trial in trials):
        first, other = names.index(pair[1]) - names.index(pair[0]) + turn, int(rng.integers(2))
        count = sum(trial.conditions == pair for trial in trials)
        ways[pair] = iter(rng.permutation([((first + n) % 2, (n // 2 + other) % 2) for n in range(count)]).tolist())
    showings = []
    for index in rng.permutation(len(trials)):
        pair = trials[index].conditions
        way, hidden = next(ways[pair])
        order = pair if way else pair[::-1]
        showings.append(Showing(int(index), order, order[hidden] if kind == "abx" else ""))
    return tuple(showings)


def _mirrored(showing: Showing) -> Showing:
    return Showing(showing.trial, showing.order[::-1], showing.hidden)


def comparative(word: str) -> str:
    """Return "warmer" for warm, "muddier" for muddy, "more hollow" for hollow: English, by the number of vowel groups."""
    groups = sum(1 for is_vowel, _ in itertools.groupby(word, key=_VOWELS.__contains__) if is_vowel)
    spoken = groups - (word.endswith("e") and groups > 1)
    if not word.isascii() or not word.isalpha() or spoken > 2 or (spoken == 2 and not word.endswith("y")):
        return f"more {word}"
    if word.endswith("y") and len(word) > 2 and word[-2] not in _VOWELS:
        return f"{word[:-1]}ier"
    if word.endswith("e"):
        return f"{word}r"
    is_short = len(word) > 2 and word[-1] not in f"{_VOWELS}wx" and word[-2] in _VOWELS and word[-3] not in _VOWELS
    return f"{word}{word[-1]}er" if is_short else f"{word}er"
