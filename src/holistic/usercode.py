"""Finds and runs code of the user's own."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from holistic.errors import HolisticError, explain_memory_errors, nearest, shortened

__all__ = ["FAULTS", "called", "findable", "imported", "reason_of", "running"]

FAULTS = (Exception, SystemExit)
"""What code of somebody else's may raise that isn't the user's Ctrl-C."""


def reason_of(fault: BaseException) -> str:
    """Say in one line what was raised.

    >>> reason_of(ValueError("no   such"))
    'ValueError: no such'
    >>> reason_of(SystemExit(0))
    'it ended the program by sys.exit(0)'
    """
    if isinstance(fault, SystemExit):
        return f"it ended the program by sys.exit({'' if fault.code is None else fault.code!r})"
    try:
        words = shortened(str(fault))
    except Exception:  # an error whose own text fails
        words = ""
    return f"{type(fault).__name__}: {words}" if words else type(fault).__name__


def findable(module: str) -> bool:
    """Say whether there is a module of this name, of the current folder or an installed one."""
    _look_here()
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError, AttributeError):
        return False


def _look_here() -> None:
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))


def imported(name: str, error: type[HolisticError]) -> Callable[[], Any]:
    """Import `module:callable`, the current folder on the path.

    Parameters
    ----------
    name
        What the user wrote.
    error
        Kind of error that is raised.

    Raises
    ------
    error
        If there is no such module or attribute, the module can't be run, or it can't be called.
    """
    module, _, attribute = name.partition(":")
    _look_here()
    found: Any = None
    try:
        with contextlib.redirect_stdout(sys.stderr):
            found = importlib.import_module(module)
            for part in attribute.split("."):
                found = getattr(found, part)
    except HolisticError:
        raise
    except FAULTS as fault:
        raise error(
            f"'{name}' can't be imported: {_placed(fault)}{_meant(module, attribute, found)}; "
            "'module:callable' needs a module of the current folder or an installed one"
        ) from fault
    if not callable(found):
        raise error(f"'{name}' is a {type(found).__name__}, it must be callable")
    return found


def _meant(module: str, attribute: str, found: Any) -> str:
    """Name the module of this folder, or the name in a module, that may have been meant."""
    if found is not None:
        own = [name for name in dir(found) if not name.startswith("_")]
        return "" if hasattr(found, attribute) else nearest(attribute, own)
    here = [file.stem for file in Path.cwd().glob("*.py")]
    return "" if module in here else nearest(module, here)


def _placed(fault: BaseException) -> str:
    """Say what was raised; of a syntax error also where."""
    if isinstance(fault, SyntaxError) and fault.lineno is not None:
        file = Path(fault.filename or "?").name
        return f"SyntaxError in line {fault.lineno} of '{file}': {fault.msg}"
    return reason_of(fault)


def called(name: str, function: Callable[[], Any], error: type[HolisticError]) -> Any:
    """Call a user's function without arguments; what it prints goes to stderr.

    Raises
    ------
    error
        If it raises anything but Ctrl-C.
    """
    try:
        with contextlib.redirect_stdout(sys.stderr):
            return function()
    except HolisticError:
        raise
    except FAULTS as fault:
        raise error(f"'{name}' failed: {reason_of(fault)}") from fault


@contextmanager
def running(what: str, error: type[HolisticError]) -> Generator[None]:
    """Tell what code of somebody else's raises.

    Raises
    ------
    error
        In its place.
    ShortOfMemory
        If memory ran out.
    """
    try:
        with explain_memory_errors():
            yield
    except HolisticError:
        raise
    except FAULTS as fault:
        raise error(f"{what}: {reason_of(fault)}") from fault
