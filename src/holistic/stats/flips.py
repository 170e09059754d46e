"""Accuracy of groups of examples before and after a change, beside controls of the change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from holistic.stats.control import Control
from holistic.stats.intervals import paired_accuracy_interval
from holistic.stats.tests import Alternative, mcnemar

__all__ = ["Flips"]


@dataclass(frozen=True)
class Flips:
    """Examples of G groups that a change turns wrong or right; the same examples before and after.

    Attributes
    ----------
    n, right
        Examples of each group, and those that were right before, `[G]`.
    lost, gained
        Those that turned wrong, and right, `[G]`.
    control
        Examples lost less those gained under each of R controls of the change, `[R, G]`.
    """

    n: np.ndarray
    right: np.ndarray
    lost: np.ndarray
    gained: np.ndarray
    control: np.ndarray

    @classmethod
    def of(cls, before: np.ndarray, after: np.ndarray, groups: Sequence[np.ndarray]) -> Flips:
        """Count.

        Parameters
        ----------
        before
            Whether each example is right before, `[N]`.
        after
            The same after the change, and after each control of it, `[1 + R, N]`.
        groups
            Of each group, which examples belong to it, `[N]` truth values.
        """
        inside = np.stack(groups).astype(np.float64).T  # [N, G]
        lost, gained = (
            (side.astype(float) @ inside) for side in (before & ~after, ~before & after)
        )
        whole = (inside.sum(0), before.astype(float) @ inside, lost[0], gained[0])
        return cls(*(a.round().astype(np.int64) for a in (*whole, lost[1:] - gained[1:])))

    @property
    def before(self) -> np.ndarray:
        """Accuracy before, `[G]`; NaN of an empty group."""
        return self.right / self._some

    @property
    def after(self) -> np.ndarray:
        """Accuracy after, `[G]`."""
        return (self.right - self.lost + self.gained) / self._some

    @property
    def drop(self) -> np.ndarray:
        """Accuracy before minus after, `[G]`."""
        return (self.lost - self.gained) / self._some

    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the ends of the drops' 95 % intervals (Tango, paired), `[G]` each."""
        least, most = paired_accuracy_interval(self.lost, self.gained, self.n)
        return -most, -least

    def p(self) -> np.ndarray:
        """Return the exact two-sided p of McNemar, `[G]`; NaN of an empty group."""
        return np.where(self.n > 0, mcnemar(self.lost, self.gained), np.nan)

    def controls(self, *, alternative: Alternative = "greater") -> Control:
        """Place the drops among those of the controls: p is the share that drop as much."""
        return Control.of(self.control / self._some, self.drop, alternative=alternative)

    @property
    def _some(self) -> np.ndarray:
        return np.where(self.n > 0, self.n, np.nan)
