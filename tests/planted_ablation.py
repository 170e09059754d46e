"""Networks in which we decided what each unit does, for the ablation lens."""

from __future__ import annotations

import torch
from torch import Tensor, nn

CLASSES = 4


def one_hot_images(per_class: int = 30, noise: float = 0.05) -> tuple[Tensor, Tensor]:
    """Class c lights pixel c, with a little noise everywhere."""
    labels = torch.arange(CLASSES).repeat_interleave(per_class)
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(len(labels), CLASSES, generator=generator) * noise
    images[torch.arange(len(labels)), labels] += 1
    return images, labels


def linear(weight: Tensor, bias: Tensor) -> nn.Linear:
    layer = nn.Linear(weight.shape[1], weight.shape[0])
    layer.weight.data, layer.bias.data = weight, bias
    return layer


def sole_carriers() -> nn.Sequential:
    """Unit c alone carries class c; unit 4 copies pixel 2 and isn't read; unit 5 is dead."""
    up = torch.zeros(6, CLASSES)
    up[:4] = torch.eye(4)
    up[4, 2] = 1
    bias = torch.tensor([0.0, 0, 0, 0, 0, -1])
    down = torch.zeros(CLASSES, 6)
    down[:, :4] = torch.eye(4)
    return nn.Sequential(linear(up, bias), nn.ReLU(), linear(down, torch.zeros(CLASSES)))


CARRIER, CARRIED = 17, 7


def one_carrier() -> tuple[nn.Sequential, tuple[Tensor, Tensor]]:
    """Of 256 units, one alone carries class 7; each other class has eight, the rest aren't read."""
    labels = torch.arange(10).repeat_interleave(24)
    images = torch.rand(len(labels), 10, generator=torch.Generator().manual_seed(0)) * 0.05
    images[torch.arange(len(labels)), labels] += 1
    up = torch.rand(256, 10, generator=torch.Generator().manual_seed(1)) * 0.1
    down = torch.zeros(10, 256)
    for c in range(10):
        units = [CARRIER] if c == CARRIED else list(range(100 + 8 * c, 108 + 8 * c))
        up[units] = torch.eye(10)[c]
        down[c, units] = 1 / len(units)
    model = nn.Sequential(linear(up, torch.zeros(256)), nn.ReLU(), linear(down, torch.zeros(10)))
    return model, (images, labels)


def pairs() -> nn.Sequential:
    """Units 0 and 1 stand in for each other for class 0, 2 and 3 carry class 1 only together.

    Class 0's logit is min(1, u0 + u1), class 1's is max(0, u2 + u3 - 1), both on saturated units.
    """
    up = torch.zeros(6, CLASSES)
    for unit, pixel in enumerate([0, 0, 1, 1, 2, 3]):
        up[unit, pixel] = 1
    middle = torch.zeros(4, 6)
    middle[0, :2] = -1
    middle[1, 2:4] = 1
    middle[2, 4], middle[3, 5] = 1, 1
    bias = torch.tensor([1.0, -1, 0, 0])
    down = torch.diag(torch.tensor([-1.0, 1, 1, 1]))
    return nn.Sequential(
        linear(up, torch.zeros(6)),
        nn.Hardtanh(0, 1),
        linear(middle, bias),
        nn.ReLU(),
        linear(down, torch.tensor([1.0, 0, 0, 0])),
    )
