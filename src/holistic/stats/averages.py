"""Averages over classes with intervals, the classes being given and the images a sample."""

from __future__ import annotations

import numpy as np

from holistic.stats.intervals import paired_accuracy_interval, wilson

__all__ = ["Bounded", "mean_accuracy", "mean_drop", "mean_of_means"]

Bounded = tuple[float, float, float]
"""An average and the ends of its 95 % interval."""

_NONE = (np.nan, np.nan, np.nan)
_NOTHING = 1e-9
"""Standard error of what doesn't vary, but for rounding: it says nothing of other images."""


def mean_accuracy(right: np.ndarray, n: np.ndarray) -> Bounded:
    """Average accuracies of classes: Wilson's interval with the examples that the average is worth.

    Parameters
    ----------
    right, n
        `[C]`, examples of each class that are right, and all of them; classes without are left out.

    Returns
    -------
    mean, lo, hi
        In [0, 1].

    Examples
    --------
    >>> [round(v, 2) for v in mean_accuracy(np.array([50, 0]), np.array([50, 50]))]
    [0.5, 0.47, 0.53]
    """
    right, n = right[n > 0].astype(float), n[n > 0].astype(float)
    if not len(n):
        return _NONE
    mean = float((right / n).mean())
    # shares of 0 and 1 vary, too: two examples more of each class say how little
    share = (right + 1) / (n + 2)
    worth = _worth(mean * (1 - mean), share * (1 - share), n)
    lo, hi = wilson(mean * worth, worth)
    return mean, float(lo), float(hi)


def mean_drop(lost: np.ndarray, gained: np.ndarray, n: np.ndarray) -> Bounded:
    """Average the accuracy that classes lose: Tango's interval, worth as many examples.

    Parameters
    ----------
    lost, gained, n
        `[C]`, examples of each class that turn wrong and right, and all of them. Averages over
        several removals may stand for whole numbers: then each image counts once.

    Returns
    -------
    mean, lo, hi
        In [-1, 1], positive where accuracy falls.

    Examples
    --------
    >>> [round(v, 2) for v in mean_drop(np.array([50, 0]), np.zeros(2), np.array([50, 50]))]
    [0.5, 0.47, 0.53]
    """
    kept = n > 0
    lost, gained, n = (v[kept].astype(float) for v in (lost, gained, n))
    if not len(n):
        return _NONE
    down, up = float((lost / n).mean()), float((gained / n).mean())
    own = [(flips + 0.5) / (n + 1) for flips in (lost, gained)]
    spread = own[0] + own[1] - (own[0] - own[1]) ** 2
    worth = _worth(down + up - (down - up) ** 2, spread, n)
    low, high = paired_accuracy_interval(down * worth, up * worth, worth)
    return down - up, -float(high), -float(low)


def _worth(pooled: float, within: np.ndarray, n: np.ndarray) -> float:
    """Examples of one sample whose mean varies as the average of the classes' means does.

    `pooled` and `within` `[C]` are variances of one example, in all and in each class.
    """
    plain = len(n) ** 2 / (1 / n).sum()
    error = (within / n).sum() / len(n) ** 2
    return max(plain, pooled / error) if error > 0 else plain


def mean_of_means(
    means: np.ndarray, m2: np.ndarray, n: np.ndarray, limits: tuple[float, float]
) -> Bounded:
    """Average the classes' means of a bounded number.

    Parameters
    ----------
    means, m2, n
        `[C]`, mean and summed squared deviation over each class's examples, and their number;
        classes of fewer than two are left out.
    limits
        Least and largest value that the number can have.
    """
    from scipy.special import stdtrit

    kept = n > 1
    means, m2, n = means[kept], m2[kept], n[kept].astype(float)
    if not len(n):
        return _NONE
    parts = m2 / (n - 1) / n / len(n) ** 2
    error, mean = parts.sum(), float(means.mean())
    if error < _NOTHING**2:
        return mean, np.nan, np.nan
    freedom = error**2 / (parts**2 / (n - 1)).sum()
    half = float(stdtrit(freedom, 0.975) * np.sqrt(error))
    lo, hi = np.clip((mean - half, mean + half), *limits)
    return mean, float(lo), float(hi)
