"""Means, spreads and correlations of units, when examples come a batch at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Self

import numpy as np

from holistic.errors import DataError
from holistic.stats.accumulate import moved_powers
from holistic.stats.means import Means

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Correlation", "CrossMoments", "Moments", "float64"]


def float64(values: Tensor | np.ndarray) -> np.ndarray:
    """Return a tensor of any device and float type, or an array, as a float64 array."""
    if not isinstance(values, np.ndarray):
        values = values.detach().cpu().double().numpy()
    return values.astype(np.float64, copy=False)


@dataclass(eq=False)
class Moments:
    """Count, mean and summed squared deviation of every unit in every class.

    Batches and partial results are folded in by the pairwise rule of Chan, Golub & LeVeque
    (1983, eq. 2.1), in float64 and relative to the first finite value of each unit and class, so
    that a large mean doesn't swallow a small spread and a constant unit has a spread of exactly
    zero. The memory doesn't depend on the number of examples.

    Attributes
    ----------
    origin
        `[C, U]` float64, the value that the mean is kept relative to.
    count
        `[C, U]` int64, finite values seen.
    offset
        `[C, U]` float64, mean minus origin; 0 where nothing was seen.
    m2, m3, m4
        `[C, U]` float64, sums of the second, third and fourth powers of the deviations from the
        class's mean.
    active
        `[C, U]` int64, values above zero.
    non_finite
        `[C, U]` int64, NaN and infinite values: counted here and left out of all else.

    Examples
    --------
    >>> moments = Moments.empty(units=1).update(np.array([[1.0], [2.0]]))
    >>> moments.update(np.array([[6.0]])).mean
    array([[3.]])
    """

    origin: np.ndarray
    count: np.ndarray
    offset: np.ndarray
    m2: np.ndarray
    m3: np.ndarray
    m4: np.ndarray
    active: np.ndarray
    non_finite: np.ndarray

    @classmethod
    def empty(cls, units: int, classes: int = 1) -> Self:
        """Return the moments of no examples."""
        counts = np.zeros((3, classes, units), np.int64)
        sums = np.zeros((5, classes, units))
        origin, offset, m2, m3, m4 = sums
        return cls(origin, counts[0], offset, m2, m3, m4, counts[1], counts[2])

    @classmethod
    def of(
        cls,
        values: Tensor | np.ndarray,
        labels: Tensor | np.ndarray | None = None,
        classes: int = 1,
    ) -> Self:
        """Return the moments of one batch.

        Parameters
        ----------
        values
            `[B, U]`.
        labels
            `[B]`, the class of each example; None puts all into class 0.
        classes
            Number of classes.

        Raises
        ------
        DataError
            If a label isn't one of the classes.
        """
        labels = _checked_labels(labels, len(values), classes)
        order = np.argsort(labels, kind="stable")
        x, labels = float64(values)[order], labels[order]  # a class's examples side by side
        finite = np.isfinite(x)  # [B, U]
        x[~finite] = 0.0
        count = _class_sums(finite, labels, classes)
        origin = _class_firsts(x, finite, labels, classes)
        active = _class_sums(x > 0, labels, classes)
        x -= origin[labels]
        x[~finite] = 0.0
        offset = _class_sums(x, labels, classes) / np.maximum(count, 1)
        x -= offset[labels]
        x[~finite] = 0.0
        square = x**2
        m2, m3, m4 = (
            _class_sums(power, labels, classes) for power in (square, square * x, square**2)
        )
        rows = np.bincount(labels, minlength=classes)[:, None]
        return cls(origin, count, offset, m2, m3, m4, active, rows - count)

    def update(
        self, values: Tensor | np.ndarray, labels: Tensor | np.ndarray | None = None
    ) -> Self:
        """Fold a batch `[B, U]` with classes `[B]` into these moments, and return them."""
        return self.merge(type(self).of(values, labels, len(self.count)))

    def merge(self, other: Moments) -> Self:
        """Fold other examples' moments into these, and return these."""
        delta = _gap(self, other)  # [C, U]
        total = self.count + other.count
        share = other.count / np.maximum(total, 1)
        self.origin = np.where(self.count > 0, self.origin, other.origin)
        down, up = -delta * share, delta * (1 - share)
        mine, theirs = _moved(self, down), _moved(other, up)
        self.m3, self.m4 = mine[1] + theirs[1], mine[2] + theirs[2]
        self.offset = self.offset + delta * share
        self.m2 = self.m2 + other.m2 + delta**2 * self.count * share
        self.count = total
        self.active = self.active + other.active
        self.non_finite = self.non_finite + other.non_finite
        return self

    def deviations(
        self, values: Tensor | np.ndarray, labels: Tensor | np.ndarray | None = None
    ) -> np.ndarray:
        """Return values minus their class's mean, `[B, U]`; 0 for non-finite values."""
        x, labels = float64(values), _checked_labels(labels, len(values), len(self.count))
        finite = np.isfinite(x)
        x = np.where(finite, x, 0.0)
        return np.where(finite, x - self.origin[labels] - self.offset[labels], 0.0)

    @property
    def mean(self) -> np.ndarray:
        """Means `[C, U]`, NaN where a class has no finite value."""
        return np.where(self.count > 0, self.origin + self.offset, np.nan)

    @property
    def variance(self) -> np.ndarray:
        """Sample variances `[C, U]` (divisor n - 1), NaN where a class has fewer than 2 values."""
        return np.where(self.count > 1, self.m2 / np.maximum(self.count - 1, 1), np.nan)

    @property
    def std(self) -> np.ndarray:
        """Sample standard deviations `[C, U]`, NaN where a class has fewer than 2 values."""
        return np.sqrt(self.variance)

    @property
    def means(self) -> Means:
        """Means `[C, U]` with what their bounds follow from."""
        return Means(self.count, self.mean, self.m2, self.m3, self.m4)

    @property
    def active_fraction(self) -> np.ndarray:
        """Share of finite values above zero `[C, U]`, NaN where a class has no finite value."""
        return np.where(self.count > 0, self.active / np.maximum(self.count, 1), np.nan)

    def only(self, classes: Sequence[int]) -> Moments:
        """Return the moments of some of the classes, `[K, U]`."""
        kept = list(classes)
        return Moments(*(getattr(self, part.name)[kept] for part in fields(self)))

    def total(self) -> Moments:
        """Return the moments over all classes together, as one class `[1, U]`."""
        origin, offsets = _offsets(self)
        count = self.count.sum(0)
        offset = (self.count * offsets).sum(0) / np.maximum(count, 1)
        shift = np.where(self.count > 0, offsets - offset, 0.0)
        powers = (power.sum(0) for power in _moved(self, shift))
        sums = count, offset, *powers, self.active.sum(0), self.non_finite.sum(0)
        return Moments(origin[None], *(total[None] for total in sums))

    def balanced_mean(self) -> np.ndarray:
        """Return the mean of the class means `[U]`, over the classes seen; NaN if there is none."""
        origin, offsets = _offsets(self)
        seen = (self.count > 0).sum(0)
        return np.where(seen > 0, origin + offsets.sum(0) / np.maximum(seen, 1), np.nan)

    def between(self) -> np.ndarray:
        """Return how far each class's mean lies above that of all examples, `[C, U]`."""
        return _offsets(self)[1] - self.total().offset

    def constant(self, *, within: bool = False) -> np.ndarray:
        """Say which units `[U]` never change, or (`within`) never change inside a class."""
        return (self if within else self.total()).m2.sum(0) == 0


@dataclass(frozen=True)
class Correlation:
    """Pearson correlations between two blocks of units.

    Attributes
    ----------
    r
        `[U, V]`, NaN for pairs with a unit that is left out.
    p
        `[U, V]`, two-sided p of no correlation (t approximation).
    n
        Number of examples.
    df
        Degrees of freedom of the t statistic: n - 2, or n - C - 1 within C classes.
    left_out, right_out
        `[U]` and `[V]` bool: units left out for being constant or having non-finite values.
    """

    r: np.ndarray
    p: np.ndarray
    n: int
    df: int
    left_out: np.ndarray
    right_out: np.ndarray


@dataclass(eq=False)
class CrossMoments:
    """Products of the deviations of two blocks of units, summed over examples.

    Attributes
    ----------
    left, right
        Moments of the two blocks, `[C, U]` and `[C, V]`.
    rows
        `[C]` int64, examples seen per class.
    within
        `[U, V]` float64, sum of products of deviations from the class means; the share of the
        class means themselves follows from `left` and `right`.
    """

    left: Moments
    right: Moments
    rows: np.ndarray
    within: np.ndarray

    @classmethod
    def empty(cls, left: int, right: int, classes: int = 1) -> Self:
        """Return the products of no examples, for `left` × `right` units."""
        blocks = Moments.empty(left, classes), Moments.empty(right, classes)
        return cls(*blocks, np.zeros(classes, np.int64), np.zeros((left, right)))

    def update(
        self,
        left: Tensor | np.ndarray,
        right: Tensor | np.ndarray,
        labels: Tensor | np.ndarray | None = None,
    ) -> Self:
        """Fold a batch `[B, U]`, `[B, V]` with classes `[B]` into these sums, and return them."""
        classes = len(self.rows)
        blocks = Moments.of(left, labels, classes), Moments.of(right, labels, classes)
        rows = np.bincount(_checked_labels(labels, len(left), classes), minlength=classes)
        products = blocks[0].deviations(left, labels).T @ blocks[1].deviations(right, labels)
        return self.merge(type(self)(*blocks, rows, products))

    def merge(self, other: CrossMoments) -> Self:
        """Fold other examples' sums into these, and return these."""
        weight = self.rows * other.rows / np.maximum(self.rows + other.rows, 1)  # [C]
        left, right = _gap(self.left, other.left), _gap(self.right, other.right)
        self.within = self.within + other.within + (left * weight[:, None]).T @ right
        self.left.merge(other.left)
        self.right.merge(other.right)
        self.rows = self.rows + other.rows
        return self

    def correlation(self, *, within: bool = False) -> Correlation:
        """Return the Pearson correlation of every pair of units.

        Parameters
        ----------
        within
            Remove the class means first: the correlation that two units have beyond preferring
            the same classes.
        """
        left = self.left if within else self.left.total()
        right = self.right if within else self.right.total()
        products = self.within if within else self.within + _between(self)
        left_out = self.left.constant(within=within) | self.left.non_finite.any(0)
        right_out = self.right.constant(within=within) | self.right.non_finite.any(0)
        scale = np.outer(np.sqrt(left.m2.sum(0)), np.sqrt(right.m2.sum(0)))  # [U, V]
        kept = ~left_out[:, None] & ~right_out & (scale > 0)
        r = np.where(kept, np.clip(products / np.where(kept, scale, 1.0), -1, 1), np.nan)
        n = int(self.rows.sum())
        df = n - 1 - (int((self.rows > 0).sum()) if within else 1)
        return Correlation(r, _p_of_r(r, df), n, df, left_out, right_out)


def _p_of_r(r: np.ndarray, df: int) -> np.ndarray:
    """Return the two-sided p of correlations by the t approximation, NaN without freedom."""
    from scipy.special import stdtr

    if df < 1:
        return np.full_like(r, np.nan)
    with np.errstate(divide="ignore"):
        t = np.abs(r) * np.sqrt(df / (1 - r**2))
    return 2 * stdtr(df, -t)


def _moved(moments: Moments, by: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sums of powers of the deviations, `[C, U]`, from values that lie so far below the means."""
    return moved_powers(moments.count, (moments.m2, moments.m3, moments.m4), by)


def _gap(mine: Moments, theirs: Moments) -> np.ndarray:
    """Return how far their means lie above mine, `[C, U]`."""
    both = (mine.count > 0) & (theirs.count > 0)
    return theirs.offset + np.where(both, theirs.origin - mine.origin, 0.0) - mine.offset


def _offsets(moments: Moments) -> tuple[np.ndarray, np.ndarray]:
    """Return one origin `[U]` per unit and the class means `[C, U]` relative to it."""
    seen = moments.count > 0
    origin = moments.origin[seen.argmax(0), np.arange(seen.shape[1])]
    return origin, np.where(seen, moments.origin - origin + moments.offset, 0.0)


def _between(cross: CrossMoments) -> np.ndarray:
    """Return the products of the class means' deviations, weighted by examples, `[U, V]`."""
    left, right = (block.between() for block in (cross.left, cross.right))
    return (left * cross.rows[:, None]).T @ right


def _checked_labels(labels: Tensor | np.ndarray | None, count: int, classes: int) -> np.ndarray:
    if labels is None:
        return np.zeros(count, np.int64)
    labels = np.asarray(labels if isinstance(labels, np.ndarray) else labels.detach().cpu())
    if len(labels) and not (labels.min() >= 0 and labels.max() < classes):
        raise DataError(
            f"labels from {labels.min()} to {labels.max()}; {classes} classes allow 0 to "
            f"{classes - 1}; give the right number of classes"
        )
    return labels.astype(np.int64, copy=False)


def _class_sums(values: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """Sum rows `[B, U]` by class `[B]`, which rises, into `[C, U]`, in the examples' order."""
    kind = np.float64 if values.dtype.kind == "f" else np.int64
    sums = np.zeros((classes, values.shape[1]), kind)
    present, starts = np.unique(labels, return_index=True)
    if len(present):
        sums[present] = np.add.reduceat(values, starts, axis=0, dtype=kind)
    return sums


def _class_firsts(
    values: np.ndarray, finite: np.ndarray, labels: np.ndarray, classes: int
) -> np.ndarray:
    """Return the first finite value of every class and unit, `[C, U]`; 0 where there is none."""
    firsts = np.zeros((classes, values.shape[1]))
    for label, start in zip(*np.unique(labels, return_index=True), strict=True):
        own = slice(start, start + np.count_nonzero(labels == label))
        firsts[label] = np.take_along_axis(values[own], finite[own].argmax(0)[None], 0)[0]
    return firsts
