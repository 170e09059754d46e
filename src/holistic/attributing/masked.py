"""Scores images of which only some parts are left, and cuts images into segments."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from holistic.attributing.method import Batch, Setup
from holistic.graph.accompanied import accompanied, apart
from holistic.graph.loops import batches
from holistic.study.planes import flat_planes, planes
from holistic.study.subject import Subject

__all__ = ["kept_scores", "segments_of", "spread_out"]

_SIDE = 7
_SMALL = 32
"""Sides below which a colour's shapes are a few pixels, and squares do as well."""


@torch.no_grad()
def kept_scores(given: Setup, batch: Batch, kept: Tensor) -> Tensor:
    """Score each image with the baseline where a mask isn't, `[B, K]` float64.

    Parameters
    ----------
    given, batch
        Model and images; channels of a pixel go together.
    kept
        `[K, H, W]` bool or shares from 0 to 1, or `[B, K, H, W]` for masks of each image's own.
    """
    plain, extras = apart(batch.images)
    x, fill = planes(plain), planes(apart(batch.baselines)[0].to(plain))  # [B, C, H, W]
    own = kept.dim() == 4
    count = kept.shape[1] if own else kept.shape[0]
    found = torch.empty(len(x) * count, dtype=torch.float64)
    for part in batches(len(found), given.rows):
        places = torch.arange(part.start, part.stop)
        rows, masks = places // count, places % count
        mask = (kept[rows, masks] if own else kept[masks])[:, None].to(x.device)  # [R, 1, H, W]
        if mask.dtype == torch.bool:
            mixed = torch.where(mask, x[rows], fill[rows])
        else:
            mixed = fill[rows] + mask.to(x.dtype) * (x[rows] - fill[rows])
        mixed = flat_planes(mixed, plain.shape[1:])
        mixed = accompanied(mixed, {name: t[rows.to(t.device)] for name, t in extras.items()})
        found[part] = given.points.scores_of(mixed, batch.targets[rows])
    return found.unflatten(0, (len(x), count))


def spread_out(values: Tensor, images: Tensor) -> Tensor:
    """Share what a pixel counts for, `[B, H, W]`, out among its channels: `[B, …]`."""
    channels = planes(images[:1]).shape[1]
    each = (values / channels)[:, None].expand(-1, channels, -1, -1)
    return flat_planes(each, images.shape[1:])


def segments_of(subject: Subject, images: Tensor, settings: Mapping[str, Any]) -> Tensor:
    """Cut each image into segments numbered from 0 on, `[B, H, W]`.

    They are squares of a grid, or of one colour each where pictures are large enough. Rows of
    features, steps or tokens are cut into pieces of neighbours, single ones where they are few.
    """
    x = planes(apart(images)[0])
    height, width = x.shape[2:]
    wanted = settings["segments"]
    shape = settings["shape"]
    colours = shape == "slic" or (shape == "auto" and min(height, width) >= _SMALL)
    if colours and min(height, width) >= 4 and images.is_floating_point():
        return torch.stack([_slic(one, int(wanted or _SIDE**2)) for one in x])
    if min(height, width) < 4:
        return _pieces(height, width, int(wanted or 64)).expand(len(x), -1, -1)
    side = round((wanted or _SIDE**2) ** 0.5)
    down, across = (torch.arange(n) * min(side, n) // n for n in (height, width))
    return (down[:, None] * min(side, width) + across).expand(len(x), -1, -1)


def _pieces(height: int, width: int, wanted: int) -> Tensor:
    places = torch.arange(height * width)
    return (places * min(wanted, len(places)) // len(places)).reshape(height, width)


def _slic(image: Tensor, count: int) -> Tensor:
    """Segments of about one colour, `[H, W]`, by k-means over places and colours."""
    from skimage.segmentation import slic

    values = image.double().movedim(0, -1).cpu().numpy()  # [H, W, C]
    low, high = values.min(), values.max()
    values = (values - low) / (high - low or 1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = slic(values, n_segments=count, compactness=0.1, channel_axis=-1, start_label=0)
    return torch.from_numpy(np.unique(found, return_inverse=True)[1].reshape(found.shape))
