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
    labels = torch.arange(10).repeat_interleave(60)
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

    Class 0's logit is min(1, u0 + u1), class 1's is max(0, u2 + u3 - 1), both on saturated units,
    and 2 more.
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
        linear(down, torch.tensor([3.0, 2, 2, 2])),  # logits beyond what probabilities can be
    )


def exclusive_or(per_kind: int = 20) -> tuple[nn.Sequential, tuple[Tensor, Tensor]]:
    """Class 1 if one of two pixels is lit, class 0 if both are or none: |u0 - u1| of two units."""
    kinds = torch.tensor([[0.0, 0], [1, 1], [1, 0], [0, 1]]).repeat_interleave(per_kind, 0)
    labels = torch.tensor([0, 0, 1, 1]).repeat_interleave(per_kind)
    images = torch.cat(
        [kinds, torch.rand(len(kinds), 2, generator=torch.Generator().manual_seed(0))], 1
    )
    middle = torch.tensor([[1.0, -1, 0, 0], [-1, 1, 0, 0]])
    model = nn.Sequential(
        linear(torch.eye(4), torch.zeros(4)),
        nn.ReLU(),
        linear(middle, torch.zeros(2)),
        nn.ReLU(),
        linear(torch.tensor([[0.0, 0], [1, 1]]), torch.tensor([0.5, 0])),
    )
    return model, (images, labels)


def spare_pairs(useless: int = 5) -> nn.Sequential:
    """Two units for each class, either of which is enough, and large ones that nothing reads.

    Class c's logit is min(1, u + u') of the saturated units 2c and 2c + 1.
    """
    pairs = 2 * CLASSES
    up = torch.zeros(pairs + useless, CLASSES)
    up[torch.arange(pairs), torch.arange(pairs) // 2] = 1
    up[pairs:] = 4
    middle = torch.zeros(CLASSES, pairs + useless)
    middle[torch.arange(pairs) // 2, torch.arange(pairs)] = -1
    return nn.Sequential(
        linear(up, torch.zeros(len(up))),
        nn.Hardtanh(0, 1),
        linear(middle, torch.ones(CLASSES)),
        nn.ReLU(),
        linear(-torch.eye(CLASSES), torch.ones(CLASSES)),
    )


class Repairing(nn.Module):
    """Unit 0 alone carries class 0, past the next layer; there unit 0 opens once it is gone.

    Without it, class 0's logit falls by 1 along the direct path, and 0.6 of it come back.
    """

    def __init__(self) -> None:
        super().__init__()
        self.up = linear(torch.eye(CLASSES), torch.zeros(CLASSES))
        self.first = nn.ReLU()
        # the other pixels hold the repairing unit shut on the other classes
        self.middle = linear(-torch.ones(1, CLASSES), torch.ones(1))
        self.second = nn.ReLU()
        self.head = linear(torch.eye(CLASSES), 2 * torch.ones(CLASSES))

    def forward(self, images: Tensor) -> Tensor:
        carried = self.first(self.up(images))  # [B, 4]
        repair = self.second(self.middle(carried))  # [B, 1]
        return self.head(carried + nn.functional.pad(0.6 * repair, (0, CLASSES - 1)))
