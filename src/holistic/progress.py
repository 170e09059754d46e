"""Where long work says how far it is."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Protocol

__all__ = ["WHOLE", "Progress", "WholeRun", "silent"]

WHOLE = "whole run"
"""Name of the task whose steps are the seconds of the whole run."""
_OFTEN = 0.5
"""Seconds between two times that the whole run is told of."""
_KNOWN = 0.05
"""Share of a task that must be done before its own pace counts."""
_WIDEST = 5.0
"""How far the pace of what is done may lie from the expected one."""


class Progress(Protocol):
    """Called with the name of a task, the steps done and the steps in all."""

    def __call__(self, task: str, done: int, total: int) -> None:
        """Tell that `done` of `total` steps of `task` are finished."""
        ...


def silent(task: str, done: int, total: int) -> None:
    """Take progress and show nothing."""


class WholeRun:
    """Adds to what is told of tasks how far the whole run is, in seconds.

    Parameters
    ----------
    say
        Told of everything.
    expected
        Seconds of each task of each lens that is going to run, by both names.
    """

    def __init__(self, say: Progress, expected: Mapping[str, Mapping[str, float]]) -> None:
        self._say, self._expected = say, dict(expected)
        self._start = self._shown = time.monotonic()
        self._lens, self._since = "", self._start
        self._task, self._task_since, self._share = "", self._start, 0.0
        self._over = set[str]()
        self._done = 0.0
        """Expected seconds of the lenses that are finished."""
        self._took = 0.0
        """Seconds that these took."""

    def __call__(self, task: str, done: int, total: int) -> None:
        """Tell of a task, and from time to time of the whole run."""
        now = time.monotonic()
        self._follow(task, done, total, now)
        if now - self._shown >= _OFTEN or ":" not in task:
            self._shown = now
            passed = int(now - self._start)
            self._say(WHOLE, passed, passed + max(1, round(self.left())))
        self._say(task, done, total)

    def end(self) -> None:
        """Tell that the run is finished."""
        passed = max(1, round(time.monotonic() - self._start))
        self._say(WHOLE, passed, passed)

    def left(self) -> float:
        """Seconds that the run will still take, as far as anybody knows."""
        later = sum(sum(tasks.values()) for tasks in self._expected.values())
        own = self._expected.get(self._lens, {})
        return self._pace() * (later - sum(own.values())) + self._left_of_lens(own)

    def _left_of_lens(self, own: Mapping[str, float]) -> float:
        now, pace = time.monotonic(), self._pace()
        open_ = sum(pace * s for name, s in own.items() if name not in {*self._over, self._task})
        if self._task not in own or self._task in self._over:
            return open_
        passed = now - self._task_since
        if self._share >= _KNOWN:
            return open_ + passed * (1 - self._share) / self._share
        return open_ + max(pace * own[self._task] - passed, 0.0)

    def _pace(self) -> float:
        """How many times as long things take as was expected."""
        if self._done <= 0:
            return 1.0
        return min(max(self._took / self._done, 1 / _WIDEST), _WIDEST)

    def _follow(self, task: str, done: int, total: int, now: float) -> None:
        lens, _, name = task.partition(": ")
        begins = not name and done < total
        if begins or (name and lens != self._lens):  # some tell of their first task at once
            self._lens, self._since, self._task, self._over = lens, now, "", set()
        if not name and done >= total:
            own = self._expected.pop(lens, None)
            if own:
                self._done, self._took = (
                    self._done + sum(own.values()),
                    self._took + now - self._since,
                )
        if not name:
            return
        if name != self._task:
            self._over.add(self._task)
            self._task, self._task_since, self._share = name, now, 0.0
        self._share = done / max(total, 1)
