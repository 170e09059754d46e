"""Progress bars in the terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from holistic.progress import WHOLE, Progress
from holistic.words import duration

if TYPE_CHECKING:
    from rich.progress import Progress as Display
    from rich.progress import TaskID

__all__ = ["progress_shown"]

_SELDOM = 30.0
"""Seconds between two lines that tell of the whole run alone."""
_WORTH_SHOWING = 1.0
"""Seconds that a finished task must have taken to stay on the screen."""


@contextmanager
def progress_shown(*, least: float = 0.0) -> Generator[Progress]:
    """Show progress on stderr: bars in a terminal, else one line for each finished task.

    Parameters
    ----------
    least
        Seconds that a task must have taken to have a line.
    """
    if not sys.stderr.isatty():
        yield _Lines(least)
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as Display

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Display(*columns, console=Console(stderr=True)) as display:
        yield _Bars(display)


class _Bars:
    """One bar a task; a finished one goes away if it was quick."""

    def __init__(self, display: Display) -> None:
        self._display = display
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, task: str, done: int, total: int) -> None:
        if task not in self._tasks:
            self._tasks[task] = self._display.add_task(task, total=total)
        name = self._tasks[task]
        self._display.update(name, completed=done, total=total)
        if task == WHOLE:
            left = f"about {duration(total - done)} left" if done < total else "done"
            self._display.update(name, description=f"{WHOLE}: {left}; seconds")
            return
        if done >= total:
            took = next(t.elapsed or 0.0 for t in self._display.tasks if t.id == name)
            self._display.update(name, visible=took >= _WORTH_SHOWING)


class _Lines:
    """One line a task, when it is finished."""

    def __init__(self, least: float) -> None:
        self._least = least
        self._started: dict[str, float] = {}
        self._finished: set[str] = set()
        self._left: int | None = None
        self._printed = time.monotonic()

    def __call__(self, task: str, done: int, total: int) -> None:
        if task == WHOLE:
            self._whole(done, total)
            return
        if task not in self._started or (task in self._finished and done < total):
            self._started[task] = time.monotonic()
            self._finished.discard(task)
        if done >= total and task not in self._finished:
            self._finished.add(task)
            took = time.monotonic() - self._started[task]
            if took < self._least:
                return
            steps = f"{total} of {total} in" if total > 1 else "done in"
            known = self._left and ":" not in task
            left = f"; about {duration(self._left or 0)} of the run left" if known else ""
            self._print(f"{task}: {steps} {took:.1f} s{left}")

    def _whole(self, done: int, total: int) -> None:
        self._left = total - done
        if not self._left and total >= self._least:
            self._print(f"{WHOLE}: done in {duration(total)}")
        elif self._left and time.monotonic() - self._printed > _SELDOM:
            self._print(f"{WHOLE}: about {duration(self._left)} left")

    def _print(self, line: str) -> None:
        self._printed = time.monotonic()
        print(line, file=sys.stderr, flush=True)
