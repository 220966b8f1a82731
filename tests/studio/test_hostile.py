"""Requests that the studio's own page never sends: each is refused with the right status, and the server goes on."""

from __future__ import annotations

import asyncio
import json
import random
import socket
import threading

import pytest
from conftest import cases
from studio.serving import Served, post

from semeq_export.studio.web import Queue

PHRASE = b'{"text": "warm"}'
DEEP = b'{"text": ' + b"[" * 40_000 + b"]" * 40_000 + b"}"
PRESET = {"format": "eqapo", "name": "x", "mix": {"warm": 1.0}}
STEM = {"name": "a.wav", "base64": "UklGRg==", "mix": {"warm": 1.0}}
AUDIO = STEM


def get(path: str = "/", **headers: str) -> bytes:
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in {"Host": "HOST", **headers}.items() if value)
    return f"GET {path} HTTP/1.1\r\n{lines}\r\n".encode()


def call(path: str, **fields: object) -> bytes:
    base = {"/api/preset": PRESET, "/api/install": PRESET, "/api/process": AUDIO, "/api/session": {"name": "x", "stems": [STEM]}}[path]
    return post(path, json.dumps({**base, **fields}).encode())


HOSTILE: dict[str, tuple[int, bytes]] = {
    # another name for this server: DNS rebinding
    "rebinding": (403, get(Host="evil.example:PORT")),
    "rebinding without a port": (403, get(Host="evil.example")),
    "rebinding, POST": (403, post("/api/phrase", PHRASE, Host="evil.example:PORT", Origin="http://evil.example:PORT")),
    "rebinding, our origin": (403, post("/api/phrase", PHRASE, Host="evil.example:PORT")),
    "another port": (403, get(Host="127.0.0.1:1")),
    "no port": (403, get(Host="127.0.0.1")),
    "name that begins like ours": (403, get(Host="127.0.0.1.evil.example:PORT")),
    "user in the host": (403, get(Host="127.0.0.1:PORT@evil.example")),
    "other loopback address": (403, get(Host="127.0.0.2:PORT")),
    "no host": (400, b"GET / HTTP/1.1\r\n\r\n"),
    "no host, old protocol": (403, b"GET / HTTP/1.0\r\n\r\n"),
    "two hosts": (400, get(host="evil.example")),
    # other pages of the same browser
    "cross-site fetch": (403, post("/api/phrase", PHRASE, Origin="https://evil.example")),
    "another port of this machine": (403, post("/api/phrase", PHRASE, Origin="http://127.0.0.1:1")),
    "other scheme": (403, post("/api/phrase", PHRASE, Origin="https://HOST")),
    "origin of a file": (403, post("/api/phrase", PHRASE, Origin="null")),
    "no origin": (403, post("/api/phrase", PHRASE, Origin="")),
    "two origins": (400, post("/api/phrase", PHRASE, origin="https://evil.example")),
    "fetched by another site": (403, post("/api/phrase", PHRASE, Sec_Fetch_Site="cross-site")),
    "page asked for by another site": (403, get(Sec_Fetch_Site="cross-site")),
    "page asked for by another origin": (403, get(Origin="https://evil.example")),
    "form post": (415, post("/api/install", b"format=eqapo", Content_Type="application/x-www-form-urlencoded")),
    "form post of text": (415, post("/api/install", b'{"x": 1}', Content_Type="text/plain")),
    "form post of files": (415, post("/api/process", b"--x", Content_Type="multipart/form-data; boundary=x")),
    "form post from elsewhere": (403, post("/api/install", b"a=b", Content_Type="text/plain", Origin="https://evil.example")),
    "no type": (415, post("/api/phrase", PHRASE, Content_Type="")),
    "another charset": (415, post("/api/phrase", PHRASE, Content_Type="application/json; charset=utf-7")),
    "compressed": (415, post("/api/phrase", PHRASE, Content_Encoding="gzip")),
    "preflight": (405, b"OPTIONS /api/phrase HTTP/1.1\r\nHost: HOST\r\nAccess-Control-Request-Method: POST\r\n\r\n"),
    # tokens
    "no token": (403, post("/api/phrase", PHRASE, X_Semeq_Token="")),
    "wrong token": (403, post("/api/phrase", PHRASE, X_Semeq_Token="x" * 43)),
    "longer token": (403, post("/api/phrase", PHRASE, X_Semeq_Token="TOKENx")),
    "token that is no text": (403, post("/api/phrase", PHRASE, X_Semeq_Token="\xff\xfe")),
    "two tokens": (400, post("/api/phrase", PHRASE, x_semeq_token="TOKEN")),
    "token in the address": (403, post("/api/phrase?token=TOKEN", PHRASE, X_Semeq_Token="")),
    # methods and addresses
    "GET of a call": (405, get("/api/phrase")),
    "POST of the page": (405, post("/", PHRASE)),
    "DELETE": (405, b"DELETE / HTTP/1.1\r\nHost: HOST\r\n\r\n"),
    "TRACE": (405, b"TRACE / HTTP/1.1\r\nHost: HOST\r\n\r\n"),
    "CONNECT": (404, b"CONNECT evil.example:443 HTTP/1.1\r\nHost: HOST\r\n\r\n"),
    "path upwards": (404, get("/../../etc/passwd")),
    "path upwards, escaped": (404, get("/%2e%2e/%2e%2e/etc/passwd")),
    "path upwards, twice escaped": (404, get("/%252e%252e%252fetc%252fpasswd")),
    "path with a NUL": (404, get("/%00")),
    "path of a drive": (404, get("/C:%5CWindows%5Cwin.ini")),
    "path with two slashes": (404, get("//api/phrase")),
    "call under a call": (404, post("/api/phrase/../install", PHRASE)),
    "source of the package": (404, get("/semeq_export/studio/page.py")),
    "address of another server": (404, get("http://evil.example/")),
    # bodies
    "larger than it may be": (413, post("/api/phrase", b"{" + b" " * 200_000 + b"}")),
    "announced as huge": (413, post("/api/process", b"{", Content_Length="1000000000000")),
    "announced as more than there are numbers for": (413, post("/api/process", b"{", Content_Length="9" * 19)),
    "no length": (411, post("/api/phrase", b"", Content_Length="")),
    "chunked": (400, post("/api/phrase", b"4\r\n{}  \r\n0\r\n\r\n", Content_Length="", Transfer_Encoding="chunked")),
    "GET with a body": (400, get(Content_Length="5") + b"hello"),
    "empty": (400, post("/api/phrase", b"")),
    "no JSON": (400, post("/api/phrase", b"<xml/>")),
    "JSON of another shape": (400, post("/api/phrase", b'["warm"]')),
    "deep": (400, post("/api/phrase", DEEP)),
    "key twice": (400, post("/api/phrase", b'{"text": "warm", "text": "bright"}')),
    "unknown key": (400, post("/api/phrase", b'{"text": "warm", "bundle": "/etc/passwd"}')),
    "number for a text": (400, post("/api/phrase", b'{"text": 1}')),
    "no UTF-8": (400, post("/api/phrase", b'{"text": "\xff"}')),
    "lone surrogate": (400, post("/api/phrase", rb'{"text": "\ud800"}')),
    "byte order mark": (400, post("/api/phrase", b"\xef\xbb\xbf" + PHRASE)),
    "NaN": (400, post("/api/preset", b'{"format": "eqapo", "name": "x", "mix": {"warm": NaN}}')),
    "infinity": (400, post("/api/preset", b'{"format": "eqapo", "name": "x", "mix": {"warm": 1e999}}')),
    "long number": (400, post("/api/preset", b'{"format": "eqapo", "name": "x", "mix": {"warm": 1' + b"0" * 5_000 + b"}}")),
    "truth for a number": (400, call("/api/preset", mix={"warm": True})),
    "weight out of range": (400, call("/api/preset", mix={"warm": 1e9})),
    "intensity out of range": (400, call("/api/preset", intensity=99)),
    "band out of range": (400, call("/api/preset", mix=None, eq={"bands": [{"kind": "peak", "freq_hz": -1, "gain_db": 1e9, "q": 0}]})),
    "eq and mix": (400, call("/api/preset", eq={"bands": []})),
    "neither eq nor mix": (400, call("/api/preset", mix=None)),
    # names
    "format that is a path": (400, call("/api/preset", format="../../etc/passwd")),
    "name of a preset over lines": (400, call("/api/preset", name="x\r\nset-cookie: a=b")),
    "name of a preset with a NUL": (400, call("/api/install", name="x\0")),
    "name of a preset without end": (400, call("/api/preset", name="x" * 5_000)),
    "audio upwards": (400, call("/api/process", name="../../.bashrc.wav")),
    "audio at a path": (400, call("/api/process", name="/etc/cron.d/x.wav")),
    "audio at a path of Windows": (400, call("/api/process", name="..\\x.wav")),
    "audio with a NUL": (400, call("/api/process", name="x.wav\0.txt")),
    "audio without a name": (400, call("/api/process", name="..")),
    "audio of another kind": (400, call("/api/process", name="x.sh")),
    "audio that is none": (400, call("/api/process", base64="AAAA")),
    "audio not in base64": (400, call("/api/process", base64="%%%%")),
    "stem at a path": (400, call("/api/session", stems=[{**STEM, "name": "../../x.wav"}])),
    "session at a path": (400, call("/api/session", name="/etc/cron.d/x")),
    "session without stems": (400, call("/api/session", stems=[])),
    "session of too many stems": (400, call("/api/session", stems=[STEM] * 101)),
    "option that is a path": (400, call("/api/process", options={"session": "/etc/passwd"})),
    "subtype that is none": (400, call("/api/process", options={"subtype": "../x"})),
    # HTTP that two servers read differently
    "length and chunks": (400, post("/api/phrase", b"0\r\n\r\nGET / HTTP/1.1\r\n\r\n", Transfer_Encoding="chunked")),
    "two lengths": (400, post("/api/phrase", PHRASE, content_length="3")),
    "length that is a list": (400, post("/api/phrase", PHRASE, Content_Length="16, 3")),
    "length below 0": (400, post("/api/phrase", PHRASE, Content_Length="-1")),
    "length with a sign": (400, post("/api/phrase", PHRASE, Content_Length="+16")),
    "unknown encoding": (400, post("/api/phrase", PHRASE, Content_Length="", Transfer_Encoding="xchunked")),
    "space before the colon": (400, b"GET / HTTP/1.1\r\nHost: HOST\r\nContent-Length : 5\r\n\r\nhello"),
    "folded header": (403, b"GET / HTTP/1.1\r\nHost: HOST\r\n evil.example\r\n\r\n"),
    "bare line feed in a header": (400, b"GET / HTTP/1.1\r\nHost: HOST\r\nX: a\x00b\r\n\r\n"),
    "websocket": (400, get(Upgrade="websocket", Connection="Upgrade", Sec_WebSocket_Key="A" * 22 + "==", Sec_WebSocket_Version="13")),
    "HTTP/2 upgrade": (400, get(Upgrade="h2c", Connection="Upgrade, HTTP2-Settings", HTTP2_Settings="AAMAAABk")),
    "HTTP/2 at once": (403, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    "no HTTP": (400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a TLS hello\r\n\r\n"),
    "head without end": (400, b"GET / HTTP/1.1\r\nHost: HOST\r\n" + b"X: " + b"a" * 60_000),
    "address without end": (400, b"GET /" + b"a" * 60_000),
}  # fmt: skip


@pytest.mark.parametrize(("status", "request_"), HOSTILE.values(), ids=HOSTILE)
def test_it_is_refused_and_the_server_goes_on(status: int, request_: bytes, server: Served) -> None:
    answer = server.ask(request_, finish=False)
    assert answer.status == status, answer
    if answer.headers.get("content-type") == "application/json" and answer.body:
        assert answer.json.keys() == {"error"}
        assert answer.error == answer.error.strip()
        assert "\n" not in answer.error
        assert not {word for word in ("Traceback", "/tmp", "/home", "site-packages", str(server.home)) if word in answer.error}
    assert "access-control-allow-origin" not in answer.headers
    assert server.token.encode() not in answer.body
    assert server.ask(b"HEAD / HTTP/1.1\r\nHost: HOST\r\n\r\n").status == 200


def test_requests_that_are_nearly_right_are_refused_too(server: Served) -> None:
    """Nor does one of them make the server say anything: what it said is looked at when it ends."""
    rng, statuses = random.Random(7), set()
    plain = [get(), call("/api/preset"), call("/api/process"), post("/api/phrase", PHRASE)]
    seeds = plain + [request for _, request in HOSTILE.values() if len(request) < 3_000]
    for _ in range(cases(200, 200, 600)):
        mutant = bytearray(server.filled(rng.choice(seeds)))
        for _ in range(rng.randint(1, 4)):
            place, length = rng.randrange(len(mutant)), rng.randint(0, 8)
            mutant[place : place + length] = rng.choice((b"", rng.randbytes(rng.randint(1, 6)), mutant[max(0, place - 20) : place]))
            mutant += b"" if mutant else b"x"
        statuses.add(server.ask(bytes(mutant)).status)
    assert statuses <= {0, 200, 400, 403, 404, 405, 408, 411, 413, 415}  # 0: a head without an end, and then nothing
    assert {400, 403} <= statuses
    assert server.is_healthy()


def test_there_are_at_least_forty_of_them() -> None:
    assert len({request_ for _, request_ in HOSTILE.values()}) == len(HOSTILE) >= 40


def test_a_head_that_does_not_come_is_not_waited_for(server: Served) -> None:
    for part in (b"", b"GET / HTTP/1.1\r\nHost: HOST\r\nX-"):
        assert server.ask(part, finish=False).status == 0


def test_a_body_that_does_not_come_is_not_waited_for(server: Served) -> None:
    answer = server.ask(post("/api/phrase", b'{"te', Content_Length="16"), finish=False)
    assert (answer.status, answer.error) == (408, "the body did not come within 2 s")


def test_a_body_that_is_larger_than_announced_ends_where_it_was_announced(server: Served) -> None:
    answer = server.ask(post("/api/phrase", PHRASE + get(), Content_Length=str(len(PHRASE))), finish=False)
    assert (answer.status, answer.body.count(b"HTTP/1.1")) == (200, 0)


def test_requests_behind_a_request_are_not_answered(server: Served) -> None:
    answer = server.ask(b"HEAD / HTTP/1.1\r\nHost: HOST\r\n\r\n" * 3, finish=False)
    assert (answer.status, answer.headers["connection"], answer.body) == (200, "close", b"")


def test_a_client_that_goes_away_is_forgotten(server: Served) -> None:
    whole = post("/api/phrase", PHRASE, Content_Length="16").replace(b"HOST", f"127.0.0.1:{server.port}".encode())
    for end in (10, len(whole) - 5):
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(whole[:end].replace(b"TOKEN", server.token.encode()))
    assert server.is_healthy()


def test_connections_that_only_wait_do_not_last(server: Served) -> None:
    idle = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(12)]
    try:
        for connection in idle:
            connection.settimeout(30)
            assert connection.recv(1) == b""  # hung up by the server
        assert server.is_healthy()
    finally:
        for connection in idle:
            connection.close()


def test_many_at_once_are_answered_one_after_the_other(server: Served) -> None:
    statuses: list[int] = []
    threads = [threading.Thread(target=lambda: statuses.append(server.ask(call("/api/preset"), finish=False).status)) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 10


def test_who_would_wait_too_long_is_told_at_once() -> None:
    async def ask_three_times() -> list[bytes | None]:
        queue, turn = Queue(at_once=1, waiting=1), threading.Event()
        first, second = (asyncio.create_task(queue.run(lambda: b"done" if turn.wait(60) else b"")) for _ in range(2))
        await asyncio.sleep(0)
        third = await queue.run(lambda: b"never")
        turn.set()
        return [await first, await second, third, await queue.run(lambda: b"later")]

    assert asyncio.run(ask_three_times()) == [b"done", b"done", None, b"later"]
