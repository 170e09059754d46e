"""Which model's predictions change when units go, and which names could break a page?"""

from __future__ import annotations

import torch

import holistic

HOSTILE = "<img src=x onerror=alert(1)>'\";--${7*7}"


def turning() -> holistic.Subject:
    """A network with two hidden sites whose predictions change when units go."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        images = torch.randn(2600, 6)
        model = torch.nn.Sequential(
            torch.nn.Linear(6, 8), torch.nn.ReLU(), torch.nn.Linear(8, 7), torch.nn.ReLU(),
            torch.nn.Linear(7, 3),
        )  # fmt: skip
        labels = model(images).argmax(1)
    return holistic.Subject(model, (images, labels), classes=["a", HOSTILE, "c"])
