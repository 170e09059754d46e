"""Methods that keep random parts of an image: Shapley values, KernelSHAP and RISE."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from holistic.attributing.masked import kept_scores, segments_of, spread_out
from holistic.attributing.method import Attribute, Batch, Method, Option, Setup
from holistic.attributing.windows import SEGMENTS, SHAPE
from holistic.study.planes import planes

__all__ = ["METHODS"]

_SHAPLEY, _KERNEL, _RISE = 1009, 1013, 1019
_EVERY = 12
"""Segments up to which all sets of them are run, where that is no more than what is asked for."""


def _with_segments(given: Setup, batch: Batch, sets: Tensor, segments: Tensor) -> Tensor:
    """Scores `[B, S]` of images of which sets `[S, K]` of their segments are left."""
    kept = sets.T[segments].movedim(-1, 1)  # [B, S, H, W]
    return kept_scores(given, batch, kept)


def _spread(values: Tensor, segments: Tensor, images: Tensor) -> Tensor:
    """Share what segments count for, `[B, K]`, out among their pixels."""
    own = segments[:, None] == torch.arange(values.shape[1])[:, None, None]  # [B, K, H, W]
    each = values / own.flatten(2).sum(2).clamp(min=1)
    return spread_out(each.gather(1, segments.flatten(1)).reshape(segments.shape).float(), images)


def _shapley(given: Setup) -> Attribute:
    permutations = int(given.settings["permutations"])

    def attribute(batch: Batch) -> Tensor:
        segments = segments_of(given.subject, batch.images, given.settings)
        count = int(segments.max()) + 1
        rng = np.random.default_rng([given.subject.seed, _SHAPLEY])
        half = [torch.from_numpy(rng.permutation(count)) for _ in range(-(-permutations // 2))]
        orders = [order for one in half for order in (one, one.flip(0))][:permutations]
        total = torch.zeros(len(batch.images), count, dtype=torch.float64)
        for order in orders:
            place = torch.empty(count, dtype=torch.int64)
            place[order] = torch.arange(count)
            sets = place < torch.arange(count + 1)[:, None]  # [K + 1, K]
            scores = _with_segments(given, batch, sets, segments)
            total[:, order] += scores.diff(dim=1)
        return _spread(total / len(orders), segments, batch.images)

    return attribute


def _kernel_shap(given: Setup) -> Attribute:
    samples = int(given.settings["samples"])

    def attribute(batch: Batch) -> Tensor:
        segments = segments_of(given.subject, batch.images, given.settings)
        count = int(segments.max()) + 1
        sets, weights = _coalitions(count, samples, given.subject.seed)
        ends = torch.tensor([[False], [True]]).expand(2, count)
        scores = _with_segments(given, batch, torch.cat([ends, sets]), segments)
        return _spread(_solved(scores, sets, weights), segments, batch.images)

    return attribute


def _coalitions(count: int, samples: int, seed: int) -> tuple[Tensor, Tensor]:
    """Sets of segments `[S, K]`, neither none nor all of them, and their weights `[S]`.

    All of them where they are few; else pairs of opposite ones, drawn by the kernel's weights.
    """
    if count <= _EVERY and 2**count - 2 <= max(samples, 2):
        numbers = torch.arange(1, 2**count - 1)
        sets = (numbers[:, None] >> torch.arange(count)) & 1 > 0
        size = sets.sum(1)
        ways = torch.tensor([math.comb(count, int(n)) for n in size], dtype=torch.float64)
        return sets, (count - 1) / (ways * size * (count - size)).double()
    rng = np.random.default_rng([seed, _KERNEL])
    sizes = np.arange(1, count)
    chance = 1 / (sizes * (count - sizes))
    drawn = rng.choice(sizes, -(-samples // 2), p=chance / chance.sum())
    half = np.stack([rng.permutation(count) < n for n in drawn])
    sets = torch.from_numpy(np.concatenate([half, ~half]))
    return sets, torch.ones(len(sets), dtype=torch.float64)


def _solved(scores: Tensor, sets: Tensor, weights: Tensor) -> Tensor:
    """Weighted least squares `[B, K]` under the condition that values add up to the whole change.

    `scores` `[B, 2 + S]` are those of none, of all and of the sets.
    """
    none, change = scores[:, 0], scores[:, 1] - scores[:, 0]  # [B]
    x = sets.double()
    free, last = x[:, :-1] - x[:, -1:], x[:, -1]  # the last value follows from the others
    y = scores[:, 2:] - none[:, None] - change[:, None] * last  # [B, S]
    root = weights.sqrt()[:, None]
    found = torch.linalg.lstsq(root * free, root * y.T, driver="gelsd").solution.T
    return torch.cat([found, (change - found.sum(1))[:, None]], 1)


def _rise(given: Setup) -> Attribute:
    settings = given.settings
    samples, share = int(settings["samples"]), float(settings["share"])

    def attribute(batch: Batch) -> Tensor:
        height, width = planes(batch.images[:1]).shape[2:]
        rng = np.random.default_rng([given.subject.seed, _RISE])
        masks = _soft_masks(rng, (height, width), int(settings["cells"]), (samples, share))
        scores = kept_scores(given, batch, masks)  # [B, S]
        centred = scores - scores.mean(1, keepdim=True)
        lean = (masks - masks.mean(0)).flatten(1).double()  # [S, H·W]
        spread = lean.square().mean(0).clamp(min=1e-12)
        values = (centred @ lean / samples / spread).unflatten(1, (height, width))
        return spread_out(values.float(), batch.images)

    return attribute


def _soft_masks(
    rng: np.random.Generator, shape: tuple[int, int], cells: int, drawn: tuple[int, float]
) -> Tensor:
    """Random grids of cells that are left or not, enlarged and moved, `[S, H, W]` from 0 to 1."""
    samples, share = drawn
    if min(shape) < 4:
        return torch.from_numpy(rng.random((samples, *shape)) < share).float()
    sizes = [-(-side // min(cells, side)) for side in shape]  # pixels of a cell
    many = [-(-side // size) + 1 for side, size in zip(shape, sizes, strict=True)]
    grids = torch.from_numpy((rng.random((samples, 1, *many)) < share).astype(np.float32))
    large = [n * size for n, size in zip(many, sizes, strict=True)]
    smooth = torch.nn.functional.interpolate(grids, large, mode="bilinear")[:, 0]
    moved = np.stack([rng.integers(0, size, samples) for size in sizes], 1)
    return torch.stack(
        [
            one[top : top + shape[0], left : left + shape[1]]
            for one, (top, left) in zip(smooth, moved.tolist(), strict=True)
        ]
    )


_PARTS = {"segments": SEGMENTS, "shape": SHAPE}
METHODS = (
    Method(
        "shapley_sampling",
        _shapley,
        "mean, over random orders, of what a segment adds to those before it",
        "Castro et al. 2009; orders in opposite pairs: Mitchell et al. 2022",
        "where segments cut a part in two, and where half an image is unlike any image",
        options={**_PARTS, "permutations": Option(10, 1, 100_000, meaning="random orders")},
        complete=True,
        baseline="mean",
        random=True,
        runs=lambda settings: 17 * int(settings["permutations"]),
    ),
    Method(
        "kernel_shap",
        _kernel_shap,
        "weighted least squares of s on which segments are left",
        "Lundberg & Lee 2017, theorem 2",
        "with few samples, and wherever Shapley values do",
        options={**_PARTS, "samples": Option(512, 4, 1_000_000, meaning="sets of segments")},
        complete=True,
        baseline="mean",
        random=True,
        runs=lambda settings: int(settings["samples"]) // 3,
    ),
    Method(
        "rise",
        _rise,
        "slope of s on how much of a pixel a random soft mask leaves",
        "Petsiuk et al. 2018, eq. 6, less the mean",
        "with few masks: its noise falls as one over their root",
        options={
            "samples": Option(1000, 10, 1_000_000, meaning="masks"),
            "cells": Option(7, 2, 512, meaning="cells on a side of a mask"),
            "share": Option(0.5, 0.01, 0.99, meaning="share of the cells that is left"),
        },
        baseline="mean",
        random=True,
        runs=lambda settings: int(settings["samples"]) // 3,
    ),
)
