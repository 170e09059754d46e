"""Labelled examples in two splits: one to choose on, and one to measure on."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from torch import Tensor

from holistic.graph.accompanied import rows_of
from holistic.graph.torch_settings import settled
from holistic.study.examples import Examples
from holistic.study.splits import split

__all__ = ["Divided"]


@dataclass(frozen=True, eq=False)
class Divided:
    """Labelled examples in two splits.

    Attributes
    ----------
    images, labels
        `[N, …]` and int64 `[N]`.
    seed
        Decides the splits where none are given.
    given
        Indices of the user's own selection and evaluation split; None where every class is halved.
    """

    images: Tensor = field(repr=False)
    labels: Tensor = field(repr=False)
    seed: int = 0
    given: tuple[np.ndarray, np.ndarray] | None = field(default=None, repr=False)

    @cached_property
    def indices(self) -> tuple[np.ndarray, np.ndarray]:
        """Places of the selection and of the evaluation split, `[N]` each, sorted and disjoint."""
        return self.given or split(self.labels, seed=self.seed)

    @cached_property
    def selection(self) -> Examples:
        """Examples of the selection split."""
        return self._examples(self.indices[0])

    @cached_property
    def evaluation(self) -> Examples:
        """Examples of the evaluation split."""
        return self._examples(self.indices[1])

    @settled()
    def _examples(self, indices: np.ndarray) -> Examples:
        return Examples(np.arange(len(self.labels)), self.images, self.labels).at(indices)

    @cached_property
    @settled()
    def studied(self) -> Tensor:
        """Images of both splits `[N, …]`: all, but where the user's own splits leave some out."""
        if self.given is None:
            return self.images
        return rows_of(self.images, np.sort(np.concatenate(self.indices)))
