"""The XML reader and writer that the XML formats share."""

from __future__ import annotations

import gzip
import io
import re
import zipfile
from collections.abc import Callable

import pytest
from preset_files import GOLDEN, GOLDENS, files_of, peak_below

import semeq_presets as presets
from semeq_export.errors import PresetReadError
from semeq_presets.file_formats._vstpreset import Container, pack, unpack
from semeq_presets.file_formats._xml import MAX_DEPTH, attribute, parse, render


def test_a_document_comes_back_with_white_space_comments_and_the_order_of_attributes() -> None:
    text = '<?xml version="1.0" encoding="UTF-8"?>\n<a>\n <!-- why --><b z="1" a="2"/>\n <?go on?><c:d>x &lt; y &amp; z</c:d> tail\n</a>\n'
    assert render(parse(text.encode())).decode() == text


def test_reserved_characters_survive_in_text_and_attributes() -> None:
    root = parse(b'<a b="&quot;&lt;&amp;&#10;&#9;&#13;\'"/>')
    assert root.get("b") == "\"<&\n\t\r'"
    assert parse(render(root)).get("b") == root.get("b")
    root.text = "line\r\nend ]]> \x07"  # a control character has no place in XML
    assert parse(render(root)).text == "line\r\nend ]]> \ufffd"


# faults E1, E2 and E3
@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', "line 1: has a document type (DTD), which is not read"),
        (b'<!DOCTYPE a [<!ENTITY a "aa"><!ENTITY b "&a;&a;"><!ENTITY c "&b;&b;">]><a>&c;</a>', "has a document type (DTD)"),
        (b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "has a document type (DTD)"),
        (b'<?xml version="1.0"?><!DOCTYPE a PUBLIC "-//X//Y" "http://example.org/x.dtd"><a/>', "has a document type (DTD)"),
        (b"<a>&undefined;</a>", "not well-formed XML: undefined entity"),
        (b"<a>" * (MAX_DEPTH + 1), f"is nested deeper than {MAX_DEPTH} levels"),
        (b"<a>" * 200_000, f"is nested deeper than {MAX_DEPTH} levels"),
        (b"<r>" + b"<a/>" * 100_001 + b"</r>", "more than 100000 elements"),
        (b"", "not well-formed XML: no element found"),
        (b"<a><b></a>", "line 1: is not well-formed XML: mismatched tag"),
        (b"<a>\n<b>", "line 2: is not well-formed XML: no element found"),
        (b"<a/><a/>", "not well-formed XML: junk after document element"),
        (b"<a b='1' b='2'/>", "not well-formed XML: duplicate attribute"),
        (b"<a>\x00</a>", "control character"),
        ("<a/>".encode("utf-16"), "is UTF-16 text, expected UTF-8"),
        (b"<a>\xff</a>", "is not UTF-8 text"),
        (b'<?xml version="1.0" encoding="ISO-8859-1"?><a/>', "is ISO-8859-1 XML, expected UTF-8"),
        (b"<b/>", "root element is <b>, expected <a>"),
        (b" " * 5_000_001, "over the limit of 5000000"),
    ],
)
def test_hostile_and_broken_documents_are_refused_in_one_line(data: bytes, message: str) -> None:
    with pytest.raises(PresetReadError) as caught:
        parse(data, "a")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_deepest_allowed_document_is_read() -> None:
    assert parse(b"<a>" * MAX_DEPTH + b"</a>" * MAX_DEPTH).tag == "a"


# fault E4
def test_a_missing_attribute_is_named() -> None:
    root = parse(b'<a x="1"/>')
    assert attribute(root, "x", "a") == "1"
    with pytest.raises(PresetReadError, match="a: <a> has no attribute z"):
        attribute(root, "z", "a")


def test_a_document_type_is_read_over_only_where_it_is_the_expected_one() -> None:
    apple = "-//Apple//DTD PLIST 1.0//EN"
    head = b'<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd"'
    assert parse(head + b"><plist/>", "plist", public_id=apple).tag == "plist"
    for data in (
        head + b'[<!ENTITY x "y">]><plist>&x;</plist>',
        b"<!DOCTYPE plist><plist/>",
        head.replace(b"Apple", b"Other") + b"><plist/>",
    ):
        with pytest.raises(PresetReadError, match="document type"):
            parse(data, "plist", public_id=apple)
    with pytest.raises(PresetReadError, match="entity 'x', which is not known"):
        parse(head + b"><plist>&x;</plist>", "plist", public_id=apple)


def in_golden(format_id: str, change: Callable[[bytes], bytes]) -> bytes:
    """The golden of an XML format with its document changed, whatever stands around it."""
    name = next(golden for golden in GOLDENS if golden.startswith(f"{format_id}/"))
    (data,) = files_of(GOLDEN / name).values()
    if format_id == "eq-eight":
        return gzip.compress(change(gzip.decompress(data)))
    if format_id == "frequency":
        container = unpack(data)
        return pack(Container(container.class_id, {**container.chunks, b"Info": change(container.chunks[b"Info"])}))
    if format_id != "dawproject":
        return change(data)
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(buffer, "w") as target:
        for entry in source.infolist():
            content = source.read(entry)
            target.writestr(entry.filename, change(content) if entry.filename == "project.xml" else content)
    return buffer.getvalue()


# fault E22
@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"<a>" + b"\n<?a?>" * 800_000 + b"</a>", "has more than 100000 elements"),
        (b"<a>" + b"<!---->" * 700_000 + b"</a>", "has more than 100000 elements"),
        (b"<!---->" * 700_000 + b"<a/>", "has more than 100000 elements"),
        (b"<a " + b" ".join(b'a%d="%d"' % (i, i) for i in range(1_001)) + b"/>", "an element of more than 1000 attributes"),
    ],
    ids=["instructions", "comments", "comments in front", "attributes"],
)
def test_whatever_there_is_many_of_is_counted(data: bytes, says: str) -> None:
    with peak_below(40_000_000), pytest.raises(PresetReadError, match=says):
        parse(data)


# faults E1, E2 and E3
@pytest.mark.parametrize("format_id", ["aunbandeq", "totalmix", "eq-eight", "dawproject", "frequency"])
@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda data: b'<!DOCTYPE a [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]>' + declared(data), "document type"),
        (lambda data: b'<!DOCTYPE a SYSTEM "file:///etc/passwd">' + declared(data), "document type"),
        (lambda data: b"<a>" * 200_000, "nested deeper than"),
        (lambda data: declared(data).decode().encode("utf-16"), "UTF-16"),
        (lambda data: data[: len(data) // 2], "not well-formed XML"),
        (lambda data: data.replace(b">", b">\x00", 1), "control character"),
    ],
    ids=["bomb", "external", "deep", "utf-16", "cut", "nul"],
)
def test_every_format_of_xml_refuses_them(format_id: str, change: Callable[[bytes], bytes], says: str) -> None:
    with pytest.raises(PresetReadError) as caught:
        presets.read(in_golden(format_id, change), format_id)
    assert says in str(caught.value)


def declared(data: bytes) -> bytes:
    """The document without its declaration and its document type, in front of which nothing may stand."""
    return re.sub(rb"<\?xml[^>]*>|<!DOCTYPE[^>]*>", b"", data)
