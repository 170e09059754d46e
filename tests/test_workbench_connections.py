"""Is nobody waited for who may not ask, and does the server end whatever is asked of it?"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import PlainTextResponse

from holistic.cli.serve import _threads
from holistic.report.saved import Audit
from holistic.workbench import connections
from holistic.workbench.app import Answers, application
from holistic.workbench.guard import Guard
from holistic.workbench.workers import Ending, Workers
from planted_report import audit as planted_audit
from served import TOKEN, Server


@pytest.fixture(scope="module")
def audit(tmp_path_factory: pytest.TempPathFactory) -> Audit:
    return planted_audit(tmp_path_factory.mktemp("served"))


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server(lambda host: Guard(PlainTextResponse("here"), host, TOKEN))
    yield running
    running.stop()


def head(server: Server, line: str, **headers: str) -> bytes:
    usual = {"Host": server.host, "Origin": f"http://{server.host}", "X-Holistic-Token": TOKEN}
    usual |= {name.replace("_", "-"): value for name, value in headers.items()}
    told = "".join(f"{name}: {value}\r\n" for name, value in usual.items())
    return f"{line} HTTP/1.1\r\n{told}\r\n".encode()


def opened(server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), 30)


def heard(line: socket.socket) -> bytes:
    """All that comes until the other side ends."""
    told = b""
    while part := line.recv(1 << 16):
        told += part
    return told


@pytest.mark.parametrize(
    ("line", "headers", "status"),
    [
        ("POST /api/remove", {"Host": "attacker.example"}, 403),
        ("POST /api/remove", {"Origin": "http://attacker.example"}, 403),
        ("POST /api/remove", {"X_Holistic_Token": "guessed"}, 403),
        ("PUT /api/remove", {}, 405),
        ("POST /", {}, 405),
        ("BREW /", {}, 405),
        ("GET /", {}, 400),
        ("GET /", {"Host": "attacker.example"}, 403),
    ],
)
@pytest.mark.parametrize("body", [{"Content_Length": "10"}, {"Transfer_Encoding": "chunked"}])
def test_whoever_may_not_ask_is_told_so_before_a_body_comes(
    server: Server, line: str, headers: dict[str, str], body: dict[str, str], status: int
) -> None:
    with opened(server) as asking:
        asking.sendall(head(server, line, **headers, **body))
        told = heard(asking)  # and the connection ends
    assert told.startswith(f"HTTP/1.1 {status} ".encode())


def test_a_refusal_arrives_although_a_body_is_sent(server: Server) -> None:
    asked = head(
        server, "POST /api/remove", X_Holistic_Token="guessed", Content_Length=str(1 << 25)
    )
    with opened(server) as asking:
        asking.sendall(asked + b"x" * (1 << 24))  # more than the machine holds for a reader
        assert heard(asking).startswith(b"HTTP/1.1 403 ")


def test_only_so_many_connections_are_held_and_the_page_is_still_there(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "_MOST", 4)
    idle = [opened(server) for _ in range(300)]
    try:
        assert server.ask("GET", "/")[0] == 200
        assert len(server.server.server_state.connections) <= 4
        assert [line.recv(1) for line in idle[:200]] == [b""] * 200, "the oldest go first"
    finally:
        for line in idle:
            line.close()


def test_what_nobody_reads_is_thrown_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "_FLUSH_SECONDS", 0.2)
    running = Server(lambda host: Guard(PlainTextResponse("x" * (1 << 26)), host, TOKEN))
    try:
        with opened(running) as asking:
            asking.sendall(head(running, "GET /", Connection="close"))
            assert asking.recv(1) == b"H"
            held = running.server.server_state.connections
            for _ in range(300):
                if not held:
                    break
                threading.Event().wait(0.05)
            assert not held
    finally:
        running.stop()


def test_requests_that_come_together_are_answered_in_turn(server: Server) -> None:
    with opened(server) as asking:
        asking.sendall(head(server, "GET /") * 3 + head(server, "GET /", Connection="close"))
        assert heard(asking).count(b"HTTP/1.1 200 ") == 4


def test_the_server_ends_with_questions_heads_bodies_and_readers_under_way(
    audit: Audit, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "_ANSWERED_SECONDS", 5.0)
    begun, release = threading.Event(), threading.Event()
    answers = Answers(audit.path, "no model")

    def long(asked: Any) -> dict[str, Any]:
        begun.set()
        while not release.wait(0.01):
            answers.workers.check()
        return {}

    monkeypatch.setattr(answers, "look", long)
    running = Server(lambda host: application(answers, host, TOKEN))
    running.server._call = answers.end
    lines = [opened(running) for _ in range(8)]
    with lines[0] as idle, lines[1] as half, lines[2] as body, lines[3] as slow:
        half.sendall(b"GET / HT")
        body.sendall(head(running, "POST /api/look", Content_Length="10") + b"{")
        slow.sendall(head(running, "GET /"))
        for line in lines[4:]:
            line.sendall(head(running, "POST /api/look", Content_Length="2") + b"{}")
        assert begun.wait(30)
        running.server.should_exit = True
        running.thread.join(60)
        assert not running.thread.is_alive()
        for line in lines[4:]:  # the one that is worked on, and those that wait
            assert heard(line).startswith(b"HTTP/1.1 503 ")
            line.close()
        assert idle.recv(1) == b""
    assert "Traceback" not in capfd.readouterr().err


def test_the_model_is_asked_in_turn_and_others_do_not_wait_for_it() -> None:
    import asyncio

    workers, go, order = Workers(), threading.Event(), list[int]()

    async def ask() -> list[object]:
        first = asyncio.create_task(workers.answer(lambda: go.wait(30), model=True))
        more = [
            asyncio.create_task(workers.answer(lambda i=i: order.append(i), model=True))
            for i in range(20)
        ]
        assert await workers.answer(lambda: "a table") == "a table"
        assert order == []
        go.set()
        await asyncio.gather(first, *more)
        workers.end()
        return await asyncio.gather(workers.answer(lambda: 1), return_exceptions=True)

    [late] = asyncio.run(ask())
    assert isinstance(late, Ending)
    assert order == list(range(20))


def test_ctrl_c_ends_a_step_that_nothing_can_stop(tmp_path: Path) -> None:
    planted_audit(tmp_path / "audit")
    script = f"""
import faulthandler, http.client, os, signal, threading, time
from pathlib import Path
signal.signal(signal.SIGINT, signal.default_int_handler)  # programs in the background ignore it
faulthandler.dump_traceback_later(200, exit=True)  # says what it hangs at
from holistic.cli.serve import _run
from holistic.workbench.serving import Served

served = Served(Path({str(tmp_path / "audit")!r}), "no model")
served._answers.look = lambda asked: (os.kill(os.getpid(), signal.SIGINT), time.sleep(600))
host, _, token = served.address.removeprefix("http://").partition("/#token=")

def ask():
    while signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        time.sleep(0.01)
    line = http.client.HTTPConnection(host)
    headers = {{"Origin": f"http://{{host}}", "X-Holistic-Token": token}}
    line.request("POST", "/api/look", b"{{}}", headers)
    try:
        line.getresponse()
    except OSError:
        pass  # the server is gone

threading.Thread(target=ask, daemon=True).start()
_run(served)
"""
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=300
    )
    assert (ended.returncode, ended.stdout) == (130, "")
    assert ended.stderr == "interrupted\n"


def test_an_audit_decides_no_more_threads_than_there_are_cores(
    capsys: pytest.CaptureFixture[str],
) -> None:
    import torch

    most = max(torch.get_num_threads(), len(os.sched_getaffinity(0)))
    assert _threads(None) == torch.get_num_threads()
    assert _threads(1) == 1
    assert _threads(most) == most
    assert capsys.readouterr().err == ""
    assert _threads(4096) == most
    assert f"4096 threads, this machine has {most}" in capsys.readouterr().err
