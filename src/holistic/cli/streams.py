"""Where a command's answer goes, and everything else that is printed."""

from __future__ import annotations

import codecs
import contextlib
import io
import json
import os
import sys
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from holistic.errors import Notice

__all__ = ["WORDS", "as_line", "give_up_stdout", "kept_apart", "print_json", "ready"]

WORDS: ContextVar[tuple[str, ...]] = ContextVar("words", default=())
"""Words of the command line, which workers are given, too."""
_PLAIN = {
    "–": "-", "—": "-", "−": "-", "×": "x", "·": ".", "…": "...", "±": "+/-", "≥": ">=",
    "≤": "<=", "→": "->", "²": "^2", "³": "^3", "’": "'", "“": '"', "”": '"', "•": "*",
}  # fmt: skip
"""What stands for a letter that a terminal doesn't have."""
_LETTERS = 1000


def _plainly(error: UnicodeError) -> tuple[str, int]:
    """Write letters that can't be written as others, or by their number."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    letters = error.object[error.start : error.end]
    plain = (_PLAIN.get(c) or c.encode("ascii", "backslashreplace").decode() for c in letters)
    return "".join(plain), error.end


codecs.register_error("holistic-plain", _plainly)


@contextmanager
def ready() -> Generator[None]:
    """Make stdout and stderr take any text, and tell notices as lines, while a command runs."""
    for number in (0, 1, 2):  # a closed one would be taken by the next file that is opened
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="holistic-plain")
    with warnings.catch_warnings():
        warnings.simplefilter("always", Notice)
        usual = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *rest: Any, **more: Any) -> None:
            if issubclass(category, Notice):
                print(f"note: {as_line(str(message))}", file=sys.stderr)
            else:
                usual(message, category, *rest, **more)

        warnings.showwarning = show
        yield


@contextmanager
def kept_apart() -> Generator[None]:
    """Send to stderr what a user's code prints meanwhile, so that stdout has the answer alone."""
    duplicate: int | None = None
    with contextlib.suppress(OSError):
        sys.stdout.flush()
        duplicate = os.dup(1)
        os.dup2(2, 1)  # for what prints past Python: programs that are called, and C
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        if duplicate is not None:
            os.dup2(duplicate, 1)
            os.close(duplicate)


def give_up_stdout() -> None:
    """Let nothing more be written there: the interpreter would complain once more at its end."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def print_json(document: Any, *, indent: int | None = None) -> None:
    """Print one JSON document, in letters that stdout has."""
    whole = "utf" in (getattr(sys.stdout, "encoding", None) or "utf-8").lower()
    print(json.dumps(document, indent=indent, ensure_ascii=not whole, allow_nan=False))


def as_line(text: str) -> str:
    r"""Write a text in one line that does nothing to a terminal; of a very long one, both ends.

    >>> as_line("a\nb\x1b[2J")
    'a b\\x1b[2J'
    """
    line = " ".join(text.split())
    if len(line) > _LETTERS:
        line = f"{line[: _LETTERS // 2]} … {line[-_LETTERS // 2 :]}"
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in line)
