"""Keeps the examples that pages show: as pictures, or as the numbers that they are."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from holistic.lenses._pictures import (
    drawn_as_pictures,
    in_rows,
    pictures,
    planes,
    shown_values,
)
from holistic.study.subject import Subject

__all__ = ["shown_inputs"]

_CHANNELS = 400_000
"""Bytes that pictures of single channels may take."""


def shown_inputs(subject: Subject, rows: Tensor, single: np.ndarray) -> Mapping[str, np.ndarray]:
    """Return what stands for examples: arrays of `activation.examples`.

    Parameters
    ----------
    subject
        Whose examples.
    rows
        `[M]`, their places.
    single
        Places of those that are told of one by one; of pictures of many channels each is kept.
    """
    images = subject.images[rows]
    if subject.input_kind.pictures:
        if not drawn_as_pictures(subject):
            return {}
        plane = np.array(planes(subject.images[:1]).shape[2:])
        drawn = {
            "activation.images": pictures(images, subject.studied),
            "activation.image_plane": plane,
        }
        many = subject.input_kind.name == "channels"
        return drawn | (_channels(subject, single) if many else {})
    studied = in_rows(subject, subject.selection.images).double()
    ends = {}
    if subject.input_kind.name == "features":
        flat = studied.flatten(1)
        ends = {"activation.input_ends": torch.stack([flat.mean(0), flat.std(0)])}
    elif subject.input_kind.name == "series":
        ends = {"activation.input_ends": torch.stack([studied.amin((0, 2)), studied.amax((0, 2))])}
    kept = {name: part.float().cpu().numpy() for name, part in ends.items()}
    return {"activation.inputs": shown_values(subject, images), **kept}


def _channels(subject: Subject, single: np.ndarray) -> dict[str, np.ndarray]:
    """Each channel as a picture on its own scale, of as many examples as there is room for."""
    among = planes(subject.studied)
    some = single[: max(1, _CHANNELS // among[0].numel())]
    drawn = planes(subject.images[torch.from_numpy(some)])
    levels = [pictures(drawn[:, c], among[:, c]) for c in range(drawn.shape[1])]
    return {"activation.channels": np.stack(levels, 1), "activation.channel_ids": some}
