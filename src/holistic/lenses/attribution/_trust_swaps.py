"""Follows a model's preference while the pixels that maps name are swapped with other images'."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from holistic.lenses._pictures import flat_planes, planes
from holistic.lenses.attribution._removal import mean_image
from holistic.study.examples import Examples
from holistic.study.subject import Subject

__all__ = ["Donors", "donors", "filled", "swapped", "windows_swapped"]

_DONORS = 2
"""Images of other classes that each image swaps pixels with."""
_SPREADING = 12
_WINDOWS = 12
"""Most windows along a side."""


@dataclass(frozen=True)
class Donors:
    """Images of other classes, beside each image of a sample.

    Attributes
    ----------
    images
        `[D, n, …]`.
    labels
        `[D, n]`.
    scale
        Mean of what swapping everything changes.
    """

    images: Tensor
    labels: Tensor
    scale: float


def donors(subject: Subject, sample: Examples) -> Donors:
    """Draw images of other classes from the selection split."""
    rng = np.random.default_rng([subject.seed, 4111])
    pool = subject.selection.labels.cpu().numpy()
    places = np.zeros((_DONORS, len(sample)), np.int64)
    for i, label in enumerate(sample.labels.cpu().numpy()):
        others = np.flatnonzero(pool != label)
        places[:, i] = rng.choice(others if len(others) else np.arange(len(pool)), _DONORS)
    chosen = subject.selection.at(places.ravel())
    images = chosen.images.unflatten(0, places.shape)
    made = Donors(images, chosen.labels.unflatten(0, places.shape), 1.0)
    whole = np.concatenate(
        [
            _preference(subject, sample.images, sample.labels, made.labels[d])
            - _preference(subject, images[d], sample.labels, made.labels[d])
            for d in range(_DONORS)
        ]
    )
    return Donors(images, made.labels, max(float(whole.mean()), 1e-6))


def _preference(subject: Subject, images: Tensor, own: Tensor, other: Tensor) -> np.ndarray:
    """Logit of one class minus another's, `[B]`."""
    logits = subject.predict(images.to(subject.images.dtype)).double()
    rows = torch.arange(len(logits), device=logits.device)
    return (logits[rows, own] - logits[rows, other]).cpu().numpy()


def swapped(
    subject: Subject, sample: Examples, given: Donors, ranks: np.ndarray, counts: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Take the first pixels from a donor, and give them to it.

    Parameters
    ----------
    subject, sample, given
        Model, n images and their donors.
    ranks
        `[n, P]`, the order of the pixels, 0 first.
    counts
        `[K]`, how many pixels go.

    Returns
    -------
    tuple[np.ndarray, np.ndarray]
        `[n, K]` each: what the image loses and what the donor gains, as a share of what swapping
        everything changes on average; means over donors.
    """
    images = planes(sample.images)
    place = torch.from_numpy(ranks).to(images.device).reshape(-1, 1, *images.shape[2:])
    lost, gained = (np.zeros((len(ranks), len(counts))) for _ in range(2))
    for donor, other in zip(given.images, given.labels, strict=True):
        plain = planes(donor)

        def score(mixed: Tensor, other: Tensor = other) -> np.ndarray:
            whole = flat_planes(mixed, sample.images.shape[1:])
            return _preference(subject, whole, sample.labels, other)

        before, there = score(images), score(plain)
        for k, count in enumerate(counts):
            first = place < int(count)
            lost[:, k] += before - score(torch.where(first, plain, images))
            gained[:, k] += score(torch.where(first, images, plain)) - there
    share = len(given.images) * given.scale
    return lost / share, gained / share


def windows_swapped(subject: Subject, sample: Examples, given: Donors) -> np.ndarray:
    """What each image loses by a window of a donor, shared out among the window's pixels.

    Returns
    -------
    np.ndarray
        `[n, P]`: the mean over the windows that cover a pixel, and over donors.
    """
    images = planes(sample.images)
    height, width = images.shape[2:]
    tall, wide = (max(1, round(side / 6)) for side in (height, width))
    total, cover = np.zeros((len(images), height, width)), np.zeros((height, width))
    for top in _starts(height, tall):
        for left in _starts(width, wide):
            at = slice(top, top + tall), slice(left, left + wide)
            cover[at] += 1
            lost = np.zeros(len(images))
            for donor, other in zip(given.images, given.labels, strict=True):
                mixed = images.clone()
                mixed[..., *at] = planes(donor)[..., *at]
                whole = flat_planes(mixed, sample.images.shape[1:])
                lost -= _preference(subject, whole, sample.labels, other)
            total[:, *at] += lost[:, None, None]
    base = np.zeros(len(images))
    for other in given.labels:
        base += _preference(subject, sample.images, sample.labels, other)
    found = total / np.maximum(cover, 1) + base[:, None, None]
    return found.reshape(len(images), -1) / (len(given.images) * given.scale)


def _starts(side: int, size: int) -> list[int]:
    step = max(1, size // 2, -(-side // _WINDOWS))
    return sorted({*range(0, side - size + 1, step), side - size})


def filled(
    subject: Subject, sample: Examples, ranks: np.ndarray, count: int, how: str
) -> np.ndarray:
    """What images lose where the first pixels are filled without another image, `[n]`.

    Parameters
    ----------
    subject, sample
        Model and n images.
    ranks
        `[n, P]`.
    count
        How many pixels go.
    how
        `mean` (the selection split's), or `neighbours`: what spreads from the pixels that are left.

    References
    ----------
    Rong et al. 2022, section 4 (ROAD: pixels filled from their neighbours).
    """
    images = planes(sample.images)
    gone = torch.from_numpy(ranks < count).to(images.device).reshape(-1, 1, *images.shape[2:])
    put: dict[str, Callable[[], Tensor]] = {
        "mean": lambda: planes(mean_image(subject)[None].to(images)).expand_as(images),
        "neighbours": lambda: _spread(images, gone),
    }
    mixed = torch.where(gone, put[how](), images)
    before = _margin(subject, sample.images, sample.labels)
    after = _margin(subject, flat_planes(mixed, sample.images.shape[1:]), sample.labels)
    return before - after


def _margin(subject: Subject, images: Tensor, labels: Tensor) -> np.ndarray:
    logits = subject.predict(images.to(subject.images.dtype)).double()
    own = logits.gather(1, labels[:, None])[:, 0]
    rest = logits.scatter(1, labels[:, None], -torch.inf).amax(1)
    return (own - rest).cpu().numpy()


def _spread(images: Tensor, gone: Tensor) -> Tensor:
    """Let what is left spread into the pixels that are gone."""
    known = (~gone).to(images)
    values = images * known
    kernel = torch.ones(1, 1, 3, 3, dtype=images.dtype, device=images.device)
    flat, weight = values.flatten(0, 1)[:, None], known.expand_as(images).flatten(0, 1)[:, None]
    kept, seen = flat.clone(), weight.clone()
    for _ in range(_SPREADING):
        total = F.conv2d(flat * weight, kernel, padding=1)
        count = F.conv2d(weight, kernel, padding=1)
        flat = torch.where(seen > 0, kept, total / count.clamp(min=1e-6))
        weight = torch.where(seen > 0, 1.0, (count > 0).to(images))
    return flat[:, 0].unflatten(0, images.shape[:2])
