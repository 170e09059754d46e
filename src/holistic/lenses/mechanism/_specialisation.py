"""Finds the class that each group of units prefers, and measures it beside random groups."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from holistic.lenses.mechanism._correlations import standardised
from holistic.lenses.mechanism._values import Activations
from holistic.stats.control import band
from holistic.stats.means import Means
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
    shuffled
        `[K]`, mean of the value when the labels of both splits are shuffled and the group prefers
        what it then prefers.
    p
        `[K]`, p of the value among those.
    random, random_lo, random_hi
        `[K]`, mean of the value over random groups of as many units, and between which bounds 95 %
        of them lie.
    profile
        `[K, C]`, mean standardised activation of each group in each class, evaluation split.
    """

    preferred: np.ndarray
    value: np.ndarray
    lo: np.ndarray
    hi: np.ndarray
    n: np.ndarray
    shuffled: np.ndarray
    p: np.ndarray
    random: np.ndarray
    random_lo: np.ndarray
    random_hi: np.ndarray
    profile: np.ndarray


@dataclass(frozen=True)
class _Side:
    """One split: standardised activations `[N, U]`, their classes, and means `[C, U]` in these."""

    z: np.ndarray
    labels: np.ndarray
    means: np.ndarray

    @classmethod
    def of(cls, split: Activations, classes: int) -> _Side:
        z = standardised(Moments.of(split.values), split.values)
        return cls(z, split.labels, Moments.of(z, split.labels, classes).mean)


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

    p is among shuffles of the labels, since units that vary together prefer some class by chance
    more than unrelated ones do. Beside it stand random groups of the same size, each with the class
    that it prefers itself: what any units of the site would show.

    Parameters
    ----------
    selection, evaluation
        The same units on both splits.
    members
        `[U]`, group of each unit, 0 to K - 1; -1 for units in none.
    classes
        Number of classes C.
    seed
        Seed of shuffles and random groups.
    draws
        Shuffles, and random groups for each group.
    """
    chosen_by, measured = (_Side.of(split, classes) for split in (selection, evaluation))
    groups = members == np.arange(members.max() + 1)[:, None]  # [K, U]
    weights = groups / groups.sum(1, keepdims=True)
    preferred = _preferred(weights @ chosen_by.means.T)
    profile = weights @ measured.means.T  # [K, C]
    value = profile[np.arange(len(groups)), preferred]
    n = np.bincount(measured.labels, minlength=classes)[preferred]
    lo, hi = _interval(measured, weights, preferred, value)
    shuffled = _shuffled(chosen_by, measured, weights, draws=draws, seed=seed)
    random = _random_groups(groups.sum(1), members >= 0, draws, seed)  # [draws, K, U]
    others = _of_preferred(random @ measured.means.T, _preferred(random @ chosen_by.means.T))
    ends = band(others)
    return Specialisation(
        preferred=preferred,
        value=value,
        lo=lo,
        hi=hi,
        n=n,
        shuffled=shuffled.mean(0),
        p=permutation_p(value, shuffled),
        random=others.mean(0),
        random_lo=ends[0],
        random_hi=ends[1],
        profile=profile,
    )


def _preferred(means: np.ndarray) -> np.ndarray:
    """Return the class with the largest mean `[…, C]`; one without examples is none's."""
    return np.where(np.isnan(means), -np.inf, means).argmax(-1)


def _of_preferred(means: np.ndarray, preferred: np.ndarray) -> np.ndarray:
    return np.take_along_axis(means, preferred[..., None], -1)[..., 0]


def _interval(
    side: _Side, weights: np.ndarray, preferred: np.ndarray, value: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Bound the values from the influence of each example, `[K]` each.

    An example moves the mean of its class, and mean and spread of all examples by which activations
    are standardised.
    """
    n, moved = len(side.z), np.empty((len(weights), len(side.z)))  # [K, N]
    squares = side.z**2 - 1
    for k, (weight, label) in enumerate(zip(weights, preferred, strict=True)):
        inside, activity = side.labels == label, side.z @ weight
        own = np.where(inside, (activity - value[k]) * n / max(inside.sum(), 1), 0)
        spread = squares @ (weight * np.nan_to_num(side.means[label])) / 2
        moved[k] = own - activity - spread
    counts = np.bincount(side.labels, minlength=len(side.means))[preferred]
    # as the class's examples alone would have it: they bear nearly all of the spread
    scaled = moved * (np.sqrt(counts * np.maximum(counts - 1, 0)) / n)[:, None]
    return Means(counts, value, *((scaled**power).sum(1) for power in (2, 3, 4))).interval()


def _shuffled(
    selection: _Side, evaluation: _Side, weights: np.ndarray, *, draws: int, seed: int
) -> np.ndarray:
    """Return the values under shuffled labels, `[draws, K]`."""
    rng, classes = np.random.default_rng(seed), len(selection.means)
    first, second = (_Blocks.of(side, weights, classes) for side in (selection, evaluation))
    return np.array(
        [
            _of_preferred(second.means(rng), _preferred(chosen))
            for chosen in (first.means(rng) for _ in range(draws))
        ]
    )


@dataclass(frozen=True)
class _Blocks:
    """What groups hold `[N, K]`, to be cut into blocks of as many examples as each class has."""

    activity: np.ndarray
    present: np.ndarray
    counts: np.ndarray
    classes: int

    @classmethod
    def of(cls, side: _Side, weights: np.ndarray, classes: int) -> _Blocks:
        counts = np.bincount(side.labels, minlength=classes)
        present = np.flatnonzero(counts)
        return cls(side.z @ weights.T, present, counts[present], classes)

    def means(self, rng: np.random.Generator) -> np.ndarray:
        """Return means in classes drawn at random, `[K, C]`; NaN for one without examples."""
        mixed = self.activity[rng.permutation(len(self.activity))]
        starts = np.cumsum([0, *self.counts[:-1]])
        means = np.full((self.classes, mixed.shape[1]), np.nan)
        means[self.present] = np.add.reduceat(mixed, starts) / self.counts[:, None]
        return means.T


def _random_groups(sizes: np.ndarray, allowed: np.ndarray, draws: int, seed: int) -> np.ndarray:
    """Return the weights `[draws, K, U]` of random groups of these sizes."""
    rng = np.random.default_rng(seed)
    order = rng.permuted(np.broadcast_to(np.arange(allowed.sum()), (draws, allowed.sum())), axis=1)
    inside = np.less(order[:, None], sizes[:, None])  # [draws, K, allowed units]
    weights = np.zeros((draws, len(sizes), len(allowed)))
    weights[:, :, np.flatnonzero(allowed)] = inside / sizes[:, None]
    return weights
