"""A network in which every verdict on a unit was built in."""

from __future__ import annotations

import torch
from torch import nn

import holistic
from planted_ablation import linear

CARRIER, TWINS, HELPED, SUPPRESSOR, VETO, CARRIED, UNREAD, RARE, DEAD, BUSY = (
    0, (1, 2), 3, 4, 5, 6, 7, (8, 11), 9, 10,
)  # fmt: skip
SITE = "L1"


def every_verdict(per_class: int = 60, rare: int = 6) -> holistic.Subject:
    """Class c lights pixel c; of class 5 there are few examples.

    Unit 0 alone carries class 0. Units 1 and 2 stand in for each other for class 1, whose logit is
    min(1, u1 + u2). Unit 4 fires on class 2, which unit 3 carries, and speaks against it. Unit 5
    fires on all classes but 3, which needs it silent. Unit 7 fires on class 4 and nothing reads it.
    Units 8 and 11 carry class 5, some of its examples the one and some the other. Unit 9 is dead,
    and unit 10 is read, for class 0, and tells no class.
    """
    generator = torch.Generator().manual_seed(0)
    counts = [per_class] * 5 + [rare]
    labels = torch.cat([torch.full((n,), c) for c, n in enumerate(counts)])
    images = torch.rand(len(labels), 8, generator=generator) * 0.2
    images[:, 6] *= 5
    images[torch.arange(len(labels)), labels] += 1
    part = torch.rand(rare, generator=generator)
    images[labels == 5, 5], images[labels == 5, 7] = 1.4 * part, 1.4 * (1 - part)
    up, bias = torch.zeros(12, 8), torch.zeros(12)
    for unit, pixel in enumerate([0, 1, 1, 2, 2, None, 4, 4, 5, None, 6, 7]):
        if pixel is not None:
            up[unit, pixel] = 1
    up[VETO, [0, 1, 2, 4, 5, 7]], bias[VETO] = 1, -0.6
    bias[DEAD] = -1
    # of the second layer unit c is class c's, but 1: 1 - relu(1 - u1 - u2)
    mid, shift = torch.zeros(7, 12), torch.zeros(7)
    mid[0, CARRIER], mid[2, HELPED], mid[4, CARRIED] = 1, 1, 1
    mid[5, list(RARE)] = 1
    mid[1, list(TWINS)], shift[1] = -1, 1
    mid[2, SUPPRESSOR], shift[2] = -0.3, 0.3
    mid[3, VETO] = 1
    mid[6, BUSY] = 1
    down, last = torch.zeros(6, 7), torch.zeros(6)
    for c in (0, 2, 4, 5):
        down[c, c] = 3
    down[1, 1], last[1] = -3, 3
    down[3, 3], last[3] = -6, 1.5
    down[0, 6] = 1
    model = nn.Sequential(
        linear(up, bias), nn.ReLU(), linear(mid, shift), nn.ReLU(), linear(down, last)
    )
    return holistic.Subject(model.eval(), (images, labels))
