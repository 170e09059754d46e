"""Gives images a feature of other images: a region's pixels, colours, a texture or a place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

__all__ = ["Band", "Colours", "Pattern", "Place", "Region", "Swap"]

_ENDS = (0.02, 0.98)
"""Quantiles between which a channel's levels lie."""


class Swap(Protocol):
    """One feature of images that can be exchanged between them."""

    @property
    def kind(self) -> str:
        """What it is: `mark`, `colour`, `texture` or `position`."""
        ...

    def put(self, receivers: Tensor, donors: Tensor) -> Tensor:
        """Return receivers `[B, C, H, W]` with the feature of donors `[B, C, H, W]`."""
        ...


@dataclass(frozen=True, eq=False)
class Region:
    """The pixels of a region `[H, W]`, all channels."""

    mask: Tensor
    kind: str = "mark"

    def put(self, receivers: Tensor, donors: Tensor) -> Tensor:
        """Copy the region's pixels."""
        return torch.where(self.mask, donors, receivers)

    def moved(self, down: int, across: int) -> Region:
        """The same region elsewhere; what leaves the picture comes in on the other side."""
        return Region(self.mask.roll((down, across), (0, 1)), self.kind)


@dataclass(frozen=True, eq=False)
class Colours:
    """The levels of each channel's ground and ink, whatever the object's shape."""

    kind: str = "colour"

    def put(self, receivers: Tensor, donors: Tensor) -> Tensor:
        """Map each receiver's levels, linearly, to its donor's."""
        (ground, ink), (own_ground, own_ink) = levels(receivers), levels(donors)
        span = ink - ground
        small = span.abs() < 1e-3
        share = torch.where(small, 0.0, (receivers - ground) / torch.where(small, 1.0, span))
        return own_ground + share * (own_ink - own_ground)


def levels(images: Tensor) -> tuple[Tensor, Tensor]:
    """Ground and ink of each channel `[B, C, 1, 1]`: the middle, and the further end of the rest.

    The end is chosen by all channels together, so that ink is the same pixels in each.
    """
    flat = images.flatten(2)
    ground = flat.median(2).values
    low, high = torch.quantile(flat, torch.tensor(_ENDS, dtype=flat.dtype), 2)
    darker = (ground - low).sum(1, keepdim=True) > (high - ground).sum(1, keepdim=True)
    ink = torch.where(darker, low, high)
    return ground[:, :, None, None], ink[:, :, None, None]


@dataclass(frozen=True, eq=False)
class Band:
    """The waves of some frequencies `[H, W]`, as `torch.fft.fft2` orders them."""

    mask: Tensor
    kind: str = "texture"

    def put(self, receivers: Tensor, donors: Tensor) -> Tensor:
        """Exchange these waves alone."""
        both = torch.fft.fft2(receivers), torch.fft.fft2(donors)
        return torch.fft.ifft2(torch.where(self.mask, both[1], both[0])).real

    def part(self, images: Tensor) -> Tensor:
        """Return what of images `[B, C, H, W]` lies in the band."""
        return torch.fft.ifft2(torch.fft.fft2(images) * self.mask).real


@dataclass(frozen=True, eq=False)
class Pattern:
    """How much of one pattern `[C, H, W]` of length 1 an image holds."""

    template: Tensor
    kind: str = "texture"

    def put(self, receivers: Tensor, donors: Tensor) -> Tensor:
        """Add or take away so much of the pattern that there is as much as in the donor."""
        more = ((donors - receivers) * self.template).flatten(1).sum(1)
        return receivers + more[:, None, None, None] * self.template


@dataclass(frozen=True, eq=False)
class Place:
    """Where the object lies: the middle of what differs from the ground."""

    kind: str = "position"

    def put(self, receivers: Tensor, donors: Tensor) -> Tensor:
        """Move each receiver's object to where its donor's lies."""
        steps = (centres(donors) - centres(receivers)).round().long()
        return torch.stack([
            image.roll((int(down), int(across)), (1, 2))
            for image, (down, across) in zip(receivers, steps, strict=True)
        ])  # fmt: skip


def centres(images: Tensor) -> Tensor:
    """Middle of the ink of images `[B, C, H, W]`: rows and columns, `[B, 2]`."""
    ground, ink = levels(images)
    span = (ink - ground).square().sum(1, keepdim=True).clamp(min=1e-6)
    weight = ((images - ground).square().sum(1, keepdim=True) / span).clamp(0, 1)[:, 0]
    weight = torch.where(weight < 0.25, 0.0, weight)
    total = weight.sum((1, 2)).clamp(min=1e-6)
    down = (weight.sum(2) * torch.arange(weight.shape[1])).sum(1) / total
    across = (weight.sum(1) * torch.arange(weight.shape[2])).sum(1) / total
    return torch.stack([down, across], 1)
