"""Says of every example what its label should be, by fits that never saw it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from holistic.lenses.attribution._label_views import View

__all__ = ["Scores", "cross_fitted", "doubt", "folds_of", "judged", "random_features"]

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
        return _others(self.likeness, self.labels).argmax(1)

    @property
    def doubt(self) -> np.ndarray:
        """How much more it looks like that class than like its label's, `[N]`."""
        return doubt(self.likeness, self.labels)


def doubt(likeness: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Take from the largest number of another class `[N, C]` that of the label: `[N]`."""
    return _others(likeness, labels).max(1) - likeness[np.arange(len(labels)), labels]


def _others(likeness: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Leave the label's own number out of the likeness."""
    others = likeness.copy()
    others[np.arange(len(others)), labels] = -np.inf
    return others


def judged(
    views: Sequence[View], chances: np.ndarray, labels: np.ndarray, width: int, seed: int
) -> tuple[Scores, Scores]:
    """Average what every view says, out of fold, and what the model says.

    Deep views, and the model itself, may have learned wrong labels by heart. Each answer lies
    between 0 and 1, so that what knows every label by heart says the same of all and hides
    nothing that other views see.

    Parameters
    ----------
    views
        From the input on.
    chances
        `[N, C]`, the model's probabilities.
    labels
        `[N]`.
    width
        How many random features there are.
    seed
        Decides those and the folds.

    Returns
    -------
    scores, shallow
        What all say together, and what the first view says alone.
    """
    folds = folds_of(labels, seed)
    total, first = chances.copy(), chances
    for place, view in enumerate(views):
        features = random_features(view.values, width, seed + place)
        found = cross_fitted(features, labels, chances.shape[1], folds).clip(0, 1)
        total += found
        first = found if place == 0 else first
    return Scores(labels, total / (len(views) + 1)), Scores(labels, first)


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


def cross_fitted(
    features: Tensor, labels: np.ndarray, classes: int, folds: np.ndarray
) -> np.ndarray:
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
    whole = [_sums(features, targets, own) for own in groups]
    kept, found = torch.ones(len(labels), dtype=torch.bool), torch.zeros(len(labels), classes)
    for _ in range(ROUNDS):
        # few are left out, so that it's cheaper to take their part away
        less = [_sums(features, targets, own[~kept[own]]) for own in groups]
        parts = [(s - t, p - q) for (s, p), (t, q) in zip(whole, less, strict=True)]
        square, product = (torch.stack(of).sum(0) for of in zip(*parts, strict=True))
        for group, (own_square, own_product) in zip(groups, parts, strict=True):
            found[group] = features[group] @ _solved(square - own_square, product - own_product)
        kept = torch.from_numpy(doubt(found.numpy(), labels) < 0)
        if not kept.any():
            break
    return found.double().numpy()


def _sums(features: Tensor, targets: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Sum the products of features, and of features and targets, over some examples."""
    own = features[rows]
    return own.T @ own, own.T @ targets[rows]


def _solved(square: Tensor, product: Tensor) -> Tensor:
    """Solve the ridge regression's equations; the ridge is large enough for single precision."""
    square = square.clone()
    square.diagonal().add_(RIDGE * square.diagonal().mean().clamp(min=1e-12))
    factor, failed = torch.linalg.cholesky_ex(square)
    if failed:
        return torch.linalg.lstsq(square.double(), product.double()).solution.float()
    return torch.cholesky_solve(product, factor)
