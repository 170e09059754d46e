"""Does every question to the running server end in an answer or a sentence?"""

from __future__ import annotations

import json
import math
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from holistic.errors import AuditError
from holistic.report.saved import Audit
from holistic.results.files import sha256
from holistic.workbench.app import Answers, application
from holistic.workbench.live import Live
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


ODD = (
    None,
    True,
    -1,
    0,
    1.5,
    1e999,
    10**30,
    "",
    "1",
    "x" * 100_000,
    "a\nb",
    [],
    [None],
    [[]],
    {},
    [["1", -1]],
)


QUESTIONS = "remove keep forget pictures example look pair patch steer rows start cancel jobs state"


@pytest.mark.parametrize("question", QUESTIONS.split())
def test_odd_values_get_a_sentence_and_never_a_failure(server: Server, question: str) -> None:
    usual: dict[str, dict[str, Any]] = {
        "remove": {"session": "s", "number": 1, "units": [["1", 0]], "edit": "mean",
                   "examples": "all", "controls": 0},
        "keep": {"units": [["1", 0]], "edit": "mean"},  # without a name nothing is written
        "forget": {"id": "0" * 16},
        "pictures": {"examples": [0]},
        "example": {"example": 0},
        "look": {"image": 0, "near": "1"},
        "pair": {"site": "1"},
        "patch": {"source": 0, "target": 1, "site": "1", "units": [0]},
        "steer": {"image": 0, "site": "1", "class": 0, "doses": [1]},
        "rows": {"finding": "ablation.units", "equal": {"unit": 0}, "sort": "unit",
                 "descending": True, "offset": 0, "limit": 5},
        "start": {"lens": "none"},
        "cancel": {"job": "none"},
    }  # fmt: skip
    whole = usual.get(question, {})
    asked = [{}, *({**whole, name: odd} for name in whole for odd in ODD)]
    for one in asked:
        status, text, _ = server.ask("POST", f"/api/{question}", json.dumps(one).encode())
        told = json.loads(text)
        assert status in (200, 400), (one, told)
        assert (status == 400) == ("error" in told)
        assert len(text) < 20_000 or status == 200
        assert len(told.get("error", "")) < 600
        assert "\n" not in told.get("error", "")


def test_a_kept_set_stands_beside_random_sets_and_can_be_deleted(
    server: Server, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("holistic.workbench.live._AT_ONCE", 0.0)  # part and whole are two answers
    monkeypatch.setattr(live, "_seconds", {})  # as when nothing was asked before

    def ask(question: str, **asked: Any) -> tuple[int, dict[str, Any]]:
        status, text, _ = server.ask("POST", f"/api/{question}", json.dumps(asked).encode())
        return status, json.loads(text)

    status, one = ask("keep", name="some", units=[["1", 0]], edit="mean")
    assert status == 200
    overall = one["overall"]
    row = ask("remove", session="kept", number=1, units=[["1", 0]], controls=200)[1]["classes"][-1]
    assert overall["n"] == row["n"]
    for name in ("before", "after", "drop", "random"):
        assert overall[name].items() <= row[name].items()
        assert set(overall[name]) >= {"value", "lo", "hi"}
    assert overall["random"]["sets"] == 7  # all others of the eight units
    assert len(one["created"]) == 10
    assert ask("state")[1]["experiments"] == [one]
    for ident in (None, "", "../audit", one["id"] + "x", one["id"][:-1]):
        assert ask("forget", id=ident)[0] == 400
    assert ask("state")[1]["experiments"] == [one]
    assert ask("forget", id=one["id"])[0] == 200
    assert ask("state")[1]["experiments"] == []
    assert ask("forget", id=one["id"])[0] == 400
    assert ask("keep", name="none", units=[], edit="mean")[0] == 400


NUMBERS = ("9223372036854775808", "-9223372036854775809", "1" + "0" * 400, "1" + "0" * 5000,
           "1e400", "-1e999", "NaN", "Infinity", "-Infinity")  # fmt: skip


@pytest.mark.parametrize(
    ("question", "asked"),
    [
        ("remove", '{"session": "s", "number": %, "units": [["1", 0]]}'),
        ("remove", '{"session": "s", "number": 1, "units": [["1", %]]}'),
        ("keep", '{"name": "some", "units": [["1", %]], "edit": "mean"}'),
        ("pictures", '{"examples": [0, %]}'),
        ("look", '{"image": %}'),
        ("look", '{"image": [0, 0, 0, 0, 0, %]}'),
        ("patch", '{"source": 0, "target": 1, "site": "1", "units": [%]}'),
        ("steer", '{"image": 0, "site": "1", "class": %}'),
        ("rows", '{"finding": "ablation.units", "equal": {"unit": %}}'),
        ("rows", '{"finding": "ablation.units", "equal": {"effect": %}}'),
        ("rows", '{"finding": "ablation.units", "offset": %}'),
        ("state", '{"anything": {"at": [[%]]}}'),
    ],
)
def test_numbers_that_no_array_holds_get_a_sentence(
    server: Server, question: str, asked: str
) -> None:
    for number in NUMBERS:
        status, text, _ = server.ask(
            "POST", f"/api/{question}", asked.replace("%", number).encode()
        )
        told = json.loads(text)["error"]
        assert status == 400
        assert told.startswith(("a whole number of a question fits 64 bits, got ",
                                "a number of a question is finite, got "))  # fmt: skip
        assert number[:40] in told
        assert len(told) < 200


def test_what_is_said_twice_has_no_meaning(server: Server) -> None:
    body = b'{"session": "p", "number": 1, "units": [["1", 0]], "units": [["1", 1]]}'
    status, answer, _ = server.ask("POST", "/api/remove", body)
    line = "a question says each thing once, got 'units' twice"
    assert (status, json.loads(answer)) == (400, {"error": line})


@pytest.mark.parametrize("number", ["9223372036854775807", "-9223372036854775808", "1e300", "-0.0"])
def test_numbers_that_fit_are_compared_with(server: Server, number: str) -> None:
    for column in ("unit", "effect"):
        asked = f'{{"finding": "ablation.units", "equal": {{"{column}": {number}}}}}'
        status, text, _ = server.ask("POST", "/api/rows", asked.encode())
        assert status == 200
        assert all(row[json.loads(text)["columns"].index(column)] == 0
                   for row in json.loads(text)["rows"])  # fmt: skip


def test_an_answer_without_numbers_is_told_and_so_is_a_model_that_fails(
    audit: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject = turning()
    running = Server(lambda host: application(Answers(audit.path, Live(subject)), host, TOKEN))
    try:
        asked = json.dumps({"image": 0, "near": "1"}).encode()
        with monkeypatch.context() as patch:
            patch.setattr("holistic.workbench.app.looked_at", lambda *_: {"logits": [math.inf]})
            status, text, _ = running.ask("POST", "/api/look", asked)
        assert status == 400
        assert "isn't finite numbers" in json.loads(text)["error"]

        def fail(*_: Any, **__: Any) -> None:
            raise IndexError(f"secret at {Path.home()}")

        monkeypatch.setattr(subject.engine, "run", fail)
        for question, asked in (
            ("look", {"image": 0, "near": "1"}),
            ("patch", {"source": 0, "target": 1, "site": "1"}),
            ("steer", {"image": 0, "site": "1", "class": 0}),
        ):
            status, text, _ = running.ask("POST", f"/api/{question}", json.dumps(asked).encode())
            told = json.loads(text)["error"]
            assert (status, told) == (
                400, "the model can't be run on this image: IndexError; take another"
            )  # fmt: skip
    finally:
        running.stop()


def test_failures_tell_nothing_of_the_server(
    server: Server, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError(f"secret at {Path.home()}")

    monkeypatch.setattr(live, "answered", fail)
    status, text, _ = server.ask("POST", "/api/remove", REMOVE)
    assert status == 500
    assert b"secret" not in text


def test_a_full_disk_is_told_in_a_sentence(
    server: Server, audit: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, *_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(Path, "write_text", full)
    asked = {"name": "some", "units": [["1", 0]], "edit": "mean"}
    status, text, _ = server.ask("POST", "/api/keep", json.dumps(asked).encode())
    assert (status, str(audit.path) in text.decode()) == (400, False)
    assert "terminal" in json.loads(text)["error"]


def test_errors_that_name_files_stay_in_the_terminal(
    server: Server, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise AuditError(f"damaged: {Path.home()}")

    monkeypatch.setattr(live, "answered", fail)
    status, text, _ = server.ask("POST", "/api/remove", REMOVE)
    assert status == 400
    assert str(Path.home()) not in text.decode()
    assert "terminal" in json.loads(text)["error"]


def test_an_audit_that_was_removed_is_told_in_one_line(
    tmp_path: Path, live: Live, capsys: pytest.CaptureFixture[str]
) -> None:
    held = Audit.create(tmp_path / "gone", {"key": "0"})
    running = Server(lambda host: application(Answers(held.path, live), host, TOKEN))
    (held.path / "audit.json").write_text("{}")
    status, text, _ = running.ask("GET", "/")
    running.stop()
    assert (status, text) == (500, b"this audit can't be shown; the server's terminal says more")
    assert "Traceback" not in capsys.readouterr().err


def test_no_address_is_fetched(server: Server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as elsewhere:
        elsewhere.settimeout(0.2)
        address = f"http://127.0.0.1:{elsewhere.getsockname()[1]}/x.parquet"
        for question, asked in (
            ("look", {"image": address}),
            ("look", {"image": 0, "near": address}),
            ("patch", {"source": address, "target": 0, "site": "1"}),
            ("steer", {"image": address, "site": "1", "class": 0}),
            ("pictures", {"examples": [address]}),
            ("rows", {"finding": address}),
            ("rows", {"finding": "ablation.units", "sort": address}),
            ("remove", {"session": address, "number": 1, "units": [[address, 0]]}),
            ("keep", {"name": address, "units": [[address, 0]]}),
            ("forget", {"id": address}),
            ("start", {"lens": address}),
            ("cancel", {"job": address}),
        ):
            status, text, _ = server.ask("POST", f"/api/{question}", json.dumps(asked).encode())
            assert status == 400, (question, text)
        with pytest.raises(TimeoutError):
            elsewhere.accept()


def test_no_pickled_code_of_an_audit_is_run(tmp_path: Path, live: Live) -> None:
    held, mark = planted_audit(tmp_path / "audit"), tmp_path / "mark"

    class Code:
        def __reduce__(self) -> Any:
            return (Path.touch, (mark,))

    path = held.path / "arrays" / "activation.images.npy"
    np.save(path, np.array([Code()], dtype=object), allow_pickle=True)
    record = json.loads((held.path / "audit.json").read_text())
    named = record["lenses"]["activation"]["findings"]["activation.examples"]["arrays"]
    named["activation.images"]["sha256"] = sha256(path)
    (held.path / "audit.json").write_text(json.dumps(record))
    running = Server(lambda host: application(Answers(held.path, live), host, TOKEN))
    status, text, _ = running.ask("GET", "/")
    running.stop()
    assert (status, mark.exists()) == (500, False), text
    np.load(path, allow_pickle=True)
    assert mark.exists(), "it would run"
