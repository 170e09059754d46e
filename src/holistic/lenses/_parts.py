"""Reads parts of estimates as numbers and tests, where a missing part is NaN or no finding."""

from __future__ import annotations

from holistic.results.columns import Estimate

__all__ = ["known", "significant"]


def known(part: float | None) -> float:
    """Return a part of an estimate, NaN where it is missing.

    >>> known(0.5), known(None)
    (0.5, nan)
    """
    return float("nan") if part is None else part


def significant(of: Estimate) -> bool:
    """Say whether the q of an estimate is below 0.05."""
    return of.q is not None and of.q < 0.05
