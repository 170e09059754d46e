"""Finds the classes that the model confuses, and maps which pixels tell one from the other."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from holistic.attributing.captum_methods import IntegratedGradients
from holistic.lenses._pictures import flat_planes, planes
from holistic.study.subject import Subject

__all__ = ["confused_pairs", "difference_maps", "logit_difference"]

_BYTES = 8 << 20
"""Bytes of inputs in one forward and backward run."""
_ROWS = 1024
"""Most inputs in one forward and backward run."""


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
    means = np.zeros((classes, classes))
    for label in np.unique(labels):
        means[label] = logits[labels == label].mean(0)
    margin = np.diagonal(means)[:, None] - means
    a, b = np.triu_indices(classes, 1)
    a, b = a[among[a] & among[b]], b[among[a] & among[b]]
    both = counts[a, b] + counts[b, a]
    order = np.lexsort((margin[a, b] + margin[b, a], -both))[:most]
    return [(int(a[i]), int(b[i]), int(both[i])) for i in order]


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

    def total(x: Tensor) -> Tensor:
        # images of a batch don't mix, so the gradient of their sum holds each one's own
        logits = subject.logits(x.to(subject.images.dtype)).float()
        wanted = logits[:, own] if rival is None else logits[:, own] - logits[:, rival]
        return wanted.sum()[None]

    rows = int(max(1, min(_ROWS, _BYTES // (images[0].numel() * images.element_size()))))
    path, parts = IntegratedGradients(total), list[Tensor]()
    for batch in images.split(max(1, rows // steps)):
        point = batch.detach().clone().requires_grad_()
        found = path.attribute(
            point, baselines=0.0, n_steps=steps, internal_batch_size=max(rows, len(point))
        )
        parts.append(found.detach().float().cpu())
    return torch.cat(parts)


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
