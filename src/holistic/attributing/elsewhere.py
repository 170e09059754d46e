"""Places regions of the same size, or as much ink, elsewhere on the same inputs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from holistic.attributing.grown import drawn, gathered, grown, with_rim

__all__ = ["inked_elsewhere", "moved", "sets_elsewhere"]

_TRIES = 400
"""Places that are tried for a copy of a region."""


def inked_elsewhere(
    ink: np.ndarray, regions: np.ndarray, draws: int, rngs: Sequence[np.random.Generator]
) -> np.ndarray:
    """Grow connected parts of what images show, with as much ink as a region of each holds.

    Each starts at a random pixel outside of the region, in a piece of ink that has enough where
    there is one, goes on in the nearest piece where it hasn't, and takes along the faint pixels
    around it.

    Parameters
    ----------
    ink
        `[N, H, W]`, how far each pixel lies from the background.
    regions
        `[N, H, W]` bool.
    draws
        Parts to grow in each image.
    rngs
        N of them: where parts start.

    Returns
    -------
    np.ndarray
        `[draws, N, H, W]` bool; nothing where the region holds nothing.
    """
    found = np.zeros((draws, *ink.shape), bool)
    wanted = np.array([float(one[region].sum()) for one, region in zip(ink, regions, strict=True)])
    some = np.flatnonzero(wanted > 0)
    if not len(some):
        return found
    ink, wanted = ink[some], wanted[some]
    strong = drawn(ink)
    outside = strong & ~regions[some]
    weights = np.stack([gathered(one) for one in ink])
    enough = _enough(weights, outside, wanted)
    among = outside | ~enough.any((1, 2), keepdims=True)
    starts = [
        _starts((enough[k], outside[k], strong[k]), draws, rngs[i])
        for k, i in enumerate(some.tolist())
    ]
    parts = grown(weights, among, regions[some], np.stack(starts), wanted)
    for i, image, own in zip(some, ink, parts, strict=True):
        found[:, i] = with_rim(image, own)
    return found


def _enough(weights: np.ndarray, outside: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Pixels `[N, H, W]` in pieces of an image that have as much as is wanted of it, `[N]`."""
    from scipy.ndimage import label

    within = np.zeros((3, 3, 3), bool)
    within[1] = True  # images don't touch each other
    pieces: np.ndarray = label(outside, within)[0]  # pyright: ignore[reportIndexIssue, reportAssignmentType]
    sums = np.bincount(pieces.ravel(), weights=weights.ravel())
    return outside & (sums[pieces] >= wanted[:, None, None])


def _starts(several: Sequence[np.ndarray], draws: int, rng: np.random.Generator) -> np.ndarray:
    """Draw pixels `[draws, 2]` of the first of several planes `[H, W]` bool that has any."""
    places = np.argwhere(next(plane for plane in several if plane.any()))
    return places[rng.integers(0, len(places), draws)]


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
        ones, size = np.ones((1, *region.shape)), np.array([float(region.sum())])
        starts = np.argwhere(~region) if not region.all() else np.argwhere(region)
        first = starts[rng.integers(0, len(starts), most)]
        for part in grown(ones, ones > 0, region[None], first[None], size)[0]:
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
