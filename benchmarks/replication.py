"""Tries how often statements that `compare` calls replicated hold in a training it hasn't seen.

`python -m benchmarks.replication FOLDER FOLDER …` takes audits of trainings with other seeds, draws
five of them by turns, and asks all others for the statements that are said to replicate. The
promise is 95 of 100. `holistic run digits --seeds 12` makes the audits.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import holistic
from holistic.comparing.schemas import VERDICTS, Statement
from holistic.comparing.statements import asked_of, judged
from holistic.report.claims import claims
from holistic.results.claims import Claim
from holistic.results.layers import layer_names
from holistic.stats.intervals import wilson

__all__ = ["Record", "main", "tried"]

_SHARED = 0.5
"""Halves of one set of examples, each drawn by its own seed, share half of theirs."""


@dataclass(frozen=True)
class Record:
    """How often statements of one verdict held in trainings that weren't seen."""

    trials: int
    marked: int
    asked: int
    kept: int

    def line(self, verdict: str) -> str:
        """Write it as a line."""
        lo, hi = wilson(self.kept, max(1, self.asked))
        rate = f"{100 * self.kept / max(1, self.asked):5.1f} % [{100 * lo:.1f}, {100 * hi:.1f}]"
        each = self.marked / max(1, self.trials)
        return f"{verdict:<14} {each:6.1f} a trial  kept in the next {rate}  ({self.asked:,} asked)"


def main(words: Sequence[str] | None = None) -> int:
    """Try the audits that are named, and print a line for each verdict."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.replication")
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--of", type=int, default=5, help="audits that are compared")
    parser.add_argument("--trials", type=int, default=20)
    given = parser.parse_args(words)
    audits = [holistic.load(folder).kept_while_read() for folder in given.folders]
    every = [list(claims(audit)) for audit in audits]
    layers = layer_names(audits[0])
    print(f"{len(audits)} audits, {given.trials} trials of {given.of}, the rest unseen")
    for verdict, record in tried(every, layers, of=given.of, trials=given.trials).items():
        print(record.line(verdict))
    return 0


def tried(
    every: Sequence[Sequence[Claim]], layers: dict[str, str], *, of: int, trials: int
) -> dict[str, Record]:
    """Compare some audits by turns, and ask the others; by verdict."""
    rng = np.random.default_rng(0)
    sets = list(itertools.combinations(range(len(every)), of))
    chosen = rng.permutation(len(sets))[:trials]
    counts = {verdict: np.zeros(3, int) for verdict in VERDICTS}
    for place in chosen:
        seen = sets[place]
        rows = judged(asked_of([every[i] for i in seen], layers), shared=_SHARED)
        others = [i for i in range(len(every)) if i not in seen]
        for row in rows:
            outcomes = [_bears_out(row, every[i]) for i in others]
            known = [outcome for outcome in outcomes if outcome is not None]
            counts[row.verdict] += np.array([1, len(known), sum(known)])
    return {v: Record(len(chosen), *map(int, count)) for v, count in counts.items()}


def _bears_out(row: Statement, found: Sequence[Claim]) -> bool | None:
    """Whether an audit bears a statement out, or gives its answer; None where it can't tell."""
    claim = next((one for one in found if one.about == row.about), None)
    if claim is None or claim.holds is None:
        return None
    return (claim.answer == row.answer and claim.holds) if row.answer else claim.holds


if __name__ == "__main__":
    raise SystemExit(main())
