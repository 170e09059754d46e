"""Finished pieces of long work, which an interrupted run needn't do again."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any, ParamSpec, Protocol, TypeVar

__all__ = ["Store", "keep_in", "kept", "once"]

P = ParamSpec("P")
T = TypeVar("T")


class Store(Protocol):
    """Where pieces are kept while something long is computed."""

    def once(self, key: tuple[Any, ...], compute: Callable[[], T]) -> T:
        """Return what was computed under this key before, else compute it and keep it."""
        ...


_STORE: ContextVar[Store | None] = ContextVar("pieces", default=None)


@contextmanager
def keep_in(store: Store) -> Generator[None]:
    """Keep the pieces that are computed meanwhile."""
    before = _STORE.set(store)
    try:
        yield
    finally:
        _STORE.reset(before)


def once(key: tuple[Any, ...], compute: Callable[[], T]) -> T:
    """Compute a piece, or take it from the store where it was computed before.

    Parameters
    ----------
    key
        All that decides the piece: a name of its kind, then numbers, names, arrays, tensors, frozen
        dataclasses of these, and what has a `piece_key` that consists of them.
    compute
        Returns the piece, in the same terms, and changes nothing else.
    """
    store = _STORE.get()
    return compute() if store is None else store.once(key, compute)


def kept(function: Callable[P, T]) -> Callable[P, T]:
    """Make every call of a function a piece that is decided by its arguments.

    The function must return new values, change nothing, and draw no number from a generator that
    is handed to it.
    """
    name = f"{function.__module__}.{function.__qualname__}"

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        store = _STORE.get()
        if store is None:
            return function(*args, **kwargs)
        key = (name, args, tuple(sorted(kwargs.items())))
        return store.once(key, lambda: function(*args, **kwargs))

    return call
