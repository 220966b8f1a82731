"""Answers with what was heard: codes replaced by sources and conditions, repeated rows removed, gaps named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from semeq_export.errors import DataError
from semeq_export.panel.answers import RawChoice, RawRating, Sheet
from semeq_export.panel.design import ANCHORS_HZ, REFERENCE, UNPROCESSED, Kind
from semeq_export.panel.manifest import Asked, Manifest
from semeq_export.panel.webmushra import condition_code

_Answer = TypeVar("_Answer")
_LISTED = 5
_ORDER = ("unprocessed", "tested", "anchor")


@dataclass(frozen=True, slots=True)
class Rating:
    """A score of 0..100. trial: its id; repeats of a source differ by it."""

    listener: str
    trial: str
    source: str
    condition: str
    score: float


@dataclass(frozen=True, slots=True)
class Choice:
    """A choice between two conditions. chosen: one of them, or None where the listener could not decide."""

    listener: str
    question: str
    source: str
    pair: tuple[str, str]
    chosen: str | None


@dataclass(frozen=True, slots=True)
class Abx:
    """An answer in ABX about a condition against the unprocessed sound. correct: None where the listener could not decide."""

    listener: str
    source: str
    condition: str
    correct: bool | None


@dataclass(frozen=True, slots=True)
class PanelData:
    """All answers of a panel. roles: condition -> "tested", "unprocessed" or "anchor". notes: what was left out, who is not complete."""

    kind: Kind
    title: str
    roles: dict[str, str]
    ratings: tuple[Rating, ...] = ()
    choices: tuple[Choice, ...] = ()
    abx: tuple[Abx, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def listeners(self) -> tuple[str, ...]:
        """Everybody who gave an answer, in order of appearance."""
        everything: tuple[Rating | Choice | Abx, ...] = (*self.ratings, *self.choices, *self.abx)
        return tuple(dict.fromkeys(answer.listener for answer in everything))


def gather(sheets: Sequence[Sheet], test: Manifest | None) -> PanelData:
    """Return the answers of files as those of one panel; without a key, names are taken as they stand.

    Without a key scores are MUSHRA, choices that are stated as correct or not are ABX, and other choices are pairs.
    Raises DataError where files are of different tests, or of another than the key is for, and where nothing is left.
    """
    ids = {r.test_id for sheet in sheets for r in sheet.ratings} | {c.test_id for sheet in sheets for c in sheet.choices}
    ids -= {""}
    if test is not None and ids - {test.test_id}:
        raise DataError(f"answers of the test {', '.join(sorted(ids - {test.test_id})[:3])}, but the key is of {test.test_id}")
    if test is None and len(ids) > 1:
        raise DataError(f"answers of {len(ids)} tests: {', '.join(sorted(ids)[:3])}; analyse one at a time")
    notes = [problem for sheet in sheets for problem in sheet.problems]
    ratings, twice = _once((r for sheet in sheets for r in sheet.ratings), lambda r: (r.listener, r.trial, r.stimulus))
    choices, again = _once((c for sheet in sheets for c in sheet.choices), lambda c: (c.listener, c.trial, frozenset((c.first, c.second))))
    if twice + again:
        notes.append(f"{twice + again} rows repeat a listener's answer to the same trial; the first one counts")
    data = _by_names(ratings, choices, notes) if test is None else _by_key(sheets, ratings, choices, test, notes)
    if not data.listeners:
        why = f": {data.notes[0]}" if data.notes else "" if test is not None else ": ABX of BeaqleJS needs the test's key, give `test`"
        raise DataError(f"not one answer can be used{why}")
    return data


def _ordered(roles: dict[str, str]) -> dict[str, str]:
    """Return roles with the unprocessed sound first and anchors last."""
    return dict(sorted(roles.items(), key=lambda item: _ORDER.index(item[1])))


def _once(answers: Iterable[_Answer], key: Callable[[_Answer], Hashable]) -> tuple[list[_Answer], int]:
    """Return the first answer of each key, and how many others there were."""
    listed = list(answers)
    kept = list({key(answer): answer for answer in reversed(listed)}.values())[::-1]
    return kept, len(listed) - len(kept)


def _by_names(ratings: Sequence[RawRating], choices: Sequence[RawChoice], notes: list[str]) -> PanelData:
    if ratings and choices:
        raise DataError("scores and choices together: analyse MUSHRA and pairs one at a time")
    if ratings:
        scored = tuple(Rating(r.listener, r.trial, r.trial, r.stimulus, r.score) for r in ratings)
        names = dict.fromkeys(rating.condition for rating in scored)
        roles = {name: "unprocessed" if name == REFERENCE else "anchor" if name in ANCHORS_HZ else "tested" for name in names}
        return PanelData("mushra", "", _ordered(roles), ratings=scored, notes=tuple(notes))
    roles = {name: "tested" for choice in choices for name in (choice.first, choice.second)}
    roles |= {name: "unprocessed" for name in (REFERENCE, UNPROCESSED) if name in roles}
    if choices and all(choice.stated for choice in choices):
        told = tuple(Abx(c.listener, c.trial, c.second, c.chose_first) for c in choices)
        return PanelData("abx", "", _ordered(roles), abx=told, notes=tuple(notes))
    taken = tuple(Choice(c.listener, "", c.trial, (c.first, c.second), _name_chosen(c, (c.first, c.second))) for c in choices)
    return PanelData("pairs", "", _ordered(roles), choices=taken, notes=tuple(notes))


def _name_chosen(choice: RawChoice, pair: tuple[str, str]) -> str | None:
    return None if choice.chose_first is None else pair[0] if choice.chose_first else pair[1]


def _by_key(
    sheets: Sequence[Sheet], ratings: Sequence[RawRating], choices: Sequence[RawChoice], test: Manifest, notes: list[str]
) -> PanelData:
    """Return answers by the key; what it does not know is left out with a note."""
    scored, taken, told, strange = [], [], [], 0
    for rating in ratings:
        found = _stimuli(test, rating.trial, (rating.stimulus,))
        if found is None or test.kind != "mushra":
            strange += 1
            continue
        held = test.stimuli[found[0]]
        scored.append(Rating(rating.listener, rating.trial, held.source, held.condition, rating.score))
    for choice in choices:
        found = _stimuli(test, choice.trial, (choice.first, choice.second))
        if found is None or test.kind == "mushra":
            strange += 1
            continue
        trial = test.trials[choice.trial]
        pair = (test.stimuli[found[0]].condition, test.stimuli[found[1]].condition)
        if test.kind == "abx":
            told.append(Abx(choice.listener, trial.source, _tested(test, pair), choice.chose_first))
        else:
            taken.append(Choice(choice.listener, trial.question, trial.source, pair, _name_chosen(choice, pair)))
    for answer in (answer for sheet in sheets for answer in sheet.ordered):
        name = f"t{answer.trial:03d}"
        if name not in test.trials or test.kind != "abx":
            strange += 1
            continue
        trial = test.trials[name]
        pair = (test.stimuli[trial.stimuli[0]].condition, test.stimuli[trial.stimuli[1]].condition)
        told.append(Abx(answer.listener, trial.source, _tested(test, pair), answer.correct))
    if strange:
        notes.append(f"{strange} answers are about trials or sounds that the key of {test.test_id} does not know; left out")
    roles = _ordered({name: condition.role for name, condition in test.conditions.items()})
    data = PanelData(test.kind, test.title, roles, tuple(scored), tuple(taken), tuple(told))
    return PanelData(test.kind, test.title, roles, data.ratings, data.choices, data.abx, (*notes, *_incomplete(data, test)))


def _stimuli(test: Manifest, trial: str, names: Sequence[str]) -> list[str] | None:
    """Return the codes of sounds of a trial by what tools call them; None where the key does not know them."""
    asked = test.trials.get(trial)
    if asked is None:
        return None
    found = [_code(test, asked, name) for name in names]
    return found if all(code in asked.stimuli for code in found) else None


def _code(test: Manifest, asked: Asked, name: str) -> str:
    if name in ("A", "B"):  # BeaqleJS
        return asked.stimuli["AB".index(name)]
    return condition_code(test, asked, REFERENCE if name == "Reference" else name)


def _tested(test: Manifest, pair: tuple[str, str]) -> str:
    return next((name for name in pair if test.conditions[name].role == "tested"), pair[1])


def _incomplete(data: PanelData, test: Manifest) -> list[str]:
    """Return a note on who answered less than the whole test."""
    whole = sum(len(trial.stimuli) for trial in test.trials.values()) if test.kind == "mushra" else len(test.trials)
    everything: tuple[Rating | Choice | Abx, ...] = (*data.ratings, *data.choices, *data.abx)
    given = Counter(answer.listener for answer in everything)
    partial = [f"{listener} ({count} of {whole})" for listener, count in given.items() if count < whole]
    more = f" and {len(partial) - _LISTED} others" if len(partial) > _LISTED else ""
    return [f"not complete: {', '.join(partial[:_LISTED])}{more}"] if partial else []
