"""Answers of listeners, and the reader of the tables that tools save them in.

    MUSHRA       session_test_id, (questionnaire ..), session_uuid, trial_id, rating_stimulus, rating_score, rating_time, rating_comment
    pairs, ABX   session_test_id, (questionnaire ..), trial_id, choice_reference, choice_non_reference, choice_answer, choice_time,
                 choice_comment
    steps        session_test_id, (questionnaire ..), trial_id, stimuli_rating, stimuli, rating_time

That is webMUSHRA's (service/write.php); our page writes the first two with its `session_uuid` in both. choice_answer is "correct" where the
reference was chosen, "incorrect", "undecided" or "unknown"; for pairs our page writes the code that was chosen. Steps are of a pair: the
sound with the higher one was chosen. Tables that were saved again by a spreadsheet (semicolons, a byte order mark) are read too.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from semeq_export.errors import DataError, printable
from semeq_export.files import strict_json

MAX_BYTES = 50_000_000
MAX_ROWS = 500_000
_OWN = ("session_test_id", "session_uuid", "trial_id")
_RATING = ("trial_id", "rating_stimulus", "rating_score")
_CHOICE = ("trial_id", "choice_reference", "choice_non_reference", "choice_answer")
_STEPS = ("trial_id", "stimuli_rating", "stimuli")
_ANSWERS = {"correct": True, "incorrect": False, "undecided": None, "unknown": None}


@dataclass(frozen=True, slots=True)
class RawRating:
    """A score of 0..100 that a listener gave a sound."""

    listener: str
    test_id: str
    trial: str
    stimulus: str
    score: float


@dataclass(frozen=True, slots=True)
class RawChoice:
    """A choice between two sounds. chose_first: None where the listener could not decide. stated: as correct or not, and not by name."""

    listener: str
    test_id: str
    trial: str
    first: str
    second: str
    chose_first: bool | None
    stated: bool


@dataclass(frozen=True, slots=True)
class RawOrdered:
    """What an ABX run of BeaqleJS holds: right or not, in the order of the test's trials. trials: 1 for the first."""

    listener: str
    trial: int
    correct: bool


@dataclass(frozen=True, slots=True)
class Sheet:
    """What one file holds. problems: one line for each row that could not be used."""

    ratings: tuple[RawRating, ...] = ()
    choices: tuple[RawChoice, ...] = ()
    ordered: tuple[RawOrdered, ...] = ()
    problems: tuple[str, ...] = ()


def read_sheet(data: bytes, path: str) -> Sheet:
    """Return the answers of a file; raises DataError where it is no table of answers, or holds not one that can be used."""
    name = printable(path)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"not UTF-8 text (byte {error.start}): export it as CSV in UTF-8", name) from error
    if "\0" in text:
        raise DataError("holds NUL bytes: no CSV", name)
    if not text.strip():
        raise DataError("is empty", name)
    sheet = _beaqlejs(data, name) if text.lstrip().startswith("[") else _table(text, name)
    if not (sheet.ratings or sheet.choices or sheet.ordered):
        raise DataError(f"not one answer can be used: {sheet.problems[0] if sheet.problems else 'there are no rows'}", name)
    return sheet


def _table(text: str, name: str) -> Sheet:
    head = text.lstrip().splitlines()[0]
    delimiter = max(",;\t", key=head.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        columns = [column.strip() for column in next(rows)]
        kind = next((kind for kind in (_RATING, _CHOICE, _STEPS) if set(kind) <= set(columns)), None)
        if kind is None:
            known = "; ".join(", ".join(kind) for kind in (_RATING, _CHOICE, _STEPS))
            raise DataError(f"no table of a listening test: expected the columns {known}", name)
        return _read_rows(rows, columns, kind, name)
    except csv.Error as error:
        raise DataError(f"no CSV: {error}", name) from error


def _read_rows(rows: Iterator[list[str]], columns: Sequence[str], kind: Sequence[str], name: str) -> Sheet:
    """Return the answers of a table's rows; what is wrong with others, in one line each."""
    ratings, choices, steps, problems = [], [], [], []
    identity = _Identity(columns, name)
    for number, row in enumerate(rows, start=2):
        if number > MAX_ROWS:
            raise DataError(f"more than {MAX_ROWS} rows", name)
        if not any(cell.strip() for cell in row) or row == list(columns):
            continue
        try:
            if len(row) != len(columns):
                raise ValueError(f"{len(row)} cells, expected {len(columns)}")
            cells = dict(zip(columns, (cell.strip() for cell in row), strict=True))
            listener, test_id, trial = identity.of(cells, kind), cells.get("session_test_id", ""), cells["trial_id"]
            if kind is _RATING:
                ratings.append(RawRating(listener, test_id, trial, cells["rating_stimulus"], _number(cells["rating_score"], 0.0, 100.0)))
            elif kind is _CHOICE:
                first, second = cells["choice_reference"], cells["choice_non_reference"]
                chosen, stated = _chosen(cells["choice_answer"], first, second)
                choices.append(RawChoice(listener, test_id, trial, first, second, chosen, stated))
            else:
                steps.append(RawRating(listener, test_id, trial, cells["stimuli"], _number(cells["stimuli_rating"], -1e6, 1e6)))
        except ValueError as error:
            problems.append(f"{name}: line {number}: {error}; left out")
    return Sheet(tuple(ratings), (*choices, *_of_steps(steps, name, problems)), (), tuple(problems))


class _Identity:
    """Tells listeners apart: by the session's own number, else by what they wrote in the questionnaire and, where a trial comes again, by
    counting: webMUSHRA appends one listener after another and numbers only MUSHRA sessions."""

    def __init__(self, columns: Sequence[str], name: str) -> None:
        known = {"trial_id", *_RATING, *_CHOICE, *_STEPS, "rating_time", "rating_comment", "choice_time", "choice_comment", *_OWN}
        self._asked = [column for column in columns if column not in known]
        self._seen: dict[str, set[tuple[str, ...]]] = {}
        self._turn: dict[str, int] = {}
        self._name = name

    def of(self, cells: dict[str, str], kind: Sequence[str]) -> str:
        said = ", ".join(cells[column] for column in self._asked if cells[column])
        if cells.get("session_uuid"):
            return f"{said or 'listener'} #{cells['session_uuid'][:8]}"
        base = said or f"{self._name}, listener"
        key = tuple(cells[column] for column in kind if column not in ("rating_score", "choice_answer", "stimuli_rating"))
        seen = self._seen.setdefault(base, set())
        if key in seen:
            seen.clear()
            self._turn[base] = self._turn.get(base, 1) + 1
        seen.add(key)
        turn = self._turn.get(base, 1)
        return base if turn == 1 else f"{base} ({turn})"


def _number(cell: str, low: float, high: float) -> float:
    try:
        value = float(cell)
    except ValueError as error:
        raise ValueError(f"{cell[:40]!r} is not a number") from error
    if not math.isfinite(value) or not low <= value <= high:
        raise ValueError(f"{cell[:40]} is outside {low:g}..{high:g}")
    return value


def _chosen(cell: str, first: str, second: str) -> tuple[bool | None, bool]:
    if cell in _ANSWERS:
        return _ANSWERS[cell], True
    if cell in (first, second):
        return cell == first, False
    raise ValueError(f"choice_answer {cell[:40]!r} is neither of the two sounds, nor correct, incorrect, undecided or unknown")


def _of_steps(steps: Sequence[RawRating], name: str, problems: list[str]) -> Iterator[RawChoice]:
    """Yield the choices that steps on pages of two sounds come to."""
    pages: dict[tuple[str, str, str], list[RawRating]] = {}
    for step in steps:
        pages.setdefault((step.listener, step.test_id, step.trial), []).append(step)
    for (listener, test_id, trial), of_page in pages.items():
        if len(of_page) != 2:
            problems.append(f"{name}: {listener}, {trial}: {len(of_page)} sounds with steps, expected 2; left out")
            continue
        a, b = of_page
        yield RawChoice(listener, test_id, trial, a.stimulus, b.stimulus, None if a.score == b.score else a.score > b.score, False)


def _beaqlejs(data: bytes, name: str) -> Sheet:
    """Return the answers of a results file of BeaqleJS, which is of one listener."""
    try:
        document = strict_json.loads(data, max_bytes=MAX_BYTES)
    except ValueError as error:
        raise DataError(f"no results of BeaqleJS: {error}", name) from error
    who = document[-1].get("UserName") if document and isinstance(document[-1], dict) else None
    listener = f"{who or 'listener'}, {name}"
    ratings, choices, ordered, problems = [], [], [], []
    for number, entry in enumerate(document[:-1] if who is not None else document, start=1):
        if isinstance(entry, bool):
            ordered.append(RawOrdered(listener, number, entry))
            continue
        try:
            if isinstance(entry.get("rating"), dict):
                ratings += [
                    RawRating(listener, "", str(entry["TestID"]), str(label), _number(str(score), 0.0, 100.0))
                    for label, score in entry["rating"].items()
                ]
            elif "PresentationOrder" in entry:
                shown = dict(part.split("=") for part in str(entry["PresentationOrder"]).split(", "))
                picked = shown.get(str(entry.get("Preference")))
                choices.append(RawChoice(listener, "", str(entry["TestID"]), "A", "B", None if picked is None else picked == "A", False))
        except (ValueError, KeyError, AttributeError) as error:
            problems.append(f"{name}: entry {number}: {error}; left out")
    return Sheet(tuple(ratings), tuple(choices), tuple(ordered), tuple(problems))
