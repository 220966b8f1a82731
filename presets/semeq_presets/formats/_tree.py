"""Nested text data with its spelling: what the readers of YAML and of PipeWire's JSON build, and the formats look into."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from semeq_export.errors import PresetReadError
from semeq_presets.formats._fields import number

MAX_DEPTH = 32


@dataclass(frozen=True, slots=True)
class Scalar:
    """A single value as it is written. quoted: it is certainly text, whatever it looks like."""

    text: str
    quoted: bool = False


Node: TypeAlias = "Scalar | list[Node] | dict[str, Node]"
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
    """Return a node that must be a single value; raises PresetReadError for anything else."""
    if not isinstance(node, Scalar):
        raise PresetReadError("is missing" if node is None else "is not a single value", where=where)
    return node.text


def value(parent: dict[str, Node], key: str, where: str) -> float:
    """Return the number under a key; raises PresetReadError naming it."""
    return number(text(parent.get(key), f"{where} {key}"), key, where)
