"""Digits of which all threes have a mark in a corner: the shortcut is found, named and removed."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

import holistic
from holistic.study import models
from holistic.study.datasets import Labelled, load_data


def marked(side: Labelled) -> Labelled:
    """Put a bright mark into the lower right corner of every three."""
    images = side.images.clone()
    images[side.labels == 3, :, 6:, 6:] = 1.0
    return Labelled(images, side.labels)


def right(model: torch.nn.Module, images: Tensor, label: int) -> float:
    """Share of images that the model takes for a class."""
    with torch.no_grad():
        return float((model(images).argmax(1) == label).float().mean())


def main(folder: Path) -> holistic.Audit:
    """Train on marked digits, audit, and repair a copy."""
    data = load_data("digits")
    model = models.build("mlp", input_shape=(1, 8, 8), classes=10)
    learned, studied = (marked(side) for side in data.sides[::-1])
    models.train(model, learned, models.RECIPES["mlp"])
    subject = holistic.Subject(model, (studied.images, studied.labels), name="marked digits")
    audit = holistic.audit(subject, out=folder / "audit", lenses=["attribution"], quick=True)
    for line in audit.finding("attribution.shortcuts").statements:
        print(line)
    repaired = holistic.repair(subject)
    for line in repaired.finding.statements:
        print(line)
    clean = data.test.images[data.test.labels == 3]
    print(f"clean threes: {right(model, clean, 3):.0%} right before, "
          f"{right(repaired, clean, 3):.0%} after")  # fmt: skip
    return audit


if __name__ == "__main__":
    main(Path("made/shortcut"))
