"""Writes what a command did into a file, a JSON object a line: `--log-file`."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from holistic.errors import SettingError

__all__ = ["Log", "log_file", "logging_to"]

FLAG = "--log-file"


class Log(logging.Handler):
    """Writes events and what the program logs, a line each, with the time in UTC.

    A line holds names that the command line or the model gave (folders, lenses, modules), never
    data: neither examples nor labels nor weights.

    Attributes
    ----------
    code
        Exit code that the command ends with.
    """

    def __init__(self, file: IO[str]) -> None:
        super().__init__(logging.INFO)
        self.file, self.code = file, 0

    def emit(self, record: logging.LogRecord) -> None:
        """Write what was logged."""
        self.write(record.levelname.lower(), message=record.getMessage())

    def write(self, event: str, **more: Any) -> None:
        """Write an event at once, so that a killed run's log tells how far it was."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        print(json.dumps({"time": now, "event": event, **more}), file=self.file, flush=True)


def log_file(words: Sequence[str]) -> tuple[list[str], Path | None]:
    """Take the flag out of a command line: the other words, and the file if one is named.

    Raises
    ------
    SettingError
        If no file follows the flag.

    Examples
    --------
    >>> log_file(["run", "--log-file", "a.jsonl", "--quick"])
    (['run', '--quick'], PosixPath('a.jsonl'))
    """
    left, path = list[str](), None
    following = iter(words)
    for word in following:
        name, equals, value = word.partition("=")
        if name != FLAG:
            left.append(word)
            continue
        value = value if equals else next(following, "")
        if not value or value.startswith("--"):
            raise SettingError(f"{FLAG} takes a file that lines are added to: {FLAG} run.jsonl")
        path = Path(value)
    return left, path


@contextmanager
def logging_to(path: Path | None, words: Sequence[str]) -> Generator[Log | None]:
    """Add a command's events to a file meanwhile: its words, what is logged, and its end.

    Raises
    ------
    OSError
        If the file can't be written.
    """
    if path is None:
        yield None
        return
    from holistic import __version__

    with path.open("a", encoding="utf-8") as file:
        log, start, logger = Log(file), time.monotonic(), logging.getLogger("holistic")
        shown, before = logging.StreamHandler(), logger.level
        shown.setLevel(logging.WARNING)  # as Python does where nobody else hears
        log.write("start", words=[*words], version=__version__, python=sys.version.split()[0])
        handlers = (log, shown)
        for handler in handlers:
            logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        try:
            yield log
        finally:
            for handler in handlers:
                logger.removeHandler(handler)
            logger.setLevel(before)
            log.write("end", seconds=round(time.monotonic() - start, 3), code=log.code)
