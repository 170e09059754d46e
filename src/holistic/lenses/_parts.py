"""Parts of estimates: reads them where some are missing, and adds the q of a family."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from holistic.results.columns import Estimate
from holistic.stats.tests import benjamini_hochberg

__all__ = ["known", "significant", "with_q"]


def known(part: float | None) -> float:
    """Return a part of an estimate, NaN where it is missing.

    >>> known(0.5), known(None)
    (0.5, nan)
    """
    return float("nan") if part is None else part


def significant(of: Estimate) -> bool:
    """Say whether the q of an estimate is below 0.05."""
    return of.q is not None and of.q < 0.05


def with_q(family: Sequence[Estimate]) -> list[Estimate]:
    """Return the same estimates with the Benjamini-Hochberg q of their p; NaN where it has none.

    >>> [one.q for one in with_q([Estimate(1.0, p=0.01), Estimate(0.2, p=0.5)])]
    [0.02, 0.5]
    """
    p = np.array([one.p for one in family], np.float64)
    return [replace(one, q=float(q)) for one, q in zip(family, benjamini_hochberg(p), strict=True)]
