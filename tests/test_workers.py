"""`--workers`: processes of one machine that share a run, killed in the middle or over and over."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import holistic
from holistic.errors import AuditError
from holistic.executors import Ended, share_out
from holistic.executors.processes import WORKER, last_line
from holistic.progress import WHOLE
from holistic.results.parts import Shard
from holistic.sharing import PROGRESS
from test_shards import LENS, subject, tables

pytestmark = pytest.mark.skipif(os.name == "nt", reason="looks for processes in /proc")

TINY = """
import torch
from torch import nn

def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 12), nn.ReLU(), nn.Linear(12, 10)).eval()
"""
RUN = ["run", "digits", "--model", "tiny:network", "--quick", "--limit", "150", "--anyway"]
LENSES = ["--lens", "mechanism", "tracing"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("workers")
    (path / "tiny.py").write_text(TINY)
    return path


def begin(folder: Path, out: str, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "holistic", *RUN, *LENSES, "--out", out, *words]
    return subprocess.Popen(
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip


@pytest.fixture(scope="module")
def alone(folder: Path) -> dict[str, bytes]:
    """Tables of the run in one process."""
    process = begin(folder, "alone")
    process.communicate(timeout=500)
    assert process.returncode == 0
    return tables(folder / "alone")


def children(pid: int) -> list[int]:
    try:
        return [*map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]
    except OSError:
        return []


def working(process: subprocess.Popen[str], home: Path, count: int) -> list[int]:
    """Wait until every worker has begun a lens, and return their numbers."""
    deadline = time.monotonic() + 300
    while len(list(home.glob(f".shards/*/{PROGRESS}"))) < count:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return [one for one in children(process.pid) if f"/{count}" in worker_of(one)]


def worker_of(pid: int) -> str:
    """Say which shard a process was started for."""
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return ""
    name = f"{WORKER}=".encode()
    return next((v.removeprefix(name).decode() for v in environment if v.startswith(name)), "")


@pytest.mark.parametrize("count", [1, 3])
def test_workers_end_with_the_same_bytes_also_where_one_is_killed(
    folder: Path, alone: dict[str, bytes], count: int
) -> None:
    home = folder / f"workers{count}"
    process = begin(folder, home.name, "--workers", str(count))
    workers = working(process, home, count)
    assert len(workers) == count
    os.kill(workers[-1], signal.SIGKILL)
    _, said = process.communicate(timeout=500)
    assert process.returncode == 0, said
    assert tables(home) == alone
    assert not (home / ".shards").exists()
    assert "Traceback" not in said


def test_workers_end_with_the_process_that_started_them(folder: Path) -> None:
    home = folder / "orphans"
    process = begin(folder, home.name, "--workers", "2")
    workers = working(process, home, 2)
    process.kill()
    process.communicate()
    deadline = time.monotonic() + 60
    while any(worker_of(one) for one in workers):
        assert time.monotonic() < deadline
        time.sleep(0.1)


class Fake:
    """A worker that ends as it is told, after it has been looked at twice."""

    def __init__(self, end: Ended, last: Callable[[], object] = list) -> None:
        self._looks, self._end, self._last = 0, end, last

    def ended(self) -> Ended | None:
        self._looks += 1
        if self._looks == 3:
            self._last()
        return self._end if self._looks > 2 else None

    def stop(self) -> None:
        self._looks = 99


@pytest.fixture
def run(tmp_path: Path) -> holistic.Audit:
    from holistic.audits import begin as opened

    return opened(subject(), out=tmp_path / "audit", lenses=[LENS], anyway=True)


def test_a_shard_that_is_killed_four_times_is_left_out_and_named(
    run: holistic.Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("holistic.executors._POLL", 0.0)
    starts = list[str]()

    def start(shard: Shard) -> Fake:
        starts.append(str(shard))
        return Fake(Ended(0, "") if shard.number == 1 else Ended(-signal.SIGKILL, ""))

    with pytest.raises(AuditError) as caught:
        share_out(run, ["ablation"], (2, start), lambda *_: None)
    line = str(caught.value)
    assert line.startswith("shard 2/2 is left out: it was ended by SIGKILL; what all have finished")
    assert "\n" not in line
    assert starts == ["1/2", "2/2", "2/2", "2/2", "2/2"]


def test_a_shard_that_was_refused_is_not_tried_again_and_others_may_do_its_part(
    run: holistic.Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("holistic.executors._POLL", 0.0)
    starts, said = list[Shard](), list[tuple[str, int, int]]()

    def start(shard: Shard) -> Fake:
        starts.append(shard)
        if shard.number == 2:
            return Fake(Ended(2, "error: no such file"))
        out = shard.folder(run.path)
        return Fake(
            Ended(0, ""),
            lambda: holistic.audit(subject(), out=out, lenses=[LENS], anyway=True),
        )

    with pytest.warns(UserWarning, match="shard 2/2 is left out: no such file; others have done"):
        share_out(run, ["ablation"], (2, start), lambda *words: said.append(words))
    assert len(starts) == 2
    assert said
    task, done, total = said[-1]
    assert task == WHOLE
    assert total > done
    assert {name for name, *_ in said} == {WHOLE}


def test_the_last_line_that_says_anything_is_the_reason(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert last_line(log) == ""
    log.write_text("one\nerror: two\n\n")
    assert last_line(log) == "error: two"
