"""The live page keeps strangers out, and no question makes it fail.

A served audit is asked by raw sockets: by other hosts and origins, without the token, with other
methods, paths that lead elsewhere, bodies that are too large or never come, and WebSockets; then
by the page's own user, with values that no page would send. A stranger must get a refusal (or be
cut off), and nobody an answer of 500. In the end the page still answers, and holds no more memory.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import signal
import socket
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.torture.children import Try, ended, footprint, run, started
from benchmarks.torture.small import own_run

__all__ = ["FULL", "SHORT", "Door", "opened", "tries"]

FULL, SHORT = 600, 150
_SECONDS = 15.0
_GROWTH = 32.0
"""Megabytes that a served audit may gain by being asked."""
_QUESTIONS = (
    "state", "rows", "pictures", "example", "forget", "jobs", "start", "cancel", "remove", "look",
    "pair", "patch", "steer", "keep", "nothing",
)  # fmt: skip
_FIELDS = (
    "session", "number", "units", "edit", "examples", "example", "image", "near", "methods", "site",
    "source", "target", "class", "doses", "lens", "job", "name", "id", "finding", "where", "order",
    "offset", "limit",
)  # fmt: skip
_HOSTS = ("attacker.example", "localhost:{port}", "127.0.0.1", "127.0.0.1:1", "0.0.0.0:{port}",
          "[::1]:{port}", "127.0.0.1:{port}.attacker.example", "127.0.0.1:{port},attacker.example",
          "127.0.0.1:{port}@attacker.example", "127.1:{port}", "2130706433:{port}", "",
          "127.0.0.1:0{port}", "127.0.0.1.:{port}")  # fmt: skip
_ORIGINS = ("http://attacker.example", "null", "https://127.0.0.1:{port}", "http://127.0.0.1:1",
            "http://127.0.0.1:{port}.attacker.example", "http://127.0.0.1:{port}/", "file://",
            "http://localhost:{port}", "http://127.0.0.1:{port}@attacker.example", "")  # fmt: skip
_TOKENS = ("", "guessed", "{token}x", "x{token}", "{half}", "{upper}", "{token}, {token}", "null")
_METHODS = ("GET", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "CONNECT", "BREW")
_PATHS = ("/..", "/../audit.json", "/%2e%2e/audit.json", "/api/../audit.json", "//etc/passwd",
          "/etc/passwd", "/audit.json", "/tables/sites.parquet", "/report.html", "/.lock", "/docs",
          "/..%2f..%2fetc/passwd", "/%00", "/static/../audit.json", "/openapi.json",
          "file:///etc/passwd", "http://attacker.example/", "/\\..\\audit.json", "/state",
          "/" + "a" * 9000, "/api", "/api/", "/api//state", "/API/state")  # fmt: skip
_VALUES = (
    None, True, -1, 0, 1, 2**63, -(2**64), 10**40, 1e308, 0.5, "", "x" * 5000, "</script>", "../x",
    "L1", "nowhere", "\x00", [], {}, [[]], [None], [-1], [2**63], [["L1", -1]], [["L1", 0, 0]],
    ["1", 0], [[[[[[[[[0]]]]]]]]], [0] * 3000, {"a": {"b": {}}}, [1e308], ["nan"], "zero", "all",
)  # fmt: skip
_BYTES = (
    b"\x16\x03\x01\x02\x00", b"GET", b"\r\n" * 50, b"GET / HTTP/9.9\r\n\r\n", b"\x00" * 4096,
    b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 5000, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
)  # fmt: skip
"""What is no request, or none that ends."""
_USUAL = {"session": "a", "number": 9, "units": [["1", 0]], "site": "1", "near": "1", "example": 0,
          "image": {"example": 0}, "class": 0, "lens": "activation"}  # fmt: skip
"""What a page sends."""
_RAW = (
    b"NaN", b"[1,2]", b"{", b'{"a":NaN}', b'{"a":1e999}', b"\xff\xfe", b'{"a":1,"a":2}', b'"x"',
    b"[" * 100_000, b'{"number":' + b"9" * 5000 + b"}", b'{"a":"\\ud800"}', b"\x00", b"null",
)  # fmt: skip


@dataclass(frozen=True)
class Door:
    """A served audit: its port, its token and its process."""

    port: int
    token: str
    process: int

    def head(self, line: str, headers: Mapping[str, str | None]) -> bytes:
        """The head of a request as the page would send it, but for the headers that are given."""
        host = f"127.0.0.1:{self.port}"
        usual: dict[str, str | None] = {
            "Host": host, "Origin": f"http://{host}", "X-Holistic-Token": self.token
        }  # fmt: skip
        lines = [
            f"{name}: {value}"
            for name, value in (usual | dict(headers)).items()
            if value is not None
        ]
        return "\r\n".join([f"{line} HTTP/1.1", *lines, "", ""]).encode("utf-8", "surrogateescape")

    def said(self, content: bytes) -> tuple[int, bytes]:
        """Send bytes, and return the status and all that comes; 0 where it cuts off, -1 if held."""
        with socket.create_connection(("127.0.0.1", self.port), _SECONDS) as line:
            with contextlib.suppress(OSError):
                line.sendall(content)
            return _answer(line)

    def asked(self, name: str, body: bytes) -> tuple[int, bytes]:
        """Ask as the page does."""
        length = {"Content-Length": str(len(body)), "Connection": "close"}
        return self.said(self.head(f"POST /api/{name}", length) + body)


def _answer(line: socket.socket) -> tuple[int, bytes]:
    told = b""
    try:
        while part := line.recv(1 << 16):
            told += part
    except TimeoutError:
        return -1, told
    except OSError:  # the other side is gone
        pass
    found = re.match(rb"HTTP/1\.[01] (\d{3})", told)
    return (int(found[1]) if found else 0), told


@contextlib.contextmanager
def opened(place: Path) -> Generator[Door]:
    """Make an audit, and serve it in a process of its own."""
    out, told = place / "served", place / "told-served"
    if run([*own_run(place, out), "--lens", "ablation", "tracing"], told):
        raise RuntimeError(told.read_text()[-500:])
    child = started(["serve", str(out), "--trust"], told)
    address, end = None, time.monotonic() + 120
    while not address and time.monotonic() < end:
        time.sleep(0.1)
        address = re.search(r":(\d+)/#token=(\S+)", told.with_suffix(".out").read_text())
    try:
        if not address:
            raise RuntimeError(told.read_text()[-500:])
        yield Door(int(address[1]), address[2], child)
    finally:
        os.kill(child, signal.SIGTERM)
        ended(child, 30)


def tries(count: int, place: Path) -> Iterator[Try]:
    """Attack a served audit, and see that its page is still there."""
    rng = np.random.default_rng(0)
    with opened(place) as door:
        door.asked("remove", b'{"session":"a","number":1,"units":[["1",0]],"examples":"all"}')
        attacks = list(_strangers(door))
        rng.shuffle(attacks)
        for case, attack in attacks[: count // 2]:
            status, told = attack()
            yield Try(case, _passed(status, told))
        before = footprint(door.process).megabytes
        for i in range(count - min(len(attacks), count // 2)):
            name, body = _odd(rng)
            status, told = door.asked(name, body)
            good = status in (200, 400, 404, 405, 413) and (status != 200 or _json(told))
            yield Try(f"{i}: {name} {body[:60]!r}", "" if good else f"{status} {told[-120:]!r}")
        status, _ = door.asked("state", b"{}")
        grown = footprint(door.process).megabytes - before
        yield Try("it still answers", "" if status == 200 else str(status))
        yield Try("memory", "" if grown < _GROWTH else f"{grown:.0f} MB more")


def _passed(status: int, told: bytes) -> str:
    """Say what a stranger got who should have got a refusal, or no connection."""
    if 400 <= status < 500 or (status == 0 and not told):
        return "" if len(told) < 2000 else f"{len(told)} bytes"
    return f"{status} {told[:60]!r}"


def _json(told: bytes) -> bool:
    body = told.partition(b"\r\n\r\n")[2]
    try:
        json.loads(body)
    except ValueError:
        return False
    return True


def _strangers(door: Door) -> Iterator[tuple[str, Callable[[], tuple[int, bytes]]]]:
    """Yield what each attack is, and what makes it."""
    half, upper = door.token[: len(door.token) // 2], door.token.swapcase()
    words = {"port": str(door.port), "token": door.token, "half": half, "upper": upper}
    body, length = b"{}", {"Content-Length": "2", "Connection": "close"}

    def sends(
        line: str, headers: Mapping[str, str | None], content: bytes = body
    ) -> Callable[[], tuple[int, bytes]]:
        return lambda: door.said(door.head(line, {**length, **headers}) + content)

    headers: tuple[tuple[str, tuple[str, ...]], ...] = (
        ("Host", _HOSTS), ("Origin", _ORIGINS), ("X-Holistic-Token", _TOKENS)
    )  # fmt: skip
    for name, values in headers:
        for value, question in itertools.product(
            (*values, None), ("state", "remove", "start", "keep")
        ):
            given = None if value is None else value.format(**words)
            yield f"{name}: {given} at {question}", sends(f"POST /api/{question}", {name: given})
    for method, question in itertools.product(_METHODS, _QUESTIONS[:9]):
        yield f"{method} {question}", sends(f"{method} /api/{question}", {})
    for path in _PATHS:
        yield f"GET {path[:40]}", sends(f"GET {path}", {"Content-Length": None}, b"")
        yield f"POST {path[:40]}", sends(f"POST {path}", {"X-Holistic-Token": "x"})
    for size in (str(1 << 21), "-1", "1e3", "9" * 30, "0x10", "2, 3", "+2"):
        yield f"length {size}", sends("POST /api/state", {"Content-Length": size})
    for line, more in (
        ("GET /", {}),
        ("GET /api/state", {}),
        ("POST /api/state", {"X-Holistic-Token": "x"}),
    ):
        upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
                   "Sec-WebSocket-Key": "x" * 22 + "==", "Host": "attacker.example",
                   **more}  # fmt: skip
        yield f"WebSocket {line}", sends(line, upgrade, b"")
    for double in (
        "Host: attacker.example",
        "X-Holistic-Token: x",
        "Origin: http://attacker.example",
    ):
        head = door.head("POST /api/state", length).replace(
            b"\r\n\r\n", f"\r\n{double}\r\n\r\n".encode()
        )
        yield f"twice {double}", lambda head=head: door.said(head + body)
    for raw in _BYTES:
        yield f"bytes {raw[:20]!r}", lambda raw=raw: door.said(raw)
    for size in (10, 1 << 20):
        late = {"Content-Length": str(size), "Connection": "close"}
        yield (
            f"{size} bytes that never come",
            lambda late=late: door.said(door.head("POST /api/state", late)),
        )
    for _ in range(20):
        yield (
            "a body of a megabyte for a stranger",
            sends(
                "POST /api/state",
                {"Content-Length": str(1 << 20), "X-Holistic-Token": "x"},
                b"x" * (1 << 20),
            ),
        )


def _odd(rng: np.random.Generator) -> tuple[str, bytes]:
    """Draw a question that no page would ask, of somebody who may ask."""
    name = _QUESTIONS[int(rng.integers(len(_QUESTIONS)))]
    if rng.random() < 0.15:
        return name, _RAW[int(rng.integers(len(_RAW)))]
    fields = rng.choice(_FIELDS, int(rng.integers(1, 8)), replace=False)
    asked: dict[str, Any] = {str(f): _VALUES[int(rng.integers(len(_VALUES)))] for f in fields}
    if rng.random() < 0.6:  # most is as it should be, so that the odd part is reached
        asked = _USUAL | asked
    return name, json.dumps(asked).encode()
