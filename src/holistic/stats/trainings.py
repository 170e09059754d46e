"""What several trainings of one model say of all its trainings, and of the next one."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from holistic.stats.intervals import NORMAL

__all__ = ["OverTrainings", "chance_of_next", "chance_of_unanimous", "limits", "over_trainings"]

_PRIOR = 3
"""Trainings that the spread usual among like statements is worth (Smyth 2004 estimates it)."""
_BOUNDED = ("", "share", "share of pairs", "correlation")
"""Units of numbers that may have ends; of those without a unit only what stays within 1."""


@dataclass(frozen=True)
class OverTrainings:
    """Numbers of the same kind, each measured in several trainings; arrays `[M]`.

    Attributes
    ----------
    mean
        Mean over the trainings.
    lo, hi
        95 % interval of the mean over all trainings and examples like these.
    next_lo, next_hi
        What the number lies between in the next training, on the same examples, 19 times of 20.
    spread
        Standard deviation between the trainings.
    n
        Trainings that have the number.
    """

    mean: np.ndarray
    lo: np.ndarray
    hi: np.ndarray
    next_lo: np.ndarray
    next_hi: np.ndarray
    spread: np.ndarray
    n: np.ndarray

    def within(self, least: float, most: float) -> OverTrainings:
        """Return the same with intervals cut to what the numbers can be."""
        ends = {
            name: np.clip(getattr(self, name), least, most)
            for name in ("lo", "hi", "next_lo", "next_hi")
        }
        return replace(self, **ends)


def limits(unit: str, *numbers: np.ndarray) -> tuple[float, float]:
    """Least and largest value that numbers of a unit can have, going by all that were measured.

    Shares and correlations end at 0 or -1 and at 1; what went beyond, such as a recovery above 1,
    has no ends.

    >>> limits("share", np.array([0.2, 1.0])), limits("share", np.array([-0.2, 0.4]))
    ((0.0, 1.0), (-1.0, 1.0))
    >>> limits("score", np.array([0.2]))
    (-inf, inf)
    """
    every = np.concatenate([np.ravel(some) for some in numbers])
    every = every[np.isfinite(every)]
    if unit not in _BOUNDED or not len(every) or np.abs(every).max() > 1:
        return -np.inf, np.inf
    return (0.0 if every.min() >= 0 else -1.0), 1.0


def over_trainings(values: np.ndarray, errors: np.ndarray, *, shared: float) -> OverTrainings:
    """Estimate numbers over trainings, with intervals that include how trainings differ.

    Estimates of different trainings differ by their training and by the examples that each was
    measured on. Of the latter the part that the trainings share moves all estimates together: their
    spread doesn't show it, and their number doesn't average it out. So the variance of the mean is
    s² / n + shared · σ², with s² the variance between the estimates and σ² that of one from its
    examples (the one-way random-effects model of Searle, Casella & McCulloch 1992, ch. 3, with
    errors that are correlated by `shared`).

    Parameters
    ----------
    values
        `[n, M]`, NaN where a training lacks a number.
    errors
        `[n, M]` standard errors from the examples; NaN where unknown, which counts as none.
    shared
        Which part of their examples two trainings share, from 0 to 1.

    Returns
    -------
    OverTrainings
        Without ends where fewer than two trainings have a number.
    """
    from scipy.special import stdtrit

    there = np.isfinite(values)
    n = there.sum(0)
    filled = np.where(there, values, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = filled.sum(0) / np.where(n > 0, n, np.nan)
        square = (np.where(there, values - mean, 0.0) ** 2).sum(0) / np.where(n > 1, n - 1, np.nan)
        known = there & np.isfinite(errors)
        sampled = np.where(known, errors, 0.0) ** 2
        sampling = sampled.sum(0) / np.maximum(known.sum(0), 1)
        t = stdtrit(np.maximum(n - 1, 1), 0.975)
        half = np.sqrt(t**2 * square / n + NORMAL**2 * shared * sampling)
        ahead = t * np.sqrt(square * (1 + 1 / n))
    return OverTrainings(
        mean, mean - half, mean + half, mean - ahead, mean + ahead, np.sqrt(square), n
    )


def chance_of_next(margins: np.ndarray, families: np.ndarray) -> np.ndarray:
    """Estimate how probable it is that statements hold in the next training.

    A statement holds where its margin is above 0, and margins are taken as normal over trainings.
    Few trainings know their spread badly, so each statement's variance is drawn towards the median
    one of its family, as `limma` does for genes (Smyth 2004, eq. 1): the next margin then follows
    Student's t.

    Parameters
    ----------
    margins
        `[n, M]`: margin of each statement in each training; NaN where it has none.
    families
        `[M]`: statements of one family are of one kind and spread alike.

    Returns
    -------
    np.ndarray
        `[M]` probabilities; NaN where fewer than two trainings have a margin.
    """
    from scipy.special import stdtr

    there = np.isfinite(margins)
    n = there.sum(0)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.where(there, margins, 0.0).sum(0) / n
        square = (np.where(there, margins - mean, 0.0) ** 2).sum(0) / np.where(n > 1, n - 1, np.nan)
    usual = np.full(len(mean), np.nan)
    for family in np.unique(families):
        own = families == family
        if np.isfinite(square[own]).any():
            usual[own] = np.nanmedian(square[own])
    freedom = n - 1 + _PRIOR
    pooled = (_PRIOR * usual + (n - 1) * square) / freedom
    with np.errstate(divide="ignore", invalid="ignore"):
        t = mean / np.sqrt(pooled * (1 + 1 / n))
    t = np.where((pooled == 0) & (mean != 0), np.copysign(np.inf, mean), t)
    return np.where(n > 1, stdtr(freedom, t), np.nan)


def chance_of_unanimous(answers: np.ndarray) -> float:
    """Estimate how often statements that all trainings agree on are borne out by another one.

    Each training is left out by turns: among the statements that all others agree on, the share
    that it agrees with, with Jeffreys' half of a success and of a failure. Statements stand in for
    each other here, so this is the rate of a whole kind.

    Parameters
    ----------
    answers
        `[n, M]` whole numbers that stand for answers; below 0 where a training couldn't tell.

    Returns
    -------
    float
        NaN with fewer than three trainings, or where no others agree.

    Examples
    --------
    >>> round(chance_of_unanimous(np.ones((5, 4), int)), 3)
    0.976
    """
    agreed = asked = 0
    if len(answers) < 3:
        return float("nan")
    for i, own in enumerate(answers):
        others = np.delete(answers, i, 0)
        alike = (others == others[0]).all(0) & (others[0] >= 0) & (own >= 0)
        asked += int(alike.sum())
        agreed += int((own == others[0])[alike].sum())
    return (agreed + 0.5) / (asked + 1) if asked else float("nan")
