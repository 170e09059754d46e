"""Hides patterns that tell classes apart in noise, in ten ways, and knows where they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

__all__ = ["FAMILIES", "Ask", "Hidden", "hide"]


@dataclass(frozen=True)
class Ask:
    """What kind of data is wanted.

    Attributes
    ----------
    family
        How a class is carried: a name in `FAMILIES`.
    side, classes, count
        Pixels along a side, number of classes, and of images.
    size
        Pixels along the side of what carries a class.
    strength
        Height of the pattern in standard deviations of the noise.
    noise
        `white`, `uniform`, `smooth` or `sparse`.
    positive
        Whether images lie from 0 to 1 and not around 0.
    seed
        Decides all draws.
    """

    family: str
    side: int
    classes: int
    count: int
    size: int
    strength: float
    noise: str
    positive: bool
    seed: int


@dataclass(frozen=True)
class Hidden:
    """Images `[N, 1, H, W]` float32, labels `[N]`, and the pixels that carry them `[N, H, W]`."""

    images: np.ndarray
    labels: np.ndarray
    regions: np.ndarray


Carry = Callable[[Ask, np.ndarray, np.random.Generator], tuple[np.ndarray, np.ndarray]]
"""Returns what is added to the noise, `[N, H, W]`, and the pixels that carry the class."""


def hide(ask: Ask) -> Hidden:
    """Make data of a kind."""
    rng = np.random.default_rng(ask.seed)
    labels = rng.permutation(np.arange(ask.count) % ask.classes)
    noise = _noise(ask, rng)
    pattern, regions = FAMILIES[ask.family](ask, labels, rng)
    images = noise + ask.strength * pattern
    if ask.positive:
        images = np.clip(0.5 + images / 8, 0, 1)
    return Hidden(images[:, None].astype(np.float32), labels.astype(np.int64), regions > 0)


def _noise(ask: Ask, rng: np.random.Generator) -> np.ndarray:
    shape = (ask.count, ask.side, ask.side)
    if ask.noise == "uniform":
        return rng.uniform(-1.73, 1.73, shape)
    if ask.noise == "smooth":
        blurred = gaussian_filter(rng.normal(size=shape), (0, 1.2, 1.2))
        return blurred / blurred.std()
    if ask.noise == "sparse":
        return rng.normal(size=shape) * 2 * (rng.random(shape) < 0.25)
    return rng.normal(size=shape)


def _places(ask: Ask, count: int, size: int, rng: np.random.Generator) -> list[tuple[int, int]]:
    """Upper left corners of squares that don't overlap, while there is room."""
    found, tries = list[tuple[int, int]](), 0
    while len(found) < count:
        top, left = (int(v) for v in rng.integers(0, ask.side - size + 1, 2))
        tries += 1
        apart = all(max(abs(top - a), abs(left - b)) >= size for a, b in found)
        if apart or tries > 200:
            found.append((top, left))
    return found


def _nothing(ask: Ask) -> tuple[np.ndarray, np.ndarray]:
    shape = (ask.count, ask.side, ask.side)
    return np.zeros(shape), np.zeros(shape)


def _bump(ask: Ask, labels: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A bright patch at each class's own place."""
    pattern, regions = _nothing(ask)
    for label, (top, left) in enumerate(_places(ask, ask.classes, ask.size, rng)):
        at = labels == label, slice(top, top + ask.size), slice(left, left + ask.size)
        pattern[at] = regions[at] = 1
    return pattern, regions


def _codes(ask: Ask, labels: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Signs of its own for each class, all at one place."""
    pattern, regions = _nothing(ask)
    ((top, left),) = _places(ask, 1, ask.size, rng)
    at = slice(None), slice(top, top + ask.size), slice(left, left + ask.size)
    signs = rng.choice([-1.0, 1.0], (ask.classes, ask.size, ask.size))
    pattern[at], regions[at] = signs[labels], 1
    return pattern, regions


def _shapes(size: int, count: int, rng: np.random.Generator) -> np.ndarray:
    """Signed shapes `[count, size, size]` that differ between classes."""
    row, column = np.mgrid[:size, :size]
    middle = size // 2
    kinds = np.array(
        [
            np.where((row == middle) | (column == middle), 1, -1),
            np.where((row == column) | (row == size - 1 - column), 1, -1),
            np.where((row % (size - 1) == 0) | (column % (size - 1) == 0), 1, -1),
            np.where(row % 2 == 0, 1, -1),
            np.where(column % 2 == 0, 1, -1),
            np.where((row + column) % 2 == 0, 1, -1),
        ]
    )
    return kinds[rng.permutation(len(kinds))[:count]].astype(float)


def _wandering(
    ask: Ask, labels: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Each class's own shape, at another place in each image."""
    pattern, regions = _nothing(ask)
    shapes = _shapes(ask.size, ask.classes, rng)
    for n, label in enumerate(labels):
        top, left = rng.integers(0, ask.side - ask.size + 1, 2)
        at = n, slice(top, top + ask.size), slice(left, left + ask.size)
        pattern[at], regions[at] = shapes[label], 1
    return pattern, regions


def _contrast(
    ask: Ask, labels: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Two or three patches whose signs together say the class; each sign is of several classes."""
    pattern, regions = _nothing(ask)
    bits = max(2, int(np.ceil(np.log2(ask.classes))))
    size = max(2, ask.size - 1)
    for bit, (top, left) in enumerate(_places(ask, bits, size, rng)):
        at = slice(None), slice(top, top + size), slice(left, left + size)
        pattern[at] = (2 * (labels >> bit & 1) - 1)[:, None, None]
        regions[at] = 1
    return pattern, regions


def _texture(
    ask: Ask, labels: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Waves in a patch, of a direction and length of the class's own and of any phase."""
    pattern, regions = _nothing(ask)
    size = ask.size + 2
    ((top, left),) = _places(ask, 1, size, rng)
    row, column = np.mgrid[:size, :size]
    turned = np.pi * labels / ask.classes
    phase = rng.uniform(0, 2 * np.pi, ask.count)
    along = np.cos(turned)[:, None, None] * row + np.sin(turned)[:, None, None] * column
    at = slice(None), slice(top, top + size), slice(left, left + size)
    pattern[at] = 1.4 * np.cos(2 * np.pi * along / 3.5 + phase[:, None, None])
    regions[at] = 1
    return pattern, regions


def _both(ask: Ask, labels: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Two patches of which one alone says nothing: the class is the sum of their states."""
    pattern, regions = _nothing(ask)
    size = max(2, ask.size - 1)
    states = rng.integers(0, ask.classes, ask.count)
    others = (labels - states) % ask.classes
    for own, (top, left) in zip((states, others), _places(ask, 2, size, rng), strict=True):
        signs = rng.choice([-1.0, 1.0], (ask.classes, size, size))
        at = slice(None), slice(top, top + size), slice(left, left + size)
        pattern[at], regions[at] = signs[own], 1
    return pattern, regions


def _strokes(
    ask: Ask, labels: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """A thin line for each class, which shakes by a pixel."""
    pattern, regions = _nothing(ask)
    length = min(ask.side - 2, 2 * ask.size)
    starts = [rng.integers(1, ask.side - length, 2) for _ in range(ask.classes)]
    steps = [((0, 1), (1, 0), (1, 1))[k % 3] for k in range(ask.classes)]
    for n, label in enumerate(labels):
        top, left = starts[label] + rng.integers(-1, 2, 2)
        down, across = steps[label]
        for i in range(length):
            at = n, (top + down * i) % ask.side, (left + across * i) % ask.side
            pattern[at] = regions[at] = 1
    return pattern, regions


def _scattered(
    ask: Ask, labels: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Single pixels far from each other, with signs of each class's own."""
    pattern, regions = _nothing(ask)
    count = ask.size**2
    chosen = rng.permutation(ask.side**2)[:count]
    signs = rng.choice([-1.0, 1.0], (ask.classes, count))
    pattern.reshape(ask.count, -1)[:, chosen] = signs[labels]
    regions.reshape(ask.count, -1)[:, chosen] = 1
    return pattern, regions


def _distracted(
    ask: Ask, labels: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """A patch for each class, and elsewhere something three times as strong that says nothing."""
    pattern, regions = _bump(ask, labels, rng)
    row, column = np.mgrid[: ask.side, : ask.side]
    for n in range(ask.count):
        at = rng.integers(0, ask.side, 2)
        blob = np.exp(-((row - at[0]) ** 2 + (column - at[1]) ** 2) / (2 * 1.5**2))
        pattern[n] += 3 * rng.choice([-1.0, 1.0]) * blob
    return pattern, regions


def _blobs(ask: Ask, labels: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A soft spot for each class, brighter or darker, that wanders a little."""
    pattern, regions = _nothing(ask)
    row, column = np.mgrid[: ask.side, : ask.side]
    centres = rng.integers(3, ask.side - 3, (ask.classes, 2))
    signs = rng.choice([-1.0, 1.0], ask.classes)
    for n, label in enumerate(labels):
        at = centres[label] + rng.integers(-1, 2, 2)
        blob = np.exp(-((row - at[0]) ** 2 + (column - at[1]) ** 2) / (2 * (ask.size / 3) ** 2))
        pattern[n], regions[n] = 1.5 * signs[label] * blob, blob > 0.35
    return pattern, regions


FAMILIES: dict[str, Carry] = {
    "bump": _bump,
    "codes": _codes,
    "wandering": _wandering,
    "contrast": _contrast,
    "texture": _texture,
    "both": _both,
    "strokes": _strokes,
    "scattered": _scattered,
    "beside": _distracted,
    "blobs": _blobs,
}
"""How a class can be carried, by name."""
