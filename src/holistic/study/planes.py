"""Lays inputs out as planes of rows and columns, and back."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

__all__ = ["flat_planes", "planes"]


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
