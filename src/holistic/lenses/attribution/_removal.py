"""Follows a class's probability while pixels go, or come, in the order of a map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from holistic.graph.loops import batches
from holistic.lenses._pictures import flat_planes, planes
from holistic.lenses.attribution._imputing import from_neighbours, softened
from holistic.pieces import kept
from holistic.study.examples import Examples
from holistic.study.subject import Subject

__all__ = ["Curves", "Fill", "area", "grid", "mean_image", "order", "removal"]

Fill = Literal["blur", "road"]

_BYTES = 32 << 20
"""Bytes of inputs that are made at a time."""


@dataclass(frozen=True)
class Curves:
    """Probability of each image's own class along the grid, float64 `[n, S]` each.

    Attributes
    ----------
    deletion
        Pixels are replaced, the first in the order first; lower is better.
    insertion
        Pixels are put into the mean image, the first in the order first; higher is better.
    """

    deletion: np.ndarray
    insertion: np.ndarray


def mean_image(subject: Subject) -> Tensor:
    """Mean of the class means of the selection split's images: what removed pixels hold, `[…]`."""
    images, labels = subject.selection.images, subject.selection.labels
    means = [images[labels == label].double().mean(0) for label in labels.unique()]
    return torch.stack(means).mean(0).to(images.dtype)


def grid(pixels: int, steps: int) -> np.ndarray:
    """Return how many of `pixels` are removed at each of about `steps + 1` points, `[S]`.

    >>> grid(10, 4)
    array([ 0,  2,  5,  8, 10])
    """
    return np.unique(np.round(np.linspace(0, pixels, steps + 1)).astype(np.int64))


def order(maps: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Rank each map's pixels from the largest on, equal ones at random.

    Parameters
    ----------
    maps
        `[n, P]`.
    rng
        Decides between equal values; for maps of one value the whole order is random.

    Returns
    -------
    np.ndarray
        `[n, P]` int64, 0 for the pixel that goes first.
    """
    first = np.lexsort((rng.random(maps.shape), -maps), axis=1)
    ranks = np.empty_like(first)
    np.put_along_axis(ranks, first, np.arange(maps.shape[1])[None], axis=1)
    return ranks


@kept
def removal(
    subject: Subject, examples: Examples, ranks: np.ndarray, counts: np.ndarray, fill: Tensor | Fill
) -> Curves:
    """Replace pixels in order, and put them in in order.

    Parameters
    ----------
    subject
        Whose probability (softmax of the logits) is followed.
    examples
        n images and their classes.
    ranks
        `[n, P]`, the order of the pixels, all channels of a pixel together.
    counts
        `[S]`, numbers of pixels at which to look.
    fill
        What a removed pixel holds: an image's `[…]`; `blur`, the image's own, blurred; or `road`,
        what follows from the pixels that are left (see `_imputing.from_neighbours`).

    Notes
    -----
    Putting in the first k pixels is removing all others, the least important first: both orders
    are measured.

    References
    ----------
    Petsiuk et al. 2018, section 3.2 (deletion and insertion).
    """
    images = planes(examples.images)  # [n, channels, H, W]
    soft = softened(images.float()).to(images) if fill == "blur" else images
    blank = planes(fill[None].to(images)) if isinstance(fill, Tensor) else soft
    place = torch.from_numpy(ranks).to(images.device).reshape(-1, 1, *images.shape[2:])
    shape = examples.images.shape[1:]

    size = max(1, _BYTES // (images.numel() * images.element_size()))

    def without(kept: Tensor) -> Tensor:
        if fill == "road" and bool(kept.any()):
            return from_neighbours(images.float(), ~kept).to(images)
        return torch.where(kept, images, blank)

    def probability(kept: Sequence[Tensor]) -> np.ndarray:
        mixed = torch.cat([without(mask) for mask in kept])
        chances = subject.predict(flat_planes(mixed, shape)).double().softmax(1)  # [K * n, C]
        own = examples.labels.repeat(len(kept))[:, None]
        return chances.gather(1, own)[:, 0].reshape(len(kept), -1).cpu().numpy()

    left, shown = list[np.ndarray](), list[np.ndarray]()
    for part in batches(len(counts), size):
        chosen = [int(count) for count in counts[part]]
        left.append(probability([place >= count for count in chosen]))
        shown.append(probability([place < count for count in chosen]))
    return Curves(np.concatenate(left).T, np.concatenate(shown).T)


def area(curves: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Average curves `[…, S]` over the share of pixels, by the trapezoidal rule: `[…]`."""
    return np.trapezoid(curves, counts / counts[-1], axis=-1)
