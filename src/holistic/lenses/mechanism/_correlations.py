"""Correlations of all pairs of columns, with their intervals and tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from holistic.lenses.mechanism._columns import Columns
from holistic.lenses.mechanism._influences import SAME, Influences
from holistic.lenses.mechanism._shuffles import ShuffledProducts
from holistic.stats.moments import CrossMoments, Moments

__all__ = [
    "CARRIERS", "Correlations", "Counts", "bounds", "few_correlations", "half_widths", "robust_p",
    "standardised",
]  # fmt: skip

CARRIERS = 10


@dataclass(frozen=True)
class Correlations:
    """Correlations of all pairs of columns, NaN where a column is left out.

    Attributes
    ----------
    r, p
        `[T, T]`: Pearson correlation, and the two-sided p that it is 0.
    half
        `[T, T]`: half the width of the 95 % interval, on Fisher's z scale; NaN where r is ±1.
    n
        Examples.
    constant, rare
        `[T]`, columns left out: those that never change (or hold values that aren't finite), and
        those whose variance rests on fewer than 10 examples, where r and p mean nothing.
    """

    r: np.ndarray
    p: np.ndarray
    half: np.ndarray
    n: int
    constant: np.ndarray
    rare: np.ndarray

    @classmethod
    def of(
        cls,
        cross: CrossMoments,
        influences: Influences,
        shuffled: ShuffledProducts,
        *,
        within: bool,
    ) -> Self:
        """Correlate from the sums over examples, raw or within classes."""
        found = cross.correlation(within=within)
        rare = ~found.left_out & (influences.carriers < CARRIERS)
        bare = rare[:, None] | rare | np.isnan(found.r)
        freedom = max(found.df + 1, 1)
        robust = robust_p(found.r, influences.squares, n=found.n, freedom=freedom)
        p = np.maximum(robust, shuffled.p(found.r * found.n))
        spread = influences.second, shuffled.variance, influences.supports()
        return cls(
            np.where(bare, np.nan, found.r),
            np.where(bare, np.nan, p),
            half_widths(found.r, spread, n=influences.n, freedom=freedom),
            found.n,
            found.left_out,
            rare,
        )

    @property
    def left_out(self) -> np.ndarray:
        """`[T]`: columns without correlations."""
        return self.constant | self.rare

    def interval(self, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the bounds of the correlations of columns `a` with columns `b`."""
        return bounds(self.r[a, b], self.half[a, b])


def bounds(r: np.ndarray, half: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the bounds of correlations, from half the widths on Fisher's z scale."""
    exact = np.isnan(half)  # ±1, or left out
    z = np.arctanh(np.where(exact, 0, r))
    lo, hi = (np.where(exact, r, np.tanh(z + side * half)) for side in (-1, 1))
    return lo, hi


def robust_p(r: np.ndarray, squares: np.ndarray, *, n: int, freedom: int) -> np.ndarray:
    """Return the two-sided p of correlations by a t with the spread of Σ z_a z_b itself.

    The larger of it and the p among shuffles counts, since each fails where the other holds.
    Shuffled values correlate as much too rarely where units are wide awake on the same examples.
    The spread √Σ z_a² z_b² is too small where two rare units happen never to meet.

    Parameters
    ----------
    r
        Correlations.
    squares
        Σ z_a² z_b² over the examples.
    n, freedom
        Examples, and degrees of freedom.
    """
    from scipy.special import stdtr

    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.sqrt(squares * n / freedom)
        return 2 * stdtr(freedom, -np.abs(r * n / spread))


def half_widths(
    r: np.ndarray, spread: tuple[np.ndarray, np.ndarray, np.ndarray], *, n: int, freedom: int
) -> np.ndarray:
    """Return half the widths of 95 % intervals of r, on Fisher's z scale.

    Student's t for as many examples as the variance rests on. The spread is at least that of
    shuffled values: where rare units never met, the examples say nothing of what happens when
    they do.

    Parameters
    ----------
    r
        Correlations.
    spread
        Of each, the sum of the squared influences of the examples, the variance of Σ z_a z_b over
        shuffles, and how many examples its variance rests on.
    n, freedom
        Examples, and degrees of freedom.
    """
    from scipy.special import stdtrit

    second, shuffled, supports = spread
    slope = np.where(1 - r**2 > SAME, 1 - r**2, np.nan)
    own = np.maximum(second, 0) / slope**2
    error = np.sqrt(np.maximum(own * n / freedom, shuffled))
    return stdtrit(np.minimum(supports, freedom), 0.975) * error / n


def standardised(
    moments: Moments, values: np.ndarray, labels: np.ndarray | None = None
) -> np.ndarray:
    """Return values `[B, T]` minus their class's mean, in standard deviations within classes."""
    count = np.maximum(moments.count.sum(0), 1)
    spread = np.sqrt(moments.m2.sum(0) / count)
    return moments.deviations(values, labels) / np.where(spread > 0, spread, 1.0)


@dataclass(frozen=True)
class Counts:
    """How many pairs correlate above a threshold: inside one site, in all, and below minus it."""

    inside: int
    total: int
    negative: int

    @classmethod
    def of(cls, r: np.ndarray, columns: Columns, threshold: float) -> Self:
        """Count pairs of columns `[T, T]`, each pair once; NaN isn't counted.

        Columns that were drawn from more stand for these: counts are those of all their pairs.
        """
        high, low = np.triu(r > threshold, 1), np.triu(r < -threshold, 1)
        if columns.drawn_from:
            totals, negative = (_scaled(chosen, columns) for chosen in (high, low))
            return cls(round(np.trace(totals)), round(totals.sum()), round(negative.sum()))
        inside = int((high & (columns.site[:, None] == columns.site)).sum())
        return cls(inside, int(high.sum()), int(low.sum()))


def _scaled(chosen: np.ndarray, columns: Columns) -> np.ndarray:
    """Count chosen pairs by their sites, `[S, S]`, each for the pairs that it stands for."""
    site, sites = columns.site, len(columns.sites)
    a, b = np.nonzero(chosen)
    counts = np.bincount(site[a] * sites + site[b], minlength=sites**2)
    return counts.reshape(sites, sites) * columns.weights


def few_correlations(
    values: np.ndarray, labels: np.ndarray, classes: int
) -> tuple[np.ndarray, np.ndarray]:
    """Correlate columns `[N, T]` that fit in memory, raw and within classes `[N]`.

    Returns
    -------
    r, r_within
        `[T, T]`, NaN for the columns that `Correlations` leaves out.
    """
    cross = CrossMoments.empty(values.shape[1], values.shape[1], classes)
    cross.update(values, values, labels)
    total = cross.left.total()
    z = standardised(total, values), standardised(cross.left, values, labels)
    raw, within = (_without_rare(cross.correlation(within=w).r, z[w]) for w in (False, True))
    return raw, within


def _without_rare(r: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Leave out the columns whose variance rests on too few examples."""
    rare = len(z) ** 2 < CARRIERS * (z**4).sum(0)
    return np.where(rare[:, None] | rare, np.nan, r)
