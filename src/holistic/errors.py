"""The errors that a user's input can cause, each told in one line.

Each is a `HolisticError`; the command line prints its one line and exits with code 2. The line says
what is wrong, what was got, what is allowed, and what to do next.

::

    HolisticError
    ├── DataError       a data set that is unknown, missing, corrupt or of the wrong shape
    ├── ModelError      a model that can't be loaded, run or studied
    ├── SiteError       a site, unit or position that the model doesn't have
    ├── SettingError    a setting outside of its range
    ├── AuditError      an audit folder that is taken, missing or damaged
    ├── LensError       lenses that failed, in a run that is saved otherwise (exit code 1)
    └── ShortOfMemory   work that needs more memory than there is
"""

from __future__ import annotations

import warnings
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Any

__all__ = [
    "AuditError",
    "DataError",
    "HolisticError",
    "LensError",
    "ModelError",
    "Notice",
    "SettingError",
    "ShortOfMemory",
    "SiteError",
    "as_cause",
    "explain_memory_errors",
    "listed",
    "nearest",
    "notice",
    "shortened",
]

_LETTERS = 500
_NO_MEMORY = (
    "allocate memory",
    "not enough memory",
    "out of memory",
    "bad allocation",
    "bad_alloc",
)


class HolisticError(Exception):
    """Base of all errors that a user's input can cause; `str(error)` is one line."""

    exit_code = 2


class DataError(HolisticError):
    """A data set that is unknown, missing, corrupt or of the wrong shape."""


class ModelError(HolisticError):
    """A model that can't be loaded, run or studied."""


class SiteError(HolisticError):
    """A site, unit or position that the model doesn't have."""


class SettingError(HolisticError):
    """A setting outside of its range."""


class LacksColumn(SettingError):
    """A column that a table doesn't have."""


class AuditError(HolisticError):
    """An audit folder that is taken, missing or damaged."""


class ShortOfMemory(HolisticError, MemoryError):
    """Work that needs more memory than there is."""


@contextmanager
def explain_memory_errors() -> Generator[None]:
    """Tell in one line where memory ran out, whoever noticed: Python, numpy or torch.

    Raises
    ------
    ShortOfMemory
        In place of their own errors.
    """
    try:
        yield
    except HolisticError:
        raise
    except (MemoryError, RuntimeError) as error:
        words = str(error)
        no_memory = isinstance(error, MemoryError) or any(sign in words for sign in _NO_MEMORY)
        if not no_memory:
            raise
        raise ShortOfMemory(
            f"not enough memory: {shortened(words)[:160] or 'the system gave no more'}; "
            "study fewer examples (--limit, or a part of the data), or use a machine with more"
        ) from error


class Notice(UserWarning):
    """Something that was done to a user's input and that they should know, in one line."""


def notice(line: str) -> None:
    """Tell a user what was done to their input: a warning, a line on stderr in a terminal."""
    warnings.warn(line, Notice, stacklevel=3)


class LensError(HolisticError):
    """Lenses that failed, in a run that is saved otherwise; the errors are its `__cause__`.

    Attributes
    ----------
    audit
        What the other lenses found.
    """

    exit_code = 1

    def __init__(self, message: str, audit: Any) -> None:
        super().__init__(message, audit)
        self.audit = audit

    def __str__(self) -> str:
        return str(self.args[0])


def listed(names: Iterable[object], limit: int = 12) -> str:
    """Quote names for an error line, shortened after `limit` of them.

    >>> listed(["a", "b"])
    "'a', 'b'"
    >>> listed(range(5), limit=2)
    "'0', '1' and 3 more"
    """
    names = [str(name) for name in names]
    shown = ", ".join(f"'{name}'" for name in names[:limit])
    return shown + (f" and {len(names) - limit} more" if len(names) > limit else "")


def nearest(name: str, names: Iterable[str]) -> str:
    """Say which of `names` the user may have meant, or nothing.

    >>> nearest("mnits", ["digits", "mnist"])
    " (did you mean 'mnist'?)"
    """
    match = get_close_matches(name, list(names), n=1)
    return f" (did you mean '{match[0]}'?)" if match else ""


def shortened(words: str) -> str:
    """Write words that quote what a user gave, of any length, as one line that can be read.

    >>> shortened("no   site")
    'no site'
    """
    line = " ".join(words.split())
    return line if len(line) <= _LETTERS else f"{line[:_LETTERS]}…"


def as_cause(error: Exception) -> str:
    """Write an error of any kind as one line that can stand in another one.

    >>> as_cause(ZeroDivisionError("division by zero"))
    'ZeroDivisionError: division by zero'
    """
    try:
        words = shortened("".join(c if c.isprintable() else " " for c in str(error)))
    except Exception:  # an error of somebody's own that can't be written
        words = ""
    if isinstance(error, HolisticError):
        return words
    return f"{type(error).__name__}: {words}" if words else type(error).__name__
