"""A small network trained on scikit-learn's digits within seconds, for the tutorials."""

from __future__ import annotations

import torch
from sklearn.datasets import load_digits
from torch import nn

import holistic

__all__ = ["network", "subject"]


def network() -> nn.Sequential:
    """A perceptron of 64 inputs, two hidden layers of 48 and 24 units, and ten classes."""
    return nn.Sequential(
        nn.Flatten(), nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 24), nn.ReLU(), nn.Linear(24, 10)
    )


def subject(seed: int = 0) -> holistic.Subject:
    """Train on half of the 1,797 digits, and return the model with the other half."""
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    digits = load_digits()
    images = torch.tensor(digits.images, dtype=torch.float32)[:, None] / 16  # [N, 1, 8, 8]
    labels = torch.tensor(digits.target)  # [N]
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))
    train, rest = order[:900], order[900:]
    model = network()
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=1e-2)
    for _ in range(120):
        optimiser.zero_grad()
        loss = nn.functional.cross_entropy(model(images[train]), labels[train])
        loss.backward()
        optimiser.step()
    return holistic.Subject(
        model.eval(), (images[rest], labels[rest]), classes=[str(n) for n in range(10)]
    )
