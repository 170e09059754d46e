"""Says how far a claim is from being decided otherwise."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from holistic.lenses._parts import known
from holistic.results.columns import Estimate
from holistic.stats.intervals import standard_error, wilson

__all__ = ["above", "all_of", "below", "decades_of_q", "over", "share", "under"]

_LEVEL = 0.05
_LEAST_Q = 1e-6
"""A smaller q says no more."""


def decades_of_q(of: Estimate, *, sign: int = 1, neutral: float = 0.0) -> float | None:
    """How far a tested number is from the level of 0.05, in decades of q; None where untested.

    Parameters
    ----------
    of
        Has a q.
    sign
        On which side of `neutral` the claim says it lies; 0 for either.
    neutral
        What says nothing.

    Examples
    --------
    >>> [round(decades_of_q(Estimate(value, q=0.005)), 2) for value in (2.0, -2.0)]
    [1.0, -1.0]
    >>> round(decades_of_q(Estimate(2.0, q=0.5)), 2), decades_of_q(Estimate(None))
    (-1.0, None)
    """
    if of.q is None or of.value is None or np.isnan(of.q) or np.isnan(of.value):
        return None
    decades = float(np.log10(_LEVEL / max(of.q, _LEAST_Q)))
    away = sign and (of.value - neutral) * sign < 0
    return -abs(decades) if away else decades


def above(of: Estimate, bound: float | None) -> float | None:
    """How far a number's lower end lies above a bound, in standard errors; None without an end.

    >>> round(above(Estimate(3.92, 1.96, 5.88), 0.0), 2), above(Estimate(1.0), 0.0)
    (1.96, None)
    """
    return _errors(of, of.lo, bound)


def below(of: Estimate, bound: float | None) -> float | None:
    """How far a number's upper end lies below a bound, in standard errors; None without an end."""
    away = _errors(of, of.hi, bound)
    return None if away is None else -away


def over(of: Estimate, bound: float | None) -> float | None:
    """How far a number itself lies above a bound, in standard errors; None without an interval."""
    return _errors(of, of.value, bound)


def under(of: Estimate, bound: float | None) -> float | None:
    """How far a number itself lies below a bound, in standard errors; None without an interval."""
    away = over(of, bound)
    return None if away is None else -away


def _errors(of: Estimate, point: float | None, bound: float | None) -> float | None:
    if point is None or of.lo is None or of.hi is None or bound is None:
        return None
    error = float(standard_error(of.lo, of.hi))
    return (point - bound) / error if error > 0 else None


def all_of(margins: Iterable[float | None]) -> float | None:
    """The margin of a claim that needs all of these; None where one of them has none.

    >>> all_of([1.0, -0.5]), all_of([1.0, None])
    (-0.5, None)
    """
    found = list(margins)
    return None if None in found or not found else min(known(one) for one in found)


def share(count: int, of: int) -> Estimate:
    """A share of some things with its Wilson interval.

    >>> share(3, 4).value, share(0, 0).value
    (0.75, None)
    """
    if not of:
        return Estimate(None)
    lo, hi = wilson(count, of)
    return Estimate(count / of, float(lo), float(hi), of)
