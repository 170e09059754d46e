"""Says what an erased part of an input holds: the background, or the mean of the data."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from holistic.attributing.baselines import mean_input
from holistic.study.planes import flat_planes, planes
from holistic.study.subject import Subject

__all__ = ["Fill", "fills"]

_ERASED = 5 / 28
"""Side of a window as a share of the picture's: about the width of a stroke of a digit."""
_ADDED = 3 / 28
_COMMON = 0.2
"""Share of the pixels from which on their commonest value counts as the background."""
_PIXELS = 1 << 19
"""Pixels among which the background is looked for."""


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
    background
        Whether it is what most pictures hold around the thing that they show.
    """

    kind: str
    value: Tensor
    what: str
    share: float
    background: bool = False


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
    background, most = _commonest(some)
    ink = some[(some != background).any(1)]
    plain = subject.input_kind.pictures
    if not plain or min(images.shape[2:]) < 4 or most < _COMMON * len(some) or not len(ink):
        mean = mean_input(subject).to(images.dtype)
        return (Fill("erase", mean, "the mean of the selection split's inputs", _ERASED),)
    ends = torch.quantile(_few(ink).double(), ink.new_tensor([0.05, 0.95], dtype=torch.double), 0)
    far = (ends - background.double()).abs().argmax(0)
    opposite = ends.gather(0, far[None])[0].to(background)
    shape = subject.selection.images.shape[1:]

    def whole(value: Tensor) -> Tensor:
        return flat_planes(value[None, :, None, None].expand_as(images[:1]), shape)[0]

    what = "the background, the pixels' commonest value"
    return (
        Fill("erase", whole(background), what, _ERASED, background=True),
        Fill("add", whole(opposite), "ink, the far end of what other pixels hold", _ADDED),
    )


def _commonest(pixels: Tensor) -> tuple[Tensor, int]:
    """The value `[channels]` that most pixels `[N, channels]` have, and how many have it."""
    codes = torch.zeros(len(pixels), dtype=torch.int64, device=pixels.device)
    for channel in pixels.T:  # torch.unique(dim=0) sorts rows, which takes thirty times as long
        values, places = torch.unique(channel, return_inverse=True)
        codes = torch.unique(codes * len(values) + places, return_inverse=True)[1]
    counts = torch.bincount(codes)
    return pixels[codes == counts.argmax()][0], int(counts.max())


def _few(pixels: Tensor) -> Tensor:
    """At most as many pixels as `torch.quantile` takes, spread evenly."""
    return pixels[:: max(1, -(-len(pixels) // 100_000))]
