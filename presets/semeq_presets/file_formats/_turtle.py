"""A small strict reader of Turtle (RDF) for LV2 preset files, and the escapes to write them.

It reads what preset files are made of: prefixes, IRIs, prefixed names, blank nodes in brackets or with labels, collections, strings,
numbers, booleans, and lists of objects and predicates. IRIs stay as written: relative ones are not resolved, so "<>" is "".
Source: W3C, RDF 1.1 Turtle, section 6 (grammar), https://www.w3.org/TR/turtle/. Refused: nesting over 32 levels, a million tokens.
A library (rdflib) would bring five megabytes and its own dependencies for a dozen productions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from semeq_export.errors import PresetReadError

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
RDFS = "http://www.w3.org/2000/01/rdf-schema#"
LV2 = "http://lv2plug.in/ns/lv2core#"
PSET = "http://lv2plug.in/ns/ext/presets#"

_MAX_DEPTH = 32
_MAX_TOKENS = 1_000_000

_TOKEN = re.compile(
    r"""
    (?P<skip>[ \t\r\n]+|\#[^\n]*)
  | <(?P<iri>[^\x00-\x20<>"{}|^`\\]*)>
  | (?P<string>\"{3}(?:[^"\\]|\\.|\"(?!\"\"))*\"{3}|'{3}(?:[^'\\]|\\.|'(?!''))*'{3}|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
  | (?P<directive>@(?:prefix|base)\b|(?:PREFIX|BASE)\b(?!:))
  | @(?P<language>[A-Za-z]+(?:-[A-Za-z0-9]+)*)
  | (?P<number>[-+]?(?:\d+\.\d+|\.\d+|\d+)(?:[eE][-+]?\d+)?(?![A-Za-z_:]))
  | _:(?P<blank>[A-Za-z0-9_](?:[\w.-]*[\w-])?)
  | (?P<name>(?:[^\W\d_][\w-]*(?:\.[\w-]+)*)?:(?:[\w%-](?:[\w.:%/-]*[\w:%/-])?)?)
  | (?P<word>a|true|false)(?![\w:])
  | (?P<mark>\^\^|[.;,\[\]()])
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))", re.DOTALL)
_ESCAPES = {"t": "\t", "b": "\b", "n": "\n", "r": "\r", "f": "\f", '"': '"', "'": "'", "\\": "\\"}


@dataclass(frozen=True, slots=True)
class Iri:
    """A resource with a name, as written; prefixed names are expanded."""

    text: str


@dataclass(frozen=True, slots=True)
class Blank:
    """A resource without a name; equal labels are the same resource within a file."""

    label: str


@dataclass(frozen=True, slots=True)
class Literal:
    """A text, number or boolean as written. kind: "string", "number" or "word"."""

    text: str
    kind: str


Node = Iri | Blank | Literal


@dataclass(frozen=True, slots=True)
class Triple:
    """One statement, and the line of the file on which its object stands."""

    subject: Iri | Blank
    predicate: str
    value: Node
    line: int


def triples(text: str, name: str) -> tuple[Triple, ...]:
    """Return the statements of a file in its order; raises PresetReadError with the file's name and a line."""
    return tuple(_Reader(text, name).document())


def quoted(text: str) -> str:
    """Return a text as a Turtle string, quotes, backslashes and control characters escaped."""
    names = {"\t": "\\t", "\n": "\\n", "\r": "\\r", '"': '\\"', "\\": "\\\\"}
    return '"' + "".join(names.get(c) or (f"\\u{ord(c):04X}" if not c.isprintable() and ord(c) < 0x10000 else c) for c in text) + '"'


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    line: int


def _tokens(text: str, name: str) -> Iterator[_Token]:
    at, line = 0, 1
    for _ in range(_MAX_TOKENS):
        if at == len(text):
            yield _Token("end", "", line)
            return
        found = _TOKEN.match(text, at)
        if found is None:
            raise PresetReadError(f"{text[at : at + 20].splitlines()[0]!r} is not Turtle", where=f"{name} line {line}")
        kind = str(found.lastgroup)
        if kind != "skip":
            yield _Token(kind, found[kind], line)
        line += found.group().count("\n")
        at = found.end()
    raise PresetReadError(f"holds more than {_MAX_TOKENS} tokens", where=name)


class _Reader:
    """A recursive descent over the tokens, with one of them seen ahead."""

    def __init__(self, text: str, name: str) -> None:
        self._name = name
        self._tokens = _tokens(text.removeprefix("\ufeff"), name)
        self._prefixes: dict[str, str] = {}
        self._blanks = 0
        self._found: list[Triple] = []
        self._next = next(self._tokens)

    def document(self) -> list[Triple]:
        while self._next.kind != "end":
            if self._next.kind == "directive":
                self._directive()
                continue
            bracketed = self._next.text == "["
            subject = self._node(0)
            if isinstance(subject, Literal):
                raise self._error(f"{subject.text[:40]!r} cannot be a subject")
            if not (bracketed and self._next.text == "."):
                self._predicates(subject, 0)
            self._mark(".")
        return self._found

    def _error(self, why: str) -> PresetReadError:
        return PresetReadError(why, where=f"{self._name} line {self._next.line}")

    def _take(self) -> _Token:
        taken = self._next
        if taken.kind != "end":
            self._next = next(self._tokens)
        return taken

    def _mark(self, text: str) -> None:
        if self._next.kind != "mark" or self._next.text != text:
            raise self._error(
                f"expected {text!r}, found {self._next.text[:40]!r}" if self._next.text else f"expected {text!r}, found the end"
            )
        self._take()

    def _directive(self) -> None:
        directive = self._take().text
        if directive.lstrip("@").lower() == "base":
            raise self._error("a base IRI is not expected in a preset")
        if self._next.kind != "name" or not self._next.text.endswith(":"):
            raise self._error("expected a prefix such as lv2:")
        prefix = self._take().text
        if self._next.kind != "iri":
            raise self._error(f"expected the IRI of prefix {prefix}")
        self._prefixes[prefix] = self._take().text
        if directive.startswith("@"):
            self._mark(".")

    def _predicates(self, subject: Iri | Blank, depth: int) -> None:
        while True:
            verb = self._next
            predicate = RDF + "type" if verb.kind == "word" and verb.text == "a" else self._iri(verb)
            self._take()
            while True:
                line = self._next.line
                self._found.append(Triple(subject, predicate, self._node(depth), line))
                if self._next.text != "," or self._next.kind != "mark":
                    break
                self._take()
            if self._next.kind != "mark" or self._next.text != ";":
                return
            while self._next.kind == "mark" and self._next.text == ";":
                self._take()
            if self._next.kind == "mark" and self._next.text in (".", "]"):
                return

    def _iri(self, token: _Token) -> str:
        if token.kind == "iri":
            return token.text
        if token.kind == "name":
            prefix, colon, local = token.text.partition(":")
            if prefix + colon not in self._prefixes:
                raise self._error(f"unknown prefix {prefix[:40]!r}")
            return self._prefixes[prefix + colon] + local
        raise self._error(f"expected a name, found {token.text[:40] or 'the end'!r}")

    def _node(self, depth: int) -> Node:
        if depth > _MAX_DEPTH:
            raise self._error(f"nested deeper than {_MAX_DEPTH} levels")
        token = self._next
        if token.kind == "mark" and token.text in ("[", "("):
            return self._bracketed(depth) if token.text == "[" else self._collection(depth)
        if token.kind == "blank":
            return Blank(self._take().text)
        if token.kind == "string":
            return self._string()
        if token.kind in ("number", "word") and token.text != "a":
            return Literal(self._take().text, token.kind)
        node = Iri(self._iri(token))
        self._take()
        return node

    def _bracketed(self, depth: int) -> Blank:
        self._take()
        self._blanks += 1
        blank = Blank(f"[{self._blanks}]")  # no label of a file holds a bracket
        if self._next.kind != "mark" or self._next.text != "]":
            self._predicates(blank, depth + 1)
        self._mark("]")
        return blank

    def _collection(self, depth: int) -> Node:
        """Read a list as the RDF pairs that it stands for."""
        self._take()
        head: Node = Iri(RDF + "nil")
        last: Blank | None = None
        while not (self._next.kind == "mark" and self._next.text == ")"):
            line = self._next.line
            self._blanks += 1
            pair = Blank(f"[{self._blanks}]")
            self._found.append(Triple(pair, RDF + "first", self._node(depth + 1), line))
            if last is None:
                head = pair
            else:
                self._found.append(Triple(last, RDF + "rest", pair, line))
            last = pair
        if last is not None:
            self._found.append(Triple(last, RDF + "rest", Iri(RDF + "nil"), self._next.line))
        self._mark(")")
        return head

    def _string(self) -> Literal:
        raw = self._next.text
        width = 3 if raw[:3] in ('"""', "'''") and len(raw) >= 6 else 1
        text = _ESCAPE.sub(self._unescaped, raw[width:-width])
        self._take()
        kind = "string"
        if self._next.kind == "language":
            self._take()
        elif self._next.kind == "mark" and self._next.text == "^^":
            self._take()
            datatype = self._iri(self._next)
            self._take()
            if datatype.rpartition("#")[2] in ("decimal", "double", "float", "integer", "int"):
                kind = "number"
        return Literal(text, kind)

    def _unescaped(self, found: re.Match[str]) -> str:
        digits = found[1] or found[2]
        if digits is not None:
            code = int(digits, 16)
            if code > 0x10FFFF or 0xD800 <= code < 0xE000:
                raise self._error(f"\\{found[0][1:]} is no character")
            return chr(code)
        if found[3] not in _ESCAPES:
            raise self._error(f"unknown escape {found[0]!r}")
        return _ESCAPES[found[3]]
