"""Says of every example what its label should be, by fits that never saw it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from holistic.lenses.attribution._label_views import View

__all__ = ["Scores", "cross_fitted", "folds_of", "judged", "random_features"]

FOLDS = 5
ROUNDS = 3
"""Fits: from the second on, those labels are left out that the fit before doubts."""
RIDGE = 0.05
"""Ridge as a share of the mean square of a feature."""
_SPREAD = 0.5
"""Standard deviation of the random features' thresholds."""


@dataclass(frozen=True, eq=False)
class Scores:
    """What N examples look like.

    Attributes
    ----------
    labels
        `[N]`, as given.
    likeness
        `[N, C]`, how much each looks like a class: the mean of all views' answers and of the
        model's own probability, each between 0 and 1.
    """

    labels: np.ndarray
    likeness: np.ndarray

    @property
    def suggested(self) -> np.ndarray:
        """The class other than its label that each example looks like most, `[N]`."""
        return self._others().argmax(1)

    @property
    def doubt(self) -> np.ndarray:
        """How much more it looks like that class than like its label's, `[N]`."""
        return doubt(self.likeness, self.labels)

    def _others(self) -> np.ndarray:
        others = self.likeness.copy()
        others[np.arange(len(others)), self.labels] = -np.inf
        return others


def doubt(likeness: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Take from the largest number of another class `[N, C]` that of the label: `[N]`."""
    rows = np.arange(len(labels))
    others = likeness.copy()
    others[rows, labels] = -np.inf
    return others.max(1) - likeness[rows, labels]


def judged(
    views: Sequence[View], chances: np.ndarray, labels: np.ndarray, width: int, seed: int
) -> Scores:
    """Average what every view says, out of fold, and what the model says.

    Deep views, and the model itself, may have learned wrong labels by heart. Each answer lies
    between 0 and 1, so that what knows every label by heart says the same of all and hides
    nothing that other views see.
    """
    folds = folds_of(labels, seed)
    total = chances.copy()
    for place, view in enumerate(views):
        features = random_features(view.values, width, seed + place)
        found = cross_fitted(features, labels, chances.shape[1], folds)
        total += found.clip(0, 1)
    return Scores(labels, total / (len(views) + 1))


def folds_of(labels: np.ndarray, seed: int) -> np.ndarray:
    """Deal the examples of every class out to the folds in turn, `[N]`."""
    rng = np.random.default_rng([seed, 5201])
    folds = np.empty(len(labels), np.int64)
    for label in np.unique(labels):
        own = rng.permutation(np.flatnonzero(labels == label))
        folds[own] = (np.arange(len(own)) + label) % FOLDS
    return folds


def random_features(values: Tensor, width: int, seed: int) -> Tensor:
    """Return random ReLU features of a view `[N, F]` and a constant: `[N, width + 1]`.

    References
    ----------
    Rahimi and Recht 2007; Cho and Saul 2009 (the kernel that they stand for).
    """
    generator = torch.Generator().manual_seed(seed)
    values = _standard(values)
    wide = max(1, values.shape[1])
    weights = torch.randn(values.shape[1], width, generator=generator) / wide**0.5
    thresholds = _SPREAD * torch.randn(1, width, generator=generator)
    features = _standard((values @ weights + thresholds).relu_())
    return torch.cat([features, torch.ones(len(features), 1)], 1)


def _standard(values: Tensor) -> Tensor:
    """Take the columns' means away, and divide all by their root mean square."""
    centred = values - values.mean(0)
    return centred / centred.square().mean().sqrt().clamp(min=1e-12)


def cross_fitted(features: Tensor, labels: np.ndarray, classes: int, folds: np.ndarray) -> np.ndarray:
    """Fit one-hot labels by ridge regression on the other folds: `[N, C]`.

    After the first fit the labels that it doubts teach nothing any more; they are judged as all
    others are.

    Parameters
    ----------
    features
        `[N, D]`.
    labels, folds
        `[N]` each.
    classes
        C.
    """
    targets = torch.eye(classes)[torch.from_numpy(labels)]
    groups = [torch.from_numpy(np.flatnonzero(folds == k)) for k in range(int(folds.max()) + 1)]
    kept, found = np.ones(len(labels), bool), torch.zeros(len(labels), classes)
    for _ in range(ROUNDS):
        taught = [group[torch.from_numpy(kept)[group]] for group in groups]
        squares = [features[own].T @ features[own] for own in taught]
        products = [features[own].T @ targets[own] for own in taught]
        square, product = (torch.stack(parts).sum(0) for parts in (squares, products))
        for group, own_square, own_product in zip(groups, squares, products, strict=True):
            found[group] = features[group] @ _solved(square - own_square, product - own_product)
        kept = doubt(found.numpy(), labels) < 0
        if not kept.any():
            break
    return found.double().numpy()


def _solved(square: Tensor, product: Tensor) -> Tensor:
    """Solve the ridge regression's equations."""
    square = square.double()
    ridge = RIDGE * square.diagonal().mean().clamp(min=1e-12)
    square.diagonal().add_(ridge)
    return torch.cholesky_solve(product.double(), torch.linalg.cholesky(square)).float()
