"""Erases a named part of a digit, and beside it other connected parts with as much ink."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from holistic.attributing.grown import connected, drawn, outside, with_rim
from holistic.lenses.attribution import Attribution
from holistic.lenses.attribution._maps import attributions
from holistic.pieces import kept
from holistic.reproducing.measured import Measured
from holistic.reproducing.removals import of_class
from holistic.stats.means import Means
from holistic.study.examples import Examples
from holistic.study.subject import Subject

__all__ = ["PARTS", "Erasure", "bar", "connected", "erasures", "loop", "regions", "with_rim"]

_DRAWS = 5
"""Other parts of each image."""
_FEWEST = 10
_NORMAL = 1.959964
_EVIDENCE = "evidence of a map in it"
_MAPS = Attribution(noise_draws=1)


@dataclass(frozen=True)
class Erasure:
    """A named part of each image, and other parts of the same images with as much ink.

    Attributes
    ----------
    places
        `[M]`, places among the class's evaluation examples of the images that have the part.
    part
        `[M, H, W]` bool.
    others
        `[D, M, H, W]` bool.
    """

    places: np.ndarray
    part: np.ndarray
    others: np.ndarray


def loop(ink: np.ndarray) -> np.ndarray | None:
    """Find a closed loop in an image `[H, W]` of one digit: the ink around its largest hole.

    Ink belongs to it within one width of the stroke from the hole, by twice the mean distance of
    the stroke's middle from its edge.

    Returns
    -------
    np.ndarray | None
        `[H, W]` bool; None where there is no hole.
    """
    from scipy.ndimage import distance_transform_edt
    from skimage.measure import label

    inked = np.pad(drawn(ink), 1)
    ground = np.asarray(label(~inked, connectivity=1))
    sizes = np.bincount(ground.ravel())
    sizes[[0, ground[0, 0]]] = 0
    if not sizes.any():
        return None
    away = distance_transform_edt(ground != sizes.argmax())
    return (inked & (np.asarray(away) <= _width(inked) + 0.5))[1:-1, 1:-1]


def bar(ink: np.ndarray) -> np.ndarray | None:
    """Find the bar on top of an image `[H, W]` of one digit.

    It is the topmost ink of each column, one width of the stroke deep, in the upper half of what
    is drawn.
    """
    inked = drawn(ink)
    rows = np.flatnonzero(inked.any(1))
    if not len(rows):
        return None
    top = np.where(inked.any(0), inked.argmax(0), len(inked))
    depth = np.arange(len(inked))[:, None] - top
    upper = np.arange(len(inked))[:, None] <= (rows[0] + rows[-1]) / 2
    return inked & upper & (depth <= _width(inked))


PARTS: dict[str, tuple[str, Callable[[np.ndarray], np.ndarray | None]]] = {
    "loop": ("6", loop),
    "bar": ("7", bar),
}
"""Line of the origin to the digit that it is about, and what finds the part."""


def _width(inked: np.ndarray) -> float:
    """Width of the stroke: twice the mean distance of its middle line from its edge."""
    from scipy.ndimage import distance_transform_edt
    from skimage.morphology import skeletonize

    inside = np.asarray(distance_transform_edt(np.pad(inked, 1)))[1:-1, 1:-1]
    middle = skeletonize(inked)
    return max(1.0, 2 * float(inside[middle].mean()) - 1) if middle.any() else 1.0


@kept
def erasures(images: np.ndarray, name: str, seed: int) -> Erasure:
    """Find a named part in each of the images `[N, H, W]`, and draw others beside it.

    Others start at a random pixel of what is left without the part, in a piece of it that has as
    much ink, or in the largest where none has.
    """
    rng, find = np.random.default_rng(seed), PARTS[name][1]
    places, parts, others = list[int](), list[np.ndarray](), list[list[np.ndarray]]()
    for place, ink in enumerate(images):
        part = find(ink)
        if part is None or not part.any():
            continue
        starts = outside(ink, part)
        starts = starts[rng.integers(0, len(starts), _DRAWS)]
        places.append(place)
        parts.append(with_rim(ink, part))
        grown = (connected(ink, part, (int(r), int(c))) for r, c in starts)
        others.append([with_rim(ink, other) for other in grown])
    shape = (0, *images.shape[1:])
    return Erasure(
        np.array(places, int),
        np.array(parts) if parts else np.zeros(shape, bool),
        np.array(others).swapaxes(0, 1) if parts else np.zeros((_DRAWS, *shape), bool),
    )


@kept
@torch.no_grad()
def regions(subject: Subject, name: str) -> list[Measured]:
    """Measure what a digit loses without a named part, and without others with as much ink.

    Beside it stands how much of the evidence in maps (integrated gradients) lies in the part.

    Parameters
    ----------
    subject
        The network.
    name
        One of `PARTS`.
    """
    digit = PARTS[name][0]
    own = of_class(subject.evaluation, subject.classes.index(digit))
    erased = erasures(own.images[:, 0].cpu().numpy(), name, subject.seed)
    n, nan, label = len(erased.places), float("nan"), (name, "", "accuracy lost")
    if n < _FEWEST:
        none = nan, nan, n, nan, nan, nan, False
        return [
            Measured(*label, "main", "points", *none),
            Measured(name, "", _EVIDENCE, "remark", "share", *none),
        ]
    some = own.at(erased.places)
    before = _right(subject, some.images, some.labels)
    after, *others = (
        _right(subject, some.images * torch.from_numpy(~mask)[:, None], some.labels)
        for mask in (erased.part, *erased.others)
    )  # [M] each
    lost, usual = before - after, before - np.mean(others, 0)
    gap, control = Means.of(lost - usual), Means.of(usual)
    lo, hi = _ends(control)
    error = float(lost.std(ddof=1) / np.sqrt(n))
    beats = _ends(gap)[0] > 0
    return [
        Measured(
            *label, "main", "points", float(lost.mean()), error, n, float(control.mean), lo, hi,
            beats,
        ),
        _mapped(some, subject, erased, name),
    ]  # fmt: skip


def _mapped(some: Examples, subject: Subject, erased: Erasure, name: str) -> Measured:
    """Measure how much of a map's evidence for the digit lies in the part, beside the others."""
    with torch.enable_grad():
        maps = attributions(subject, some, _MAPS, lambda images: None)["integrated_gradients"]
    own = maps[:, 0].clamp(min=0).numpy()  # [M, H, W], what speaks for the digit
    whole = np.maximum(own.sum((1, 2)), 1e-12)
    inside, *others = (
        (own * mask).sum((1, 2)) / whole for mask in (erased.part, *erased.others)
    )  # [M] each
    usual = np.mean(others, 0)
    gap, control = Means.of(inside - usual), Means.of(usual)
    error = float(inside.std(ddof=1) / np.sqrt(len(inside)))
    return Measured(
        name, "", _EVIDENCE, "remark", "share", float(inside.mean()), error,
        len(inside), float(control.mean), *_ends(control), _ends(gap)[0] > 0,
    )  # fmt: skip


def _ends(means: Means) -> tuple[float, float]:
    """Ends of a mean's interval; the mean itself where all images agree."""
    mean = float(means.mean)
    lo, hi = (float(end) for end in means.interval())
    return (lo, hi) if lo == lo else (mean, mean)


def _right(subject: Subject, images: torch.Tensor, labels: torch.Tensor) -> np.ndarray:
    return (subject.predict(images).argmax(1) == labels).double().cpu().numpy()
