"""What do the definitions of the lens `activation` say, in plain loops over the user's model?"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


def unit_values(model: nn.Module, images: Tensor, site: str) -> list[list[list[float]]]:
    """Read a module's output with a hook: `[example][unit][position]`, units on axis 1."""
    held: list[Tensor] = []
    handle = model.get_submodule(site).register_forward_hook(
        lambda module, inputs, output: held.append(output.clone())
    )
    try:
        with torch.no_grad():
            model(images.clone())
    finally:
        handle.remove()
    return [[unit.reshape(-1).tolist() for unit in example] for example in held[0].double()]


def reduce(positions: list[float], reduction: str) -> float:
    return max(positions) if reduction == "max" else math.fsum(positions) / len(positions)


def mean(values: list[float]) -> float:
    return math.fsum(values) / len(values)


def std(values: list[float]) -> float:
    centre = mean(values)
    return math.sqrt(math.fsum((v - centre) ** 2 for v in values) / (len(values) - 1))


def auroc(positives: list[float], negatives: list[float]) -> float:
    """Count pairs: 1 where the positive is larger, 1/2 where they are equal."""
    return math.fsum(_wins(p, n) for p in positives for n in negatives) / (
        len(positives) * len(negatives)
    )


def _wins(p: float, n: float) -> float:
    return 1.0 if p > n else 0.5 if p == n else 0.0


def delong_variance(positives: list[float], negatives: list[float]) -> float:
    """DeLong, DeLong & Clarke-Pearson 1988, eqs. 4-6."""
    v10 = [mean([_wins(p, n) for n in negatives]) for p in positives]
    v01 = [mean([_wins(p, n) for p in positives]) for n in negatives]
    return std(v10) ** 2 / len(positives) + std(v01) ** 2 / len(negatives)


def selectivity(means: list[float], chosen: int) -> float:
    """Morcos et al. 2018, eq. 1, for a chosen class."""
    rest = mean([m for c, m in enumerate(means) if c != chosen])
    return (means[chosen] - rest) / (means[chosen] + rest)


def furthest(values: list[list[float]], labels: list[int], classes: int) -> float:
    """Largest distance of any AUROC from 1/2, over units `[unit][example]` and classes."""
    largest = 0.0
    for unit in values:
        for c in range(classes):
            inside = [v for v, y in zip(unit, labels, strict=True) if y == c]
            outside = [v for v, y in zip(unit, labels, strict=True) if y != c]
            largest = max(largest, abs(auroc(inside, outside) - 0.5))
    return largest
