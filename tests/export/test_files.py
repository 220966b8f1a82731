"""The rim to the file system: what is refused at once, and that an output is old or new, never half."""

from __future__ import annotations

import errno
import os
import socket
import stat
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from conftest import ROOT

from semeq_export.errors import AudioError, EnvironmentFailure, OutputError, SemeqError, printable
from semeq_export.files import atomic, disk


def leftovers(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir() if entry.name.startswith(".semeq-"))


def special(folder: Path, kind: str) -> Path:
    """Make something that is no regular file."""
    path = folder / kind
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "dangling":
        path.symlink_to(folder / "nowhere")
    elif kind == "loop":
        path.symlink_to(path)
    elif kind == "zero":
        path.symlink_to("/dev/zero")
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as listener:
            here = Path.cwd()
            os.chdir(folder)  # socket names are short
            try:
                listener.bind(kind)
            finally:
                os.chdir(here)
    return path


# reading


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("pipe", "pipe or device"),  # fault B14
        ("folder", "is a folder"),  # fault B15
        ("dangling", "dangling link"),
        ("loop", "loop of links"),
        ("zero", "pipe or device"),
        ("socket", "not a regular file"),
        ("missing", "no such file"),
    ],
)
def test_only_regular_files_are_read_and_nothing_waits(tmp_path: Path, kind: str, why: str) -> None:
    path = special(tmp_path, kind)
    started = time.monotonic()
    with pytest.raises(AudioError, match=why) as caught:
        disk.read_regular(path, AudioError, max_bytes=100)
    assert str(caught.value).startswith(str(path))
    assert time.monotonic() - started < 1.0  # the row's own promise: it hung for ever


@pytest.mark.parametrize("name", ["a\0b", "x" * 256, "x/" * 3_000, "file/below"])
def test_unusable_names_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(AudioError):
        disk.read_regular(os.fspath(tmp_path) + "/" + name, AudioError, max_bytes=100)


def test_links_are_followed_only_where_asked(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"abc")
    (tmp_path / "link").symlink_to("real")
    assert disk.read_regular(tmp_path / "link", AudioError, max_bytes=3) == b"abc"
    with pytest.raises(AudioError, match="is a link"):  # fault D21
        disk.read_regular(tmp_path / "link", AudioError, max_bytes=3, follow_links=False)


def test_files_over_the_limit_are_refused(tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(b"abcd")
    with pytest.raises(AudioError, match="larger than the limit of 3 bytes"):
        disk.read_regular(tmp_path / "big", AudioError, max_bytes=3)


def test_names_are_shown_on_one_printable_line() -> None:
    assert printable("mix\n\x1b[2J.wav") == "mix\\n\\x1b[2J.wav"
    assert printable(os.fsdecode(b"mix-\xff.wav")) == "mix-\\udcff.wav"
    assert printable("déjà vu \U0001f600.wav") == "déjà vu \U0001f600.wav"
    assert printable("`salvage`.wav") == r"\x60salvage\x60.wav", "or the command line would read it as a parameter"


@pytest.mark.skipif(sys.platform == "win32", reason="permissions are POSIX ones")
def test_a_forbidden_file_is_the_environments_fault(tmp_path: Path) -> None:  # fault B21
    (tmp_path / "secret").write_bytes(b"abc")
    (tmp_path / "secret").chmod(0)
    code = f"""
        import os
        from semeq_export.files import atomic, disk
        from semeq_export.errors import AudioError, EnvironmentFailure
        if os.geteuid() == 0: os.setuid(65534)  # root may read everything
        try: disk.read_regular({str(tmp_path / "secret")!r}, AudioError, max_bytes=9)
        except EnvironmentFailure as error: print(error)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"{tmp_path / 'secret'}: permission denied"


# writing


def test_what_was_written_is_there_with_ordinary_permissions(tmp_path: Path) -> None:
    target = tmp_path / "out.txt"
    atomic.write_atomic(target, b"new", overwrite=False)
    assert target.read_bytes() == b"new"
    plain = tmp_path / "plain"
    plain.write_bytes(b"")
    assert target.stat().st_mode == plain.stat().st_mode
    assert leftovers(tmp_path) == []


def test_replacing_keeps_the_permissions_of_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "out.txt"
    target.write_bytes(b"old")
    target.chmod(0o640)
    atomic.write_atomic(target, b"new", overwrite=True)
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert target.read_bytes() == b"new"


def test_existing_files_stay_without_overwrite(tmp_path: Path) -> None:
    target = tmp_path / "out.txt"
    target.write_bytes(b"old")
    with pytest.raises(OutputError, match="exists already; use `overwrite`"):
        atomic.write_atomic(target, b"new", overwrite=False)
    assert target.read_bytes() == b"old"


def test_a_file_that_appears_meanwhile_stays(tmp_path: Path) -> None:  # fault C11
    target = tmp_path / "out.txt"
    with pytest.raises(OutputError, match="exists already"), atomic.atomic_file(target, overwrite=False) as temporary:
        temporary.write_bytes(b"mine")
        target.write_bytes(b"theirs")
    assert target.read_bytes() == b"theirs"
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("pipe", "pipe or device"),
        ("folder", "is a folder"),
        ("dangling", "is a link"),
        ("loop", "is a link"),
        ("zero", "is a link"),
        ("socket", "pipe or"),
    ],
)
def test_outputs_that_are_no_files_are_refused_even_by_force(
    tmp_path: Path, kind: str, why: str, overwrite: bool
) -> None:  # faults C10, C12
    path = special(tmp_path, kind)
    before = path.lstat()
    with pytest.raises(OutputError, match=why):
        atomic.write_atomic(path, b"new", overwrite=overwrite)
    assert path.lstat() == before
    assert leftovers(tmp_path) == []


def test_a_device_is_never_replaced() -> None:
    with pytest.raises(OutputError, match="pipe or device"):
        disk.check_output("/dev/null", overwrite=True)


def test_a_linked_file_is_untouched(tmp_path: Path) -> None:  # fault C10
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real")
    with pytest.raises(OutputError, match="is a link"):
        atomic.write_atomic(tmp_path / "link", b"new", overwrite=True)
    assert (tmp_path / "real").read_bytes() == b"old"


def test_the_input_is_known_under_every_name(tmp_path: Path) -> None:  # fault C9
    source = tmp_path / "mix.wav"
    source.write_bytes(b"audio")
    (tmp_path / "sub").mkdir()
    (tmp_path / "soft").symlink_to("mix.wav")
    (tmp_path / "hard").hardlink_to(source)
    for other in (source, tmp_path / "sub" / ".." / "mix.wav", tmp_path / "soft", tmp_path / "hard"):
        with pytest.raises(OutputError, match="is the input"):
            disk.check_output(other, overwrite=True, inputs=(source,))
    disk.check_output(tmp_path / "other.wav", overwrite=True, inputs=(source,))


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("missing/out.txt", "does not exist"),  # fault C12
        ("file/out.txt", "its folder .* is a file"),
        ("file/deeper/out.txt", "does not exist"),
        ("x" * 256, "name too long"),  # fault C15
        ("x/" * 3_000 + "out", "name too long|does not exist"),  # fault C16
        ("a\0b", "not a usable file name"),
        ("a\0b/out", "not a usable file name"),
    ],
)
def test_outputs_without_a_place_are_refused_before_any_work(tmp_path: Path, name: str, why: str) -> None:
    (tmp_path / "file").write_bytes(b"")
    for check in (disk.check_output, lambda path, overwrite: atomic.atomic_folder(path, overwrite=overwrite).__enter__()):
        with pytest.raises(OutputError, match=why):
            check(os.fspath(tmp_path) + "/" + name, overwrite=True)


@pytest.mark.parametrize(
    "name", ["x" * 255, "-leading", "per%cent", 'quo"te', "new\nline", "naïve", "\U0001f600", os.fsdecode(b"\xff\xfe")]
)
def test_odd_names_work(tmp_path: Path, name: str) -> None:  # faults C13, C14, C15
    atomic.write_atomic(tmp_path / name, b"1", overwrite=False)
    atomic.write_atomic(tmp_path / name, b"2", overwrite=True)
    assert disk.read_regular(tmp_path / name, AudioError, max_bytes=9) == b"2"
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit, OSError(errno.ENOSPC, "No space left on device")])
def test_a_failed_block_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, error: BaseException | type[BaseException]
) -> None:  # faults C7, C8
    target = tmp_path / "out.txt"
    target.write_bytes(b"old")
    with (
        pytest.raises((ValueError, KeyboardInterrupt, SystemExit, EnvironmentFailure)),
        atomic.atomic_file(target, overwrite=True) as temporary,
    ):
        temporary.write_bytes(b"half")
        raise error
    assert target.read_bytes() == b"old"
    assert leftovers(tmp_path) == []


def test_a_full_disk_is_named_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # fault C5
    def full(_path: Path, _data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(EnvironmentFailure, match=r"out\.txt: disk full$") as caught:
        atomic.write_atomic(tmp_path / "out.txt", b"x", overwrite=False)
    assert caught.value.exit_code == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="tmpfs is Linux's")
def test_a_really_full_disk_keeps_the_old_output(small_disk: Path) -> None:  # faults C5, C7
    target = small_disk / "out.bin"
    atomic.write_atomic(target, b"old", overwrite=False)
    with pytest.raises(EnvironmentFailure, match="disk full"):
        atomic.write_atomic(target, bytes(1_000_000), overwrite=True)
    with pytest.raises(EnvironmentFailure, match="disk full"), atomic.atomic_folder(small_disk / "kit", overwrite=False) as folder:
        (folder / "a").write_bytes(bytes(1_000_000))
    assert [entry.name for entry in small_disk.iterdir()] == ["out.bin"]
    assert target.read_bytes() == b"old"


KILLING = """
import os, signal, time
from semeq_export.files import atomic, disk
for n in range(1, 101):  # one interpreter, 100 children: only the writing is killed, not 100 start-ups
    child = os.fork()
    if child == 0:
        while True:
            n += 1
            atomic.write_atomic({target!r}, bytes([65 + n % 26]) * 200_000, overwrite=True)
    time.sleep(0.0002 * n)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    print(n, flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX's")
def test_kill_leaves_old_or_new_never_half(tmp_path: Path) -> None:  # fault C6
    """100 kills at moments spread over 20 ms of constant writing."""
    target = tmp_path / "out.bin"
    target.write_bytes(b"A" * 200_000)
    with subprocess.Popen(
        [sys.executable, "-c", KILLING.format(target=str(target))], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as forker:
        assert forker.stdout is not None
        for line in forker.stdout:
            content = target.read_bytes()
            assert len(content) == 200_000, line
            assert content == content[:1] * 200_000
    assert forker.returncode == 0
    assert int(line) == 100


# folders


def test_a_folder_appears_whole(tmp_path: Path) -> None:
    with atomic.atomic_folder(tmp_path / "kit", overwrite=False) as folder:
        (folder / "sub").mkdir()
        (folder / "sub" / "a").write_bytes(b"1")
        assert not (tmp_path / "kit").exists()
    assert (tmp_path / "kit" / "sub" / "a").read_bytes() == b"1"
    (tmp_path / "plain").mkdir()
    assert (tmp_path / "kit").stat().st_mode == (tmp_path / "plain").stat().st_mode
    assert leftovers(tmp_path) == []


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    (tmp_path / "kit").mkdir()
    (tmp_path / "kit" / "old").write_bytes(b"")
    with pytest.raises(OutputError, match="exists already"), atomic.atomic_folder(tmp_path / "kit", overwrite=False):
        pass
    with atomic.atomic_folder(tmp_path / "kit", overwrite=True) as folder:
        (folder / "new").write_bytes(b"")
    assert [entry.name for entry in (tmp_path / "kit").iterdir()] == ["new"]
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SemeqError])
def test_a_failed_folder_leaves_the_old_one(tmp_path: Path, error: type[BaseException]) -> None:  # fault C7
    (tmp_path / "kit").mkdir()
    (tmp_path / "kit" / "old").write_bytes(b"")
    with pytest.raises(error), atomic.atomic_folder(tmp_path / "kit", overwrite=True) as folder:
        (folder / "new").write_bytes(b"")
        raise error
    assert [entry.name for entry in tmp_path.rglob("*")] == ["kit", "old"]


@pytest.mark.parametrize("kind", ["pipe", "dangling", "loop", "file"])
def test_a_folder_never_takes_the_place_of_something_else(tmp_path: Path, kind: str) -> None:
    path = special(tmp_path, kind)
    if kind == "file":
        path.write_bytes(b"")
    with pytest.raises(OutputError, match="is not a folder"), atomic.atomic_folder(path, overwrite=True):
        pass
    assert leftovers(tmp_path) == []


def test_many_files_or_nothing_new(tmp_path: Path) -> None:  # fault C5
    old, new, kit = tmp_path / "old.txt", tmp_path / "a" / "b" / "new.txt", tmp_path / "a" / "kit"
    old.write_text("old")
    with pytest.raises(KeyboardInterrupt), atomic.all_or_nothing([old, new, kit, tmp_path / "never" / "made"]):
        kit.mkdir(parents=True)
        (kit / "part").write_text("part")
        new.parent.mkdir()
        new.write_text("new")
        raise KeyboardInterrupt
    assert [path.name for path in tmp_path.iterdir()] == ["old.txt"]
    with atomic.all_or_nothing([new]):
        new.parent.mkdir(parents=True)
        new.write_text("new")
    assert new.read_text() == "new"


def test_what_fails_inside_a_folder_is_named_by_the_folders_name(tmp_path: Path) -> None:  # fault C5
    with (
        pytest.raises(EnvironmentFailure) as caught,
        atomic.atomic_folder(tmp_path / "kit", overwrite=False) as outer,
        atomic.atomic_folder(outer / "model.semeq", overwrite=False),
    ):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert str(caught.value) == f"{tmp_path}/kit/model.semeq: disk full"
    assert list(tmp_path.iterdir()) == []
