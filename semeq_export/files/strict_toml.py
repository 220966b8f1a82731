"""TOML from strangers, the one reader for all of ours: sessions, chains, devices and recipes.

The standard library's parser takes time and memory with the square of how many parts a dotted key has (40 KB of `a.a.a` take 1.6 GB), so
keys and nesting are counted first, in one pass over the text without its strings and comments. Numbers that no 64-bit integer holds are
refused, as TOML 1.0.0, Integer, allows; so every number that comes out can be made a float.
"""

from __future__ import annotations

import re
import tomllib
from typing import Any

MAX_BYTES = 256_000
"""Sessions of a thousand stems have less; the costliest text of this size that there is takes 1.5 s and 150 MB."""
MAX_DEPTH = 32

_TEXT = re.compile(
    r'"""(?:[^"\\]|\\.|"(?!""))*(?:"{3,5}|\\?\Z)'
    r"|'''(?:[^']|'(?!''))*(?:'{3,5}|\Z)"
    r'|"(?:[^"\\\n]|\\.)*"?'
    r"|'[^'\n]*'?"
    r"|#[^\n]*",
    re.DOTALL,
)
"""Strings and comments: what may hold dots and brackets that mean nothing. What is not closed reaches to its end, so all is one pass."""

_TOO_LARGE = "holds an integer of more than 64 bits"
_NO_KEY = re.compile(r"[^\w\-. \t]")
_BRACKET = re.compile(r"[\[\]{}]")


def loads(data: bytes) -> dict[str, Any]:  # Any: TOML holds what it holds; callers check
    """Return the decoded document; raises ValueError with one line that says what is wrong, "not a TOML file: ..." for what is none."""
    if len(data) > MAX_BYTES:
        raise ValueError(f"is over the limit of {MAX_BYTES} bytes")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"not a TOML file: {error}") from error
    _check_depth(_TEXT.sub("_", text))
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"not a TOML file: {' '.join(str(error).split())}") from error
    except ValueError as error:  # more digits than Python makes a number of
        raise ValueError(_TOO_LARGE) from error
    _check_numbers(document)
    return document


def _check_depth(text: str) -> None:
    """Raise for keys of more parts, or tables and lists inside each other, than any file of ours has."""
    if any(run.count(".") >= MAX_DEPTH for run in _NO_KEY.split(text)):
        raise ValueError(f"holds a key of more than {MAX_DEPTH} parts")
    depth = 0
    for bracket in _BRACKET.finditer(text):
        depth += 1 if bracket[0] in "[{" else -1
        if depth > MAX_DEPTH:
            raise ValueError(f"is nested deeper than {MAX_DEPTH} levels")


def _check_numbers(value: object) -> None:
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise ValueError(_TOO_LARGE)
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            _check_numbers(inner)
