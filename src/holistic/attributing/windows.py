"""Methods that erase parts of an image and watch the score: occlusion, by windows or segments."""

from __future__ import annotations

import torch
from torch import Tensor

from holistic.attributing.masked import kept_scores, segments_of, spread_out
from holistic.attributing.method import Attribute, Batch, Method, Option, Setup
from holistic.study.planes import planes

__all__ = ["METHODS", "SEGMENTS", "SHAPE"]

SEGMENTS = Option(None, 2, 4096, meaning="about how many segments; a side of seven by default")
SHAPE = Option("auto", allowed=("auto", "grid", "slic"), meaning="squares, or shapes of a colour")


def _windows(height: int, width: int, size: int, stride: int) -> Tensor:
    """Every place of a window, `[K, H, W]` bool; those at the border are moved inside."""
    tall, wide = min(size, height), min(size, width)
    found = list[Tensor]()
    for top in _starts(height, tall, stride):
        for left in _starts(width, wide, stride):
            mask = torch.zeros(height, width, dtype=torch.bool)
            mask[top : top + tall, left : left + wide] = True
            found.append(mask)
    return torch.stack(found)


def _starts(length: int, size: int, stride: int) -> list[int]:
    return sorted({*range(0, length - size + 1, stride), length - size})


def _occlusion(given: Setup) -> Attribute:
    def attribute(batch: Batch) -> Tensor:
        height, width = planes(batch.images[:1]).shape[2:]
        size = given.settings["window"] or max(1, round(max(height, width) / 7))
        stride = max(1, int(size) // int(given.settings["overlap"]))
        return _erased(given, batch, _windows(height, width, int(size), stride))

    return attribute


def _ablation(given: Setup) -> Attribute:
    def attribute(batch: Batch) -> Tensor:
        height, width = planes(batch.images[:1]).shape[2:]
        return _erased(given, batch, _windows(height, width, 1, 1))

    return attribute


def _erased(given: Setup, batch: Batch, windows: Tensor) -> Tensor:
    """What the score loses without each window, shared out among its pixels, `[B, …]`.

    Each pixel holds the mean over the windows that cover it.
    """
    whole = given.points.scores_of(batch.images, batch.targets)  # [B]
    lost = whole[:, None] - kept_scores(given, batch, ~windows)  # [B, K]
    covered = windows.flatten(1).float()  # [K, H·W]
    share = lost.float() @ covered / covered.sum(0).clamp(min=1)
    return spread_out(share.unflatten(1, tuple(windows.shape[1:])), batch.images)


def _occlusion_superpixel(given: Setup) -> Attribute:
    def attribute(batch: Batch) -> Tensor:
        segments = segments_of(given.subject, batch.images, given.settings)  # [B, H, W]
        count = int(segments.max()) + 1
        own = segments[:, None] == torch.arange(count)[:, None, None]  # [B, K, H, W]
        whole = given.points.scores_of(batch.images, batch.targets)
        lost = whole[:, None] - kept_scores(given, batch, ~own)  # [B, K]
        sizes = own.flatten(2).sum(2).clamp(min=1)
        values = torch.einsum("bk,bkhw->bhw", (lost / sizes).float(), own.float())
        return spread_out(values, batch.images)

    return attribute


METHODS = (
    Method(
        "occlusion",
        _occlusion,
        "mean over windows around a pixel of s(x) - s(x without the window)",
        "Zeiler & Fergus 2014, section 4.1",
        "where two parts stand in for each other, and where the fill is itself a sign of a class",
        options={
            "window": Option(None, 1, 4096, meaning="pixels on a side; a seventh by default"),
            "overlap": Option(2, 1, 64, meaning="windows that cover a pixel, along each axis"),
        },
        baseline="mean",
        audit_options={"overlap": 1},
        runs=lambda _: 60,
        audited=True,
    ),
    Method(
        "occlusion_superpixel",
        _occlusion_superpixel,
        "s(x) - s(x without the segment), shared out among its pixels",
        "Zeiler & Fergus 2014; segments: Achanta et al. 2012",
        "as occlusion, and where a segment cuts a part in two",
        options={"segments": SEGMENTS, "shape": SHAPE},
        baseline="mean",
        runs=lambda _: 16,
    ),
    Method(
        "feature_ablation",
        _ablation,
        "s(x) - s(x without the pixel or feature)",
        "Robnik-Šikonja & Kononenko 2008",
        "on pictures, where no single pixel matters",
        baseline="mean",
        runs=lambda _: 256,
    ),
)
