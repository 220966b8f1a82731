"""Who may ask the studio's server for what: checks on the head of a request, before anything of its body is read.

A server on the loopback interface is reached by every page that a browser shows, and under any name that an attacker's DNS points there
(GHSA-w48q-cv73-mx4w, GHSA-9h52-p55h-vw2f). So host and origin are on a list, what does something is a POST of JSON that no form can send,
and it bears a token that only the studio's own page was given.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser

TOKEN_HEADER = "x-semeq-token"
JSON_TYPE = "application/json"

HEADERS: Mapping[str, str] = {
    "cache-control": "no-store",
    "connection": "close",  # one request for each connection: nothing can hide behind another
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
"""On every answer."""

_NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_ONCE = frozenset({b"content-length", b"content-type", b"host", b"origin", TOKEN_HEADER.encode()})


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is not answered: an HTTP status, and one line."""

    status: int
    why: str


@dataclass(frozen=True, slots=True)
class Request:
    """The head of a request. headers: as they came, names in lower case."""

    method: str
    path: str
    headers: Sequence[tuple[bytes, bytes]]

    def one(self, name: str) -> str | None:
        """Return the value of a header that may occur once, None where it is not there."""
        found = [value for key, value in self.headers if key == name.encode("ascii")]
        return found[0].decode("latin-1") if found else None

    def has(self, name: str) -> bool:
        """Whether a header is there."""
        return self.one(name) is not None


@dataclass(frozen=True, slots=True)
class Guard:
    """The rules of one server.

    methods: by path, those that it answers. limits: by path, the largest body in bytes. token: of this start.
    """

    port: int
    methods: Mapping[str, frozenset[str]]
    limits: Mapping[str, int]
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)

    @property
    def hosts(self) -> frozenset[str]:
        """What a request may call this server; a browser leaves port 80 out."""
        names = ("127.0.0.1", "localhost")
        return frozenset({f"{name}:{self.port}" for name in names} | (set(names) if self.port == 80 else set()))

    def refusal(self, request: Request) -> Refusal | None:
        """Return why a request is refused by its head, None where it is not."""
        return (
            self._form(request)
            or self._place(request)
            or self._route(request)
            or (self._deed(request) if request.method == "POST" else self._look(request))
        )

    def _form(self, request: Request) -> Refusal | None:
        """What an HTTP request of a browser never is."""
        twice = next((key for key in _ONCE if sum(name == key for name, _ in request.headers) > 1), None)
        if twice is not None:
            return Refusal(400, f"header {twice.decode()} occurs twice")
        if request.has("upgrade"):
            return Refusal(400, "there is nothing to upgrade to")
        if request.has("transfer-encoding"):
            return Refusal(400, "a body needs its content-length, and no transfer-encoding")
        return None

    def _place(self, request: Request) -> Refusal | None:
        """Where a request comes from, and by which name."""
        if (request.one("host") or "").lower() not in self.hosts:
            return Refusal(403, "not a name of this server")
        origin = request.one("origin")
        if origin is not None and origin not in {f"http://{host}" for host in self.hosts}:
            return Refusal(403, "not an origin of this server")
        if request.one("sec-fetch-site") not in (None, "same-origin", "none"):
            return Refusal(403, "not asked for by the page of this server")
        return None

    def _route(self, request: Request) -> Refusal | None:
        if request.path not in self.methods:
            return Refusal(404, "there is nothing under this address")
        allowed = self.methods[request.path]
        if request.method not in allowed:
            return Refusal(405, f"this address takes {' or '.join(sorted(allowed))}")
        return None

    def _look(self, request: Request) -> Refusal | None:
        return Refusal(400, "a GET has no body") if request.one("content-length") not in (None, "0") else None

    def _deed(self, request: Request) -> Refusal | None:
        if not request.has("origin"):
            return Refusal(403, "a POST needs an origin")
        if not hmac.compare_digest((request.one(TOKEN_HEADER) or "").encode("latin-1"), self.token.encode("ascii")):
            return Refusal(403, "not the token of this server: reload the page")
        kind, _, parameter = (request.one("content-type") or "").lower().partition(";")
        if kind.strip() != JSON_TYPE or parameter.strip() not in ("", "charset=utf-8"):
            return Refusal(415, f"a body is {JSON_TYPE}")
        if request.has("content-encoding"):
            return Refusal(415, "a body is not compressed")
        length = request.one("content-length")
        if length is None or not (length.isascii() and length.isdecimal()):
            return Refusal(411, "a body needs its content-length")
        limit = self.limits[request.path]
        if len(length) > 18 or int(length) > limit:
            return Refusal(413, f"a body of {length[:20]} bytes is over the limit of {limit}; semeq-export process has none")
        return None


def page_policy(html: str) -> str:
    """Return the Content-Security-Policy under which a page works: its own scripts and styles by their hashes, and nothing from elsewhere.

    data: and blob: are for the audio worklet, workers and sounds, which the page makes of its own text.
    """
    found = _Inline(html)
    return "; ".join(
        [
            _NOTHING,
            " ".join(["script-src", *_hashes(found.scripts), "'wasm-unsafe-eval' blob: data:"]),
            " ".join(["style-src", *(_hashes(found.styles) or ["'none'"])]),
            "worker-src blob: data:",
            "connect-src 'self'",
            "img-src data: blob:",
            "media-src data: blob:",
        ]
    )


def answer_policy() -> str:
    """Return the Content-Security-Policy of answers that are no page."""
    return _NOTHING


def _hashes(texts: Iterable[str]) -> list[str]:
    digests = dict.fromkeys(base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii") for text in texts)
    return [f"'sha256-{digest}'" for digest in digests]


class _Inline(HTMLParser):
    """The texts of the scripts that run and of the styles of a page. Data blocks do not run, and need no permission."""

    _RUN = (None, "", "module", "text/javascript")

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=False)
        self.scripts: list[str] = []
        self.styles: list[str] = []
        self._into: list[str] | None = None
        self.feed(html.replace("\r\n", "\n").replace("\r", "\n"))  # as a browser reads lines
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "style":
            self._into = self.styles
        elif tag == "script" and dict(attrs).get("type") in self._RUN:
            self._into = self.scripts
        else:
            return
        self._into.append("")

    def handle_endtag(self, tag: str) -> None:
        self._into = None

    def handle_data(self, data: str) -> None:
        if self._into is not None:
            self._into[-1] += data
