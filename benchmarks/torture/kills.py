"""Killed at any moment, nothing is lost: the next run ends with the same bytes.

Runs that train first, and runs of all six lenses, are ended by SIGKILL, SIGTERM or SIGINT, up to
three times in a row: after a random time, or right before a random one of the calls by which files
are made, renamed or removed. After each end nothing half-published may be seen; after the last, the
run goes on to its own end, and its files are compared with those of a run that nothing disturbed.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from benchmarks.torture.children import Try, ended, run, started
from benchmarks.torture.small import contents, faults, own_run, trained_run

__all__ = ["FULL", "SHORT", "publishing", "tries"]

FULL, SHORT = 200, 4
_IN_A_ROW = 3
_SIGNALS = (signal.SIGKILL,) * 6 + (signal.SIGTERM, signal.SIGINT)
_ENDS = {signal.SIGKILL: -9, signal.SIGTERM: 143, signal.SIGINT: 130}
"""Exit codes."""
_WRITES = ("os.rename", "os.mkdir", "os.remove", "os.rmdir")
Words = Callable[[Path, Path], list[str]]


def tries(count: int, place: Path) -> Iterator[Try]:
    """End runs at random moments, and let them go on."""
    rng, kinds = np.random.default_rng(0), (own_run, trained_run)
    wholes = [_Whole(words, place / f"whole-{i}", place) for i, words in enumerate(kinds)]
    done = 0
    while done < count:
        whole = wholes[done // _IN_A_ROW % len(wholes)]
        found = _chain(whole, place, rng, place / f"cut-{done}")
        yield from found
        done += len(found)


class _Whole:
    """A run that nothing disturbs: its words, its files, its seconds, and its calls that write."""

    def __init__(self, words: Words, out: Path, place: Path) -> None:
        self.words, told, calls = words, place / "told", place / "calls"
        start = time.monotonic()
        child = started(words(place, out), told, lambda: publishing(out, _noting(calls)))
        if ended(child, 600):
            raise RuntimeError(f"the undisturbed run failed: {told.read_text()[-500:]}")
        self.seconds = time.monotonic() - start
        self.calls = len(calls.read_text())
        self.contents = contents(out)


def _noting(file: Path) -> Callable[[], object]:
    """Note each call that writes by one letter."""
    descriptor = os.open(file, os.O_CREAT | os.O_TRUNC | os.O_WRONLY)
    return lambda: os.write(descriptor, b".")


def publishing(out: Path, act: Callable[[], object]) -> None:
    """Act before each call of this process that makes, renames or removes something in a folder."""

    def seen(event: str, given: tuple[object, ...]) -> None:
        writes = event in _WRITES or (event == "open" and isinstance(given[2], int))
        if event == "open" and writes:
            writes = bool(int(str(given[2])) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
        if writes and str(given[0]).startswith(str(out)):
            act()

    sys.addaudithook(seen)


def _chain(whole: _Whole, place: Path, rng: np.random.Generator, out: Path) -> list[Try]:
    """End a run up to three times; what each end left, and at last the files."""
    found, told, left = list[Try](), place / "told", whole.seconds
    words = whole.words(place, out)
    for _ in range(int(rng.integers(1, _IN_A_ROW + 1))):
        how = _SIGNALS[int(rng.integers(len(_SIGNALS)))]
        start = time.monotonic()
        if rng.random() < 0.3:
            how, at = signal.SIGKILL, int(rng.integers(1, whole.calls))
            code, when = _ended_at_call(words, told, out, at), f"call {at}"
        else:
            after = rng.uniform(0.0, left)
            code, when = _ended_after(words, told, how, after), f"{after:.2f} s"
        left = max(1.0, left - (time.monotonic() - start))
        fault = faults(out) if out.exists() else ""
        if code not in (0, _ENDS[how]):
            fault = f"exit {code}: {told.read_text()[-200:]}"
        found.append(Try(f"{whole.words.__name__}, {how.name} after {when}", fault))
    code = run(words, told)
    changed = whole.contents.items() ^ contents(out).items()
    if code or changed:
        end = f"exit {code}" if code else f"{sorted({name for name, _ in changed})[0]} differs"
        found[-1] = Try(found[-1].case, found[-1].fault or f"after all: {end}")
    return found


def _ended_after(words: Sequence[str], told: Path, how: signal.Signals, seconds: float) -> int:
    """Start a run, end it by a signal after so many seconds, and return its exit code."""
    child = started(words, told)
    time.sleep(seconds)
    os.kill(child, how)
    code = ended(child, 30)
    return -1 if code is None else code


def _ended_at_call(words: Sequence[str], told: Path, out: Path, number: int) -> int:
    """Start a run that ends itself before its call of this number that writes."""
    left = iter(range(number, -1, -1))

    def count() -> None:
        if next(left) <= 1:
            os.kill(os.getpid(), signal.SIGKILL)

    code = ended(started(words, told, lambda: publishing(out, count)), 600)
    return -1 if code is None else code
