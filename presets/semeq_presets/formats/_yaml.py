"""YAML from strangers, as plain data with its spelling.

PyYAML finds the structure; nothing is constructed from it. Refused: anchors and aliases (a few lines of them can stand for gigabytes),
tags, several documents, duplicate keys, keys that are no single value, nesting over 32 levels, texts over 200 kB. Scalars stay text: what
is a number is decided by who asks for one, so that YAML's many spellings of numbers, dates and truth change nothing.
"""

from __future__ import annotations

import json
import re

import yaml

from semeq_export.errors import PresetReadError
from semeq_presets.formats._fields import text_of
from semeq_presets.formats._tree import MAX_DEPTH, Node, Scalar

MAX_CHARS = 200_000
_PLAIN = re.compile(r"~|[-+.]?[A-Za-z0-9_/]([A-Za-z0-9_./+ -]*[A-Za-z0-9_./+-])?")
_PLAIN_KEY = re.compile(r"(?!(yes|no|on|off|true|false|null|y|n)$)[A-Za-z_][A-Za-z0-9_-]*", re.IGNORECASE)
_NOT_PRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def parse(data: bytes) -> Node:
    """Return the document; raises PresetReadError naming the line for everything that is refused."""
    text = text_of(data).removeprefix("\ufeff")
    if len(text) > MAX_CHARS:
        raise PresetReadError(f"YAML of {len(text)} characters is over the limit of {MAX_CHARS}")
    try:
        root = _Reader().read(text)
    except PresetReadError:
        raise
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise PresetReadError(f"is not YAML: {error.problem or 'unknown reason'}", where=f"line {line}" if line else "") from error
    except (yaml.YAMLError, ValueError, OverflowError) as error:  # the latter two: escapes of characters that do not exist
        raise PresetReadError(f"is not YAML: {str(error).splitlines()[0][:100]}") from error
    if root is None:
        raise PresetReadError("is empty")
    return root


def render(node: Node) -> str:
    """Return a document in block style; equal data gives equal text."""
    return "".join(f"{line}\n" for line in _lines(node))


class _Reader:
    """Builds one document out of PyYAML's events."""

    def read(self, text: str) -> Node | None:
        """Return the root, None for an empty text."""
        documents = 0
        root: Node | None = None
        stack: list[tuple[Node, str | None]] = []  # open collections, and the key that waits for its value
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            where = f"line {event.start_mark.line + 1}" if event.start_mark is not None else ""
            documents += isinstance(event, yaml.DocumentStartEvent)
            if documents > 1:
                raise PresetReadError("a second document", where=where)
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
                raise PresetReadError("anchors and aliases (& and *) are not read", where=where)
            tag = getattr(event, "tag", None)
            if tag is not None:
                raise PresetReadError(f"tag {str(tag)[:40]} is not read", where=where)
            node: Node
            if isinstance(event, yaml.ScalarEvent):
                if re.search("[\ud800-\udfff]", event.value):
                    raise PresetReadError("text holds a lone surrogate", where=where)
                node = Scalar(event.value, quoted=event.style is not None)
            elif isinstance(event, yaml.MappingStartEvent):
                node = {}
            elif isinstance(event, yaml.SequenceStartEvent):
                node = []
            else:
                if isinstance(event, yaml.CollectionEndEvent):
                    stack.pop()
                continue
            if stack:
                stack[-1] = (stack[-1][0], _put(stack[-1], node, where))
            else:
                root = node
            if not isinstance(node, Scalar):
                stack.append((node, None))
                if len(stack) > MAX_DEPTH:
                    raise PresetReadError(f"is nested deeper than {MAX_DEPTH} levels", where=where)
        return root


def _put(place: tuple[Node, str | None], node: Node, where: str) -> str | None:
    """Put a node into an open collection; return the key that now waits for its value."""
    parent, key = place
    if isinstance(parent, list):
        parent.append(node)
        return None
    assert isinstance(parent, dict)
    if key is not None:
        parent[key] = node
        return None
    if not isinstance(node, Scalar):
        raise PresetReadError("a key is not a single value", where=where)
    if node.text in parent:
        raise PresetReadError(f"key {node.text[:40]!r} occurs twice", where=where)
    return node.text


def _lines(node: Node) -> list[str]:
    if isinstance(node, Scalar):
        return [_scalar(node)]
    if not node:
        return ["{}" if isinstance(node, dict) else "[]"]
    if isinstance(node, dict):
        lines = []
        for key, child in node.items():
            name = key if _PLAIN_KEY.fullmatch(key) else _quoted(key)
            if isinstance(child, Scalar) or not child or _is_numbers(child):
                lines.append(f"{name}: {_flow(child)}".rstrip())
            else:
                lines += [f"{name}:", *(f"  {line}" for line in _lines(child))]
        return lines
    lines = []
    for child in node:
        first, *rest = _lines(child)
        lines += [f"- {first}".rstrip(), *(f"  {line}" for line in rest)]
    return lines


def _is_numbers(node: Node) -> bool:
    return isinstance(node, list) and all(isinstance(item, Scalar) and re.fullmatch(r"-?\d+(\.\d+)?", item.text) for item in node)


def _flow(node: Node) -> str:
    if isinstance(node, Scalar):
        return _scalar(node)
    return f"[{', '.join(_scalar(item) for item in node if isinstance(item, Scalar))}]" if isinstance(node, list) else "{}"


def _scalar(scalar: Scalar) -> str:
    """Return a value so that it is read as the same: plain where it was and that is safe, else in double quotes, escaped as in JSON."""
    if not scalar.quoted and (not scalar.text or _PLAIN.fullmatch(scalar.text)):
        return scalar.text
    return _quoted(scalar.text)


def _quoted(text: str) -> str:
    return _NOT_PRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(text, ensure_ascii=False))
