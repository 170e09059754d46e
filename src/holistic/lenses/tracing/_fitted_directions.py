"""Fits the directions along which a site's values tell the classes apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from holistic.lenses._units import unit_values
from holistic.pieces import kept
from holistic.progress import Progress, silent
from holistic.study.subject import Subject

__all__ = [
    "METHODS",
    "Features",
    "Fitted",
    "collect",
    "fit",
    "orientations",
]

METHODS = ("class_mean_difference", "logistic")
_PENALTY = 1e-3
"""Weight of the squared norm beside the mean log-loss, on values of unit mean variance."""


@dataclass(frozen=True)
class Features:
    """Position means of one site's units, float64.

    Attributes
    ----------
    selection, evaluation
        `[N, U]`, one row an example of the split.
    labels, evaluation_labels
        `[N]`, the classes of these rows.
    """

    selection: np.ndarray
    evaluation: np.ndarray
    labels: np.ndarray
    evaluation_labels: np.ndarray


@dataclass(frozen=True)
class Fitted:
    """Directions of one site, fit on the selection split.

    Attributes
    ----------
    vectors
        `[C, M, U]` float64 of length 1, M methods in the order of `METHODS`; NaN where a class has
        no direction.
    spread
        `[C, M]`, standard deviation of the selection split's projections onto each.
    """

    vectors: np.ndarray
    spread: np.ndarray


def collect(
    subject: Subject, progress: Progress = silent, sites: Sequence[str] | None = None
) -> dict[str, Features]:
    """Read position means of the hidden sites, or of some, on both splits, in one pass each."""
    names = [site.name for site in subject.hidden_sites] if sites is None else list(sites)
    splits = (subject.selection, subject.evaluation)
    total = sum(len(split) for split in splits)
    read, before = list[dict[str, np.ndarray]](), 0
    for split in splits:

        def done(rows: int, before: int = before) -> None:
            progress("reading sites", before + rows, total)

        read.append(unit_values(subject, names, split.images, progress=done))
        before += len(split)
    labels = [split.labels.cpu().numpy() for split in splits]
    return {name: Features(*(values[name] for values in read), *labels) for name in names}


@kept
def fit(features: Features, classes: int) -> Fitted:
    """Fit each class's directions against the rest, on the selection split.

    Parameters
    ----------
    features
        The site's position means.
    classes
        Number of classes C.
    """
    x, labels = features.selection, features.labels
    raw = np.stack([_mean_differences(x, labels, classes), _logistic(x, labels, classes)], axis=1)
    norm = np.linalg.norm(raw, axis=2, keepdims=True)
    vectors = np.where(norm > 0, raw / np.where(norm > 0, norm, 1), np.nan)
    projected = (x - x.mean(0)) @ vectors.reshape(-1, x.shape[1]).T
    spread = projected.std(0, ddof=1).reshape(classes, len(METHODS))
    return Fitted(vectors, spread)


def _mean_differences(x: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """Mean of each class minus mean of all other examples, `[C, U]`; NaN for absent classes."""
    found = np.full((classes, x.shape[1]), np.nan)
    for c in range(classes):
        inside = labels == c
        if inside.any() and not inside.all():
            found[c] = x[inside].mean(0) - x[~inside].mean(0)
    return found


def _logistic(x: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """Weights of each class's logistic regression against the rest, `[C, U]`.

    All classes are fit at once: their losses don't share a parameter. Values are scaled by one
    number for the whole site, so that the penalty doesn't blow up units that hardly vary.
    """
    from scipy.optimize import minimize

    target = (labels[:, None] == np.arange(classes)).astype(np.float64)  # [N, C]
    usable = (target.sum(0) > 0) & (target.sum(0) < len(x))
    scale = np.sqrt(x.var(0).mean())
    if scale == 0 or not usable.any():
        return np.where(usable[:, None], np.zeros((classes, x.shape[1])), np.nan)
    scaled, target = (x - x.mean(0)) / scale, target[:, usable]
    shape = (x.shape[1] + 1, target.shape[1])

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        weights = flat.reshape(shape)
        z = scaled @ weights[:-1] + weights[-1]  # [N, C]
        value = (np.logaddexp(0, z) - target * z).mean(0).sum()
        residual = (np.exp(-np.logaddexp(0, -z)) - target) / len(z)
        slope = np.concatenate([scaled.T @ residual, residual.sum(0, keepdims=True)])
        slope[:-1] += _PENALTY * weights[:-1]
        return float(value + _PENALTY / 2 * (weights[:-1] ** 2).sum()), slope.reshape(-1)

    options = {"maxiter": 300, "gtol": 1e-5, "maxcor": 20}
    best = minimize(loss, np.zeros(shape).reshape(-1), jac=True, method="L-BFGS-B", options=options)
    found = np.full((classes, x.shape[1]), np.nan)
    found[usable] = best.x.reshape(shape)[:-1].T
    return found


def orientations(features: Features, directions: np.ndarray, classes: int) -> np.ndarray:
    """Say which way along each direction each class lies further than the rest, `[B, C]` of ±1.

    A class's own direction has its sign from the selection split. Directions that it is compared
    with must get theirs by the same rule, or they point away from the class every other time.

    Parameters
    ----------
    features
        The site's position means: those of the selection split count.
    directions
        `[B, U]`.
    classes
        Number of classes C.
    """
    apart = _mean_differences(features.selection, features.labels, classes)  # [C, U]
    return np.where(directions @ apart.T < 0, -1.0, 1.0)
