"""Tests: McNemar's, the p of a number among controls, and the false discovery rate of many p."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from holistic.errors import SettingError, listed

__all__ = ["Alternative", "benjamini_hochberg", "mcnemar", "p_of_count", "permutation_p"]

Alternative = Literal["greater", "less", "two-sided"]


def mcnemar(lost: ArrayLike, gained: ArrayLike) -> np.ndarray:
    """Test whether as many examples are lost as gained: exact two-sided p of McNemar (1947).

    Parameters
    ----------
    lost, gained
        Examples that became wrong, and that became right; any shapes that broadcast.

    Returns
    -------
    np.ndarray
        p of a binomial split in halves; 1 where nothing flips.
    """
    from scipy.special import betainc

    lost, gained = np.asarray(lost, np.float64), np.asarray(gained, np.float64)
    fewer, flips = np.minimum(lost, gained), lost + gained
    # The regularised incomplete beta function is the binomial distribution function at `fewer`.
    tail = betainc(np.maximum(flips - fewer, 1), fewer + 1, 0.5)
    return np.where(flips > 0, np.minimum(1, 2 * tail), 1.0)


def benjamini_hochberg(p: ArrayLike) -> np.ndarray:
    """Return the false discovery rate at which each test would be rejected.

    Parameters
    ----------
    p
        p of one family of tests, any shape; NaN is no test: it stays NaN and isn't counted.

    Returns
    -------
    np.ndarray
        q of the same shape.

    References
    ----------
    Benjamini & Hochberg 1995, eq. 1.
    """
    p = np.asarray(p, np.float64)
    q = p.copy()
    tested = ~np.isnan(p)
    tests = p[tested]
    order = np.argsort(-tests, kind="stable")
    ranks = np.arange(len(tests), 0, -1)
    scaled = np.minimum.accumulate(tests[order] * len(tests) / ranks)
    adjusted = np.empty_like(tests)
    adjusted[order] = np.minimum(scaled, 1)
    q[tested] = adjusted
    return q


def p_of_count(as_far: ArrayLike, draws: ArrayLike) -> np.ndarray:
    """Return the p of a number that so many of a control's draws come up to: (1 + b) / (1 + B).

    >>> float(p_of_count(0, 19))
    0.05
    """
    return (1 + np.asarray(as_far)) / (1 + np.asarray(draws))


def permutation_p(
    observed: ArrayLike, null: ArrayLike, *, alternative: Alternative = "greater"
) -> np.ndarray:
    """Return the p of a statistic among its values on controls: (1 + b) / (1 + B).

    Parameters
    ----------
    observed
        The statistic, any shape `[…]`.
    null
        Its value on B controls, `[B]` or `[B, …]`; NaN draws aren't counted.
    alternative
        Which controls count as b: those at least as large (`greater`), at least as small
        (`less`), or the fewer of both, doubled (`two-sided`).

    Returns
    -------
    np.ndarray
        p `[…]`, NaN where `observed` is NaN or every draw is.

    Raises
    ------
    SettingError
        If there is no such alternative.

    References
    ----------
    Phipson & Smyth 2010, Permutation p-values should never be zero, eq. 2.
    """
    if alternative not in get_args(Alternative):
        raise SettingError(
            f"no alternative '{alternative}'; there are {listed(get_args(Alternative))}"
        )
    observed, null = np.asarray(observed, np.float64), np.asarray(null, np.float64)
    null = null.reshape(*null.shape, *[1] * (1 + observed.ndim - null.ndim))
    # Sums in another order may differ in the last bits: such controls are ties.
    slack = 1e-12 * np.abs(observed)
    larger = (null >= observed - slack).sum(0)
    smaller = (null <= observed + slack).sum(0)
    draws = (~np.isnan(null)).sum(0)
    if alternative == "two-sided":
        p = np.minimum(1, 2 * p_of_count(np.minimum(larger, smaller), draws))
    else:
        p = p_of_count(larger if alternative == "greater" else smaller, draws)
    return np.where(np.isnan(observed) | (draws == 0), np.nan, p)
