"""Workers that are processes of this machine, each with the threads that the run was begun with."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from holistic.executors import Ended
from holistic.results.files import check_target
from holistic.results.parts import Shard

__all__ = ["WATCHED", "WORKER", "Process", "end_with_parent", "environment"]

WORKER, WATCHED = "HOLISTIC_WORKER", "HOLISTIC_WATCHED"
"""Variables of the environment that tell a process which shard it is a worker of, and that it ends
when nobody writes to its standard input any more."""
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def environment(shard: Shard, threads: int) -> dict[str, str]:
    """Variables that make the same command line a worker of a shard."""
    return {WORKER: str(shard), **dict.fromkeys(_THREADS, str(threads))}


class Process:
    """A worker in a process of its own, that ends when this one does.

    Parameters
    ----------
    words
        Words of the command line.
    more
        Variables of its environment, beside this process's.
    log
        File that takes what it prints.
    """

    def __init__(self, words: Sequence[str], more: Mapping[str, str], log: Path) -> None:
        self._log = log
        check_target(log)
        with log.open("wb") as file:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "holistic", *words],
                env={**os.environ, **more, WATCHED: "1"},
                stdin=subprocess.PIPE,  # ends with this process: then the worker ends itself
                stdout=subprocess.DEVNULL,
                stderr=file,
                start_new_session=True,  # Ctrl-C is for this process, which then ends them
            )

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._process.pid

    def ended(self) -> Ended | None:
        """Say how it ended; None while it works."""
        code = self._process.poll()
        return None if code is None else Ended(code, last_line(self._log))

    def stop(self) -> None:
        """End it; nothing where it has ended."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._process.stdin:
            self._process.stdin.close()


def last_line(log: Path) -> str:
    """Return the last line of a file that says anything."""
    try:
        lines = log.read_text(errors="replace").split("\n")
    except OSError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def end_with_parent() -> None:
    """Let a worker end itself when the process that started it is gone."""

    def wait() -> None:
        while os.read(0, 1024):
            pass
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
