"""Cuts inputs into windows, and says what a window holds when its ink is erased or added."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from holistic.lenses._pictures import flat_planes, planes
from holistic.lenses.attribution._removal import mean_image
from holistic.study.subject import Subject

__all__ = ["Fill", "Window", "fills", "spans", "windows"]

_ERASED = 5 / 28
"""Side of a window as a share of the picture's: about the width of a stroke of a digit."""
_ADDED = 3 / 28
_FEATURES = 196
"""Features of an input without a plane that get a window each; more are taken together."""
_COMMON = 0.2
"""Share of the pixels from which on their commonest value counts as the background."""
_PIXELS = 1 << 19
"""Pixels among which the background is looked for."""


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


@dataclass(frozen=True)
class Fill:
    """What a window is set to.

    Attributes
    ----------
    kind
        `erase` or `add`.
    value
        An input `[…]`.
    what
        What the value is, in words.
    share
        Side of a window as a share of the plane's.
    """

    kind: str
    value: Tensor
    what: str
    share: float


def fills(subject: Subject) -> tuple[Fill, ...]:
    """Say what erasing and adding mean for these inputs, from the selection split.

    Where a fifth of all pixels or more share one value, that is the background: erasing sets a
    window to it, and adding sets one to the opposite end of what the other pixels hold (their
    95 % or 5 % quantile). Elsewhere erasing sets a window to the class-balanced mean image, and
    nothing is added.
    """
    images = planes(subject.selection.images)
    pixels = images.movedim(1, -1).flatten(0, 2)  # [N * H * W, channels]
    some = pixels[:: max(1, len(pixels) // _PIXELS)]
    values, counts = torch.unique(some, dim=0, return_counts=True)
    background, most = values[counts.argmax()], int(counts.max())
    ink = some[(some != background).any(1)]
    plain = subject.input_kind.pictures
    if not plain or min(images.shape[2:]) < 4 or most < _COMMON * len(some) or not len(ink):
        mean = mean_image(subject)
        return (Fill("erase", mean, "the mean of the selection split's inputs", _ERASED),)
    ends = torch.quantile(_few(ink).double(), ink.new_tensor([0.05, 0.95], dtype=torch.double), 0)
    far = (ends - background.double()).abs().argmax(0)
    opposite = ends.gather(0, far[None])[0].to(background)
    shape = subject.selection.images.shape[1:]

    def whole(value: Tensor) -> Tensor:
        return flat_planes(value[None, :, None, None].expand_as(images[:1]), shape)[0]

    return (
        Fill("erase", whole(background), "the background, the pixels' commonest value", _ERASED),
        Fill("add", whole(opposite), "ink, the far end of what other pixels hold", _ADDED),
    )


def _few(pixels: Tensor) -> Tensor:
    """At most as many pixels as `torch.quantile` takes, spread evenly."""
    return pixels[:: max(1, -(-len(pixels) // 100_000))]


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
