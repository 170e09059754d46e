"""Sums what each example does to correlations, which their intervals and tests rest on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

__all__ = ["SAME", "Influences"]

SAME = 1e-6
"""1 - r² below which r is taken as ±1: beyond it the sums of fourth powers are rounding."""


@dataclass(eq=False)
class Influences:
    """Sums over examples of what each does to correlations that are known.

    The influence of an example on r is z_a z_b - r (z_a² + z_b²) / 2, of its standardised values.
    Its spread gives intervals that hold whatever the distribution of the values: those of ReLU
    units are far from normal.

    Attributes
    ----------
    r
        `[T, T]`, the correlations.
    squares
        `[T, T]`, sums over examples of z_a² z_b².
    second, fourth
        `[T, T]`, sums of the squares and of the fourth powers of the influences.
    n
        Examples.

    References
    ----------
    Devlin, Gnanadesikan & Kettenring 1975, Robust estimation and outlier detection with correlation
    coefficients, sec. 3.
    """

    r: np.ndarray
    squares: np.ndarray
    second: np.ndarray
    fourth: np.ndarray
    n: int = 0

    @classmethod
    def of(cls, r: np.ndarray) -> Self:
        """Return the sums of no examples, for correlations `[T, T]`."""
        squares, second, fourth = (np.zeros_like(r) for _ in range(3))
        return cls(np.nan_to_num(r), squares, second, fourth)

    def update(self, z: np.ndarray) -> Self:
        """Fold in standardised values `[B, T]`, and return these sums."""
        r, h, square = self.r, self.r / 2, z**2
        fourth = square**2

        def both(first: np.ndarray, second: np.ndarray) -> np.ndarray:
            product = first.T @ second
            return product + product.T

        middle, high = square.T @ square, fourth.T @ fourth
        outer, outest = (np.add.outer(sums, sums) for sums in (fourth.sum(0), (fourth**2).sum(0)))
        self.squares += middle
        self.second += middle - r * both(square * z, z) + h**2 * (outer + 2 * middle)
        # (z_a z_b - h (z_a² + z_b²))⁴, term by term
        self.fourth += (
            (1 + 12 * h**2 + 6 * h**4) * high
            - (4 * h + 12 * h**3) * both(fourth * z, square * z)
            + (6 * h**2 + 4 * h**4) * both(fourth * square, square)
            - 4 * h**3 * both(fourth * square * z, z)
            + h**4 * outest
        )
        self.n += len(z)
        return self

    @property
    def carriers(self) -> np.ndarray:
        """How many examples each column's variance rests on, `[T]`: n divided by its kurtosis."""
        fourth = np.diagonal(self.squares)
        return np.where(fourth > 0, self.n**2 / np.where(fourth > 0, fourth, 1), np.inf)

    def supports(self) -> np.ndarray:
        """How many examples the variance of each r rests on, `[T, T]`: n over that kurtosis."""
        own, known = self.carriers, 1 - self.r**2 > SAME
        supports = self.second**2 / np.where(known & (self.fourth > 0), self.fourth, 1)
        return np.clip(np.where(known, supports, np.minimum.outer(own, own)), 1, self.n)
