"""Where the shards of a run work: in processes of this machine, or in those of a Ray cluster."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from holistic.errors import AuditError, notice
from holistic.merging import begun
from holistic.progress import WHOLE, Progress
from holistic.report.saved import Audit
from holistic.results.parts import Shard
from holistic.sharing import PROGRESS, costs_of, finished_elsewhere

__all__ = ["Ended", "Worker", "share_out"]

_RETRIES = 3
_POLL = 0.2
"""Seconds between two looks at the workers."""
_KNOWN = 0.05
"""Share of the work that must be done before its own pace counts."""
_DONE, _REFUSED = (0, 1), 2
"""Exit codes of a shard that did what it could, and of one that the same command can't help."""


@dataclass(frozen=True)
class Ended:
    """How a worker ended: its exit code, below 0 for a signal, and its last line."""

    code: int
    line: str

    def __str__(self) -> str:
        if self.code < 0:
            return f"it was ended by {signal.Signals(-self.code).name}"
        return self.line.removeprefix("error: ") or f"it ended with exit code {self.code}"


class Worker(Protocol):
    """One process that works on a shard."""

    def ended(self) -> Ended | None:
        """Say how it ended; None while it works."""
        ...

    def stop(self) -> None:
        """End it; nothing where it has ended."""
        ...


def share_out(
    run: Audit,
    lenses: Sequence[str],
    workers: tuple[int, Callable[[Shard], Worker]],
    say: Progress,
) -> None:
    """Let workers run some lenses, each a shard of them; what it finishes lies in its folder.

    A worker that is killed is started again, three times at most: it goes on where it was. Then
    its shard is left out, which is told in one line, and others do its part.

    Parameters
    ----------
    run
        The audit that was begun.
    lenses
        Which lenses.
    workers
        How many, and what starts the worker of a shard.
    say
        Told how far all workers together are.

    Raises
    ------
    AuditError
        If shards were left out and lenses aren't finished.
    """
    count, start = workers
    shards = [Shard(count, number) for number in range(1, count + 1)]
    for shard in shards:
        if begun(shard.folder(run.path), run.provenance["key"]) is None:
            Audit(shard.folder(run.path), run.provenance).publish()
    watch = _Watch(run, lenses, shards, say)
    with ExitStack() as stack:
        tries = [_Tries(shard, start, stack) for shard in shards]
        while [one for one in tries if one.working()] and watch.unfinished():
            time.sleep(_POLL)
            watch.tell()
    _tell_left_out(watch, [one.fault for one in tries if one.fault])


class _Tries:
    """A shard whose worker is started again when it was killed."""

    def __init__(self, shard: Shard, start: Callable[[Shard], Worker], stack: ExitStack) -> None:
        self.shard, self._start, self._stack = shard, start, stack
        self.fault, self._left = "", _RETRIES
        self._worker: Worker | None = self._started()

    def _started(self) -> Worker:
        worker = self._start(self.shard)
        self._stack.callback(worker.stop)
        return worker

    def working(self) -> bool:
        """Say whether it works; start it again if it should."""
        end = self._worker.ended() if self._worker else None
        if end is None:
            return self._worker is not None
        self._worker = None
        if end.code not in _DONE:
            if end.code != _REFUSED and self._left:
                self._left -= 1
                self._worker = self._started()
            else:
                self.fault = f"shard {self.shard} is left out: {end}"
        return self._worker is not None


def _tell_left_out(watch: _Watch, left_out: Sequence[str]) -> None:
    if left_out and watch.unfinished():
        raise AuditError(
            f"{'; '.join(left_out)}; what all have finished is kept in "
            f"'{watch.run.path}', and the same command goes on there"
        )
    for line in left_out:
        notice(f"{line}; others have done its part")


class _Watch:
    """How far all workers together are."""

    def __init__(
        self, run: Audit, lenses: Sequence[str], shards: Sequence[Shard], say: Progress
    ) -> None:
        self.run, self.say = run, say
        self.costs = {name: cost for name, cost in costs_of(run).items() if name in lenses}
        self._folders = [shard.folder(run.path) for shard in shards]
        self._start = time.monotonic()

    def shares(self) -> dict[str, float]:
        """Share of each lens that is done: of several workers the one that is furthest counts."""
        shares = dict.fromkeys(self.run.lenses, 1.0)
        for folder in self._folders:
            for name, share in _reported(folder).items():
                shares[name] = max(share, shares.get(name, 0.0))
        return shares

    def unfinished(self) -> set[str]:
        """Lenses that nobody has finished."""
        folders = self.run.path, *self._folders
        return {*self.costs} - finished_elsewhere(folders, self.run.provenance["key"], self.costs)

    def tell(self) -> None:
        """Tell of the whole run, in seconds."""
        shares, passed = self.shares(), time.monotonic() - self._start
        done = sum(cost * shares.get(name, 0.0) for name, cost in self.costs.items())
        whole = sum(self.costs.values())
        pace = passed / done if done > _KNOWN * whole else 1 / len(self._folders)
        self.say(WHOLE, int(passed), int(passed) + max(1, round(pace * (whole - done))))


def _reported(folder: Path) -> dict[str, float]:
    try:
        return json.loads((folder / PROGRESS).read_text())
    except (OSError, ValueError):
        return {}
