"""How well a model does on labelled examples, and whether that is better than chance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from holistic.stats.averages import mean_accuracy
from holistic.stats.intervals import wilson

__all__ = ["Accuracy", "Standing"]


@dataclass(frozen=True)
class Accuracy:
    """Share of examples that are right, in [0, 1], with its 95 % interval (Wilson's) and n."""

    value: float
    lo: float
    hi: float
    n: int

    @classmethod
    def of(cls, right: int, n: int) -> Accuracy:
        """Count `right` of `n` examples; NaN where there are none."""
        lo, hi = wilson(right, n)
        return cls(right / n if n else float("nan"), float(lo), float(hi), n)


@dataclass(frozen=True, eq=False)
class Standing:
    """What a model tells of labelled examples.

    Attributes
    ----------
    labels, predicted
        Class of each example, and the class that the model tells, int `[N]`.
    classes
        Number of classes.
    """

    labels: np.ndarray
    predicted: np.ndarray
    classes: int

    @property
    def accuracy(self) -> Accuracy:
        """Share of the examples that are right."""
        return Accuracy.of(int((self.labels == self.predicted).sum()), len(self.labels))

    @property
    def recalls(self) -> list[Accuracy]:
        """Share of each class's examples that are right."""
        right, counts = self._right_and_counts
        return [Accuracy.of(int(r), int(n)) for r, n in zip(right, counts, strict=True)]

    @property
    def usual(self) -> float:
        """Accuracy of always telling the most frequent class."""
        return int(self._right_and_counts[1].max()) / len(self.labels)

    @property
    def by_chance(self) -> bool:
        """Whether the accuracy is no better than chance.

        It is where its interval reaches down to the share of the most frequent class, and that of
        the mean recall of the classes to what a blind guess gives: one over the number of classes
        that there are examples of.
        """
        right, counts = self._right_and_counts
        blind = 1 / max(1, int((counts > 0).sum()))
        return self.accuracy.lo <= self.usual and mean_accuracy(right, counts)[1] <= blind

    @property
    def _right_and_counts(self) -> tuple[np.ndarray, np.ndarray]:
        """Examples of each class that are right, and all of them, `[C]` each."""
        hits = self.labels[self.labels == self.predicted]
        return (
            np.bincount(hits, minlength=self.classes),
            np.bincount(self.labels, minlength=self.classes),
        )
