"""Models in which the answers of the lens `attribution` are built in."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from holistic.study.subject import Subject

SIDE = 8
PATCH = (slice(0, 2), slice(0, 2))


def reading_a_corner(count: int = 80) -> Subject:
    """Two classes told by the 2 × 2 pixels of the upper left corner; the rest is noise."""
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(count, 1, SIDE, SIDE, generator=generator)
    labels = torch.arange(count) % 2
    images[:, 0, *PATCH] = 0.2 + 0.6 * labels[:, None, None] + 0.1 * images[:, 0, *PATCH]
    model = nn.Sequential(nn.Flatten(), nn.Linear(SIDE * SIDE, 2), nn.Softplus(), nn.Linear(2, 2))
    with torch.no_grad():
        weight = torch.zeros(2, SIDE, SIDE)
        weight[0][PATCH], weight[1][PATCH] = -4, 4
        model[1].weight.copy_(weight.flatten(1))
        model[1].bias.copy_(torch.tensor([8.0, -8.0]))
        model[3].weight.copy_(torch.eye(2))
        model[3].bias.zero_()
    return Subject(model.eval(), (images, labels))


class Straight(nn.Module):
    """Logits that are affine in the image, with a hidden layer that does nothing."""

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.read = nn.Linear(weight[0].numel(), len(weight))
        self.act, self.head = nn.LeakyReLU(1.0), nn.Identity()
        with torch.no_grad():
            self.read.weight.copy_(weight.flatten(1))
            self.read.bias.copy_(bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.act(self.read(x.flatten(1))))


def straight(shape: tuple[int, ...] = (1, SIDE, SIDE), count: int = 60) -> tuple[Subject, Tensor]:
    """A linear model over images of some shape, and its weights `[3, …]`."""
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(3, *shape, generator=generator)
    images = torch.rand(count, *shape, generator=generator)
    model = Straight(weight, torch.tensor([0.5, -1.0, 2.0])).eval()
    return Subject(model, (images, torch.arange(count) % 3)), weight


class Untouched(nn.Module):
    """A model without parameters: drawing its weights afresh changes nothing."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(1)
        self.register_buffer("weight", torch.randn(3, SIDE * SIDE, generator=generator))
        self.act = nn.Softplus()

    def forward(self, x: Tensor) -> Tensor:
        return self.act(x.flatten(1) @ self.weight.T) * 1.0


def untouched(count: int = 60) -> Subject:
    """A subject whose randomly initialised control is the subject itself."""
    generator = torch.Generator().manual_seed(2)
    images = torch.rand(count, 1, SIDE, SIDE, generator=generator)
    return Subject(Untouched().eval(), (images, torch.arange(count) % 3))


SHARED = (slice(4, 8), slice(4, 8))


def told_apart_by_a_corner(count: int = 160) -> Subject:
    """Classes 0 and 1 share what they mostly read, and differ in the upper left corner alone.

    Both logits are large where the lower right quarter is bright; so is a map of either. Classes 2
    and 3 are never taken for anything else.
    """
    generator = torch.Generator().manual_seed(0)
    images = 0.4 * torch.rand(count, 1, SIDE, SIDE, generator=generator)
    labels = torch.arange(count) % 4
    images[labels < 2, 0, *SHARED] += 0.6
    middle = torch.tensor([0.2, 0.8, 0.5, 0.5])[labels, None, None]
    images[:, 0, *PATCH] = middle + 0.35 * torch.randn(count, 2, 2, generator=generator)
    weight = torch.zeros(4, SIDE, SIDE)
    weight[0][PATCH], weight[1][PATCH] = -2, 2
    weight[:2, *SHARED] = 8
    weight[2, 2, 2], weight[3, 2, 2] = 1, -1
    images[labels == 2, 0, 2, 2], images[labels == 3, 0, 2, 2] = 9, -9
    bias = torch.tensor([4.0, -4.0, 50.0, 50.0])
    return Subject(Straight(weight, bias).eval(), (images, labels))


STROKES = {
    "upper bar": (slice(2, 4), slice(3, 12)),
    "lower left stem": (slice(7, 16), slice(2, 4)),
    "lower right stem": (slice(7, 16), slice(12, 14)),
}
"""Strokes of equal ink that images of class 1 show on black."""


class Reading(nn.Module):
    """Two classes, the second one's logit the sum over a mask, by a hidden layer."""

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.flat, self.sum, self.relu = nn.Flatten(), nn.Linear(weight.numel(), 1), nn.ReLU()
        self.out = nn.Linear(1, 2)
        with torch.no_grad():
            self.sum.weight.copy_(weight.reshape(1, -1))
            self.sum.bias.fill_(100.0)
            self.out.weight.copy_(torch.tensor([[0.0], [1.0]]))
            self.out.bias.copy_(torch.tensor([103.0, 0.0]))

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.relu(self.sum(self.flat(x))))


def strokes(*read: str, count: int = 160) -> Subject:
    """Class 1 shows three strokes as dark or bright as chance says, and is read off some of them.

    Class 0 shows a square in the middle. Without `read` all ink counts alike.
    """
    generator = torch.Generator().manual_seed(0)
    images, labels = torch.zeros(count, 1, 18, 16), torch.arange(count) % 2
    for where in STROKES.values():
        size = images[:, 0, *where].shape
        images[:, 0, *where] = (0.5 + 0.5 * torch.rand(size, generator=generator)) * labels[
            :, None, None
        ]
    images[labels == 0, 0, 8:11, 6:9] = 0.9
    weight = torch.zeros(18, 16) if read else torch.full((18, 16), 0.3)
    for name in read:
        weight[STROKES[name]] = 1.0
    return Subject(Reading(weight).eval(), (images, labels))


PATCHES = {"upper left": (slice(1, 5), slice(1, 5)), "lower right": (slice(10, 14), slice(10, 14))}


def patches(*read: str, count: int = 200, channels: int = 3) -> Subject:
    """Class 1 is brighter in two patches of noise, and read off some; or off noise elsewhere."""
    generator = torch.Generator().manual_seed(1)
    images = torch.randn(count, channels, 15, 15, generator=generator)
    labels = torch.arange(count) % 2
    weight = torch.zeros(channels, 15, 15)
    for name, where in PATCHES.items():
        images[labels == 1, :, *where] += 1.5
        weight[:, *where] = 0.1 * (name in read)
    if not read:
        weight[:, 1:5, 10:14] = 0.1
    return Subject(Reading(weight).eval(), (images, labels))


def stretches(count: int = 200) -> Subject:
    """A series whose class 1 is higher in two stretches, and read off the first."""
    generator = torch.Generator().manual_seed(2)
    series = torch.randn(count, 2, 40, generator=generator)
    labels = torch.arange(count) % 2
    series[labels == 1, :, 4:10] += 1.5
    series[labels == 1, :, 25:31] += 1.5
    weight = torch.zeros(2, 40)
    weight[:, 4:10] = 0.2
    return Subject(Reading(weight).eval(), (series, labels))


def columns(count: int = 200) -> Subject:
    """A table: class 1 is read off the sum of `a` and its copy `b`; `c` goes with it, unread."""
    generator = torch.Generator().manual_seed(3)
    labels = torch.arange(count) % 2
    table = torch.randn(count, 6, generator=generator)
    table[:, 0] += 2.0 * labels
    table[:, 1] = table[:, 0] + 0.1 * torch.randn(count, generator=generator)
    table[:, 2] += 2.0 * labels
    weight = torch.tensor([0.5, 0.5, 0.0, 0.0, 0.0, 0.0])
    data = {"x": table, "y": labels, "feature_names": ["a", "b", "c", "d", "e", "f"]}
    return Subject(Reading(weight).eval(), data)
