"""Fills pixels that were taken away: with the image blurred, or from their neighbours."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from holistic.attributing.blurring import blurred

__all__ = ["from_neighbours", "softened"]

_SIGMA = 1 / 8
"""Standard deviation of the blur, as a share of the shorter side."""
_NEAR, _ACROSS = 1 / 6, 1 / 12
"""Weights of a neighbour beside a pixel, and of one across its corner."""
_STEPS = 200
_ENOUGH = 1e-4
"""The solver stops where what is left is this share of where it began."""


def softened(images: Tensor) -> Tensor:
    """Blur images `[n, C, H, W]` by an eighth of their shorter side."""
    sigma = max(0.5, min(images.shape[2:]) * _SIGMA)
    return blurred(images, sigma, max(1, round(2 * sigma)))


def from_neighbours(images: Tensor, gone: Tensor) -> Tensor:
    """Fill pixels so that each is the weighted mean of its neighbours.

    Solves the linear system of all missing pixels of an image together, by conjugate gradients.

    Parameters
    ----------
    images
        `[n, C, H, W]`; what the missing pixels hold isn't used.
    gone
        `[n, 1, H, W]` bool, missing pixels; an image without any other stays as it is.

    References
    ----------
    Rong et al. 2022, section 4.2 (noisy linear imputation, here without its noise, which only
    serves training).
    """
    missing = gone.expand_as(images).flatten(0, 1)[:, None].to(images)
    fixed = images.flatten(0, 1)[:, None] * (1 - missing)
    kernel = torch.full((1, 1, 3, 3), _ACROSS, dtype=images.dtype, device=images.device)
    kernel[0, 0, 1, :] = kernel[0, 0, :, 1] = _NEAR
    kernel[0, 0, 1, 1] = 0
    total = F.conv2d(torch.ones_like(missing[:1]), kernel, padding=1)

    def left(values: Tensor) -> Tensor:
        return missing * (total * values - F.conv2d(values, kernel, padding=1))

    def inner(a: Tensor, b: Tensor) -> Tensor:
        return (a * b).sum((1, 2, 3), keepdim=True)

    known = (1 - missing).sum((1, 2, 3), keepdim=True)
    start = missing * fixed.sum((1, 2, 3), keepdim=True) / known.clamp(min=1)
    found = start
    residual = missing * F.conv2d(fixed, kernel, padding=1) - left(found)
    direction, size = residual, inner(residual, residual)
    enough = size * _ENOUGH**2
    for _ in range(_STEPS):
        if not bool((size > enough).any()):
            break
        moved = left(direction)
        length = size / inner(direction, moved).clamp(min=1e-30)
        length = torch.where(size > enough, length, 0)
        found = found + length * direction
        residual = residual - length * moved
        fresh = inner(residual, residual)
        direction = residual + fresh / size.clamp(min=1e-30) * direction
        size = fresh
    solved = torch.where(known > 0, fixed + found, images.flatten(0, 1)[:, None])
    return solved[:, 0].unflatten(0, images.shape[:2])
