"""Lays an example's input out as a picture."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

__all__ = ["are_pictures", "flat_planes", "pictures", "planes"]

_MOST_BYTES = 64 << 20
"""Bytes that the pictures of one finding may hold; larger ones are made smaller."""


def _channels_last(shape: Sequence[int]) -> bool:
    return len(shape) == 3 and shape[2] in (1, 3, 4) and shape[0] not in (1, 3, 4)


def planes(values: Tensor) -> Tensor:
    """Bring values that lie like the inputs into the order `[B, channels, H, W]`.

    Features `[B, F]` become one row, `[B, 1, 1, F]`; a single plane `[B, H, W]` has one channel;
    axes beyond the second of a plane are flattened into W.
    """
    shape = values.shape[1:]
    if len(shape) < 2:
        return values.reshape(len(values), 1, 1, -1)
    if len(shape) == 2:
        return values[:, None]
    if _channels_last(shape):
        return values.movedim(-1, 1)
    return values.flatten(3) if len(shape) > 3 else values


def flat_planes(values: Tensor, shape: Sequence[int]) -> Tensor:
    """Undo `planes`: bring `[B, channels, H, W]` back to inputs of the given shape, `[B, …]`."""
    if _channels_last(shape):
        return values.movedim(1, -1)
    return values.reshape(len(values), *shape)


def are_pictures(images: Tensor) -> bool:
    """Say whether inputs `[N, …]` can be looked at: numbers over a plane of at least 4 × 4."""
    return images.is_floating_point() and min(planes(images[:1]).shape[2:]) >= 4


def pictures(images: Tensor, among: Tensor) -> np.ndarray:
    """Draw inputs in 256 levels.

    Parameters
    ----------
    images
        `[M, …]`, inputs to draw.
    among
        `[N, …]`, the data whose smallest value becomes 0 and whose largest becomes 255.

    Returns
    -------
    np.ndarray
        uint8 `[M, H, W]`, or `[M, H, W, 3]` for inputs with three channels; other numbers of
        channels are averaged. Sides are divided by a whole number where M pictures would be large.
    """
    drawn = planes(images).float()
    if drawn.shape[1] != 3:
        drawn = drawn.mean(1, keepdim=True)
    shrink = math.ceil(math.sqrt(drawn.numel() / _MOST_BYTES))
    if shrink > 1:
        drawn = torch.nn.functional.avg_pool2d(drawn, shrink, ceil_mode=True)
    low, high = (float(end) for end in torch.aminmax(among))
    levels = (drawn - low) / (high - low or 1.0) * 255
    levels = levels.round().clamp(0, 255).to(torch.uint8).cpu().movedim(1, -1).cpu().numpy()
    return np.ascontiguousarray(levels if levels.shape[-1] == 3 else levels[..., 0])
