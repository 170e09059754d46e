"""Runs command lines in processes of their own, forked from one that has imported everything."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = [
    "BYTES", "Footprint", "Try", "ended", "footprint", "judged", "megabytes", "outcome", "run",
    "started",
]  # fmt: skip

BYTES = 6 << 30
"""Memory that a child may ask for."""
_SECONDS = 30.0


@dataclass(frozen=True)
class Try:
    """One time that a promise was tried.

    Attributes
    ----------
    case
        What was done.
    fault
        How the promise was broken; empty where it was kept.
    """

    case: str
    fault: str = ""


@dataclass(frozen=True)
class Footprint:
    """What a process holds: megabytes of memory, descriptors, threads."""

    megabytes: float
    descriptors: int
    threads: int


def footprint(process: int) -> Footprint:
    """Measure what a process holds now."""
    place = Path(f"/proc/{process}")
    descriptors, threads = (len(os.listdir(place / kind)) for kind in ("fd", "task"))
    return Footprint(megabytes("VmRSS", process), descriptors, threads)


def megabytes(name: str, process: int | str = "self") -> float:
    """A line of a process's status, such as `VmRSS`, in megabytes."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(name)) / 1024


def started(words: Sequence[str], told: Path, prepare: Callable[[], object] | None = None) -> int:
    """Start a command line in a child, its stderr in a file, and return the child's id.

    Parameters
    ----------
    words
        The command line after the program's name.
    told
        File for what it writes to stderr; what it writes to stdout lies beside it (`.out`).
    prepare
        Called in the child before the command is run.
    """
    child = os.fork()
    if not child:
        _child(words, told, prepare)
    return child


def ended(child: int, seconds: float) -> int | None:
    """Wait for a child and return its exit code; None where it had to be killed."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def run(words: Sequence[str], told: Path, seconds: float = 600.0) -> int | None:
    """Run a command line in a child to its end and return its exit code."""
    return ended(started(words, told), seconds)


def _child(words: Sequence[str], told: Path, prepare: Callable[[], object] | None) -> None:
    """Run the command line; never returns."""
    code = 1
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in the background
    try:
        # a fork begins with what its parent has mapped
        most = BYTES + int(megabytes("VmSize") * 2**20)
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        with told.open("w") as errors, told.with_suffix(".out").open("w") as answer:
            os.dup2(answer.fileno(), 1)
            os.dup2(errors.fileno(), 2)
        sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
        from holistic.cli import main

        if prepare:
            prepare()
        code = main(list(words))
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def outcome(words: Sequence[str], told: Path) -> str:
    """Run a command line in a child: `told`, `ran`, or how it failed."""
    code = ended(started(words, told), _SECONDS)
    return "hung" if code is None else judged(code, told.read_text(errors="replace"))


def judged(code: int, stderr: str) -> str:
    """Say what a run that ended so was: `told`, `ran`, or how it failed."""
    lines = [line for line in stderr.splitlines() if line.strip()]
    if "Traceback" in stderr or code < 0:
        return f"traceback: {lines[-1][:120] if lines else code}"
    if code == 0:
        return "ran"
    if code != 2 or not lines or not lines[-1].startswith("error:"):
        return f"exit {code}: {lines[-1][:120] if lines else 'silence'}"
    errors = sum(line.startswith("error:") for line in lines)
    if errors == 1 and len(lines[-1]) < 1200:
        return "told"
    return f"{errors} errors in {len(lines)} lines"
