"""A subject's images that are meant, with their labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from holistic.graph.accompanied import rows_of
from holistic.study.splits import stratified_sample

__all__ = ["Examples"]


@dataclass(frozen=True, repr=False)
class Examples:
    """Some of a subject's examples.

    Attributes
    ----------
    indices
        `[N]`, places in the data that the subject was given.
    images
        `[N, …]`.
    labels
        `[N]`, class indices.
    """

    indices: np.ndarray
    images: Tensor
    labels: Tensor

    def __repr__(self) -> str:
        return f"{len(self):,} examples of shape {tuple(self.images.shape[1:])}"

    def __len__(self) -> int:
        return len(self.labels)

    def at(self, places: np.ndarray) -> Examples:
        """Return those at some places `[M]`, in that order."""
        images, labels = rows_of(self.images, places), self.labels[torch.from_numpy(places)]
        return Examples(self.indices[places], images, labels)

    def sample(self, count: int, *, seed: int) -> Examples:
        """Draw about `count` of them, every class in its share; all if there are no more."""
        if count >= len(self):
            return self
        return self.at(stratified_sample(self.labels.cpu(), count, seed=seed))
