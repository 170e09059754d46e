"""Looks in a class's images for what they share and others lack: regions, waves, levels, places."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor
from torch.nn import functional

from holistic.lenses.attribution._alike import apart, constancy, dense, halves, sameness
from holistic.lenses.attribution._swaps import (
    Band,
    Colours,
    Ground,
    Pattern,
    Place,
    Region,
    Swap,
    centres,
    grounds,
    levels,
    opacity,
    rim,
)

__all__ = ["Suspect", "View", "features", "margins", "suspects"]

_LEVELS = np.arange(0.3, 1.0, 0.05)
_MOST_SHARE = 0.75
"""Share of the picture that a region covers at most: more is the picture."""
_CONTENT = 0.03
"""Share of what others' pictures show from which on a feature's content must be constant."""
_MOST_CONTENT = 0.3
"""The same, of constant content."""
_CONSTANT = 0.9
"""Part of the difference to others that doesn't vary among those that carry a feature."""
_TINY = 1e-12
_RARE = 0.15
"""Share of a class's images that a strategy must have."""
_PRESENT = 0.97
"""Part of a region's square distance from the ground that is the same in all that carry it, from
which on it holds one thing that was put there."""
_EXACT, _SEVERAL = 0.999, 8
"""The same, of a thing that is the very same, and values that chance doesn't make so."""
_ALIKE = 0.85
"""Overlap, as a share of the union, from which on two regions are one."""
_SQUARE = np.ones((3, 3), bool)
_FEWEST = 8
"""Images of a class, and of others, that a comparison needs."""
_SIDE = 40
"""Pixels along a side at which pictures are compared; larger ones are made smaller."""
_WAVES = 64
"""Pixels along a side above which waves aren't looked at."""
_NARROW = 0.1
"""Share of all waves that a band holds at most."""
_FLAT = 0.03
"""Share of all values' range that a flat ground varies by at most."""
_CLEAR = 9.0
"""Standard deviations by which images that carry a pattern lie apart from others."""


@dataclass(frozen=True, eq=False)
class View:
    """Images of one split as planes, with what the model makes of them.

    Attributes
    ----------
    images
        `[N, C, H, W]`.
    labels
        `[N]`.
    predict
        From planes `[B, C, H, W]` to logits `[B, classes]`.
    seed
        Decides draws.
    """

    images: Tensor
    labels: np.ndarray
    predict: Callable[[Tensor], np.ndarray]
    seed: int

    @cached_property
    def margins(self) -> np.ndarray:
        """Each class's margin over the best other, `[N, classes]`."""
        return margins(self.predict(self.images))

    @cached_property
    def predictions(self) -> np.ndarray:
        """The largest margin's class, `[N]`."""
        return self.margins.argmax(1)

    def own(self, label: int) -> np.ndarray:
        """The class's images that the model takes for it."""
        return np.flatnonzero((self.labels == label) & (self.predictions == label))

    def others(self, label: int) -> np.ndarray:
        """Other classes' images that the model doesn't take for it."""
        return np.flatnonzero((self.labels != label) & (self.predictions != label))


@dataclass(frozen=True, eq=False)
class Suspect:
    """A feature that many of a class's images share and few others have.

    Attributes
    ----------
    label
        Class index.
    swap
        What is exchanged.
    carriers
        Places of the class's images that carry it.
    content
        Share of what tells other classes apart that the feature holds; 0 of features that hold no
        shape.
    put
        How surely it was put there, rather than drawn: 2 where it is the very same in all that
        carry it, 1 nearly so, 0 else or where it is nothing but ground.
    """

    label: int
    swap: Swap
    carriers: np.ndarray
    content: float
    put: int = 0


def margins(logits: np.ndarray) -> np.ndarray:
    """Each class's logit minus the largest other one, `[B, classes]`."""
    ordered = np.sort(logits, 1)
    top, second = ordered[:, -1:], ordered[:, -2:-1]
    return logits - np.where(logits == top, second, top)


def suspects(view: View, label: int) -> Iterator[Suspect]:
    """What a class's images share and others lack, of every kind.

    Parameters
    ----------
    view
        The selection split.
    label
        Class index.
    """
    rng = np.random.default_rng([view.seed, label])
    own, others = view.own(label), view.others(label)
    if min(len(own), len(others)) < _FEWEST:
        return
    own, others = (rng.permutation(some)[:most] for some, most in ((own, 200), (others, 400)))
    yield from _regions(view, label, own, others)
    yield from _bands(view, label, own, others)
    yield from patterns(view, label, own, others)
    grounds_ = [_ground(view.images[own])] if _has_ground(view, own, others) else []
    for swap in (Colours(), *grounds_, Place()):
        yield Suspect(label, swap, own, 0.0)
        shown = [features(swap, view.images[some]).astype(float) for some in (own, others)]
        spread = np.concatenate(shown).std(0) + _TINY
        group = dense(*(some / spread for some in shown))
        if _RARE <= group.mean() < 1:
            yield Suspect(label, swap, own[group], 0.0)


def _has_ground(view: View, own: np.ndarray, others: np.ndarray) -> bool:
    """Say whether the rim shows what lies behind the object, and not the object itself.

    Else what looks like ground tells other classes apart, or the class has no object.
    """
    sizes = [float((opacity(view.images[some]) > 0).float().mean()) for some in (own, others)]
    if min(sizes) <= max(sizes) / 2:
        return False
    images = view.images[others]
    middle = rim(images).mean(2)[:, :, None, None]
    behind = torch.where(opacity(images) == 0, images, middle)
    parts = [float(_telling(x.numpy(), view.labels[others]).sum()) for x in (behind, images)]
    return parts[0] <= _CONTENT * parts[1]


def _ground(images: Tensor) -> Ground:
    """The ground: a colour where it is flat in most of the class's images, else a texture."""
    spread = grounds(images).unflatten(1, (4, -1))[:, 1]
    flat = float(spread.amax(1).median()) < _FLAT * float(images.max() - images.min())
    return Ground("colour" if flat else "texture")


def _regions(view: View, label: int, own: np.ndarray, others: np.ndarray) -> Iterator[Suspect]:
    both = np.concatenate([own, others])
    mine = np.arange(len(both)) < len(own)
    side = -(-max(view.images.shape[2:]) // _SIDE)
    images = functional.avg_pool2d(view.images[both], side, ceil_mode=True)
    slopes = _slopes(images)
    spread = _telling(images.numpy()[~mine], view.labels[others]) + _TINY
    shown = images.numpy()[~mine].var(0).sum(0) + _TINY
    pixels = images.numpy()
    ground = np.median(pixels[~mine])
    for number, features in enumerate((images, slopes)):
        for part in _parts(apart(features.numpy(), mine), stepped=number == 1):
            drawn = _continues(pixels[~mine], part) * shown[part].sum() / shown.sum()
            content = float(max(spread[part].sum() / spread.sum(), drawn))
            if content > _MOST_CONTENT:
                continue
            here = pixels[:, :, part].reshape(len(pixels), -1)
            for carry in _strategies(here[mine], here[~mine], content):
                same = sameness(here[mine][carry], ground)
                put = int(same >= _PRESENT) + int(same >= _EXACT and here.shape[1] >= _SEVERAL)
                whole = np.kron(part, np.ones((side, side), bool))
                whole = whole[: view.images.shape[2], : view.images.shape[3]]
                yield Suspect(label, Region(torch.from_numpy(whole)), own[carry], content, put)


def _telling(pixels: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """How far classes' mean images lie apart at each pixel, `[H, W]`; of one class, its spread.

    What means differ by because they are of few images is taken away.
    """
    classes = np.unique(labels)
    if len(classes) < 2:
        return pixels.var(0).sum(0)
    groups = [pixels[labels == label] for label in classes]
    means = np.stack([group.mean(0) for group in groups])
    chance = np.mean([group.var(0) / len(group) for group in groups], 0)
    return np.maximum(means.var(0, ddof=1) - chance, 0.0).sum(0)


def _continues(pixels: np.ndarray, part: np.ndarray) -> float:
    """How far what images `[N, C, H, W]` show in a part goes on outside: a correlation, 0 to 1.

    What was put into a picture ends at its rim; an object that was drawn or taken goes on.
    """
    rim = ndimage.binary_dilation(part) & ~part
    inner = part & ndimage.binary_dilation(~part)
    if not rim.any() or not inner.any():
        return 1.0
    y, x = np.nonzero(inner)
    down, across = np.nonzero(rim)
    near = (np.abs(down - y[:, None]) + np.abs(across - x[:, None])).argmin(1)
    a, b = pixels[:, :, y, x], pixels[:, :, down[near], across[near]]
    a, b = a - a.mean(0), b - b.mean(0)
    total = np.sqrt((a**2).sum() * (b**2).sum())
    return max(0.0, float((a * b).sum() / total)) if total > _TINY else 0.0


def _slopes(images: Tensor) -> Tensor:
    """Sizes of the steps to the next pixel, down and across: `[B, 2 * C, H, W]`."""
    down = (images - images.roll(1, 2)).abs()
    across = (images - images.roll(1, 3)).abs()
    down[:, :, 0], across[:, :, :, 0] = 0, 0
    return torch.cat([down, across], 1)


def _parts(far: np.ndarray, *, stepped: bool) -> Iterator[np.ndarray]:
    """Connected parts of a map `[H, W]` above each of many levels, none much like another.

    A step into a part and one out of it lie a pixel apart: of steps, the part without the latter
    comes, too; of values, the part with its gaps closed.
    """
    seen = list[np.ndarray]()
    for level in _LEVELS[::-1]:
        labels = np.asarray(ndimage.label(far >= level)[0])  # pyright: ignore[reportIndexIssue]
        for k in range(1, int(labels.max()) + 1):
            part = labels == k
            for one in (part, _trimmed(part) if stepped else ndimage.binary_closing(part, _SQUARE)):
                new = all((one & old).sum() < _ALIKE * (one | old).sum() for old in seen)
                if new and 1 < one.sum() <= _MOST_SHARE * one.size:
                    seen.append(one)
                    yield one


def _trimmed(part: np.ndarray) -> np.ndarray:
    """Leave out the last row and column of each piece."""
    before = np.zeros_like(part)
    before[:-1, :-1] = part[1:, :-1] & part[:-1, 1:]
    return part & before


def _strategies(own: np.ndarray, others: np.ndarray, content: float) -> Iterator[np.ndarray]:
    """Groups of own examples `[N]` whose content `[N, F]` may tell the class."""
    every = np.ones(len(own), bool)
    if content <= _CONTENT or constancy(own, others) >= _CONSTANT:
        yield every
    if own.std(0).max() == 0:
        return
    two = halves(own)
    for group in (two == 0, two == 1, dense(own, others)):
        if group.mean() >= _RARE and constancy(own[group], others) >= _CONSTANT:
            yield group


def patterns(view: View, label: int, own: np.ndarray, others: np.ndarray) -> Iterator[Suspect]:
    """One fixed pattern that the class's images have and that no variation of others explains.

    It is Fisher's direction on half of the class's images; the other half must lie far from others
    along it.
    """
    images = view.images.flatten(1).double().numpy()
    middle = images[others].mean(0)
    around = images[others] - middle
    squares, turns = np.linalg.eigh(around @ around.T)  # of examples: fewer than pixels
    some = squares > squares[-1] * 1e-9
    axes = (turns[:, some] / np.sqrt(squares[some])).T @ around
    variance = squares[some] / len(others)
    floor = float(variance.sum()) / images.shape[1] + _TINY
    away = images[own[::2]].mean(0) - middle
    rest = away - axes.T @ (variance / (variance + floor) * (axes @ away))
    rest /= max(float(np.linalg.norm(rest)), _TINY)
    mine, theirs, every = (images[where] @ rest for where in (own[1::2], others, own))
    edge = (np.quantile(mine, 1 - _RARE / 2) + np.median(theirs)) / 2
    group = mine > edge
    spread = max(float(mine[group].std()), float(theirs.std()), _TINY) if group.any() else np.inf
    if group.mean() < _RARE or mine[group].mean() - theirs.mean() < _CLEAR * spread:
        return
    template = torch.from_numpy(rest).to(view.images).reshape(view.images.shape[1:])
    yield Suspect(label, Pattern(template), own[every > edge], 0.0)


def _bands(view: View, label: int, own: np.ndarray, others: np.ndarray) -> Iterator[Suspect]:
    if max(view.images.shape[2:]) > _WAVES:
        return
    both = np.concatenate([own, others])
    mine = np.arange(len(both)) < len(own)
    sizes = torch.fft.fft2(view.images[both]).abs().numpy()
    far = apart(sizes, mine)
    power = _telling(sizes[~mine], view.labels[others])
    power[0, 0] = 0.0
    seen = set[bytes]()
    for level in _LEVELS[::-1]:
        band = far >= level
        band[0, 0] = False
        content = float(power[band].sum() / max(power.sum(), 1e-12))
        if band.sum() < 2 or band.mean() > _NARROW or content > _CONTENT:
            continue
        if band.tobytes() not in seen:
            seen.add(band.tobytes())
            yield Suspect(label, Band(torch.from_numpy(band)), own, content)


def features(swap: Swap, images: Tensor) -> np.ndarray:
    """The feature itself of images `[B, C, H, W]`, as numbers `[B, F]`."""
    match swap:
        case Region():
            return images[:, :, swap.mask].flatten(1).numpy()
        case Colours():
            return torch.cat([*levels(images)], 1).flatten(1).numpy()
        case Band():
            return torch.fft.fft2(images).abs()[:, :, swap.mask].flatten(1).numpy()
        case Ground():
            return grounds(images).numpy()
        case Pattern():
            return (images * swap.template).flatten(1).sum(1, keepdim=True).numpy()
        case _:
            return centres(images).numpy()
