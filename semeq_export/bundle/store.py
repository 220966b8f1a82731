"""A bundle's files: a folder `<name>.semeq/`, or the same zipped. Read into memory with caps, never unpacked; written whole or not at all.

A zip holds the files stored, not compressed (weights do not compress, and stored bytes depend on no library's version), with fixed time
stamps and attributes, sorted by name with manifest.json last.
"""

from __future__ import annotations

import io
import os
import re
import stat
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from semeq_export.errors import BundleFormatError, OutputError, environment_failure, printable
from semeq_export.files.disk import read_regular

MAX_FILES = 64
MAX_FILE_BYTES = 64_000_000
MAX_TOTAL_BYTES = 128_000_000
MAX_RATIO = 200
"""Bytes out per byte of a zip; real weights and JSON stay below 20."""
MANIFEST = "manifest.json"
CENTROIDS = "centroids.json"
EVIDENCE = "evidence.json"
GUESSES = "guesses.json"
FLAT = "decoder.semeq"
README = "README.md"
KIT_MODELS = ("model.semeq", "model.semeq.zip")
"""What the sealed bundle is called inside a developer's kit."""
FOLDER = "vectors"

_NAME = re.compile(r"(vectors/)?[a-z0-9][a-z0-9_-]{0,59}\.(json|onnx|pt|semeq|wav|txt)|README\.md|LICENSE")
_CHUNK = 1 << 20
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first moment that zip knows


def check_name(name: str, where: str = "bundle") -> str:
    """Return a member's name; raises BundleFormatError unless it is one that this format has (no paths, no case, no pickles)."""
    if not _NAME.fullmatch(name):
        raise BundleFormatError(f"{where}: {printable(name[:100])!r} is no name of a bundle's file")
    return name


def read_files(path: str | os.PathLike[str]) -> dict[str, bytes]:
    """Return the content of all files of a bundle by name, manifest.json included. A developer's kit stands for the bundle in it.

    Raises BundleFormatError for what is no bundle or breaks a limit, EnvironmentFailure where the system refuses.
    """
    place = Path(path)
    if place.is_dir() and not (place / MANIFEST).exists():
        place = next((place / name for name in KIT_MODELS if (place / name).exists()), place)
    where = printable(place)
    if place.is_dir():
        return _read_folder(place, where)
    data = read_regular(place, BundleFormatError, max_bytes=MAX_TOTAL_BYTES)
    return _read_zip(data, where)


def write_files(path: str | os.PathLike[str], files: Mapping[str, bytes], *, zipped: bool = False, overwrite: bool = False) -> None:
    """Write a bundle's files as a folder or a zip, all or nothing; equal files give equal bytes.

    Raises BundleFormatError for a name or size that `read_files` would refuse, OutputError and EnvironmentFailure as `files.atomic_folder`
    does, and OutputError rather than replace a folder that is no bundle.
    """
    from semeq_export.files.atomic import atomic_folder, write_atomic  # who only reads needs none of what makes temporary files

    _check_sizes(files)
    ordered = sorted(files, key=lambda name: (name == MANIFEST, name))
    if zipped:
        write_atomic(path, _zip({name: files[name] for name in ordered}), overwrite=overwrite)
        return
    target = Path(path)
    if overwrite and target.is_dir() and any(target.iterdir()) and not (target / MANIFEST).is_file():
        raise OutputError(f"{printable(path)}: is a folder without {MANIFEST}, so no bundle; it is not replaced")
    with atomic_folder(path, overwrite=overwrite) as temporary:
        for name in ordered:
            (temporary / name).parent.mkdir(exist_ok=True)
            (temporary / name).write_bytes(files[name])


def _read_folder(folder: Path, where: str) -> dict[str, bytes]:
    result: dict[str, bytes] = {}
    total = 0
    for name, member in _members(folder, "", where):
        _check_count(len(result) + 1, where)
        data = read_regular(member, BundleFormatError, max_bytes=MAX_FILE_BYTES, follow_links=False)
        total += len(data)
        if total > MAX_TOTAL_BYTES:
            raise BundleFormatError(f"{where}: more than {MAX_TOTAL_BYTES} bytes in all")
        result[check_name(name, where)] = data
    return dict(sorted(result.items()))


def _members(folder: Path, prefix: str, where: str) -> Iterable[tuple[str, Path]]:
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if not prefix and entry.name == FOLDER and entry.is_dir(follow_symlinks=False):
                    yield from _members(Path(entry.path), f"{FOLDER}/", where)
                else:
                    yield prefix + entry.name, Path(entry.path)
    except OSError as error:
        raise environment_failure(folder, error) from error


def _read_zip(data: bytes, where: str) -> dict[str, bytes]:
    if not data.startswith(b"PK"):
        raise BundleFormatError(f"{where}: {looks_like(data)}, expected a bundle (a folder or a zip)")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return _read_entries(archive, where)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, OSError, ValueError, RuntimeError) as error:
        if isinstance(error, BundleFormatError):
            raise
        raise BundleFormatError(f"{where}: damaged zip ({str(error).lower() or type(error).__name__})") from error


def _read_entries(archive: zipfile.ZipFile, where: str) -> dict[str, bytes]:
    entries = [entry for entry in archive.infolist() if not _is_plain_folder(entry)]
    _check_count(len(entries), where)
    result: dict[str, bytes] = {}
    total = 0
    for entry in entries:
        name = check_name(entry.orig_filename, where)  # filename is what zipfile made of it
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if kind not in (0, stat.S_IFREG):
            raise BundleFormatError(f"{where}: {name} is a link or device")
        if entry.flag_bits & 0x1 or entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise BundleFormatError(f"{where}: {name} is encrypted or compressed in an unusual way")
        if name in result:
            raise BundleFormatError(f"{where}: {name} occurs twice")
        content = _read_entry(archive, entry, where, MAX_TOTAL_BYTES - total)
        total += len(content)
        result[name] = content
    return dict(sorted(result.items()))


def _is_plain_folder(entry: zipfile.ZipInfo) -> bool:
    return entry.orig_filename == f"{FOLDER}/" and entry.file_size == 0


def _read_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, where: str, left: int) -> bytes:
    """Return one entry, counting what really comes out: sizes in a zip are claims."""
    limit = min(MAX_FILE_BYTES, left, max(_CHUNK, MAX_RATIO * entry.compress_size))
    content = bytearray()
    with archive.open(entry) as stream:
        while chunk := stream.read(_CHUNK):
            content += chunk
            if len(content) > limit:
                raise BundleFormatError(f"{where}: {entry.filename} unpacks to more than {limit} bytes")
    return bytes(content)


def _check_count(count: int, where: str) -> None:
    if count > MAX_FILES:
        raise BundleFormatError(f"{where}: more than {MAX_FILES} files")


def _check_sizes(files: Mapping[str, bytes]) -> None:
    _check_count(len(files), "bundle")
    for name, data in files.items():
        check_name(name)
        if len(data) > MAX_FILE_BYTES:
            raise BundleFormatError(f"bundle: {name} has {len(data)} bytes, more than {MAX_FILE_BYTES}")
    total = sum(len(data) for data in files.values())
    if total > MAX_TOTAL_BYTES - 100_000:  # a zip adds its directory
        raise BundleFormatError(f"bundle: {total} bytes in all, more than {MAX_TOTAL_BYTES - 100_000}")


def _zip(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.create_system, entry.external_attr = 3, (stat.S_IFREG | 0o644) << 16
            archive.writestr(entry, data)
    return buffer.getvalue()


def looks_like(data: bytes) -> str:
    """Return what a file's first bytes look like, for messages about a file that is not what it should be."""
    if not data:
        return "empty"
    if is_lfs_pointer(data):
        return "a Git LFS pointer, not the file itself (run: git lfs pull)"
    if data.startswith(b"\x89SEMEQ"):
        return "the flat weights of a bundle, not the bundle"
    start = data[:64].lstrip().lower()
    if start.startswith((b"<!doctype html", b"<html")):
        return "an HTML page"
    if start.startswith(b"{"):
        return "a JSON file"
    return "not a zip"


def is_lfs_pointer(data: bytes) -> bool:
    """Whether the data is what Git leaves in place of a large file that was not fetched."""
    return data.startswith(b"version https://git-lfs.github.com/spec/")
