"""A network whose answer is known, for the examples of the reference."""

from __future__ import annotations

import torch
from torch import nn

import holistic

__all__ = ["images", "labels", "model", "subject"]

generator = torch.Generator().manual_seed(0)
images = torch.randn(400, 1, 4, 4, generator=generator)
labels = torch.arange(400) % 2
images[labels == 1, :, :2] += 1.5  # the upper half of a bright picture is brighter

model = nn.Sequential(nn.Flatten(), nn.Linear(16, 4), nn.ReLU(), nn.Linear(4, 2)).eval()
with torch.no_grad():
    for parameter in model.parameters():
        parameter.zero_()
    model[1].weight[0, :8] = 1  # unit 0 adds up the upper half, and says "bright"
    model[1].weight[1, 8:] = 1  # unit 1 adds up the lower half, and nothing reads it
    model[1].weight[2, :8] = -1  # unit 2 says "dark"
    model[3].weight[1, 0] = 1
    model[3].weight[0, 2] = 1
    model[3].bias[0] = 6

subject = holistic.Subject(model, (images, labels), classes=["dark", "bright"])
