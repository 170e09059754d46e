"""Hides patterns that tell classes apart in noise, in many ways, and knows where they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

__all__ = ["APART", "FAMILIES", "Ask", "Hidden", "hide"]


@dataclass(frozen=True)
class Ask:
    """What kind of data is wanted.

    Attributes
    ----------
    family
        How a class is carried: a name in `FAMILIES` or `APART`.
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
    channels
        1, or 3 with noise of their own; a pattern lies on all, each with its own strength.
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
    channels: int = 1


@dataclass(frozen=True)
class Hidden:
    """Images `[N, channels, H, W]` float32, labels `[N]`, and what carries them, `[N, H, W]`."""

    images: np.ndarray
    labels: np.ndarray
    regions: np.ndarray


Carry = Callable[[Ask, np.ndarray, np.random.Generator], tuple[np.ndarray, np.ndarray]]
"""Returns what is added to the noise, `[N, H, W]` or `[N, channels, H, W]`, and the pixels that
carry the class, `[N, H, W]`."""


def hide(ask: Ask) -> Hidden:
    """Make data of a kind."""
    rng = np.random.default_rng(ask.seed)
    labels = rng.permutation(np.arange(ask.count) % ask.classes)
    noise = np.stack([_noise(ask, rng) for _ in range(ask.channels)], 1)
    pattern, regions = {**FAMILIES, **APART}[ask.family](ask, labels, rng)
    if pattern.ndim == 3:
        strengths = rng.uniform(-1, 1, ask.channels) if ask.channels > 1 else np.ones(1)
        strengths = strengths / np.abs(strengths).max()
        pattern = strengths[:, None, None] * pattern[:, None]
    images = noise + ask.strength * pattern
    if ask.positive:
        images = np.clip(0.5 + images / 8, 0, 1)
    return Hidden(images.astype(np.float32), labels.astype(np.int64), regions > 0)


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


def _border(
    ask: Ask, labels: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """A line along a part of the border for each class, one or two pixels thick."""
    pattern, regions = _nothing(ask)
    length, thick = ask.side // 2, int(rng.integers(1, 3))
    for label, place in enumerate(rng.permutation(8)[: ask.classes]):
        side, start = place // 2, (place % 2) * (ask.side - length)
        along, across = slice(start, start + length), slice(0, thick)
        at = (across, along) if side % 2 == 0 else (along, across)
        for values in (pattern, regions):
            turned = values[:, ::-1, ::-1] if side > 1 else values
            turned[(labels == label, *at)] = 1
    return pattern, regions


def _either(
    ask: Ask, labels: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """A patch for each class, in each image at one of two places of its own."""
    pattern, regions = _nothing(ask)
    size = max(2, ask.size - 1)
    places = _places(ask, 2 * ask.classes, size, rng)
    which = rng.integers(0, 2, ask.count)
    for n, label in enumerate(labels):
        top, left = places[2 * label + which[n]]
        at = n, slice(top, top + size), slice(left, left + size)
        pattern[at] = regions[at] = 1
    return pattern, regions


def _frame(ask: Ask, labels: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Signs of each class's own on the outline of a square."""
    pattern, regions = _nothing(ask)
    size = min(ask.side - 2, 2 * ask.size)
    ((top, left),) = _places(ask, 1, size, rng)
    outline = np.ones((size, size), bool)
    outline[1:-1, 1:-1] = False
    row, column = (v + o for v, o in zip(np.nonzero(outline), (top, left), strict=True))
    signs = rng.choice([-1.0, 1.0], (ask.classes, len(row)))
    pattern[:, row, column], regions[:, row, column] = signs[labels], 1
    return pattern, regions


def _broad(ask: Ask, labels: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Faint signs of each class's own over a third of the image."""
    pattern, regions = _nothing(ask)
    size = round(ask.side * 0.6)
    ((top, left),) = _places(ask, 1, size, rng)
    at = slice(None), slice(top, top + size), slice(left, left + size)
    signs = gaussian_filter(rng.normal(size=(ask.classes, size, size)), (0, 1, 1))
    pattern[at], regions[at] = (0.6 * np.sign(signs))[labels], 1
    return pattern, regions


def _absent(
    ask: Ask, labels: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Patches of all classes but one: the class is the one that is missing."""
    pattern, regions = _bump(ask, labels, rng)
    every = np.stack([pattern[labels == c].max(0) for c in range(ask.classes)]).max(0)
    return every - pattern, regions


def _colour(
    ask: Ask, labels: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """A patch at one place whose colour says the class."""
    plain, regions = _nothing(ask)
    ((top, left),) = _places(ask, 1, ask.size, rng)
    at = slice(None), slice(top, top + ask.size), slice(left, left + ask.size)
    regions[at] = plain[at] = 1
    colours = rng.normal(size=(ask.classes, ask.channels))
    colours /= np.abs(colours).max(1, keepdims=True)
    if ask.channels == 1:
        colours = np.linspace(-1, 1, ask.classes)[rng.permutation(ask.classes), None]
    return colours[labels][:, :, None, None] * plain[:, None], regions


def _rings(ask: Ask, labels: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A circle's outline around a centre of each class's own, which shakes by a pixel."""
    pattern, regions = _nothing(ask)
    row, column = np.mgrid[: ask.side, : ask.side]
    centres = rng.integers(3, ask.side - 3, (ask.classes, 2))
    for n, label in enumerate(labels):
        at = centres[label] + rng.integers(-1, 2, 2)
        far = np.hypot(row - at[0], column - at[1])
        regions[n] = pattern[n] = np.abs(far - ask.size / 2 - 0.5) < 0.6
    return pattern, regions


def _bands(ask: Ask, labels: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Stripes of a length of each class's own in a band of rows or columns, of any phase."""
    pattern, regions = _nothing(ask)
    wide, turned = ask.size, bool(rng.random() < 0.5)
    top = int(rng.integers(0, ask.side - wide + 1))
    along = np.arange(ask.side)
    lengths = np.linspace(2.2, 7.0, ask.classes)[rng.permutation(ask.classes)]
    phase = rng.uniform(0, 2 * np.pi, ask.count)
    waves = 1.4 * np.cos(2 * np.pi * along / lengths[labels][:, None] + phase[:, None])
    band = slice(top, top + wide)
    pattern[:, band], regions[:, band] = waves[:, None], 1
    return (pattern.swapaxes(1, 2), regions.swapaxes(1, 2)) if turned else (pattern, regions)


def _combined(
    ask: Ask, labels: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Two of several spots are bright; which two says the class, and each is of several classes."""
    pattern, regions = _nothing(ask)
    size = max(2, ask.size - 1)
    places = _places(ask, 4, size, rng)
    pairs = [(a, b) for a in range(4) for b in range(a)]
    chosen = [pairs[k] for k in rng.permutation(len(pairs))[: ask.classes]]
    for label, pair in enumerate(chosen):
        for top, left in (places[place] for place in pair):
            at = labels == label, slice(top, top + size), slice(left, left + size)
            pattern[at] = regions[at] = 1
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
    "border": _border,
    "either": _either,
    "frame": _frame,
    "broad": _broad,
    "absent": _absent,
    "colour": _colour,
}
"""How a class can be carried, by name."""

APART: dict[str, Carry] = {"rings": _rings, "bands": _bands, "combined": _combined}
"""Families that neither the calibration nor any choice is made with: they judge it."""
