"""Redraws the images of each class: how far two rankings of units would agree on others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from holistic.stats.agreement import fisher
from holistic.stats.intervals import midranks

__all__ = ["Agreed", "redrawn_agreements"]

_DRAWS = 200
_NOTHING = 1e-9
"""Spread of what is the same in every draw, but for rounding."""


@dataclass(frozen=True)
class Agreed:
    """95 % intervals, over images, of a rank correlation and of the share of a common top k.

    NaN where all draws gave the same: that doesn't say that all images would.
    """

    spearman_lo: float
    spearman_hi: float
    overlap_lo: float
    overlap_hi: float


def redrawn_agreements(
    effects: Mapping[str, np.ndarray], labels: np.ndarray, classes: int, *, k: int, seed: int
) -> dict[tuple[str, str, int], Agreed]:
    """Draw each class's images again, with replacement, and rank the units by their new means.

    Bounds are for what as many other images would give on average: noise in the means of few
    images ranks units less alike than they are, and no interval takes that away. They lie as far
    from what was measured as Student's bounds do, by its standard deviation over the draws (Efron &
    Tibshirani 1993, section 12.4; of rank correlations on Fisher's scale).

    Parameters
    ----------
    effects
        For each ranking, effects `[U, B]`.
    labels, classes
        `[B]`, and the number of classes C.
    k
        Size of the tops that are compared.
    seed
        Decides the draws.

    Returns
    -------
    dict
        By two rankings and the class, C for all classes together.
    """
    rng = np.random.default_rng([seed, 10])
    weights = np.zeros((len(labels), 1 + _DRAWS))  # the images as they are in front
    for c in range(classes):
        own = np.flatnonzero(labels == c)
        if len(own):
            drawn = rng.multinomial(len(own), np.full(len(own), 1 / len(own)), _DRAWS)
            weights[own] = np.concatenate([np.ones((1, len(own))), drawn]).T
    found = dict[tuple[str, str, int], Agreed]()
    for c in range(classes + 1):
        own = labels == c if c < classes else np.ones(len(labels), bool)
        if own.sum() < 2:
            continue
        with np.errstate(invalid="ignore"):
            means = {name: e[:, own] @ weights[own] for name, e in effects.items()}  # [U, 1 + D]
        sides = {name: _Side.of(mean, k) for name, mean in means.items()}
        for a, b in combinations(effects, 2):
            known = np.isfinite(means[a]).all(1) & np.isfinite(means[b]).all(1)
            if known.sum() < max(4, k):
                continue
            one, other = (
                sides[name] if known.all() else _Side.of(means[name][known], k) for name in (a, b)
            )
            found[a, b, c] = _agreed(one, other, k, _reach(labels[own], classes))
    return found


@dataclass(frozen=True)
class _Side:
    """Centred ranks of units `[U, 1 + D]`, and which of them are among the k that lose most."""

    ranks: np.ndarray
    top: np.ndarray

    @classmethod
    def of(cls, means: np.ndarray, k: int) -> _Side:
        ranks = midranks(means)
        top = np.zeros(means.shape, bool)
        order = np.argsort(means, axis=0, kind="stable")[:k]
        np.put_along_axis(top, order, values=True, axis=0)
        return cls(ranks - (len(means) + 1) / 2, top)


def _reach(labels: np.ndarray, classes: int) -> float:
    """How many standard deviations of draws a bound lies away, by the examples of a class."""
    from scipy.special import stdtrit

    seen = np.bincount(labels, minlength=classes)
    n, free = len(labels) / (seen > 0).sum(), len(labels) - (seen > 0).sum()
    return float(stdtrit(max(free, 1), 0.975) * np.sqrt(n / max(n - 1, 0.5)))


def _agreed(a: _Side, b: _Side, k: int, reach: float) -> Agreed:
    scale = np.sqrt((a.ranks**2).sum(0) * (b.ranks**2).sum(0))
    with np.errstate(divide="ignore", invalid="ignore"):
        r = (a.ranks * b.ranks).sum(0) / scale  # [1 + D]
    overlap = (a.top & b.top).sum(0) / k
    low, high = np.tanh(_around(fisher(r, len(a.ranks)), reach)).tolist()
    # of two rankings that are the same, 1 is the end, which Fisher's scale doesn't reach
    return Agreed(
        low if low != low else min(low, float(r[0])),
        high if high != high else max(high, float(r[0])),
        *np.clip(_around(overlap, reach), 0, 1).tolist(),
    )


def _around(values: np.ndarray, reach: float) -> np.ndarray:
    """Bounds of the first value, by how the others spread."""
    drawn = values[1:][np.isfinite(values[1:])]
    if not np.isfinite(values[0]) or len(drawn) < _DRAWS / 2:
        return np.full(2, np.nan)
    half = reach * drawn.std(ddof=1)
    if half < _NOTHING:
        return np.full(2, np.nan)
    return np.array([values[0] - half, values[0] + half])
