"""Adds q to estimates that are tested together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from holistic.results.columns import Estimate
from holistic.stats.tests import benjamini_hochberg

__all__ = ["with_q"]


def with_q(family: Sequence[Estimate]) -> list[Estimate]:
    """Return the same estimates with the Benjamini-Hochberg q of their p; NaN where it has none.

    >>> [one.q for one in with_q([Estimate(1.0, p=0.01), Estimate(0.2, p=0.5)])]
    [0.02, 0.5]
    """
    p = np.array([one.p for one in family], np.float64)
    return [replace(one, q=float(q)) for one, q in zip(family, benjamini_hochberg(p), strict=True)]
