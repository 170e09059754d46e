"""What does an interval or a p promise, and how often is that kept where the truth is known?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from holistic.stats.intervals import wilson

__all__ = ["Draw", "Kept", "Kind", "Simulation", "held", "kept", "small"]

_LOOK = 25
"""Draws after which it is looked whether they are enough."""

Kind = Literal["interval", "p", "q"]

Draw = Callable[[int], tuple[int, int]]
"""Takes a seed, draws one data set or audit with a known truth, and returns hits and numbers: of
intervals those that hold the truth, of p those below 0.05, of q 1 if any is below 0.05, of 1."""


@dataclass(frozen=True)
class Simulation:
    """One promise of a finding and how it is tried.

    Attributes
    ----------
    finding
        Finding whose numbers are tried (`ablation.shapley`), or the function behind several.
    promise
        Which number, in which situation, in a few words.
    kind
        `interval`: 93 to 97 % hold the truth (at least 90 % for n below 200; up to 100 % where
        `conservative`); `p`: at most 6 % are below 0.05 where nothing is; `q`: at most 6 % of null
        audits have any below 0.05.
    n
        Examples behind each number.
    draw
        One draw.
    repeats, short
        Least draws of a full run, which goes on until they say enough, and draws of the short form
        that the tests run.
    conservative
        Whether an interval may hold the truth more often than it says (discrete data).
    """

    finding: str
    promise: str
    kind: Kind
    n: int
    draw: Draw
    repeats: int = 200
    short: int = 20
    conservative: bool = False

    @property
    def target(self) -> tuple[float, float]:
        """Least and largest rate that keeps the promise."""
        if self.kind != "interval":
            return 0.0, 0.06
        return (0.90 if self.n < 200 else 0.93), (1.0 if self.conservative else 0.97)


@dataclass(frozen=True)
class Kept:
    """How often a promise was kept.

    Attributes
    ----------
    rate
        Hits among numbers, over all draws.
    error
        Standard error of the rate over draws: numbers of one draw may depend on each other.
    numbers, draws
        Numbers, and draws, behind it.
    """

    rate: float
    error: float
    numbers: int
    draws: int

    def settled(self, target: tuple[float, float]) -> bool:
        """Say whether Wilson's 99.7 % bounds of the rate hold neither end of the target."""
        alone = self.rate * (1 - self.rate) / self.error**2 if 0 < self.rate < 1 else self.draws
        count = min(alone, self.numbers)  # as many numbers as would say as much by themselves
        low, high = wilson(self.rate * count, count, level=0.9973)
        return not any(low < end < high for end in target if 0 < end < 1)

    def within(self, target: tuple[float, float], errors: float = 0.0) -> bool:
        """Say whether the rate lies in the target, give or take so many standard errors."""
        slack = errors * self.error
        return target[0] - slack <= self.rate <= target[1] + slack


def held(lo: np.ndarray, hi: np.ndarray, truth: np.ndarray) -> tuple[int, int]:
    """Count the bounds that hold the truth, give or take rounding, and those that there are."""
    slack = 1e-6 * (1 + np.abs(truth))
    known = ~np.isnan(lo)
    return int(((lo <= truth + slack) & (truth - slack <= hi) & known).sum()), int(known.sum())


def small(p: np.ndarray) -> tuple[int, int]:
    """Count the p below 0.05, and those that there are."""
    return int((p < 0.05).sum()), int((~np.isnan(p)).sum())


def kept(simulation: Simulation, repeats: int, seed: int = 0, *, enough: int | None = None) -> Kept:
    """Draw again and again and count how often the promise was kept.

    From `enough` draws on they end once the rate's 99.7 % bounds hold no end of the target: a rate
    that lies at an end is taken for inside, or for outside, with a chance of 0.3 % at each look.
    """
    draws = list[tuple[int, int]]()
    for i in range(repeats):
        draws.append(simulation.draw(seed + i))
        looked = enough is not None and len(draws) >= enough and len(draws) % _LOOK == 0
        if looked and _counted(draws).settled(simulation.target):
            break
    return _counted(draws)


def _counted(pairs: Sequence[tuple[int, int]]) -> Kept:
    hits, numbers = np.array(pairs, np.float64).T
    repeats = len(pairs)
    total = numbers.sum()
    rate = float(hits.sum() / total) if total else float("nan")
    spread = ((hits - rate * numbers) ** 2).sum()
    # a rate of 0 or 1 in few draws isn't known exactly: one more draw of either kind is allowed for
    least = np.sqrt(max(rate * (1 - rate), 1 / (repeats + 2) / 4) / repeats)
    error = np.sqrt(spread * repeats / max(repeats - 1, 1)) / total if total else float("nan")
    return Kept(rate, float(max(error, least if repeats < 50 else 0.0)), int(total), repeats)
