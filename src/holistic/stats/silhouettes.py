"""How much closer units lie to their own cluster than to the next, with an interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Silhouettes", "measured_silhouettes", "silhouettes"]

_GROUPS = 20
_FEW = 5
"""Examples up to which there is no interval."""


@dataclass(frozen=True)
class Silhouettes:
    """Silhouettes of units in given clusters, NaN for units in none.

    Attributes
    ----------
    value, lo, hi
        `[U]`, silhouette of each unit, and the ends of its 95 % interval.
    mean
        Their mean and the ends of its 95 % interval.
    """

    value: np.ndarray
    lo: np.ndarray
    hi: np.ndarray
    mean: tuple[float, float, float]


def silhouettes(distance: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the silhouette of each unit; 0 for one that is alone in its cluster.

    Parameters
    ----------
    distance
        `[U, U]`.
    labels
        `[U]`, cluster of each unit, 0 to K - 1.

    References
    ----------
    Rousseeuw 1987, eq. 2.
    """
    member = labels[:, None] == np.arange(labels.max(initial=-1) + 1)  # [U, K]
    return from_sums(distance @ member.astype(np.float64), labels)


def from_sums(sums: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return silhouettes from each unit's summed distances to the clusters, `[U, K]`."""
    member = labels[:, None] == np.arange(sums.shape[1])
    sizes = member.sum(0)
    if len(sizes) < 2:
        return np.zeros(len(labels))
    own = sizes[labels]
    inner = sums[member] / np.maximum(own - 1, 1)
    outer = np.where(member, np.inf, sums / sizes).min(1)
    widest = np.maximum(inner, outer)
    return np.where((own > 1) & (widest > 0), (outer - inner) / np.where(widest > 0, widest, 1), 0)


def measured_silhouettes(values: np.ndarray, members: np.ndarray, *, seed: int) -> Silhouettes:
    """Say how well units sit in clusters that were chosen on other examples.

    The distance is 1 - r. Intervals are Student's t with the jackknife over 20 groups of examples,
    also of the bias: the nearest other cluster is the nearest by chance, too.

    Parameters
    ----------
    values
        `[N, U]`.
    members
        `[U]`, cluster of each unit; -1 for none.
    seed
        Decides the groups.

    Returns
    -------
    Silhouettes
        NaN for units in no cluster and units that don't vary on these examples, and everywhere
        where fewer than 2 clusters are left.

    References
    ----------
    Rousseeuw 1987, eq. 2; Efron & Tibshirani 1993, An introduction to the bootstrap, ch. 11.
    """
    value, lo, hi = np.full((3, len(members)), np.nan)
    kept = np.flatnonzero((members >= 0) & (np.ptp(values, axis=0) > 0))
    labels = np.unique(members[kept], return_inverse=True)[1]
    if not 2 <= labels.max(initial=-1) + 1 < len(kept):
        return Silhouettes(value, lo, hi, (np.nan, np.nan, np.nan))
    whole, parts = _jackknife(values[:, kept] - values[:, kept].mean(0), labels, seed)
    value[kept], (lo[kept], hi[kept]) = whole, _bounds(whole, parts)
    ends = _bounds(whole.mean(), parts.mean(1))
    return Silhouettes(value, lo, hi, (float(whole.mean()), float(ends[0]), float(ends[1])))


def _bounds(whole: np.ndarray, parts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the ends of 95 % intervals, from the statistic without each group `[G, …]`.

    They lie around the jackknife's estimate without bias.
    """
    from scipy.special import stdtrit

    groups = len(parts)
    if groups < 2:
        return np.full_like(whole, np.nan), np.full_like(whole, np.nan)
    error = np.sqrt((groups - 1) / groups * ((parts - parts.mean(0)) ** 2).sum(0))
    middle = groups * whole - (groups - 1) * parts.mean(0)
    half = float(stdtrit(groups - 1, 0.975)) * error
    return np.clip(middle - half, -1, 1), np.clip(middle + half, -1, 1)


def _jackknife(values: np.ndarray, labels: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return silhouettes of all examples `[U]`, and without each group of them `[G, U]`."""
    n, order = len(values), np.random.default_rng(seed).permutation(len(values))
    groups = min(_GROUPS, n // 2) if n > _FEW else 0
    products = values.T @ values
    parts = list[np.ndarray]()
    for g in range(groups):
        own = values[order[g::groups]]
        sums, left = own.sum(0), n - len(own)
        rest = products - own.T @ own - np.outer(sums, sums) / left
        parts.append(silhouettes(_distance(rest), labels))
    return silhouettes(_distance(products), labels), np.array(parts).reshape(groups, len(labels))


def _distance(products: np.ndarray) -> np.ndarray:
    """Return 1 - r from products of deviations; a unit that doesn't vary correlates with none."""
    norms = np.sqrt(np.maximum(np.diagonal(products), 0))
    scale = np.outer(norms, norms)
    r = np.where(scale > 0, products / np.where(scale > 0, scale, 1), 0)
    distance = np.maximum(1 - r, 0)
    np.fill_diagonal(distance, 0)
    return distance
