"""Checks that larger batches than those tried still give each image its own logits."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from holistic.errors import ModelError

__all__ = ["Sizes"]

_ROWS = 3
_TOLERANCE = 1e-3
"""Largest relative difference that is rounding (float32; scaled by the type)."""


class Sizes:
    """Keeps the size of the largest batch that is known to be right.

    A model whose code does something else from some number of images on is tried on a few sizes
    when it is handed over; the first batch above those is compared with some of its images alone.
    """

    def __init__(self, largest: int) -> None:
        self.largest = largest

    def check(self, images: Tensor, logits: Tensor, again: Callable[[Tensor], Tensor]) -> None:
        """Compare the logits `[B, C]` of a batch `[B, …]` with those of some of its images.

        Raises
        ------
        ModelError
            If they differ.
        """
        count = len(images)
        if count <= self.largest:
            return
        rows = torch.linspace(0, count - 1, _ROWS, device=images.device).round().long()
        own, few = logits.detach()[rows.to(logits.device)], again(images[rows]).detach()
        unit = max(_TOLERANCE, 32 * torch.finfo(own.dtype).eps)
        bound = unit * float(own.abs().nan_to_num().max())
        if not torch.isclose(own, few, rtol=0, atol=bound, equal_nan=True).all():
            difference = float((own - few).abs().nan_to_num().max())
            raise ModelError(
                f"the logits of an image differ by {difference:.2g} between a batch of {count} and "
                f"one of {_ROWS}; the model must tell each image by itself: look for what its "
                "forward does with the size of the batch"
            )
        self.largest = count
