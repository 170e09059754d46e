"""Gives images a feature of other images: a region's pixels, colours, a texture or a place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

__all__ = ["Band", "Colours", "Ground", "Pattern", "Place", "Region", "Swap"]

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
class Ground:
    """What lies behind the object: whatever is alike what the rim shows."""

    kind: str = "texture"

    def put(self, receivers: Tensor, donors: Tensor) -> Tensor:
        """Lay each receiver's object on its donor's ground.

        Behind the donor's object comes what other donors have there.
        """
        behind, hidden = donors.clone(), opacity(donors) > 0
        for turn in range(1, _FILLED + 1):
            new = donors.roll(turn, 0)
            seen = hidden & ~(opacity(new) > 0)
            behind, hidden = torch.where(seen, new, behind), hidden & ~seen
        behind = torch.where(hidden, rim(donors).mean(2)[:, :, None, None], behind)
        clear = 1 - opacity(receivers)
        own = rim(receivers).mean(2)[:, :, None, None]
        return torch.where(clear == 1, behind, receivers + clear * (behind - own))


_FILLED = 6
"""Donors whose grounds fill what is hidden behind a donor's object."""
_RIM = (0.1, 0.9)
"""Quantiles of the rim's values between which the ground lies."""
_BLUR = 0.15
"""Part of the way from the ground to the furthest values that still is ground."""


def rim(images: Tensor) -> Tensor:
    """The outermost pixels `[B, C, R]` of images `[B, C, H, W]`."""
    sides = images[:, :, 0], images[:, :, -1], images[:, :, 1:-1, 0], images[:, :, 1:-1, -1]
    return torch.cat(sides, 2)


def opacity(images: Tensor) -> Tensor:
    """How much of the ground each pixel hides `[B, 1, H, W]`: 0 of the ground, 1 of the object."""
    ends = torch.quantile(rim(images), torch.tensor(_RIM, dtype=images.dtype), 2)
    low, high = ends[:, :, :, None, None]
    beyond = (torch.relu(images - high) + torch.relu(low - images)).amax(1, keepdim=True)
    most = torch.quantile(beyond.flatten(1), _ENDS[1], 1).clamp(min=1e-3)[:, None, None, None]
    return ((beyond / most - _BLUR) / (1 - _BLUR)).clamp(0, 1)


def grounds(images: Tensor) -> Tensor:
    """Mean, spread and steps of each channel's ground, `[B, 4 * C]`."""
    clear = (opacity(images) == 0).to(images)
    total = clear.sum((2, 3)).clamp(min=1)
    mean = (images * clear).sum((2, 3)) / total
    spread = ((images - mean[:, :, None, None]).abs() * clear).sum((2, 3)) / total
    both = clear[:, :, 1:] * clear[:, :, :-1], clear[..., 1:] * clear[..., :-1]
    down, across = (
        (step.abs() * seen).sum((2, 3)) / seen.sum((2, 3)).clamp(min=1)
        for step, seen in zip((images.diff(dim=2), images.diff(dim=3)), both, strict=True)
    )
    return torch.cat([mean, spread, down, across], 1)


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
