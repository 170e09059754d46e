"""Measures which share of a gap a patch brings back, when pairs share images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Recovery", "recovery"]

_ROUNDING = 1e-6
"""Share of the gaps below which an error is that of rounding in float32."""


@dataclass(frozen=True)
class Recovery:
    """Shares of a gap with 95 % intervals and the p of no share at all, `[U]` each."""

    value: np.ndarray
    lo: np.ndarray
    hi: np.ndarray
    p: np.ndarray


def recovery(
    moved: np.ndarray, gap: np.ndarray, *, source: np.ndarray, receiver: np.ndarray
) -> Recovery:
    """Divide the sum of what patches moved by the sum of the gaps.

    A ratio of sums weighs each pair by its gap, so a pair with a small one can't dominate as it
    does in a mean of ratios. Its standard error is that of the residuals `moved - ratio · gap`,
    in which any two runs that share an image may be correlated; the interval is Student's t with
    as many degrees of freedom as the side with fewer images allows. Where every patch moves the
    same share there is nothing to tell an error by: no bounds, and p is that of a sign test, all
    of so many images having moved the same way.

    Parameters
    ----------
    moved
        `[U, R]`, what each patch moved the metric.
    gap
        `[R]`, the gap of each pair, positive.
    source, receiver
        `[R]`, the images of each pair.

    Returns
    -------
    Recovery
        All NaN without pairs; bounds and p NaN with fewer than 2 images on a side, bounds NaN where
        shares don't vary.

    References
    ----------
    Cochran 1977, ch. 6 (ratio estimator); Aronow, Samii & Assenova 2015 (variance of pairs that
    share members).
    """
    from scipy.special import stdtr, stdtrit

    units, pairs = moved.shape
    empty = np.full(units, np.nan)
    if pairs == 0:
        return Recovery(empty, empty, empty, empty)
    total = gap.sum()
    value = moved.sum(1) / total
    images = min(len(np.unique(source)), len(np.unique(receiver)))
    if images < 2:
        return Recovery(value, empty, empty, empty)
    residual = moved - value[:, None] * gap  # [U, R]
    variance = _shared_variance(residual, source, receiver) * images / (images - 1)
    error = np.sqrt(variance) / total
    error = np.where(error > _ROUNDING, error, np.nan)
    half = float(stdtrit(images - 1, 0.975)) * error
    signs = np.where(np.abs(value) > _ROUNDING, 2.0 ** (1 - images), 1.0)
    p = np.where(np.isnan(error), signs, 2 * stdtr(images - 1, -np.abs(value) / error))
    return Recovery(value, value - half, value + half, p)


def _shared_variance(residual: np.ndarray, source: np.ndarray, receiver: np.ndarray) -> np.ndarray:
    """Variance of the sum of residuals `[U, R]` when those that share an image correlate, `[U]`.

    The squared sums by image count every two runs once per image that they share; those of the
    same two images would count twice.
    """
    images, ends = np.unique([source, receiver], return_inverse=True)
    ends = ends.reshape(2, -1)  # [2, R]
    _, pair = np.unique(np.sort(ends, axis=0), axis=1, return_inverse=True)
    by_pair = ((residual @ _membership(pair.reshape(-1))) ** 2).sum(1)
    member = sum(_membership(end, len(images)) for end in ends)
    by_image = ((residual @ member) ** 2).sum(1)
    return np.maximum(by_image - by_pair, by_pair)


def _membership(cluster: np.ndarray, count: int | None = None) -> np.ndarray:
    """Say which run belongs to which cluster, `[R, G]` of 0 and 1."""
    count = int(cluster.max()) + 1 if count is None else count
    return (cluster[:, None] == np.arange(count)).astype(np.float64)
