"""Cuts inputs into windows that can be erased or filled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from holistic.lenses._pictures import flat_planes, planes

__all__ = ["Window", "spans", "windows"]

_FEATURES = 196
"""Features of an input without a plane that get a window each; more are taken together."""


@dataclass(frozen=True)
class Window:
    """A part of an input's plane: `rows` × `columns` pixels from `top` and `left` on."""

    top: int
    left: int
    rows: int
    columns: int

    def put(self, images: Tensor, fill: Tensor) -> Tensor:
        """Return inputs `[B, …]` whose window holds what `fill` `[…]` holds there."""
        drawn = planes(images).clone()
        down = slice(self.top, self.top + self.rows)
        across = slice(self.left, self.left + self.columns)
        drawn[..., down, across] = planes(fill[None].to(drawn))[..., down, across]
        return flat_planes(drawn, images.shape[1:])


def windows(shape: Sequence[int], share: float, most: int) -> list[Window]:
    """Cover an input's plane with overlapping windows, at most about `most` along a side.

    Parameters
    ----------
    shape
        Of one input.
    share
        Side of a window as a share of the plane's; features without a plane have one each.
    most
        Windows along a side.

    >>> len(windows((1, 28, 28), 5 / 28, 14))
    169
    >>> windows((3,), 5 / 28, 14)[2]
    Window(top=0, left=2, rows=1, columns=1)
    """
    height, width = planes(torch.empty(1, *shape, device="meta")).shape[2:]
    if min(height, width) < 4:
        size = -(-width // _FEATURES)
        return [
            Window(top, left, 1, min(size, width - left))
            for top in range(height)
            for left in range(0, width, size)
        ]
    down, rows = _starts(height, share, most)
    across, columns = _starts(width, share, most)
    return [Window(top, left, rows, columns) for top in down for left in across]


def spans(shape: Sequence[int], share: float, most: int, *, turned: bool) -> list[Window]:
    """Cover the steps of a series with overlapping windows over all channels.

    Parameters
    ----------
    shape, share, most
        As of `windows`.
    turned
        Whether the steps lie on the first axis.

    >>> spans((2, 56), 5 / 28, 14, turned=False)[1]
    Window(top=0, left=4, rows=2, columns=10)
    """
    height, width = shape
    starts, size = _starts(height if turned else width, share, most)
    return [Window(n, 0, size, width) if turned else Window(0, n, height, size) for n in starts]


def _starts(side: int, share: float, most: int) -> tuple[np.ndarray, int]:
    """Where windows of a size start along a side, the last at its end."""
    step = -(-side // most)
    size = min(side, max(step, round(side * share), 1))
    return np.unique([*range(0, side - size + 1, step), side - size]).tolist(), size
