"""Nested text data with its spelling: what the readers of YAML and of PipeWire's JSON build, and the formats look into."""

from __future__ import annotations

from typing import TypeAlias

from semeq_export.errors import PresetReadError
from semeq_presets.file_formats._fields import number

MAX_DEPTH = 32


class Quoted(str):
    """A single value that is certainly text, whatever it looks like; others are plain `str`, as they are written."""

    __slots__ = ()


Node: TypeAlias = "str | list[Node] | dict[str, Node]"
"""Built by readers and never changed afterwards; writers work on copies."""


def mapping(node: Node | None, where: str) -> dict[str, Node]:
    """Return a node that must be a mapping; raises PresetReadError for anything else."""
    if not isinstance(node, dict):
        raise PresetReadError("is missing" if node is None else "is not a mapping", where=where)
    return node


def sequence(node: Node | None, where: str) -> list[Node]:
    """Return a node that must be a list; raises PresetReadError for anything else."""
    if not isinstance(node, list):
        raise PresetReadError("is missing" if node is None else "is not a list", where=where)
    return node


def text(node: Node | None, where: str) -> str:
    """Return the text of a node that must be a single value; raises PresetReadError for anything else."""
    if not isinstance(node, str):
        raise PresetReadError("is missing" if node is None else "is not a single value", where=where)
    return str(node)


def value(parent: dict[str, Node], key: str, where: str) -> float:
    """Return the number under a key; raises PresetReadError naming it."""
    return number(text(parent.get(key), f"{where} {key}"), key, where)
