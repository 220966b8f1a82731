"""The files of a bundle: folders and zips from strangers, and our own written whole and byte-stable."""

from __future__ import annotations

import io
import os
import stat
import struct
import time
import zipfile
from pathlib import Path

import pytest

from semeq_export.bundle import store
from semeq_export.errors import BundleFormatError, OutputError

FILES = {"manifest.json": b"{}", "decoder.onnx": b"\x01" * 1000, "vectors/decoder.json": b"[]", "README.md": b"hi"}


def zip_of(*entries: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return buffer.getvalue()


def read_zip(folder: Path, data: bytes) -> dict[str, bytes]:
    path = folder / "b.zip"
    path.write_bytes(data)
    return store.read_files(path)


@pytest.mark.parametrize("zipped", [False, True])
def test_files_come_back_as_written(tmp_path: Path, zipped: bool) -> None:
    store.write_files(tmp_path / "x.semeq", FILES, zipped=zipped)
    assert store.read_files(tmp_path / "x.semeq") == FILES


def test_zip_bytes_do_not_depend_on_time_or_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store.write_files(tmp_path / "a.zip", FILES, zipped=True)
    monkeypatch.setattr(time, "time", lambda: 2e9)
    store.write_files(tmp_path / "b.zip", dict(reversed(FILES.items())), zipped=True)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_manifest_is_written_last(tmp_path: Path) -> None:
    store.write_files(tmp_path / "a.zip", FILES, zipped=True)
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert archive.namelist() == ["README.md", "decoder.onnx", "vectors/decoder.json", "manifest.json"]


def test_existing_output_needs_overwrite(tmp_path: Path) -> None:
    for zipped, name in ((False, "folder"), (True, "file.zip")):
        store.write_files(tmp_path / name, FILES, zipped=zipped)
        with pytest.raises(OutputError, match="exists already"):
            store.write_files(tmp_path / name, FILES, zipped=zipped)
        store.write_files(tmp_path / name, {**FILES, "README.md": b"new"}, zipped=zipped, overwrite=True)
        assert store.read_files(tmp_path / name)["README.md"] == b"new"


def test_a_folder_that_is_no_bundle_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.txt").write_text("years")
    with pytest.raises(OutputError, match="no bundle"):
        store.write_files(tmp_path / "home", FILES, overwrite=True)
    assert (tmp_path / "home" / "thesis.txt").read_text() == "years"


@pytest.mark.parametrize(
    "name",
    [
        *("../evil.json", "/etc/evil.json", "C:\\evil.json", "C:evil.json", "a\\b.json", "vectors/../x.json", "sub/x.json", "vectors/"),
        *("x.pkl", "x.npy", "x.zip", "model.onnx.data", "DECODER.onnx", ".hidden.json", "x.json\n", "", "x", "a" * 100 + ".json", "é.json"),
    ],
)
def test_names_that_a_bundle_cannot_have_are_refused(tmp_path: Path, name: str) -> None:  # fault D16, D19
    with pytest.raises(BundleFormatError, match="no name of a bundle's file"):
        store.check_name(name)
    with pytest.raises(BundleFormatError):
        store.write_files(tmp_path / "x.semeq", {**FILES, name: b"x"})
    if name:
        with pytest.raises(BundleFormatError):
            read_zip(tmp_path, zip_of(("manifest.json", b"{}"), (name, b"x")))
    assert sorted(p.name for p in tmp_path.iterdir()) in ([], ["b.zip"])


def test_zip_name_cut_by_a_nul_is_refused(tmp_path: Path) -> None:  # fault D16: zipfile shows "x.json" for it
    data = zip_of(("x.jsonAB", b"x"), method=zipfile.ZIP_STORED).replace(b"x.jsonAB", b"x.json\x00B")
    with pytest.raises(BundleFormatError):
        read_zip(tmp_path, data)


def test_vectors_folder_entry_of_ordinary_zip_tools_is_accepted(tmp_path: Path) -> None:
    assert read_zip(tmp_path, zip_of(("vectors/", b""), ("vectors/a.json", b"x"))) == {"vectors/a.json": b"x"}


def test_zip_with_a_link_is_refused(tmp_path: Path) -> None:  # fault D17
    link = zipfile.ZipInfo("decoder.onnx")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    with pytest.raises(BundleFormatError, match="link or device"):
        read_zip(tmp_path, zip_of((link, b"/etc/passwd")))


@pytest.mark.parametrize(("size", "why"), [(65_000_000, "unpacks to more"), (3_000_000, "unpacks to more")], ids=["size", "ratio"])
def test_zip_bomb_is_refused(tmp_path: Path, size: int, why: str) -> None:  # fault D18
    with pytest.raises(BundleFormatError, match=why):
        read_zip(tmp_path, zip_of(("decoder.onnx", bytes(size))))


def test_too_many_files_are_refused(tmp_path: Path) -> None:  # fault D18, D19
    with pytest.raises(BundleFormatError, match="more than 64 files"):
        read_zip(tmp_path, zip_of(*((f"f{i}.json", b"") for i in range(65))))
    folder = tmp_path / "many"
    folder.mkdir()
    for i in range(65):
        (folder / f"f{i}.json").touch()
    with pytest.raises(BundleFormatError, match="more than 64 files"):
        store.read_files(folder)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_duplicate_and_encrypted_entries_are_refused(tmp_path: Path) -> None:  # fault D19
    with pytest.raises(BundleFormatError, match="twice"):
        read_zip(tmp_path, zip_of(("a.json", b"1"), ("a.json", b"2")))
    data = bytearray(zip_of(("a.json", b"1")))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + offset] |= 1
    with pytest.raises(BundleFormatError, match="encrypted"):
        read_zip(tmp_path, bytes(data))


def test_zip_damaged_anywhere_ends_in_our_error_or_the_same_files(tmp_path: Path) -> None:  # fault D20
    small = {"manifest.json": b"{}", "README.md": b"hello"}
    data = zip_of(*small.items(), method=zipfile.ZIP_STORED)
    for length in range(len(data)):
        with pytest.raises(BundleFormatError):
            read_zip(tmp_path, data[:length])
    for offset in range(len(data)):
        changed = bytearray(data)
        changed[offset] ^= 0xFF
        try:
            assert set(read_zip(tmp_path, bytes(changed)).values()) <= set(small.values())
        except BundleFormatError:
            continue


def test_zip_with_lying_sizes_is_refused(tmp_path: Path) -> None:  # fault D20
    data = bytearray(zip_of(("a.json", b"x" * 100), method=zipfile.ZIP_STORED))
    for offset in (data.index(b"PK\x01\x02") + 20, data.index(b"PK\x01\x02") + 24):
        struct.pack_into("<I", data, offset, 0x7FFFFFFF)
    with pytest.raises(BundleFormatError):
        read_zip(tmp_path, bytes(data))


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "git lfs pull"),
        (b"<!DOCTYPE html><html>404</html>", "HTML page"),
        (b'{"schema": "1.0"}', "JSON file"),
        (b"\x89SEMEQ\r\n", "flat weights"),
        (bytes(range(256)), "not a zip"),
    ],
)
def test_other_files_are_called_what_they_are(tmp_path: Path, content: bytes, what: str) -> None:  # fault D10
    with pytest.raises(BundleFormatError, match=what):
        read_zip(tmp_path, content)


def test_folder_members_that_are_links_or_pipes_are_refused_at_once(tmp_path: Path) -> None:  # fault D21
    store.write_files(tmp_path / "x.semeq", FILES)
    member = tmp_path / "x.semeq" / "decoder.onnx"
    member.rename(tmp_path / "elsewhere.onnx")
    member.symlink_to(tmp_path / "elsewhere.onnx")
    with pytest.raises(BundleFormatError, match="is a link"):
        store.read_files(tmp_path / "x.semeq")
    member.unlink()
    os.mkfifo(member)
    with pytest.raises(BundleFormatError, match="pipe or device"):
        store.read_files(tmp_path / "x.semeq")
    member.unlink()
    member.mkdir()
    with pytest.raises(BundleFormatError, match="folder"):
        store.read_files(tmp_path / "x.semeq")


def test_linked_vectors_folder_is_refused(tmp_path: Path) -> None:  # fault D21
    store.write_files(tmp_path / "x.semeq", FILES)
    (tmp_path / "x.semeq" / "vectors").rename(tmp_path / "real")
    (tmp_path / "x.semeq" / "vectors").symlink_to(tmp_path / "real")
    with pytest.raises(BundleFormatError):
        store.read_files(tmp_path / "x.semeq")


def test_pipe_or_missing_path_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.semeq")
    with pytest.raises(BundleFormatError, match="pipe or device"):
        store.read_files(tmp_path / "pipe.semeq")
    with pytest.raises(BundleFormatError, match="no such file"):
        store.read_files(tmp_path / "none.semeq")
