"""What do masking and pasting say, from their definition, an image and a pixel at a time?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn


def with_region(receiver: Tensor, donor: Tensor, mask: np.ndarray) -> Tensor:
    """The receiver `[C, H, W]`, with the donor's pixels where the mask `[H, W]` is."""
    made = receiver.clone()
    for down, across in np.argwhere(mask):
        for channel in range(len(receiver)):
            made[channel, down, across] = donor[channel, down, across]
    return made


def margin(model: nn.Module, image: Tensor, label: int) -> float:
    """The class's logit minus the largest other one."""
    with torch.no_grad():
        logits = model(image[None])[0].double()
    return float(logits[label] - max(logits[c] for c in range(len(logits)) if c != label))


def exchanged(
    model: nn.Module,
    images: Tensor,
    mask: np.ndarray,
    pairs: Sequence[tuple[int, int]],
    label: int,
) -> list[float]:
    """Margins of receivers that got their donors' pixels."""
    return [margin(model, with_region(images[r], images[d], mask), label) for r, d in pairs]


def lost(before: Sequence[float], after: Sequence[float]) -> float:
    """Share of images that were right and are no longer, less the other way round."""
    count = 0
    for a, b in zip(before, after, strict=True):
        count += (a > 0) - (b > 0)
    return count / len(before)
