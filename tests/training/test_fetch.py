"""Fetching both data sets, from a server on this machine that answers as the Internet Archive and the Hugging Face hub do."""

from __future__ import annotations

import hashlib
import io
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from semeq_export.errors import DataError, EnvironmentFailure, OutputError
from semeq_training.data.datasets import load_examples, read_tables
from semeq_training.data.fetch import SAFE_FILE, SOCIALFX_FILE, SOCIALFX_REPO, fetch
from semeq_training.data.tables import SHAPE_FREQS_HZ

pytestmark = pytest.mark.train
pyarrow = pytest.importorskip("pyarrow", reason="needs the [train] extra")
pytest.importorskip("huggingface_hub", reason="needs the [train] extra")
pytest.importorskip("pooch", reason="needs the [train] extra")

SAFE_ROWS = "".join(
    f"{i},warm,198.51.100.{i},2,2,6.0,120,{gain},500,0.7,0,1000,0.71,0,3300,0.71,-3,8200,rock,guitar,somewhere,3,40,French,{i}9\n"
    for i, gain in enumerate((1.5, -2.5, 3.0), start=1)
).encode()
SAFE_HASH = hashlib.sha256(SAFE_ROWS).hexdigest()


def socialfx_parquet() -> bytes:
    import pyarrow.parquet

    shape = [1.0, -1.0] * 20
    rows = [
        {
            "id": f"eq_{i}",
            "text": word,
            "param_keys": [f"RSC_{freq}Hz_band" for freq in SHAPE_FREQS_HZ],
            "param_values": shape,
            "extra": {"lang": language, "ratings_consistency": 0.5},
        }
        for i, (word, language) in enumerate((("warm", "English"), ("claro", "Spanish")))
    ]
    sink = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), sink)
    return sink.getvalue()


class Server:
    """What the server holds by path, and every request with its headers."""

    def __init__(self) -> None:
        self.files = {"/safe.csv": SAFE_ROWS, f"/datasets/{SOCIALFX_REPO}/resolve/main/{SOCIALFX_FILE}": socialfx_parquet()}
        self.truncated: set[str] = set()
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.address = ""


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer(with_body=True)

        def do_HEAD(self) -> None:
            self.answer(with_body=False)

        def answer(self, *, with_body: bool) -> None:
            state.requests.append((self.command, self.path, dict(self.headers)))
            content = state.files.get(self.path)
            if content is None:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
            self.send_header("X-Repo-Commit", "0123456789abcdef0123456789abcdef01234567")
            self.end_headers()
            if with_body:
                self.wfile.write(content[: len(content) // 2] if self.path in state.truncated else content)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the name of the base class
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    state.address = f"http://127.0.0.1:{http.server_port}"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield state
    http.shutdown()
    http.server_close()
    thread.join()


def fetch_from(server: Server, folder: Path, **options: object) -> list[tuple[str, int, bool]]:
    given = {"safe_url": f"{server.address}/safe.csv", "safe_sha256": SAFE_HASH, "hub_endpoint": server.address, **options}
    return [(table.dataset, table.rows, table.is_new) for table in fetch(folder, **given)]  # type: ignore[arg-type]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*"))


def assert_one_line(error: pytest.ExceptionInfo[Exception]) -> None:
    assert len(str(error.value).splitlines()) == 1


def test_fetched_tables_are_what_load_examples_reads(server: Server, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "data"
    lines: list[str] = []
    assert fetch_from(server, folder, progress=lines.append) == [("safe", 3, True), ("socialeq", 2, True)]
    assert names(folder) == [SAFE_FILE, "eq-00000-of-00001.parquet"]
    assert (folder / SAFE_FILE).read_bytes() == SAFE_ROWS
    assert [len(table.rows) for table in read_tables(folder)] == [3, 2]
    assert {example.word for example in load_examples(folder).examples} == {"warm", "claro"}
    assert len(lines) == 2


def test_no_token_is_sent(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    fetch_from(server, tmp_path)
    assert all("authorization" not in {name.lower() for name in headers} for _, _, headers in server.requests)


def test_what_is_there_and_sound_is_not_fetched_again(server: Server, tmp_path: Path) -> None:
    fetch_from(server, tmp_path)
    server.requests.clear()
    assert fetch_from(server, tmp_path) == [("safe", 3, False), ("socialeq", 2, False)]
    assert server.requests == []


def test_one_data_set_can_be_fetched_alone(server: Server, tmp_path: Path) -> None:
    assert fetch_from(server, tmp_path, datasets=["socialeq"]) == [("socialeq", 2, True)]
    assert names(tmp_path) == ["eq-00000-of-00001.parquet"]


def test_another_file_of_that_name_is_kept_unless_replacing_is_asked_for(server: Server, tmp_path: Path) -> None:
    (tmp_path / SAFE_FILE).write_text("mine")
    with pytest.raises(OutputError, match="exists with other content; use `overwrite`"):
        fetch_from(server, tmp_path)
    assert (tmp_path / SAFE_FILE).read_text() == "mine"
    fetch_from(server, tmp_path, overwrite=True)
    assert (tmp_path / SAFE_FILE).read_bytes() == SAFE_ROWS


def test_another_content_than_the_hash_says_leaves_nothing(server: Server, tmp_path: Path) -> None:
    server.files["/safe.csv"] = SAFE_ROWS + b"4,warm\n"
    with pytest.raises(DataError, match=r"safe\.csv: what arrived does not have the SHA-256") as error:
        fetch_from(server, tmp_path)
    assert_one_line(error)
    assert names(tmp_path) == []


def test_a_page_instead_of_the_table_leaves_nothing(server: Server, tmp_path: Path) -> None:
    server.files[f"/datasets/{SOCIALFX_REPO}/resolve/main/{SOCIALFX_FILE}"] = b"<!DOCTYPE html><title>sign in</title>"
    with pytest.raises(DataError, match="is an HTML page"):
        fetch_from(server, tmp_path, datasets=["socialeq"])
    assert names(tmp_path) == []


@pytest.mark.parametrize("dataset", ["safe", "socialeq"])
def test_a_missing_file_is_one_line_with_the_status(server: Server, tmp_path: Path, dataset: str) -> None:
    server.files.clear()
    with pytest.raises(EnvironmentFailure) as error:
        fetch_from(server, tmp_path, datasets=[dataset])
    assert_one_line(error)
    assert names(tmp_path) == []


def test_a_transfer_that_breaks_off_leaves_nothing(server: Server, tmp_path: Path) -> None:
    server.truncated.add("/safe.csv")
    with pytest.raises((EnvironmentFailure, DataError)) as error:
        fetch_from(server, tmp_path)
    assert_one_line(error)
    assert names(tmp_path) == []


@pytest.mark.parametrize("dataset", ["safe", "socialeq"])
def test_a_server_that_is_down_is_one_line(tmp_path: Path, dataset: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _seconds: None)  # between the attempts of huggingface_hub
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(EnvironmentFailure, match="cannot be reached") as error:
        fetch(tmp_path, datasets=[dataset], safe_url=f"{address}/safe.csv", hub_endpoint=address)  # type: ignore[list-item]
    assert_one_line(error)
    assert names(tmp_path) == []


def test_an_address_of_no_known_kind_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFailure, match="check the address") as error:
        fetch(tmp_path, datasets=["safe"], safe_url="safe.csv")
    assert_one_line(error)


def test_a_folder_that_is_a_file_is_refused(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="is not a folder"):
        fetch_from(server, tmp_path / "file")


def test_a_folder_without_permission_is_an_environment_failure(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # root may write anywhere, so the system's answer is made up
    monkeypatch.setattr("semeq_export.files.disk.os.access", lambda *_arguments, **_options: False)
    with pytest.raises(EnvironmentFailure, match="permission denied"):
        fetch_from(server, tmp_path)
    assert names(tmp_path) == []


def test_a_full_disk_is_an_environment_failure_and_leaves_nothing(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_arguments: object, **_options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("semeq_export.files.atomic.os.link", full)
    monkeypatch.setattr("semeq_export.files.atomic.os.fsync", full)
    with pytest.raises(EnvironmentFailure, match="disk full"):
        fetch_from(server, tmp_path)
    assert names(tmp_path) == []
