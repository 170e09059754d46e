"""Trains small networks of three kinds on hidden patterns."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.trust.hidden import APART, FAMILIES, Ask, Hidden, hide
from holistic.study.subject import Subject

__all__ = ["Case", "case", "trained"]

KINDS = ("mlp", "cnn", "vit")
_TESTED = 0.3
"""Share of the images that training doesn't see."""
_ATTEMPTS, _STRONGER, _LEARNT = 4, 1.6, 0.6
"""How often a pattern is made how many times as strong, below which accuracy from chance to all."""


@dataclass(frozen=True)
class Case:
    """One network: data of a kind, an architecture, and how it is trained."""

    number: int
    ask: Ask
    kind: str
    epochs: int
    decay: float


def case(number: int, *, apart: bool = False) -> Case:
    """Draw the case of a number: families and architectures take turns, all else is drawn.

    Parameters
    ----------
    number
        Which one.
    apart
        Of the families that judge the calibration.
    """
    rng = np.random.default_rng([27, number, int(apart)])
    families = list(APART if apart else FAMILIES)
    family = families[number % len(families)]
    kind = KINDS[number // len(families) % len(KINDS)]
    wide = family in ("wandering", "texture", "both", "bands")
    ask = Ask(
        family,
        side=int(rng.choice([12, 14, 16, 18, 20, 28])),
        classes=int(rng.choice([2, 3]) if family == "both" else rng.choice([3, 4, 5, 6])),
        count=int(rng.choice([500, 800, 1100, 1500] if not wide else [1100, 1500])),
        size=int(rng.choice([3, 4, 5] if family != "wandering" else [4, 5])),
        strength=float(rng.choice([0.8, 1.2, 1.6, 2.2]) * (1.5 if wide else 1.0)),
        noise=str(rng.choice(["white", "white", "uniform", "smooth", "sparse"])),
        positive=bool(rng.random() < 0.35),
        seed=int(rng.integers(1 << 31)),
        channels=int(rng.choice([1, 3], p=[0.3, 0.7] if family == "colour" else [0.75, 0.25])),
    )
    if kind == "vit":
        ask = replace(ask, count=min(ask.count, 1000))
    epochs = int(rng.choice([3, 10, 16, 25], p=[0.1, 0.35, 0.35, 0.2]))
    return Case(number, ask, kind, epochs, float(rng.choice([0.0, 1e-3, 1e-2])))


class Attention(nn.Module):
    """One block of a transformer."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """Map tokens `[B, T, W]` to tokens."""
        q, k, v = self.qkv(self.norm1(x)).unflatten(-1, (3, 2, -1)).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v)  # [B, heads, T, W / heads]
        x = x + self.out(mixed.transpose(1, 2).flatten(2))
        return x + self.down(F.gelu(self.up(self.norm2(x))))


class Transformer(nn.Module):
    """A small vision transformer whose last tokens are averaged."""

    def __init__(self, side: int, classes: int, channels: int = 1, width: int = 32) -> None:
        super().__init__()
        patch = 4 if side % 4 == 0 else 2 if side < 16 else 3
        self.cut = nn.Conv2d(channels, width, patch, patch)
        self.places = nn.Parameter(torch.randn(1, (side // patch) ** 2, width) * 0.1)
        self.blocks = nn.Sequential(Attention(width), Attention(width))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Map images `[B, channels, H, W]` to logits."""
        tokens = self.cut(x).flatten(2).transpose(1, 2) + self.places
        return self.head(self.norm(self.blocks(tokens)).mean(1))


def _network(kind: str, side: int, classes: int, channels: int) -> nn.Module:
    if kind == "vit":
        return Transformer(side, classes, channels)
    if kind == "mlp":
        inputs = channels * side * side
        hidden = nn.Sequential(nn.Linear(inputs, 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU())
        return nn.Sequential(nn.Flatten(), *hidden, nn.Linear(32, classes))
    left = (side // 2) ** 2 * 16
    return nn.Sequential(
        nn.Conv2d(channels, 12, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(12, 16, 3, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(left, classes),
    )


def trained(asked: Case) -> tuple[Subject, Hidden]:
    """Make the data of a case and train its network.

    Where it learns little of that, the pattern is made stronger, up to three times: what decides
    is known of networks alone that found it. One case in ten keeps its first network.
    """
    lucky = asked.ask.seed % 10 == 0
    for attempt in range(_ATTEMPTS):
        ask = replace(asked.ask, strength=asked.ask.strength * _STRONGER**attempt)
        subject, hidden = _trained(replace(asked, ask=ask))
        hit = subject.predict().argmax(1) == subject.evaluation.labels
        chance = 1 / ask.classes
        if lucky or float(hit.float().mean()) > chance + _LEARNT * (1 - chance):
            break
    return subject, hidden


def _trained(asked: Case) -> tuple[Subject, Hidden]:
    hidden, ask = hide(asked.ask), asked.ask
    images, labels = torch.from_numpy(hidden.images), torch.from_numpy(hidden.labels)
    learned = int(len(labels) * (1 - _TESTED))
    with torch.random.fork_rng():
        torch.manual_seed(ask.seed % 100_003)
        model = _network(asked.kind, ask.side, ask.classes, ask.channels)
        _train(model, images[:learned], labels[:learned], asked)
    subject = Subject(
        model.eval(),
        (images, labels),
        evaluation=np.arange(learned, len(labels)),
        selection=np.arange(learned),
        name=f"{ask.family}-{asked.kind}-{asked.number}",
    )
    return subject, hidden


def _train(model: nn.Module, images: Tensor, labels: Tensor, asked: Case) -> None:
    rate = 4e-3 if asked.kind == "vit" else 2e-3 if asked.kind == "cnn" else 1e-3
    optimizer = torch.optim.AdamW(model.parameters(), rate, weight_decay=asked.decay)
    for _ in range(asked.epochs):
        for rows in torch.randperm(len(labels)).split(64):
            optimizer.zero_grad()
            F.cross_entropy(model(images[rows]), labels[rows]).backward()
            optimizer.step()
