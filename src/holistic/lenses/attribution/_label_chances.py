"""Turns doubts into probabilities that labels are wrong."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import beta

from holistic.lenses.attribution._label_scores import Scores, doubt
from holistic.results.columns import Estimate

__all__ = [
    "EDGES", "FEWEST", "HALF", "Chances", "chances_of", "counted", "exact_share", "ratio",
    "typicality", "wrong_share",
]  # fmt: skip

EDGES = np.array([0.0, 0.02, 0.05, 0.125, 0.25, 0.5, 0.75, 1.0])
"""Ends of the groups of typicality; the last is what the others are measured by."""
HALF = 0.5
FEWEST = 10
"""Labels of a class that it needs to be judged."""


def typicality(scores: Scores, able: np.ndarray) -> np.ndarray:
    """Say how typical each example would be of the class that it looks like, 0 to 1: `[N]`.

    It is the share of that class's own examples that look less like it than this one does. Where
    wrong labels are given without regard to the example, those have any typicality equally often;
    right but odd examples have small ones.

    Parameters
    ----------
    scores
        What the examples look like.
    able
        `[C]`, classes that can be judged; elsewhere the answer is 0.
    """
    doubts, labels, suggested = scores.doubt, scores.labels, scores.suggested
    clear = -doubt(scores.likeness, scores.likeness.argmax(1))
    typical = np.zeros(len(labels))
    for other in np.flatnonzero(able):
        own = np.sort(clear[(labels == other) & (doubts < 0)])
        here = (suggested == other) & (doubts > 0) & able[labels]
        typical[here] = np.searchsorted(own, clear[here], side="left") / max(1, len(own))
    return typical


def exact_share(hits: int, n: int, *, level: float = 0.95) -> tuple[float, float]:
    """Return the exact interval of a share (Clopper and Pearson 1934)."""
    tail = (1 - level) / 2
    lo = 0.0 if hits == 0 else float(beta.ppf(tail, hits, n - hits + 1))
    return lo, 1.0 if hits == n else float(beta.ppf(1 - tail, hits + 1, n - hits))


def ratio(first: int, second: int, width: float) -> Estimate:
    """Compare two counts: (first / width) / second as a share, at most 1, with an exact interval.

    Given their sum, the first is binomial.
    """
    if first + second == 0:
        return Estimate(0.0, 0.0, 1.0, 0)
    lo, hi = exact_share(first, first + second)
    odds = [np.inf if s >= 1 else s / (1 - s) / width for s in (lo, hi)]
    value = np.inf if second == 0 else first / second / width
    value, lo, hi = (float(min(1.0, v)) for v in (value, *odds))
    return Estimate(value, lo, hi, first + second)


def wrong_share(typical: np.ndarray) -> Estimate:
    """Estimate the share of wrong labels among examples of these typicalities.

    Half of the wrong labels are more typical of another class than half of its own examples; right
    ones hardly ever are.

    References
    ----------
    Storey 2002 (the estimate of a uniform part).
    """
    n, hits = len(typical), int((typical >= HALF).sum())
    if not n:
        return Estimate(None, n=0)
    lo, hi = exact_share(hits, n)
    value, lo, hi = (float(min(1.0, v / (1 - HALF))) for v in (hits / n, lo, hi))
    return Estimate(value, lo, hi, n)


@dataclass(frozen=True, eq=False)
class Chances:
    """What is known of N labels.

    Attributes
    ----------
    typical
        `[N]`.
    group
        `[N]`, which group of typicality each is in; -1 where it isn't doubted at all.
    wrong
        By group the probability that a label in it is wrong.
    """

    typical: np.ndarray
    group: np.ndarray
    wrong: tuple[Estimate, ...]

    @property
    def doubted(self) -> np.ndarray:
        """Whether each label is more probably wrong than right, `[N]`."""
        likely = np.array([(one.value or 0.0) >= HALF for one in self.wrong] + [False])
        return likely[self.group]


def chances_of(scores: Scores, able: np.ndarray) -> Chances:
    """Estimate how often labels are wrong, by how typical examples are of another class."""
    doubted = (scores.doubt > 0) & able[scores.labels] & able[scores.suggested]
    return counted(typicality(scores, able), doubted)


def counted(typical: np.ndarray, doubted: np.ndarray) -> Chances:
    """Count doubted examples by their typicality `[N]`, and say how many are wrong.

    Wrong labels are as many in every stretch of typicality, right ones grow fewer: what is counted
    in the most typical quarter says how many wrong ones there are in any other. In that quarter
    itself, its upper half is compared with its lower one.
    """
    group = np.searchsorted(EDGES, typical, side="right") - 1
    group = np.where(doubted, np.minimum(group, len(EDGES) - 2), -1)
    counts = np.bincount(group[doubted], minlength=len(EDGES) - 1)
    widths, last = np.diff(EDGES), int(counts[-1])
    upper = int((typical[doubted] >= (EDGES[-1] + EDGES[-2]) / 2).sum())
    wrong = [ratio(last, int(c), widths[-1] / w) for c, w in zip(counts, widths, strict=True)]
    wrong[-1] = ratio(upper, last - upper, 1.0)
    for k in range(1, len(wrong)):  # the more typical of another class, the more surely wrong
        wrong[k] = max(wrong[k - 1], wrong[k], key=lambda one: one.value or 0.0)
    return Chances(typical, group, tuple(wrong))
