"""ZIP archives from strangers: entries with names that stay inside a folder, unpacked within limits and never onto the disk.

Refused: names that lead out of the folder where somebody unpacks them (`..`, absolute, a drive, a backslash) or that hold control
characters, in the directory of the archive, before its data or in the Unicode name of Info-ZIP; two entries of one name; links and
devices; encryption; packing other than stored and deflated (Python unpacks the others without a limit, and no DAW writes them).
"""

from __future__ import annotations

import io
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator

from semeq_export.errors import PresetReadError, printable

_MAX_ENTRIES = 4_096
_BLOCK_BYTES = 1 << 20
_ESCAPES = re.compile(r"/|[A-Za-z]:")
_UNICODE_NAME = 0x7075  # a CRC-32 of the plain name follows a version byte, then the name in UTF-8
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, ValueError, OSError, RuntimeError, NotImplementedError, struct.error)


def open_entries(data: bytes) -> tuple[zipfile.ZipFile, list[zipfile.ZipInfo]]:
    """Return an archive and its entries that are no folders, all of them looked over; raises PresetReadError naming the first bad one."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except _DAMAGED as error:
        raise PresetReadError("is no ZIP archive, or damaged") from error
    listed = archive.infolist()
    if len(listed) > _MAX_ENTRIES:
        raise PresetReadError(f"has {len(listed)} entries, the limit is {_MAX_ENTRIES}")
    for entry in listed:
        _check(archive, entry)
    entries = [entry for entry in listed if not entry.is_dir()]
    if len({"/".join(_parts(entry.orig_filename)) for entry in entries}) < len(entries):
        raise PresetReadError("has two entries of one name")
    return archive, entries


def content_of(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, most: int) -> bytes:
    """Return what an entry holds, up to `most` bytes; raises PresetReadError for more, and for damaged data."""
    return b"".join(blocks_of(archive, entry, most))


def blocks_of(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, most: int) -> Iterator[bytes]:
    """Yield what an entry holds block by block, counting what really comes out: sizes in an archive are claims. Raises as `content_of`."""
    where, left = _shown(entry), most
    try:
        with archive.open(entry) as stream:
            while block := stream.read(min(_BLOCK_BYTES, left + 1)):
                left -= len(block)
                if left < 0:
                    break
                yield block
    except _DAMAGED as error:
        raise PresetReadError("cannot be unpacked: damaged", where=where) from error
    if left < 0:
        raise PresetReadError(f"unpacks to more than {most} bytes", where=where)


def _check(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> None:
    where = _shown(entry)
    name = entry.orig_filename  # filename is what zipfile made of it
    if not all(_stays_inside(held) for held in (name, *_unicode_names(entry, where))):
        why = "has a name that leads out of the session's folder, or holds control characters; pack the session again without it"
        raise PresetReadError(why, where=where)
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise PresetReadError("is a link or a device, not a file; pack the session again without it", where=where)
    if entry.flag_bits & 0x1 or entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise PresetReadError("is encrypted or packed in an unusual way; pack the session again as a plain ZIP (deflate)", where=where)
    try:
        archive.open(entry).close()  # compares the name with the one before the data
    except _DAMAGED as error:
        raise PresetReadError("is damaged, or stands under two names", where=where) from error


def _stays_inside(name: str) -> bool:
    if not name or min(name) < " " or "\\" in name or _ESCAPES.match(name):
        return False
    return all(part.strip(" .") for part in _parts(name))  # Windows cuts dots and spaces off a name's end


def _parts(name: str) -> list[str]:
    return [part for part in name.split("/") if part not in ("", ".")]


def _unicode_names(entry: zipfile.ZipInfo, where: str) -> Iterator[str]:
    extra = entry.extra
    while len(extra) >= 4:
        kind, size = struct.unpack_from("<HH", extra)
        if kind == _UNICODE_NAME:
            try:
                yield extra[9 : 4 + size].decode("utf-8")
            except UnicodeDecodeError as error:
                raise PresetReadError("has a Unicode name that is not UTF-8", where=where) from error
        extra = extra[4 + size :]


def _shown(entry: zipfile.ZipInfo) -> str:
    return printable(entry.orig_filename)[:60]
