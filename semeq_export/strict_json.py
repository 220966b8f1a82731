"""JSON from strangers, read strictly: what the standard leaves open is refused.

Refused: NaN and infinities (also as 1e999), duplicate keys, a byte order mark, lone surrogates, nesting over 32 levels, files over the
size cap.
Also the one place that decides how our own JSON is written, so that equal data gives equal bytes.
"""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

MAX_BYTES = 1_000_000
MAX_DEPTH = 32


def loads(data: bytes, *, max_bytes: int = MAX_BYTES) -> Any:  # Any: JSON holds what it holds; callers convert with msgspec
    """Return the decoded document; raises ValueError with one line that says what is wrong."""
    if len(data) > max_bytes:
        raise ValueError(f"JSON of {len(data)} bytes is over the limit of {max_bytes}")
    if data.startswith(b"\xef\xbb\xbf"):
        raise ValueError("JSON starts with a byte order mark")
    text = data.decode("utf-8")
    try:
        document = json.loads(
            text,
            object_pairs_hook=_unique_keys,
            parse_constant=_refuse_constant,
            parse_float=_finite,
            parse_int=_bounded_int,
        )
    except RecursionError as error:
        raise ValueError(f"JSON is nested deeper than {MAX_DEPTH} levels") from error
    _check_nodes(document, MAX_DEPTH)
    return document


def dumps(document: object) -> bytes:
    """Return the document as indented UTF-8 JSON with sorted keys, shortest exact floats and a final newline."""
    text = json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return (text + "\n").encode("utf-8")


def _unique_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result: dict[str, object] = {}
    for key, value in pairs:
        if key in result:
            raise ValueError(f"JSON key {key[:60]!r} occurs twice")
        result[key] = value
    return result


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"JSON holds {name}, which is not a number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"JSON number {text[:40]} is too large")
    return value


def _bounded_int(text: str) -> int:
    if len(text) > 20:
        raise ValueError(f"JSON number of {len(text)} digits is too long")
    return int(text)


def _check_nodes(node: object, levels_left: int) -> None:
    if isinstance(node, str):
        try:
            node.encode("utf-8")
        except UnicodeEncodeError as error:
            raise ValueError("JSON text holds a lone surrogate") from error
    elif isinstance(node, dict | list):
        if levels_left == 0:
            raise ValueError(f"JSON is nested deeper than {MAX_DEPTH} levels")
        for key in node if isinstance(node, dict) else ():
            _check_nodes(key, levels_left - 1)
        for value in node.values() if isinstance(node, dict) else node:
            _check_nodes(value, levels_left - 1)
