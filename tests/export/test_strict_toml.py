"""TOML from strangers: bounded before it is parsed, and no number in it that Python cannot make a float."""

from __future__ import annotations

import tomllib
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semeq_export.files import strict_toml


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a." * 20_000 + "a = 1", "a key of more than 32 parts"),
        ("[" + "a." * 32 + "a]", "a key of more than 32 parts"),
        ('"a"."b".' * 20 + "c = 1", "a key of more than 32 parts"),
        ("x = {" + " a . " * 40 + "b = 1}", "a key of more than 32 parts"),
        ("x = '''\n'''''\n" + "a." * 40 + "b = 1", "a key of more than 32 parts"),
        ("x = " + "[" * 100_000, "nested deeper than 32 levels"),
        ("x = " + "{a = [" * 17 + "]}" * 17, "nested deeper than 32 levels"),
        ("x = " + "9" * 400, "an integer of more than 64 bits"),
        ("x = [{y = -0x" + "f" * 5_000 + "}]", "not a TOML file"),
        ("x = 0x" + "f" * 5_000, "an integer of more than 64 bits"),
        ("x = " + "9" * 5_000, "an integer of more than 64 bits"),
        ("= 3", "not a TOML file: Invalid statement"),
        ('x = "' + '\\"' * 50_000, "not a TOML file: Unterminated string"),
        ("#" * 300_000, "over the limit of 256000 bytes"),
    ],
)
def test_what_would_cost_too_much_is_refused_in_one_line(text: str, why: str) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=why) as caught:
            strict_toml.loads(text.encode())
        assert tracemalloc.get_traced_memory()[1] < 16_000_000
    finally:
        tracemalloc.stop()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "x = '" + "a." * 100 + "[[[[" * 100 + "'",
        'x = "' + '\\"a.' * 100 + "{" * 100 + '"',
        'x = """\n' + '"" a.\\""" ' * 100 + "[" * 100 + '"""""\ny = 1',
        "x = '''\n''' # " + "a." * 100 + "[" * 100,
        "x = [" + "1.5, " * 1_000 + "]",
        "[" + "a." * 31 + "a]\nx = " + "[" * 32 + "]" * 32,
        "x = 9223372036854775807\ny = -9223372036854775808\nz = inf",
    ],
)
def test_dots_and_brackets_in_texts_and_comments_do_not_count(text: str) -> None:
    assert strict_toml.loads(text.encode()) == tomllib.loads(text)


@given(st.text(alphabet="ab.[]{}=\"'\\#,\n 1", max_size=60))
def test_what_is_small_reads_as_the_standard_library_reads_it(text: str) -> None:
    try:
        expected = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        with pytest.raises(ValueError, match="not a TOML file"):
            strict_toml.loads(text.encode())
    else:
        assert strict_toml.loads(text.encode()) == expected
