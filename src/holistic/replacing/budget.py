"""What replays cost, and how many of them a budget affords.

All budgets are spent by `afforded`. A replay of one example is priced in one of three ways, which
stand for the same seconds: its floating-point operations (the engine knows them), the bytes that it
writes with a tenth of its operations (a stage knows them), or multiplications that follow from the
shapes of the model alone, so that what is afforded is the same on every machine.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from holistic.graph.engine import Stage
from holistic.graph.sites import Site
from holistic.study.subject import Subject

__all__ = ["afforded", "model_work", "replay_work", "sample_stage", "sweep_operations"]

_PER_VALUE = 32
"""Multiplications that reading and writing one value costs as much time as."""


def afforded(budget: float, cost: float, *, least: int, most: int) -> int:
    """Return how many times `cost` (1 or more) fits into `budget`, from `least` to `most`.

    >>> afforded(100.0, 9.0, least=2, most=50)
    11
    """
    return max(least, min(most, int(budget / max(cost, 1.0))))


def sweep_operations(subject: Subject, sites: Sequence[Site], draws: int = 1) -> int:
    """Return the floating-point operations of replacing every unit on one example."""
    return draws * sum(site.units * subject.engine.row_operations(site) for site in sites)


def sample_stage(subject: Subject, site: Site) -> Stage:
    """Return a stage of two examples, which knows what replays at the site cost in bytes."""
    known = subject.runner.samples
    if site.name not in known:
        images = subject.evaluation.images[:2]
        known[site.name] = subject.stage(site.name, images, torch.zeros(()))
    return known[site.name]


def replay_work(subject: Subject, site: Site) -> int:
    """Estimate what computing one example from a site on costs, in multiplications."""
    return _work(subject, site.depth if subject.traced else -1)


def model_work(subject: Subject) -> int:
    """Estimate what computing one example costs, in multiplications."""
    return _work(subject, -1)


def _work(subject: Subject, depth: int) -> int:
    """Count the parameters of every operation behind a depth once per position.

    Their values count as memory traffic.
    """
    return 1 + sum(
        s.parameters * math.prod(s.positions) + _PER_VALUE * math.prod(s.shape)
        for s in subject.all_sites
        if s.depth > depth
    )
