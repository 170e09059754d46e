"""Models in which the answers of the lens `tracing` are built in.

The images are `[N, 1, 1, U]` and the hidden units hold what the images hold: an identity layer and
a ReLU over values above zero.
"""

from __future__ import annotations

import numpy as np

from holistic.doctoring.zoo.planting import ABOVE, SITE, holding
from holistic.study.subject import Subject

__all__ = ["ABOVE", "SITE"]


def carried(*, count: int = 200, seed: int = 0) -> Subject:
    """Two classes, told by unit 0 alone.

    Unit 1 responds to them just as well but nothing reads it; units 2 to 5 are noise, of which 2
    is read with no say between the classes.
    """
    rng, labels = np.random.default_rng(seed), np.arange(count) % 2
    signal = np.where(labels == 0, 1.0, -1.0)
    values = rng.normal(size=(count, 6))
    values[:, 0] = signal + 0.1 * values[:, 0]
    values[:, 1] = signal
    read = np.zeros((2, 6))
    read[:, 0] = 1, -1
    read[:, 2] = 1, 1
    return holding(values, labels, read, np.zeros(2))


def shared(*, count: int = 200, seed: int = 0) -> Subject:
    """Two classes, told by units 0 and 1 alike, of which each has a share: 3/4 and 1/4."""
    rng, labels = np.random.default_rng(seed), np.arange(count) % 2
    signal = np.where(labels == 0, 1.0, -1.0)
    values = np.stack([signal, signal, rng.normal(size=count)], 1)
    read = np.array([[3.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
    return holding(values, labels, read, np.zeros(2))


def lying_along(
    vector: np.ndarray, *, count: int = 600, noise: float = 0.1, seed: int = 0
) -> Subject:
    """Two classes that lie at -1 and 1 along a unit vector `[U]`, the only thing that is read.

    Across the vector there is noise of size 1. Without its component along the vector every image
    is taken for class 1.
    """
    rng, labels = np.random.default_rng(seed), np.arange(count) % 2
    values = rng.normal(size=(count, len(vector)))
    along = np.where(labels == 0, -1.0, 1.0) + noise * rng.normal(size=count)
    values += np.outer(along - values @ vector, vector)
    return holding(values, labels, np.stack([-vector, vector]), np.array([0.0, 0.5]))


def unread_signal(*, count: int = 600, units: int = 24, seed: int = 0) -> Subject:
    """Three classes along three directions of the units, and a read-out that ignores them all.

    Nothing varies along the direction that is read, so every image is taken for class 0: by half a
    logit, since between equal logits rounding would choose.
    """
    rng, labels = np.random.default_rng(seed), np.arange(count) % 3
    centres = np.linalg.qr(rng.normal(size=(units, 4)))[0].T
    values = 3 * centres[labels] + rng.normal(size=(count, units))
    values -= np.outer((values * centres[3]).sum(1), centres[3])
    read = np.stack([np.zeros(units), centres[3], -centres[3]])
    return holding(values, labels, read, np.array([0.5, 0, 0]))


def own_labels(*, count: int = 120, units: int = 9, classes: int = 4, seed: int = 0) -> Subject:
    """Random units, a random read-out, and for labels what the model itself says."""
    rng = np.random.default_rng(seed)
    values, read = rng.normal(size=(count, units)), rng.normal(size=(classes, units))
    labels = (values @ read.T).argmax(1)
    return holding(values, labels, read, np.zeros(classes))


def diagonal(units: int, seed: int = 0) -> np.ndarray:
    """A random unit vector `[U]`."""
    vector = np.random.default_rng(seed).normal(size=units)
    return vector / np.linalg.norm(vector)
