"""Means of examples' numbers with their bounds and the p of a mean of zero; parts merge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from holistic.stats.accumulate import moved_powers

__all__ = ["CARRIERS", "Difference", "Means"]

CARRIERS = 3
"""Examples that a variance must rest on for an interval and a p: with fewer, nothing is known of
how large the next number may be."""
_LONGER = 2
"""What an excess kurtosis of 1 adds to one over the degrees of freedom far out, times n."""


@dataclass(frozen=True)
class Means:
    """Means of examples' numbers with what their bounds follow from; parts merge.

    Effects of single units are skewed: most examples don't feel a unit and a few do. Student's
    interval is too short on the side of the long tail then (for a unit that matters to one example
    in ten it holds 82 % of the time at n = 50, 91 % at n = 200). So bounds reach from the lower of
    Student's and Hall's to the higher of both: Hall's allow for the skewness, Student's hold where
    a skewness measured on few examples misleads. `make coverage` prints how often they hold.

    Attributes
    ----------
    count
        Numbers behind each mean, any shape `[…]`.
    mean
        `[…]` float64, NaN where there are none.
    m2, m3, m4
        `[…]` float64, sums of the second, third and fourth powers of the deviations from the mean.

    References
    ----------
    Hall 1992, On the removal of skewness by transformation, eqs. 2.2-2.4; Pébay 2008, Formulas for
    robust, one-pass parallel computation of covariances and arbitrary-order statistical moments,
    eqs. 2.1-2.9.

    Examples
    --------
    >>> means = Means.of(np.array([1.0, 2.0, 6.0, 7.0]))
    >>> float(means.mean), [round(float(end), 1) for end in means.interval()]
    (4.0, [-0.7, 8.7])
    """

    count: np.ndarray
    mean: np.ndarray
    m2: np.ndarray
    m3: np.ndarray
    m4: np.ndarray

    @classmethod
    def of(cls, values: ArrayLike) -> Self:
        """Average values `[…, B]` over their last axis: `[…]`."""
        values = np.asarray(values, np.float64)
        count = np.full(values.shape[:-1], values.shape[-1])
        if values.shape[-1] == 0:
            nothing = np.zeros(count.shape)
            return cls(count, np.full(count.shape, np.nan), nothing, nothing, nothing)
        # relative to the first value, so that equal values have a spread of exactly zero
        with np.errstate(invalid="ignore"):  # numbers that aren't finite have no mean
            shift = values - values[..., :1]
            away = shift - shift.mean(-1, keepdims=True)
            square = away**2
            powers = ((square * factor).sum(-1) for factor in (1.0, away, square))
            return cls(count, values[..., 0] + shift.mean(-1), *powers)

    @classmethod
    def by_class(cls, values: np.ndarray, labels: np.ndarray, classes: int) -> Self:
        """Average values `[…, B]` over each class's examples, and over all: `[…, C + 1]`."""
        groups = [*(values[..., labels == c] for c in range(classes)), values]
        return cls.stack([cls.of(group) for group in groups])

    @classmethod
    def stack(cls, parts: Sequence[Self]) -> Self:
        """Put means side by side along a new last axis."""
        return cls(*(np.stack([getattr(p, f.name) for p in parts], -1) for f in fields(cls)))

    @classmethod
    def concatenate(cls, parts: Sequence[Self]) -> Self:
        """Put means one after another along the first axis."""
        return cls(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(cls)))

    def flat(self) -> Self:
        """Return the means along one axis."""
        return type(self)(*(getattr(self, f.name).reshape(-1) for f in fields(self)))

    def __getitem__(self, place: object) -> Self:
        return type(self)(*(getattr(self, f.name)[place] for f in fields(self)))

    def merge(self, other: Self) -> Self:
        """Return the means of both sides' examples together."""
        return type(self).stack([self, other]).total()

    def total(self) -> Self:
        """Merge along the last axis: `[…]`."""
        count = self.count.sum(-1)
        known = np.nan_to_num(self.mean)
        mean = (self.count * known).sum(-1) / np.maximum(count, 1)
        shift = np.where(self.count > 0, known - mean[..., None], 0.0)
        moved = moved_powers(self.count, (self.m2, self.m3, self.m4), shift)
        mean = np.where(count > 0, mean, np.nan)
        return type(self)(count, mean, *(power.sum(-1) for power in moved))

    def with_total(self) -> Self:
        """Append the means of all columns together: `[…, C + 1]`."""
        pairs = ((getattr(self, f.name), getattr(self.total(), f.name)) for f in fields(self))
        return type(self)(*(np.concatenate([a, b[..., None]], -1) for a, b in pairs))

    @property
    def variance(self) -> np.ndarray:
        """Sample variances (divisor n - 1), NaN with fewer than 2 numbers."""
        return np.where(self.count > 1, self.m2 / np.maximum(self.count - 1, 1), np.nan)

    @property
    def carriers(self) -> np.ndarray:
        """How many examples each variance rests on: n divided by the kurtosis; 0 where it is 0."""
        return np.where(self.m4 > 0, self.m2**2 / np.where(self.m4 > 0, self.m4, 1.0), 0.0)

    @property
    def rare(self) -> np.ndarray:
        """Which means have neither interval nor p: their variance rests on fewer than 3 examples.

        Of fewer than 9 examples a third is enough. Among the rare ones are those of which all
        numbers are the same: nothing says how large the next different one may be.
        """
        return (self.carriers < np.minimum(CARRIERS, self.count / 3)) | (self.count < 2)

    def interval(self, *, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
        """Return bounds of the means; NaN for those that are `rare`."""
        return self._alone.interval(level=level)

    def p(self) -> np.ndarray:
        """Return the two-sided p of means of zero, as the interval says; NaN where `rare`."""
        return self._alone.p()

    def minus(self, other: Means) -> Difference:
        """Return how far these means lie above those of other examples (Welch 1947)."""
        mine, theirs = self._alone, other._alone
        variance = mine.error**2 + theirs.error**2
        scale = mine.error**4 / mine.freedom + theirs.error**4 / theirs.freedom
        with np.errstate(divide="ignore", invalid="ignore"):
            cubes = mine.skew * mine.error**3 - theirs.skew * theirs.error**3
            skew, freedom = cubes / variance**1.5, variance**2 / scale
            tails = mine.error**4 / mine.tail + theirs.error**4 / theirs.tail
            tail = variance**2 / tails
        return Difference(self.mean - other.mean, np.sqrt(variance), freedom, skew, tail)

    @property
    def _alone(self) -> Difference:
        """Return the means as differences from zero."""
        n = np.where(self.rare, np.nan, self.count)
        with np.errstate(divide="ignore", invalid="ignore"):
            error = np.sqrt(self.m2 / (n - 1) / n)
            skew = self.m3 / self.m2**1.5  # of the mean: that of the numbers by √n
            excess = np.maximum(self.count / self.carriers - 3, 0)
            tail = np.clip(n / (1 + _LONGER * excess), 1, n - 1)
        return Difference(self.mean, error, n - 1, skew, tail)


@dataclass(frozen=True)
class Difference:
    """Differences of means, or means as differences from zero.

    Attributes
    ----------
    value, error
        `[…]`, and their standard errors; NaN where they have no bounds.
    freedom
        Degrees of freedom of the errors.
    skew
        Skewness of the values' sampling distribution.
    tail
        Degrees of freedom far out, at most `freedom`: fewer where few examples carry an error.
    """

    value: np.ndarray
    error: np.ndarray
    freedom: np.ndarray
    skew: np.ndarray
    tail: np.ndarray

    def interval(self, *, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
        """Return the outer ones of Student's and of Hall's bounds (see `Means`)."""
        from scipy.special import stdtrit

        reach = stdtrit(self.freedom, (1 + level) / 2)
        low, high = (self._untransformed(end) for end in (-reach, reach))
        most, least = np.fmax(reach, high), np.fmin(-reach, low)
        return self.value - most * self.error, self.value - least * self.error

    def p(self) -> np.ndarray:
        """Return the two-sided p of no difference: below 0.05 where 0 is outside of the bounds.

        Beyond that it falls as Student's with `tail` degrees of freedom: an error that rests on
        few examples is far too small now and then, and of many tests those come first.

        References
        ----------
        Satterthwaite 1946: an excess kurtosis e costs a variance e / 2 of its freedoms. Samples
        whose variance is too small show little of it, so that it takes four times as much
        (`make coverage`, any q of 400 means).
        """
        from scipy.special import stdtr, stdtrit

        with np.errstate(divide="ignore", invalid="ignore"):
            t = np.where(self.value == 0, 0.0, self.value / self.error)
            t = np.where(np.isnan(self.error), np.nan, t)
        far = np.fmin(np.abs(t), np.abs(self._transformed(t)))
        wider = stdtrit(self.tail, 0.975) / stdtrit(self.freedom, 0.975)
        return 2 * np.fmax(stdtr(self.freedom, -far), stdtr(self.tail, -far * wider))

    def _transformed(self, t: np.ndarray) -> np.ndarray:
        """Take the skewness out of t statistics (Hall 1992, eq. 2.3)."""
        bent = self.skew * t / 3
        return t * (1 + bent + bent**2 / 3) + self.skew / 6

    def _untransformed(self, x: np.ndarray) -> np.ndarray:
        """Return the t statistics that `_transformed` makes x of."""
        flat = np.abs(self.skew) < 1e-6
        skew = np.where(flat, 1.0, self.skew)
        bent = 3 / skew * (np.cbrt(1 + skew * (x - skew / 6)) - 1)
        return np.where(flat, x, bent)
