"""Says how many examples would settle whether a class depends on a unit, where too few don't."""

from __future__ import annotations

import numpy as np

__all__ = ["MOST", "negligible", "settling"]

_LEVEL = 0.05
_ASSURED = 0.8
"""Chance of being settled that is promised."""
MOST = 1_000_000
"""Examples from which on more aren't worth naming: the truth lies too near the bound."""
_TRUTHS, _SIZES = 15, 40
_ROUNDING = 1e-6
"""Share of a decision below which a number is that of rounding in float32."""


def negligible(lo: np.ndarray, hi: np.ndarray, bound: np.ndarray | float) -> np.ndarray:
    """Say whether a whole interval lies within what shows nothing; never where an end is missing.

    The two one-sided tests of equivalence, at 2.5 % each.

    References
    ----------
    Schuirmann 1987.
    """
    reach = np.fmax(np.abs(lo), np.abs(hi))
    known = np.isfinite(lo) & np.isfinite(hi)
    return known & (reach <= np.fmax(bound, _ROUNDING))


def settling(
    share: np.ndarray,
    half: np.ndarray,
    n: np.ndarray,
    bound: np.ndarray,
    level: float = _LEVEL,
) -> np.ndarray:
    """Return with how many examples a share would be settled with a chance of 80 %, `[U]`.

    Settled is one whose interval lies within the bound, or that lies beyond it at p below `level`.
    Intervals shrink with the root of n. What the truth is isn't known: it may be anything that the
    estimate allows, by Student's t around it, so that the chance is an average over truths. An
    estimate that is taken for the truth would promise too much where it lies far from the bound by
    chance.

    Parameters
    ----------
    share, half
        `[U]`, estimates and half the widths of their 95 % intervals.
    n
        `[U]`, examples behind them.
    bound
        `[U]`, what shows nothing, on either side of 0.
    level
        Largest p at which one more test would count: what its family leaves.

    Returns
    -------
    np.ndarray
        `[U]` float64, whole numbers above n; NaN where anything is missing, n is below 2, or a
        million examples wouldn't do.

    References
    ----------
    O'Hagan, Stevens & Campbell 2005 (assurance: power averaged over what the truth may be).
    """
    from scipy.special import chdtri, stdtrit

    usable = (n >= 2) & (half > 0) & np.isfinite(share) & (bound > 0)
    found = np.full(len(share), np.nan)
    rows = np.flatnonzero(usable)
    if not len(rows):
        return found
    middles = (np.arange(_TRUTHS) + 0.5) / _TRUTHS
    freedom = n[rows] - 1.0
    # the error that is as often too large as too small: of few examples most come out too small
    error = half[rows] / stdtrit(freedom, 0.975) * np.sqrt(freedom / chdtri(freedom, 0.5))
    truths = share[rows, None] + error[:, None] * stdtrit(freedom[:, None], middles)  # [U', T]
    sizes = _sizes(n[rows])  # [U', S]
    chance = np.stack(
        [
            _chance(truths, error * np.sqrt(n[rows] / size), size, bound[rows], level).mean(1)
            for size in sizes.T
        ],
        1,
    )
    enough = chance >= _ASSURED
    first = sizes[np.arange(len(rows)), enough.argmax(1)]
    found[rows] = np.where(enough.any(1), first, np.nan)
    return found


def _sizes(n: np.ndarray) -> np.ndarray:
    """Numbers of examples that are tried, from just above n to the most, `[U, S]`."""
    steps = np.geomspace(1, np.maximum(MOST / n, 2), _SIZES + 1).T[:, 1:]
    return np.maximum(np.ceil(n[:, None] * steps), n[:, None] + 1)


def _chance(
    truths: np.ndarray, error: np.ndarray, size: np.ndarray, bound: np.ndarray, level: float
) -> np.ndarray:
    """Chance that each truth `[U, T]` is settled with `size` examples `[U]`."""
    from scipy.special import ndtr, stdtrit

    freedom = size - 1.0
    inside = bound - stdtrit(freedom, 0.975) * error  # [U]
    outside = np.maximum(bound, stdtrit(freedom, 1 - level / 2) * error)

    def below(point: np.ndarray) -> np.ndarray:
        return ndtr((point[:, None] - truths) / error[:, None])

    within = np.where(inside[:, None] > 0, below(inside) - below(-inside), 0.0)
    return within + below(-outside) + 1 - below(outside)
