"""Where long work says how far it is."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Progress", "silent"]


class Progress(Protocol):
    """Called with the name of a task, the steps done and the steps in all."""

    def __call__(self, task: str, done: int, total: int) -> None:
        """Tell that `done` of `total` steps of `task` are finished."""
        ...


def silent(task: str, done: int, total: int) -> None:
    """Take progress and show nothing."""
