"""Finds each class's shortcuts: suspects on the selection split, tried and tried again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage

from holistic.lenses.attribution._alike import apart
from holistic.lenses.attribution._suspects import Suspect, View, suspects
from holistic.lenses.attribution._swapping import Trial, least, tried
from holistic.lenses.attribution._swaps import Band, Ground, Pattern, Place, Region, levels, opacity

__all__ = ["chosen", "mask_of"]

_FIRST, _LEFT = 8, 8
"""Images of a first trial, and suspects that are left after it."""
_ALIKE = 0.8
"""Share of the best one's strength from which on another region is as good."""
_SEEN = 0.3
"""How far pixels lie apart at least where they show which region fits; and share of images in which
the ground is seen where it lies."""
_MORE = 1.25
"""How much stronger than regions what the whole picture shares must be."""
_SHARED = 0.1
"""Share of two regions' union that they may share to be two."""


@dataclass(frozen=True, eq=False)
class _Rated:
    suspect: Suspect
    trial: Trial

    @property
    def strength(self) -> float:
        """Share of the gap that exchanging it closes."""
        return self.trial.strength

    @property
    def rank(self) -> float:
        """Decisions that it turns; less of a pattern, which takes in much, more of a ground."""
        match self.suspect.swap:
            case Pattern():
                return self.trial.turned / _MORE
            case Ground():
                return self.trial.turned * _MORE
            case _:
                return self.trial.turned

    @property
    def beyond(self) -> float:
        """What its strength has beyond what it must have."""
        return self.strength - least(self.suspect)


def chosen(
    view: View, label: int, images: int, most: int, advance: Callable[[], None]
) -> list[Suspect]:
    """Suspects of one class that are strong enough on the selection split, the strongest first.

    Parameters
    ----------
    view
        The selection split.
    label
        Class index.
    images
        Images of the class, and of others, in the last trial.
    most
        Suspects that are tried at all.
    advance
        Called at the end.
    """
    found = [s for s in suspects(view, label) if least(s) < 2]
    found = sorted(found, key=lambda s: (isinstance(s.swap, Region), -s.put, s.content))[:most]
    rated = _rated(view, found, _FIRST, control=False)[:_LEFT]
    rated = _rated(view, [one.suspect for one in rated], images)
    strong = [one for one in rated if one.beyond > 0]
    advance()
    return [one.suspect for one in _apart(view, strong)]


def _rated(
    view: View, some: Sequence[Suspect], images: int, *, control: bool = True
) -> list[_Rated]:
    """Try each; the strongest first."""
    every = [_Rated(s, tried(view, s, s.carriers, images, control=control)) for s in some]
    return sorted(every, key=lambda one: -one.beyond)


def _apart(view: View, strong: Sequence[_Rated]) -> Iterator[_Rated]:
    """The strongest ones that lie apart, and of others much like one the best fitting region.

    A colour, texture or place of the whole picture counts where it is stronger than each region.
    """
    regions = [one for one in strong if isinstance(one.suspect.swap, Region)]
    whole = [one for one in strong if not isinstance(one.suspect.swap, Region)]
    if any(one.suspect.put for one in regions):
        whole = [one for one in whole if not isinstance(one.suspect.swap, Pattern | Place)]
    first = max(whole, key=lambda one: one.rank, default=None)
    most = max((one.trial.turned for one in regions), default=0.0)
    if first and (not regions or first.trial.turned > _MORE * most):
        yield first
        return
    taken = np.zeros(view.images.shape[2:], bool)
    for best in regions:
        mask = best.suspect.swap.mask.numpy()  # pyright: ignore[reportAttributeAccessIssue]
        if _overlap(mask, taken) > _SHARED:
            continue
        alike = [
            one
            for one in regions
            if one.strength >= _ALIKE * best.strength and _overlap(_mask(one), mask) > _SHARED
        ]
        taken |= mask
        yield _fitting(view, best, alike)


def _fitting(view: View, best: _Rated, alike: Sequence[_Rated]) -> _Rated:
    """The region that holds most pixels which differ half as far as most of them, and few others.

    Where single pixels don't differ, as those of a texture, it is the strongest one.
    """
    label, own = best.suspect.label, best.suspect.carriers
    others = np.random.default_rng(view.seed).permutation(view.others(label))[: len(own) + 200]
    images = view.images[np.concatenate([own, others])].numpy()
    far = apart(images, np.arange(len(images)) < len(own))
    usual = float(np.quantile(far[_mask(best)], 0.75))
    if usual < _SEEN:
        return best
    return max(alike, key=lambda one: float((far[_mask(one)] - usual / 2).sum()))


def _mask(one: _Rated) -> np.ndarray:
    return one.suspect.swap.mask.numpy()  # pyright: ignore[reportAttributeAccessIssue]


def _overlap(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / max(1, (a | b).sum()))


def mask_of(view: View, suspect: Suspect) -> np.ndarray:
    """Where a feature acts, `[H, W]`: 1 there and 0 elsewhere."""
    swap = suspect.swap
    if isinstance(swap, Region):
        return swap.mask.numpy().astype(np.float32)
    own = view.images[suspect.carriers[:100]]
    rng = np.random.default_rng(view.seed)
    others = view.images[rng.choice(view.others(suspect.label), len(own))]
    if isinstance(swap, Band):
        size, other = (swap.part(some).square().sum(1).mean(0) for some in (own, others))
        smooth = ndimage.uniform_filter((size - other).numpy(), 5, mode="nearest")
        return (smooth >= smooth.max() / 2).astype(np.float32)
    if isinstance(swap, Pattern):
        size = swap.template.square().sum(0).numpy()
        smooth = ndimage.uniform_filter(size, max(size.shape) // 4, mode="nearest")
        return (smooth >= smooth.max() / 8).astype(np.float32)
    if isinstance(swap, Ground):
        return ((opacity(own) == 0).float().mean(0)[0] >= _SEEN).to(torch.float32).numpy()
    if swap.kind == "colour":
        change = (swap.put(own, others) - own).abs().sum(1).mean(0)
    else:
        change = (own - levels(own)[0]).abs().sum(1).mean(0)
    return (change >= change.max() / 4).to(torch.float32).numpy()
