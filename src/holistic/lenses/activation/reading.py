"""What does each unit of a site hold on every example, as one number?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from holistic.stats.moments import Moments
from holistic.subject import Examples, Subject

__all__ = ["Reading", "read", "reduced"]

_SAME = 1e-6
"""Relative difference up to which values count as the same."""


def reduced(value: Tensor, reduction: str) -> Tensor:
    """Reduce a site's value `[B, P…, U]` over its positions by `mean` or `max`: `[B, U]`."""
    if value.dim() == 2:
        return value.double()
    flat = value.flatten(1, -2)
    return flat.mean(1, dtype=torch.float64) if reduction == "mean" else flat.amax(1).double()


@dataclass(eq=False)
class Reading:
    """One site's units over the examples of one split, folded in batch by batch.

    Attributes
    ----------
    moments
        `[C, U]`, of the values reduced over positions.
    above
        `[C, U]` float64, shares of positions above zero, summed over examples.
    low, high
        `[P…, U]`, smallest and largest value at each position; None before the first batch.
    parts, classes
        The reduced values `[B, U]` float64 and the classes `[B]` of each batch; empty where they
        aren't kept.
    """

    moments: Moments
    above: np.ndarray
    low: Tensor | None = None
    high: Tensor | None = None
    parts: list[np.ndarray] = field(default_factory=list[np.ndarray])
    classes: list[np.ndarray] = field(default_factory=list[np.ndarray])

    @classmethod
    def empty(cls, units: int, classes: int) -> Reading:
        """Return the reading of no examples."""
        return cls(Moments.empty(units, classes), np.zeros((classes, units)))

    def update(self, value: Tensor, labels: Tensor, *, reduction: str, keep: bool) -> None:
        """Fold in a batch: the site's value `[B, P…, U]` and the classes `[B]`."""
        x = reduced(value, reduction).cpu().numpy()  # [B, U]
        self.moments.update(x, labels)
        share = reduced(value > 0, "mean")  # [B, U]
        member = torch.nn.functional.one_hot(labels, len(self.above)).to(share)  # [B, C]
        self.above = self.above + (member.T @ share).cpu().numpy()
        low, high = value.amin(0), value.amax(0)
        self.low = low if self.low is None else torch.minimum(self.low, low)
        self.high = high if self.high is None else torch.maximum(self.high, high)
        if keep:
            self.parts.append(x)
            self.classes.append(labels.cpu().numpy())

    @property
    def values(self) -> np.ndarray:
        """The reduced values `[N, U]` of all examples."""
        return np.concatenate(self.parts)

    @property
    def labels(self) -> np.ndarray:
        """The classes `[N]` of all examples."""
        return np.concatenate(self.classes)

    @property
    def count(self) -> np.ndarray:
        """Examples of each class, `[C]`."""
        seen = self.moments.count + self.moments.non_finite
        return seen.max(1)

    @property
    def lowest(self) -> np.ndarray:
        """Smallest value of each unit over examples and positions, `[U]`."""
        low, _ = self._range()
        return low.reshape(-1, low.shape[-1]).amin(0).cpu().numpy()

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
    told: Callable[[int], None],
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
        Keep each example's reduced values, for ranks; else only sums, whose size doesn't depend
        on the number of examples.
    told
        Called with the number of examples of each finished batch.
    """
    classes = len(subject.classes)
    readings = {name: Reading.empty(subject.site(name).units, classes) for name in sites}
    for part, values in subject.capture_batches(sites, examples.images):
        for name, reading in readings.items():
            labels = examples.labels[part]
            reading.update(values[name], labels, reduction=reduction, keep=keep)
        told(len(examples.labels[part]))
    return readings
