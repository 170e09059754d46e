"""Refuses an argument that a public function doesn't have, with the name that was meant."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from typing import ParamSpec, TypeVar

from holistic.errors import SettingError, listed, nearest

__all__ = ["UnknownArgument", "check_fields", "named", "refused"]

P = ParamSpec("P")
T = TypeVar("T")


class UnknownArgument(SettingError, TypeError):
    """An argument that a function doesn't have."""


def named(function: Callable[P, T]) -> Callable[P, T]:
    """Let a public function refuse keywords that it doesn't have, with what is meant."""
    parameters = inspect.signature(function).parameters.values()
    if any(one.kind is one.VAR_KEYWORD for one in parameters):
        return function
    taken = [one.name for one in parameters if one.name not in ("self", "cls")]
    called = function.__qualname__.removesuffix(".__init__")

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        for name in kwargs:
            if name not in taken:
                raise UnknownArgument(refused(called, name, taken))
        return function(*args, **kwargs)

    return call


def check_fields(kind: type, given: Iterable[str]) -> None:
    """Refuse keywords that neither are fields of a dataclass nor arguments of its own `__init__`.

    Raises
    ------
    UnknownArgument
        If one isn't.
    """
    fields = {one.name for one in dataclasses.fields(kind)}
    for name in given:
        if name in fields:
            continue
        taken = [n for n in inspect.signature(kind.__init__).parameters if n != "self"]
        if name not in taken and "kwargs" not in taken:
            raise UnknownArgument(refused(kind.__name__, name, taken))


def refused(called: str, name: str, taken: list[str]) -> str:
    """Say that something has no argument of a name, and which was meant."""
    homes = [f"holistic.{home}" for home in _homes(name)]
    where = f": it belongs to {listed(homes, 3)}" if homes else nearest(name, taken)
    return f"{called} has no argument '{name}'{where}; it takes {listed(taken, 20)}"


def _homes(name: str) -> Iterator[str]:
    """Public functions, and `Subject`, that have an argument of this name."""
    import holistic

    for public in ("Subject", "audit", "check", "sweep", "test", "removable", "top_units", "serve"):
        if name in inspect.signature(getattr(holistic, public)).parameters:
            yield public
