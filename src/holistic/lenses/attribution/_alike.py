"""Tells how examples of a class differ from others, and which of them are alike."""

from __future__ import annotations

import numpy as np

__all__ = ["apart", "constancy", "dense", "halves", "reached", "sameness"]

_TINY = 1e-12
_CENTRES = 40
"""Examples around which a group of alike ones is looked for."""
_TOGETHER = 1 << 20
"""Differences that are squared at once."""


def apart(values: np.ndarray, own: np.ndarray) -> np.ndarray:
    """How far the distributions of own and other examples lie apart, at each place.

    Parameters
    ----------
    values
        `[N, F, …]`.
    own
        Which examples are own, `[N]`.

    Returns
    -------
    np.ndarray
        `[…]`: the largest over F of the two-sample Kolmogorov-Smirnov distance.
    """
    flat = values.reshape(len(values), -1)
    order = flat.argsort(0, kind="stable")
    mine = own[order]
    step = np.where(mine, 1 / max(1, own.sum()), -1 / max(1, (~own).sum()))
    gap = np.abs(step.cumsum(0))
    ordered = np.take_along_axis(flat, order, 0)
    last = np.ones_like(gap, bool)
    last[:-1] = ordered[1:] > ordered[:-1]
    return np.where(last, gap, 0.0).max(0).reshape(values.shape[1:]).max(0)


def dense(own: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Which rows `[N, F]` lie near one of them, and others don't: `[N]`.

    Row and distance are those that tell own from others best; a second look goes from the middle
    of the group.
    """
    best = _reached(own, others, own[:: max(1, len(own) // _CENTRES)])
    again = reached(own, others, own[best[1]].mean(0))
    return max(best, again, key=lambda one: one[0])[1]


def reached(own: np.ndarray, others: np.ndarray, centre: np.ndarray) -> tuple[float, np.ndarray]:
    """How well a ball around a centre tells own from others at its best, and what it holds."""
    return _reached(own, others, centre[None])


def _reached(own: np.ndarray, others: np.ndarray, centres: np.ndarray) -> tuple[float, np.ndarray]:
    """The same of the first of several centres `[T, F]` that does it best."""
    far, away = (_square_distances(centres, some) for some in (own, others))  # [T, N] each
    ends = np.sort(far, 1) * (1 + 1e-6) + _TINY
    joined = np.concatenate([np.sort(away, 1), ends], 1)
    order = np.argsort(joined, 1, kind="stable")  # of equal ones, others first
    rank = np.arange(len(own))
    within = np.nonzero(order >= len(others))[1].reshape(ends.shape) - rank
    gap = (rank + 1) / len(own) - within / len(others)
    t, k = np.unravel_index(gap.argmax(), gap.shape)
    return float(gap[t, k]), far[t] <= ends[t, k]


def _square_distances(centres: np.ndarray, some: np.ndarray) -> np.ndarray:
    """Of each of `[T, F]` from each of `[N, F]`: `[T, N]`."""
    size = max(1, _TOGETHER // max(1, some.size))
    parts = (centres[at : at + size, None] for at in range(0, len(centres), size))
    return np.concatenate([np.square(some - part).sum(2) for part in parts])


def halves(values: np.ndarray) -> np.ndarray:
    """Part rows `[N, F]` in two by their middles along the direction in which they differ most."""
    away = values - values.mean(0)
    along = away @ np.linalg.svd(away, full_matrices=False)[2][0]
    ordered = np.sort(along)
    total = ordered.cumsum()[:-1]
    counts = np.arange(1, len(ordered))
    between = total**2 / counts + (total[-1] + ordered[-1] - total) ** 2 / (len(ordered) - counts)
    return (along > ordered[between.argmax()]).astype(int)


def constancy(own: np.ndarray, others: np.ndarray) -> float:
    """Share of the mean square difference to others that isn't variation among the own."""
    inner = own.var(0).sum()
    across = inner + others.var(0).sum() + np.square(own.mean(0) - others.mean(0)).sum()
    return float(1 - inner / max(across, 1e-12))


def sameness(own: np.ndarray, ground: float) -> float:
    """Share of the mean square distance from the ground that doesn't vary among the own."""
    away, inner = np.square(own.mean(0) - ground).sum(), own.var(0).sum()
    return float(away / max(away + inner, 1e-12))
