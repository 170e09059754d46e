"""Which class does each group of units prefer, more than random groups of the same size?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from holistic.lenses.mechanism.correlations import standardised
from holistic.lenses.mechanism.values import Activations
from holistic.stats.intervals import mean_interval
from holistic.stats.moments import Moments
from holistic.stats.tests import permutation_p

__all__ = ["Specialisation", "specialisation"]


@dataclass(frozen=True)
class Specialisation:
    """What K groups of units prefer.

    Attributes
    ----------
    preferred
        `[K]`, class with the largest mean standardised activation on the selection split.
    value, lo, hi
        `[K]`, mean standardised activation on evaluation examples of that class, and the bounds of
        its 95 % interval.
    n
        `[K]`, evaluation examples of that class.
    random
        `[K]`, mean of the value over random groups of as many units.
    p
        `[K]`, p of the value among those of the random groups.
    profile
        `[K, C]`, mean standardised activation of each group in each class, evaluation split.
    """

    preferred: np.ndarray
    value: np.ndarray
    lo: np.ndarray
    hi: np.ndarray
    n: np.ndarray
    random: np.ndarray
    p: np.ndarray
    profile: np.ndarray


def specialisation(
    selection: Activations,
    evaluation: Activations,
    members: np.ndarray,
    *,
    classes: int,
    seed: int,
    draws: int = 1000,
) -> Specialisation:
    """Find the class that each group of units prefers, and measure it on other examples.

    The control is as many random groups of the same size as there are draws, each with the class
    that it prefers itself.

    Parameters
    ----------
    selection, evaluation
        The same units on both splits.
    members
        `[U]`, group of each unit, 0 to K - 1; -1 for units in none.
    classes
        Number of classes C.
    seed
        Seed of the random groups.
    draws
        Random groups for each group.
    """
    z = standardised(Moments.of(evaluation.values), evaluation.values)
    measured = Moments.of(z, evaluation.labels, classes)
    choosing = standardised(Moments.of(selection.values), selection.values)
    chosen_by = Moments.of(choosing, selection.labels, classes).mean
    reported = measured.mean  # [C, U]
    groups = members == np.arange(members.max() + 1)[:, None]  # [K, U]
    weights = groups / groups.sum(1, keepdims=True)
    preferred = _preferred(weights, chosen_by)
    activity = Moments.of(z @ weights.T, evaluation.labels, classes)  # [C, K]
    each = np.arange(len(groups))
    n, value = activity.count[preferred, each], activity.mean[preferred, each]
    lo, hi = mean_interval(n, value, activity.m2[preferred, each])
    null = _random_groups(groups.sum(1), members >= 0, draws, seed)  # [draws, K, U]
    null_preferred = _preferred(null, chosen_by)
    null_value = np.take_along_axis(null @ reported.T, null_preferred[..., None], -1)[..., 0]
    return Specialisation(
        preferred=preferred,
        value=value,
        lo=lo,
        hi=hi,
        n=n,
        random=null_value.mean(0),
        p=permutation_p(value, null_value),
        profile=activity.mean.T,
    )


def _preferred(weights: np.ndarray, class_means: np.ndarray) -> np.ndarray:
    """Return the class with the largest mean over each group's units, `[…, K]`."""
    unseen = np.isnan(class_means.sum(1))
    means = weights @ np.where(unseen[:, None], 0.0, class_means).T
    return np.where(unseen, -np.inf, means).argmax(-1)


def _random_groups(sizes: np.ndarray, allowed: np.ndarray, draws: int, seed: int) -> np.ndarray:
    """Return the weights `[draws, K, U]` of random groups of these sizes."""
    rng = np.random.default_rng(seed)
    order = rng.permuted(np.broadcast_to(np.arange(allowed.sum()), (draws, allowed.sum())), axis=1)
    inside = np.less(order[:, None], sizes[:, None])  # [draws, K, allowed units]
    weights = np.zeros((draws, len(sizes), len(allowed)))
    weights[:, :, np.flatnonzero(allowed)] = inside / sizes[:, None]
    return weights
