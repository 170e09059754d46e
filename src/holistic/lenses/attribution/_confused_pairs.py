"""Finds the pairs of classes that matter, and maps which pixels tell one from the other."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from holistic.attributing.maps import Question, maps_by
from holistic.attributing.registry import METHODS, checked_settings
from holistic.lenses._pictures import flat_planes, planes
from holistic.study.subject import Subject

__all__ = ["confused_pairs", "difference_maps", "logit_difference", "nearest_rivals"]


def confused_pairs(
    logits: np.ndarray, labels: np.ndarray, *, among: np.ndarray, most: int
) -> list[tuple[int, int, int]]:
    """List the pairs of classes that are taken for each other most often.

    Parameters
    ----------
    logits
        `[N, C]`, of the selection split.
    labels
        `[N]`.
    among
        `[C]` bool, classes that may be chosen.
    most
        Pairs to list at most.

    Returns
    -------
    list
        `(a, b, count)`, a < b: examples of either class whose largest logit is the other's. Equal
        counts are ordered by the mean margin of the one class over the other, the smallest first.
    """
    classes = logits.shape[1]
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (labels, logits.argmax(1)), 1)
    margin = _margins(logits, labels)
    a, b = np.triu_indices(classes, 1)
    a, b = a[among[a] & among[b]], b[among[a] & among[b]]
    both = counts[a, b] + counts[b, a]
    order = np.lexsort((margin[a, b] + margin[b, a], -both))[:most]
    return [(int(a[i]), int(b[i]), int(both[i])) for i in order]


def nearest_rivals(logits: np.ndarray, labels: np.ndarray, *, among: np.ndarray) -> dict[int, int]:
    """By class the other one whose logit lies least below its own, on average over its examples.

    Parameters
    ----------
    logits, labels, among
        As of `confused_pairs`; only classes `among` them have a rival, and are one.
    """
    margin = _margins(logits, labels)
    margin[:, ~among] = np.inf
    np.fill_diagonal(margin, np.inf)
    chosen = np.flatnonzero(among) if among.sum() > 1 else []
    return {int(label): int(margin[label].argmin()) for label in chosen}


def _margins(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Mean logit of each class less that of the others, over its examples: `[C, C]`."""
    means = np.zeros((logits.shape[1],) * 2)
    for label in np.unique(labels):
        means[label] = logits[labels == label].mean(0)
    return np.diagonal(means)[:, None] - means


def difference_maps(
    subject: Subject, images: Tensor, own: int, rival: int | None, *, steps: int
) -> Tensor:
    """Attribute the logit of one class, or how far it lies above another's, to the pixels.

    Parameters
    ----------
    subject
        Model to attribute.
    images
        `[n, …]`.
    own, rival
        Classes; without a rival the logit of `own` alone is attributed.
    steps
        Points on the way from an image of zeros at which a gradient is taken.

    Returns
    -------
    Tensor
        Signed float32 attributions `[n, …]`, on the CPU; positive speaks for `own`.

    References
    ----------
    Sundararajan et al. 2017, eq. 1, of the difference of two outputs.
    """
    method = METHODS["integrated_gradients"]
    question = Question(settings=checked_settings(method, {"steps": steps}))
    wanted = torch.tensor(own) if rival is None else torch.tensor([own, rival])
    return maps_by(subject, method, images, wanted.expand(len(images), *wanted.shape), question)


def logit_difference(
    subject: Subject, images: Tensor, removed: Tensor | None, fill: Tensor, pair: tuple[int, int]
) -> np.ndarray:
    """Return by how much one class's logit lies above another's, with pixels removed: `[n]`.

    Parameters
    ----------
    subject
        Model to ask.
    images
        `[n, …]`.
    removed
        `[n, P]` bool, pixels that hold the fill, all channels of a pixel together; None for none.
    fill
        An image `[…]`.
    pair
        The class, and the other.
    """
    mixed = images
    if removed is not None:
        drawn = planes(images)
        mask = removed.to(images.device).reshape(-1, 1, *drawn.shape[2:])
        blank = planes(fill[None].to(drawn))
        mixed = flat_planes(torch.where(mask, blank, drawn), images.shape[1:])
    logits = subject.predict(mixed).double()
    return (logits[:, pair[0]] - logits[:, pair[1]]).cpu().numpy()
