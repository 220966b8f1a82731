"""Uvicorn, bound to what a page on this machine needs: one request for each connection, and a head that comes in time.

Loaded only where a server starts, since Uvicorn is an optional part.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from semeq_export.studio.web import Studio

_MAX_HEAD_BYTES = 16_384
_LAST_WORDS_S = 3  # for answers on their way when the server ends


class _Protocol(H11Protocol):
    """HTTP/1.1 that hangs up on whoever does not send the head of a request in time, or never takes the answer."""

    head_s: float
    whole_s: float

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as Uvicorn has it
        super().connection_made(transport)
        self._deadlines = [self.loop.call_later(self.head_s, self._hang_up), self.loop.call_later(self.whole_s, transport.abort)]

    def connection_lost(self, exc: Exception | None) -> None:
        for deadline in self._deadlines:
            deadline.cancel()
        super().connection_lost(exc)

    def _hang_up(self) -> None:
        if self.cycle is None and not self.transport.is_closing():
            self.transport.close()


class Server:
    """A server that is told to end from a signal handler, and tells when it answers and when it ends."""

    def __init__(self, studio: Studio, *, on_ready: Callable[[], None], on_end: Callable[[], None]) -> None:
        protocol = type("Protocol", (_Protocol,), {"head_s": studio.limits.head_s, "whole_s": studio.limits.whole_s})
        self._config = uvicorn.Config(
            studio.app(),
            loop="asyncio",
            http=protocol,
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="critical",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=studio.limits.connections,
            h11_max_incomplete_event_size=_MAX_HEAD_BYTES,
            timeout_graceful_shutdown=_LAST_WORDS_S,
        )
        self._server = _Uvicorn(self._config)
        self._server.on_ready, self._on_end = on_ready, on_end

    async def serve(self, listener: socket.socket) -> None:
        """Answer until `end` is called."""
        await self._server.serve(sockets=[listener])

    def end(self) -> None:
        """Begin to end: no new requests, answers on their way are given, long work stops. Called again, it waits for nothing."""
        self._on_end()
        self._server.force_exit = self._server.should_exit
        self._server.should_exit = True


class _Uvicorn(uvicorn.Server):
    on_ready: Callable[[], None]

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield  # whoever starts the server handles them

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.on_ready()
