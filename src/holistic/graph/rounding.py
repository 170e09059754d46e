"""Tells differences by rounding from others, by moving weights in their last place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from holistic.graph.wrapped import Wrapped

__all__ = ["beyond_rounding", "close"]

TOLERANCE = 1e-5
"""Largest relative difference of two results (float32; scaled by the dtype)."""

_UNITS, _TIMES, _DRAWS = 4, 16, 3
"""Units in the last place, and times the measured noise, that are rounding; draws of the noise."""


def close(got: Tensor, expected: Tensor) -> bool:
    """Whether two tensors agree to rounding, relative to the largest value."""
    if got.shape != expected.shape or got.dtype != expected.dtype:
        return False
    if not got.is_floating_point() and not got.is_complex():
        return torch.equal(got, expected)
    if got.is_complex():
        got, expected = torch.view_as_real(got), torch.view_as_real(expected)
    finite = expected[expected.isfinite()]
    if finite.numel() == 0:
        return torch.equal(got.isnan(), expected.isnan())
    coarser = max(1.0, torch.finfo(got.dtype).eps / torch.finfo(torch.float32).eps)
    bound = TOLERANCE * coarser * max(float(finite.abs().max()), 1e-6)
    return bool(torch.isclose(got, expected, rtol=0, atol=bound, equal_nan=True).all())


def beyond_rounding(wrapped: Wrapped, images: Tensor, got: Tensor, expected: Tensor) -> bool:
    """Whether logits differ by more than the order in which numbers are added up can explain.

    Rounding makes each product wrong by up to half a unit in its last place. How much of that
    reaches the logits depends on depth, type and conditioning of the model, so it is measured:
    every weight and input is moved by up to one unit, at random.

    Parameters
    ----------
    wrapped
        The model, inside `evaluating`: its weights are put back at the end of that.
    images
        `[B, …]`.
    got, expected
        Logits `[R, C]` of the same images, computed in two ways.
    """
    if not bool((got.isfinite() == expected.isfinite()).all()):
        return True
    difference = (got - expected).abs().nan_to_num()
    unit = torch.finfo(expected.dtype).eps * float(expected.abs().nan_to_num().max())
    worst = float(difference.max())
    return worst > _UNITS * unit and worst > _TIMES * _noise(wrapped, images) + _UNITS * unit


def _noise(wrapped: Wrapped, images: Tensor) -> float:
    """Largest change of the logits when all weights and inputs move in their last place."""
    generator = torch.Generator().manual_seed(0)
    tensors = [t for t in (*wrapped.parameters(), *wrapped.buffers()) if t.is_floating_point()]
    own = [t.data for t in tensors]
    before, most = wrapped.logits(images), 0.0
    try:
        for _ in range(_DRAWS):
            for tensor, value in zip(tensors, own, strict=True):
                tensor.data = _moved(value, generator)
            after = wrapped.logits(_moved(images, generator))
            most = max(most, float((after - before).abs().nan_to_num().max()))
    finally:
        for tensor, value in zip(tensors, own, strict=True):
            tensor.data = value
    return most


def _moved(value: Tensor, generator: torch.Generator) -> Tensor:
    if not value.is_floating_point():
        return value
    drawn = torch.rand(value.shape, generator=generator, dtype=torch.float64, device="cpu")
    drawn = 2 * drawn.to(value.device) - 1
    return (value.double() * (1 + torch.finfo(value.dtype).eps * drawn)).to(value.dtype)
