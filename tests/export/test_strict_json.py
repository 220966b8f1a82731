"""JSON from strangers: what the standard leaves open is refused, with one line that says what is wrong."""

from __future__ import annotations

import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semeq_export.files import strict_json

documents = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**18), 10**18) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(documents)
def test_what_we_write_reads_back_the_same_and_writes_the_same_bytes(document: object) -> None:
    data = strict_json.dumps(document)
    assert strict_json.loads(data) == document
    assert strict_json.dumps(strict_json.loads(data)) == data


def test_names_that_are_not_utf8_are_written_as_they_are_shown() -> None:  # fault C14
    name = os.fsdecode(b"a\xff\n\xc3\xbc.wav")
    assert strict_json.loads(strict_json.dumps({"path": name})) == {"path": "a\\udcff\nü.wav"}
    assert strict_json.loads(json.dumps({name: name}).encode(), surrogates=True) == {name: name}


def test_key_order_does_not_change_the_bytes() -> None:
    assert strict_json.dumps({"a": 1, "b": 2}) == strict_json.dumps({"b": 2, "a": 1})


@given(st.binary(max_size=200))
def test_any_bytes_end_in_a_document_or_one_line(data: bytes) -> None:
    try:
        strict_json.loads(data)
    except ValueError as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b'{"a": NaN}', "NaN"),  # fault D14
        (b"[Infinity]", "Infinity"),
        (b"[-Infinity]", "-Infinity"),
        (b"[1e999]", "too large"),
        (b"[-1e999]", "too large"),
        (b'{"a": 1, "a": 1}', "'a' occurs twice"),
        (b'{"x": [{"a": 1, "b": 2, "a": 3}]}', "'a' occurs twice"),
        (b"[" * 100_000 + b"]" * 100_000, "deeper than 32"),  # fault D15
        (b'{"a":' * 33 + b"1" + b"}" * 33, "deeper than 32"),
        (b"9" * 5_000, "5000 digits"),
        (b"\xef\xbb\xbf{}", "byte order mark"),
        (b'["\\ud800"]', "lone surrogate"),
        (b'{"\\udc00": 1}', "lone surrogate"),
        (b"", "line 1"),
        (b"{} {}", "line 1"),
        (b"{'a': 1}", "line 1"),
        ('{"a": 1}'.encode("utf-16"), "utf-8"),
        (b'["\xff"]', "utf-8"),
        (b"<html>404</html>", "line 1"),
        (b'["' + b"x" * strict_json.MAX_BYTES + b'"]', "over the limit"),
    ],
)
def test_doubtful_json_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why) as caught:
        strict_json.loads(data)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200


def test_the_limits_themselves_are_allowed() -> None:
    nested = b"[" * strict_json.MAX_DEPTH + b"1" + b"]" * strict_json.MAX_DEPTH
    assert strict_json.loads(nested) == json.loads(nested)
    assert strict_json.loads(b"[12345678901234567890]") == [12345678901234567890]
    assert strict_json.loads(b'["\\ud83d\\ude00"]') == ["\U0001f600"]
    assert strict_json.loads(b'["123456"]', max_bytes=10) == ["123456"]


@pytest.mark.parametrize("document", [float("nan"), [float("inf")], {"a": -float("inf")}])
def test_numbers_that_are_not_finite_are_never_written(document: object) -> None:
    with pytest.raises(ValueError, match="[Oo]ut of range"):
        strict_json.dumps(document)
