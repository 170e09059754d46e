"""Runs lenses one after another in the background, with progress and a way to stop."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from holistic.errors import HolisticError, SettingError
from holistic.lenses._contract import lens_class
from holistic.progress import Progress

__all__ = ["Jobs", "run_lens"]

Work = Callable[[str, Progress], object]


class _Cancelled(Exception):
    """Raised from where the work says how far it is."""


@dataclass
class _Job:
    lens: str
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    state: str = "running"
    task: str = ""
    done: int = 0
    total: int = 1
    error: str = ""


def run_lens(subject: Any, folder: Path) -> Work:
    """Return the work of a job: one lens, run into the folder of the audit.

    An audit is written a lens at a time, so a job that is stopped leaves nothing half-written.
    """

    def work(lens: str, progress: Progress) -> object:
        from holistic import audits

        return audits.audit(subject, out=folder, lenses=[lens], progress=progress)

    return work


class Jobs:
    """Runs one lens at a time in a thread; the state is kept here, so that a page may reload.

    Parameters
    ----------
    work
        Runs a lens, given its name and where to tell the progress.
    """

    def __init__(self, work: Work) -> None:
        self._work = work
        self._jobs: dict[str, _Job] = {}
        self._stops: dict[str, threading.Event] = {}
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()

    def start(self, lens: str) -> dict[str, Any]:
        """Start a lens.

        Raises
        ------
        SettingError
            If there is no such lens, or another one runs.
        """
        lens_class(lens)
        with self._lock:
            if any(thread.is_alive() for thread in self._threads):
                raise SettingError("a lens is running; cancel it or wait for its end")
            job, stop = _Job(lens), threading.Event()
            self._jobs[job.id], self._stops[job.id] = job, stop
            thread = threading.Thread(target=self._run, args=(job, stop), daemon=True)
            self._threads = [thread]
            thread.start()
        return asdict(job)

    def _run(self, job: _Job, stop: threading.Event) -> None:
        def progress(task: str, done: int, total: int) -> None:
            saved = task == job.lens and done == total  # then nothing is left to stop
            if stop.is_set() and not saved:
                raise _Cancelled
            job.task, job.done, job.total = task, done, total

        try:
            self._work(job.lens, progress)
            job.state = "done"
        except _Cancelled:
            job.state = "cancelled"
        except Exception as error:  # told without what it may hold of paths
            known = isinstance(error, SettingError)
            job.error = str(error) if known else _hint(error)
            job.state = "failed"

    def listed(self) -> list[dict[str, Any]]:
        """Return all jobs since the start of the server, the oldest first."""
        return [asdict(job) for job in self._jobs.values()]

    def cancel(self, job: str) -> dict[str, Any]:
        """Ask a job to stop at its next step.

        Raises
        ------
        SettingError
            If there is no such job.
        """
        if job not in self._jobs:
            raise SettingError("no such job")
        self._stops[job].set()
        return asdict(self._jobs[job])

    def stop(self) -> None:
        """Have whatever runs stop at its next step."""
        for stop in self._stops.values():
            stop.set()

    def close(self, seconds: float = 5.0) -> None:
        """Stop whatever runs and wait for it a little."""
        self.stop()
        for thread in self._threads:
            thread.join(seconds)


def _hint(error: Exception) -> str:
    """Say what kind of mistake it was; its text may hold paths."""
    if isinstance(error, HolisticError):
        return "the lens can't be added to this audit; 'holistic run' into its folder says why"
    return "the lens failed"
