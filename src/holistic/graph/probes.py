"""Inputs on which a model is looked into."""

from __future__ import annotations

import torch
from torch import Tensor

from holistic.graph.wrapped import Wrapped

__all__ = ["probes", "spread"]

_COUNTS = (5, 7, 11, 13, 17, 19, 23, 29, 31, 37)


def spread(images: Tensor, wanted: int) -> Tensor:
    """Return some of the images `[N, …]`, from all over the data and in no order.

    Labels or values may be sorted; where there are few images some are there twice.
    """
    places = torch.linspace(0, len(images) - 1, wanted).round().long()
    return images[places[torch.randperm(wanted, generator=torch.Generator().manual_seed(0))]]


def probes(wrapped: Wrapped, images: Tensor) -> Tensor:
    """Return a few images, as many as no axis of the model or of an image is long.

    So the axis of the examples can be told from all others.
    """
    lengths = set(images.shape[1:])
    for tensor in (*wrapped.parameters(), *wrapped.buffers()):
        lengths.update(tensor.shape)
    return spread(images, next((n for n in _COUNTS if n not in lengths), _COUNTS[-1]))
