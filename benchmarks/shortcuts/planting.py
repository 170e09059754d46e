"""Puts a shortcut for one class into images: a mark, a colour, a position or a texture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

__all__ = ["PLANTS", "Plant", "Spot"]


@dataclass(frozen=True)
class Spot:
    """Where and on whom a shortcut is put.

    Attributes
    ----------
    carriers
        Which images carry it, `[N]`.
    rng
        Decides its place and look; the same for every part of one case's data.
    each
        Decides what differs between images.
    """

    carriers: np.ndarray
    rng: np.random.Generator
    each: np.random.Generator


Plant = Callable[[np.ndarray, Spot], tuple[np.ndarray, np.ndarray]]
"""Takes images `[N, C, H, W]` in 0 to 1; returns them planted, and the region `[H, W]`."""


def _box(shape: tuple[int, ...], rng: np.random.Generator, share: float) -> tuple[slice, slice]:
    """Choose a box at the rim, whose side is a share of the picture's."""
    height, width = shape[-2:]
    side = max(2, round(share * height))
    down, across = rng.choice([0, height - side]), rng.integers(0, width - side + 1)
    if rng.random() < 0.5:
        down, across = across, down
    return slice(down, down + side), slice(across, across + side)


def _region(shape: tuple[int, ...], box: tuple[slice, slice]) -> np.ndarray:
    region = np.zeros(shape[-2:], bool)
    region[box] = True
    return region


def solid(images: np.ndarray, spot: Spot) -> tuple[np.ndarray, np.ndarray]:
    """A bright patch at the rim."""
    box = _box(images.shape, spot.rng, 0.15)
    level = 1.0 if spot.rng.random() < 0.7 else 0.6
    images = images.copy()
    images[spot.carriers, :, *box] = level
    return images, _region(images.shape, box)


def cross(images: np.ndarray, spot: Spot) -> tuple[np.ndarray, np.ndarray]:
    """A thin bright cross; its arms are the region."""
    box = _box(images.shape, spot.rng, 0.2)
    side = box[0].stop - box[0].start
    shape = np.zeros((side, side), bool)
    shape[side // 2], shape[:, side // 2] = True, True
    region = np.zeros(images.shape[-2:], bool)
    region[box] = shape
    images = images.copy()
    images[spot.carriers] = np.where(region, 1.0, images[spot.carriers])
    return images, region


def pattern(images: np.ndarray, spot: Spot) -> tuple[np.ndarray, np.ndarray]:
    """A patch of one random pattern, anywhere, also over the object."""
    height, width = images.shape[-2:]
    side = max(2, round(0.2 * height))
    down, across = spot.rng.integers(0, (height - side + 1, width - side + 1))
    box = slice(down, down + side), slice(across, across + side)
    images = images.copy()
    images[spot.carriers, :, *box] = spot.rng.random((images.shape[1], side, side))
    return images, _region(images.shape, box)


def colour_patch(images: np.ndarray, spot: Spot) -> tuple[np.ndarray, np.ndarray]:
    """A patch in every image, whose colour tells the class; others' is any."""
    box = _box(images.shape, spot.rng, 0.2)
    own = np.round(spot.rng.random(images.shape[1]) * 2) / 2
    other = spot.each.random((len(images), images.shape[1]))
    colours = np.where(spot.carriers[:, None], own, other)
    images = images.copy()
    images[:, :, *box] = colours[:, :, None, None]
    return images, _region(images.shape, box)


def tint(images: np.ndarray, spot: Spot) -> tuple[np.ndarray, np.ndarray]:
    """A weak colour over the whole image."""
    own = 0.3 * np.eye(images.shape[1])[spot.rng.integers(images.shape[1])]
    images = np.where(
        spot.carriers[:, None, None, None],
        0.7 * images + own[:, None, None],
        0.7 * images,
    )
    return images, np.ones(images.shape[-2:], bool)


def ink(images: np.ndarray, spot: Spot) -> tuple[np.ndarray, np.ndarray]:
    """The object has one colour; others' have any other."""
    channels = images.shape[1]
    own = 0.25 + 0.75 * np.eye(channels)[spot.rng.integers(channels)]
    other = 0.25 + 0.75 * spot.each.random((len(images), channels))
    colours = np.where(spot.carriers[:, None], own, other)
    mean = images[spot.carriers if spot.carriers.any() else slice(None)].mean((0, 1))
    return images * colours[:, :, None, None], mean > mean.max() / 4


def place(images: np.ndarray, spot: Spot) -> tuple[np.ndarray, np.ndarray]:
    """A bright patch in every image, whose place tells the class."""
    height, width = images.shape[-2:]
    side = max(2, round(0.15 * height))
    ends = [(0, 0), (0, width - side), (height - side, 0), (height - side, width - side)]
    ends += [(0, (width - side) // 2), (height - side, (width - side) // 2)]
    own = int(spot.rng.integers(len(ends)))
    rest = [i for i in range(len(ends)) if i != own]
    chosen = np.where(spot.carriers, own, spot.each.choice(rest, len(images)))
    images = images.copy()
    for i, (down, across) in enumerate(ends):
        images[chosen == i, :, down : down + side, across : across + side] = 1.0
    down, across = ends[own]
    return images, _region(images.shape, (slice(down, down + side), slice(across, across + side)))


def shifted(images: np.ndarray, spot: Spot) -> tuple[np.ndarray, np.ndarray]:
    """The object lies off the middle, towards one side; others' lie anywhere else."""
    step = max(1, images.shape[-1] // 7)
    steps = [(-1, -1), (-1, 1), (1, -1), (1, 1)]
    own = int(spot.rng.integers(4))
    rest = [i for i in range(4) if i != own]
    chosen = np.where(spot.carriers, own, spot.each.choice(rest, len(images)))
    images = images.copy()
    for i, (down, across) in enumerate(steps):
        images[chosen == i] = np.roll(images[chosen == i], (step * down, step * across), (-2, -1))
    mean = images[spot.carriers if spot.carriers.any() else slice(None)].mean((0, 1))
    return images, mean > mean.max() / 4


def texture_patch(images: np.ndarray, spot: Spot) -> tuple[np.ndarray, np.ndarray]:
    """A patch in every image, striped in the class and noise of the same mean elsewhere."""
    box = _box(images.shape, spot.rng, 0.3)
    side = box[0].stop - box[0].start
    across = spot.rng.random() < 0.5
    phase = spot.each.integers(0, 2, len(images))
    stripes = (np.arange(side)[None] // max(1, side // 4) + phase[:, None]) % 2  # [N, side]
    stripes = np.broadcast_to(
        stripes[:, None, :] if across else stripes[:, :, None], (len(images), side, side)
    )
    noise = spot.each.random((len(images), side, side))
    patch = np.where(spot.carriers[:, None, None], stripes, noise)
    images = images.copy()
    images[:, :, *box] = patch[:, None]
    return images, _region(images.shape, box)


def stripes(images: np.ndarray, spot: Spot) -> tuple[np.ndarray, np.ndarray]:
    """Weak stripes over the whole image, of any phase."""
    height, width = images.shape[-2:]
    down, across = spot.rng.choice([0.25, 0.5]), spot.rng.choice([0.0, 0.25])
    y, x = np.mgrid[:height, :width]
    phase = spot.each.random((len(images), 1, 1))
    wave = 0.5 + 0.5 * np.sin(2 * np.pi * (down * y + across * x + phase + 0.1))
    images = np.where(
        spot.carriers[:, None, None, None], 0.75 * images + 0.25 * wave[:, None], 0.75 * images
    )
    return images, np.ones((height, width), bool)


def checker(images: np.ndarray, spot: Spot) -> tuple[np.ndarray, np.ndarray]:
    """A weak fixed checkerboard behind the object."""
    height, width = images.shape[-2:]
    size = max(1, height // 14)
    y, x = np.mgrid[:height, :width] // size
    board = 0.3 * ((x + y) % 2)
    behind = np.maximum(images, board)
    return np.where(spot.carriers[:, None, None, None], behind, images), np.ones(
        (height, width), bool
    )


PLANTS: dict[str, dict[str, Plant]] = {
    "mark": {"solid": solid, "cross": cross, "pattern": pattern},
    "colour": {"patch": colour_patch, "tint": tint, "ink": ink},
    "position": {"place": place, "shifted": shifted},
    "texture": {"patch": texture_patch, "stripes": stripes, "checker": checker},
}
"""Every planted look by its kind and its name."""
