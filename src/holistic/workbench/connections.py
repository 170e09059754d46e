"""Where does the server listen, and how long does it wait for a request?"""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from holistic.errors import SettingError
from holistic.workbench.guard import HEADERS, POLICY

__all__ = ["HEAD_SECONDS", "listening", "speaking"]

HEAD_SECONDS = 10.0
"""From the connection, or the first byte of a further request, to the end of its head."""


class _Prompt(H11Protocol):
    """Ends connections whose next request takes too long to say what it asks.

    uvicorn limits the head's size and the silence between requests, the guard what comes after the
    head; a head that arrives a byte at a time would be held for ever.
    """

    late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.late = self.loop.call_later(HEAD_SECONDS, transport.close)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._in_time()
        elif self.late is None:
            self.late = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def send_400_response(self, msg: str) -> None:
        """Refuse what isn't HTTP, which no guard sees, with the headers that every answer has."""
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
        start = h11.Response(status_code=400, headers=[*headers, *HEADERS, POLICY])
        for event in (start, h11.Data(data=msg.encode()), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._in_time()
        super().connection_lost(exc)

    def _in_time(self) -> None:
        if self.late is not None:
            self.late.cancel()
            self.late = None


def speaking(app: Any) -> uvicorn.Config:
    """How an application is served: HTTP/1.1 only, without a server's name, heads in time."""
    quiet: dict[str, Any] = {"log_level": "warning", "server_header": False, "access_log": False}
    return uvicorn.Config(app, http=_Prompt, ws="none", lifespan="off", **quiet)


def listening(port: int = 0) -> socket.socket:
    """Open a socket on the loopback address, and on no other."""
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind(("127.0.0.1", port))
        found.listen(128)
    except OSError as error:
        found.close()
        raise SettingError(
            f"port {port} can't be had: {error.strerror}; leave it out for any that is free"
        ) from None
    return found
