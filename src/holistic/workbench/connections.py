"""Listens on loopback, and bounds how long a request may take."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from holistic.errors import SettingError
from holistic.workbench.guard import HEADERS, POLICY

__all__ = ["HEAD_SECONDS", "Stoppable", "listening", "speaking"]

HEAD_SECONDS = 10.0
"""From the connection, or the first byte of a further request, to the end of its head."""
_LINGER_SECONDS = 1.0
"""What still comes of a refused request is passed over for so long, so that the answer arrives."""
_FLUSH_SECONDS = 30.0
"""From the end of a connection until what nobody reads is thrown away."""
_MOST = 256
"""Connections at once; a process may hold about a thousand files open."""
_ANSWERED_SECONDS, _CLOSED_SECONDS = 0.4, 0.2
"""When the server ends: until questions are answered, and until connections are closed."""


class _Line:
    """A transport whose last answer arrives before it closes, or that is given up.

    To close a socket with something unread ends the connection at once on both sides, and the
    answer is lost. So the own side is closed first, and what comes is passed over for a moment.
    """

    def __init__(self, transport: asyncio.Transport, unread: Callable[[], bool]) -> None:
        self._transport, self._unread = transport, unread
        self._later = list[asyncio.TimerHandle]()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def is_closing(self) -> bool:
        return bool(self._later) or self._transport.is_closing()

    def close(self) -> None:
        if self.is_closing():
            return
        loop = asyncio.get_running_loop()
        self._later.append(loop.call_later(_FLUSH_SECONDS, self._transport.abort))
        if not self._unread():
            self._transport.close()
            return
        with contextlib.suppress(OSError):  # the other side is gone already
            self._transport.write_eof()
        self._transport.resume_reading()
        self._later.append(loop.call_later(_LINGER_SECONDS, self._transport.close))

    def lost(self) -> None:
        """Forget what was to be done later."""
        for handle in self._later:
            handle.cancel()


class _Prompt(H11Protocol):
    """Ends connections whose next request takes too long to say what it asks.

    uvicorn limits the head's size and the silence between requests, the guard what comes after the
    head; a head that arrives a byte at a time would be held for ever.
    """

    late: asyncio.TimerHandle | None = None
    since = 0.0
    line: _Line

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.line = _Line(transport, self._unread)
        super().connection_made(self.line)  # pyright: ignore[reportArgumentType]
        self.since = self.loop.time()
        self.late = self.loop.call_later(HEAD_SECONDS, self.line.close)
        if len(self.connections) > _MOST:
            self._make_room()

    def data_received(self, data: bytes) -> None:
        if self.line.is_closing():
            return
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._in_time()
        elif self.late is None:
            self.late = self.loop.call_later(HEAD_SECONDS, self.line.close)

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
        self.line.lost()

    @property
    def asking(self) -> bool:
        """Whether a request waits for its answer."""
        cycle = getattr(self, "cycle", None)  # None before the first request
        return cycle is not None and not cycle.response_complete

    def _unread(self) -> bool:
        return self.conn.their_state in (h11.SEND_BODY, h11.ERROR)

    def _make_room(self) -> None:
        """End the connection that is idle for longest, or this one where all others ask."""
        idle = [one for one in self.connections if isinstance(one, _Prompt) and not one.asking]
        ended = min(idle, key=lambda one: one.since, default=self)
        self.connections.discard(ended)  # now: further ones may come before it is lost
        ended.line.abort()

    def _in_time(self) -> None:
        if self.late is not None:
            self.late.cancel()
            self.late = None


class Stoppable(uvicorn.Server):
    """Ends within a second, whatever is asked, sent or read at the time.

    Parameters
    ----------
    config
        What is served, and how.
    ending
        Called once it is to end.
    """

    def __init__(self, config: uvicorn.Config, ending: Callable[[], None]) -> None:
        super().__init__(config)
        self._call = ending

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer what was asked as far as that is quick, and end all connections."""
        self._call()
        state = self.server_state

        def answered() -> bool:
            return not any(isinstance(one, _Prompt) and one.asking for one in state.connections)

        await _until(answered, _ANSWERED_SECONDS)
        for one in list(state.connections):
            one.shutdown()
        await _until(lambda: not state.connections, _CLOSED_SECONDS)
        for one in list(state.connections):
            one.transport.abort()
        await _until(lambda: not state.tasks, _CLOSED_SECONDS)
        await super().shutdown(sockets)


async def _until(met: Callable[[], bool], seconds: float) -> None:
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while not met() and loop.time() < end:
        await asyncio.sleep(0.01)


def speaking(app: Any) -> uvicorn.Config:
    """How an application is served: HTTP/1.1 only, without a server's name, heads in time."""
    quiet: dict[str, Any] = {"log_level": "error", "server_header": False, "access_log": False}
    return uvicorn.Config(
        app, http=_Prompt, ws="none", lifespan="off", timeout_graceful_shutdown=1, **quiet
    )


def listening(port: int = 0) -> socket.socket:
    """Open a socket on the loopback address, and on no other."""
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind(("127.0.0.1", port))
        found.listen(128)
    except (OSError, OverflowError) as error:  # no port has such a number
        found.close()
        reason = error.strerror if isinstance(error, OSError) else "ports are 0 to 65535"
        raise SettingError(
            f"port {port} can't be had: {reason}; leave it out for any that is free"
        ) from None
    return found
