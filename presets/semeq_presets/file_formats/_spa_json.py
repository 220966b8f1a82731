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


def render(root: dict[str, Node]) -> str:
    """Return the text of the outermost object, without its braces; equal data gives equal text."""
    return "".join(f"{line}\n" for key, child in root.items() for line in _entry(key, child))


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = self._tokenize()
        self._place = 0

    def document(self) -> dict[str, Node]:
        """Return the whole text as one object."""
        first = next(self._tokens)
        if first == "{":
            root = self._object("}", next(self._tokens), 1)
            if next(self._tokens) != "":
                self._refuse("something follows the last brace")
            return root
        return self._object("", first, 1)

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

    def _object(self, end: str, token: str, depth: int) -> dict[str, Node]:
        result: dict[str, Node] = {}
        while token != end:
            if token in ("", "{", "}", "[", "]"):
                self._refuse(f"expected a key, found {token or 'the end'!r}")
            key = str(self._scalar(token))
            if key in result:
                self._refuse(f"key {key[:40]!r} occurs twice")
            result[key] = self._node(next(self._tokens), depth)
            token = next(self._tokens)
        return result

    def _node(self, token: str, depth: int) -> Node:
        if depth > MAX_DEPTH:
            self._refuse(f"is nested deeper than {MAX_DEPTH} levels")
        if token == "{":
            return self._object("}", next(self._tokens), depth + 1)
        if token == "[":
            items: list[Node] = []
            token = next(self._tokens)
            while token != "]":
                items.append(self._node(token, depth + 1))
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
