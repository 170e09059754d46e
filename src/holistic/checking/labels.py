"""Finds labels that stand in another order than the model's outputs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from holistic.stats.intervals import paired_accuracy_interval
from holistic.stats.tests import mcnemar
from holistic.study.standing import Accuracy, Standing

__all__ = ["Gain", "Reordered", "gain_of", "reordered"]

_WORTH = 0.02
"""Accuracy that a remedy must win at least to be told."""
_SURE = 0.001
"""Largest p of a remedy that is told: someone changes their data by it."""


@dataclass(frozen=True)
class Gain:
    """What a remedy does on examples that it wasn't chosen on.

    Attributes
    ----------
    accuracy
        With the remedy.
    lo, hi
        95 % interval of what it adds to the accuracy (Tango's, paired).
    p
        Exact McNemar test of no difference.
    """

    accuracy: Accuracy
    lo: float
    hi: float
    p: float

    @property
    def large(self) -> bool:
        """Whether it is large and sure enough to be reported."""
        return self.lo >= _WORTH and self.p < _SURE


@dataclass(frozen=True)
class Reordered:
    """An order of the labels with which the model does far better.

    Attributes
    ----------
    order
        `[C]`, the output that stands for each label.
    gain
        What reading the labels in this order gives.
    """

    order: tuple[int, ...]
    gain: Gain

    @property
    def moved(self) -> tuple[tuple[int, int], ...]:
        """The labels that another output stands for, with that output."""
        return tuple((c, o) for c, o in enumerate(self.order) if c != o)


def gain_of(before: np.ndarray, after: np.ndarray) -> Gain:
    """Compare which examples `[N]` are right before and after a remedy."""
    lost, gained = int((before & ~after).sum()), int((after & ~before).sum())
    low, high = paired_accuracy_interval(lost, gained, len(before))
    accuracy = Accuracy.of(int(after.sum()), len(after))
    return Gain(accuracy, float(low), float(high), float(mcnemar(lost, gained)))


def reordered(choosing: Standing, measuring: Standing) -> Reordered | None:
    """Look for the best order of the labels; None where it isn't far better than the given one.

    The order is the assignment of outputs to labels that most examples agree with (Kuhn 1955). It
    is chosen on one half and measured on the other, since the best of C! orders looks better than
    it is on the half that it was chosen on.

    Parameters
    ----------
    choosing, measuring
        What the model tells of the two halves.
    """
    from scipy.optimize import linear_sum_assignment

    classes = choosing.classes
    counts = np.zeros((classes, classes))
    np.add.at(counts, (choosing.labels, choosing.predicted), 1)
    # among orders that do as well, one that leaves labels where they are
    counts += 0.5 / max(1, classes) * np.eye(classes)
    order = linear_sum_assignment(counts, maximize=True)[1]
    after = order[measuring.labels] == measuring.predicted
    gain = gain_of(measuring.labels == measuring.predicted, after)
    return Reordered(tuple(map(int, order)), gain) if gain.large else None
