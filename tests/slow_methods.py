"""What do the papers behind the attribution methods say, in plain loops over the user's model?"""

from __future__ import annotations

import itertools
import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F


def logit_of(model: nn.Module, image: Tensor, label: int) -> float:
    with torch.no_grad():
        return float(model(image[None])[0, label])


def by_differences(model: nn.Module, image: Tensor, label: int, step: float = 1e-5) -> Tensor:
    """Central differences of a model in double precision, a number at a time."""
    slope = torch.zeros_like(image)
    for place in itertools.product(*(range(n) for n in image.shape)):
        up, down = image.clone(), image.clone()
        up[place] += step
        down[place] -= step
        slope[place] = (logit_of(model, up, label) - logit_of(model, down, label)) / (2 * step)
    return slope


def on_a_line(model: nn.Module, image: Tensor, origin: Tensor, label: int, points: int) -> Tensor:
    """Mean gradient at so many midpoints of the line, times the change."""
    shares = (torch.arange(points, dtype=image.dtype) + 0.5) / points
    line = origin + shares.reshape(-1, *[1] * image.dim()) * (image - origin)
    line = line.requires_grad_()
    (slopes,) = torch.autograd.grad(model(line)[:, label].sum(), line)
    return (image - origin) * slopes.mean(0)


def shapley(model: nn.Module, image: Tensor, fill: Tensor, label: int, parts: Tensor) -> Tensor:
    """Shapley 1953: the mean over all orders of the parts, `parts` `[H, W]` numbers them."""
    count = int(parts.max()) + 1
    worth: dict[frozenset[int], float] = {}
    for size in range(count + 1):
        for some in itertools.combinations(range(count), size):
            kept = torch.isin(parts, torch.tensor(some, dtype=torch.int64))
            worth[frozenset(some)] = logit_of(model, torch.where(kept, image, fill), label)
    values = torch.zeros(count)
    for part in range(count):
        rest = [other for other in range(count) if other != part]
        for size in range(count):
            weight = math.factorial(size) * math.factorial(count - size - 1)
            for some in itertools.combinations(rest, size):
                gain = worth[frozenset({*some, part})] - worth[frozenset(some)]
                values[part] += weight / math.factorial(count) * gain
    return values


def occlusion(
    model: nn.Module, image: Tensor, fill: Tensor, label: int, window: int, stride: int
) -> Tensor:
    """Zeiler & Fergus 2014: each pixel's mean over the windows that cover it, `[H, W]`."""
    height, width = image.shape[-2:]
    total, count = torch.zeros(height, width), torch.zeros(height, width)
    whole = logit_of(model, image, label)
    tops = sorted({*range(0, height - window + 1, stride), height - window})
    lefts = sorted({*range(0, width - window + 1, stride), width - window})
    for top, left in itertools.product(tops, lefts):
        x = image.clone()
        area = (..., slice(top, top + window), slice(left, left + window))
        x[area] = fill[area]
        total[area] += whole - logit_of(model, x, label)
        count[area] += 1
    return total / count


def guided(weights: list[tuple[Tensor, Tensor]], x: Tensor, label: int) -> Tensor:
    """Springenberg et al. 2015, section 3.4, of dense layers with ReLUs between them."""
    before = []
    for n, (weight, bias) in enumerate(weights):
        x = weight @ x + bias
        if n < len(weights) - 1:
            before.append(x)
            x = x.clamp(min=0)
    back = torch.eye(len(x), dtype=x.dtype)[label]
    for n in range(len(weights) - 1, -1, -1):
        back = weights[n][0].T @ back
        if n:
            back = back.clamp(min=0) * (before[n - 1] > 0)
    return back


def relevance(weights: list[tuple[Tensor, Tensor]], x: Tensor, label: int, rule: str) -> Tensor:
    """Bach et al. 2015, eq. 58 (epsilon) and 62 (z⁺), Montavon et al. 2019 (gamma = 0.25), one
    contribution at a time."""
    values = [x]
    for n, (weight, bias) in enumerate(weights):
        x = weight @ x + bias
        x = x.clamp(min=0) if n < len(weights) - 1 else x
        values.append(x)
    passed = torch.zeros_like(values[-1])
    passed[label] = values[-1][label]
    for n in range(len(weights) - 1, -1, -1):
        weight, bias = weights[n]
        below = torch.zeros_like(values[n])
        for j in range(len(weight)):
            parts, own = weight[j] * values[n], bias[j]
            if rule == "zplus":
                parts, own = parts.clamp(min=0), own.clamp(min=0)
            if rule == "gamma":
                parts, own = parts + 0.25 * parts.clamp(min=0), own + 0.25 * own.clamp(min=0)
            total = parts.sum() + own
            below += parts / (total + 1e-6 * (1 if total >= 0 else -1)) * passed[j]
        passed = below
    return passed


def grad_cam(model: nn.Sequential, layer: int, image: Tensor, label: int) -> tuple[Tensor, Tensor]:
    """Selvaraju et al. 2017, eq. 1 and 2, and Jiang et al. 2021, eq. 6: before enlarging."""
    value = image[None]
    with torch.no_grad():
        for module in model[: layer + 1]:
            value = module(value)
    value = value.requires_grad_()
    out = value
    for module in model[layer + 1 :]:
        out = module(out)
    (slope,) = torch.autograd.grad(out[0, label], value)
    value, slope = value.detach()[0], slope[0]  # [U, h, w]
    plain, own = torch.zeros(value.shape[1:]), torch.zeros(value.shape[1:])
    for unit in range(len(value)):
        plain += slope[unit].mean() * value[unit]
        own += slope[unit].clamp(min=0) * value[unit]
    return plain, own


def enlarged(values: Tensor, side: int) -> Tensor:
    return F.interpolate(values[None, None], (side, side), mode="bilinear")[0, 0]


def rollout(attention: list[np.ndarray]) -> np.ndarray:
    """Abnar & Zuidema 2020, section 3: attention `[heads, T, T]` of each layer, first one first."""
    flow = np.eye(attention[0].shape[-1])
    for weights in attention:
        own = sum(weights) / len(weights) / 2 + np.eye(len(flow)) / 2
        flow = own @ flow
    return flow
