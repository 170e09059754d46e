"""How a layer lays things out: directions that are read or not, clusters, evidence in pixels."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from holistic.doctoring.zoo.planting import SITE, Planted, Truth, claims, holding, linear
from holistic.study.subject import Subject

__all__ = ["LAYOUTS"]


def directions(seed: int) -> tuple[Planted, ...]:
    """Two networks tell three classes along three directions; one of them reads others instead.

    The second answers by what varies along directions that have nothing to do with the classes.
    """
    rng, units, classes, count = np.random.default_rng([seed, 30]), 24, 3, 450
    labels = np.arange(count) % classes
    axes = np.linalg.qr(rng.normal(size=(units, 2 * classes)))[0].T  # [2C, U]
    values = 3 * axes[labels] + rng.normal(size=(count, units))
    read = holding(values, labels, 3 * axes[:classes], seed=seed)
    unread = holding(values, labels, 2 * axes[classes:], seed=seed)
    own = [
        {"site": SITE, "class": str(c), "method": "class_mean_difference"} for c in range(classes)
    ]
    return (
        Planted(
            read,
            (*claims("erased", own), *claims("steers", own), *claims("decodable", own)),
        ),
        Planted(
            unread,
            (
                *claims("erased", (), own),
                *claims("steers", (), own),
                *claims("decodable", own),
            ),
        ),
    )


def clusters(seed: int) -> tuple[Planted, ...]:
    """Three groups of eight units that vary together; and a layer of independent units."""
    rng, count, each = np.random.default_rng([seed, 31]), 400, 8
    labels, group = np.arange(count) % 3, np.repeat(np.arange(3), each)
    shared = rng.normal(size=(count, 3)) + 2 * np.eye(3)[labels]
    grouped = shared[:, group] + 0.5 * rng.normal(size=(count, 3 * each))
    alone = rng.normal(size=(count, 3 * each))
    read = rng.normal(size=(3, 3 * each)) / 5
    units = range(3 * each)
    together = [(a, b) for a in units for b in units if a < b and group[a] == group[b]]
    apart = [(a, b) for a in units for b in units if a < b and group[a] != group[b]]

    def pairs(of: list[tuple[int, int]]) -> list[dict[str, object]]:
        return [{"site": SITE, "unit": a, "with": b} for a, b in of]

    return (
        Planted(
            holding(grouped, labels, read, seed=seed),
            claims("same cluster", pairs(together), pairs(apart)),
        ),
        Planted(
            holding(alone, labels, read, seed=seed),
            claims("same cluster", (), pairs(together)),
        ),
    )


def shortcut(seed: int) -> tuple[Planted, ...]:
    """Two classes have a bar each in the middle, and a pixel block in a corner that is all read."""
    rng, count, side = np.random.default_rng([seed, 32]), 160, 8
    labels = np.arange(count) % 2
    pictures = 0.3 * rng.random((count, 1, side, side))
    pictures[labels == 0, 0, 3:5, 2:6] += 0.6
    pictures[labels == 1, 0, 2:6, 3:5] += 0.6
    pictures[:, 0, :2, :2] = (0.2 + 0.6 * labels)[:, None, None] + 0.1 * rng.random((count, 2, 2))
    weight = np.zeros((2, side, side))
    weight[0, :2, :2], weight[1, :2, :2] = -4, 4
    model = nn.Sequential(
        nn.Flatten(),
        linear(weight.reshape(2, -1), np.array([8.0, -8.0])),
        nn.Softplus(),
        linear(np.eye(2)),
    )
    data = torch.from_numpy(pictures).float(), torch.from_numpy(labels)
    subject = Subject(model.eval(), data, seed=seed, name="planted")
    inside = {"top": (0, 2), "left": (0, 2)}
    middle = {"top": (2, 6), "left": (2, 6)}
    classes = ["0", "1"]
    return (
        Planted(
            subject,
            claims(
                "evidence",
                ({"class": c, **inside} for c in classes),
                ({"class": c, **middle} for c in classes),
            ),
        ),
    )


LAYOUTS = (
    Truth("a direction tells a class, and is read or not", directions),
    Truth("a layer has three clusters, or none", clusters),
    Truth("a shortcut in a corner decides", shortcut),
)
