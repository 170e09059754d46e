"""Finds the part of the input that a unit sees from each of its positions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from holistic.graph.accompanied import accompanied, extras_of
from holistic.graph.sites import Site
from holistic.lenses._pictures import drawn_as_pictures, planes
from holistic.study.subject import Subject

__all__ = ["Field", "measured_box", "measured_field", "seen_boxes", "seen_weights"]

_DRAWS = 8
"""Random inputs in which a pixel that matters at all must show a gradient once."""


@dataclass(frozen=True)
class Field:
    """What the units of a site see: a box of one size that moves with the position.

    Attributes
    ----------
    plane
        Rows and columns of the input.
    anchor
        The position `(i, j)` at which the box was measured.
    box
        First row, first column, rows and columns there; it doesn't touch the border unless it is
        everything.
    stride
        Rows and columns of the input that the box moves by from one position to the next.
    """

    plane: tuple[int, int]
    anchor: tuple[int, int]
    box: tuple[int, int, int, int]
    stride: tuple[float, float]

    def at(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Return the boxes `[R, 4]` of positions `[R]`, cut off at the border."""
        sides = list[np.ndarray]()
        for axis, place in enumerate((rows, columns)):
            start = self.box[axis] + (place - self.anchor[axis]) * self.stride[axis]
            start = np.round(start).astype(np.int64)
            stop = np.clip(start + self.box[axis + 2], 0, self.plane[axis])
            sides += [np.clip(start, 0, self.plane[axis]), stop]
        top, bottom, left, right = sides
        return np.stack([top, left, bottom - top, right - left], axis=1)


def measured_box(
    subject: Subject, site: Site, position: tuple[int, ...], *, draws: int = _DRAWS
) -> tuple[int, int, int, int]:
    """Measure the box of input pixels that any unit of a site depends on at one position.

    Random inputs with the mean and the spread of the data are run, and a pixel belongs to the box
    where the gradient of a random sum of the units isn't zero in one of them. Random weights keep
    units from cancelling out; several inputs keep a silent ReLU from hiding a pixel.

    References
    ----------
    Luo et al. 2016, sect. 3 (receptive fields from gradients).
    """
    data = subject.images
    generator = torch.Generator().manual_seed(subject.seed)
    inputs = torch.randn(draws, *data.shape[1:], generator=generator).to(data.device)
    inputs = accompanied(inputs, extras_of(data[torch.arange(draws) % len(data)]))
    sample = data[:256].float()
    scale = sample.std() if sample.numel() > 1 else torch.ones(())
    # All over the range of the data, so that units that are silent on most inputs speak too.
    inputs = (inputs * scale * 3 + sample.mean()).to(data).requires_grad_()
    weights = torch.randn(site.units, generator=generator)
    with torch.enable_grad():
        value = subject.gradients.engine.run(inputs, [site.name])[1][site.name]  # [B, P…, U]
        seen = value[(slice(None), *position)]  # [B, U]
        total = (seen * weights.to(seen)).sum() + 0 * inputs.sum()  # a gradient in any case
        (gradient,) = torch.autograd.grad(total, inputs)
    touched = (planes(gradient) != 0).any(0).any(0).cpu().numpy()  # [H, W]
    if not touched.any():
        return (0, 0, 0, 0)
    spans = [np.flatnonzero(touched.any(axis)) for axis in (1, 0)]
    (top, bottom), (left, right) = ((int(s[0]), int(s[-1]) + 1) for s in spans)
    return top, left, bottom - top, right - left


def measured_field(subject: Subject, site: Site) -> Field | None:
    """Measure what a site with two axes of positions sees; None where that isn't a moving box.

    The stride comes from two neighbours of the middle, whose boxes the border cuts off only where
    they are larger than half of the input; then every position is said to see everything.
    """
    if len(site.positions) != 2 or not drawn_as_pictures(subject):
        return None
    if subject.gradients.note or subject.gradients.at(site.name):
        return None
    rows, columns = planes(subject.images[:1]).shape[2:]
    middle = (site.positions[0] // 2, site.positions[1] // 2)
    box = measured_box(subject, site, middle)
    everything = Field((rows, columns), middle, (0, 0, rows, columns), (0.0, 0.0))
    stride = list[float]()
    for axis in (0, 1):
        if site.positions[axis] < 2:
            return everything
        before = list(middle)
        before[axis] -= 1
        other = measured_box(subject, site, tuple(before))
        inside = all(
            b[axis] > 0 and b[axis] + b[axis + 2] < (rows, columns)[axis] for b in (box, other)
        )
        if not inside or other[axis + 2] != box[axis + 2]:
            return everything
        stride.append(float(box[axis] - other[axis]))
    return Field((rows, columns), middle, box, (stride[0], stride[1]))


def seen_boxes(subject: Subject, site: Site, peaks: np.ndarray) -> np.ndarray:
    """Return the boxes `[R, 4]` (first row, first column, rows, columns) of flat positions `[R]`.

    NaN where units don't repeat over a plane or the inputs aren't pictures.
    """
    field = measured_field(subject, site) if (peaks >= 0).all() else None
    if field is None:
        return np.full((len(peaks), 4), np.nan)
    rows, columns = np.unravel_index(peaks, site.positions)
    return field.at(np.asarray(rows), np.asarray(columns))


def seen_weights(subject: Subject) -> Tensor | None:
    """Return the weights `[U, H, W]` of the first layer as pictures, None where it has none.

    A linear layer over all pixels gives one picture of the size of the input a unit, a convolution
    over its channels one of the size of its kernel; several channels stand side by side, since an
    average would hide a filter for colours.
    """
    data = subject.images
    if not drawn_as_pictures(subject):
        return None
    channels = planes(data[:1]).shape[1]
    modules = dict(subject.model.named_modules())
    for site in subject.engine.sites:  # in the order in which they run, not in which they are kept
        module = modules.get(site.name)
        if isinstance(module, torch.nn.Linear) and module.in_features == data[0].numel():
            weight = module.weight.detach().reshape(-1, *data.shape[1:])
            return _side_by_side(planes(weight))
        if isinstance(module, torch.nn.Conv2d) and module.in_channels == channels:
            return _side_by_side(module.weight.detach())
        if isinstance(module, (torch.nn.Linear, torch.nn.Conv2d)):
            return None
    return None


def _side_by_side(weight: Tensor) -> Tensor:
    """Lay the channels of `[U, channels, H, W]` out in a row, `[U, H, channels · W]`."""
    return weight.float().movedim(1, 2).flatten(2).cpu()
