"""Compares a unit's effect on a class with what shuffled labels show."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Self

import numpy as np

from holistic.stats.control import band
from holistic.stats.means import Means
from holistic.stats.tests import p_of_count

__all__ = ["Null", "Shuffled", "Specific"]

_DRAWS, _FEWEST = 200, 40
_NUMBERS = 4_000_000
"""Statistics of shuffled labels that are kept for each score."""
_SLACK = 1e-9


@dataclass(frozen=True)
class Specific:
    """Effects of units on each class beyond the others', `[U, C + 1]` each.

    Attributes
    ----------
    value, lo, hi
        Effect on the class's score, beyond the mean of all labels' scores of the same example:
        mean over the class's examples minus mean over the rest, with its interval. The last column
        averages the classes by their examples.
    surprise
        How far the labels as they are stand out, `[U, C + 1]`; the smaller the further.
    shuffled, shuffled_lo, shuffled_hi
        Mean, and ends of the middle 95 %, of the values under shuffled labels.
    first
        Surprise of the first shuffle, as if it were the labels.
    """

    value: np.ndarray
    lo: np.ndarray
    hi: np.ndarray
    surprise: np.ndarray
    shuffled: np.ndarray
    shuffled_lo: np.ndarray
    shuffled_hi: np.ndarray
    first: np.ndarray

    @classmethod
    def concatenate(cls, parts: Sequence[Self]) -> Self:
        """Put units one after another."""
        return cls(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(cls)))


class Null:
    """How far units and classes stand out when labels are shuffled, for one score.

    What all units, classes and shuffles show together is what p are found in: so a p can be small
    beside few shuffles, and a family in which nothing is there has a q below 0.05 about as seldom
    as it says.

    References
    ----------
    Storey & Tibshirani 2003, Statistical significance for genomewide studies, remark C.
    """

    def __init__(self) -> None:
        self.kept: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])

    def keep(self, surprise: np.ndarray) -> None:
        """Fold in surprises of shuffles `[U, C + 1, D]`; all classes have a null of their own."""
        for kept, part in zip(self.kept, (surprise[:, :-1], surprise[:, -1]), strict=True):
            kept.append(part[~np.isnan(part)])

    def p(self, surprise: np.ndarray) -> np.ndarray:
        """Return the p of surprises `[U, C + 1]`."""
        columns, parts = (surprise[:, :-1], surprise[:, -1:]), list[np.ndarray]()
        for own, kept in zip(columns, self.kept, strict=True):
            null = np.sort(np.concatenate(kept)) if kept else np.empty(0)
            # sums in another order may differ in the last bits: such shuffles are ties
            as_far = np.searchsorted(null, own * (1 + _SLACK), side="right")
            p = p_of_count(as_far, len(null))
            parts.append(np.where(np.isnan(own) | (len(null) == 0), np.nan, p))
        return np.concatenate(parts, 1)


class Shuffled:
    """Labels as they are and shuffled among the examples.

    The statistic of a class is Welch's t, as a p of Student's, which sets classes of few examples
    beside those of many; that of all classes is their average, by its own spread under shuffles.

    Parameters
    ----------
    labels
        `[B]`.
    classes
        Number of classes.
    units
        Units of all sites: with many, fewer shuffles make as large a null.
    seed
        Decides the shuffles.

    References
    ----------
    Janssen 1997, Studentized permutation tests for non-i.i.d. hypotheses.
    """

    def __init__(self, labels: np.ndarray, classes: int, *, units: int, seed: int) -> None:
        self.labels, self.classes = labels, classes
        draws = int(np.clip(_NUMBERS / (units * classes), _FEWEST, _DRAWS))
        rng = np.random.default_rng([seed, 9])
        orders = [labels, *(rng.permutation(labels) for _ in range(draws))]
        self.orders = np.stack(orders, 1)  # [B, 1 + D], the labels themselves in front

    def specific(self, effects: np.ndarray, null: Null) -> Specific:
        """Compare effects `[U, B, C]` on every label, and fold what shuffles show into a null."""
        beyond = effects - effects.mean(2, keepdims=True)
        value, lo, hi = self._bounded(beyond)
        drawn, surprise = self._drawn(beyond)  # [U, C + 1, 1 + D]
        null.keep(surprise[..., 1:])
        low, high = band(drawn[..., 1:], 2)
        usual = drawn[..., 1:].mean(2)
        return Specific(value, lo, hi, surprise[..., 0], usual, low, high, surprise[..., 1])

    def _bounded(self, beyond: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Class minus rest, and the average over classes, with intervals over examples."""
        columns = list[tuple[np.ndarray, ...]]()
        n = np.bincount(self.labels, minlength=self.classes)
        for c in range(self.classes):
            own = self.labels == c
            gap = Means.of(beyond[:, own, c]).minus(Means.of(beyond[:, ~own, c]))
            columns.append((gap.value, *gap.interval()))
        weight = n / np.maximum(len(self.labels) - n, 1)  # of another class's label, [C]
        member = np.eye(self.classes)[self.labels]
        each = (beyond * (member - (1 - member) * weight)).sum(2)  # [U, B]
        whole = Means.of(each)
        columns.append((whole.mean, *whole.interval()))
        value, lo, hi = (np.stack(part, 1) for part in zip(*columns, strict=True))
        return value, lo, hi

    def _drawn(self, beyond: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Values and surprises under the labels and every shuffle, `[U, C + 1, 1 + D]`."""
        shape = (len(beyond), self.classes + 1, self.orders.shape[1])
        drawn, surprise = np.zeros(shape), np.full(shape, np.nan)
        for c, gap, p in self._classes(beyond):
            drawn[:, c], surprise[:, c] = gap, p
            share = (self.labels == c).mean()
            drawn[:, -1] += np.nan_to_num(share * gap)
        spread = drawn[:, -1, 1:].std(1, keepdims=True)
        with np.errstate(divide="ignore", invalid="ignore"):
            far = np.where(drawn[:, -1] == 0, 0.0, np.abs(drawn[:, -1]) / spread)
        surprise[:, -1] = 1 / (1 + far)
        return drawn, surprise

    def _classes(self, beyond: np.ndarray) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        """Each class's difference from the rest and Welch's p, `[U, 1 + D]`."""
        for c in range(self.classes):
            member = (self.orders == c).astype(np.float64)  # [B, 1 + D]
            own = int(member[:, 0].sum())
            values = beyond[:, :, c]
            powers = values, values**2
            sums = [power @ member for power in powers]
            rest = [power.sum(1, keepdims=True) - s for power, s in zip(powers, sums, strict=True)]
            yield c, *_welch((own, *sums), (len(member) - own, *rest))


def _welch(
    own: tuple[int, np.ndarray, np.ndarray], rest: tuple[int, np.ndarray, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Difference of two means and its p, from counts, sums and sums of squares."""
    from scipy.special import stdtr

    if min(own[0], rest[0]) < 2:
        nothing = np.full(own[1].shape, np.nan)
        return nothing, nothing
    means, errors = list[np.ndarray](), list[np.ndarray]()
    for n, total, square in (own, rest):
        means.append(total / n)
        spread = square - total * means[-1]
        # what is left of equal values is rounding
        errors.append(np.where(spread > 1e-12 * square, spread, 0.0) / (n - 1) / n)
    gap, error = means[0] - means[1], errors[0] + errors[1]
    with np.errstate(divide="ignore", invalid="ignore"):
        freedom = error**2 / (errors[0] ** 2 / (own[0] - 1) + errors[1] ** 2 / (rest[0] - 1))
        t = np.where(gap == 0, 0.0, np.abs(gap) / np.sqrt(error))
    return gap, 2 * stdtr(np.where(np.isfinite(freedom), freedom, 1.0), -t)
