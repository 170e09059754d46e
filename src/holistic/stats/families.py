"""Whether a family of tests can reach a false discovery rate at all, and with how many draws."""

from __future__ import annotations

import math

import numpy as np

from holistic.stats.tests import benjamini_hochberg

__all__ = ["draws_needed", "familywise", "least_q", "stuck"]

_SPARE = 1.25
"""So many times the draws that would just do: a few draws more mustn't spoil it."""


def least_q(floor: float, tests: int) -> float:
    """Return the least q of one test that stands alone, at the least p that it can have.

    >>> least_q(1 / 201, 60)
    0.29850746268656714
    """
    return min(1.0, floor * tests)


def stuck(p: np.ndarray, draws: np.ndarray, *, level: float = 0.05) -> np.ndarray:
    """Say which tests have the least p that their draws allow, and yet no q below `level`.

    Parameters
    ----------
    p
        `[…]`, p of one family of tests, (1 + b) / (1 + B); NaN is no test.
    draws
        `[…]`, the B behind each.
    level
        False discovery rate that is asked for.
    """
    at_floor = p <= (1 + 1e-9) / (1 + draws)
    return at_floor & (benjamini_hochberg(p) >= level)


def draws_needed(p: np.ndarray, draws: np.ndarray, *, level: float = 0.05) -> int:
    """Return how many draws in all the tests that are `stuck` need to get free; 0 if none is.

    Drawing more only where no draw so far was as large keeps p valid: whoever has p ≤ α after it
    would have had it with the first draws, or has it with all of them.

    Parameters
    ----------
    p, draws, level
        As for `stuck`.

    References
    ----------
    Besag & Clifford 1991 (sequential Monte Carlo p-values); Benjamini & Hochberg 1995.
    """
    waiting = stuck(p, draws, level=level)
    if not waiting.any():
        return 0
    together = int((p <= (1 + 1e-9) / (1 + draws)).sum())
    return math.ceil(_SPARE * int((~np.isnan(p)).sum()) / (level * together))


def familywise(observed: np.ndarray, draws: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Test numbers against draws that have all of them, each alone and all together.

    Every number is measured from the mean of the others at its place, in their standard deviation,
    the observed one and each draw alike: so they can be exchanged where nothing is there, and p is
    exact however few draws there are.

    Parameters
    ----------
    observed
        `[T]`; NaN is no test.
    draws
        `[B, T]`, the same numbers of B draws in which nothing is there.

    Returns
    -------
    p, q
        `[T]` each, two-sided: share of the draws as far out at the same place, and share of those
        that are as far out at any place: the chance of even one number as far out.

    References
    ----------
    Westfall & Young 1993, sect. 2.5 (the largest of a family); Phipson & Smyth 2010.
    """
    all_ = np.concatenate([observed[None], draws])  # [B + 1, T]
    known = np.isfinite(all_)
    value = np.where(known, all_, 0.0)
    others = np.maximum(known.sum(0) - known, 1)
    mean = (value.sum(0) - value) / others
    square = ((value**2).sum(0) - value**2) / others
    spread = np.sqrt(np.maximum(square - mean**2, 0))
    flat = spread <= 1e-9 * np.sqrt(np.maximum(square, 1e-300))
    apart = np.abs(value - mean)
    apart = np.where(apart <= 1e-9 * np.abs(mean), 0.0, apart)
    with np.errstate(divide="ignore", invalid="ignore"):
        out = np.where(flat, np.where(apart > 0, np.inf, 0.0), apart / spread)
    out = np.where(known, out, -np.inf)
    slack = out[0] * (1 - 1e-9)
    p = (out >= slack).sum(0) / np.maximum(known.sum(0), 1)
    q = (out.max(1)[:, None] >= slack).mean(0)
    tested = np.isfinite(observed) & (known.sum(0) > 1)
    return np.where(tested, p, np.nan), np.where(tested, q, np.nan)
