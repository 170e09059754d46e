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


def average_precision(values: list[float], present: list[bool]) -> float:
    """Boyd, Eng & Page 2013: precision at every distinct threshold times the recall it adds."""
    total, found, area = sum(present), 0, 0.0
    for threshold in sorted(set(values), reverse=True):
        kept = [p for v, p in zip(values, present, strict=True) if v >= threshold]
        area += (sum(kept) - found) / total * (sum(kept) / len(kept))
        found = sum(kept)
    return area


def d_prime(inside: list[float], outside: list[float]) -> float:
    """Simpson & Fitter 1973: the gap of the means over the root mean square deviation."""
    return (mean(inside) - mean(outside)) / math.sqrt((std(inside) ** 2 + std(outside) ** 2) / 2)


def f1_iou(values: list[float], present: list[bool], threshold: float) -> tuple[float, float]:
    """F1 and intersection over union of `value >= threshold` and what is present."""
    said = [v >= threshold for v in values]
    both = sum(s and p for s, p in zip(said, present, strict=True))
    either = sum(s or p for s, p in zip(said, present, strict=True))
    precision, recall = both / max(sum(said), 1), both / max(sum(present), 1)
    f1 = 2 * precision * recall / (precision + recall) if both else 0.0
    return f1, both / max(either, 1)


def correlation(a: list[float], b: list[float]) -> float:
    pairs = [(x - mean(a)) * (y - mean(b)) for x, y in zip(a, b, strict=True)]
    return math.fsum(pairs) / (len(a) - 1) / (std(a) * std(b))


def circular(responses: list[float], degrees: list[float]) -> tuple[float, float]:
    """Ringach et al. 2002: 1 - circular variance of responses, and the preferred orientation."""
    across = math.fsum(
        r * math.cos(2 * math.radians(d)) for r, d in zip(responses, degrees, strict=True)
    )
    along = math.fsum(
        r * math.sin(2 * math.radians(d)) for r, d in zip(responses, degrees, strict=True)
    )
    sharpness = math.hypot(across, along) / math.fsum(responses)
    return sharpness, math.degrees(math.atan2(along, across)) / 2 % 180


def seen_by(model: nn.Module, site: str, image: Tensor, place: tuple[int, int]) -> set[tuple]:
    """Pixels `(row, column)` whose change changes any channel at a place of a module's output."""
    held: list[Tensor] = []
    handle = model.get_submodule(site).register_forward_hook(lambda m, i, out: held.append(out))
    changed = set()
    with torch.no_grad():
        model(image[None])
        for row in range(image.shape[1]):
            for column in range(image.shape[2]):
                for by in (-3.0, 3.0):
                    other = image.clone()
                    other[:, row, column] += by
                    model(other[None])
                    if (held[-1] - held[0])[0, :, place[0], place[1]].any():
                        changed.add((row, column))
    handle.remove()
    return changed


def attention(query: Tensor, key: Tensor) -> list[list[float]]:
    """Vaswani et al. 2017, equation 1, of one head: `[queries][keys]`."""
    rows = list[list[float]]()
    for q in query.double().tolist():
        logits = [
            math.fsum(a * b for a, b in zip(q, k, strict=True)) / math.sqrt(len(q))
            for k in key.double().tolist()
        ]
        most = max(logits)
        powers = [math.exp(logit - most) for logit in logits]
        rows.append([power / math.fsum(powers) for power in powers])
    return rows


def rollout(layers: list[list[list[list[float]]]]) -> list[list[float]]:
    """Abnar & Zuidema 2020, section 3, of layers of heads: raw attention, then the product."""
    tokens = range(len(layers[0][0]))
    total = [[float(i == j) for j in tokens] for i in tokens]
    for heads in layers:
        mixed = [
            [0.5 * mean([head[i][j] for head in heads]) + 0.5 * (i == j) for j in tokens]
            for i in tokens
        ]
        total = [
            [math.fsum(mixed[i][k] * total[k][j] for k in tokens) for j in tokens] for i in tokens
        ]
    return total
