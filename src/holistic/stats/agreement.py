"""How far two rankings, choices, partitions or representations agree."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from holistic.errors import SettingError
from holistic.stats.intervals import midranks, spearman_interval
from holistic.stats.order import ordered

__all__ = [
    "Overlap",
    "Shuffles",
    "Spearman",
    "adjusted_rand",
    "debiased_cka",
    "fisher",
    "spearman",
    "topk_overlap",
]


@dataclass(frozen=True)
class Spearman:
    """A rank correlation `r` with its bounds, from `n` pairs; NaN where it is undefined."""

    r: float
    lo: float
    hi: float
    n: int


def spearman(a: np.ndarray, b: np.ndarray, *, level: float = 0.95) -> Spearman:
    """Correlate two rankings of the same things.

    Parameters
    ----------
    a, b
        `[N]`; pairs with a non-finite value are left out.
    level
        Coverage of the bounds (`intervals.spearman_interval`).

    Returns
    -------
    Spearman
        NaN where either side is constant or fewer than 4 pairs are left.

    References
    ----------
    Spearman 1904; Bonett & Wright 2000.
    """
    x, y = _ranked_pairs(a, b)
    scale = np.sqrt((x @ x) * (y @ y))
    if len(x) < 4 or scale == 0:
        return Spearman(np.nan, np.nan, np.nan, len(x))
    r = float(np.clip(x @ y / scale, -1, 1))
    lo, hi = spearman_interval(r, len(x), level=level)
    return Spearman(r, float(lo), float(hi), len(x))


def fisher(r: ArrayLike, things: int) -> np.ndarray:
    """Put rank correlations of so many things on Fisher's scale, where 1 is infinitely far.

    The next correlation below 1 is that of two neighbours swapped, and all that draws can tell
    lies half of such a step inside of 1: further out the scale would make one draw in which two
    rankings are the same as unlike the others as no other draw is.

    Examples
    --------
    >>> [round(float(z), 2) for z in fisher([0.5, 1.0], 10)]
    [0.55, 2.9]
    """
    most = 1 - 6 / max(things * (things**2 - 1), 7)
    return np.arctanh(np.clip(np.asarray(r, np.float64), -most, most))


class Shuffles:
    """What rank correlations are by chance: one side's things shuffled.

    Parameters
    ----------
    seed, draws
        Seed and number of shuffles; rankings of equally many things share their orders.
    """

    def __init__(self, seed: int, draws: int) -> None:
        self.seed, self.draws = seed, draws
        self._orders: dict[int, np.ndarray] = {}

    def spearman(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Return the rank correlations after shuffling, `[D]`; pairs that aren't finite are out.

        Fewer than 4 pairs, or a constant side, have none: `[0]`.
        """
        x, y = _ranked_pairs(a, b)
        scale = np.sqrt((x @ x) * (y @ y))
        return x[self._of(len(x))] @ y / scale if len(x) >= 4 and scale else np.empty(0)

    def _of(self, things: int) -> np.ndarray:
        """Random orders, `[D, N]`."""
        if things not in self._orders:
            rng = np.random.default_rng([self.seed, things])
            plain = np.tile(np.arange(things), (self.draws, 1))
            self._orders[things] = rng.permuted(plain, axis=1)
        return self._orders[things]


def _ranked_pairs(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the midranks of the finite pairs, minus their mean."""
    finite = np.isfinite(a) & np.isfinite(b)
    middle = (finite.sum() + 1) / 2
    return midranks(a[finite]) - middle, midranks(b[finite]) - middle


@dataclass(frozen=True)
class Overlap:
    """How many of two top k are the same.

    Attributes
    ----------
    share
        Share of the k that both have.
    expected
        Share that two random choices would have.
    p
        Probability that random choices share at least as many.
    """

    share: float
    expected: float
    p: float


def topk_overlap(a: np.ndarray, b: np.ndarray, k: int) -> Overlap:
    """Compare the k largest of two ratings of the same things with two random choices of k.

    Parameters
    ----------
    a, b
        `[N]`, larger is more; of equal values the earlier counts as larger. Things with a
        non-finite rating on either side are left out.
    k
        Size of both choices.

    Raises
    ------
    SettingError
        If k isn't between 1 and the number of things left.
    """
    from scipy.stats import hypergeom

    finite = np.isfinite(a) & np.isfinite(b)
    n = int(finite.sum())
    if not 1 <= k <= n:
        raise SettingError(f"can't compare the top {k} of {n} ratings; choose k from 1 to {n}")
    tops = [set(ordered(-side[finite])[:k].tolist()) for side in (a, b)]
    shared = len(tops[0] & tops[1])
    return Overlap(shared / k, k / n, float(hypergeom.sf(shared - 1, n, k, k)))


def adjusted_rand(a: np.ndarray, b: np.ndarray) -> float:
    """Return how far two partitions agree: 1 the same, 0 as by chance, negative less than that.

    Parameters
    ----------
    a, b
        `[N]` labels, whose names don't matter.

    References
    ----------
    Hubert & Arabie 1985, eq. 5.
    """
    codes = [np.unique(side, return_inverse=True)[1] for side in (a, b)]
    table = np.zeros([int(c.max(initial=-1)) + 1 for c in codes])
    np.add.at(table, tuple(codes), 1)
    both, first, second, pairs = (
        float((c * (c - 1) / 2).sum())
        for c in (table, table.sum(1), table.sum(0), np.array([len(a)]))
    )
    chance = first * second / pairs if pairs else 0.0
    most = (first + second) / 2
    return (both - chance) / (most - chance) if most != chance else 1.0


def debiased_cka(x: np.ndarray, y: np.ndarray) -> float:
    """Return how similar two representations of the same examples are, near 0 for unrelated ones.

    Linear centred kernel alignment (Kornblith et al. 2019) from the unbiased estimator HSIC₁ of
    Song et al. (2012, eq. 5), which Murphy et al. (2024) show to be needed where features outnumber
    examples. Exact in memory of the smaller of N × N and the features.

    Parameters
    ----------
    x, y
        `[N, U]` and `[N, V]`.

    Returns
    -------
    float
        In [-1, 1]; NaN with fewer than 4 examples, a non-finite value, or a representation that
        doesn't vary.
    """
    if len(x) < 4 or not (np.isfinite(x).all() and np.isfinite(y).all()):
        return float("nan")
    x, y = _scaled(x), _scaled(y)
    norms = _hsic(x, x), _hsic(y, y)
    # Both are squared lengths of a matrix whose entries are at most 1: below this is rounding.
    if min(norms) < 1e-20:
        return float("nan")
    return float(np.clip(_hsic(x, y) / np.sqrt(norms[0] * norms[1]), -1, 1))


def _scaled(x: np.ndarray) -> np.ndarray:
    """Centre examples and divide by the longest, which changes no alignment."""
    x = x.astype(np.float64) - x[0].astype(np.float64)
    x = x - x.mean(0)
    longest = np.sqrt((x**2).sum(1).max())
    return x / longest if longest else x


def _hsic(x: np.ndarray, y: np.ndarray) -> float:
    """Return HSIC₁ of Song et al. (2012, eq. 5): K and L are Gram matrices without diagonals."""
    n = len(x)
    own_x, own_y = (x**2).sum(1), (y**2).sum(1)  # [N], the diagonals
    if x.shape[1] * y.shape[1] <= n * n:
        product = ((x.T @ y) ** 2).sum() - own_x @ own_y
    else:
        product = ((x @ x.T) * (y @ y.T)).sum() - own_x @ own_y
    rows_x, rows_y = (z @ z.sum(0) - own for z, own in ((x, own_x), (y, own_y)))
    spread = rows_x.sum() * rows_y.sum() / ((n - 1) * (n - 2))
    return float((product + spread - 2 * (rows_x @ rows_y) / (n - 2)) / (n * (n - 3)))
