"""XML from strangers: elements without entities, document types or surprises; and XML written so that equal trees give equal bytes.

Refused: any DTD (so there is no entity but the five built-in ones; a property list may name Apple's, which is not loaded), other
encodings than UTF-8, nesting over 64 levels, files over 5 MB, more than 100,000 elements, comments and instructions together, more than
1,000 attributes on an element. Kept: the order of attributes, white space, comments and processing instructions inside the root element.
Names keep their prefixes as they are written; namespaces are not resolved. Parser: expat, which this module never lets out of bounds.
"""

from __future__ import annotations

import re
from typing import NoReturn
from xml.etree.ElementTree import Comment, Element, ProcessingInstruction, TreeBuilder
from xml.parsers import expat

from semeq_export.errors import PresetReadError
from semeq_presets.file_formats._fields import text_of

MAX_BYTES = 5_000_000
MAX_DEPTH = 64
MAX_ELEMENTS = 100_000
MAX_ATTRIBUTES = 1_000

_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_SPECIAL = re.compile('[&<>"\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\ufffe\uffff]')  # what most text is without


def parse(data: bytes, root: str = "", where: str = "", *, public_id: str = "", doctypes: tuple[str, ...] = ()) -> Element:
    """Return the root element; text and tails are kept as they are.

    root: the name that it must have, any when left out. public_id: of the one document type that a file may name; it is not loaded, and
    an internal subset is refused all the same. doctypes: names of document types that say nothing but their name. Raises PresetReadError
    naming the line for everything that is refused.
    """
    if len(data) > MAX_BYTES:
        raise PresetReadError(f"XML of {len(data)} bytes is over the limit of {MAX_BYTES}", where=where)
    text = text_of(data, where).removeprefix("\ufeff")
    found = _Reader(where, public_id, doctypes).read(text)
    if root and found.tag != root:
        raise PresetReadError(f"root element is <{found.tag[:60]}>, expected <{root}>", where=where)
    return found


def render(root: Element, *, declaration: bool = True, doctype: str = "") -> bytes:
    """Return an element tree as UTF-8, after the XML declaration and a document type where the host wants them, with a final newline."""
    parts = [_DECLARATION if declaration else "", f"{doctype}\n" if doctype else ""]
    _render(root, parts)
    return "".join([*parts, "\n"]).encode("utf-8")


def attribute(element: Element, name: str, where: str) -> str:
    """Return an attribute's text; raises PresetReadError where it is missing."""
    value = element.get(name)
    if value is None:
        raise PresetReadError(f"<{element.tag[:60]}> has no attribute {name}", where=where)
    return value


def writable(text: str) -> str:
    """Return text without the characters that no XML file can hold."""
    return _NOT_XML.sub("\ufffd", text)


class _Reader:
    """Builds the tree of one document, counting while it reads."""

    def __init__(self, where: str, public_id: str, doctypes: tuple[str, ...]) -> None:
        self._where = where
        self._public_id = public_id
        self._doctypes = doctypes
        self._builder = TreeBuilder(insert_comments=True, insert_pis=True)
        self._depth = self._count = 0
        self._parser = expat.ParserCreate("utf-8")
        self._parser.ordered_attributes = True
        self._parser.buffer_text = True
        self._parser.XmlDeclHandler = self._declaration
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._parser.SkippedEntityHandler = self._skipped
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        self._parser.CommentHandler = self._comment
        self._parser.ProcessingInstructionHandler = self._instruction

    def read(self, text: str) -> Element:
        """Return the root; raises PresetReadError."""
        try:
            self._parser.Parse(text.encode("utf-8"), True)
        except expat.ExpatError as error:
            self._refuse(f"is not well-formed XML: {expat.ErrorString(error.code)}", error.lineno)
        return self._builder.close()

    def _refuse(self, why: str, line: int = 0) -> NoReturn:
        place = f"line {line or self._parser.CurrentLineNumber}"
        raise PresetReadError(why, where=f"{self._where} {place}".strip())

    def _declaration(self, _version: str, encoding: str | None, _standalone: int) -> None:
        if encoding is not None and encoding.lower() not in ("utf-8", "utf8", "us-ascii"):
            self._refuse(f"is {encoding[:40]} XML, expected UTF-8")

    def _doctype(self, name: str, system: str | None, public: str | None, has_internal_subset: int) -> None:
        if name in self._doctypes and system is None and public is None and not has_internal_subset:
            return
        if has_internal_subset or not self._public_id or public != self._public_id:
            self._refuse("has a document type (DTD), which is not read")

    def _skipped(self, name: str, _is_parameter: bool) -> None:
        self._refuse(f"holds the entity {name[:40]!r}, which is not known")

    def _start(self, tag: str, attributes: list[str]) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            self._refuse(f"is nested deeper than {MAX_DEPTH} levels")
        self._count_one()
        if len(attributes) > 2 * MAX_ATTRIBUTES:
            self._refuse(f"has an element of more than {MAX_ATTRIBUTES} attributes")
        self._builder.start(tag, dict(zip(attributes[::2], attributes[1::2], strict=True)))

    def _count_one(self) -> None:
        self._count += 1
        if self._count > MAX_ELEMENTS:
            self._refuse(f"has more than {MAX_ELEMENTS} elements")

    def _end(self, tag: str) -> None:
        self._depth -= 1
        self._builder.end(tag)

    def _text(self, text: str) -> None:
        self._builder.data(text)

    def _comment(self, text: str) -> None:
        self._count_one()
        if self._depth:
            self._builder.comment(text)

    def _instruction(self, target: str, text: str) -> None:
        self._count_one()
        if self._depth:
            self._builder.pi(target, text)


def _render(element: Element, parts: list[str]) -> None:
    tag: object = element.tag  # comments and instructions carry a function here
    if tag is Comment:
        parts.append(f"<!--{element.text or ''}-->")
    elif tag is ProcessingInstruction:
        parts.append(f"<?{element.text or ''}?>")
    else:
        parts.append(f"<{element.tag}")
        parts += [f' {name}="{_escaped(value, in_attribute=True)}"' for name, value in element.items()]
        if len(element) or element.text:
            parts += [">", _escaped(element.text or "")]
            for child in element:
                _render(child, parts)
                parts.append(_escaped(child.tail or ""))
            parts.append(f"</{element.tag}>")
        else:
            parts.append("/>")


def _escaped(text: str, *, in_attribute: bool = False) -> str:
    if not _SPECIAL.search(text) and not (in_attribute and ("\n" in text or "\t" in text)):
        return text
    escaped = writable(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")
    if in_attribute:
        escaped = escaped.replace('"', "&quot;").replace("\n", "&#10;").replace("\t", "&#9;")
    return escaped
