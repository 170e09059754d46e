"""Intervals of shares of examples."""

from __future__ import annotations

import numpy as np

from benchmarks.coverage.simulation import Simulation
from holistic.stats.intervals import wilson

__all__ = ["SIMULATIONS"]


def _shares(n: int, share: float) -> Simulation:
    def draw(seed: int) -> tuple[int, int]:
        hits = np.random.default_rng(seed).binomial(n, share, 200)
        lo, hi = wilson(hits, n)
        return int(((lo <= share) & (share <= hi)).sum()), 200

    return Simulation("intervals.wilson", f"a share of {share:g}", "interval", n, draw, 50, 5, True)


SIMULATIONS = tuple(_shares(n, share) for n in (50, 500) for share in (0.5, 0.98))
