"""Tables of answers: webMUSHRA's, our page's and BeaqleJS's are read, and what is broken is said in one line."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semeq_export.errors import DataError
from semeq_export.panel.answers import Sheet, read_sheet
from semeq_export.panel.design import ANCHORS_HZ, REFERENCE, UNPROCESSED, abx_trials, forms, mushra_trials, pair_trials
from semeq_export.panel.gathered import PanelData, gather
from semeq_export.panel.manifest import Condition, Manifest, Source, Stimulus, coded

RATINGS = """session_test_id,email,age,session_uuid,trial_id,rating_stimulus,rating_score,rating_time,rating_comment
mushra,a@x,30,u-one,trial1,C1,60,4000,"well, ok"
mushra,a@x,30,u-one,trial1,reference,100,4000,
mushra,a@x,30,u-one,trial1,anchor35,20,4000,
mushra,a@x,30,u-two,trial1,C1,70,4000,
mushra,a@x,30,u-two,trial1,reference,95,4000,
"""
CHOICES = """session_test_id,email,trial_id,choice_reference,choice_non_reference,choice_answer,choice_time,choice_comment
abx,,t1,reference,C1,correct,1,
abx,,t1,reference,C2,incorrect,1,
abx,,t1,reference,C1,incorrect,1,
abx,,t1,reference,C2,undecided,1,
"""
STEPS = """session_test_id,participant,trial_id,stimuli_rating,stimuli,rating_time
pairs,ann,t001," 6 ",warm,1
pairs,ann,t001," 2 ",unprocessed,1
pairs,bob,t001," 4 ",warm,1
pairs,bob,t001," 4 ",unprocessed,1
"""


def read(text: str) -> Sheet:
    return read_sheet(text.encode(), "answers.csv")


def key(kind: str) -> Manifest:
    """Return the key of a test whose codes are the conditions' names with the source's letter."""
    first = REFERENCE if kind == "mushra" else UNPROCESSED
    names = [first, "warm", *(ANCHORS_HZ if kind == "mushra" else ())]
    pairs = {(source, name): f"{source}-{name}" for source in "de" for name in names}
    trials = {
        "pairs": lambda: pair_trials("de", names, ["warmer?"], "all", 1),
        "mushra": lambda: mushra_trials("de", ["warm"], "good?", 1),
        "abx": lambda: abx_trials("de", names, "X?", 1),
    }[kind]()
    roles = {first: "unprocessed", **dict.fromkeys(ANCHORS_HZ, "anchor")}
    return Manifest(
        schema=1,
        test_id=kind,
        kind=kind,  # type: ignore[arg-type]
        title="T",
        seed=1,
        made_for="page",
        wanted_lufs=-23.0,
        lufs=-23.0,
        ceiling_dbtp=-1.0,
        sample_rate_hz=48_000,
        sources={source: Source(f"{source}.wav", 0.0, 2.0, 1) for source in "de"},
        conditions={name: Condition(roles.get(name, "tested")) for name in names},
        stimuli={code: Stimulus(*pair, 0.0, -23.0, -3.0) for pair, code in pairs.items()},
        **coded(trials, forms(kind, trials, 1), pairs),  # type: ignore[arg-type]
    )


def test_webmushra_scores_are_read_by_session() -> None:
    data = gather([read(RATINGS)], None)
    assert data.kind == "mushra"
    assert data.listeners == ("a@x, 30 #u-one", "a@x, 30 #u-two")
    assert data.roles == {"C1": "tested", "reference": "unprocessed", "anchor35": "anchor"}
    assert [(r.source, r.condition, r.score) for r in data.ratings][:2] == [("trial1", "C1", 60.0), ("trial1", "reference", 100.0)]


def test_listeners_without_a_number_are_told_apart_by_trials_that_come_again() -> None:
    data = gather([read(CHOICES)], None)
    assert data.kind == "abx"
    assert [(a.listener.rpartition(" ")[2], a.condition, a.correct) for a in data.abx] == [
        ("listener", "C1", True),
        ("listener", "C2", False),
        ("(2)", "C1", False),
        ("(2)", "C2", None),
    ]


def test_the_higher_step_of_two_is_the_choice() -> None:
    data = gather([read(STEPS)], None)
    assert [(c.listener, c.pair, c.chosen) for c in data.choices] == [
        ("ann", ("warm", "unprocessed"), "warm"),
        ("bob", ("warm", "unprocessed"), None),
    ]


@pytest.mark.parametrize(
    "change", [lambda t: "\ufeff" + t, lambda t: t.replace(",", ";").replace("well;", "well,"), lambda t: t.replace("\n", "\r\n")]
)
def test_what_a_spreadsheet_saved_again_is_read_alike(change) -> None:
    assert read(change(RATINGS)).ratings == read(RATINGS).ratings


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "answers.csv: is empty"),
        (b"  \n", "answers.csv: is empty"),
        (b"\xff\xfe\x00a", "not UTF-8 text (byte 0): export it as CSV in UTF-8"),
        (b"a,b\0,c\n", "holds NUL bytes: no CSV"),
        (b"name,score\nx,1\n", "no table of a listening test: expected the columns trial_id, rating_stimulus, rating_score; "),
        (b"RIFF....WAVE", "no table of a listening test"),
        (RATINGS.splitlines()[0].encode(), "not one answer can be used: there are no rows"),
        (b"trial_id,rating_stimulus,rating_score\nt,C1,NaN\n", "not one answer can be used: answers.csv: line 2: NaN is outside 0..100"),
        (b'[{"TestID": 1', "no results of BeaqleJS"),
        (b"[]", "not one answer can be used"),
        (b'[{"rating": {"a": "much"}, "TestID": "t001"}]', "entry 1: 'much' is not a number"),
    ],
)
def test_what_is_no_table_is_refused_in_one_line(data: bytes, said: str) -> None:
    with pytest.raises(DataError, match=re.escape(said)) as found:
        read_sheet(data, "answers.csv")
    assert "\n" not in str(found.value)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("m,,,u,t,C1,abc,1,", "line 7: 'abc' is not a number; left out"),
        ("m,,,u,t,C1,101,1,", "line 7: 101 is outside 0..100; left out"),
        ("m,,,u,t,C1", "line 7: 6 cells, expected 9; left out"),
    ],
)
def test_a_broken_row_is_left_out_and_named(row: str, said: str) -> None:
    sheet = read(f"{RATINGS}{row}\n")
    assert len(sheet.ratings) == 5
    assert sheet.problems == (f"answers.csv: {said}",)


def test_a_choice_of_neither_sound_is_named() -> None:
    sheet = read(CHOICES + "abx,,t9,reference,C1,C7,1,\n")
    assert sheet.problems == (
        "answers.csv: line 6: choice_answer 'C7' is neither of the two sounds, nor correct, incorrect, undecided or unknown; left out",
    )


def test_the_same_file_twice_counts_once() -> None:
    data = gather([read(RATINGS), read(RATINGS)], None)
    assert len(data.ratings) == 5
    assert data.notes == ("5 rows repeat a listener's answer to the same trial; the first one counts",)


PREFERENCES = json.dumps([{"TestID": "t001", "PresentationOrder": "A=B, B=A", "Preference": "A"}, True, {"UserName": "ann"}])


@given(
    text=st.sampled_from([RATINGS, CHOICES, STEPS, PREFERENCES]),
    at=st.floats(0.0, 1.0),
    cut=st.integers(0, 40),
    put=st.binary(max_size=12) | st.sampled_from([b"\n", b",", b'"', b"[", b"null", b"1e999", b"\x00", "\u00e9".encode()]),
)
def test_whatever_is_wrong_with_a_table_is_said_in_one_line(text: str, at: float, cut: int, put: bytes) -> None:
    data = text.encode()
    start = int(at * len(data))
    try:
        gather([read_sheet(data[:start] + put + data[start + cut :], "a.csv")], None)
    except DataError as error:
        assert "\n" not in str(error)


def page_rows(kind: str, rows: list[str]) -> str:
    columns = {
        "mushra": "rating_stimulus,rating_score,rating_time,rating_comment",
        "pairs": "choice_reference,choice_non_reference,choice_answer,choice_time,choice_comment",
    }
    head = f"session_test_id,participant,session_uuid,trial_id,{columns.get(kind, columns['pairs'])}"
    return "\n".join([head, *(f"{kind},ann,0123456789abcdef,{row}" for row in rows), ""])


def joined(kind: str, text: str) -> PanelData:
    return gather([read_sheet(text.encode(), "a.csv")], key(kind))


def test_codes_become_sources_and_conditions() -> None:
    data = joined("pairs", page_rows("pairs", ["t001,d-warm,d-unprocessed,d-warm,1,", "t002,e-unprocessed,e-warm,e-unprocessed,1,"]))
    assert [(c.question, c.source, c.pair, c.chosen) for c in data.choices] == [
        ("warmer?", "d", ("warm", "unprocessed"), "warm"),
        ("warmer?", "e", ("unprocessed", "warm"), "unprocessed"),
    ]
    assert data.notes == ()
    data = joined("mushra", page_rows("mushra", ["t001,d-warm,60,1,", "t001,d-reference,100,1,"]))
    assert [(r.source, r.condition, r.score) for r in data.ratings] == [("d", "warm", 60.0), ("d", "reference", 100.0)]
    assert data.notes == ("not complete: ann #01234567 (2 of 8)",)


def test_webmushra_with_our_codes_and_its_own_reference() -> None:
    data = joined("mushra", RATINGS.replace("trial1", "t001").replace("C1", "d-warm").replace("anchor35", "d-anchor35"))
    assert {(r.source, r.condition) for r in data.ratings} == {("d", "warm"), ("d", "reference"), ("d", "anchor35")}
    data = joined(
        "abx", CHOICES.replace("t1", "t001").replace("C1", "d-warm").replace("abx,,t001,reference,C2", "abx,,t002,reference,e-warm")
    )
    assert [(a.source, a.condition, a.correct) for a in data.abx][:2] == [("d", "warm", True), ("e", "warm", False)]


def test_beaqlejs_results_are_read_by_the_key() -> None:
    who = {"UserName": "ann", "UserEmail": "", "UserComment": ""}
    pairs = [
        {"TestID": "t001", "PresentationOrder": "A=B, B=A", "Runtime": 1, "Preference": "A"},
        {"TestID": "t002", "PresentationOrder": "A=A, B=B", "Runtime": 1, "Preference": "A"},
        who,
    ]
    data = joined("pairs", json.dumps(pairs))
    assert [(c.source, c.chosen) for c in data.choices] == [("d", "warm"), ("e", "unprocessed")]
    data = joined("abx", json.dumps([True, False, who]))
    assert [(a.listener, a.source, a.condition, a.correct) for a in data.abx] == [
        ("ann, a.csv", "d", "warm", True),
        ("ann, a.csv", "e", "warm", False),
    ]
    scores = [{"TestID": "t001", "rating": {"d-warm": 61, "Reference": 100}, "filename": {}}, who]
    assert [(r.condition, r.score) for r in joined("mushra", json.dumps(scores)).ratings] == [("warm", 61.0), ("reference", 100.0)]
    with pytest.raises(DataError, match="needs the test's key"):
        gather([read_sheet(json.dumps([True, who]).encode(), "a.txt")], None)


def test_what_the_key_does_not_know_is_left_out() -> None:
    rows = ["t001,d-warm,d-unprocessed,d-warm,1,", "t001,d-warm,e-unprocessed,d-warm,1,", "t999,d-warm,d-unprocessed,d-warm,1,"]
    data = joined("pairs", page_rows("pairs", rows))
    assert len(data.choices) == 1
    assert data.notes[0] == "2 answers are about trials or sounds that the key of pairs does not know; left out"


def test_answers_of_another_test_are_refused() -> None:
    with pytest.raises(DataError, match="answers of the test abx, but the key is of pairs"):
        gather([read(CHOICES)], key("pairs"))
    with pytest.raises(DataError, match="answers of 2 tests: abx, pairs; analyse one at a time"):
        gather([read(CHOICES), read(STEPS)], None)
    with pytest.raises(DataError, match="scores and choices together"):
        gather([read(CHOICES), read(RATINGS.replace("mushra,", "abx,"))], None)
