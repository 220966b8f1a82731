"""The studio's answers over HTTP, with Starlette: every request passes the guard, then a bounded body goes to its call in a thread.

Loaded only where a server starts, since Starlette is an optional part.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from h11 import LocalProtocolError
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from semeq_export.errors import SemeqError
from semeq_export.files import strict_json
from semeq_export.studio import api, security

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """How long and how much, in seconds and counts.

    head_s: until the head of a request is there. body_s: until its body is. answer_s: for a client to take a piece of the answer.
    rest_s: for what still comes of a request that is refused, since a connection that is cut while it does loses the answer.
    whole_s: for a connection.
    connections: at once. calls, long_calls: at once, the latter with files; waiting, long_waiting: how many of each may wait for a turn.
    """

    head_s: float = 10.0
    body_s: float = 30.0
    answer_s: float = 30.0
    rest_s: float = 2.0
    whole_s: float = 900.0
    connections: int = 64
    calls: int = 4
    long_calls: int = 1
    waiting: int = 8
    long_waiting: int = 2


class Queue:
    """Lets a few calls work at once, and a few wait."""

    def __init__(self, at_once: int, waiting: int) -> None:
        self._turns, self._left = asyncio.Semaphore(at_once), at_once + waiting

    async def run(self, work: Callable[[], bytes]) -> bytes | None:
        """Return what work in a thread gives; None where too many wait already."""
        if self._left == 0:
            return None
        self._left -= 1
        try:
            async with self._turns:
                return await asyncio.to_thread(work)
        finally:
            self._left += 1


@dataclass(frozen=True, slots=True)
class Studio:
    """The application of one server. page: its HTML."""

    guard: security.Guard
    page: bytes
    context: api.Context
    limits: Limits = field(default_factory=Limits)

    def app(self) -> ASGIApp:
        """Return the ASGI application."""
        limits = self.limits
        quick, long = Queue(limits.calls, limits.waiting), Queue(limits.long_calls, limits.long_waiting)
        routes = [Route("/", self._page, methods=["GET"])]
        routes += [Route(path, self._endpoint(call, long if call.is_long else quick), methods=["POST"]) for path, call in api.CALLS.items()]
        return _Guarded(Starlette(routes=routes), self.guard, limits)

    async def _page(self, _request: Request) -> Response:
        policy = security.page_policy(self.page.decode("utf-8"))
        return Response(self.page, media_type="text/html", headers={"content-security-policy": policy})

    def _endpoint(self, call: api.Call, queue: Queue) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            try:
                async with asyncio.timeout(self.limits.body_s):
                    body = await _body(request, call.max_bytes)
            except TimeoutError:
                return refused(security.Refusal(408, f"the body did not come within {self.limits.body_s:g} s"))
            if body is None:
                return refused(security.Refusal(413, f"the body is over the limit of {call.max_bytes} bytes"))
            try:
                answered = await queue.run(lambda: call(body, self.context))
            except SemeqError as error:
                return refused(security.Refusal(api.status(error), self.context.line(error)))
            if answered is None:
                return refused(security.Refusal(503, "too much at once: wait for what is being made"))
            return Response(answered, media_type=security.JSON_TYPE, headers={"content-security-policy": security.answer_policy()})

        return answer


async def _body(request: Request, max_bytes: int) -> bytes | None:
    """Return a body, None as soon as it is larger than allowed."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > max_bytes:
            return None
        parts.append(part)
    return b"".join(parts)


def refused(refusal: security.Refusal) -> Response:
    """Return a refusal as a response."""
    text = strict_json.dumps({"error": refusal.why})
    return Response(text, refusal.status, media_type=security.JSON_TYPE, headers={"content-security-policy": security.answer_policy()})


class _Guarded:
    """The guard before an application: it sees every request first, and puts its headers on every answer."""

    def __init__(self, app: ASGIApp, guard: security.Guard, limits: Limits) -> None:
        self._app, self._guard, self._limits = app, guard, limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise RuntimeError(f"the studio speaks HTTP only, not {scope['type']}")
        head = security.Request(scope["method"], scope["path"], scope["headers"])
        refusal = self._guard.refusal(head)
        answer = _Answer(receive, send, self._limits, has_body=head.has("content-length") and not head.has("expect"))
        try:
            await (self._app if refusal is None else refused(refusal))(scope, answer.receive, answer.send)
        except (ClientDisconnect, TimeoutError, LocalProtocolError):  # the last: what came behind the head was no HTTP, and was told so
            _LOG.info("a client went away")
        except Exception as error:  # whatever it is, the page gets one line, and the server goes on
            _LOG.warning("%s failed: %s: %s", head.path, type(error).__name__, error)
            _LOG.debug("%s failed", head.path, exc_info=True)
            if answer.status == 0:
                await refused(security.Refusal(500, "the server failed; what was asked for is not done"))(
                    scope, answer.receive, answer.send
                )


class _Answer:
    """One answer on its way, with the guard's headers. An answer that refuses takes what still comes of the request before it ends."""

    def __init__(self, receive: Receive, send: Send, limits: Limits, *, has_body: bool) -> None:
        self._receive, self._send, self._limits, self._is_more = receive, send, limits, has_body
        self.status = 0

    async def receive(self) -> Message:
        """Return what comes next of the request."""
        message = await self._receive()
        self._is_more = self._is_more and bool(message.get("more_body", False))
        return message

    async def send(self, message: Message) -> None:
        """Send a part of the answer; raises TimeoutError where the client does not take it."""
        is_last = message["type"] == "http.response.body" and not message.get("more_body", False)
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message = {**message, "headers": [*message.get("headers", []), *_extra_headers(message)]}
        if is_last and self.status >= 400 and self._is_more:
            await self._pass_on({**message, "more_body": True})
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._limits.rest_s):
                    while self._is_more:
                        await self.receive()
            message = {"type": "http.response.body", "body": b""}
        await self._pass_on(message)

    async def _pass_on(self, message: Message) -> None:
        async with asyncio.timeout(self._limits.answer_s):
            await self._send(message)


def _extra_headers(message: Message) -> list[tuple[bytes, bytes]]:
    known = Headers(raw=message.get("headers", []))
    return [(name.encode("ascii"), value.encode("ascii")) for name, value in security.HEADERS.items() if name not in known]
