"""Makes a small audit of a model with two hidden layers, in which every lens ran."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

import holistic
import planted_tracing as planted
from holistic.lenses.ablation import Ablation
from holistic.lenses.activation import Activation
from holistic.lenses.agreement import Agreement
from holistic.lenses.attribution import Attribution
from holistic.lenses.mechanism import Mechanism
from holistic.lenses.tracing import Tracing
from holistic.report.saved import Audit
from planted_ablation import one_hot_images

LENSES = (
    Ablation(depth=6, sets=40, partners=3, permutations=20, familywise=50),
    Activation(shuffles=20, controls=19, steps=2, visualised=0),
    Attribution(examples=16, steps=4, noise_draws=2, fractions=4, random_orders=2),
    Mechanism(edge_units=3, draws=20),
    Tracing(pairs=3, controls=20, examples=20),
    Agreement(shuffles=99),
)

PLAIN = (
    Ablation(depth=3, sets=20, partners=2, permutations=20, familywise=0),
    "activation", "attribution", "mechanism", "tracing", Agreement(shuffles=99),
)  # fmt: skip


def carried(path: Path) -> Audit:
    """Audit two classes told by unit 0 alone; nothing reads unit 1, which responds just as well."""
    return holistic.audit(planted.carried(count=400), out=path, lenses=list(PLAIN))


def audited(path: Path) -> Audit:
    """Audit a model whose labels are what it says, so that units matter to them."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        model = nn.Sequential(
            nn.AvgPool2d(4), nn.Flatten(), nn.Linear(4, 12), nn.ReLU(), nn.Linear(12, 9), nn.Tanh(),
            nn.Linear(9, 4),
        )  # fmt: skip
    squares = one_hot_images(30, noise=1.5)[0].reshape(-1, 1, 2, 2)
    images = squares.repeat_interleave(4, 2).repeat_interleave(4, 3)
    with torch.no_grad():
        model[6].bias -= model(images).mean(0)
        labels = model(images).argmax(1)
    return holistic.audit(holistic.Subject(model, (images, labels)), out=path, lenses=list(LENSES))
