"""Reads each unit as one number an example: its mean over positions."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from holistic.graph.engine import position_mean
from holistic.graph.loops import batches
from holistic.lenses._units import unit_values
from holistic.stats.moments import Moments
from holistic.stats.order import ordered
from holistic.study.examples import Examples
from holistic.study.subject import Subject

__all__ = [
    "Activations",
    "activations",
    "class_indices",
    "in_words",
    "most_varying",
    "position_means",
    "row_batches",
    "sampled",
]

_MOST = 512
_NUMBERS = 32 << 20
"""Numbers that the values of one batch may hold."""


def class_indices(examples: Examples) -> np.ndarray:
    """Return the class of each example, `[N]` int64."""
    return examples.labels.cpu().numpy()


@dataclass(frozen=True)
class Activations:
    """What units hold on some examples.

    Attributes
    ----------
    values
        `[N, U]` float64, position means.
    labels
        `[N]` int64, classes of the examples.
    """

    values: np.ndarray
    labels: np.ndarray

    def of_units(self, units: np.ndarray) -> Activations:
        """Return those of some units."""
        return Activations(self.values[:, units], self.labels)


def row_batches(subject: Subject, sites: Sequence[str], rows: np.ndarray) -> Iterator[np.ndarray]:
    """Cut rows of examples into batches in which the values of the sites stay small."""
    for part in batches(len(rows), _batch_size(subject, sites)):
        yield rows[part]


def _batch_size(subject: Subject, sites: Sequence[str]) -> int:
    sizes = [math.prod(subject.site(name).shape) for name in sites]
    return max(1, min(_MOST, _NUMBERS // max(1, sum(sizes))))


def position_means(
    subject: Subject, sites: Sequence[str], examples: Examples, rows: np.ndarray
) -> dict[str, np.ndarray]:
    """Read what the units of some sites hold on rows of the examples: `[N, U]` float64 each."""
    size = _batch_size(subject, sites)
    return unit_values(subject, sites, examples.images, rows=rows, batch=size, reduce=position_mean)


def activations(
    subject: Subject, sites: Sequence[str], examples: Examples
) -> dict[str, Activations]:
    """Read what the units of some sites hold on examples, by site."""
    labels = class_indices(examples)
    means = position_means(subject, sites, examples, np.arange(len(labels)))
    return {name: Activations(values, labels) for name, values in means.items()}


def sampled(examples: Examples, most: int, *, seed: int) -> Examples:
    """Return about so many of the examples, or 2 of each class, every class in its share."""
    return examples.sample(max(most, 2 * len(examples.labels.unique())), seed=seed)


def most_varying(values: np.ndarray, count: int) -> np.ndarray:
    """Return the units of `[N, U]` with the largest standard deviation, in their order."""
    spread = np.nan_to_num(Moments.of(values).std[0], nan=-1.0)
    return np.sort(ordered(-spread)[:count])


def in_words(units: Sequence[int] | np.ndarray, limit: int = 12) -> str:
    """List units for a sentence, shortened after `limit` of them.

    >>> in_words([3, 5])
    '3, 5'
    >>> in_words(range(5), limit=2)
    '0, 1 and 3 more'
    """
    units = [int(u) for u in units]
    shown = ", ".join(map(str, units[:limit]))
    return shown + (f" and {len(units) - limit} more" if len(units) > limit else "")
