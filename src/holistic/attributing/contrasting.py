"""Attributes by gradients on the way from other classes' examples, each against its own class."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from holistic.attributing.blurring import blurred
from holistic.attributing.method import Attribute, Batch, Method, Option, Setup, no_gradients
from holistic.study.planes import flat_planes, planes

__all__ = ["METHODS"]

_FIRST = 827
_BLUR, _REACH = 0.7, 3
"""Standard deviation of the blur, in pixels, and its end: a pixel's contribution is as noisy as the
pixel."""


def _contrast_gradients(given: Setup) -> Attribute:
    pool, draws = given.subject.selection, int(given.settings["draws"])
    labels = pool.labels.cpu().numpy()
    pictures = given.subject.input_kind.pictures

    def attribute(batch: Batch) -> Tensor:
        places, shares = _draws(given.subject.seed, batch, draws, labels)
        point = batch.points.detach()
        total, slopes = torch.zeros_like(point), torch.zeros_like(point)
        for place, share in zip(places.T, shares.T, strict=True):  # [B] each
            origin = given.points.values(pool.images[place].to(batch.images.device)).to(point)
            along = share.to(point).reshape(-1, *[1] * (point.dim() - 1))
            targets = batch.targets
            if targets.dim() == 1:
                targets = torch.stack([targets, pool.labels[place].to(targets)], 1)
            mixed = (origin + along * (point - origin)).requires_grad_()
            with torch.enable_grad():
                score = given.total(mixed, targets, *given.further(batch)[1:]).sum()
            slope = torch.autograd.grad(score, mixed)[0]
            total += (point - origin) * slope
            slopes += slope
        part, weight = total / draws, (slopes / draws).abs()
        if pictures:
            part, weight = _softened(part), _softened(weight)
        return part.clamp(min=0) * weight

    return attribute


def _draws(seed: int, batch: Batch, draws: int, labels: np.ndarray) -> tuple[Tensor, Tensor]:
    """Places of other classes' examples and shares of the way, `[B, draws]`."""
    places, shares = list[np.ndarray](), list[np.ndarray]()
    for i, target in enumerate(batch.targets.cpu().numpy()):
        rng = np.random.default_rng([seed, _FIRST, batch.start + i])
        wanted = labels == target[1] if target.ndim else labels != target
        among = np.flatnonzero(wanted if wanted.any() else labels >= 0)
        places.append(rng.choice(among, draws))
        shares.append((rng.permutation(draws) + rng.random(draws)) / draws)
    return torch.from_numpy(np.stack(places)), torch.from_numpy(np.stack(shares)).float()


def _softened(values: Tensor) -> Tensor:
    """Blur maps `[B, …]` over rows and columns, where they have enough of both."""
    x = planes(values)
    if min(x.shape[2:]) < 4:
        return values
    return flat_planes(blurred(x, _BLUR, _REACH), values.shape[1:])


METHODS = (
    Method(
        "contrast_gradients",
        _contrast_gradients,
        "blur(mean of (x - x₀) · ∂(s - s₀)/∂x)⁺ · blur(abs(mean of ∂(s - s₀)/∂x)), x₀ of another "
        "class, s₀ its score, on the line from x₀ to x",
        "Erion et al. 2021, eq. 2, with other classes' examples and contrasts of scores",
        "where single pixels far from each other count (it blurs), and on what speaks against",
        options={"draws": Option(128, 1, 100_000, meaning="examples of other classes")},
        needs=(no_gradients,),
        random=True,
        runs=lambda settings: int(settings["draws"]),
        audited=True,
    ),
)
