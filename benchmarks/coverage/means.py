"""Means of examples' numbers: skewed, rare and heavy-tailed ones, and differences of two."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.coverage.simulation import Kind, Simulation, small
from holistic.stats.means import Means
from holistic.stats.tests import benjamini_hochberg

__all__ = ["SIMULATIONS"]

_ROWS = 400

Numbers = Callable[[np.random.Generator, int], np.ndarray]
"""Draws `[ROWS, n]` numbers."""


def _spike(share: float) -> Numbers:
    """Effects of a unit that fires on a share of the examples only."""

    def draw(rng: np.random.Generator, n: int) -> np.ndarray:
        return (rng.random((_ROWS, n)) < share) * rng.exponential(size=(_ROWS, n))

    return draw


_KINDS: dict[str, tuple[Numbers, float]] = {
    "normal numbers": (lambda rng, n: rng.normal(size=(_ROWS, n)), 0.0),
    "heavy tails (t, 3)": (lambda rng, n: rng.standard_t(3, size=(_ROWS, n)), 0.0),
    "skewed (log-normal, 1)": (lambda rng, n: rng.lognormal(0, 1, (_ROWS, n)), np.exp(0.5)),
    "a third fires": (_spike(0.3), 0.3),
    "one in ten fires": (_spike(0.1), 0.1),
    "one in twenty fires": (_spike(0.05), 0.05),
}


def _mean(name: str, n: int) -> Simulation:
    numbers, truth = _KINDS[name]

    def draw(seed: int) -> tuple[int, int]:
        means = Means.of(numbers(np.random.default_rng([seed, n]), n))
        lo, hi = means.interval()
        held = (lo <= truth) & (truth <= hi)
        return int(held.sum()), int((~means.rare).sum())

    # where few examples carry the spread, the outer bounds hold more often than they say
    wide = name.endswith("fires") and n < 1000
    return Simulation("means", name, "interval", n, draw, 50, 5, conservative=wide)


def _null(name: str, n: int) -> Simulation:
    numbers, truth = _KINDS[name]

    def draw(seed: int) -> tuple[int, int]:
        p = Means.of(numbers(np.random.default_rng([seed, n, 1]), n) - truth).p()
        return int((p < 0.05).sum()), int((~np.isnan(p)).sum())

    return Simulation("means", name, "p", n, draw, 50, 5)


def _family(name: str, n: int) -> Simulation:
    """Effects of 40 units on ten classes, each zero on average: any q below 0.05."""
    numbers, truth = _KINDS[name]

    def draw(seed: int) -> tuple[int, int]:
        p = Means.of(numbers(np.random.default_rng([seed, n, 3]), n) - truth).p()
        return int((benjamini_hochberg(p) < 0.05).any()), 1

    return Simulation("means", name, "q", n, draw, 400, 25)


def _groups(kind: Kind) -> Simulation:
    """Means of 20 groups of orders, each on three examples of its own."""

    def draw(seed: int) -> tuple[int, int]:
        rng = np.random.default_rng([seed, 20])
        p = Means.of(rng.standard_t(5, size=(_ROWS, 20, 3)).mean(2)).p()
        return small(p) if kind == "p" else (int((benjamini_hochberg(p) < 0.05).any()), 1)

    draws = (50, 5) if kind == "p" else (400, 25)
    return Simulation("means", "groups of orders", kind, 20, draw, *draws)


def _difference(n: int, others: int) -> Simulation:
    def draw(seed: int) -> tuple[int, int]:
        rng = np.random.default_rng([seed, n, 2])
        own, rest = _spike(0.3)(rng, n), rng.normal(0.1, 1, (_ROWS, others))
        lo, hi = Means.of(own).minus(Means.of(rest)).interval()
        return int(((lo <= 0.2) & (hi >= 0.2)).sum()), int((~np.isnan(lo)).sum())

    return Simulation("means", f"class against {others} others", "interval", n, draw, 50, 5)


SIMULATIONS = (
    *(_mean(name, n) for name in _KINDS for n in (50, 200, 1000)),
    *(_null(name, n) for name in _KINDS for n in (200, 1000)),
    *(_family(name, n) for name in _KINDS for n in (200, 1000)),
    _groups("p"),
    _groups("q"),
    _difference(50, 450),
    _difference(200, 1800),
)
