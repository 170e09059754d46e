"""How strongly do columns of values correlate, and within which bounds?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from holistic.stats.moments import CrossMoments, Moments

__all__ = ["Correlations", "Powers", "shuffled_in_class", "standardised"]

_CARRIERS = 10
_COPIES = 1e-6
"""Below it 1 - r² is that of copies of one column."""


@dataclass(eq=False)
class Powers:
    """Sums of products of standardised values up to the fourth order.

    They give intervals of correlations that hold whatever the distribution of the values: those
    of ReLU units are far from normal.

    Attributes
    ----------
    squares, cubes
        `[T, T]`, sums over examples of z_a² z_b², and of z_a³ z_b.
    n
        Examples.
    """

    squares: np.ndarray
    cubes: np.ndarray
    n: int = 0

    @classmethod
    def empty(cls, columns: int) -> Self:
        """Return the sums of no examples."""
        return cls(np.zeros((columns, columns)), np.zeros((columns, columns)))

    def update(self, z: np.ndarray) -> Self:
        """Fold in standardised values `[B, T]`, and return these sums."""
        square = z**2
        self.squares += square.T @ square
        self.cubes += (square * z).T @ z
        self.n += len(z)
        return self

    @property
    def carriers(self) -> np.ndarray:
        """How many examples each column's variance rests on, `[T]`: n divided by its kurtosis."""
        fourth = np.diagonal(self.squares)
        return np.where(fourth > 0, self.n**2 / np.where(fourth > 0, fourth, 1), np.inf)

    def half_widths(self, r: np.ndarray) -> np.ndarray:
        """Return half the widths of 95 % intervals of correlations `[T, T]`, on Fisher's z scale.

        The variance is that of the influence function of r, z_a z_b - r (z_a² + z_b²) / 2; NaN
        where r is ±1, but for rounding.

        References
        ----------
        Devlin, Gnanadesikan & Kettenring 1975, Robust estimation and outlier detection with
        correlation coefficients, sec. 3.
        """
        from scipy.special import ndtri

        fourth = np.diagonal(self.squares)
        own = fourth[:, None] + 2 * self.squares + fourth
        sums = self.squares - r * (self.cubes + self.cubes.T) + r**2 / 4 * own
        # nearer to ±1 the sum is what rounding leaves of larger ones: such columns are copies
        slope = np.where(1 - r**2 > _COPIES, 1 - r**2, np.nan)
        return float(ndtri(0.975)) * np.sqrt(np.maximum(sums, 0)) / self.n / slope


@dataclass(frozen=True)
class Correlations:
    """Correlations of all pairs of columns, NaN where a column is left out.

    Attributes
    ----------
    r, p
        `[T, T]`: Pearson correlation, and its two-sided p.
    half
        `[T, T]`: half the width of the 95 % interval, on Fisher's z scale.
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
    def of(cls, cross: CrossMoments, powers: Powers, *, within: bool) -> Self:
        """Correlate from the sums over examples, raw or within classes."""
        found = cross.correlation(within=within)
        rare = ~found.left_out & (powers.carriers < _CARRIERS)
        bare = rare[:, None] | rare
        r, p = np.where(bare, np.nan, found.r), np.where(bare, np.nan, found.p)
        return cls(r, p, powers.half_widths(r), found.n, found.left_out, rare)

    @property
    def left_out(self) -> np.ndarray:
        """`[T]`: columns without correlations."""
        return self.constant | self.rare

    def interval(self, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the bounds of the correlations of columns `a` with columns `b`."""
        r, half = self.r[a, b], self.half[a, b]
        exact = np.isnan(half)  # ±1, or left out
        z = np.arctanh(np.where(exact, 0, r))
        lo, hi = (np.where(exact, r, np.tanh(z + side * half)) for side in (-1, 1))
        return lo, hi


def standardised(
    moments: Moments, values: np.ndarray, labels: np.ndarray | None = None
) -> np.ndarray:
    """Return values `[B, T]` minus their class's mean, in standard deviations within classes."""
    count = np.maximum(moments.count.sum(0), 1)
    spread = np.sqrt(moments.m2.sum(0) / count)
    return moments.deviations(values, labels) / np.where(spread > 0, spread, 1.0)


def shuffled_in_class(
    values: np.ndarray, labels: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Shuffle each column of `[B, T]` over the examples of each class `[B]`, column by column."""
    mixed = np.empty_like(values)
    for label in np.unique(labels):
        rows = labels == label
        mixed[rows] = rng.permuted(values[rows], axis=0)
    return mixed
