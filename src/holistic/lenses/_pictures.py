"""Lays an example's input out as a picture."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from holistic.spool import ends
from holistic.study.planes import flat_planes, planes
from holistic.study.presented import steps_first

if TYPE_CHECKING:
    from holistic.study.subject import Subject

__all__ = [
    "are_pictures", "drawn_as_pictures", "flat_planes", "in_rows", "one_plane", "pictures",
    "planes", "shown_values",
]  # fmt: skip

_MOST_BYTES = 64 << 20
"""Bytes that the pictures of one finding may hold; larger ones are made smaller."""
_STEPS = 400
"""Steps of a series that are shown."""
_COLOURED = 512
"""So many examples say how colours differ."""
_BALANCED = 1e-3
"""Weights of colours that add up to less are of both signs alike."""


def in_rows(subject: Subject, images: Tensor) -> Tensor:
    """Examples that are no pictures as `[M, channels, steps]`; features and tokens have one row."""
    if images.dim() == 2:
        return images[:, None]
    turned = steps_first(subject.all_sites, images.shape[1:])
    return images.movedim(1, 2) if turned else images


def shown_values(subject: Subject, images: Tensor) -> np.ndarray:
    """Return what pages show of them, float32: of long series steps that are evenly spread."""
    values = in_rows(subject, images)
    return values[..., :: -(-values.shape[2] // _STEPS)].float().cpu().numpy()


def are_pictures(images: Tensor) -> bool:
    """Say whether inputs `[N, …]` can be looked at: numbers over a plane of at least 4 × 4."""
    return images.is_floating_point() and min(planes(images[:1]).shape[2:]) >= 4


def drawn_as_pictures(subject: Subject) -> bool:
    """Say whether a subject's examples are looked at as pictures."""
    return subject.input_kind.pictures and are_pictures(subject.images)


def one_plane(values: Tensor, among: Tensor) -> Tensor:
    """Bring planes to one channel: the mixture of channels in which pixels differ most.

    An average would leave nothing of red on a blue of the same brightness.

    Parameters
    ----------
    values
        `[B, channels, H, W]`.
    among
        `[N, channels, H, W]`, the data whose pixels decide.

    Returns
    -------
    Tensor
        `[B, 1, H, W]`: the first principal component of the pixels' colours, with weights whose
        sizes add up to 1, so that equal channels give what each of them holds.
    """
    channels = values.shape[1]
    if channels == 1:
        return values
    some = among[:: max(1, len(among) // _COLOURED)]
    colours = some.movedim(1, -1).flatten(0, -2).double()  # [N·H·W, channels]
    spread = colours.T.cov().nan_to_num()
    weights = torch.linalg.eigh(spread).eigenvectors[:, -1]
    if not float(spread.diagonal().sum()) > 0:
        weights = torch.ones_like(weights)
    total = float(weights.sum())
    sign = total if abs(total) > _BALANCED else float(weights[weights.abs().argmax()])
    weights = (weights * math.copysign(1.0, sign) / weights.abs().sum()).to(values)
    return torch.einsum("bchw,c->bhw", values, weights)[:, None]


def pictures(images: Tensor, among: Tensor) -> np.ndarray:
    """Draw inputs in 256 levels.

    Parameters
    ----------
    images
        `[M, …]`, inputs to draw.
    among
        `[N, …]`, the data whose smallest value becomes 0 and whose largest becomes 255.

    Returns
    -------
    np.ndarray
        uint8 `[M, H, W]`, or `[M, H, W, 3]` for inputs with three channels; of another number of
        channels, their `one_plane`. Sides are divided by a whole number where M pictures would be
        large.
    """
    drawn, among = planes(images).float(), planes(among)
    if drawn.shape[1] not in (1, 3):
        among = among.float()
        drawn, among = (one_plane(part, among) for part in (drawn, among))
    shrink = math.ceil(math.sqrt(drawn.numel() / _MOST_BYTES))
    if shrink > 1:
        drawn = torch.nn.functional.avg_pool2d(drawn, shrink, ceil_mode=True)
    low, high = (float(end) for end in ends(among))
    levels = (drawn - low) / (high - low or 1.0) * 255
    levels = levels.round().clamp(0, 255).to(torch.uint8).cpu().movedim(1, -1).cpu().numpy()
    return np.ascontiguousarray(levels if levels.shape[-1] == 3 else levels[..., 0])
