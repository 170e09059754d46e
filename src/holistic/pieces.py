"""Finished pieces of long work, which an interrupted run needn't do again."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial, wraps
from typing import Any, ParamSpec, Protocol, TypeVar

__all__ = ["Call", "Store", "each", "every", "keep_in", "kept", "once"]

P = ParamSpec("P")
T = TypeVar("T")
Call = tuple[tuple[Any, ...], Callable[[], T]]
"""What decides a piece, and what computes it."""


class Store(Protocol):
    """Where pieces are kept while something long is computed."""

    def once(self, key: tuple[Any, ...], compute: Callable[[], T]) -> T:
        """Return what was computed under this key before, else compute it and keep it."""
        ...

    def each(self, calls: Iterable[Call[T]]) -> Iterator[T]:
        """Yield pieces in their order; in which they are computed is the store's own choice."""
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


def each(calls: Iterable[Call[T]]) -> Iterator[T]:
    """Yield pieces that don't need one another, in their order.

    Where several processes share a run, each of them computes some and reads the others.

    Parameters
    ----------
    calls
        Key and function of each piece, as for `once`.
    """
    store = _STORE.get()
    return (compute() for _, compute in calls) if store is None else store.each(calls)


def every(function: Callable[..., T], arguments: Iterable[tuple[Any, ...]]) -> Iterator[T]:
    """Yield what a `kept` function returns for each of some arguments, as `each` does.

    Parameters
    ----------
    function
        It, or a `partial` of it with the keywords that all calls share.
    arguments
        Arguments of each call, by place.
    """
    same = dict[str, Any]()
    if isinstance(function, partial):
        function, same = function.func, function.keywords
    plain: Callable[..., T] = function.__wrapped__  # pyright: ignore[reportFunctionMemberAccess]
    return each(_call(plain, given, same) for given in arguments)


def kept(function: Callable[P, T]) -> Callable[P, T]:
    """Make every call of a function a piece that is decided by its arguments.

    The function must return new values, change nothing, and draw no number from a generator that
    is handed to it.
    """

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        store = _STORE.get()
        if store is None:
            return function(*args, **kwargs)
        return store.once(*_call(function, args, kwargs))

    return call


def _call(function: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call[T]:
    name = f"{function.__module__}.{function.__qualname__}"
    return (name, args, tuple(sorted(kwargs.items()))), lambda: function(*args, **kwargs)
