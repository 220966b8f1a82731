"""YAML from strangers, as plain data with its spelling.

ruamel.yaml reads and writes; every plain value stays text, so that YAML's many spellings of numbers, dates and truth change nothing, and
what is a number is decided by who asks for one. Comments, flow and block style, quotes and the order of keys are kept. Refused: anchors
and aliases (a few lines of them can stand for gigabytes), tags, several documents, duplicate keys, keys that are no single value, nesting
over 32 levels, more than 30,000 keys and values, texts over 200 kB.
"""

from __future__ import annotations

import io
import re
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    Event,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
)
from ruamel.yaml.parser import RoundTripParser
from ruamel.yaml.representer import RoundTripRepresenter
from ruamel.yaml.resolver import VersionedResolver

from semeq_export.errors import PresetReadError
from semeq_presets.file_formats._fields import text_of
from semeq_presets.file_formats._tree import MAX_DEPTH, Node, Quoted

MAX_CHARS = 200_000
MAX_NODES = 30_000
_TEXT = "tag:yaml.org,2002:str"
_MAX_LINE_CHARS = 1 << 30  # nothing is folded


def parse(data: bytes) -> Node:
    """Return the document; raises PresetReadError naming the line for everything that is refused."""
    text = text_of(data).removeprefix("\ufeff")
    if len(text) > MAX_CHARS:
        raise PresetReadError(f"YAML of {len(text)} characters is over the limit of {MAX_CHARS}")
    try:
        root: Node | None = _yaml().load(text)
    except PresetReadError:
        raise
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise PresetReadError(f"is not YAML: {error.problem or 'unknown reason'}", where=f"line {line}" if line else "") from error
    except (YAMLError, ValueError, OverflowError) as error:  # the latter two: escapes of characters that do not exist
        raise PresetReadError(f"is not YAML: {str(error).splitlines()[0][:100]}") from error
    if root is None:
        raise PresetReadError("is empty")
    return root


def render(node: Node) -> str:
    """Return a document with its comments; equal data gives equal text.

    Comments of what was taken out can make a text that is no YAML or another one (ruamel.yaml 0.19); then all comments go.
    """
    text = _dumped(node)
    try:
        is_same = parse(text.encode("utf-8")) == node
    except PresetReadError:
        is_same = False
    return text if is_same else _dumped(_bare(node))


def _dumped(node: Node) -> str:
    stream = io.StringIO()
    _yaml().dump(node, stream)
    return stream.getvalue()


def _bare(node: Node) -> Node:
    """Return data without comments and styles of lists and mappings."""
    if isinstance(node, dict):
        return {key: _bare(child) for key, child in node.items()}
    return [_bare(child) for child in node] if isinstance(node, list) else node


def put_first(root: dict[str, Node], key: str, value: Node) -> None:
    """Set a key of a mapping, at its top where it is new."""
    if key not in root and isinstance(root, CommentedMap):
        root.insert(0, key, value)
        return
    others = {} if key in root else dict(root)
    for other in others:
        del root[other]
    root[key] = value
    root.update(others)


def put_before(root: dict[str, Node], other: str, key: str, value: Node) -> None:
    """Set a new key of a mapping before another."""
    place = list(root).index(other)
    if isinstance(root, CommentedMap):
        root.insert(place, key, value)
        return
    behind = dict(list(root.items())[place:])
    for held in behind:
        del root[held]
    root[key] = value
    root.update(behind)


def in_line(items: list[Node]) -> list[Node]:
    """Return a list that is written between brackets."""
    held = CommentedSeq(items)
    held.fa.set_flow_style()
    return held


def _yaml() -> YAML:
    yaml = YAML(typ="rt", pure=True)
    yaml.Parser, yaml.Resolver, yaml.Representer = _StrictParser, _PlainResolver, _PlainRepresenter
    yaml.preserve_quotes = True
    yaml.width = _MAX_LINE_CHARS
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml


class _PlainResolver(VersionedResolver):
    """Takes every plain value for text."""

    @property
    def versioned_resolver(self) -> dict[str, Any]:
        return {}


class _PlainRepresenter(RoundTripRepresenter):
    """Writes text as it was read: plain, where it was, even if it is empty or looks like a number."""

    def represent_plain(self, text: str) -> Any:
        """Return the node of a text that was not quoted."""
        return self.represent_scalar(_TEXT, text, style=None if text else "-")

    def represent_quoted(self, text: str) -> Any:
        """Return the node of a text that stands in quotes."""
        return self.represent_scalar(_TEXT, text, style='"')


_PlainRepresenter.add_representer(str, _PlainRepresenter.represent_plain)
_PlainRepresenter.add_representer(Quoted, _PlainRepresenter.represent_quoted)


class _StrictParser(RoundTripParser):
    """Looks at each event before anything is built of it."""

    def __init__(self, loader: Any) -> None:
        super().__init__(loader)
        self._documents = self._nodes = 0
        self._open: list[_Collection] = []

    def get_event(self) -> Any:
        """Return the next event; raises PresetReadError for what is refused."""
        event = super().get_event()
        self._check(event, f"line {event.start_mark.line + 1}" if event.start_mark is not None else "")
        return event

    def _check(self, event: Event, where: str) -> None:
        if isinstance(event, CollectionEndEvent):
            self._open.pop()
        self._documents += isinstance(event, DocumentStartEvent)
        if self._documents > 1:
            raise PresetReadError("a second document", where=where)
        if not isinstance(event, NodeEvent):
            return
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise PresetReadError(f"more than {MAX_NODES} values", where=where)
        if isinstance(event, AliasEvent) or event.anchor is not None:
            raise PresetReadError("anchors and aliases (& and *) are not read", where=where)
        tag = getattr(event, "tag", None)
        if tag is not None:
            raise PresetReadError(f"tag {str(tag)[:40]} is not read", where=where)
        if isinstance(event, ScalarEvent) and re.search("[\ud800-\udfff]", event.value):
            raise PresetReadError("text holds a lone surrogate", where=where)
        if self._open:
            self._open[-1].take(event, where)
        if isinstance(event, CollectionStartEvent):
            self._open.append(_Collection(is_mapping=isinstance(event, MappingStartEvent)))
            if len(self._open) > MAX_DEPTH:
                raise PresetReadError(f"is nested deeper than {MAX_DEPTH} levels", where=where)


class _Collection:
    """An open list or mapping; of a mapping, the keys and whether a value is next."""

    def __init__(self, *, is_mapping: bool) -> None:
        self._keys: set[str] | None = set() if is_mapping else None
        self._value_is_next = False

    def take(self, event: NodeEvent, where: str) -> None:
        """Take the next node; raises PresetReadError for a key that cannot be one."""
        if self._keys is None:
            return
        if not self._value_is_next:
            if not isinstance(event, ScalarEvent):
                raise PresetReadError("a key is not a single value", where=where)
            if event.value in self._keys:
                raise PresetReadError(f"key {event.value[:40]!r} occurs twice", where=where)
            self._keys.add(event.value)
        self._value_is_next = not self._value_is_next
