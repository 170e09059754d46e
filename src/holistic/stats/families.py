"""Can a test of a family fall below a false discovery rate at all, and with how many draws?"""

from __future__ import annotations

import math

import numpy as np

from holistic.stats.tests import benjamini_hochberg

__all__ = ["draws_needed", "least_q", "stuck"]

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
