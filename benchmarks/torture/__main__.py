"""Print promise, tried, held: `make torture`; `--short`, and names of promises (R1) for some."""

from __future__ import annotations

import importlib
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

__all__ = ["PROMISES", "Score", "main", "measured"]

PROMISES = {
    "R1": "kills",
    "R2": "damaged",
    "R3": "models",
    "R4": "answers",
    "R5": "orders",
    "R6": "memory",
    "R7": "disk",
    "R8": "starts",
    "R9": "strangers",
    "R10": "leaks",
}
"""Number of each promise to its module."""
_PAGE = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"
_MARK = "<!-- torture: written by python -m benchmarks.torture --write -->"
_END = "<!-- end -->"
_SHOWN = 12
"""Faults of a promise that are printed."""


@dataclass(frozen=True)
class Score:
    """What came of a promise.

    Attributes
    ----------
    number, promise
        Which one.
    tried, held
        How often it was tried and kept.
    seconds
        Time that it took.
    """

    number: str
    promise: str
    tried: int
    held: int
    seconds: float

    def __str__(self) -> str:
        """A line of the scorecard."""
        kept = "" if self.held == self.tried else "  NOT HELD"
        counts = f"{self.tried:6} {self.held:6} {self.seconds:6.0f} s"
        return f"{self.number:4} {counts}  {self.promise}{kept}"


def measured(number: str, *, short: bool, place: Path) -> Score:
    """Try a promise and print the first faults.

    Parameters
    ----------
    number
        A key of `PROMISES`.
    short
        Whether to try it as often as there is time for in continuous integration.
    place
        An empty folder.
    """
    module = importlib.import_module(f"benchmarks.torture.{PROMISES[number]}")
    start, tried, held = time.monotonic(), 0, 0
    for one in module.tries(module.SHORT if short else module.FULL, place):
        tried += 1
        held += not one.fault
        if one.fault and tried - held <= _SHOWN:
            print(f"     {number}: {one.case}: {one.fault}", flush=True)
    promise = str(module.__doc__).splitlines()[0].rstrip(".")
    return Score(number, promise, tried, held, time.monotonic() - start)


def written(scores: Sequence[Score], text: str) -> str:
    """Put a table of the scores where the page of reliability has its mark."""
    rows = [f"| {s.number} | {s.promise} | {s.tried:,} | {s.held:,} |" for s in scores]
    table = ["| # | promise | tried | held |", "|---|---|---|---|", *rows]
    before, mark, rest = text.partition(_MARK)
    return f"{before}{mark}\n" + "\n".join(table) + f"\n{_END}{rest.partition(_END)[2]}"


def main(words: list[str]) -> int:
    """Print a line for each promise; 1 where one wasn't kept."""
    import holistic.cli  # children are forked from a process that has imported everything

    torch.set_num_threads(1)
    short, names = "--short" in words, [w.upper() for w in words if not w.startswith("-")]
    print(f"       tried   held    time  {holistic.cli.app.name[0]} keeps its promises", flush=True)
    scores = list[Score]()
    for number in names or PROMISES:
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            scores.append(measured(number, short=short, place=Path(folder)))
            os.chdir("/")
        print(scores[-1], flush=True)
    if "--write" in words:
        _PAGE.write_text(written(scores, _PAGE.read_text()))
    return int(any(score.held < score.tried for score in scores))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
