"""Masks a feature in its class and pastes it into others, beside the same done elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from holistic.lenses.attribution._alike import reached
from holistic.lenses.attribution._suspects import Suspect, View, features, margins
from holistic.lenses.attribution._swaps import Ground, Pattern, Place, Region, Swap

__all__ = ["Trial", "carriers", "least", "tried"]

_SHIFTS = 12
"""Other places among which the one is sought where pasting changes as much."""
_FLOORS, _WHOLE, _MOVED = (0.2, 0.12, 0.12), 0.3, 0.6
"""Share of the gap that pasting and masking must close together, by how surely a feature was put
there; of grounds and patterns; and of moved objects."""
_SLOPES = (90.0, 20.0, 3.0)
"""How much more for what tells other classes apart, by how surely a feature was put there."""


@dataclass(frozen=True, eq=False)
class Trial:
    """Margins of the class over the best other, `[n]`, of two groups of images.

    Attributes
    ----------
    others, own
        Other classes' images, and the class's that carry the feature, as they are.
    pasted, pasted_control
        Others with the feature of the class's, and with what isn't it.
    masked, masked_control
        The class's with the feature of others, and with other parts of them.
    """

    others: np.ndarray
    own: np.ndarray
    pasted: np.ndarray
    pasted_control: np.ndarray
    masked: np.ndarray
    masked_control: np.ndarray

    @property
    def gap(self) -> float:
        """How far the margins of the class's images lie above those of others."""
        return max(float(self.own.mean() - self.others.mean()), 1e-9)

    @property
    def gained(self) -> float:
        """Share of the gap that pasting closes, beyond the control."""
        return float((self.pasted - self.pasted_control).mean()) / self.gap

    @property
    def lost(self) -> float:
        """Share of the gap that masking closes, beyond the control."""
        return float((self.masked_control - self.masked).mean()) / self.gap

    @property
    def strength(self) -> float:
        """What both close together."""
        return self.gained + self.lost

    @property
    def turned(self) -> float:
        """Share of others that become the class, and of the class's that cease to be it, together.

        Beyond the controls.
        """
        become, kept = (float((some > 0).mean()) for some in (self.pasted, self.masked_control))
        control, rest = (float((some > 0).mean()) for some in (self.pasted_control, self.masked))
        return become - control + kept - rest


def least(suspect: Suspect) -> float:
    """Strength that a feature must have: the more, the more of a picture it shows."""
    if isinstance(suspect.swap, Place):
        return _MOVED
    if isinstance(suspect.swap, Ground | Pattern):
        return _WHOLE
    return _FLOORS[suspect.put] + _SLOPES[suspect.put] * suspect.content


def tried(
    view: View,
    suspect: Suspect,
    own: np.ndarray,
    most: int,
    *,
    control: bool = True,
) -> Trial:
    """Paste and mask a feature.

    Parameters
    ----------
    view
        The images.
    suspect
        What is exchanged.
    own
        Places of the class's images that carry it.
    most
        Images at most of the class, and of others.
    control
        Whether the same is done elsewhere, too.
    """
    rng = np.random.default_rng([view.seed, suspect.label, most])
    others = view.others(suspect.label)
    count = min(most, len(others))
    receivers = rng.choice(others, count, replace=False)
    donors = _drawn(rng, own, count)
    bare = _drawn(rng, others, count)  # donors that aren't of the class
    masked_count = min(most, len(own))
    chosen = rng.choice(own, masked_count, replace=False)
    fill = _drawn(rng, others, masked_count)
    asked = [(suspect.swap, receivers, donors), (suspect.swap, chosen, fill)]
    before = view.margins[receivers, suspect.label], view.margins[chosen, suspect.label]
    if not control:
        pasted, masked = _are(view, asked, suspect.label)
        return Trial(*before, pasted, before[0], masked, before[1])
    asked.append((suspect.swap, receivers, bare))
    if isinstance(suspect.swap, Region):
        moved = _elsewhere(view, suspect.swap, receivers, donors, rng)
        asked.append((moved, receivers, donors))
        asked.append((_elsewhere(view, suspect.swap, chosen, fill, rng), chosen, fill))
    else:
        asked.append((suspect.swap, chosen, _drawn(rng, own, masked_count)))
    pasted, masked, *elsewhere, kept = _are(view, asked, suspect.label)
    return Trial(*before, pasted, max(elsewhere, key=lambda one: one.mean()), masked, kept)


def _drawn(rng: np.random.Generator, among: Sequence[int] | np.ndarray, count: int) -> np.ndarray:
    """Draw as many, each about as often."""
    turns = -(-count // max(1, len(among)))
    return np.concatenate([rng.permutation(among) for _ in range(turns)])[:count]


def _are(
    view: View, asked: Sequence[tuple[Swap, np.ndarray, np.ndarray]], label: int
) -> list[np.ndarray]:
    """Margins of a class, `[n]`, of receivers with each swap's feature of their donors."""
    changed = [swap.put(view.images[to], view.images[of]) for swap, to, of in asked]
    found = margins(view.predict(torch.cat(changed)))[:, label]
    return np.split(found, np.cumsum([len(one) for one in changed])[:-1])


def _elsewhere(
    view: View,
    region: Region,
    receivers: np.ndarray,
    donors: np.ndarray,
    rng: np.random.Generator,
) -> Region:
    """Move a region to the place, of several, where the exchange changes most nearly as much."""
    change = (view.images[receivers] - view.images[donors]).square().sum(1).mean(0)  # [H, W]
    ink = float(change[region.mask].sum())
    height, width = region.mask.shape
    best, found = float("inf"), region.moved(height // 2, width // 2)
    for _ in range(_SHIFTS):
        moved = region.moved(int(rng.integers(height)), int(rng.integers(width)))
        shared = float((moved.mask & region.mask).sum()) / float(region.mask.sum())
        miss = abs(float(change[moved.mask].sum()) - ink) / max(ink, 1e-12) + 4 * shared
        if miss < best:
            best, found = miss, moved
    return found


def carriers(view: View, suspect: Suspect, model: View) -> np.ndarray:
    """Which images carry a feature, `[N]`: those near the middle of its carriers.

    How near is what tells them from others best.

    Parameters
    ----------
    view
        The images asked about.
    suspect
        The feature.
    model
        The split on which it was found.
    """
    known = features(suspect.swap, model.images[suspect.carriers])
    middle = np.median(known, 0)
    scale = np.maximum(known.std(0), 0.05 * (known.max() - known.min() + 1e-6))
    others = features(suspect.swap, model.images[model.others(suspect.label)])
    gap, near = reached(known / scale, others / scale, middle / scale)
    far, asked = (
        np.square((values - middle) / scale).mean(1)
        for values in (known, features(suspect.swap, view.images))
    )
    return asked <= (far[near].max() if gap > 0 else np.quantile(far, 0.95)) * 1.05 + 1e-9
