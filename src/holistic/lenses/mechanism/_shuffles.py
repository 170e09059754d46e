"""What two units share when their values are shuffled over the examples, exactly and drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

__all__ = ["ShuffledProducts", "shuffled_in_class", "shuffled_p"]


@dataclass(eq=False)
class ShuffledProducts:
    """What Σ z_a z_b is when values are shuffled inside classes, over all shuffles at once.

    Attributes
    ----------
    second, third
        `[C, T]`, sums of z² and of z³ over the examples of each class.
    rows
        `[C]`, examples of each class.
    """

    second: np.ndarray
    third: np.ndarray
    rows: np.ndarray

    @classmethod
    def empty(cls, columns: int, classes: int = 1) -> Self:
        """Return the sums of no examples."""
        second, third = (np.zeros((classes, columns)) for _ in range(2))
        return cls(second, third, np.zeros(classes, np.int64))

    def update(self, z: np.ndarray, labels: np.ndarray | None = None) -> Self:
        """Fold in values `[B, T]` minus their class's mean, with classes `[B]`."""
        labels = np.zeros(len(z), np.int64) if labels is None else labels
        member = (labels == np.arange(len(self.rows))[:, None]).astype(np.float64)  # [C, B]
        self.second += member @ z**2
        self.third += member @ z**3
        self.rows += member.sum(1).astype(np.int64)
        return self

    @property
    def variance(self) -> np.ndarray:
        """Its variance over shuffles, `[T, T]`."""
        return (self.second / np.maximum(self.rows - 1, 1)[:, None]).T @ self.second

    def p(self, products: np.ndarray) -> np.ndarray:
        """Return how often a shuffle gives as much as `[T, T]`, two-sided."""
        return shuffled_p(products, self.variance, (self.third * self._weight).T @ self.third)

    def of_pairs(self, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return variance and third central moment over shuffles, `[K]` of columns `a` and `b`."""
        second = self.second / np.maximum(self.rows - 1, 1)[:, None]
        variance = (second[:, a] * self.second[:, b]).sum(0)
        return variance, ((self.third * self._weight)[:, a] * self.third[:, b]).sum(0)

    @property
    def _weight(self) -> np.ndarray:
        rows = self.rows[:, None].astype(np.float64)
        return np.where(rows > 2, rows / np.maximum((rows - 1) * (rows - 2), 1), 0)


def shuffled_p(products: np.ndarray, variance: np.ndarray, third: np.ndarray) -> np.ndarray:
    """Return how often a shuffle gives as much as these products, two-sided.

    By a Pearson III distribution of the shuffles' variance and skewness, or by a normal one
    where that says more: products of two rare units are skewed, and few on the short side.

    Parameters
    ----------
    products
        Σ z_a z_b of pairs of columns.
    variance, third
        Its variance and third central moment over shuffles.

    References
    ----------
    Kazi-Aoual, Hitier, Sabatier & Lebreton 1995, Refined approximations to permutation tests
    for multivariate inference.
    """
    from scipy.special import ndtr

    spread = np.sqrt(variance)
    spread = np.where(spread > 0, spread, np.nan)
    t, skewness = products / spread, third / spread**3
    tails = (np.fmax(ndtr(-side * t), _pearson_tail(side * t, side * skewness)) for side in (1, -1))
    return np.minimum(1, 2 * np.minimum(*tails))


def _pearson_tail(t: np.ndarray, skewness: np.ndarray) -> np.ndarray:
    """Return how much of a standard Pearson III distribution lies above t."""
    from scipy.special import gammainc, gammaincc

    bent = np.maximum(np.abs(skewness), 1e-3)  # below it is a normal distribution
    shape = 4 / bent**2
    right = skewness >= 0
    at = np.maximum(shape + np.where(right, t, -t) * 2 / bent, 0)
    return np.where(right, gammaincc(shape, at), gammainc(shape, at))


def shuffled_in_class(
    values: np.ndarray, labels: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Shuffle each column of `[B, T]` over the examples of each class `[B]`, column by column."""
    mixed = np.empty_like(values)
    for label in np.unique(labels):
        rows = labels == label
        mixed[rows] = rng.permuted(values[rows], axis=0)
    return mixed
