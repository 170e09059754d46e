"""Refuses files that unpack to more than there is memory for."""

from __future__ import annotations

from holistic.errors import HolisticError

__all__ = ["LEAST", "check_unpacked"]

LEAST = 1 << 28
"""Bytes that any file may unpack to: 256 MiB."""
_TIMES = 200
"""How many times its own size a file may unpack to beyond that."""


def check_unpacked(
    what: str,
    unpacked: int,
    packed: int,
    *,
    error: type[HolisticError],
    least: int = LEAST,
    times: int = _TIMES,
) -> None:
    """Refuse what unpacks to far more than any honest file does, before it is unpacked.

    Parameters
    ----------
    what
        What is unpacked, for the error's line.
    unpacked, packed
        Bytes in memory, and in the file.
    error
        Kind of error that is raised.
    least, times
        Bytes that anything may unpack to, and how many times its own size beyond that.

    Raises
    ------
    error
        If it would be more.
    """
    if unpacked > max(least, times * packed):
        raise error(
            f"{what} would unpack from {_written(packed)} to {_written(unpacked)}, more than "
            "honest data does: it isn't read; make it again, or leave it out"
        )


def _written(count: int) -> str:
    """Write a number of bytes.

    >>> _written(900), _written(3 << 30)
    ('900 bytes', '3.2 GB')
    """
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("KB", 1e3)):
        if count >= size:
            return f"{count / size:,.1f} {unit}"
    return f"{count} bytes"
