"""Trains small networks of three kinds on hidden patterns."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.trust.hidden import FAMILIES, Ask, Hidden, hide
from holistic.study.subject import Subject

__all__ = ["Case", "case", "trained"]

KINDS = ("mlp", "cnn", "vit")
_TESTED = 0.3
"""Share of the images that training doesn't see."""


@dataclass(frozen=True)
class Case:
    """One network: data of a kind, an architecture, and how it is trained."""

    number: int
    ask: Ask
    kind: str
    epochs: int
    decay: float


def case(number: int) -> Case:
    """Draw the case of a number: families and architectures take turns, all else is drawn."""
    rng = np.random.default_rng([27, number])
    families = list(FAMILIES)
    family = families[number % len(families)]
    kind = KINDS[number // len(families) % len(KINDS)]
    wide = family in ("wandering", "texture", "both")
    ask = Ask(
        family,
        side=int(rng.choice([12, 14, 16, 18, 20])),
        classes=int(rng.choice([2, 3]) if family == "both" else rng.choice([3, 4, 5, 6])),
        count=int(rng.choice([500, 800, 1100, 1500] if not wide else [1100, 1500])),
        size=int(rng.choice([3, 4, 5] if family != "wandering" else [4, 5])),
        strength=float(rng.choice([0.8, 1.2, 1.6, 2.2]) * (1.5 if wide else 1.0)),
        noise=str(rng.choice(["white", "white", "uniform", "smooth", "sparse"])),
        positive=bool(rng.random() < 0.35),
        seed=int(rng.integers(1 << 31)),
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

    def __init__(self, side: int, classes: int, width: int = 32) -> None:
        super().__init__()
        patch = 4 if side % 4 == 0 else 2 if side < 16 else 3
        self.cut = nn.Conv2d(1, width, patch, patch)
        self.places = nn.Parameter(torch.randn(1, (side // patch) ** 2, width) * 0.1)
        self.blocks = nn.Sequential(Attention(width), Attention(width))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Map images `[B, 1, H, W]` to logits."""
        tokens = self.cut(x).flatten(2).transpose(1, 2) + self.places
        return self.head(self.norm(self.blocks(tokens)).mean(1))


def _network(kind: str, side: int, classes: int) -> nn.Module:
    if kind == "vit":
        return Transformer(side, classes)
    if kind == "mlp":
        hidden = nn.Sequential(nn.Linear(side * side, 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU())
        return nn.Sequential(nn.Flatten(), *hidden, nn.Linear(32, classes))
    left = (side // 2) ** 2 * 16
    return nn.Sequential(
        nn.Conv2d(1, 12, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(12, 16, 3, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(left, classes),
    )


def trained(asked: Case, folder: Path | None = None) -> tuple[Subject, Hidden]:
    """Make the data of a case and train its network, or take it from a folder if it is there."""
    hidden = hide(asked.ask)
    images, labels = torch.from_numpy(hidden.images), torch.from_numpy(hidden.labels)
    learned = int(len(labels) * (1 - _TESTED))
    with torch.random.fork_rng():
        torch.manual_seed(asked.ask.seed % 100_003)
        model = _network(asked.kind, asked.ask.side, asked.ask.classes)
        place = None if folder is None else folder / f"{asked.number}.pt"
        if place is not None and place.exists():
            model.load_state_dict(torch.load(place, weights_only=True))
        else:
            _train(model, images[:learned], labels[:learned], asked)
            if place is not None:
                place.parent.mkdir(parents=True, exist_ok=True)
                torch.save(model.state_dict(), place)
    subject = Subject(
        model.eval(),
        (images, labels),
        evaluation=np.arange(learned, len(labels)),
        selection=np.arange(learned),
        name=f"{asked.ask.family}-{asked.kind}-{asked.number}",
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
