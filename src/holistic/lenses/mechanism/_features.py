"""Reads a site as features for a probe: positions are averaged until they are few enough."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool1d

from holistic.lenses.mechanism._values import row_batches
from holistic.study.examples import Examples
from holistic.study.subject import Subject

__all__ = ["INPUT", "Features", "grid", "pooled", "site_features"]

INPUT = "input"
"""Name that the table gives to the images themselves."""


@dataclass(frozen=True)
class Features:
    """Features of one site on some examples.

    Attributes
    ----------
    values
        `[N, F]` float32.
    positions
        Positions that are left, 1 for the position mean.
    whole
        Positions that the site has.
    """

    values: np.ndarray
    positions: int
    whole: int


def grid(positions: tuple[int, ...], units: int, most: int) -> tuple[int, ...]:
    """Shrink positions until units × positions fit, always halving the longest axis.

    >>> grid((14, 14), units=32, most=1024)
    (4, 7)
    >>> grid((), units=256, most=100)
    ()
    """
    shrunk = list(positions)
    while units * math.prod(shrunk) > most and max(shrunk, default=1) > 1:
        longest = shrunk.index(max(shrunk))
        shrunk[longest] = (shrunk[longest] + 1) // 2
    return tuple(shrunk)


def pooled(value: Tensor, most: int) -> Tensor:
    """Flatten values `[B, P…, U]` to at most so many features, averaging neighbouring positions.

    Returns
    -------
    Tensor
        `[B, F]` float32; F is above `most` only where the units alone are.
    """
    value = value.float()
    for axis, size in enumerate(grid(tuple(value.shape[1:-1]), value.shape[-1], most), 1):
        if size != value.shape[axis]:
            moved = value.movedim(axis, -1)
            rows = adaptive_avg_pool1d(moved.reshape(-1, 1, moved.shape[-1]), size)
            value = rows.reshape(*moved.shape[:-1], size).movedim(-1, axis)
    return value.flatten(1)


def site_features(subject: Subject, site: str, examples: Examples, *, most: int) -> Features:
    """Read the features of a site, or of the images (`INPUT`), on examples."""
    parts, units, whole = list[Tensor](), 1, 1
    sites = [] if site == INPUT else [site]
    for rows in row_batches(subject, sites, np.arange(len(examples))):
        images = examples.images[rows]
        value = images.movedim(1, -1) if site == INPUT else subject.capture(sites, images)[site]
        units, whole = value.shape[-1], math.prod(value.shape[1:-1])
        parts.append(pooled(value, most).cpu())
    values = torch.cat(parts).cpu().numpy()
    return Features(values, values.shape[1] // units, whole)
