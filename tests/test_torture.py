"""Would the torture see it where a promise is broken?"""

from __future__ import annotations

import os
import signal
import socket
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from benchmarks.torture import __main__ as scorecard
from benchmarks.torture import kills, models, orders, small, starts, strangers
from benchmarks.torture.children import Try, ended, outcome, run, started
from torch import nn

from holistic.report.saved import Audit


def test_a_child_runs_a_command_and_its_lines_are_kept(tmp_path: Path) -> None:
    told = tmp_path / "told"
    assert run(["--version"], told) == 0
    assert told.with_suffix(".out").read_text().strip()
    assert outcome(["report", str(tmp_path / "nowhere")], told) == "told"
    child = started(["--version"], told, signal.pause)
    assert ended(child, 0.3) is None, "what hangs is ended"


def test_half_a_finding_is_seen_and_times_are_not(small_audit: Audit, tmp_path: Path) -> None:
    import shutil

    one, two = tmp_path / "one", tmp_path / "two"
    for place in (one, two):
        shutil.copytree(small_audit.path, place)
    record = (two / "audit.json").read_text()
    (two / "audit.json").write_text(record.replace('"seconds": ', '"seconds": 1'))
    assert small.contents(one) == small.contents(two)
    assert small.faults(one) == ""
    table = two / "tables" / "ablation.units.parquet"
    table.write_bytes(table.read_bytes()[:-1])
    assert "ablation.units" in small.faults(two)
    assert small.contents(one) != small.contents(two)
    (one / "report.html").write_text("<html>")
    assert small.faults(one) == "half a report"
    (one / "audit.json").unlink()
    assert "without audit.json" in small.faults(one)


def test_calls_that_write_to_the_folder_are_seen(tmp_path: Path) -> None:
    out, told = tmp_path / "out", tmp_path / "seen"
    child = os.fork()
    if not child:
        notes = os.open(told, os.O_CREAT | os.O_WRONLY)
        kills.publishing(out, lambda: os.write(notes, b"."))
        out.mkdir()
        (out / "a").write_text("a")
        (out / "a").replace(out / "b")
        (out / "b").read_text()
        (tmp_path / "elsewhere").write_text("c")
        os._exit(0)
    assert ended(child, 30) == 0
    assert told.read_text() == "..."


@pytest.mark.parametrize(
    ("status", "told", "good"),
    [(403, b"no", True), (0, b"", True), (200, b"{}", False), (500, b"", False), (-1, b"", False),
     (404, b"x" * 5000, False)],
)  # fmt: skip
def test_a_stranger_who_gets_anything_is_a_fault(status: int, told: bytes, good: bool) -> None:
    assert (strangers._passed(status, told) == "") == good


def test_a_server_that_waits_for_a_stranger_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strangers, "_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as place:
        held = list[object]()
        taken = threading.Thread(target=lambda: held.append(place.accept()[0]))
        taken.start()
        door = strangers.Door(place.getsockname()[1], "token", os.getpid())
        assert door.said(b"GET / HTTP/1.1\r\n\r\n")[0] == -1
        taken.join()
        next(one for one in held if isinstance(one, socket.socket)).close()


def test_every_attack_differs_from_what_the_page_sends() -> None:
    door = strangers.Door(1, "Token", 1)
    attacks = [case for case, _ in strangers._strangers(door)]
    assert len(attacks) >= 300
    assert {strangers._odd(np.random.default_rng(i))[0] for i in range(400)} == set(
        strangers._QUESTIONS
    )


def test_a_change_of_the_model_is_seen() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    before = models.fingerprint(model)
    assert models.fingerprint(model) == before
    model.eval()
    assert models.fingerprint(model) != before
    model.train()
    handle = model[0].register_forward_hook(print)
    assert models.fingerprint(model) != before
    handle.remove()
    torch.rand(1)
    assert models.fingerprint(model) != before


def test_a_wrong_merge_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not orders._of_moments(np.random.default_rng(3))
    right = orders.Moments.merge

    def wrong(self: orders.Moments, other: orders.Moments) -> orders.Moments:
        found = right(self, other)
        found.m2 = found.m2 * (1 + 1e-6)
        return found

    monkeypatch.setattr(orders.Moments, "merge", wrong)
    assert "second moment" in orders._of_moments(np.random.default_rng(3))


def test_the_scorecard_counts_what_was_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(starts, "tries", lambda *_: iter([Try("a"), Try("b", "broken")]))
    score = scorecard.measured("R8", short=True, place=tmp_path)
    assert (score.tried, score.held) == (2, 1)
    assert str(score).endswith("NOT HELD")
    assert "R8: b: broken" in capsys.readouterr().out


def test_the_scorecard_stands_in_the_docs() -> None:
    score = scorecard.Score("R1", "Nothing is lost", 1200, 1199, 3.0)
    text = scorecard.written([score], f"a\n{scorecard._MARK}\nold\n{scorecard._END}\nb")
    assert "| R1 | Nothing is lost | 1,200 | 1,199 |" in text
    assert text.startswith("a\n")
    assert text.endswith("-->\nb")
    assert "old" not in text
    assert scorecard.written([score], text) == text
    assert scorecard._MARK in scorecard._PAGE.read_text()
