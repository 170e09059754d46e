"""Does the running server answer its own page, and nobody else?"""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import PlainTextResponse

from holistic.errors import HolisticError
from holistic.report.saved import Audit
from holistic.workbench.app import Answers, application
from holistic.workbench.connections import listening
from holistic.workbench.guard import BODY_BYTES, HEADERS, POLICY, Guard
from holistic.workbench.live import Live, Removal, within
from planted_live import turning
from planted_report import audit as planted_audit
from served import REMOVE, TOKEN, Server


@pytest.fixture(scope="module")
def live() -> Live:
    return Live(turning())


@pytest.fixture(scope="module")
def audit(tmp_path_factory: pytest.TempPathFactory) -> Audit:
    return planted_audit(tmp_path_factory.mktemp("served"))


@pytest.fixture(scope="module")
def server(audit: Audit, live: Live) -> Iterator[Server]:
    running = Server(lambda host: application(Answers(audit.path, live), host, TOKEN))
    yield running
    running.stop()


def test_the_page_answers_its_own_questions(server: Server, live: Live) -> None:
    status, text, headers = server.ask("GET", "/", Origin=None, X_Holistic_Token=None)
    assert status == 200
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "connect-src 'self'" in policy
    assert "unsafe" not in policy
    assert b'name="holistic-live"' in text
    for name, value in (
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("cache-control", "no-store"),
    ):
        assert headers[name] == value
    status, text, _ = server.ask("POST", "/api/remove", REMOVE)
    assert status == 200
    assert json.loads(text) == live.remove(Removal({"1": (0,)}))
    state = json.loads(server.ask("POST", "/api/state", b"{}")[1])
    assert (state["live"], state["experiments"]) == (True, [])


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/", {"Host": "attacker.example"}, 403),
        ("GET", "/", {"Host": "localhost"}, 403),
        ("GET", "/", {"Host": None}, (400, 403)),
        ("GET", "/", {"Origin": "http://attacker.example"}, 403),
        ("GET", "/", {"Host": "127.0.0.1"}, 403),
        ("GET", "/", {"Host": "127.0.0.1:1"}, 403),
        ("POST", "/api/remove", {"X_Holistic_Token": TOKEN + "x"}, 403),
        ("POST", "/api/remove", {"Host": "attacker.example"}, 403),
        ("POST", "/api/remove", {"Origin": "http://attacker.example"}, 403),
        ("POST", "/api/remove", {"Origin": "null"}, 403),
        ("POST", "/api/remove", {"Origin": None}, 403),
        ("POST", "/api/remove", {"X_Holistic_Token": None}, 403),
        ("POST", "/api/remove", {"X_Holistic_Token": ""}, 403),
        ("POST", "/api/remove", {"X_Holistic_Token": TOKEN[:-1]}, 403),
        ("POST", "/api/remove", {"Content_Length": str(BODY_BYTES + 1)}, 413),
        ("GET", "/api/remove", {}, 405),
        ("PUT", "/api/remove", {}, 405),
        ("DELETE", "/", {}, 405),
        ("OPTIONS", "/api/remove", {}, 405),
        ("HEAD", "/", {"Host": "attacker.example"}, 403),
        ("POST", "/", {}, 405),
        ("GET", "/audit.json", {}, 404),
        ("GET", "/../../etc/passwd", {}, 404),
        ("GET", "/%2e%2e/audit.json", {}, 404),
        ("POST", "/api/../audit.json", {}, 404),
    ],
)
def test_nobody_else_is_answered(
    server: Server, method: str, path: str, headers: dict[str, str | None], status: Any
) -> None:
    body = REMOVE if method == "POST" and "Content_Length" not in headers else b""
    found, text, given = server.ask(method, path, body, **headers)
    assert found in (status if isinstance(status, tuple) else (status,))
    assert b"classes" not in text
    assert "access-control-allow-origin" not in given
    for name, value in [*HEADERS, POLICY]:
        assert given[name.decode()] == value.decode()


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX y: 1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 100_000,
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_what_is_no_http_is_refused_with_the_same_headers(server: Server, request_: bytes) -> None:
    with socket.create_connection(("127.0.0.1", int(server.host.split(":")[1])), 10) as line:
        line.sendall(request_)
        answer = line.recv(1 << 16)
    assert answer.startswith(b"HTTP/1.1 400 ")
    for name, value in [*HEADERS, POLICY]:
        assert b"\r\n%s: %s\r\n" % (name, value) in answer


def test_an_origin_that_begins_like_this_one_is_another(server: Server) -> None:
    origin = f"http://{server.host}.attacker.example"
    assert server.ask("POST", "/api/state", b"{}", Origin=origin)[0] == 403


def test_the_page_is_rendered_once_for_an_audit(
    audit: Audit, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    from holistic.report import page

    made, real = list[str](), page.rendered
    monkeypatch.setattr(page, "rendered", lambda *a, **k: made.append("") or real(*a, **k))
    answers = Answers(audit.path, live)
    first = answers.page()
    assert answers.page() is first
    record = audit.path / "audit.json"
    text = record.read_text(encoding="utf-8")
    try:
        record.write_text(text + " ", encoding="utf-8")
        assert answers.page() == first
    finally:
        record.write_text(text, encoding="utf-8")
    assert len(made) == 2


def test_a_body_that_lies_about_its_length_is_cut_off(server: Server) -> None:
    chunk = b"%x\r\n" % (1 << 16) + b"x" * (1 << 16) + b"\r\n"
    body = chunk * (BODY_BYTES // (1 << 16) + 2) + b"0\r\n\r\n"
    assert server.ask("POST", "/api/remove", body, Transfer_Encoding="chunked")[0] == 413


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"units": 1}',
        REMOVE[:-1] + b',"edit":"\\ud800"}',
    ],
)
def test_questions_that_are_no_json_objects_get_one_line(server: Server, body: bytes) -> None:
    status, text, _ = server.ask("POST", "/api/remove", body)
    assert status == 400
    told = json.loads(text)["error"]
    assert "\n" not in told
    assert "Traceback" not in told


def test_work_without_an_end_is_given_up(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    check = within(1e-9)
    with pytest.raises(HolisticError, match="no answer within"):
        live.remove(Removal({"3": (1,)}), check)
    monkeypatch.setattr("holistic.workbench.live.SECONDS", -1.0)
    with pytest.raises(HolisticError, match="no answer within"):
        live.remove(Removal({"3": (1,)}), live.ask("late", 1))


def test_a_body_that_never_comes_is_given_up() -> None:
    async def never(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError("asked without a body")

    running = Server(lambda host: Guard(never, host, TOKEN, seconds=0.2))
    try:
        with socket.create_connection(("127.0.0.1", int(running.host.split(":")[1])), 10) as line:
            head = (
                f"POST /api/state HTTP/1.1\r\nHost: {running.host}\r\n"
                f"Origin: http://{running.host}\r\nX-Holistic-Token: {TOKEN}\r\n"
                "Content-Length: 10\r\n\r\n{"
            )
            line.sendall(head.encode())
            assert line.recv(64).startswith(b"HTTP/1.1 408")
    finally:
        running.stop()


@pytest.mark.parametrize("first", [False, True])
def test_a_head_that_never_ends_is_given_up(first: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("holistic.workbench.connections.HEAD_SECONDS", 0.5)
    running = Server(lambda host: Guard(PlainTextResponse("here"), host, TOKEN))
    start = f"GET / HTTP/1.1\r\nHost: {running.host}\r\n".encode()
    try:
        with socket.create_connection(("127.0.0.1", int(running.host.split(":")[1])), 10) as line:
            if first:
                line.sendall(start + b"\r\n")
                answer = b""
                while not answer.endswith(b"here"):
                    answer += line.recv(4096)
            ended = threading.Event()
            reading = threading.Thread(target=lambda: line.recv(64) == b"" and ended.set())
            line.sendall(start)
            reading.start()
            for _ in range(40):  # one byte at a time, for longer than any wait
                if ended.wait(0.2):
                    break
                with contextlib.suppress(OSError):
                    line.sendall(b"x")
            assert ended.is_set()
    finally:
        running.stop()


def test_slow_answers_are_given_up() -> None:
    async def slow(scope: Any, receive: Any, send: Any) -> None:
        import asyncio

        await asyncio.sleep(30)
        await PlainTextResponse("late")(scope, receive, send)

    running = Server(lambda host: Guard(slow, host, TOKEN, seconds=0.2))
    try:
        assert running.ask("GET", "/")[0] == 504
    finally:
        running.stop()


def test_without_a_model_tables_are_served_and_removals_say_why(audit: Audit) -> None:
    running = Server(lambda h: application(Answers(audit.path, "its weights are gone"), h, TOKEN))
    try:
        state = json.loads(running.ask("POST", "/api/state", b"{}")[1])
        assert (state["live"], state["reason"]) == (False, "its weights are gone")
        assert running.ask("POST", "/api/rows", b'{"finding": "ablation.units"}')[0] == 200
        status, text, _ = running.ask("POST", "/api/remove", REMOVE)
        assert (status, json.loads(text)["error"]) == (400, "its weights are gone")
    finally:
        running.stop()


def test_the_socket_is_on_the_loopback_address_only() -> None:
    place = listening()
    assert place.getsockname()[0] == "127.0.0.1"
    with pytest.raises(HolisticError, match="port"):
        listening(place.getsockname()[1])
    place.close()


def test_the_command_prints_an_address_and_serves_a_real_audit(tmp_path: Path) -> None:
    run = [sys.executable, "-m", "holistic"]
    out = tmp_path / "audit"
    subprocess.run(
        [
            *run,
            "run",
            "digits",
            "--quick",
            "--limit",
            "200",
            "--lens",
            "tracing",
            "--out",
            str(out),
        ],
        check=True,
        capture_output=True,
    )
    with subprocess.Popen([*run, "serve", str(out)], stdout=subprocess.PIPE, text=True) as serving:
        try:
            assert serving.stdout is not None
            printed = serving.stdout.readline()
            found = re.fullmatch(r"http://(127\.0\.0\.1:\d+)/#token=(\S+)\n", printed)
            assert found
            line = http.client.HTTPConnection(found[1], timeout=60)
            headers = {"Origin": f"http://{found[1]}", "X-Holistic-Token": found[2]}
            line.request("POST", "/api/remove", REMOVE.replace(b'"1"', b'"2"'), headers)
            told = json.loads(line.getresponse().read())
            line.close()
            assert told["n"] in (99, 100)
        finally:
            serving.terminate()
        assert serving.wait(30) == 143  # its jobs were stopped before
