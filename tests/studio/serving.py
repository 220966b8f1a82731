"""A studio server in a process of its own, and requests to it byte by byte."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TEMPLATE = "<!doctype html><title>t</title><style>p { }</style><body><!--semeq-data--><script>/* page */</script></body>"
TIMEOUT_S = 60

_PROGRAM = f"""
import sys
from semeq_export.studio import page, web
page.built_parts = lambda: page.PageParts({TEMPLATE!r}, b"\\0asm\\1\\0\\0\\0")
plain, given = web.Limits, eval(sys.argv.pop(1))
web.Limits = lambda: plain(**given)
from semeq_export.cli import main
main()
"""


@dataclass(frozen=True)
class Answer:
    """What came back. status: 0 where the connection was closed without an answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:  # Any: JSON
        return json.loads(self.body)

    @property
    def error(self) -> str:
        return str(self.json["error"])


class Served:
    """A running server. temporary: its folder for temporary files."""

    def __init__(self, folder: Path, limits: Mapping[str, float]) -> None:
        self.home, self.temporary = folder / "home", folder / "temporary"
        for place in (self.home, self.temporary):
            place.mkdir(exist_ok=True)
        environment = {**os.environ, "HOME": str(self.home), "TMPDIR": str(self.temporary), "XDG_DATA_HOME": str(self.home / "data")}
        self.process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, repr(dict(limits)), "studio", "--no-browser"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip()
        found = re.fullmatch(r"http://127\.0\.0\.1:(\d+)/", self.url)
        assert found is not None, (self.url, self.stop())
        self.port = int(found[1])
        token = re.search(rb'"server":\{"token":"([\w-]{40,})"\}', self.ask(b"GET / HTTP/1.1\r\nHost: HOST\r\n\r\n").body)
        assert token is not None
        self.token = token[1].decode()

    def ask(self, request: bytes, *, finish: bool = True) -> Answer:
        """Return the answer to raw bytes, in whose head HOST, PORT and TOKEN stand for those of this server.

        finish: nothing more is sent.
        """
        request = self.filled(request)
        with socket.create_connection(("127.0.0.1", self.port), timeout=TIMEOUT_S) as connection:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.sendall(request)
                if finish:
                    connection.shutdown(socket.SHUT_WR)
            return _answer(connection)

    def filled(self, request: bytes) -> bytes:
        """Return a request with the names of this server in its head."""
        head, end, body = request.partition(b"\r\n\r\n")
        for name, value in (("HOST", f"127.0.0.1:{self.port}"), ("PORT", str(self.port)), ("TOKEN", getattr(self, "token", ""))):
            head = head.replace(name.encode(), value.encode())
        return head + end + body

    def post(self, path: str, document: object, **headers: str) -> Answer:
        """Return the answer to JSON as the page sends it."""
        return self.ask(post(path, json.dumps(document).encode(), **headers), finish=False)

    def is_healthy(self) -> bool:
        """Whether the page is there and the API answers."""
        return self.ask(b"HEAD / HTTP/1.1\r\nHost: HOST\r\n\r\n").status == 200 and self.post("/api/phrase", {"text": "warm"}).status == 200

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str, str]:
        """End the server; returns its exit status, standard output after the address, and standard error."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)
        try:
            out, err = self.process.communicate(timeout=TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        return self.process.returncode, out, err


@contextlib.contextmanager
def served(folder: Path, **limits: float) -> Iterator[Served]:
    """Yield a server that is ended afterwards."""
    server = Served(folder, limits)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.stop()


def post(path: str, body: bytes, **changes: str) -> bytes:
    """Return a POST as the page sends it. changes: headers, with _ for -; an empty one is left out."""
    headers = {
        "Host": "HOST",
        "Origin": "http://HOST",
        "X-Semeq-Token": "TOKEN",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
    } | {name.replace("_", "-"): value for name, value in changes.items()}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items() if value)
    return f"POST {path} HTTP/1.1\r\n{lines}\r\n".encode() + body


def _answer(connection: socket.socket) -> Answer:
    parts: list[bytes] = []
    with contextlib.suppress(ConnectionResetError):
        while part := connection.recv(1 << 20):
            parts.append(part)
    head, _, body = b"".join(parts).partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    return Answer(int(status.split()[1]) if status else 0, headers, body)
