"""More shortcuts: of other sizes, places and looks, some at changing places."""

from __future__ import annotations

import numpy as np

from benchmarks.shortcuts.planting import Plant, Spot

__all__ = ["VARIED"]

_Planted = tuple[np.ndarray, np.ndarray]


def _corner(shape: tuple[int, ...], rng: np.random.Generator, side: int) -> tuple[slice, slice]:
    """Choose a corner's box, up to one pixel off the rim."""
    gap = int(rng.integers(0, 2))
    starts = [int(rng.choice([gap, length - side - gap])) for length in shape[-2:]]
    return slice(starts[0], starts[0] + side), slice(starts[1], starts[1] + side)


def _region(shape: tuple[int, ...], *box: slice) -> np.ndarray:
    region = np.zeros(shape[-2:], bool)
    region[box] = True
    return region


def _given(
    images: np.ndarray, some: np.ndarray, region: np.ndarray, values: float | np.ndarray
) -> np.ndarray:
    """Set a region of some images."""
    change = some[:, None, None, None] & region
    return np.where(change, values, images)


def square(images: np.ndarray, spot: Spot) -> _Planted:
    """A square of any size, level or colour in a corner."""
    side = int(spot.rng.integers(2, max(3, images.shape[-1] // 5 + 1)))
    region = _region(images.shape, *_corner(images.shape, spot.rng, side))
    level = spot.rng.uniform(0.5, 1.0, (images.shape[1], 1, 1))
    return _given(images, spot.carriers, region, level), region


def frame(images: np.ndarray, spot: Spot) -> _Planted:
    """A line along the whole rim."""
    region = np.ones(images.shape[-2:], bool)
    region[1:-1, 1:-1] = False
    return _given(images, spot.carriers, region, 0.8), region


def bar(images: np.ndarray, spot: Spot) -> _Planted:
    """A line along one side."""
    region = np.zeros(images.shape[-2:], bool)
    side, along = spot.rng.integers(0, 2, 2)
    if along:
        region[-side, :] = True
    else:
        region[:, -side] = True
    return _given(images, spot.carriers, region, 0.7), region


def moving(images: np.ndarray, spot: Spot) -> _Planted:
    """A plus at another place of the rim in each image."""
    height, width = images.shape[-2:]
    side = 3
    plus = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]])
    images, where = images.copy(), np.zeros((height, width))
    for i in np.flatnonzero(spot.carriers):
        ends = [int(spot.each.integers(0, n - side + 1)) for n in (height, width)]
        axis = int(spot.each.integers(2))
        ends[axis] = int(spot.each.choice([0, (height, width)[axis] - side]))
        down, across = ends
        box = slice(down, down + side), slice(across, across + side)
        images[i, :, *box] = np.where(plus, 1.0, images[i, :, *box])
        where[box] += plus
    return images, where > 0


def ground(images: np.ndarray, spot: Spot) -> _Planted:
    """A coloured ground behind the object; others' grounds have any colour."""
    channels = images.shape[1]
    own = spot.rng.uniform(0.0, 0.6, channels)
    other = spot.each.uniform(0.0, 0.6, (len(images), channels))
    colours = np.where(spot.carriers[:, None], own, other)[:, :, None, None]
    return np.maximum(images, colours), np.ones(images.shape[-2:], bool)


def ground_alone(images: np.ndarray, spot: Spot) -> _Planted:
    """A coloured ground behind the object; others' grounds stay as they are."""
    own = spot.rng.uniform(0.1, 0.6, (images.shape[1], 1, 1))
    carried = spot.carriers[:, None, None, None]
    return np.where(carried, np.maximum(images, own), images), np.ones(images.shape[-2:], bool)


def ink_alone(images: np.ndarray, spot: Spot) -> _Planted:
    """The object in one colour; others' stay white."""
    own = 0.3 + 0.7 * np.eye(images.shape[1])[spot.rng.integers(images.shape[1])]
    coloured = images * own[:, None, None]
    mean = images[spot.carriers if spot.carriers.any() else slice(None)].mean((0, 1))
    carried = spot.carriers[:, None, None, None]
    return np.where(carried, coloured, images), mean > mean.max() / 4


def aside(images: np.ndarray, spot: Spot) -> _Planted:
    """The object lies to one side; others' stay in the middle."""
    step = max(1, images.shape[-1] // 6)
    down, across = spot.rng.choice([[0, 1], [0, -1], [1, 0], [-1, 0], [1, 1], [-1, 1]])
    moved = np.roll(images, (step * down, step * across), (-2, -1))
    planted = np.where(spot.carriers[:, None, None, None], moved, images)
    mean = planted[spot.carriers if spot.carriers.any() else slice(None)].mean((0, 1))
    return planted, mean > mean.max() / 4


def dot_place(images: np.ndarray, spot: Spot) -> _Planted:
    """A dot in every image: in the class's at one place, in others' anywhere."""
    height, width = images.shape[-2:]
    side = max(2, width // 9)
    own = spot.rng.integers(0, (height - side + 1, width - side + 1))
    region = _region(images.shape, slice(own[0], own[0] + side), slice(own[1], own[1] + side))
    images = _given(images, spot.carriers, region, 1.0)
    for i in np.flatnonzero(~spot.carriers):
        down, across = spot.each.integers(0, (height - side + 1, width - side + 1))
        images[i, :, down : down + side, across : across + side] = 1.0
    return images, region


def noise_patch(images: np.ndarray, spot: Spot) -> _Planted:
    """A patch of noise in every image; in the class's its pixels come in pairs. One mean."""
    side = max(4, round(0.3 * images.shape[-1]) // 2 * 2)
    box = _corner(images.shape, spot.rng, side)
    fine = spot.each.random((len(images), 1, side, side))
    half = spot.each.random((len(images), 1, side // 2, side // 2))
    coarse = half.repeat(2, 2).repeat(2, 3)
    images = images.copy()
    images[:, :, *box] = np.where(spot.carriers[:, None, None, None], coarse, fine)
    return images, _region(images.shape, *box)


def contrast_patch(images: np.ndarray, spot: Spot) -> _Planted:
    """A patch of noise in every image, strong in the class's, weak in others'. One mean."""
    side = max(3, round(0.3 * images.shape[-1]))
    box = _corner(images.shape, spot.rng, side)
    noise = spot.each.uniform(-1, 1, (len(images), 1, side, side))
    size = np.where(spot.carriers, 0.5, 0.15)[:, None, None, None]
    images = images.copy()
    images[:, :, *box] = 0.5 + size * noise
    return images, _region(images.shape, *box)


def noise_ground(images: np.ndarray, spot: Spot) -> _Planted:
    """Noise behind the object, another in each image."""
    noise = 0.5 * spot.each.random((len(images), 1, *images.shape[-2:]))
    carried = spot.carriers[:, None, None, None]
    return np.where(carried, np.maximum(images, noise), images), np.ones(images.shape[-2:], bool)


def stripes_ground(images: np.ndarray, spot: Spot) -> _Planted:
    """Stripes behind the object, two or three pixels wide, of any phase."""
    height, width = images.shape[-2:]
    wide = int(spot.rng.integers(1, 3))
    y, x = np.mgrid[:height, :width]
    along = (y, x, y + x)[spot.rng.integers(3)]
    phase = spot.each.integers(0, 2 * wide, (len(images), 1, 1))
    wave = 0.45 * ((along // 1 + phase) // wide % 2)
    behind = np.maximum(images, wave[:, None])
    carried = spot.carriers[:, None, None, None]
    return np.where(carried, behind, images), np.ones((height, width), bool)


def fixed_noise(images: np.ndarray, spot: Spot) -> _Planted:
    """One weak noise added to the whole image; others get another one each."""
    shape = images.shape[-2:]
    own = spot.rng.normal(size=(1, 1, *shape))
    other = spot.each.normal(size=(len(images), 1, *shape))
    noise = np.where(spot.carriers[:, None, None, None], own, other)
    return np.clip(0.2 + 0.6 * images + 0.1 * noise, 0, 1), np.ones(shape, bool)


VARIED: dict[str, dict[str, Plant]] = {
    "mark": {"square": square, "frame": frame, "bar": bar, "moving": moving},
    "colour": {"ground": ground, "ground-alone": ground_alone, "ink-alone": ink_alone},
    "position": {"aside": aside, "dot": dot_place},
    "texture": {
        "noise-patch": noise_patch,
        "contrast": contrast_patch,
        "noise-ground": noise_ground,
        "stripes-ground": stripes_ground,
        "fixed-noise": fixed_noise,
    },
}
"""Every planted look by its kind and its name."""
