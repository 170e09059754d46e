"""Places regions of the same size, or as much ink, elsewhere on the same inputs."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from holistic.attributing.grown import drawn, gathered, grown, with_rim

__all__ = ["inked_elsewhere", "moved", "sets_elsewhere"]

_TRIES = 400
"""Places that are tried for a copy of a region."""


def inked_elsewhere(
    ink: np.ndarray, region: np.ndarray, draws: int, rng: np.random.Generator
) -> np.ndarray:
    """Grow connected parts of what an image shows, with as much ink as a region holds.

    Each starts at a random pixel outside of the region, in a piece of ink that has enough where
    there is one, goes on in the nearest piece where it hasn't, and takes along the faint pixels
    around it.

    Parameters
    ----------
    ink
        `[H, W]`, how far each pixel lies from the background.
    region
        `[H, W]` bool.
    draws
        Parts to grow.
    rng
        Where they start.

    Returns
    -------
    np.ndarray
        `[draws, H, W]` bool; nothing where the region holds nothing.
    """
    from skimage.measure import label

    wanted, strong, weights = float(ink[region].sum()), drawn(ink), gathered(ink)
    if not wanted > 0:
        return np.zeros((draws, *ink.shape), bool)
    pieces = np.asarray(label(strong & ~region, connectivity=2))
    sums = np.bincount(pieces.ravel(), weights=weights.ravel())
    sums[0] = 0
    enough = sums >= wanted
    among = strong & ~region if enough.any() else np.ones_like(region)
    starts = np.argwhere(enough[pieces]) if enough.any() else np.argwhere(pieces)
    starts = starts if len(starts) else np.argwhere(strong)
    first = starts[rng.integers(0, len(starts), draws)]
    return with_rim(ink, grown(weights, among, region, first, wanted))


def moved(region: np.ndarray, most: int, rng: np.random.Generator) -> np.ndarray:
    """Copy a region to other places that it doesn't cover, mirrored and turned at random.

    Where it is too large for that, connected parts with as many pixels grow outside of it, and
    into it where nothing else is left.

    Parameters
    ----------
    region
        `[H, W]` bool.
    most
        Copies to make.
    rng
        Where they lie.

    Returns
    -------
    np.ndarray
        `[V, H, W]` bool, all different, V from 1 to `most`.
    """
    found = dict[bytes, np.ndarray]()
    if not region.any():
        return region[None]
    for copy in _placed(region, rng):
        if not (copy & region).any():
            found.setdefault(copy.tobytes(), copy)
        if len(found) >= most:
            break
    if len(found) < min(most, 2):
        ones, size = np.ones(region.shape), float(region.sum())
        starts = np.argwhere(~region) if not region.all() else np.argwhere(region)
        for part in grown(ones, ones > 0, region, starts[rng.integers(0, len(starts), most)], size):
            found.setdefault(part.tobytes(), part)
    return np.stack(list(found.values()))


def _placed(region: np.ndarray, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """The region at random places of its plane, in any of its eight positions."""
    rows, columns = (np.flatnonzero(region.any(axis)) for axis in (1, 0))
    cut = region[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    for _ in range(_TRIES):
        shape = np.rot90(cut, int(rng.integers(4)))
        shape = shape[:, ::-1] if rng.integers(2) else shape
        room = np.subtract(region.shape, shape.shape)
        if (room < 0).any():
            continue
        top, left = (int(rng.integers(0, free + 1)) for free in room)
        copy = np.zeros_like(region)
        copy[top : top + shape.shape[0], left : left + shape.shape[1]] = shape
        yield copy


def sets_elsewhere(region: np.ndarray, most: int, rng: np.random.Generator) -> np.ndarray:
    """Draw sets of as many other features; where fewer are left, all of them and some of its own.

    Parameters
    ----------
    region
        `[1, F]` bool.
    most
        Sets to draw.
    rng
        Which features.

    Returns
    -------
    np.ndarray
        `[V, 1, F]` bool, all different.
    """
    own, others = (np.flatnonzero(side.ravel()) for side in (region, ~region))
    found = dict[bytes, np.ndarray]()
    for _ in range(_TRIES):
        some = rng.permutation(others)[: len(own)]
        some = np.concatenate([some, rng.permutation(own)[: len(own) - len(some)]])
        chosen = np.zeros_like(region)
        chosen.ravel()[some] = True
        found.setdefault(chosen.tobytes(), chosen)
        if len(found) >= most:
            break
    return np.stack(list(found.values()))
