"""Reads what each unit of a site holds on every example, as one number."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
import torch
from torch import Tensor

from holistic.graph.sites import Site
from holistic.stats.moments import Moments
from holistic.study.captured import split_batches
from holistic.study.examples import Examples
from holistic.study.subject import Subject

__all__ = ["Reading", "Rows", "read", "reduced"]

_SAME = 1e-6
"""Relative difference up to which values count as the same."""
_NEAR = 0.01
"""Share of the way between the ends of a bounded nonlinearity that counts as being at an end."""


def reduced(value: Tensor, reduction: str) -> Tensor:
    """Reduce a site's value `[B, P…, U]` over its positions by `mean` or `max`: `[B, U]`."""
    if value.dim() == 2:
        return value.double()
    flat = value.flatten(1, -2)
    return flat.mean(1, dtype=torch.float64) if reduction == "mean" else flat.amax(1).double()


@dataclass(frozen=True)
class Rows:
    """What is kept of some examples of one site.

    Attributes
    ----------
    ids, labels
        `[N]`, places in the subject's data and classes.
    values
        `[N, U]` float64, reduced over positions.
    peaks
        `[N, U]` int32, the position that holds the largest value; None where units don't repeat.
    """

    ids: np.ndarray
    labels: np.ndarray
    values: np.ndarray
    peaks: np.ndarray | None

    @classmethod
    def join(cls, parts: Sequence[Rows]) -> Self:
        """Join parts into one, in the order of the ids: the order of the parts doesn't matter."""
        ids = np.concatenate([part.ids for part in parts])
        order = np.argsort(ids, kind="stable")
        peaks = [part.peaks for part in parts if part.peaks is not None]
        return cls(
            ids[order],
            np.concatenate([part.labels for part in parts])[order],
            np.concatenate([part.values for part in parts])[order],
            np.concatenate(peaks)[order] if peaks else None,
        )


@dataclass(eq=False)
class Reading:
    """One site's units over the examples of one split: a state that batches and others fold into.

    Whatever the batches and their order, the sums agree up to the rounding of float64, and the
    ends and the kept rows exactly.

    Attributes
    ----------
    moments
        `[C, U]`, of the values reduced over positions.
    above, at_ends
        `[C, U]` and `[U]` float64, shares of positions above zero, and of those at an end of a
        bounded nonlinearity, summed over examples.
    squares
        `[C + 1, U]` float64, squares of the shares above zero and, last, of those at an end, summed
        over examples.
    bounds
        The ends, None where there are none.
    low, high
        `[P…, U]`, smallest and largest value at each position; None before the first batch.
    parts
        What is kept of each batch; empty where nothing is, so that the size doesn't depend on the
        number of examples.
    """

    moments: Moments
    above: np.ndarray
    at_ends: np.ndarray
    squares: np.ndarray
    bounds: tuple[float, float] | None = None
    low: Tensor | None = None
    high: Tensor | None = None
    parts: list[Rows] = field(default_factory=list[Rows])

    @classmethod
    def empty(cls, units: int, classes: int, bounds: tuple[float, float] | None = None) -> Self:
        """Return the reading of no examples."""
        above, at_ends = np.zeros((classes, units)), np.zeros(units)
        squares = np.zeros((classes + 1, units))
        return cls(Moments.empty(units, classes), above, at_ends, squares, bounds)

    @classmethod
    def of(cls, site: Site, classes: int) -> Self:
        """Return the reading of no examples of a site."""
        return cls.empty(site.units, classes, site.ends)

    def update(
        self, value: Tensor, labels: Tensor, ids: np.ndarray, *, reduction: str, keep: bool
    ) -> Self:
        """Fold in a batch: the site's value `[B, P…, U]`, the classes `[B]`, and the ids `[B]`."""
        x = reduced(value, reduction).cpu().numpy()  # [B, U]
        self.moments.update(x, labels)
        share = reduced(value > 0, "mean")  # [B, U]
        member = torch.nn.functional.one_hot(labels, len(self.above)).to(share)  # [B, C]
        self.above = self.above + (member.T @ share).cpu().numpy()
        self.squares[:-1] += (member.T @ share.square()).cpu().numpy()
        if self.bounds is not None:
            low, high = self.bounds
            margin = _NEAR * (high - (0.0 if math.isinf(low) else low))
            ends = (value <= low + margin) | (value >= high - margin)
            share = reduced(ends, "mean")
            self.at_ends = self.at_ends + share.sum(0).cpu().numpy()
            self.squares[-1] += share.square().sum(0).cpu().numpy()
        self._widen(value.amin(0), value.amax(0))
        if keep:
            peaks = value.flatten(1, -2).argmax(1).int().cpu().numpy() if value.dim() > 2 else None
            self.parts.append(Rows(ids, labels.cpu().numpy(), x, peaks))
        return self

    def merge(self, other: Reading) -> Self:
        """Fold in the reading of other examples, and return this one."""
        self.moments.merge(other.moments)
        self.above, self.at_ends = self.above + other.above, self.at_ends + other.at_ends
        self.squares = self.squares + other.squares
        if other.low is not None and other.high is not None:
            self._widen(other.low, other.high)
        self.parts = [*self.parts, *other.parts]
        return self

    def _widen(self, low: Tensor, high: Tensor) -> None:
        self.low = low if self.low is None else torch.minimum(self.low, low)
        self.high = high if self.high is None else torch.maximum(self.high, high)

    def rows(self) -> Rows:
        """Return what is kept of all examples."""
        return Rows.join(self.parts)

    @property
    def count(self) -> np.ndarray:
        """Examples of each class, `[C]`."""
        seen = self.moments.count + self.moments.non_finite
        return seen.max(1)

    @property
    def saturated(self) -> np.ndarray:
        """Share of examples and positions at an end, `[U]`; NaN where there are no ends."""
        if self.bounds is None:
            return np.full(len(self.at_ends), np.nan)
        return self.at_ends / max(int(self.count.sum()), 1)

    @property
    def lowest(self) -> np.ndarray:
        """Smallest value of each unit over examples and positions, `[U]`."""
        low, _ = self._range()
        return low.reshape(-1, low.shape[-1]).amin(0).cpu().numpy()

    def highest_size(self) -> np.ndarray:
        """Return the largest distance of any value of each unit from zero, `[U]`."""
        low, high = self._range()
        size = torch.maximum(low.abs(), high.abs())
        return size.reshape(-1, size.shape[-1]).amax(0).cpu().numpy()

    def constant_with(self, other: Reading) -> np.ndarray:
        """Say which units `[U]` hold the same value on all examples of both, at every position."""
        ranges = self._range(), other._range()
        low = torch.minimum(ranges[0][0], ranges[1][0])
        high = torch.maximum(ranges[0][1], ranges[1][1])
        same = high - low <= _SAME * torch.maximum(low.abs(), high.abs())
        return same.reshape(-1, same.shape[-1]).all(0).cpu().numpy()

    def _range(self) -> tuple[Tensor, Tensor]:
        if self.low is None or self.high is None:
            raise ValueError("a reading without examples has no range")
        return self.low.double(), self.high.double()


def read(
    subject: Subject,
    sites: Sequence[str],
    examples: Examples,
    *,
    reduction: str,
    keep: bool,
    finished: Callable[[int], None],
) -> dict[str, Reading]:
    """Read sites in one pass over examples.

    Parameters
    ----------
    subject
        Whose sites.
    sites
        Names of the sites.
    examples
        What is read; their places in the data don't matter.
    reduction
        `mean` or `max` over positions.
    keep
        Keep each example's reduced values and peaks, for ranks; else only sums, whose size
        doesn't depend on the number of examples.
    finished
        Called with the number of examples of each finished batch.
    """
    classes = len(subject.classes)
    readings = {name: Reading.of(subject.site(name), classes) for name in sites}
    for part, values in split_batches(subject, sites, examples.images):
        labels, ids = examples.labels[part], examples.indices[part]
        for name, reading in readings.items():
            reading.update(values[name], labels, ids, reduction=reduction, keep=keep)
        finished(len(examples.labels[part]))
    return readings
