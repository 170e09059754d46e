"""Estimates how much computing one replay from a site takes."""

from __future__ import annotations

import math

from holistic.graph.sites import Site
from holistic.study.subject import Subject

__all__ = ["affordable", "replay_work"]

_PER_VALUE = 32
"""Multiplications that reading and writing one value costs as much time as."""


def replay_work(subject: Subject, site: Site) -> int:
    """Estimate what computing one example from a site on costs, in multiplications.

    Every operation downstream counts its parameters once per position, and its values as
    memory traffic. It depends on the model alone, so that what is derived from it is the same on
    every machine.
    """
    depth = site.depth if subject.traced else -1
    return 1 + sum(
        s.parameters * math.prod(s.positions) + _PER_VALUE * math.prod(s.shape)
        for s in subject.all_sites
        if s.depth > depth
    )


def affordable(budget: float, cost: float, *, least: int, most: int) -> int:
    """Return how many times `cost` fits into `budget`, from `least` to `most`.

    >>> affordable(100.0, 9.0, least=2, most=50)
    11
    """
    return max(least, min(most, int(budget // max(cost, 1.0))))
