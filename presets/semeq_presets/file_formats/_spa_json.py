"""The relaxed JSON of PipeWire's configuration files, as plain data with its spelling.

`key = value` or `key: value`, commas optional, bare words, "#" comments; the outermost braces may be left out, and are not written.
Refused: duplicate keys, nesting over 32 levels, more than 100,000 tokens. Source: PipeWire, spa/utils/json-core.h and pipewire.conf(5).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import NoReturn

from semeq_export.errors import PresetReadError
from semeq_presets.file_formats._fields import text_of
from semeq_presets.file_formats._tree import MAX_DEPTH, Node, Quoted

MAX_TOKENS = 100_000
_TOKEN = re.compile(r'(?:[\s,:=]++|#[^\n]*+)*+([{}\[\]]|"(?:[^"\\]|\\.)*+"|[^\s"#:,={}\[\]]++|$)', re.DOTALL)
_BARE = re.compile(r'[^\s"#:,={}\[\]]+')
_INLINE_CHARS = 130


def parse(data: bytes) -> dict[str, Node]:
    """Return the outermost object; raises PresetReadError naming the line of what is wrong."""
    return _Reader(text_of(data).removeprefix("\ufeff")).document()


def changed(data: bytes, root: dict[str, Node]) -> str:
    """Return a text with its values changed to those of another object; comments and layout of what stays are as they were."""
    text = text_of(data).removeprefix("\ufeff")
    reader = _Reader(text)
    before = reader.document()
    edits = sorted(_edits(reader, (), before, root), key=lambda edit: edit[:2], reverse=True)
    result = text
    for start, end, new in edits:
        result = result[:start] + new + result[end:]
    try:
        is_same = parse(result.encode("utf-8")) == root
    except PresetReadError:
        is_same = False
    return result if is_same else render(root)


def render(root: dict[str, Node]) -> str:
    """Return the text of the outermost object, without its braces; equal data gives equal text."""
    return "".join(f"{line}\n" for key, child in root.items() for line in _entry(key, child))


Path = tuple[str | int, ...]
"""Keys and places that lead to a value."""


class _Reader:
    """Reads a text; spans: where each value stands, from its key on in `entries`."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.spans: dict[Path, tuple[int, int]] = {}
        self.entries: dict[Path, int] = {}
        self._text = text
        self._tokens = self._tokenize()
        self._place = 0

    def document(self) -> dict[str, Node]:
        """Return the whole text as one object."""
        first = next(self._tokens)
        if first == "{":
            start = self._place
            root = self._object("}", next(self._tokens), 1, ())
            self.spans[()] = (start, self._place + 1)
            if next(self._tokens) != "":
                self._refuse("something follows the last brace")
            return root
        root = self._object("", first, 1, ())
        self.spans[()] = (0, len(self._text) + 1)
        return root

    def _tokenize(self) -> Iterator[str]:
        """Yield tokens, "" at the end for ever."""
        place = count = 0
        while place < len(self._text):
            self._place = place
            found = _TOKEN.match(self._text, place)
            if found is None:
                self._refuse("a text in quotes does not end")
            count += 1
            if count > MAX_TOKENS:
                self._refuse(f"more than {MAX_TOKENS} tokens")
            place = found.end()
            self._place = found.start(1)
            if found[1]:
                yield found[1]
        self._place = len(self._text)
        while True:
            yield ""

    def _object(self, end: str, token: str, depth: int, path: Path) -> dict[str, Node]:
        result: dict[str, Node] = {}
        while token != end:
            if token in ("", "{", "}", "[", "]"):
                self._refuse(f"expected a key, found {token or 'the end'!r}")
            key = str(self._scalar(token))
            if key in result:
                self._refuse(f"key {key[:40]!r} occurs twice")
            self.entries[(*path, key)] = self._place
            result[key] = self._node(next(self._tokens), depth, (*path, key))
            token = next(self._tokens)
        return result

    def _node(self, token: str, depth: int, path: Path) -> Node:
        start = self._place
        node = self._value(token, depth, path)
        self.spans[path] = (start, start + len(token) if isinstance(node, str) else self._place + 1)
        return node

    def _value(self, token: str, depth: int, path: Path) -> Node:
        if depth > MAX_DEPTH:
            self._refuse(f"is nested deeper than {MAX_DEPTH} levels")
        if token == "{":
            return self._object("}", next(self._tokens), depth + 1, path)
        if token == "[":
            items: list[Node] = []
            token = next(self._tokens)
            while token != "]":
                items.append(self._node(token, depth + 1, (*path, len(items))))
                token = next(self._tokens)
            return items
        if token in ("", "}", "]"):
            self._refuse(f"expected a value, found {token or 'the end'!r}")
        return self._scalar(token)

    def _scalar(self, token: str) -> str:
        if not token.startswith('"'):
            return token
        try:
            text = json.loads(token)
            text.encode("utf-8")
        except (json.JSONDecodeError, UnicodeEncodeError) as error:
            raise PresetReadError(
                f"{token[:40]!r} is no text: a quote that does not end, or an unknown escape", where=self._where()
            ) from error
        return Quoted(text)

    def _where(self) -> str:
        return f"line {self._text.count(chr(10), 0, self._place) + 1}"

    def _refuse(self, why: str) -> NoReturn:
        raise PresetReadError(why, where=self._where())


Edit = tuple[int, int, str]
"""Start and end of what goes, and what stands there then."""


def _edits(reader: _Reader, path: Path, old: Node, new: Node) -> Iterator[Edit]:
    """Yield what turns a value's text into that of another value."""
    if old == new:
        return
    if isinstance(old, dict) and isinstance(new, dict):
        for key in old:
            if key not in new:
                yield _without(reader, reader.entries[(*path, key)], reader.spans[(*path, key)][1])
            else:
                yield from _edits(reader, (*path, key), old[key], new[key])
        last = max((reader.spans[(*path, key)][1] for key in old), default=reader.spans[path][0] + 1)
        for key in new:
            if key not in old:
                yield last, last, f" {_scalar(key)} = {_inline(new[key])}"
    elif isinstance(old, list) and isinstance(new, list):
        yield from _list_edits(reader, path, old, new)
    else:
        yield *reader.spans[path], _inline(new)


def _list_edits(reader: _Reader, path: Path, old: list[Node], new: list[Node]) -> Iterator[Edit]:
    """Yield the changes of a list: items that go or come stand between those at its ends that are the same or have the same name."""
    most = min(len(old), len(new))
    head = next((at for at in range(most) if not _is_same(old[at], new[at])), most)
    tail = next((at for at in range(most - head) if not _is_same(old[-1 - at], new[-1 - at])), most - head)
    middle = min(len(old), len(new)) - head - tail
    for at in range(head + middle):
        yield from _edits(reader, (*path, at), old[at], new[at])
    for at in range(tail):
        yield from _edits(reader, (*path, len(old) - 1 - at), old[-1 - at], new[-1 - at])
    for at in range(head + middle, len(old) - tail):
        yield _without(reader, *reader.spans[(*path, at)])
    added = new[head + middle : len(new) - tail]
    if added:
        near = reader.spans[(*path, head + middle - 1)] if head + middle else None
        place = near[1] if near is not None else reader.spans[path][0] + 1
        lead = _lead(reader.text, near[0]) if near is not None else _lead(reader.text, reader.spans[(*path, 0)][0]) if old else " "
        yield place, place, "".join(lead + _inline(item) for item in added) + ("" if old else " ")


def _is_same(old: Node, new: Node) -> bool:
    named = isinstance(old, dict) and isinstance(new, dict) and "name" in old and old.get("name") == new.get("name")
    return old == new or named


def _lead(text: str, start: int) -> str:
    """Return the line break and indent before an item, a space where it stands on a line with others."""
    line = text.rfind("\n", 0, start) + 1
    return f"\n{text[line:start]}" if text[line:start].isspace() or line == start else " "


def _without(reader: _Reader, start: int, end: int) -> Edit:
    """Return the edit that takes something out, and its line where nothing else stands on it."""
    lead = _lead(reader.text, start)
    rest = reader.text[end : reader.text.find("\n", end) if "\n" in reader.text[end:] else len(reader.text)]
    return (start - len(lead), end, "") if lead != " " and not rest.strip() and start >= len(lead) else (start, end, "")


def _entry(key: str, node: Node) -> list[str]:
    first, *rest = _lines(node)
    return [f"{_scalar(key)} = {first}", *rest]


def _lines(node: Node) -> list[str]:
    short = _inline(node)
    if isinstance(node, str) or not node or (len(short) <= _INLINE_CHARS and not _is_deep(node)):
        return [short]
    if isinstance(node, dict):
        inner = [line for key, child in node.items() for line in _entry(key, child)]
        return ["{", *(f"  {line}" for line in inner), "}"]
    return ["[", *(f"  {line}" for child in node for line in _lines(child)), "]"]


def _is_deep(node: Node) -> bool:
    """Whether a collection holds collections of collections, or a list of objects."""
    children = list(node.values()) if isinstance(node, dict) else node if isinstance(node, list) else []
    if isinstance(node, list) and any(isinstance(child, dict) for child in children):
        return True
    return any(isinstance(grandchild, dict | list) for child in children for grandchild in _children(child))


def _children(node: Node) -> list[Node]:
    return list(node.values()) if isinstance(node, dict) else node if isinstance(node, list) else []


def _inline(node: Node) -> str:
    if isinstance(node, dict):
        return f"{{ {' '.join(f'{_scalar(key)} = {_inline(child)}' for key, child in node.items())} }}" if node else "{ }"
    if isinstance(node, list):
        return f"[ {' '.join(_inline(child) for child in node)} ]" if node else "[ ]"
    return _scalar(node)


def _scalar(text: str) -> str:
    return text if not isinstance(text, Quoted) and _BARE.fullmatch(text) else json.dumps(text, ensure_ascii=False)
