"""Models in which the answers of the lens `activation` are built in."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from holistic.subject import Subject

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
