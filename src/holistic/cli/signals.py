"""Ends a command by SIGTERM, which schedulers send, as Ctrl-C does: what is finished is kept."""

from __future__ import annotations

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager

__all__ = ["terminable"]


@contextmanager
def terminable() -> Generator[list[int]]:
    """Raise `KeyboardInterrupt` at SIGTERM meanwhile; the list that is given then holds it."""
    seen = list[int]()

    def end(number: int, _: object) -> None:
        seen.append(number)
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():  # no other may set handlers
        yield seen
        return
    before = signal.signal(signal.SIGTERM, end)
    try:
        yield seen
    finally:
        signal.signal(signal.SIGTERM, before)
