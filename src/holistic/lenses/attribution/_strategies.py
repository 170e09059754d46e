"""Parts a class's maps into strategies, where held-out maps show a valley between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from holistic.lenses.attribution._alike import halves
from holistic.stats.agreement import adjusted_rand

__all__ = ["FEWEST", "Parted", "parted", "valley_p"]

FEWEST = 16
"""Maps of a split that parting a class needs, and half of them each part."""
_ALPHA = 0.05
_RARE = 0.15
"""Share of a class's images that a strategy must have."""
_AGREEING = 0.8
"""Mean adjusted Rand index with resampled maps from which on a split stands."""
_RESAMPLES = 20
_DEPTH = 3
"""How often parts are parted again at most."""


@dataclass(frozen=True)
class Parted:
    """Strategies of a class.

    Attributes
    ----------
    chosen, tested
        Strategy of each map of the selection and the evaluation split, 0 the commonest.
    p
        That of the first split on the evaluation split; NaN where maps are too few.
    agreement
        Mean adjusted Rand index with the parts that resampled maps give; NaN of a single part.
    """

    chosen: np.ndarray
    tested: np.ndarray
    p: float
    agreement: float

    @property
    def count(self) -> int:
        """How many there are."""
        return int(self.chosen.max(initial=0)) + 1


def parted(chosen: np.ndarray, tested: np.ndarray, seed: int) -> Parted:
    """Part maps in two as long as a valley lies between the parts.

    Parameters
    ----------
    chosen
        `[N, F]`, maps of the selection split: parts and bands are fixed on them.
    tested
        `[M, F]`, maps of the evaluation split, which decide.
    seed
        Of the resamples.

    References
    ----------
    Lapuschkin et al. 2019 (clusters of maps are strategies).
    """
    (labels, others), p = _split(chosen, (chosen, tested), _DEPTH)
    if not labels.any():
        return Parted(labels, others, p, float("nan"))
    rng, found = np.random.default_rng(seed), list[float]()
    for _ in range(_RESAMPLES):
        some = chosen[rng.integers(0, len(chosen), len(chosen))]
        found.append(adjusted_rand(labels, _split(some, (chosen, tested), _DEPTH)[0][0]))
    agreement = float(np.mean(found))
    if agreement < _AGREEING:
        return Parted(np.zeros_like(labels), np.zeros_like(others), p, agreement)
    return Parted(*_by_size(labels, others), p, agreement)


def _split(
    known: np.ndarray, sides: Sequence[np.ndarray], depth: int
) -> tuple[list[np.ndarray], float]:
    """Part known maps, and others by them, of which the last ones decide: labels, and the first p.

    Parts are parted again, to a depth.
    """
    labels = [np.zeros(len(side), np.int64) for side in sides]
    if min(len(known), *(len(side) for side in sides)) < FEWEST or not known.std(0).max() > 0:
        return labels, float("nan")
    two = halves(known) > 0
    own, *parts = (_side(known, two, values) for values in (known, *sides))
    if not all(_enough(part) and _enough(~part) for part in (own, *parts)):
        return labels, 1.0
    axis = known[two].mean(0) - known[~two].mean(0)
    along = known @ axis
    ends = np.quantile(along[~own], 0.75), np.quantile(along[own], 0.25)  # those nearer the cut
    p = valley_p(sides[-1] @ axis, *ends)
    if p >= _ALPHA or not depth:
        return labels, p
    for one in (0, 1):
        within = [side[part == one] for side, part in zip(sides, parts, strict=True)]
        inner = _split(known[own == one], within, depth - 1)[0]
        for label, part, more in zip(labels, parts, inner, strict=True):
            label[part == one] = 1 + one + 2 * more
    return labels, p


def _enough(part: np.ndarray) -> bool:
    """Whether a part of some maps, `[N]` bool, has enough of them for a strategy."""
    return part.mean() >= _RARE and part.sum() >= FEWEST // 2


def _side(known: np.ndarray, two: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Which maps `[M, F]` lie nearer to the mean of a part of known ones than to the rest's."""
    first, second = known[~two].mean(0), known[two].mean(0)
    return (values - (first + second) / 2) @ (second - first) > 0


def valley_p(values: np.ndarray, low: float, high: float) -> float:
    """Test whether numbers `[M]` have a valley between two places: against any single peak.

    Three bands of the same width lie around the places and in the middle. A density with a single
    peak has at least as much in the middle one as in one of the others; so the larger of two exact
    one-sided p, of as much in the middle as on either side, holds whatever the density.

    >>> valley_p(np.array([0.0] * 6 + [3.0] * 6), 0.0, 3.0)
    0.015625
    """
    from scipy.stats import binom

    half = (high - low) / 6
    counts = [int((np.abs(values - at) <= half).sum()) for at in (low, (low + high) / 2, high)]
    return float(max(binom.cdf(counts[1], counts[1] + side, 0.5) for side in counts[::2]))


def _by_size(labels: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number strategies by how many maps they have, the commonest first."""
    names = np.unique(labels)
    order = sorted(names, key=lambda name: -int((labels == name).sum()))
    place = {name: k for k, name in enumerate(order)}
    return tuple(np.array([place[one] for one in side], np.int64) for side in (labels, others))  # pyright: ignore[reportReturnType]
