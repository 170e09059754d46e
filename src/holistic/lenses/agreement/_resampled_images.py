"""Draws images again with replacement, and rates a site's units on each draw."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

__all__ = ["DRAWS", "class_weights", "redrawn_areas", "redrawn_means"]

DRAWS = 50
"""Resamples of the images: the spread over so many is known to a tenth."""


def class_weights(labels: np.ndarray, classes: int, seed: int) -> np.ndarray:
    """Draw how often each image is drawn again, `[D, N]`, every class keeping its number.

    Parameters
    ----------
    labels
        `[N]`.
    classes
        Number of classes.
    seed
        Seed of the draws.

    References
    ----------
    Efron & Tibshirani 1993, sect. 8.4 (a bootstrap of several samples).
    """
    rng = np.random.default_rng(seed)
    weights = np.zeros((DRAWS, len(labels)))
    for c in range(classes):
        rows = np.flatnonzero(labels == c)
        if len(rows):
            weights[:, rows] = rng.multinomial(len(rows), np.full(len(rows), 1 / len(rows)), DRAWS)
    return weights


def redrawn_means(values: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Average units' values `[U, N]` over each class's images, drawn again: `[D, U, C]`.

    `labels` is a membership `[N, C]` of 0 and 1; classes without images are NaN.
    """
    count = labels.sum(0)
    found = np.stack([values @ (labels * weight[:, None]) for weight in weights])
    return found / np.where(count > 0, count, np.nan)


def redrawn_areas(values: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the AUROC of units `[U, N]` for every class on images drawn again, `[D, U, C]`.

    An image that is drawn k times counts k times. Units are sorted once: of a draw only the
    numbers of images below each one are new.

    Parameters
    ----------
    values
        `[U, N]`.
    labels
        `[N, C]`, membership of 0 and 1; classes with no or all images are NaN.
    weights
        `[D, N]`, how often each image is drawn.
    """
    order = np.argsort(values, axis=1, kind="stable")
    ordered = np.take_along_axis(values, order, 1)
    first, last = _ties(ordered)
    inside = labels.sum(0)
    pairs = inside * (len(labels) - inside)
    found = list[np.ndarray]()
    for below in _below(order, first, last, weights):  # [U, N], in the order of the images
        larger = below @ labels - inside**2 / 2
        found.append(np.where(pairs > 0, larger / np.maximum(pairs, 1), np.nan))
    return np.stack(found)


def _ties(ordered: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places of the first and behind the last of the values that equal each, `[U, N]`."""
    count = ordered.shape[1]
    place = np.arange(count)
    rises = ordered[:, 1:] != ordered[:, :-1]
    ends = np.ones((len(ordered), 1), bool)
    first = np.maximum.accumulate(np.where(np.concatenate([ends, rises], 1), place, 0), 1)
    last = np.where(np.concatenate([rises, ends], 1), place + 1, count)
    return first, np.minimum.accumulate(last[:, ::-1], 1)[:, ::-1]


def _below(
    order: np.ndarray, first: np.ndarray, last: np.ndarray, weights: np.ndarray
) -> Iterator[np.ndarray]:
    """Weight of each image times that of the images below it, ties half: `[U, N]` a draw."""
    total = np.zeros((len(order), order.shape[1] + 1))
    below = np.empty(order.shape)
    for weight in weights:
        own = weight[order]
        np.cumsum(own, axis=1, out=total[:, 1:])
        middle = np.take_along_axis(total, first, 1) + np.take_along_axis(total, last, 1)
        np.put_along_axis(below, order, own * middle / 2, 1)
        yield below
