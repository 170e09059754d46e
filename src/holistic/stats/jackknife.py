"""Takes the bias of few examples off a statistic, with an interval."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np

from holistic.stats.intervals import mean_interval
from holistic.stats.means import Difference, Means

__all__ = ["Jackknifed", "jackknifed"]

_GROUPS = 10


@dataclass(frozen=True)
class Jackknifed:
    """A statistic of examples, corrected for their number, with its 95 % interval.

    Attributes
    ----------
    value, lo, hi
        Mean of the pseudo-values, and its bounds.
    pseudo
        `[groups]`, pseudo-values; differences of two statistics on the same groups are paired.
    """

    value: float
    lo: float
    hi: float
    pseudo: np.ndarray

    @classmethod
    def of(cls, pseudo: np.ndarray, limits: tuple[float, float] = (-np.inf, np.inf)) -> Self:
        """Estimate from pseudo-values, inside of what the statistic can be."""
        mean = pseudo.mean()
        lo, hi = mean_interval(len(pseudo), mean, ((pseudo - mean) ** 2).sum())
        value, lo, hi = (float(np.clip(v, *limits)) for v in (mean, lo, hi))
        return cls(value, lo, hi, pseudo)

    @classmethod
    def of_each(cls, pseudo: np.ndarray, limits: tuple[float, float] = (-np.inf, np.inf)) -> Self:
        """Estimate from pseudo-values of single examples, enough to see how skewed they are.

        The bounds are the outer ones of Student's and of Hall's, as those of `Means`.
        """
        means, n = Means.of(pseudo), len(pseudo)
        with np.errstate(divide="ignore", invalid="ignore"):
            error, skew = np.sqrt(means.m2 / (n - 1) / n), means.m3 / means.m2**1.5
        skew = np.where(means.m2 > 0, skew, 0.0)
        whole = Difference(means.mean, error, np.asarray(n - 1), skew, np.asarray(n - 1))
        lo, hi = whole.interval()
        value, lo, hi = (float(np.clip(v, *limits)) for v in (means.mean, lo, hi))
        return cls(value, lo, hi, pseudo)

    def minus(self, other: Jackknifed) -> Jackknifed:
        """Return how much larger it is than another statistic of the same examples."""
        return Jackknifed.of(self.pseudo - other.pseudo)

    def exp(self) -> Jackknifed:
        """Return the statistic whose logarithm this is; its pseudo-values are of the same scale."""
        value, lo, hi = (float(np.exp(v)) for v in (self.value, self.lo, self.hi))
        return Jackknifed(value, lo, hi, np.exp(self.pseudo))


def jackknifed(
    statistic: Callable[[np.ndarray], float], n: int, *, limits: tuple[float, float], seed: int
) -> Jackknifed:
    """Estimate a statistic by leaving out a tenth of the examples at a time.

    This takes away the part of its bias that falls with the number of examples: noise in the class
    means makes classes look further apart, and noise in a covariance makes it look narrower.

    Parameters
    ----------
    statistic
        Takes the rows of the examples that stay.
    n
        Number of examples.
    limits
        Least and largest value that the statistic can have.
    seed
        Decides the groups: the same seed gives the same ones.

    References
    ----------
    Quenouille 1956; Tukey 1958; Efron & Tibshirani 1993, An introduction to the bootstrap, ch. 11.
    """
    whole, order = statistic(np.arange(n)), np.random.default_rng(seed).permutation(n)
    groups = min(_GROUPS, n)
    stay = (np.sort(np.delete(order, np.s_[g::groups])) for g in range(groups))
    pseudo = [groups * whole - (groups - 1) * statistic(rows) for rows in stay]
    return Jackknifed.of(np.array(pseudo), limits)
