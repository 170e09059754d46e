"""Models in which the answers of the lens `activation` are built in."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from holistic.study.subject import Subject

SITE = "1"
DETECTOR, DEAD, CONSTANT, NOISE, AVOIDER, USELESS = range(6)
"""Units: fires for class 2 only; never fires; always holds 3; chance; all but class 1; class 0."""


def detecting(count: int = 240, seed: int = 0) -> Subject:
    """Three classes and six hidden units, each of a known kind; features `[N, 3]`."""
    rng, labels = np.random.default_rng(seed), np.arange(count) % 3
    features = np.stack(
        [
            np.where(labels == 2, 1.0, -1.0) + 0.1 * rng.uniform(-1, 1, count),
            rng.normal(size=count),
            np.where(labels == 1, -1.0, 1.0) + 0.1 * rng.uniform(-1, 1, count),
        ],
        axis=1,
    )
    model = nn.Sequential(nn.Linear(3, 6), nn.ReLU(), nn.Linear(6, 3))
    with torch.no_grad():
        model[0].weight.zero_()
        model[0].bias.zero_()
        model[0].weight[DETECTOR, 0] = 1
        model[0].bias[DEAD] = -1
        model[0].bias[CONSTANT] = 3
        model[0].weight[NOISE, 1] = 1
        model[0].weight[AVOIDER, 2] = 1
        model[0].weight[USELESS] = torch.tensor([-1.0, 0.0, 1.0])
    return Subject(model.eval(), (torch.from_numpy(features).float(), torch.from_numpy(labels)))


class Spots(nn.Module):
    """Three channels: the image, a fixed pattern over positions, nothing."""

    def __init__(self, side: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 3, 1)
        self.pattern = nn.Parameter(torch.zeros(3, side, side))
        self.act, self.head = nn.ReLU(), nn.Linear(3, 2)
        with torch.no_grad():
            self.conv.weight.zero_()
            self.conv.bias.zero_()
            self.conv.weight[0] = 1
            self.pattern[1] = torch.arange(side * side).reshape(side, side)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.act(self.conv(x) + self.pattern).mean((2, 3)))


def spotted(count: int = 40) -> Subject:
    """Images of class 1 hold one spot of 1, images of class 0 nine faint ones of 0.2."""
    images = torch.zeros(count, 1, 6, 6)
    labels = torch.arange(count) % 2
    rng = np.random.default_rng(0)
    for image, label in zip(images, labels.tolist(), strict=True):
        places = rng.permutation(36)[: 1 if label else 9]
        image.view(-1)[torch.from_numpy(places)] = 1.0 if label else 0.2
    return Subject(Spots(6).eval(), (images, labels))


ANGLES = (0.0, 25.0, 70.0, 130.0)
"""Degrees of the edges that the first channels of `edged` look for; the last channel is a blob."""


def edged(count: int = 60, side: int = 28) -> Subject:
    """A convolution of edge filters of known orientations and one blob, and noise images."""
    y, x = np.mgrid[3:-4:-1, -3:4].astype(np.float64)  # y upwards
    bell = np.exp(-(x**2 + y**2) / (2 * 1.6**2))
    kernels = [bell * (y * np.cos(a) - x * np.sin(a)) for a in np.deg2rad(ANGLES)]
    kernels.append(bell - bell.mean())
    model = nn.Sequential(
        nn.Conv2d(1, 5, 7, padding=3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(5, 3),
    )  # fmt: skip
    with torch.no_grad():
        model[0].weight.copy_(torch.from_numpy(np.stack(kernels)).float()[:, None])
        model[0].bias.zero_()
    images = torch.rand(count, 1, side, side, generator=torch.Generator().manual_seed(0))
    return Subject(model.eval(), (images, torch.arange(count) % 3))


INK, LOOPS, CLASS, COPY = range(4)
"""Units of `drawn`: the sum of all pixels; the hole's middle; the class mark; one random pixel."""


def drawn(count: int = 240, side: int = 16) -> Subject:
    """Squares of random size, filled or with a hole, and a mark in the corner for class 1.

    Size and hole are independent of the class.
    """
    rng = np.random.default_rng(0)
    images, labels = torch.zeros(count, 1, side, side), torch.arange(count) % 3
    for image, label in zip(images, labels.tolist(), strict=True):
        half = int(rng.integers(2, 6))
        middle = slice(8 - half, 8 + half)
        image[0, middle, middle] = 1.0
        if rng.random() < 0.5:
            image[0, 7:9, 7:9] = 0.0
        image[0, 0, 0] = 0.3 if label == 1 else 0.0
        image[0, 15, 15] = 0.2 * rng.random()
    model = nn.Sequential(nn.Flatten(), nn.Linear(side**2, 4), nn.ReLU(), nn.Linear(4, 3))
    with torch.no_grad():
        weight = model[1].weight.zero_().view(4, side, side)
        model[1].bias.zero_()
        weight[INK] = 1.0
        weight[LOOPS, 7:9, 7:9], model[1].bias[LOOPS] = -1.0, 4.0
        weight[CLASS, 0, 0] = 1.0
        weight[COPY, 15, 15] = 1.0
    return Subject(model.eval(), (images, labels))


def deepening(count: int = 400) -> Subject:
    """First layer: 24 faint hints at a class each; second layer: their sums, one a class."""
    rng, labels = np.random.default_rng(0), np.arange(count) % 3
    hints = (labels[:, None] == np.arange(24) % 3) + 1.5 * rng.normal(size=(count, 24))
    model = nn.Sequential(
        nn.Linear(24, 24), nn.ReLU(), nn.Linear(24, 12), nn.ReLU(), nn.Linear(12, 3)
    )
    with torch.no_grad():
        model[0].weight.copy_(torch.eye(24))
        model[0].bias.fill_(6.0)
        model[2].weight.copy_((torch.arange(24) % 3 == torch.arange(12)[:, None] % 3).float())
        model[2].bias.zero_()
    return Subject(model.eval(), (torch.from_numpy(hints).float(), torch.from_numpy(labels)))


def squashed(count: int = 60) -> Subject:
    """Two tanh units: one that is always at an end, one that never is."""
    model = nn.Sequential(nn.Linear(2, 2), nn.Tanh(), nn.Linear(2, 2))
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([[100.0, 0.0], [0.0, 0.1]]))
        model[0].bias.zero_()
    features = torch.from_numpy(np.random.default_rng(0).choice([-1.0, 1.0], (count, 2))).float()
    return Subject(model.eval(), (features, torch.arange(count) % 2))
