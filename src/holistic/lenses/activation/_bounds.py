"""Bounds the numbers that say how specific a unit is to a class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from holistic.stats.intervals import wilson
from holistic.stats.means import CARRIERS

__all__ = [
    "Sides",
    "correlation_bounds",
    "precision_bounds",
    "selectivity_bounds",
    "separation_bounds",
    "share_bounds",
]


@dataclass(frozen=True)
class Sides:
    """Central moments of units' values in each class and in the rest, `[2, C, U]`; counts `[2, C]`.

    Units are measured in their standard deviations over all examples, so that fourth powers of
    large values keep their digits.

    Attributes
    ----------
    count
        Examples.
    mean, second, third, fourth
        Mean, and means of the powers of the deviations from it.
    scale
        `[2, U]`, the mean and the standard deviation over all examples.
    """

    count: np.ndarray
    mean: np.ndarray
    second: np.ndarray
    third: np.ndarray
    fourth: np.ndarray
    scale: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray, labels: np.ndarray, classes: int) -> Sides:
        """Take the moments of units `[N, U]` over examples of the classes `[N]`."""
        scale = np.stack([values.mean(0), values.std(0)])
        x = (values - scale[0]) / np.where(scale[1] > 0, scale[1], 1.0)
        member = (labels[:, None] == np.arange(classes)).astype(np.float64)  # [N, C]
        inside = member.sum(0)
        count = np.stack([inside, len(labels) - inside])  # [2, C]
        own = np.stack([member.T @ x**k for k in range(1, 5)])  # [4, C, U]
        sums = np.stack([own, (x[None] ** np.arange(1, 5)[:, None, None]).sum(1)[:, None] - own], 1)
        a, b, c, d = sums / np.maximum(count, 1)[None, ..., None]  # raw moments, [2, C, U] each
        second = np.maximum(b - a**2, 0)
        third = c - 3 * a * b + 2 * a**3
        fourth = np.maximum(d - 4 * a * c + 6 * a**2 * b - 3 * a**4, second**2)
        second = np.where(second < 1e-12, 0.0, second)
        return cls(count, a, second, third, fourth, scale)

    @property
    def known(self) -> np.ndarray:
        """Whether the variance of each side rests on enough examples, `[2, C, U]`."""
        square = np.where(self.second > 0, self.second, 1.0) ** 2
        carriers = self.count[..., None] * square / np.where(self.fourth > 0, self.fourth, 1.0)
        return (self.second > 0) & (carriers >= CARRIERS)


def separation_bounds(sides: Sides) -> np.ndarray:
    """Bound d' of every class against the rest, `[2, C, U]`; NaN where few examples carry it.

    References
    ----------
    The delta method on the two means and the two variances, whatever the values' distribution
    (van der Vaart 1998, ch. 3); the t quantile is that of the smaller side.
    """
    own, rest = sides.second * sides.count[..., None] / np.maximum(sides.count - 1, 1)[..., None]
    pooled = (own + rest) / 2
    safe = np.where(pooled > 0, pooled, 1.0)
    value = (sides.mean[0] - sides.mean[1]) / np.sqrt(safe)
    slope = -value / (4 * safe)  # in either variance
    variance = 0.0
    for side, sign in ((0, 1.0), (1, -1.0)):
        m2, m3, m4 = sides.second[side], sides.third[side], sides.fourth[side]
        of_mean = sign / np.sqrt(safe)
        spread = of_mean**2 * m2 + slope**2 * (m4 - m2**2) + 2 * of_mean * slope * m3
        variance = variance + np.maximum(spread, 0) / np.maximum(sides.count[side], 2)[:, None]
    half = _quantile(sides.count.min(0))[:, None] * np.sqrt(variance)
    known = sides.known.all(0)
    return np.where(known, np.stack([value - half, value + half]), np.nan)


def selectivity_bounds(sides: Sides, negative: np.ndarray) -> np.ndarray:
    """Bound (mean - rest) / (mean + rest), rest being the mean of the other classes' means.

    The index is tanh of half the logarithm of mean over rest: on that scale its error is that of
    two ratios, and the bounds stay between -1 and 1.

    Parameters
    ----------
    sides
        Moments of the units.
    negative
        `[U]`, whether a unit is ever below zero.

    Returns
    -------
    np.ndarray
        `[2, C, U]`; NaN where the index isn't defined, or few examples carry a side.
    """
    count = np.where(sides.count[0] > 0, sides.count[0], np.nan)[:, None]
    shift, stretch = sides.scale
    mean = sides.mean[0] * np.where(stretch > 0, stretch, 1.0) + shift  # [C, U]
    error = sides.second[0] * stretch**2 / np.where(count > 1, count - 1, np.nan)
    seen = np.isfinite(count).sum()
    others = np.maximum(seen - 1, 1)
    mean, error = (np.where(np.isfinite(count), v, 0.0) for v in (mean, error))
    rest, rest_error = (mean.sum(0) - mean) / others, (error.sum(0) - error) / others**2
    defined = ~negative & (mean > 0) & (rest > 0) & sides.known.all(0)
    safe = [np.where(defined, v, 1.0) for v in (mean, rest)]
    ratio = np.log(safe[0] / safe[1]) / 2
    spread = np.sqrt(error / safe[0] ** 2 + rest_error / safe[1] ** 2) / 2
    half = _quantile(sides.count.min(0))[:, None] * spread
    return np.where(defined, np.tanh(np.stack([ratio - half, ratio + half])), np.nan)


def correlation_bounds(values: np.ndarray, present: np.ndarray, r: np.ndarray) -> np.ndarray:
    """Bound correlations `[U]` of units `[N, U]` with a yes or no `[N]`, `[2, U]`.

    NaN where few examples carry the variance of the unit, or r is 1.

    References
    ----------
    The delta method on Fisher's z, whatever the values' distribution (Steiger & Hakstian 1982).
    """
    count, inside = len(present), int(present.sum())
    x, y = values - values.mean(0), (present - present.mean())[:, None]
    spread = (x**2).mean(0)
    known = (spread > 0) & np.isfinite(r) & (r**2 < 1 - 1e-9)
    safe = np.where(known, spread, 1.0)
    known &= count * safe**2 >= CARRIERS * (x**4).mean(0)
    x, y = x / np.sqrt(safe), y / (y.std() or 1.0)
    influence = x * y - r / 2 * (x**2 + y**2)
    error = np.sqrt((influence**2).mean(0) / max(count - 1, 1))
    inner = np.where(known, r, 0.0)
    half = _quantile(np.asarray(min(inside, count - inside))) * error / (1 - inner**2)
    bounds = np.tanh(np.arctanh(inner) + np.stack([-half, half]))
    return np.where(known, bounds, np.nan)


def precision_bounds(precision: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Bound average precisions `[…]` of classes with so many examples, `[2, …]`.

    References
    ----------
    Boyd, Eng & Page 2013, sect. 3.2 (the logit interval); Wilson's where it is 0 or 1.
    """
    from scipy.special import expit, logit

    count = np.where(inside > 0, inside, np.nan) + 0 * precision
    ends = (precision <= 0) | (precision >= 1)
    inner = np.where(ends, 0.5, precision)
    half = 1.959964 / np.sqrt(count * inner * (1 - inner))
    bounds = expit(np.stack([logit(inner) - half, logit(inner) + half]))
    return np.where(ends, np.stack(wilson(precision * count, count)), bounds)


def share_bounds(count: np.ndarray, mean: np.ndarray, square: np.ndarray) -> np.ndarray:
    """Bound mean shares of positions, each example's share in [0, 1], `[2, …]`.

    Parameters
    ----------
    count, mean, square
        Examples, mean of their shares, and mean of the squares; any shapes that broadcast. Shares
        of 0 and 1 alone, as of units without positions, get Wilson's interval, others that of as
        many examples of 0 and 1 as have the variance that they have.
    """
    count, mean, square = np.broadcast_arrays(count, mean, square)
    binary = mean * (1 - mean)
    variance = np.maximum(square - mean**2, 0)
    known = (binary > 1e-12) & (variance > 1e-12 * binary)
    # no more than the examples would say by themselves where all of them are alike
    alike = np.where(known, binary / np.where(known, variance, 1.0), 1.0)
    effective = np.where(known, count * alike, count)
    return np.stack(wilson(mean * effective, effective))


def _quantile(count: np.ndarray) -> np.ndarray:
    from scipy.special import stdtrit

    return stdtrit(np.where(count > 1, count - 1, np.nan), 0.975)
