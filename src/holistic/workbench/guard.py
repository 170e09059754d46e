"""Lets only the page's own user ask, and bounds what is asked."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

__all__ = ["HEADERS", "POLICY", "Guard"]

Message = MutableMapping[str, Any]
App = Callable[
    [Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]],
    Awaitable[None],
]

BODY_BYTES = 1 << 20
"""A drawn image or a set of units is far smaller."""
BODY_SECONDS = 10.0
"""From the end of a head to that of its body, which comes from this very machine."""
SECONDS = 120.0
_TOO_LARGE = (413, "too large")
HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)
"""Of every answer."""
_TELLING = (b"host", b"origin", b"x-holistic-token", b"content-length", b"transfer-encoding")
"""Headers that decide whether a request is served."""
POLICY = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
"""Of answers that aren't the page, which brings its own."""


class Guard:
    """Lets a request through to the application if it comes from the page that was opened here.

    Other programs and pages on this machine can reach a loopback port, and a name that an attacker
    owns can be pointed at it. So every request must name this very host and port (Host); one that
    names where it comes from must come from here (Origin), and one that asks for anything but the
    page must say so, and hold the token that only the opened address has.

    Parameters
    ----------
    app
        The application behind.
    host
        The `host:port` that the server listens on.
    token
        What requests to `/api/` hold in the header `X-Holistic-Token`.
    seconds
        After so many a request is given up.
    """

    def __init__(self, app: App, host: str, token: str, *, seconds: float = SECONDS) -> None:
        self.app, self.host, self.token, self.seconds = app, host, token, seconds

    async def __call__(
        self,
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        """Check one request (ASGI 3)."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        sending = _Sending(send)
        refusal = self._refusal(scope)
        if refusal:  # by its head alone: whoever may not ask isn't waited for
            await sending.plain(*refusal)
            return
        try:
            reading = _body(receive) if scope["method"] == "POST" else _nothing()
            body = await asyncio.wait_for(reading, min(BODY_SECONDS, self.seconds))
        except TimeoutError:
            await sending.plain(408, "its body didn't come")
            return
        if body is None:
            await sending.plain(*_TOO_LARGE)
            return
        try:
            await asyncio.wait_for(self.app(scope, _given(body), sending), self.seconds)
        except TimeoutError:
            if not sending.started:
                await sending.plain(504, "too slow")

    def _refusal(self, scope: Message) -> tuple[int, str] | None:
        """Status and reason why a request isn't served, or None."""
        headers = scope["headers"]
        given = {name: [value for key, value in headers if key == name] for name in _TELLING}
        if given[b"host"] != [self.host.encode()]:
            return 403, "another host"
        api = scope["path"].startswith("/api/")
        if scope["method"] != ("POST" if api else "GET"):
            return 405, "method not allowed"
        if given[b"origin"] != [f"http://{self.host}".encode()] and (api or given[b"origin"]):
            return 403, "another origin"
        tokens = given[b"x-holistic-token"]
        if api and not (len(tokens) == 1 and hmac.compare_digest(tokens[0], self.token.encode())):
            return 403, "no token"
        lengths = given[b"content-length"]
        if not api and (given[b"transfer-encoding"] or any(n.strip(b"0") for n in lengths)):
            return 400, "nothing is read here"
        if any(not n.isdigit() or len(n) > 20 or int(n) > BODY_BYTES for n in lengths):
            return _TOO_LARGE
        return None


class _Sending:
    """Sends an answer with the headers that every answer has."""

    def __init__(self, send: Callable[[Message], Awaitable[None]]) -> None:
        self.send, self.started = send, False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            headers = [*message.get("headers", ()), *HEADERS]
            if not any(name == POLICY[0] for name, _ in headers):
                headers.append(POLICY)
            message = {**message, "headers": headers}
        await self.send(message)

    async def plain(self, status: int, text: str) -> None:
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
        await self({"type": "http.response.start", "status": status, "headers": headers})
        await self({"type": "http.response.body", "body": text.encode()})


async def _body(receive: Callable[[], Awaitable[Message]]) -> bytes | None:
    """The whole body, or None if it is too large, whatever its length says."""
    parts, size = list[bytes](), 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > BODY_BYTES:
            return None
        if not message.get("more_body"):
            return b"".join(parts)


async def _nothing() -> bytes:
    return b""


def _given(body: bytes) -> Callable[[], Awaitable[Message]]:
    answered = False

    async def receive() -> Message:
        nonlocal answered
        if answered:
            await asyncio.Event().wait()  # nothing more comes
        answered = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive
