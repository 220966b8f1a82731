"""The studio as a server on the loopback interface: started, announced, and ended by a signal without leftovers."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING

from semeq_export.app.rendering import Scratch
from semeq_export.app.vocabulary import VocabularyOptions, describe_vocabulary
from semeq_export.errors import EnvironmentFailure, MissingExtraError, SemeqError, environment_failure
from semeq_export.studio import api, page, security

if TYPE_CHECKING:
    from semeq_export.studio.web import Limits

HOST = "127.0.0.1"
_ENDING = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOptions:
    """How to serve. port: of 127.0.0.1, a free one where 0. bundle: default, the factory's. limits: see `web.Limits`."""

    port: int = 0
    bundle: str | os.PathLike[str] | None = None
    limits: Limits | None = None


@dataclass(frozen=True, slots=True)
class Running:
    """A server that answers. url: of its page."""

    url: str


class Stopped(SemeqError):
    """The server ends, and what it was doing is not done."""

    code = "stopped"


def serve(
    options: ServerOptions, *, ready: Callable[[Running], None], wording: Callable[[str], str] = str, parts: page.PageParts | None = None
) -> None:
    """Serve the page until a signal ends it: SIGINT, SIGTERM or SIGHUP, which is raised again once everything is tidied up.

    ready: called when the server answers. wording: see `api.Context`. parts: of the page, those of this installation where left out.
    Raises MissingExtraError, BundleError, and EnvironmentFailure for a port that is not to be had.
    """
    try:
        from semeq_export.studio import running, web
    except ModuleNotFoundError as error:
        raise MissingExtraError("studio", error.name or "") from error

    methods = {"/": frozenset({"GET", "HEAD"}), **{path: frozenset({"POST"}) for path in api.CALLS}}
    limits = {path: call.max_bytes for path, call in api.CALLS.items()}
    ended = threading.Event()

    def keep_on() -> None:
        if ended.is_set():
            raise Stopped("the server ends; this is not done")

    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(_listener(options.port))
        port = listener.getsockname()[1]
        guard = security.Guard(port, methods, limits)
        html = page.make_page(describe_vocabulary(VocabularyOptions(bundle=options.bundle)), parts or page.built_parts(), token=guard.token)
        scratch = Scratch()
        stack.callback(scratch.close)
        context = api.Context(scratch, options.bundle, keep_on, wording)
        studio = web.Studio(guard, html, context, options.limits or web.Limits())
        server = running.Server(studio, on_ready=lambda: ready(Running(f"http://{HOST}:{port}/")), on_end=ended.set)
        with ending_signals(server.end) as seen:
            asyncio.run(server.serve(listener))
    for number in seen:
        signal.raise_signal(number)


def _listener(port: int) -> socket.socket:
    """Return a socket that listens on the loopback interface; raises EnvironmentFailure where the port is not to be had."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        if os.name != "nt":  # where it would let another process take the port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen()
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise EnvironmentFailure(f"port {port} is in use; give another `port`, or none for a free one") from error
        raise environment_failure(f"port {port}", error) from error
    return listener


@contextlib.contextmanager
def ending_signals(end: Callable[[], None]) -> Iterator[list[int]]:
    """Call `end` where a signal asks the server to end; yields a list to which the first of them is added. Ignored ones stay ignored."""
    seen: list[int] = []

    def on_signal(number: int, _frame: FrameType | None) -> None:
        seen[:] = seen or [number]
        end()

    wanted = _ENDING if threading.current_thread() is threading.main_thread() else []
    before = {number: signal.getsignal(number) for number in wanted}
    changed = [number for number, handler in before.items() if handler != signal.SIG_IGN]
    for number in changed:
        signal.signal(number, on_signal)
    try:
        yield seen
    finally:
        for number in changed:
            signal.signal(number, before[number])
