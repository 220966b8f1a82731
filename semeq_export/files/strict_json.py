"""JSON from strangers, read strictly: what the standard leaves open is refused.

Refused: NaN and infinities (also as 1e999), duplicate keys, a byte order mark, lone surrogates, nesting over 32 levels, files over the
size cap.
Also the one place that decides how our own JSON is written, so that equal data gives equal bytes.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

MAX_BYTES = 1_000_000
MAX_DEPTH = 32

_SURROGATE = re.compile("[\ud800-\udfff]")


def loads(data: bytes, *, max_bytes: int = MAX_BYTES, surrogates: bool = False) -> Any:  # Any: JSON of any shape; callers convert it
    """Return the decoded document; raises ValueError with one line that says what is wrong.

    surrogates: let lone ones pass, as which Python keeps the bytes of file names that are not UTF-8.
    """
    if len(data) > max_bytes:
        raise ValueError(f"JSON of {len(data)} bytes is over the limit of {max_bytes}")
    if data.startswith(b"\xef\xbb\xbf"):
        raise ValueError("JSON starts with a byte order mark")
    decoded = data.decode("utf-8")
    try:
        document = json.loads(
            decoded,
            object_pairs_hook=_unique_keys,
            parse_constant=_refuse_constant,
            parse_float=_parse_finite,
            parse_int=_parse_bounded_int,
        )
    except RecursionError as error:
        raise ValueError(f"JSON is nested deeper than {MAX_DEPTH} levels") from error
    _check_nodes(document, MAX_DEPTH, surrogates)
    return document


def dumps(document: object) -> bytes:
    """Return the document as indented UTF-8 JSON with sorted keys, shortest exact floats and a final newline."""
    return (text(document, indent=1) + "\n").encode("utf-8")


def text(document: object, *, indent: int) -> str:
    """Return the document as `dumps` writes it.

    Bytes of file names that are not UTF-8 stand as `files.printable` shows them, backslash u dc ff for 0xff: a lone surrogate is no text,
    and strict readers refuse it.
    """
    written = json.dumps(document, indent=indent, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return _SURROGATE.sub(lambda found: f"\\\\u{ord(found[0]):04x}", written)


def _unique_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result: dict[str, object] = {}
    for key, value in pairs:
        if key in result:
            raise ValueError(f"JSON key {key[:60]!r} occurs twice")
        result[key] = value
    return result


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"JSON holds {name}, which is not a number")


def _parse_finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"JSON number {text[:40]} is too large")
    return value


def _parse_bounded_int(text: str) -> int:
    if len(text) > 20:
        raise ValueError(f"JSON number of {len(text)} digits is too long")
    return int(text)


def _check_nodes(node: object, levels_left: int, surrogates: bool) -> None:
    if isinstance(node, str):
        if not surrogates and _SURROGATE.search(node):
            raise ValueError("JSON text holds a lone surrogate")
    elif isinstance(node, dict | list):
        if levels_left == 0:
            raise ValueError(f"JSON is nested deeper than {MAX_DEPTH} levels")
        for key in node if isinstance(node, dict) else ():
            _check_nodes(key, levels_left - 1, surrogates)
        for value in node.values() if isinstance(node, dict) else node:
            _check_nodes(value, levels_left - 1, surrogates)
