"""Intervals of shares, correlations, areas and medians."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

__all__ = [
    "NORMAL",
    "auroc",
    "auroc_bounds",
    "bootstrap_interval",
    "class_auroc",
    "delong_interval",
    "mean_interval",
    "midranks",
    "paired_accuracy_interval",
    "spearman_interval",
    "standard_error",
    "wilson",
]

NORMAL = 1.959964
"""Standard errors from a number to either end of its 95 % interval, where it is normal."""


def standard_error(lo: ArrayLike, hi: ArrayLike) -> np.ndarray:
    """Return the standard error that a 95 % interval of a normal number stands for.

    >>> round(float(standard_error(-1.959964, 1.959964)), 6)
    1.0
    """
    return (np.asarray(hi, np.float64) - np.asarray(lo, np.float64)) / (2 * NORMAL)


def mean_interval(
    count: ArrayLike, mean: ArrayLike, m2: ArrayLike, *, level: float = 0.95
) -> tuple[np.ndarray, np.ndarray]:
    """Bound means of groups, whose numbers are near to normal, by Student's t.

    Means of examples are bounded by `holistic.stats.means.Means`, which allows for skewness.

    Parameters
    ----------
    count, mean, m2
        Number of values, their mean and their summed squared deviation from it; any shapes that
        broadcast (`moments.count, moments.mean, moments.m2`).
    level
        Coverage.

    Returns
    -------
    lo, hi
        Bounds, in the unit of the mean; NaN where `count` is below 2.
    """
    from scipy.special import stdtrit

    count, mean, m2 = (np.asarray(a, np.float64) for a in (count, mean, m2))
    df = np.where(count > 1, count - 1, np.nan)
    half = stdtrit(df, (1 + level) / 2) * np.sqrt(m2 / df / count)
    return mean - half, mean + half


def wilson(
    successes: ArrayLike, n: ArrayLike, *, level: float = 0.95
) -> tuple[np.ndarray, np.ndarray]:
    """Bound shares of successes by the score interval of Wilson (1927).

    Parameters
    ----------
    successes, n
        Successes among n trials; any shapes that broadcast.
    level
        Coverage.

    Returns
    -------
    lo, hi
        Bounds in [0, 1]; NaN where n is 0.
    """
    x, n = np.asarray(successes, np.float64), np.asarray(n, np.float64)
    n = np.where(n > 0, n, np.nan)
    z = _normal_quantile(level)
    centre = x + z**2 / 2
    half = z * np.sqrt(x * (n - x) / n + z**2 / 4)
    lo, hi = (centre - half) / (n + z**2), (centre + half) / (n + z**2)
    return np.where(x == 0, 0 * n, lo), np.where(x == n, 0 * n + 1, hi)


def paired_accuracy_interval(
    lost: ArrayLike, gained: ArrayLike, n: ArrayLike, *, level: float = 0.95
) -> tuple[np.ndarray, np.ndarray]:
    """Bound the change of accuracy on the same examples by the score interval of Tango (1998).

    It inverts the score test of a difference of paired proportions (eqs. 24-26), so it stays in
    [-1, 1] and keeps its width where no example flips.

    Parameters
    ----------
    lost, gained
        Examples that became wrong, and that became right; any shapes that broadcast.
    n
        Examples in all.
    level
        Coverage.

    Returns
    -------
    lo, hi
        Bounds of (gained - lost) / n, negative where accuracy falls; NaN where n is 0.
    """
    b, c, n = np.broadcast_arrays(*(np.asarray(a, np.float64) for a in (gained, lost, n)))
    n = np.where(n > 0, n, np.nan)
    change = (b - c) / n
    z = _normal_quantile(level)

    def rejected(delta: np.ndarray) -> np.ndarray:
        linear = (2 * n - b + c) * delta - b - c
        square = linear**2 + 8 * n * c * delta * (1 - delta)
        lost_share = (np.sqrt(np.maximum(square, 0)) - linear) / (4 * n)
        variance = n * (2 * lost_share + delta * (1 - delta))
        return (b - c - n * delta) ** 2 > z**2 * np.maximum(variance, 0)

    return _bisect(rejected, change, -1.0), _bisect(rejected, change, 1.0)


def _bisect(
    rejected: Callable[[np.ndarray], np.ndarray], inside: np.ndarray, end: float
) -> np.ndarray:
    """Find the last value on the way from `inside` to `end` that isn't rejected."""
    outside = np.where(np.isnan(inside), np.nan, end)
    outside = np.where(rejected(outside) | np.isnan(inside), outside, 2 * end - inside)
    for _ in range(60):
        middle = (inside + outside) / 2
        out = rejected(middle)
        inside, outside = np.where(out, inside, middle), np.where(out, middle, outside)
    return np.clip(inside, -1, 1)


def bootstrap_interval(
    values: np.ndarray,
    statistic: Callable[[np.ndarray], ArrayLike],
    *,
    seed: int,
    draws: int = 1000,
    level: float = 0.95,
) -> tuple[np.ndarray, np.ndarray]:
    """Bound any statistic by the percentile bootstrap over examples (Efron 1979).

    Parameters
    ----------
    values
        `[N, …]`; whole rows are drawn, so put paired values into one row.
    statistic
        Takes `[N, …]`, returns a number or an array.
    seed
        Seed of the draws.
    draws
        Number of resamples.
    level
        Coverage.

    Returns
    -------
    lo, hi
        Bounds, of the shape of the statistic; NaN where it is NaN in some resample or N is
        below 2.
    """
    rng = np.random.default_rng(seed)
    n = len(values)
    if n < 2:
        undefined = np.full_like(np.asarray(statistic(values), np.float64), np.nan)
        return undefined, undefined
    drawn = np.stack([statistic(values[rng.integers(0, n, n)]) for _ in range(draws)])
    lo, hi = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return lo, hi


def spearman_interval(
    r: ArrayLike, n: ArrayLike, *, level: float = 0.95
) -> tuple[np.ndarray, np.ndarray]:
    """Bound Spearman correlations by Fisher's z with the variance of Bonett & Wright (2000).

    The variance of z is (1 + r² / 2) / (n - 3). At r = ±1, where z is infinite, the inner bound is
    that of the next correlation that n untied ranks can have (two neighbours swapped), and the
    outer one is ±1.

    Parameters
    ----------
    r, n
        Correlations, and the numbers of pairs behind them; any shapes that broadcast.
    level
        Coverage.

    Returns
    -------
    lo, hi
        Bounds in [-1, 1]; NaN where r is NaN or n is below 4.
    """
    r, n = np.asarray(r, np.float64), np.asarray(n, np.float64)
    n = np.where(n >= 4, n, np.nan)
    perfect = np.abs(r) > 1 - 1e-12
    near = np.where(perfect, np.sign(r) * (1 - 12 / (n * (n**2 - 1))), r)
    half = _normal_quantile(level) * np.sqrt((1 + near**2 / 2) / (n - 3))
    lo, hi = np.tanh(np.arctanh(near) - half), np.tanh(np.arctanh(near) + half)
    return np.where(perfect & (r < 0), -1 + 0 * n, lo), np.where(perfect & (r > 0), 1 + 0 * n, hi)


def midranks(values: np.ndarray) -> np.ndarray:
    """Rank along the first axis from 1 on, ties sharing the mean of their ranks.

    Parameters
    ----------
    values
        `[N, …]`.

    Returns
    -------
    np.ndarray
        `[N, …]` float64; a column with a NaN is NaN.
    """
    columns = np.ascontiguousarray(np.moveaxis(values, 0, -1))  # […, N]
    order = np.argsort(columns, axis=-1)
    ordered = np.take_along_axis(columns, order, axis=-1)
    place = np.arange(columns.shape[-1])
    rises = ordered[..., 1:] != ordered[..., :-1]
    ends = np.ones((*columns.shape[:-1], 1), bool)
    first = np.maximum.accumulate(np.where(np.concatenate([ends, rises], -1), place, 0), -1)
    last = np.where(np.concatenate([rises, ends], -1), place, len(place))
    last = np.minimum.accumulate(last[..., ::-1], -1)[..., ::-1]
    ranks = np.empty(columns.shape)
    np.put_along_axis(ranks, order, (first + last) / 2 + 1, axis=-1)
    ranks[np.isnan(columns).any(-1)] = np.nan
    return np.moveaxis(ranks, -1, 0)


def auroc(values: np.ndarray, positive: np.ndarray) -> np.ndarray:
    """Return how often a positive example has the larger value, ties counting half.

    Parameters
    ----------
    values
        `[N, U]`.
    positive
        `[N]` bool.

    Returns
    -------
    np.ndarray
        `[U]`: 0.5 for a unit that tells nothing; NaN if either side is empty or the unit has a NaN.
    """
    return class_auroc(values, np.asarray(positive, bool).astype(np.int64), 2)[:, 1]


def class_auroc(values: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """Return the AUROC of every unit for every class against all others, from one ranking.

    Parameters
    ----------
    values
        `[N, U]`.
    labels
        `[N]` int, the class of each example.
    classes
        Number of classes C.

    Returns
    -------
    np.ndarray
        `[U, C]`; NaN for a class that has no or all examples, and for a unit with a NaN.

    References
    ----------
    Hanley & McNeil 1982: the AUROC is the Mann-Whitney statistic.
    """
    members = np.asarray(labels)[:, None] == np.arange(classes)  # [N, C]
    inside = members.sum(0)
    pairs = inside * (len(members) - inside)
    larger = midranks(values).T @ members.astype(np.float64) - inside * (inside + 1) / 2
    return np.where(pairs > 0, larger / np.maximum(pairs, 1), np.nan)


def delong_interval(
    values: np.ndarray, positive: np.ndarray, *, level: float = 0.95
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Bound AUROCs by the variance of DeLong, DeLong & Clarke-Pearson (1988) on the logit scale.

    The placements come from midranks (Sun & Xu 2014), the bounds from `auroc_bounds`.

    Parameters
    ----------
    values
        `[N, U]`.
    positive
        `[N]` bool.
    level
        Coverage.

    Returns
    -------
    auroc, lo, hi
        `[U]` each, in [0, 1]; bounds are NaN with fewer than 2 examples on either side.
    """
    positive = np.asarray(positive, bool)
    sides = int(positive.sum()), int((~positive).sum())
    area = auroc(values, positive)
    if min(sides) < 2:
        return area, np.full_like(area, np.nan), np.full_like(area, np.nan)
    ranks = midranks(values)
    above = (ranks[positive] - midranks(values[positive])) / sides[1]  # negatives below each
    below = (ranks[~positive] - midranks(values[~positive])) / sides[0]  # positives below each
    variance = above.var(0, ddof=1) / sides[0] + below.var(0, ddof=1) / sides[1]
    return area, *auroc_bounds(area, variance, min(sides), level=level)


def auroc_bounds(
    area: ArrayLike, variance: ArrayLike, fewest: ArrayLike, *, level: float = 0.95
) -> tuple[np.ndarray, np.ndarray]:
    """Bound AUROCs on the logit scale, where their variances are known.

    Parameters
    ----------
    area, variance
        AUROCs and their variances.
    fewest
        Examples on the smaller side: where the variance is zero, as in a perfect separation, the
        bounds are Wilson's for as many disjoint pairs.
    level
        Coverage.

    Returns
    -------
    lo, hi
        In [0, 1], of the shape that the arguments broadcast to.
    """
    from scipy.special import expit, logit

    area, variance = np.asarray(area, np.float64), np.asarray(variance, np.float64)
    fewest = np.asarray(fewest, np.float64)
    flat = variance < 1e-20
    inner = np.where(flat, 0.5, area)
    half = _normal_quantile(level) * np.sqrt(variance) / (inner * (1 - inner))
    lo, hi = expit(logit(inner) - half), expit(logit(inner) + half)
    lowest, highest = wilson(area * fewest, fewest, level=level)
    return np.where(flat, lowest, lo), np.where(flat, highest, hi)


def _normal_quantile(level: float) -> float:
    """Return how many standard deviations a two-sided normal interval reaches."""
    from scipy.special import ndtri

    return float(ndtri((1 + level) / 2))
