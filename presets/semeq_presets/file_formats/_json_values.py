"""Values of JSON documents that formats read key by key: numbers, texts and flags of the right type, or a refusal that names the key."""

from __future__ import annotations

import json
from typing import Any

from semeq_export.errors import PresetReadError
from semeq_export.files import strict_json

Json = dict[str, Any]  # Any: JSON holds what it holds

MAX_BYTES = 5_000_000


def document(data: bytes) -> object:
    """Return the document of a file; raises PresetReadError for what is no strict JSON."""
    try:
        return strict_json.loads(data, max_bytes=MAX_BYTES)
    except ValueError as error:
        raise PresetReadError(str(error)) from error


def mapping(value: object, where: str) -> Json:
    """Return a value that must be an object."""
    if not isinstance(value, dict):
        raise PresetReadError("is missing or not an object", where=where)
    return value


def sequence(value: object, where: str) -> list[Any]:
    """Return a value that must be a list."""
    if not isinstance(value, list):
        raise PresetReadError("is missing or not a list", where=where)
    return value


def number(entry: Json, key: str, where: str, default: float | None = None) -> float:
    """Return the number of a key."""
    value = entry.get(key, default)
    if isinstance(value, bool) or not isinstance(value, float | int):
        raise PresetReadError(f"{key} is missing" if value is None else f"{key} {str(value)[:40]!r} is not a number", where=where)
    return float(value)


def whole(entry: Json, key: str, where: str, default: int | None = None) -> int:
    """Return the whole number of a key."""
    value = number(entry, key, where, default)
    if not value.is_integer():
        raise PresetReadError(f"{key} {value:g} is not a whole number", where=where)
    return int(value)


def flag(entry: Json, key: str, where: str, default: bool) -> bool:
    """Return the truth of a key."""
    value = entry.get(key, default)
    if not isinstance(value, bool):
        raise PresetReadError(f"{key} {str(value)[:40]!r} is not true or false", where=where)
    return value


def text(entry: Json, key: str, where: str, default: str = "") -> str:
    """Return the text of a key."""
    value = entry.get(key, default)
    if not isinstance(value, str):
        raise PresetReadError(f"{key} {str(value)[:40]!r} is not a text", where=where)
    return value


def render(root: object, indent: int | str, *, end: str = "\n") -> bytes:
    """Return a document as UTF-8 JSON, keys in their order."""
    return (json.dumps(root, indent=indent, ensure_ascii=False, allow_nan=False) + end).encode("utf-8")
