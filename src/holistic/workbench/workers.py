"""Threads that answer questions, and how all of them end."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

__all__ = ["Ending", "Workers"]

_READERS = 4
T = TypeVar("T")


class Ending(Exception):
    """The server ends: this question gets no answer any more."""


class Workers:
    """One thread that asks the model, as one question at a time has it, and some for all others.

    However many questions wait for the model, tables and the page are there at once.
    """

    def __init__(self) -> None:
        self._ending = threading.Event()
        self._model = ThreadPoolExecutor(1, "model")
        self._readers = ThreadPoolExecutor(_READERS, "reader")
        self._waiting = set[asyncio.Future[Any]]()

    async def answer(self, work: Callable[[], T], *, model: bool = False) -> T:
        """Return what `work` returns, in its turn.

        Raises
        ------
        Ending
            If the server ends before.
        """
        if self._ending.is_set():
            raise Ending
        loop = asyncio.get_running_loop()
        answered = loop.create_future()
        begun = (self._model if model else self._readers).submit(work)

        def settle() -> None:
            if not (answered.done() or begun.cancelled()):
                error = begun.exception()
                answered.set_exception(error) if error else answered.set_result(begun.result())

        def hand_over(_: object) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
                loop.call_soon_threadsafe(settle)

        begun.add_done_callback(hand_over)
        self._waiting.add(answered)
        try:
            return await answered
        finally:
            self._waiting.discard(answered)
            begun.cancel()  # given up before its turn: never worked on

    def check(self) -> None:
        """Raise `Ending` once the server ends; called between the steps of long work."""
        if self._ending.is_set():
            raise Ending

    def end(self) -> None:
        """Begin nothing any more, and wait for nothing; what goes on ends at its next step."""
        self._ending.set()
        for answered in list(self._waiting):
            if not answered.done():
                answered.set_exception(Ending())
        for pool in (self._model, self._readers):
            pool.shutdown(wait=False, cancel_futures=True)
