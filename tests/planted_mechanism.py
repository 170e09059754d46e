"""Models in which the answers of the lens `mechanism` are built in.

Where nothing else is said the images are `[N, 1, 1, U]`, and the hidden units hold what the images
hold: an identity layer and a ReLU over values above zero.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from holistic.doctoring.zoo.planting import ABOVE, linear
from holistic.study.subject import Subject


def holding(values: np.ndarray, labels: np.ndarray, *, classes: int, seed: int = 0) -> Subject:
    """A subject whose site `2` holds the given values `[N, U]`."""
    units = values.shape[1]
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Flatten(), linear(np.eye(units)), nn.ReLU(), nn.Linear(units, classes))
    images = torch.from_numpy(values + ABOVE).float()[:, None, None]
    return Subject(model.eval(), (images, torch.from_numpy(labels)), classes=names(classes))


def reweighted(subject: Subject, weight: np.ndarray) -> Subject:
    """The same subject with other weights of its first layer."""
    model = nn.Sequential(subject.model[0], linear(weight), *subject.model[2:])
    return Subject(model.eval(), (subject.images, subject.labels), classes=subject.classes)


def names(classes: int) -> Sequence[str]:
    return [f"class {chr(ord('A') + c)}" for c in range(classes)]


def balanced(count: int, classes: int) -> np.ndarray:
    return np.arange(count) % classes


def clustered(*, count: int = 600, each: int = 8, seed: int = 0) -> tuple[Subject, np.ndarray]:
    """Three groups of copies with noise; group g speaks up for class 2 - g, the last unit is dead.

    Returns
    -------
    subject, group
        The group of each unit; -1 for the dead one.
    """
    rng, labels = np.random.default_rng(seed), balanced(count, 3)
    group = np.repeat(np.arange(3), each)
    signals = rng.normal(size=(count, 3)) + 2 * (labels[:, None] == 2 - np.arange(3))
    values = signals[:, group] + 0.5 * rng.normal(size=(count, len(group)))
    values = np.concatenate([values, np.full((count, 1), -ABOVE)], 1)
    order = rng.permutation(values.shape[1])
    return holding(values[:, order], labels, classes=3), np.append(group, -1)[order]


def noise(*, count: int = 400, units: int = 24, classes: int = 4, seed: int = 0) -> Subject:
    """Independent units, and labels that have nothing to do with them."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(count, units))
    return holding(values, rng.permutation(balanced(count, classes)), classes=classes)


def paired(*, count: int = 800, seed: int = 0) -> Subject:
    """Units in known pairs.

    0 and 1 are equal, 2 and 3 alike through their class means only, 4 is half of 0 turned round
    and half noise, 5 the same on every example, 6 different on eight.
    """
    rng, labels = np.random.default_rng(seed), balanced(count, 4)
    own, other = rng.normal(size=(2, count))
    means = np.array([0.0, 4.0, 8.0, 12.0])[labels]
    spikes = np.zeros(count)
    spikes[rng.choice(count, 8, replace=False)] = 5.0
    noise = rng.normal(size=(2, count))
    columns = [own, own, means + noise[0], means + noise[1], other - own, np.ones(count), spikes]
    return holding(np.stack(columns, 1), labels, classes=4)


def telling(*, count: int = 600, seed: int = 0, blind: bool = False) -> Subject:
    """The class is the sign of a product of two pixels: site `2` tells it, the pixels don't.

    Units are the ReLUs of ± p0 ± p1 (of ± p0 alone if blind); both classes have the same mean
    image.
    """
    rng, labels = np.random.default_rng(seed), balanced(count, 2)
    signs = rng.choice([-1.0, 1.0], size=count)
    pixels = np.stack([signs, signs * np.where(labels == 0, 1.0, -1.0)], 1)
    pixels = pixels + 0.05 * rng.normal(size=pixels.shape)
    weight = np.array([[1.0, 1.0], [-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0]])
    weight = weight * [1.0, 0.0] if blind else weight
    head = np.array([[1.0, 1.0, -1.0, -1.0], [-1.0, -1.0, 1.0, 1.0]])
    model = nn.Sequential(nn.Flatten(), linear(weight), nn.ReLU(), linear(head))
    images = torch.from_numpy(pixels).float()[:, None, None]
    return Subject(model.eval(), (images, torch.from_numpy(labels)), classes=names(2))


def chained(
    *, count: int = 200, weight: float = -0.75, seed: int = 0
) -> tuple[Subject, np.ndarray, np.ndarray]:
    """Unit 3 of site `2` is all that unit 1 of site `4` reads; the others read biases alone.

    Returns
    -------
    subject, values, labels
        What unit 3 holds `[N]`, and the classes.
    """
    rng, labels = np.random.default_rng(seed), balanced(count, 4)
    values = rng.normal(size=(count, 5)) + 3 + labels[:, None] * np.arange(5)
    values = np.abs(values).astype(np.float32)
    second = np.zeros((4, 5))
    second[1, 3] = weight
    model = nn.Sequential(
        nn.Flatten(),
        linear(np.eye(5)),
        nn.ReLU(),
        linear(second, np.array([1.0, 100.0, 2.0, 0.5])),
        nn.ReLU(),
        linear(rng.normal(size=(4, 4))),
    )
    images = torch.from_numpy(values)[:, None, None]
    subject = Subject(model.eval(), (images, torch.from_numpy(labels)), classes=names(4))
    return subject, values[:, 3].astype(np.float64), labels
