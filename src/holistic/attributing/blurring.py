"""Blurs pictures and maps."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

__all__ = ["blurred"]


def blurred(images: Tensor, sigma: float, reach: int) -> Tensor:
    """Blur images `[n, C, H, W]` by a Gaussian; the border is repeated.

    Parameters
    ----------
    images
        Each channel is blurred alone.
    sigma
        Standard deviation in pixels.
    reach
        Pixels to each side that count.
    """
    steps = torch.arange(-reach, reach + 1, dtype=images.dtype, device=images.device)
    weights = torch.exp(-(steps**2) / (2 * sigma**2))
    weights = weights / weights.sum()
    flat = images.flatten(0, 1)[:, None]
    for shape, pad in (
        ((1, 1, -1, 1), (0, 0, reach, reach)),
        ((1, 1, 1, -1), (reach, reach, 0, 0)),
    ):
        flat = F.conv2d(F.pad(flat, pad, mode="replicate"), weights.reshape(shape))
    return flat[:, 0].unflatten(0, images.shape[:2])
