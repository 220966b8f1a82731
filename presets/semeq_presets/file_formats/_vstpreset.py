"""The .vstpreset container of VST3 plug-ins, and the record of one. Shared by the formats that live in it. All integers little-endian.

| offset | type | meaning |
| --- | --- | --- |
| 0 | 4 bytes | "VST3" |
| 4 | i32 | version, 1 |
| 8 | 32 ASCII | class id of the processor, upper-case hexadecimal |
| 40 | i64 | offset of the list |
| 48 | | chunks |
| list | 4 bytes, i32 n | "List", number of chunks |
| | n x (4 bytes, i64, i64) | id, offset, size |

Ids: "Comp" state of the component, "Cont" state of the controller (may be empty), "Info" XML <MetaInfo> of attributes (optional).
Source: Steinberg, VST 3 SDK, public.sdk/source/vst/vstpresetfile.h. A file of this layout was loaded by pedalboard (tests/host).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, indent

from semeq_export.errors import PresetReadError
from semeq_presets.file_formats._binary import Record
from semeq_presets.file_formats._xml import parse, render

MAGIC = b"VST3"
_VERSION = 1
_LIST = b"List"
_MAX_CHUNKS = 32
_HEADER = Record("<", ("version", "i"))
_LIST_AT = Record("<", ("list offset", "q"))
_LIST_OFFSET, _DATA_OFFSET, _CLASS_ID = 40, 48, slice(8, 40)
_COUNT = Record("<", ("chunks", "i"))
_ENTRY = Record("<", ("chunk offset", "q"), ("chunk size", "q"))


@dataclass(frozen=True, slots=True)
class Container:
    """A class id of 32 hexadecimal digits, and the chunks by id in the order of the list."""

    class_id: str
    chunks: Mapping[bytes, bytes]


def is_of(head: bytes, class_id: str) -> bool:
    """Whether the first bytes are those of a preset of a plug-in."""
    return head.startswith(MAGIC) and head[_CLASS_ID].upper() == class_id.encode("ascii")


def pack(container: Container) -> bytes:
    """Return the file, chunks one after the other."""
    data, entries, at = b"".join(container.chunks.values()), b"", _DATA_OFFSET
    for name, chunk in container.chunks.items():
        entries += name + _ENTRY.pack({"chunk offset": at, "chunk size": len(chunk)})
        at += len(chunk)
    header = MAGIC + _HEADER.pack({"version": _VERSION}) + container.class_id.encode("ascii") + _LIST_AT.pack({"list offset": at})
    return header + data + _LIST + _COUNT.pack({"chunks": len(container.chunks)}) + entries


def unpack(data: bytes) -> Container:
    """Return what a file holds; raises PresetReadError naming the offset that is wrong."""
    if not data.startswith(MAGIC):
        raise PresetReadError("is no VST3 preset: it does not start with VST3", where="offset 0x0")
    version = _HEADER.unpack(data, len(MAGIC))["version"]
    if version != _VERSION:
        raise PresetReadError(f"has version {version}, this reads {_VERSION}", where="offset 0x4")
    class_id = data[_CLASS_ID].upper()
    if len(class_id) != 32 or any(code not in b"0123456789ABCDEF" for code in class_id):
        raise PresetReadError("class id is not 32 hexadecimal digits", where="offset 0x8")
    at = int(_LIST_AT.unpack(data, _LIST_OFFSET)["list offset"])
    if not _DATA_OFFSET <= at <= len(data) - len(_LIST) - _COUNT.size or data[at : at + len(_LIST)] != _LIST:
        raise PresetReadError(f"list of chunks is not at {at}", where=f"offset {_LIST_OFFSET:#x}")
    count = int(_COUNT.unpack(data, at + len(_LIST))["chunks"])
    first = at + len(_LIST) + _COUNT.size
    room = (len(data) - first) // (4 + _ENTRY.size)
    if not 0 <= count <= min(room, _MAX_CHUNKS):
        raise PresetReadError(f"says {count} chunks, has room for {min(room, _MAX_CHUNKS)}", where=f"offset {at + len(_LIST):#x}")
    chunks: dict[bytes, bytes] = {}
    for index in range(count):
        place = first + index * (4 + _ENTRY.size)
        name, entry = data[place : place + 4], _ENTRY.unpack(data, place + 4)
        start, size = int(entry["chunk offset"]), int(entry["chunk size"])
        if start < _DATA_OFFSET or size < 0 or start + size > at:
            raise PresetReadError(f"chunk {name!r} of {size} bytes at {start} is outside the data", where=f"offset {place:#x}")
        if name in chunks:
            raise PresetReadError(f"chunk {name!r} stands twice", where=f"offset {place:#x}")
        chunks[name] = data[start : start + size]
    return Container(class_id.decode("ascii"), chunks)


def chunk(container: Container, name: bytes) -> bytes:
    """Return a chunk; raises PresetReadError where it is missing."""
    if name not in container.chunks:
        raise PresetReadError(f"has no chunk {name.decode('ascii')}")
    return container.chunks[name]


def meta_info(plugin: str, vendor: str, category: str, name: str) -> bytes:
    """Return the chunk Info of a preset."""
    root = Element("MetaInfo")
    attributes = {"MediaType": "VstPreset", "PlugInCategory": category, "PlugInName": plugin, "PlugInVendor": vendor}
    for key, value in attributes.items():
        SubElement(root, "Attribute", id=key, value=value, type="string", flags="writeProtected")
    if name:
        SubElement(root, "Attribute", id="Name", value=name, type="string")
    indent(root, "\t")
    return render(root)


def preset_name(container: Container) -> str:
    """Return the name in the chunk Info, "" where it has none; raises PresetReadError where the chunk is no XML."""
    if not container.chunks.get(b"Info"):
        return ""
    for attribute in parse(container.chunks[b"Info"].rstrip(b"\0"), "MetaInfo", "Info"):
        if attribute.tag == "Attribute" and attribute.get("id") == "Name":
            return attribute.get("value", "")
    return ""
