"""What can go wrong, and how is it told?

Every error that a user can cause is a `HolisticError`; the command line prints its one line and
exits with code 2. The line says what, got, allowed, next.

::

    HolisticError
    ├── DataError       a data set that is unknown, missing, corrupt or of the wrong shape
    ├── ModelError      a model that can't be loaded, run or studied
    ├── SiteError       a site, unit or position that the model doesn't have
    ├── SettingError    a setting outside of its range
    └── AuditError      an audit folder that is taken, missing or damaged
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = [
    "AuditError",
    "DataError",
    "HolisticError",
    "ModelError",
    "SettingError",
    "SiteError",
    "listed",
    "nearest",
    "shortened",
]

_LETTERS = 500


class HolisticError(Exception):
    """Base of all errors that a user's input can cause; `str(error)` is one line."""


class DataError(HolisticError):
    """A data set that is unknown, missing, corrupt or of the wrong shape."""


class ModelError(HolisticError):
    """A model that can't be loaded, run or studied."""


class SiteError(HolisticError):
    """A site, unit or position that the model doesn't have."""


class SettingError(HolisticError):
    """A setting outside of its range."""


class AuditError(HolisticError):
    """An audit folder that is taken, missing or damaged."""


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
